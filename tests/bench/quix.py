"""Our fold in Quix Streams, run by tests.bench.worker in an environment that has it: python -m tests.bench.quix --help.

As our worker does it: decode, load the state, step, dump the state, publish the events. Prints the CPU seconds from the
first record to the end.
"""

import argparse
import importlib
from contextlib import suppress
from pathlib import Path
from time import process_time
from typing import Any

from schemas.codec import Codec, MemoryRegistry
from schemas.records import TrackUpdate
from schemas.site import load_site
from streams.book import RulesBook
from streams.progress import CAMERA_FOLD, advance


class OneSchema(MemoryRegistry):
    """Says of the one schema that it has which number it was registered under."""

    def __init__(self, schema_id: int) -> None:
        super().__init__()
        self._schema_id = schema_id

    def register(self, subject: str, schema: str) -> int:
        """The number given."""
        return self._schema_id


def main() -> None:
    """Fold so many records and stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quix")
    for text in ("servers", "topic", "group"):
        parser.add_argument(f"--{text}", required=True)
    for number in ("schema-id", "records"):
        parser.add_argument(f"--{number}", type=int, required=True)
    for path in ("site", "folder"):
        parser.add_argument(f"--{path}", type=Path, required=True)
    given = parser.parse_args()
    site = load_site(given.site)
    rules = [site.effective_rules(camera.camera_id) for camera in site.cameras]
    book = RulesBook({law.camera_id: law for law in rules}, {law.version: law for law in rules})
    codec, events_codec = Codec(OneSchema(given.schema_id)), Codec(MemoryRegistry())
    codec.register_all([TrackUpdate])
    quix: Any = importlib.import_module("quixstreams")
    not_there: Any = importlib.import_module("quixstreams.models.topics.exceptions").TopicNotFoundError
    app: Any = None
    folded, began = 0, 0.0

    def fold(value: bytes, state: Any) -> list[bytes]:
        nonlocal folded, began
        began = began or process_time()
        held = state.get_bytes("state")
        before = None if held is None else CAMERA_FOLD.load(held)
        outcome = advance(CAMERA_FOLD, before, codec.decode(value, TrackUpdate), book, (), complete=True)
        assert isinstance(outcome, tuple), outcome
        state.set_bytes("state", CAMERA_FOLD.dump(outcome[0]))
        folded += 1
        if folded == given.records:
            app.stop()
        return [events_codec.encode(event) for event in outcome[1]]

    def built() -> Any:
        app = quix.Application(
            broker_address=given.servers,
            consumer_group=given.group,
            auto_offset_reset="earliest",
            commit_interval=1.0,
            state_dir=given.folder,
            loglevel="WARNING",
        )
        events = app.topic(f"{given.group}-events", value_serializer="bytes")
        updates = app.topic(given.topic, value_deserializer="bytes")
        app.dataframe(updates).apply(fold, stateful=True, expand=True).to_topic(events)
        return app

    while app is None:
        with suppress(not_there):  # a broker that has just made a topic may not say so yet
            app = built()
    app.run()
    assert folded == given.records, folded
    print(process_time() - began)


if __name__ == "__main__":
    main()
