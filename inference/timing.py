"""Stream time: from a frame's pts to captured_at, and from captured_at to the slots of the detection grid. Pure."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from schemas.records import ClockSource

JUMP_MS = 1000
"""A step of the stream's clock that is larger than this begins a new epoch."""
DRIFT_MS_PER_S = 1.0
"""How fast a live clock may be moved forwards."""
LAG_MS = 10_000
"""Frames that stay late by more than a jump for so long, although none was waiting for us: the clock stood still."""

ONE_MS = Fraction(1, 1000)


class StreamClock(Protocol):
    """The one mapping from pts to time that detector and recorder share."""

    source: ClockSource

    def at(self, pts: int) -> int:
        """captured_at (ms UTC) of the frame with this pts (ticks of the stream's time base)."""


class FileClock:
    """captured_at = start + pts."""

    source: ClockSource = "pts"

    def __init__(self, start_ms: int, first_pts: int, time_base: Fraction) -> None:
        self._start_ms = start_ms
        self._first_pts = first_pts
        self._time_base = time_base

    def at(self, pts: int) -> int:
        """ms UTC, rounded to the nearest."""
        return self._start_ms + math.floor((pts - self._first_pts) * self._time_base / ONE_MS + Fraction(1, 2))


class LiveClock:
    """captured_at = min(anchor + pts, received_at).

    The packet that came with the least delay so far sets the anchor; it is moved forwards by 1 ms/s at most, which
    follows the drift between the camera's clock and ours without following the network's jitter.
    """

    source: ClockSource = "wall"

    def __init__(self, pts: int, received_at: int, time_base: Fraction) -> None:
        self._ms_per_tick = float(time_base / ONE_MS)
        self._origin_pts = pts
        self._anchor_ms = float(received_at)
        self._observed_at = received_at
        self._begins_at = 0
        self._late_since: int | None = None

    def at(self, pts: int) -> int:
        """ms UTC by the present anchor."""
        return max(self._begins_at, self._anchored(pts))

    def _anchored(self, pts: int) -> int:
        return round(self._anchor_ms + (pts - self._origin_pts) * self._ms_per_tick)

    def ahead_ms(self, pts: int, received_at: int) -> int:
        """How far this pts lies in the future of its own arrival."""
        return self._anchored(pts) - received_at

    def jump_ms(self, pts: int, received_at: int, *, waited_for: bool) -> int:
        """How far the camera's clock has jumped, 0 when it has not: then the packet belongs to a new epoch.

        It jumped forwards when a packet is more than JUMP_MS ahead of its own arrival. It was put back, or stood, when
        packets that had to be waited for (waited_for: no backlog of ours) stay late by more than JUMP_MS for LAG_MS.
        """
        ahead_ms = self.ahead_ms(pts, received_at)
        if ahead_ms > JUMP_MS:
            return ahead_ms
        if ahead_ms >= -JUMP_MS:
            self._late_since = None
        elif waited_for:
            self._late_since = received_at if self._late_since is None else self._late_since
            if received_at - self._late_since > LAG_MS:
                return ahead_ms
        return 0

    def observe(self, pts: int, received_at: int) -> None:
        """A packet with this pts arrived."""
        late_ms = -self.ahead_ms(pts, received_at)
        passed_s = max(0, received_at - self._observed_at) / 1000
        self._observed_at = received_at
        self._anchor_ms += late_ms if late_ms < 0 else min(late_ms, passed_s * DRIFT_MS_PER_S)

    def not_before(self, pts: int, at: int) -> None:
        """This pts begins the epoch: neither it nor what follows is before `at` (ms UTC)."""
        self._anchor_ms += max(0, at - self._anchored(pts))
        self._begins_at = self._anchored(pts)


class Timed(Protocol):
    """Something with a time of capture."""

    @property
    def captured_at(self) -> int:
        """ms UTC."""


F = TypeVar("F", bound=Timed)


@dataclass(frozen=True)
class Pick(Generic[F]):
    """The newest frame of one slot."""

    slot: int
    frame: F


class Grid:
    """The detection grid of one epoch: slot k belongs to the instant stream_epoch + k / rate_hz.

    A slot takes the newest frame up to its instant and half a frame interval (at most half a slot) after it, so that
    the first frame is always slot 0, and frames that jitter around the instants neither crowd a slot nor miss one.
    """

    def __init__(self, stream_epoch: int, rate_hz: float, frame_ms: float | None) -> None:
        self._epoch = stream_epoch
        self._slot_ms = 1000 / rate_hz
        half_frame_ms = self._slot_ms / 2 if frame_ms is None else frame_ms / 2
        self._slack_ms = min(half_frame_ms, self._slot_ms / 2)

    def slot(self, captured_at: int) -> int:
        """The slot that a frame falls into."""
        return max(0, math.ceil((captured_at - self._epoch - self._slack_ms) / self._slot_ms - 1e-6))

    def instant(self, slot: int) -> int:
        """The slot's time, ms UTC."""
        return self._epoch + round(slot * self._slot_ms)


class Picker(Generic[F]):
    """Keeps the newest frame of the present slot, and hands it out when a frame of a later slot comes."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._kept: Pick[F] | None = None

    def offer(self, frame: F) -> Pick[F] | None:
        """Take a frame (captured_at must grow); give the pick that it completes."""
        slot = self._grid.slot(frame.captured_at)
        done = self._kept if self._kept is not None and slot > self._kept.slot else None
        self._kept = Pick(slot, frame)
        return done

    def finish(self) -> Pick[F] | None:
        """The last pick: no more frames come."""
        done, self._kept = self._kept, None
        return done


def grid_rate_hz(wanted_hz: float, source_hz: float | None) -> float:
    """The grid's rate: as wanted, or the source's own where that is slower (empty slots would say nothing)."""
    return wanted_hz if source_hz is None or source_hz < 1 else min(wanted_hz, source_hz)
