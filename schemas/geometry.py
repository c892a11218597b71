"""Plane geometry on the image, in pixels from the top-left; no state, no numpy (the fold calls it often)."""

from collections.abc import Sequence
from math import hypot

Point = tuple[float, float]


def inside(point: Point, polygon: Sequence[Point]) -> bool:
    """True when point lies inside polygon (even-odd rule; any orientation, not closed explicitly)."""
    x, y = point
    odd = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
        x1, y1 = x2, y2
    return odd


def iou(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes (x1, y1, x2, y2); 0 when they do not touch."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def distance_by_height_m(
    foot_a: Point, height_a_px: float, foot_b: Point, height_b_px: float, *, body_height_m: float, depth_factor: float
) -> float:
    """Distance on the floor in metres, by taking the mean body height for body_height_m.

    Vertical pixels count depth_factor = 1 / sin(camera tilt) times. Measured: 0.98 of the truth sideways, 0.50 in depth
    without the factor.
    """
    px_per_m = (height_a_px + height_b_px) / 2 / body_height_m
    return hypot(foot_a[0] - foot_b[0], (foot_a[1] - foot_b[1]) * depth_factor) / px_per_m


def polygon_area(polygon: Sequence[Point]) -> float:
    """Square pixels that a polygon covers, if it does not cross itself."""
    twice = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    return abs(twice) / 2


def crosses_itself(polygon: Sequence[Point]) -> bool:
    """True when two sides that are not neighbours meet, or a point is there twice."""
    sides = list(zip(polygon, [*polygon[1:], polygon[0]], strict=True))
    if len(set(polygon)) < len(polygon):
        return True
    return any(
        _meet(*sides[i], *sides[j])
        for i in range(len(sides))
        for j in range(i + 2, len(sides))
        if (i, j) != (0, len(sides) - 1)
    )


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Have two stretches a point in common?"""
    turns = _side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)
    if turns[0] * turns[1] < 0 and turns[2] * turns[3] < 0:
        return True
    ends = ((turns[0], a, b, c), (turns[1], a, b, d), (turns[2], c, d, a), (turns[3], c, d, b))
    return any(turn == 0 and _within(p, q, r) for turn, p, q, r in ends)


def _side(a: Point, b: Point, c: Point) -> float:
    """Positive on one side of the line a b, negative on the other, 0 on it."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _within(a: Point, b: Point, c: Point) -> bool:
    """Is c, on the line a b, between the two?"""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])
