"""Columns on a line, as boxes in percent: what the charts' template draws (pure)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LABELS_MAX = 14
TOPS_S = (2, 4, 10, 20, 60, 120, 240, 600, 1200, 2400, 3600, 7200, 14_400, 36_000, 86_400)
"""Durations of which half is round, too; seconds."""


@dataclass(frozen=True)
class Point:
    """What stands at one place of the line. back: a larger value behind it, such as a 95th percentile."""

    label: str
    value: float
    back: float | None = None


@dataclass(frozen=True)
class Column:
    """One column: x and width in percent of the width, heights in percent of the height, from below."""

    x: float
    width: float
    height: float
    back_height: float
    label: str
    """Empty where there is no room for it."""
    title: str


@dataclass(frozen=True)
class Chart:
    """A picture. lines: (height in percent, what it says), from below."""

    columns: list[Column]
    lines: list[tuple[float, str]]


def chart(
    points: Sequence[Point], said: Callable[[float], str], names: tuple[str, str] = ("", ""), *, durations: bool = False
) -> Chart:
    """said: a value for people; names: what value and back are, where there are both; durations: values are seconds."""
    top = nice_top(max((max(p.value, p.back or 0.0) for p in points), default=0.0), durations=durations)
    step = 100 / max(1, len(points))
    every = math.ceil(len(points) / LABELS_MAX)
    columns = [
        Column(
            x=round(n * step + step * 0.12, 3),
            width=round(step * 0.76, 3),
            height=round(100 * p.value / top, 2),
            back_height=round(100 * (p.back or 0.0) / top, 2),
            label=p.label if n % every == 0 else "",
            title=_title(p, said, names),
        )
        for n, p in enumerate(points)
    ]
    return Chart(columns, [(0.0, said(0)), (50.0, said(top / 2)), (100.0, said(top))] if points else [])


def nice_top(largest: float, *, durations: bool = False) -> float:
    """The next value that is round, and half of which is, at least 1."""
    if durations and largest <= TOPS_S[-1]:
        return float(next(top for top in TOPS_S if largest <= top))
    if largest <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(power * times for times in (1, 2, 4, 6, 8, 10) if largest <= power * times)


def _title(p: Point, said: Callable[[float], str], names: tuple[str, str]) -> str:
    if p.back is None:
        return f"{p.label}: {said(p.value)}"
    return f"{p.label}: {names[0]} {said(p.value)}, {names[1]} {said(p.back)}"
