"""How well measured points agree with one floor, and which of them does not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf

from schemas.errors import InputError
from schemas.floor import Floor, NoFloor
from schemas.geometry import Point

Measured = tuple[Point, Point]
"""(pixel, metres)."""
BAD_M = 0.10
"""A point this far off is looked at: a hand with a tape and a mouse is better than that."""


@dataclass(frozen=True)
class Quality:
    """What the points say about each other."""

    errors_m: tuple[float, ...]
    """Per point: from where the floor of the good ones has it to where it was measured. Four points always fit."""
    suspect: int | None
    """Index of a point without which the others agree: it is no good one."""

    @property
    def worst_m(self) -> float:
        """The largest error of a good point."""
        return max(error for index, error in enumerate(self.errors_m) if index != self.suspect)


def quality(points: Sequence[Measured]) -> Quality:
    """Compare the points with the floor that they make. Raises NoFloor."""
    errors = _errors_m(points, points)
    if len(points) < 6 or max(errors) <= BAD_M:  # five fit whichever is left out
        return Quality(errors, None)
    rest = [_worst_without(points, index) for index in range(len(points))]
    suspect = rest.index(min(rest))
    if rest[suspect] > BAD_M:
        return Quality(errors, None)
    return Quality(_errors_m(_without(points, suspect), points), suspect)


def read_points(text: str, name: str) -> list[Measured]:
    """Four numbers a line: pixel x, pixel y, metres x, metres y; blanks, commas, tabs between; # begins a comment.

    Raises InputError, which names the line.
    """
    points: list[Measured] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.split(r"[\s,;]+", line.partition("#")[0].strip(" \t,;"))
        if words == [""]:
            continue
        try:
            x, y, x_m, y_m = (float(word) for word in words)
        except ValueError:
            raise InputError(
                f"{name}:{number}: {line.strip()!r} is not four numbers: pixel x, pixel y, metres x, metres y"
            ) from None
        points.append(((x, y), (x_m, y_m)))
    return points


def _errors_m(good: Sequence[Measured], points: Sequence[Measured]) -> tuple[float, ...]:
    floor = Floor(good)
    errors = []
    for pixel, metres in points:
        at = floor.at(*pixel)
        errors.append(inf if at is None else hypot(at[0] - metres[0], at[1] - metres[1]))
    return tuple(errors)


def _without(points: Sequence[Measured], index: int) -> list[Measured]:
    return [*points[:index], *points[index + 1 :]]


def _worst_without(points: Sequence[Measured], index: int) -> float:
    good = _without(points, index)
    try:
        return max(_errors_m(good, good))
    except NoFloor:
        return inf
