"""The floor before a camera in metres: where a foot in the image stands, and how tall somebody is who stands there.

A plane seen by a camera without lens distortion is a homography: pixel (x, y) -> ((X, Y, 1) times a weight). Plain
arithmetic without numpy, so that every machine computes the same bits. Pixels from the top-left; floor metres in any
frame that somebody measured in.
"""

from collections.abc import Sequence
from math import hypot, inf, sqrt

from schemas.geometry import Point

Matrix = tuple[float, float, float, float, float, float, float, float, float]
"""3 x 3, row by row."""
FLATTEST = 1e-9
"""Points on one line leave a pivot of rounding errors; four real corners of a room one of more than 0.001."""


class NoFloor(ValueError):
    """The points do not make a floor; the text says why and what to measure instead."""


class Floor:
    """A calibrated floor. Immutable; `look` is called for every person in every frame."""

    __slots__ = ("_reach", "_up", "from_image", "hull", "lens", "pixel_max_m", "to_image")

    def __init__(
        self,
        points: Sequence[tuple[Point, Point]],
        lens: tuple[float, float, float] | None = None,
        *,
        pixel_max_m: float = inf,
        growth: float = 0.2,
    ) -> None:
        """points: at least four (pixel, metres); lens: where it hangs (X, Y, height in metres), if that is known.

        Known is the points' convex hull on the floor grown by this share, as far as one pixel is at most pixel_max_m.
        Raises NoFloor.
        """
        self.to_image = _fit([metres for _, metres in points], [pixel for pixel, _ in points])
        self.from_image = inverse(self.to_image)
        self.lens, self.pixel_max_m = lens, pixel_max_m
        self.hull = grown(convex_hull([metres for _, metres in points]), growth)
        self._reach = _half_planes(self.hull)
        self._up = None if lens is None else _up(self.to_image, lens)

    def at(self, x: float, y: float) -> Point | None:
        """Metres on the floor seen at pixel (x, y), known or not; None at the horizon and above."""
        a, b, c, d, e, f, g, h, i = self.from_image
        w = g * x + h * y + i
        return None if w <= 0 else ((a * x + b * y + c) / w, (d * x + e * y + f) / w)

    def look(self, x: float, y: float, head_y: float) -> tuple[Point | None, float]:
        """Where a foot at pixel (x, y) stands (None: not known there), and how tall in metres who reaches up to head_y
        (0: not known)."""
        a, b, c, d, e, f, g, h, i = self.from_image
        w = g * x + h * y + i
        if w <= 0:
            return None, 0.0
        at_x, at_y = (a * x + b * y + c) / w, (d * x + e * y + f) / w
        for nx, ny, limit in self._reach:
            if nx * at_x + ny * at_y > limit:
                return None, 0.0
        if _stretch(a - g * at_x, b - h * at_x, d - g * at_y, e - h * at_y) > self.pixel_max_m * w:
            return None, 0.0
        if self._up is None:
            return (at_x, at_y), 0.0
        up_y, up_w = self._up
        rise = w * (head_y * up_w - up_y)
        return (at_x, at_y), (y - head_y) / rise if rise > 0 else 0.0

    def under(self, x: float, head_y: float, tall_m: float) -> Point | None:
        """Where somebody of that height stands whose head is at (x, head_y), if it is known there; needs `lens`."""
        beyond = self.at(x, head_y)
        if beyond is None or self.lens is None or self.lens[2] <= tall_m:
            return None
        back = tall_m / self.lens[2]  # the ray through the head arrives that much farther from the lens than the feet
        at = beyond[0] + (self.lens[0] - beyond[0]) * back, beyond[1] + (self.lens[1] - beyond[1]) * back
        foot = self.pixel(*at)
        return None if foot is None else self.look(*foot, head_y)[0]

    def moved(self, x: float, y: float, across: float, down: float) -> Point:
        """A small way in the image at pixel (x, y), below the horizon, in metres on the floor."""
        a, b, c, d, e, f, g, h, i = self.from_image
        w = g * x + h * y + i
        at_x, at_y = (a * x + b * y + c) / w, (d * x + e * y + f) / w
        return (
            ((a - g * at_x) * across + (b - h * at_x) * down) / w,
            ((d - g * at_y) * across + (e - h * at_y) * down) / w,
        )

    def pixel_m(self, x: float, y: float) -> float:
        """Metres of floor under one pixel, the longer way; infinite from the horizon on."""
        a, b, c, d, e, f, g, h, i = self.from_image
        w = g * x + h * y + i
        if w <= 0:
            return inf
        at_x, at_y = (a * x + b * y + c) / w, (d * x + e * y + f) / w
        return _stretch(a - g * at_x, b - h * at_x, d - g * at_y, e - h * at_y) / w

    def pixel(self, x_m: float, y_m: float, up_m: float = 0.0) -> Point | None:
        """Where a point is in the image; None when it is behind the camera. up_m above the floor needs `lens`."""
        if up_m and self.lens is not None:  # seen through it is the floor where the ray from the lens arrives
            far = up_m / self.lens[2]
            x_m, y_m, z = x_m - far * self.lens[0], y_m - far * self.lens[1], 1 - far
        else:
            z = 1.0
        a, b, c, d, e, f, g, h, i = self.to_image
        w = g * x_m + h * y_m + i * z
        return None if w <= 0 else ((a * x_m + b * y_m + c * z) / w, (d * x_m + e * y_m + f * z) / w)

    def mirrored(self) -> bool:
        """The floor's y axis lies clockwise of its x axis, seen from above."""
        a, b, c, d, e, f, g, h, i = self.from_image
        return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) > 0


def _up(to_image: Matrix, lens: tuple[float, float, float]) -> tuple[float, float]:
    """Rows y and w of what one metre upward adds to a homogeneous pixel: the column that sends the lens to nowhere."""
    x, y, z = lens
    return tuple(-(to_image[r] * x + to_image[r + 1] * y + to_image[r + 2]) / z for r in (3, 6))  # type: ignore[return-value]


def _stretch(a: float, b: float, c: float, d: float) -> float:
    """The larger singular value of ((a, b), (c, d))."""
    squares, det = a * a + b * b + c * c + d * d, a * d - b * c
    return sqrt((squares + sqrt(max(squares * squares - 4 * det * det, 0.0))) / 2)


def _fit(floor: Sequence[Point], image: Sequence[Point]) -> Matrix:
    """The homography floor -> image, its weight positive at all points: the direct linear transformation of points made
    comparable (Hartley 1997). Weighing it by depth until the error is that in pixels wins 6 to 10 % of 2 cm."""
    if len(floor) < 4:
        raise NoFloor(f"a floor needs at least 4 points, here are {len(floor)}")
    there, here = _centred(floor), _centred(image)
    sources = [_apply(there, p) for p in floor]
    targets = [_apply(here, p) for p in image]
    rows = []
    for (x, y), (u, v) in zip(sources, targets, strict=True):
        rows.append((x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u))
        rows.append((0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v))
    found: Matrix = (*_least_squares(rows), 1.0)  # type: ignore[assignment]
    if min(found[6] * x + found[7] * y + 1.0 for x, y in sources) <= FLATTEST:
        raise NoFloor(
            "the points cannot all lie on one floor before the camera: two of them may be exchanged, "
            "or a pixel or its metres mistyped"
        )
    return product(product(inverse(here), found), there)


def _centred(points: Sequence[Point]) -> Matrix:
    """Moves points around the origin at a distance of about 1, so that no column outweighs another."""
    x = sum(p[0] for p in points) / len(points)
    y = sum(p[1] for p in points) / len(points)
    size = sum(hypot(p[0] - x, p[1] - y) for p in points) / len(points)
    if size == 0:
        raise NoFloor("the points are all the same one")
    return 1 / size, 0.0, -x / size, 0.0, 1 / size, -y / size, 0.0, 0.0, 1.0


def _apply(matrix: Matrix, point: Point) -> Point:
    x, y = point
    w = matrix[6] * x + matrix[7] * y + matrix[8]
    return (matrix[0] * x + matrix[1] * y + matrix[2]) / w, (matrix[3] * x + matrix[4] * y + matrix[5]) / w


def _least_squares(rows: Sequence[Sequence[float]]) -> list[float]:
    """Solve rows (k coefficients, then the right side) by normal equations and elimination with row pivots."""
    k = len(rows[0]) - 1
    system = [[sum(row[i] * row[j] for row in rows) for j in range(k + 1)] for i in range(k)]
    for column in range(k):
        pivot = max(range(column, k), key=lambda r: abs(system[r][column]))
        if abs(system[pivot][column]) < FLATTEST:
            raise NoFloor(
                "the points lie on one line, or but for one: measure corners of an area, as wide as it is seen"
            )
        system[column], system[pivot] = system[pivot], system[column]
        for row in range(column + 1, k):
            factor = system[row][column] / system[column][column]
            for at in range(column, k + 1):
                system[row][at] -= factor * system[column][at]
    solved = [0.0] * k
    for row in reversed(range(k)):
        rest = sum(system[row][at] * solved[at] for at in range(row + 1, k))
        solved[row] = (system[row][k] - rest) / system[row][row]
    return solved


def product(a: Matrix, b: Matrix) -> Matrix:
    """Matrix product."""
    return tuple(sum(a[3 * r + k] * b[3 * k + c] for k in range(3)) for r in range(3) for c in range(3))  # type: ignore[return-value]


def inverse(m: Matrix) -> Matrix:
    """The inverse of a matrix that has one; as a homography, with the sign of its weights kept."""
    a, b, c, d, e, f, g, h, i = m
    first = (e * i - f * h, c * h - b * i, b * f - c * e)
    rest = (f * g - d * i, a * i - c * g, c * d - a * f, d * h - e * g, b * g - a * h, a * e - b * d)
    det = a * first[0] + b * rest[0] + c * rest[3]
    return tuple(value / det for value in first + rest)  # type: ignore[return-value]


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """Corners of the smallest convex area that holds the points, counter-clockwise in their own axes."""

    def chain(ordered: Sequence[Point]) -> list[Point]:
        side: list[Point] = []
        for point in ordered:
            while len(side) > 1 and _turn(side[-2], side[-1], point) <= 0:
                side.pop()
            side.append(point)
        return side[:-1]

    ordered = sorted(set(points))
    return chain(ordered) + chain(ordered[::-1])


def grown(corners: Sequence[Point], share: float) -> list[Point]:
    """A convex area made larger by share in every direction, about the mean of its corners."""
    x = sum(c[0] for c in corners) / len(corners)
    y = sum(c[1] for c in corners) / len(corners)
    return [(x + (c[0] - x) * (1 + share), y + (c[1] - y) * (1 + share)) for c in corners]


def _half_planes(corners: Sequence[Point]) -> list[tuple[float, float, float]]:
    """(nx, ny, limit) per side of a convex area: inside is nx x + ny y <= limit."""
    sides = zip(corners, [*corners[1:], corners[0]], strict=True)
    return [(y2 - y1, x1 - x2, x1 * (y2 - y1) + y1 * (x1 - x2)) for (x1, y1), (x2, y2) in sides]


def _turn(a: Point, b: Point, c: Point) -> float:
    """Positive when a, b, c turn to the left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
