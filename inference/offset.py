"""How much later one stream of a camera stands than another: by when things move in both. Pure but for its lock."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.sight import Grey

Array = npt.NDArray[Any]
Motion = tuple[int, float]
"""When (ms UTC, between two pictures), and how much moved (mean step of a pixel, of 255)."""
STEP_MS = 20
MOST_MS = 3000
"""A larger offset is none of latency."""
SPAN_MS = 20_000
"""So much is compared; less when little moves would say nothing."""
AGREE = 0.6
"""Correlation from which on it is the same motion."""
CLEAR = 0.1
"""So much better than any other offset (AWAY_MS off) it must be: what moves evenly tells nothing."""
AWAY_MS = 300
TRY_EVERY_MS = 5_000
REST_MS = 600_000
"""After a measurement, until the next one."""


def offset_ms(detected: Sequence[Motion], recorded: Sequence[Motion]) -> int | None:
    """How much later the recorded stream tells of the same moment; None while it cannot be told.

    detected, recorded: rising in time.
    """
    if len(detected) < 2 or len(recorded) < 2:
        return None
    first = max(detected[0][0], recorded[0][0]) + MOST_MS
    last = min(detected[-1][0], recorded[-1][0]) - MOST_MS
    if last - first < SPAN_MS - 2 * MOST_MS:
        return None
    times = np.arange(first, last, STEP_MS)
    one, other = _at(np.array(detected), times), np.array(recorded)
    lags = np.arange(-MOST_MS, MOST_MS + 1, STEP_MS)
    agreements = np.array([float(np.mean(one * _at(other, times + lag))) for lag in lags])
    best = int(lags[agreements.argmax()])
    others = agreements[np.abs(lags - best) > AWAY_MS]
    sure = agreements.max() >= AGREE and agreements.max() >= others.max() + CLEAR
    return best if sure else None


def _at(motions: Array, times: Array) -> Array:
    """The motion at these times, with mean 0 and deviation 1."""
    found = np.interp(times, motions[:, 0], motions[:, 1])
    return np.asarray((found - found.mean()) / (found.std() + 1e-6))


class Pictures:
    """What moves in one stream."""

    def __init__(self) -> None:
        self.motions: list[Motion] = []
        self._last: tuple[int, Grey] | None = None

    def see(self, at: int, grey: Grey) -> None:
        """The next picture, captured at `at` (ms UTC). Another size, or time that stands, begins anew."""
        last, self._last = self._last, (at, grey)
        if last is None or last[1].shape != grey.shape or not 0 < at - last[0] < 1000:
            self.motions.clear()
            return
        self.motions.append(((last[0] + at) // 2, float(np.abs(grey - last[1]).mean())))
        while at - self.motions[0][0] > SPAN_MS + 2 * MOST_MS:
            self.motions.pop(0)


class OffsetMeter:
    """Measures the offset of two streams that two threads read; rests after each time that it could."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._detected, self._recorded = Pictures(), Pictures()
        self._rests_until = 0
        self._tried_at = 0

    def wants(self, at: int) -> bool:
        """Is it measuring at `at` (ms UTC)?"""
        return at >= self._rests_until

    def detected(self, at: int, grey: Grey) -> None:
        """A picture of the stream that is detected on."""
        with self._lock:
            self._detected.see(at, grey)

    def recorded(self, at: int, grey: Grey) -> int | None:
        """A picture of the stream that is recorded; gives the offset (ms) whenever it was measured."""
        with self._lock:
            self._recorded.see(at, grey)
            if at - self._tried_at < TRY_EVERY_MS:
                return None
            self._tried_at = at
            found = offset_ms(self._detected.motions, self._recorded.motions)
            if found is not None:
                self._rests_until = at + REST_MS
                self._detected, self._recorded = Pictures(), Pictures()
            return found
