"""Where a camera hangs and how it looks, reckoned from its floor: Zhang's constraints on one homography.

Assumed: square pixels, the optical axis in the middle of the image, no lens distortion.
"""

from dataclasses import dataclass
from math import asin, atan, degrees, hypot, radians, sin, sqrt

from schemas.floor import Floor

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """A camera above a floor."""

    lens_m: Vector
    """Above which point of the floor, and how high."""
    tilt_deg: float
    """Of the optical axis below the horizon."""
    focal_px: float
    view_deg: float
    """Horizontal field of view."""

    @property
    def depth_factor(self) -> float:
        """k = 1 / sin(tilt): how much more floor a vertical pixel in the middle of the image covers."""
        return 1 / max(0.01, sin(radians(self.tilt_deg)))

    @property
    def believable(self) -> bool:
        """A camera that somebody could have hung up: 1 to 30 m high, 15 to 130 degrees wide."""
        return 1.0 <= self.lens_m[2] <= 30.0 and 15.0 <= self.view_deg <= 130.0

    def told(self) -> str:
        """In a sentence for who measured the floor."""
        x, y, height = (round(value, 2) + 0.0 for value in self.lens_m)  # no -0.00
        text = (
            f"camera: {height:.2f} m above ({x:.2f}, {y:.2f}), tilted {self.tilt_deg:.1f} degrees, "
            f"field of view {self.view_deg:.0f} degrees"
        )
        return text if self.believable else f"{text}: nobody hangs such a camera; measure spots that lie farther apart"


def pose_of(floor: Floor, width_px: int, height_px: int) -> Pose | None:
    """The camera that sees this floor in an image of that size; None when no camera could."""
    h = floor.to_image
    middle_x, middle_y = width_px / 2, height_px / 2
    right, ahead, origin = ((h[c] - middle_x * h[6 + c], h[3 + c] - middle_y * h[6 + c], h[6 + c]) for c in range(3))
    # The images of two perpendicular metres: K^-1 times them is perpendicular and of one length. Linear in 1 / f^2.
    across, along = _dot2(right, ahead), (_dot2(right, right) - _dot2(ahead, ahead)) / 2
    fixed_across, fixed_along = right[2] * ahead[2], (right[2] ** 2 - ahead[2] ** 2) / 2
    weight = across * across + along * along
    inverse_2 = 0.0 if weight == 0 else -(across * fixed_across + along * fixed_along) / weight
    if inverse_2 <= 0:
        return None
    focal = 1 / sqrt(inverse_2)
    r1, r2, t = ((v[0] / focal, v[1] / focal, v[2]) for v in (right, ahead, origin))
    size = sqrt(_length(r1) * _length(r2))
    r1, r2, t = (_scaled(v, 1 / size) for v in (r1, r2, t))
    up = _cross(r1, r2)
    return Pose(
        lens_m=(-_dot(r1, t), -_dot(r2, t), abs(_dot(up, t))),
        tilt_deg=degrees(asin(min(1.0, abs(up[2]) / _length(up)))),
        focal_px=focal,
        view_deg=degrees(2 * atan(middle_x / focal)),
    )


def _dot2(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _dot(a: Vector, b: Vector) -> float:
    return _dot2(a, b) + a[2] * b[2]


def _length(a: Vector) -> float:
    return hypot(*a)


def _scaled(a: Vector, by: float) -> Vector:
    return a[0] * by, a[1] * by, a[2] * by


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
