"""One unit being folded, from nothing, by the very decisions of the live worker. Pure."""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, Generic

from schemas.records import TrackUpdate
from streams.book import RulesBook
from streams.frame import Event
from streams.progress import CAMERA_FOLD, Fold, Place, S, advance
from streams.replay.unit import Unit


@dataclass
class DayFold(Generic[S]):
    """Takes its camera's log in order, from any record before the day on; the day's own events are kept."""

    unit: Unit
    book: RulesBook
    skips: Container[Place]
    fold: Fold[S]
    state: S | None = None
    events: list[Event] = field(default_factory=list)
    records: int = 0
    over: bool = False
    """The closing record was folded, or the fold failed: what comes now changes nothing."""
    error: str | None = None

    def take(self, update: TrackUpdate) -> None:
        """Fold a record of the day, or one after it up to the one that closes it."""
        if self.over or update.captured_at < self.unit.begins_at:
            return
        try:
            outcome = advance(self.fold, self.state, update, self.book, self.skips, complete=True)
        except Exception as error:  # noqa: BLE001  as in the live worker: this camera's alone
            place = f"{update.stream_epoch}:{update.sequence}"
            self.error, self.over = f"record {place}: {type(error).__name__}: {error}", True
            return
        if isinstance(outcome, tuple):
            self.state, events = outcome
            if events:
                self.events += [event for event in events if event.business_day == self.unit.day]
            self.over = self.unit.is_closed_by(update)
            self.records += update.captured_at < self.unit.ends_at


def day_fold(unit: Unit, book: RulesBook, skips: Container[Place]) -> DayFold[Any]:
    """With the cameras' fold."""
    return DayFold(unit, book, skips, CAMERA_FOLD)
