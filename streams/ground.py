"""What is drawn at a point of the image: looked up by cell, for most cells lie wholly inside or outside everything."""

from collections.abc import Sequence
from math import hypot
from typing import NamedTuple

from schemas.geometry import Point, inside
from schemas.rules import CameraRules, Polygon, Zone

CELL_PX = 8
"""Measured with a counter and two zones: of 16 px, a border runs through the cells of one foot in six."""
_HALF_DIAGONAL_PX = CELL_PX * hypot(0.5, 0.5) + 1.0


class Spot(NamedTuple):
    """The areas that hold a point."""

    behind: int
    """Index of the service point whose staff area it is; -1: none."""
    strip: int
    """Index of the service point whose customer strip it is; -1: none."""
    zone: int
    """Index of the zone; -1: none. One zone at a time, a queue before a service zone."""
    staff: bool
    """Where only staff stay."""
    ignored: bool


class Ground:
    """Everything drawn on one camera's image. Remembers cells, changes nothing."""

    def __init__(self, rules: CameraRules, zones: Sequence[Zone]) -> None:
        self._rules = rules
        self._zones = zones
        drawn: list[Polygon] = [zone.polygon for zone in zones]
        drawn += [area for p in rules.service_points for area in (p.staff_area, p.customer_strip)]
        self._drawn = [*drawn, *rules.staff_areas, *rules.ignore_areas]
        self._cells: dict[int, Spot | None] = {}

    def at(self, x: float, y: float) -> Spot:
        """The areas that hold (x, y), pixels of the image."""
        column, row = int(x) // CELL_PX, int(y) // CELL_PX
        cell = column << 16 | row
        try:
            spot = self._cells[cell]
        except KeyError:
            spot = self._cells[cell] = self._uniform(column, row)
        return self._look(x, y) if spot is None else spot

    def _look(self, x: float, y: float) -> Spot:
        def first(areas: Sequence[Polygon]) -> int:
            return next((index for index, area in enumerate(areas) if inside((x, y), area)), -1)

        points = self._rules.service_points
        behind, strip = first([p.staff_area for p in points]), first([p.customer_strip for p in points])
        return Spot(
            behind=behind,
            strip=strip,
            zone=first([zone.polygon for zone in self._zones]),
            staff=behind >= 0 or first(self._rules.staff_areas) >= 0,
            ignored=first(self._rules.ignore_areas) >= 0,
        )

    def _uniform(self, column: int, row: int) -> Spot | None:
        """What all points of a cell have in common; None when a border may run through it."""
        middle = ((column + 0.5) * CELL_PX, (row + 0.5) * CELL_PX)
        for polygon in self._drawn:
            previous = polygon[-1]
            for corner in polygon:
                if _distance_px(middle, previous, corner) <= _HALF_DIAGONAL_PX:
                    return None
                previous = corner
        return self._look(*middle)


def _distance_px(point: Point, a: Point, b: Point) -> float:
    """From point to the segment from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    length_2 = dx * dx + dy * dy
    part = 0.0 if length_2 == 0 else ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length_2
    part = min(max(part, 0.0), 1.0)
    return hypot(point[0] - a[0] - part * dx, point[1] - a[1] - part * dy)
