"""What is done with units: folding them and writing their events, or counting their records."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.failpoint import failpoint
from schemas.codec import Codec, MemoryRegistry
from schemas.records import TrackUpdate
from streams.book import RulesBook
from streams.progress import Place
from streams.replay import files, manifest
from streams.replay.day import day_fold
from streams.replay.manifest import Inputs, Manifest, inputs_of, program
from streams.replay.share import Share, Stretch
from streams.replay.unit import Outcome, Unit

CUT_OFF = (
    "the log no longer has the beginning of this day (retention), and half a day would give other episodes: "
    "replay it from an export (--from)"
)


class Job(Protocol):
    """Takes one unit's records in their order, from any one before the day on, until it is over."""

    over: bool

    def take(self, update: TrackUpdate, at: int) -> None:
        """One record and its offset."""

    def finish(self) -> Outcome:
        """Write what there is to write."""

    def leave(self) -> None:
        """It is broken off: leave nothing behind."""


class Work(Protocol):
    """What is to be done with every unit. Goes to other processes."""

    def job(self, unit: Unit, share: Share) -> Job:
        """For one unit of a share."""

    def kept(self, unit: Unit, share: Share) -> Outcome | None:
        """Of what need not be made again."""


class Head:
    """Does the log have the day from its beginning on? As far as can be known."""

    def __init__(self, unit: Unit, share: Share) -> None:
        self._unit, self._begun = unit, False
        self.missing = isinstance(share.source, Stretch) and unit in share.source.headless
        """Retention may have taken the day's first records."""

    def before(self, update: TrackUpdate) -> bool:
        """Is the record from before the day? Then nothing of the day is gone, nor is it before a log's very first."""
        before = update.captured_at < self._unit.begins_at
        if before or (not self._begun and update.sequence == 0 and update.previous is None):
            self.missing = False
        self._begun = self._begun or not before
        return before


@dataclass(frozen=True)
class Folding:
    """Folds units and writes their events to <out>/<camera_id>/<day>."""

    out: Path
    book: RulesBook
    skips: frozenset[Place]

    def job(self, unit: Unit, share: Share) -> Job:
        """A fold."""
        return _FoldJob(self, unit, share)

    def kept(self, unit: Unit, share: Share) -> Outcome | None:
        """A unit that was folded."""
        return manifest.kept(self.folder(unit), unit, lambda closed_at: self.inputs(unit, share, closed_at))

    def folder(self, unit: Unit) -> Path:
        """Of its files."""
        return self.out / unit.camera_id / unit.day

    def inputs(self, unit: Unit, share: Share, closed_at: int | None) -> Inputs:
        """What the events are made from."""
        return inputs_of(unit, share, closed_at, self.skips, program(), self.book.version_of(unit.camera_id))


class _FoldJob:
    def __init__(self, work: Folding, unit: Unit, share: Share) -> None:
        self._work, self._unit, self._share = work, unit, share
        self._head = Head(unit, share)
        self._day = day_fold(unit, work.book, work.skips)
        self._closed_at: int | None = None
        self.over = False

    def take(self, update: TrackUpdate, at: int) -> None:
        if not self._head.before(update):
            self._day.take(update)
            if self._day.over:
                self._closed_at, self.over = at, True

    def finish(self) -> Outcome:
        day, folder = self._day, self._work.folder(self._unit)
        error = CUT_OFF if self._head.missing and day.records else day.error
        if error is not None or not day.records:
            return Outcome(self._unit, day.records, error=error)
        manifest.begin(folder)
        written = files.write(day.events, folder, Codec(MemoryRegistry()))
        failpoint("replay.sealing")
        inputs = self._work.inputs(self._unit, self._share, self._closed_at)
        return manifest.seal(folder, self._unit, Manifest(inputs, day.records, written))

    def leave(self) -> None:
        pass


@dataclass(frozen=True)
class Counting:
    """Counts the records of what another work would have to do."""

    work: Work

    def job(self, unit: Unit, share: Share) -> Job:
        """A count."""
        return _CountJob(unit)

    def kept(self, unit: Unit, share: Share) -> Outcome | None:
        """What the other work would keep."""
        return self.work.kept(unit, share)


class _CountJob:
    def __init__(self, unit: Unit) -> None:
        self._unit, self._records, self.over = unit, 0, False

    def take(self, update: TrackUpdate, at: int) -> None:
        self._records += self._unit.begins_at <= update.captured_at < self._unit.ends_at
        self.over = self._unit.is_closed_by(update)

    def finish(self) -> Outcome:
        return Outcome(self._unit, self._records)

    def leave(self) -> None:
        pass
