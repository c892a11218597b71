"""How well measured points agree with one floor, and which of them does not (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf

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

    @property
    def sound(self) -> bool:
        """Every point agrees with the others."""
        return self.suspect is None and self.worst_m <= BAD_M

    def good(self, points: Sequence[Measured]) -> list[Measured]:
        """The points without the suspect."""
        return [point for index, point in enumerate(points) if index != self.suspect]

    def told(self) -> str:
        """In a sentence for who measured."""
        count = len(self.errors_m)
        if count < 6:
            always = "4 points always fit" if count == 4 else "5 points hardly check each other"
            return f"{always}: measure {6 - count} more, to learn how good these are"
        if self.suspect is not None:
            return f"point {self.suspect + 1} is wrong, the others agree within {self.worst_m:.2f} m"
        if self.worst_m <= BAD_M:
            return f"all agree within {self.worst_m:.2f} m"
        return (
            f"the points disagree by up to {self.worst_m:.2f} m and no single one is to blame: is the floor flat, are "
            "straight lines straight in the picture, and were the metres counted at right angles?"
        )


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
