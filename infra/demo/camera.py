"""A pinhole camera over a floor in metres.

Floor frame, one per camera: origin under the lens, x to the right, y straight ahead, z up from the floor. The camera
looks along y, tilted down; it has no roll. Pixels: origin top-left, x right, y down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pinhole:
    """The camera: where it hangs and what it sees."""

    height_m: float
    tilt_deg: float
    """Below the horizon."""
    focal_px: float
    width_px: int = 640
    height_px: int = 360

    @property
    def depth_factor(self) -> float:
        """k = 1 / sin(tilt): how much more floor a vertical pixel in the middle of the image covers."""
        return 1 / sin(radians(self.tilt_deg))

    def depth_m(self, points: Floats) -> Floats:
        """Distance along the optical axis, in metres: points (..., 3) -> (...)."""
        tilt = radians(self.tilt_deg)
        depth: Floats = points[..., 1] * cos(tilt) + (self.height_m - points[..., 2]) * sin(tilt)
        return depth

    def project(self, points: Floats) -> Floats:
        """Image positions in pixels of points (..., 3) in metres -> (..., 2). Points must lie before the camera."""
        tilt = radians(self.tilt_deg)
        below = self.height_m - points[..., 2]
        depth = points[..., 1] * cos(tilt) + below * sin(tilt)
        down = below * cos(tilt) - points[..., 1] * sin(tilt)
        scale = self.focal_px / depth
        return np.stack((self.width_px / 2 + points[..., 0] * scale, self.height_px / 2 + down * scale), axis=-1)

    def pixel(self, x_m: float, y_m: float, z_m: float = 0.0) -> tuple[float, float]:
        """Image position of one point."""
        u, v = self.project(np.array((x_m, y_m, z_m)))
        return float(u), float(v)

    def polygon(self, corners_m: Iterable[tuple[float, float]], z_m: float = 0.0) -> list[tuple[float, float]]:
        """A floor polygon, or one at height z_m, drawn on the image; corners are clipped to it."""
        points = (self.pixel(x, y, z_m) for x, y in corners_m)
        return [
            (round(min(max(u, 0.0), float(self.width_px)), 1), round(min(max(v, 0.0), float(self.height_px)), 1))
            for u, v in points
        ]

    def rays(self, supersample: int = 1) -> Floats:
        """Directions through every pixel centre, (rows, columns, 3), in the floor frame; y > 0 not guaranteed."""
        tilt, step = radians(self.tilt_deg), 1 / supersample
        u = (np.arange(self.width_px * supersample) + 0.5) * step - self.width_px / 2
        v = (np.arange(self.height_px * supersample) + 0.5) * step - self.height_px / 2
        right, down = np.meshgrid(u / self.focal_px, v / self.focal_px)
        return np.stack((right, cos(tilt) - down * sin(tilt), -sin(tilt) - down * cos(tilt)), axis=-1)
