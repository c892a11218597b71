"""A measured floor as it is drawn on the image: its metre lines, and where a distance is unknown (pure)."""

from dataclasses import dataclass
from math import ceil, floor

from schemas.floor import Floor
from schemas.geometry import Point

STEPS_M = (1, 2, 5, 10, 20, 50)
LINES_MAX = 30
"""Of one direction: more would hide the floor."""
SPOTS = 160
"""Places that one line is asked for."""


@dataclass(frozen=True)
class Line:
    """One grid line: the stretches of it that are known, in pixels."""

    at_m: int
    along: int
    """0: of constant X, 1: of constant Y."""
    strong: bool
    """Every fifth."""
    named: bool
    """Its metres are written beside it."""
    runs: tuple[tuple[Point, ...], ...]


def lines(known: Floor) -> list[Line]:
    """A line every metre, or every so many on a large floor."""
    xs, ys = [c[0] for c in known.hull], [c[1] for c in known.hull]
    size = max(max(xs) - min(xs), max(ys) - min(ys))
    step = next((s for s in STEPS_M if size / s <= LINES_MAX), 100)
    spans = ((min(xs), max(xs)), (min(ys), max(ys)))
    found = []
    for along, (first, last) in enumerate(spans):
        for at in range(ceil(first / step) * step, floor(last) + 1, step):
            strong = at % (5 * step) == 0
            runs = _runs(known, at, along, spans[1 - along])
            if runs:
                found.append(Line(at, along, strong, strong or along == 1 or at % (2 * step) == 0, runs))
    return found


def _runs(known: Floor, at: float, along: int, span: tuple[float, float]) -> tuple[tuple[Point, ...], ...]:
    runs: list[list[Point]] = [[]]
    for number in range(SPOTS):
        other = span[0] + (span[1] - span[0]) * number / (SPOTS - 1)
        spot = known.pixel(at, other) if along == 0 else known.pixel(other, at)
        if spot is not None and known.look(*spot, 0.0)[0] is not None:
            runs[-1].append(spot)
        elif runs[-1]:
            runs.append([])
    return tuple(tuple(run) for run in runs if len(run) > 1)


def unknown(known: Floor, width: int, height: int, step: int) -> list[list[bool]]:
    """True where nobody's foot has a place on the floor: per cell of step x step pixels, row by row."""
    return [
        [known.look(x, y, 0.0)[0] is None for x in range(step // 2, width, step)]
        for y in range(step // 2, height, step)
    ]
