"""Two streams workers under backlog, one joining and one leaving: every record is folded once, and none is missing."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.config import Settings, load_settings
from infra.kafka import connect_codec, ensure_topics, read_to_end
from schemas.codec import Codec
from schemas.records import CustomerVisit
from schemas.topics import TRACK_UPDATES
from streams.joining import SOURCES
from streams.progress import further, load_entry
from streams.store import changelog
from tests.streams_fakes import updates
from tests.streams_process import Process, Watch, not_taken, publish, wait_until, write_site
from tests.streams_worker import EVERY

CAMERAS = 4
PART = EVERY
"""So many records of each camera are published at once."""
BACKLOG = 2500


class Feed:
    """Keeps a backlog before the workers, however fast they are."""

    def __init__(self, settings: Settings, codec: Codec, cameras: list[str]) -> None:
        self._settings, self._codec, self._cameras = settings, codec, cameras
        self.published = 0
        """Of each camera."""

    def keep_ahead(self, folded: int) -> None:
        """Publish until there are BACKLOG records more than were folded."""
        while self.published * CAMERAS < folded + BACKLOG:
            self._publish(ended=False)

    def end(self) -> None:
        """The last records of each camera."""
        self._publish(ended=True)

    def _publish(self, *, ended: bool) -> None:
        logs = [updates(camera, PART, first=self.published, ended=ended) for camera in self._cameras]
        publish(self._settings, self._codec, [update for together in zip(*logs, strict=True) for update in together])
        self.published += PART


@pytest.mark.timeout(600)
def test_one_worker_joins_and_the_other_leaves_under_backlog(
    stack_dir: Path, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    # given several cameras whose log is always further than the workers are
    name = f"w{uuid.uuid4().hex[:8]}"
    settings = load_settings(stack_dir=stack_dir, data_dir=tmp_path / "data", consumer_group=name)
    codec = connect_codec(settings)
    ensure_topics(settings)
    cameras = [f"{name}-{number}" for number in range(CAMERAS)]
    site = write_site(tmp_path, [{"camera_id": camera} for camera in cameras])
    watch, feed = Watch(settings, codec, CustomerVisit, cameras), Feed(settings, codec, cameras)

    def stated() -> int:
        """How many counts were published, each once; the feed goes on meanwhile."""
        distinct = len({visit.visit_id for visit in watch.read()})
        feed.keep_ahead(distinct * EVERY)
        return distinct

    def goes_on(workers: list[Process], parts: int) -> None:
        begun = stated()
        wait_until(lambda: stated() >= begun + parts, workers)

    # when a second worker joins the first in the middle of its work, and then the first leaves
    with Process(settings, stack_dir, site, "first", counting=True) as first:
        goes_on([first], 5)
        with Process(settings, stack_dir, site, "second", counting=True) as second:
            wait_until(lambda: stated() > 0 and second.says("are ours"), [first, second])
            goes_on([first, second], 20)
            assert first.stop()[0] == 0
            goes_on([second], 20)
            feed.end()
            watch.until(lambda found: len({v.camera_id for v in found if v.served}) == CAMERAS, workers=[second])
            wait_until(lambda: not_taken(settings, (TRACK_UPDATES, *SOURCES)) == 0, [second])
            assert second.stop()[0] == 0

    # then every camera counts each of its records once, with none missing before any of them
    ends = {visit.camera_id: (visit.customer_id, visit.waited_s) for visit in watch.read() if visit.served}
    figures(f"two workers: {feed.published * CAMERAS} records published, {sum(n for n, _ in ends.values())} folded")
    assert ends == dict.fromkeys(cameras, (feed.published, 0.0))

    # and what is stored stands at the last record
    held: dict[str, bytes] = {}
    for message in read_to_end(settings, changelog(f"{name}-streams", "cameras")):
        key = (message.key() or b"").decode()
        held[key] = further(held.get(key), message.value() or b"")
    entries = {key: load_entry(value) for key, value in held.items() if key.startswith(name)}
    stands = {key: (entry.last.sequence if entry.last else None, entry.behind) for key, entry in entries.items()}
    assert stands == {f"{camera}|live": (feed.published - 1, False) for camera in cameras}

    # and whatever was published twice has the same bytes
    assert len({body for _, body in watch.bodies}) == CAMERAS * feed.published // EVERY
    watch.close()
