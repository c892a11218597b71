"""How fast a replay goes beside a loop that only decodes, and what memory it takes: `python -m tests.bench.replay`.

The records hold ten tracks each: a counter with staff and customers, a queue, people who walk about; four cameras in
partitions of their own. Every figure is that of a process of its own, over the same stretch of a real topic.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from confluent_kafka import TopicPartition

from infra.config import Settings, load_settings
from infra.kafka import Publisher, connect_codec, consumer, ensure_topics
from infra.local.stack import down, up
from infra.partitions import partition_of
from schemas.records import Position, TrackUpdate
from schemas.site import Site
from schemas.topics import ALL, Topic
from streams.replay.run import Asked, replay
from tests.bench.report import Figure, Report, paired
from tests.bench.step import busy_shop, busy_site

CAMERAS, DAY, BATCH = 4, "2026-03-02", 1000


@dataclass(frozen=True)
class Bench:
    """A log that was published."""

    stack: Path
    folder: Path
    topic: str
    records: int

    @property
    def settings(self) -> Settings:
        """Of the servers that hold it."""
        return load_settings(stack_dir=self.stack, data_dir=self.folder, consumer_group="bench")

    @property
    def log(self) -> Topic:
        """With a partition for each camera."""
        return Topic(self.topic, "camera_id", TrackUpdate, "A benchmark's log.", 24 * 3_600_000, partitions=CAMERAS)

    def measured(self, what: str) -> dict[str, float]:
        """records/s by the clock and by CPU time, and the peak memory in MB, of a process of its own."""
        argv = [sys.executable, "-m", "tests.bench.replay", "--child", what, "--stack", str(self.stack)]
        argv += ["--folder", str(self.folder), "--topic", self.topic, "--records", str(self.records)]
        found = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
        measured: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
        return measured


def cameras() -> list[str]:
    """One for each partition."""
    found: dict[int, str] = {}
    for number in range(1000):
        found.setdefault(partition_of(f"camera-{number}", CAMERAS), f"camera-{number}")
    return sorted(found.values())


def updates(camera_id: str) -> Iterator[TrackUpdate]:
    """The busy shop over and over, in an epoch of its own each time."""
    scene = busy_shop().log()
    length_ms, previous = scene[-1].captured_at - scene[0].captured_at + 100, None
    for turn in range(280):
        epoch = scene[0].captured_at - 6 * 3_600_000 + turn * length_ms
        for number, update in enumerate(scene):
            at = epoch + update.captured_at - scene[0].captured_at
            yield msgspec.structs.replace(
                update,
                camera_id=camera_id,
                stream_epoch=epoch,
                sequence=number,
                captured_at=at,
                published_at=at,
                previous=previous if number == 0 else None,
            )
        previous = Position(stream_epoch=epoch, sequence=len(scene) - 1)


def publish(bench: Bench) -> None:
    """The whole log."""
    ensure_topics(bench.settings, [*ALL, bench.log])
    publisher = Publisher(bench.settings, connect_codec(bench.settings))
    logs = [islice(updates(camera_id), bench.records // CAMERAS) for camera_id in cameras()]
    for together in zip(*logs, strict=True):
        for update in together:
            publisher.publish(bench.log, update.camera_id, update)
    publisher.flush()


def decode(bench: Bench) -> int:
    """Nothing but consuming and decoding."""
    settings = bench.settings
    codec, reader, records = connect_codec(settings), consumer(settings, None), 0
    for partition in range(CAMERAS):
        place = TopicPartition(bench.topic, partition, 0)
        end = reader.get_watermark_offsets(place)[1]
        reader.assign([place])
        position = 0
        while position < end:
            for message in reader.consume(BATCH, timeout=1.0):
                codec.decode(message.value(), TrackUpdate)
                position = message.offset() + 1
                records += 1
    reader.close()
    return records


def child(bench: Bench, what: str) -> None:
    """Measure one thing in this process."""
    began, cpu = time.perf_counter(), _cpu_s()
    if what == "decode":
        records = decode(bench)
    else:
        site = Site.model_validate(busy_site(cameras()))
        asked = Asked(cameras(), [DAY], processes=int(what), topic=bench.log)
        with TemporaryDirectory() as out:
            summary = replay(bench.settings, site, asked, version="bench", out=Path(out))
        records = sum(outcome.records for outcome in summary.outcomes)
    assert records == bench.records // CAMERAS * CAMERAS, records
    took_s, cpu_s = time.perf_counter() - began, _cpu_s() - cpu
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": records / took_s, "cpu": records / cpu_s, "peak_mb": peak_mb}))


def _cpu_s() -> float:
    of = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in of)


def main() -> None:
    """Measure and report; with --child one process's part of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replay", description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stack", type=Path, help="servers that run already")
    for hidden in ("--child", "--folder", "--topic"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(Bench(given.stack, Path(given.folder), given.topic, given.records), given.child)
        return
    with TemporaryDirectory(prefix="trackfold-replay-") as name:
        folder = Path(name)
        stack = given.stack or folder / "stack"
        if given.stack is None:
            up(stack, say=print)
        try:
            measure(stack, folder, given.records, given.rounds)
        finally:
            if given.stack is None:
                down(stack, say=print)


def measure(stack: Path, folder: Path, records: int, rounds: int) -> None:
    """All of it."""
    long, short = (Bench(stack, folder, f"bench-{uuid.uuid4().hex[:8]}", n) for n in (records, records // 4))
    publish(long)
    publish(short)
    kinds = {"decode": "a loop that only decodes", "1": "replay, one process", "2": "replay, two processes"}
    used: dict[str, list[float]] = {label: [] for label in kinds.values()}
    peaks: dict[str, list[float]] = {label: [] for label in kinds.values()}

    def timed(what: str, label: str) -> float:
        found = long.measured(what)
        used[label].append(found["cpu"])
        peaks[label].append(found["peak_mb"])
        return found["wall"]

    wall = paired({label: (lambda w=what, n=label: timed(w, n)) for what, label in kinds.items()}, rounds)
    of_core = {label: Figure(tuple(values)) for label, values in used.items()}
    few = short.measured("1")["peak_mb"]
    only, one, two = kinds.values()
    report = Report("replay", "Replay beside a loop that only decodes")
    report.text(
        f"{records:,} records of ten tracks in {CAMERAS} partitions. Every figure is that of a process of its own, "
        "with what it asks the servers before it begins."
    )
    report.table(
        ("what", "records/s", "records per second of CPU", "of decoding alone", "peak memory MB"),
        [
            (name, wall[name].shown(), cpu.shown(), cpu.times(of_core[only]), f"{max(peaks[name]):.0f}")
            for name, cpu in of_core.items()
        ],
    )
    report.text(
        f"By the clock one process is {wall[one].times(wall[only])} of the loop that only decodes, two are "
        f"{wall[two].times(wall[one])} of one. Peak memory of one process at {records // 4:,} records: {few:.0f} MB, "
        f"at {records:,}: {max(peaks[one]):.0f} MB."
    )
    report.bars("records per second of CPU", of_core)
    report.write()


if __name__ == "__main__":
    main()
