"""Replay and our Faust worker with the same fold and log, beside Quix Streams: `python -m tests.bench.worker`.

CPU time of the process that folds, from when it begins to take records; everything is in the log already. Quix Streams
comes into an environment of its own in a temporary folder.
"""

import argparse
import json
import os
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import msgspec
import psutil

from infra.config import Settings, load_settings
from infra.kafka import ConfluentRegistry, Publisher, connect_codec, ensure_topics
from infra.local.stack import down, up
from schemas.avro import schema_text
from schemas.records import TrackUpdate
from schemas.site import load_site
from schemas.topics import TRACK_UPDATES
from streams.replay.run import Asked
from streams.replay.run import replay as replaying
from tests.bench.peers import NotThere, environment
from tests.bench.report import ROUNDS, Figure, Report, paired
from tests.bench.step import busy_shop, busy_site
from tests.streams_process import ROOT, Process, not_taken, wait_until

CAMERAS, DAY, HZ = ["till-1", "till-2", "till-3", "till-4"], "2026-03-02", 10
REPLAY, FAUST, QUIX = "replay", "our Faust worker", "Quix Streams"
GOAL = 2.5
"""Replay is to be so many times as fast as the Faust worker."""


@dataclass(frozen=True)
class Bench:
    """A log that was published, and where what reads it keeps its files."""

    stack: Path
    folder: Path
    records: int

    @property
    def site(self) -> Path:
        """The cameras' site file."""
        return self.folder / "site.json"

    def settings(self, group: str = "bench") -> Settings:
        """With a consumer group and a folder of its own."""
        return load_settings(stack_dir=self.stack, data_dir=self.folder / group, consumer_group=group)

    def publish(self) -> None:
        """The same shop before each camera."""
        self.site.write_text(json.dumps(busy_site(CAMERAS)))
        settings = self.settings()
        ensure_topics(settings)
        publisher = Publisher(settings, connect_codec(settings))
        for update in busy_shop(seconds=(self.records // len(CAMERAS) - 1) / HZ).log():
            for camera_id in CAMERAS:
                publisher.publish(TRACK_UPDATES, camera_id, msgspec.structs.replace(update, camera_id=camera_id))
        publisher.flush()

    def replay(self) -> float:
        """Records per second of CPU of a replay in this process."""
        began, version = process_time(), _name()
        asked = Asked(CAMERAS, [DAY], processes=1)
        summary = replaying(self.settings(), load_site(self.site), asked, version=version, out=self.folder)
        summary.check()
        assert sum(outcome.records for outcome in summary.outcomes) == self.records
        return self.records / (process_time() - began)

    def faust(self) -> float:
        """Of our worker, which also joins the events that it makes; from when its partitions are its own."""
        settings = self.settings(_name())
        with Process(settings, self.stack, self.site, "worker") as worker:
            wait_until(lambda: worker.says("are ours"))
            process = psutil.Process(worker.pid)
            began = _cpu_s(process)
            wait_until(lambda: not_taken(settings, [TRACK_UPDATES]) == 0, [worker])
            return self.records / (_cpu_s(process) - began)

    def quix(self, python: Path) -> float:
        """Of the same fold in Quix Streams, from its first record."""
        settings, group = self.settings(), _name()
        schema_id = ConfluentRegistry(settings).register(TRACK_UPDATES.subject, schema_text(TrackUpdate))
        argv = [str(python), "-m", "tests.bench.quix", "--servers", settings.kafka.bootstrap_servers]
        argv += ["--topic", TRACK_UPDATES.name, "--group", group, "--schema-id", str(schema_id)]
        argv += ["--records", str(self.records), "--site", str(self.site), "--folder", str(self.folder / group)]
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        said = subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout
        return self.records / float(said.split()[-1])


def _name() -> str:
    return f"bench-{uuid.uuid4().hex[:8]}"


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worker", description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--stack", type=Path, help="servers that run already, with an empty log")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="trackfold-worker-") as name:
        folder = Path(name)
        stack = given.stack or folder / "stack"
        if given.stack is None:
            up(stack, say=print)
        try:
            bench = Bench(stack, folder, given.records // len(CAMERAS) * len(CAMERAS))
            bench.publish()
            peers: dict[str, Callable[[], float]] = {REPLAY: bench.replay, FAUST: bench.faust}
            without = None
            try:
                python = environment(folder / "quix", ["quixstreams", "msgspec", "fastavro", "pyyaml", "tzdata"])
                peers[QUIX] = lambda: bench.quix(python)
            except NotThere as error:
                without = str(error)
            tell(bench, paired(peers, given.rounds), without)
        finally:
            if given.stack is None:
                down(stack, say=print)


def tell(bench: Bench, found: dict[str, Figure], without: str | None) -> None:
    """Write the page."""
    report = Report("worker", "The same fold in replay, in our Faust worker and in Quix Streams")
    report.text(
        f"{bench.records:,} records of ten tracks, of {len(CAMERAS)} cameras, in a real Kafka; one process, CPU time "
        "from when it begins to take records. The worker and Quix Streams load and dump the state with every record "
        "and keep it in a changelog; the worker also joins the events it makes. Replay holds the state and writes its "
        "events to files."
    )
    if without:
        report.text(f"No Quix Streams to compare with: {without}.")
    report.table(
        ("what", "records per second of CPU", "us of CPU per record", "replay is so many times as fast"),
        [(n, one.shown(), f"{1e6 / one.median:.0f}", found[REPLAY].times(one)) for n, one in found.items()],
    )
    times = float(found[REPLAY].times(found[FAUST]))
    verdict = "reached" if times >= GOAL else "missed"
    report.text(f"Replay is to be {GOAL} times our worker per core. It is {times:.2f} times: {verdict}.")
    report.bars("records per second of CPU", found)
    report.write()


if __name__ == "__main__":
    main()
