"""The wall clock, passed in where a shell needs it so that tests can hold it still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """ms UTC."""


class WallClock:
    """This machine's clock."""

    def now_ms(self) -> int:
        """ms UTC."""
        return time.time_ns() // 1_000_000
