"""Something that takes long to read, read once for all who look within a few seconds."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.errors import ExplainedError

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """What was read."""

    value: T
    at: int
    """When, ms UTC."""
    trouble: str = ""
    """Why it could not be read again since."""


class Kept(Generic[T]):
    """The last reading. One thread reads at a time, the others wait for it and take its."""

    def __init__(self, read: Callable[[], T], clock: Callable[[], float] = time.time) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._last: Read[T] | None = None

    def get(self, max_age_s: float) -> Read[T]:
        """A reading that is not older, or the last one with what the trouble is. Raises ExplainedError without one."""
        asked = self._clock()
        with self._lock:
            last = self._last
            if last is not None and last.at >= (asked - max_age_s) * 1000:
                return last
            begun = self._clock()  # what comes while it is read may be missed
            try:
                self._last = Read(self._read(), int(begun * 1000))
            except ExplainedError as error:
                if last is None:
                    raise
                return Read(last.value, last.at, str(error))
            return self._last
