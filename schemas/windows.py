"""Which span of the recording shows an episode: asked by the fold, the clip service and whoever checks both."""

from typing import NamedTuple

LEAD_MS = 5_000
TRAIL_MS = 5_000
CLOSING_LEAD_MS = 10_000
CLIP_MAX_MS = 120_000


class Window(NamedTuple):
    """A span of captured_at, ms UTC, both ends included."""

    from_at: int
    to_at: int

    def holds(self, from_at: int, to_at: int) -> bool:
        """True when all of [from_at, to_at] lies inside."""
        return self.from_at <= from_at and to_at <= self.to_at


def alert_window(started_at: int, confirmed_at: int) -> Window:
    """What the alert clip is asked to show: [start - 5 s, confirmation + 5 s] (ms UTC)."""
    return Window(started_at - LEAD_MS, confirmed_at + TRAIL_MS)


def closing_window(ended_at: int) -> Window:
    """What the closing clip is asked to show: [end - 10 s, end + 5 s] (ms UTC)."""
    return Window(ended_at - CLOSING_LEAD_MS, ended_at + TRAIL_MS)


def cut_window(asked: Window) -> Window:
    """At most 120 s of what was asked; the end is kept, since that is what the alert is about."""
    return Window(max(asked.from_at, asked.to_at - CLIP_MAX_MS), asked.to_at)


def closing_is_due(started_at: int, confirmed_at: int, ended_at: int) -> bool:
    """True when the end is not already in the alert clip (all times ms UTC)."""
    shown = cut_window(alert_window(started_at, confirmed_at))
    return not shown.holds(*closing_window(ended_at))
