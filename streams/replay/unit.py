"""The unit of a replay: one camera's business day in one lane. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from schemas.errors import InputError
from schemas.ids import day_span
from schemas.records import TrackUpdate
from schemas.rules import CameraRules
from streams.progress import Place

DAYS_MAX = 3660


@dataclass(frozen=True, order=True)
class Unit:
    """One camera's business day in one lane; begins_at and ends_at (exclusive) are ms UTC."""

    camera_id: str
    day: str
    begins_at: int
    ends_at: int
    lane: str = "live"

    def __str__(self) -> str:
        return f"{self.camera_id} {self.day}"

    def is_closed_by(self, update: TrackUpdate) -> bool:
        """Is it the day's closing record: the first of the sequence after the day?

        The watchdog's word and control records say nothing of a new day: the fold takes them as the old day's.
        """
        return update.captured_at >= self.ends_at and update.control is None and update.stream_state != "LOST"

    def skips(self, skips: Collection[Place]) -> list[tuple[int, int]]:
        """(stream_epoch, sequence) of the camera's records that are passed over, in order."""
        mine = [place for place in skips if place[:2] == (self.camera_id, self.lane)]
        return sorted((epoch, sequence) for _, _, epoch, sequence in mine)


@dataclass(frozen=True)
class Outcome:
    """What became of a unit. error: nothing was written, and why."""

    unit: Unit
    records: int
    written: Mapping[str, int] = field(default_factory=dict)
    """Records by file."""
    error: str | None = None
    kept: bool = False
    """It was there already, made from the same inputs."""


def units(rules: Mapping[str, CameraRules], days: Sequence[str], lane: str) -> list[Unit]:
    """A unit for each camera and day, each once, by camera and day."""
    found = set()
    for camera_id, law in rules.items():
        for day in days:
            begins, ends = day_span(day, law.timezone, law.day_starts_min)
            found.add(Unit(camera_id, day, begins, ends, lane))
    return sorted(found)


def days_of(text: str) -> list[str]:
    """YYYY-MM-DD, or A..B with both ends. Raises InputError."""
    first, dots, last = text.partition("..")
    try:
        begin = date.fromisoformat(first)
        end = date.fromisoformat(last) if dots else begin
    except ValueError as error:
        raise InputError(f"--day {text}: {error}; write 2026-03-02, or 2026-03-02..2026-03-08") from error
    if not 0 <= (end - begin).days < DAYS_MAX:
        raise InputError(f"--day {text}: the last day is before the first, or years behind it")
    return [(begin + timedelta(days=n)).isoformat() for n in range((end - begin).days + 1)]


def runs(wanted: Sequence[Unit]) -> list[list[Unit]]:
    """The units in groups that are read in one go: whatever lies between two groups is of no interest."""
    found: list[list[Unit]] = []
    reached = 0
    for unit in sorted(wanted, key=lambda unit: (unit.begins_at, unit.camera_id)):
        if not found or unit.begins_at > reached:
            found.append([])
        found[-1].append(unit)
        reached = max(reached, unit.ends_at)
    return found
