"""Timelines as boxes on a line: which row, where and how wide in percent, and the ticks of the clock (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from schemas.site import Site

ROWS_MAX = 12
"""More rows of one camera are unreadable: what finds no place is drawn over the last one."""
MS = 1000
STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400)
TICKS_MAX = 12
GAP_SHARE = 0.002


@dataclass(frozen=True)
class Span:
    """The time that a page shows, ms UTC."""

    from_at: int
    to_at: int

    @property
    def lasts_ms(self) -> int:
        """At least 1."""
        return max(1, self.to_at - self.from_at)

    def share(self, at: int) -> float:
        """Where a moment lies: 0 at the left end, 1 at the right one; no further."""
        return min(1.0, max(0.0, (at - self.from_at) / self.lasts_ms))


@dataclass(frozen=True)
class Item:
    """Something that lasts. kind: a CSS class."""

    from_at: int
    to_at: int
    kind: str
    title: str
    href: str = ""


@dataclass(frozen=True)
class Bar:
    """An item in its place: x and width in percent of the line, row from 0."""

    x: float
    width: float
    row: int
    kind: str
    title: str
    href: str


def bars(items: Iterable[Item], span: Span) -> list[Bar]:
    """Each item in the first row that is free, so that none hides another, as long as there are rows."""
    ends: list[float] = []
    placed = []
    for item in sorted(items, key=lambda item: (item.from_at, item.to_at)):
        if item.to_at < span.from_at or item.from_at > span.to_at:
            continue
        begin, end = span.share(item.from_at), span.share(item.to_at)
        row = next((n for n, until in enumerate(ends) if until + GAP_SHARE <= begin), len(ends))
        if row == len(ends) and row < ROWS_MAX:
            ends.append(end)
        row = min(row, ROWS_MAX - 1)
        ends[row] = max(ends[row], end)
        placed.append(Bar(round(100 * begin, 3), round(100 * (end - begin), 3), row, item.kind, item.title, item.href))
    return placed


def ticks(span: Span, offset_ms: int = 0) -> list[int]:
    """Round moments of the site's clock within the span, ms UTC. offset_ms: local time - UTC."""
    step = MS * next((s for s in STEPS_S if span.lasts_ms <= TICKS_MAX * s * MS), STEPS_S[-1])
    first = -(-(span.from_at + offset_ms) // step) * step - offset_ms
    return list(range(first, span.to_at + 1, step))


def marks(span: Span, site: Site) -> list[tuple[float, int]]:
    """(x in percent, ms UTC) of each tick on the site's clock."""
    offset = site.local_time((span.from_at + span.to_at) // 2).utcoffset() or timedelta()
    return [(round(100 * span.share(at), 3), at) for at in ticks(span, offset // timedelta(milliseconds=1))]


def around(moments: Sequence[int], whole: Span) -> Span:
    """The span that shows all of these, on round moments, within the whole; without any the whole."""
    if not moments:
        return whole
    first, last = min(moments), max(moments)
    step = MS * next((s for s in STEPS_S if last - first <= TICKS_MAX * s * MS), STEPS_S[-1])
    return Span(max(whole.from_at, first // step * step), min(whole.to_at, (last // step + 1) * step))
