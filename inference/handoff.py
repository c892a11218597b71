"""Between the thread that reads and the one that detects: a file waits, a live frame is replaced by a newer one."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Condition

from inference.source import End, Epoch, Frame
from inference.timing import Pick

WAITING_MAX = 4


@dataclass(frozen=True)
class Opened:
    """An epoch begins."""

    epoch: Epoch
    rate_hz: float
    """Of the detection grid."""
    misfit: str | None = None
    """Why what is drawn does not fit its pictures."""


@dataclass(frozen=True)
class Closed:
    """The epoch is over."""

    state: End


@dataclass(frozen=True)
class Failed:
    """The reader cannot go on."""

    error: BaseException


Item = Opened | Pick[Frame] | Closed | Failed


class Handoff:
    """A queue of what was read, in order; ends after finish()."""

    def __init__(self, *, live: bool) -> None:
        """live: a pick that nobody has taken yet is replaced by the next one, so that the newest frame is detected."""
        self._live = live
        self._items: deque[Item] = deque()
        self._changed = Condition()
        self._finished = False
        self._abandoned = False

    def put(self, item: Item) -> None:
        """Hand over; a file's reader waits here for the detector."""
        with self._changed:
            if self._live and isinstance(item, Pick) and self._items and isinstance(self._items[-1], Pick):
                self._items.pop()
            while not self._live and len(self._items) >= WAITING_MAX and not self._abandoned:
                self._changed.wait()
            if not self._abandoned:
                self._items.append(item)
            self._changed.notify_all()

    def finish(self) -> None:
        """Nothing more comes."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nobody takes anything any more."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Item]:
        while True:
            with self._changed:
                while not self._items and not self._finished:
                    self._changed.wait(1.0)  # so that a signal's handler gets its turn
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
