"""How far it has come: a line on standard error, renewed on a terminal, now and then a new one elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from streams.replay.unit import Outcome

RENEW_S = 0.5
LINE_S = 10.0
LATELY_S = 15.0


class Progress:
    """Takes what is told, and shows records per second and the time left."""

    def __init__(
        self, units: int, records: int, to: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._units, self._of_units, self._records, self._of_records = 0, units, 0, records
        self._to, self._clock = to or sys.stderr, clock
        self._renewed = self._to.isatty()
        self._began = self._shown_at = clock()
        self._marks = [(self._began, 0)]
        """(time, records) of late: the rate is that of the last seconds."""

    def take(self, told: int | Outcome) -> None:
        """As Tell."""
        if isinstance(told, Outcome):
            self._units += 1
        else:
            self._records += told
        now = self._clock()
        if now - self._shown_at >= (RENEW_S if self._renewed else LINE_S):
            self._show(now)

    def end(self) -> None:
        """Leave the terminal's line."""
        if self._renewed and self._shown_at > self._began:
            print(file=self._to, flush=True)

    def line(self, now: float) -> str:
        """As shown."""
        self._marks.append((now, self._records))
        while len(self._marks) > 2 and now - self._marks[0][0] > LATELY_S:
            del self._marks[0]
        since, before = self._marks[0]
        rate = (self._records - before) / max(now - since, 1e-9)
        left = max(self._of_records - self._records, 0)
        share = min(self._records / max(self._of_records, 1), 1)
        time_left = _span(left / rate) if rate else "?"
        return (
            f"{self._units} of {self._of_units} units, {self._records:,} of about {self._of_records:,} records "
            f"({share:.0%}), {rate:,.0f}/s, {time_left} left"
        )

    def _show(self, now: float) -> None:
        line = self.line(now)
        self._shown_at = now
        print(
            f"\r\x1b[2K{line}" if self._renewed else line, end="" if self._renewed else "\n", file=self._to, flush=True
        )


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
