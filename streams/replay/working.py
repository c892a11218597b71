"""Doing the work of some shares, one after the other: read, give each record to the units that it concerns."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

from infra.config import Settings
from infra.failpoint import failpoint
from infra.kafka import ConfluentRegistry
from schemas.codec import Codec
from schemas.records import TrackUpdate
from streams.replay import files, log
from streams.replay.log import BATCH, Batch
from streams.replay.share import Share, Stretch
from streams.replay.unit import Outcome, Unit
from streams.replay.work import Job, Work

Tell = Callable[[int | Outcome], None]
"""Takes how many more records were read, and what became of a unit."""


class Throttle:
    """Holds records back to so many per second."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second, self._clock, self._sleep = per_second, clock, sleep
        self._began, self._records = clock(), 0

    def passed(self, records: int) -> None:
        """Wait until it is time for the records behind these."""
        self._records += records
        early_s = self._began + self._records / self._per_second - self._clock()
        if early_s > 0:
            self._sleep(early_s)


def do_shares(settings: Settings, work: Work, shares: Sequence[Share], tell: Tell, throttle: Throttle | None) -> None:
    """Everything of these shares. Raises KafkaUnavailable, RegistryUnavailable."""
    codec = Codec(ConfluentRegistry(settings))
    if any(isinstance(share.source, Stretch) for share in shares):
        codec.register_all([TrackUpdate])
    for share in shares:
        batches = log.read(settings, codec, share) if isinstance(share.source, Stretch) else _from_file(share)
        with closing(batches):
            do_share(work, share, batches, tell, throttle)


def do_share(work: Work, share: Share, batches: Iterator[Batch], tell: Tell, throttle: Throttle | None = None) -> None:
    """Give the records to the units until all are over or the log ends."""
    open_jobs = {unit: work.job(unit, share) for unit in sorted(share.units)}
    of_camera: dict[str, list[tuple[Unit, Job]]] = {}
    for unit, job in open_jobs.items():
        of_camera.setdefault(unit.camera_id, []).append((unit, job))

    def finish(units: Iterable[Unit]) -> None:
        for unit in list(units):
            tell(open_jobs[unit].finish())
            del open_jobs[unit]

    try:
        for records, read in batches:
            for at, update in records:
                due, over = of_camera.get(update.camera_id, []), False
                for unit, job in due:
                    job.take(update, at)
                    over = over or job.over
                    if update.captured_at < unit.begins_at:
                        break  # the days behind it need not know
                if over:
                    finish(unit for unit, job in due if job.over)
                    due[:] = [(unit, job) for unit, job in due if not job.over]
            failpoint("replay.batch")
            tell(read)
            if throttle is not None:
                throttle.passed(read)
            if not open_jobs:
                return
        finish(open_jobs)
    finally:
        for job in open_jobs.values():
            job.leave()


def _from_file(share: Share) -> Generator[Batch, None, None]:
    assert not isinstance(share.source, Stretch)
    batch: list[tuple[int, TrackUpdate]] = []
    for number, update in enumerate(files.read_topic(share.source.path, TrackUpdate)):
        batch.append((number, update))
        if len(batch) == BATCH:
            yield batch, BATCH
            batch = []
    yield batch, len(batch)
