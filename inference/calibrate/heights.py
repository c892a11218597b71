"""How a camera is tilted and how high it hangs, from how tall people look near the foot of the image and near its top.

For a camera without roll over a flat floor, tan(angle of the head below the horizon) / tan(angle of the foot) is
1 - body height / camera height, wherever somebody stands: the tilt that makes this equal in all rows of the image is
the camera's. (The linear form, box height against distance from the horizon, is Hoiem's, 2008; it holds far away only.)
The field of view must be known: measured, heights alone tell it to within 20 degrees at best. Assumed: the optical
axis in the middle of the image, no lens distortion, and a mean body height.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.geometry import Point
from schemas.pose import Pose

Floats = npt.NDArray[np.float64]

ROWS = 14
"""Bands of the image; each counts alike, however long somebody stood in it."""
PER_ROW_MIN, ROWS_MIN, BOXES_MIN = 15, 5, 200
EDGE_PX = 3.0
TALL_QUANTILE = 0.6
"""Of a band's boxes: a body half hidden is seen shorter, never taller."""
RESAMPLES = 100
SPREAD_MAX = 0.04
"""Rows whose mean body heights differ more hold people with hidden legs, or a floor that is not flat."""
TILTS_DEG = np.arange(2.0, 85.0, 0.25)


class NotEnough(ValueError):
    """The boxes cannot tell; the text says what is missing."""


@dataclass(frozen=True)
class Heights:
    """What the boxes say."""

    pose: Pose
    """The lens stands above the origin of the floor, which is straight below it; y is ahead."""
    tilt_deg: tuple[float, float]
    """Nine of ten resamples of the people lie between these."""
    boxes: int
    people: int
    spread: float
    """How much body heights differ from row to row under this pose, as a share."""
    rows: tuple[float, float]
    """Feet were seen between these, pixels."""
    columns: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """People are as tall in all rows of the image."""
        return self.spread <= SPREAD_MAX and self.pose.believable

    def floor_points(self, width_px: int, height_px: int) -> list[tuple[Point, Point]]:
        """Four (pixel, metres) of the floor where people were seen, as if somebody had measured them."""
        (top, bottom), (left, right) = self.rows, self.columns
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        return [((x, y), _on_floor(self.pose, x - width_px / 2, y - height_px / 2)) for x, y in corners]


def heights(
    boxes: Floats, people: Sequence[int], width_px: int, height_px: int, *, body_height_m: float, view_deg: float
) -> Heights:
    """boxes: (N, 4) x1, y1, x2, y2 in pixels; people: whose box each is (resampled as a whole); view_deg: the camera's
    horizontal field of view. Raises NotEnough.
    """
    whole = (boxes[:, :2] > EDGE_PX).all(axis=1) & (boxes[:, 2:] < (width_px - EDGE_PX, height_px - EDGE_PX)).all(
        axis=1
    )
    boxes, whose = boxes[whole], np.asarray(people)[whole]
    if len(boxes) < BOXES_MIN:
        raise NotEnough(f"{len(boxes)} boxes that no edge of the image cuts off; {BOXES_MIN} are needed: record longer")
    focal_px = float(width_px / 2 / np.tan(np.radians(view_deg) / 2))
    edges = np.linspace(np.quantile(boxes[:, 3], 0.01), np.quantile(boxes[:, 3], 0.99), ROWS + 1)
    band = np.clip(np.searchsorted(edges, boxes[:, 3]) - 1, 0, ROWS - 1)
    found = _fit(boxes, band, focal_px, height_px)
    if found is None:
        raise NotEnough(
            f"people's feet are seen in too few rows of the image ({edges[0]:.0f} to {edges[-1]:.0f}): wait until some "
            "walk towards the camera and away from it"
        )
    tilt, share, spread = found
    again = _tilts_again(boxes, band, whose, focal_px, height_px)
    columns = np.quantile((boxes[:, 0] + boxes[:, 2]) / 2, (0.05, 0.95))
    low, high = np.quantile(again or TILTS_DEG, (0.05, 0.95))
    return Heights(
        pose=Pose((0.0, 0.0, body_height_m / share), tilt, focal_px, view_deg),
        tilt_deg=(float(low), float(high)),
        boxes=len(boxes),
        people=len(np.unique(whose)),
        spread=spread,
        rows=(float(edges[0]), float(edges[-1])),
        columns=(float(columns[0]), float(columns[1])),
    )


def _tilts_again(
    boxes: Floats, band: npt.NDArray[np.int_], whose: npt.NDArray[np.int_], focal_px: float, height_px: int
) -> list[float]:
    """The tilt that other people of the same kind would have given: the bootstrap over people."""
    random = np.random.default_rng(1)
    groups = [np.flatnonzero(whose == person) for person in np.unique(whose)]
    tilts = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([groups[at] for at in random.integers(0, len(groups), len(groups))])
        found = _fit(boxes[chosen], band[chosen], focal_px, height_px)
        if found is not None:
            tilts.append(found[0])
    return tilts


def _fit(
    boxes: Floats, band: npt.NDArray[np.int_], focal_px: float, height_px: int
) -> tuple[float, float, float] | None:
    """(tilt in degrees, body height / camera height, spread over the rows); None when too few rows are seen."""
    rows = np.flatnonzero(np.bincount(band, minlength=ROWS) >= PER_ROW_MIN)
    if len(rows) < ROWS_MIN:
        return None
    feet = np.array([np.median(boxes[band == row, 3]) for row in rows]) - height_px / 2
    tall = np.array([np.quantile((boxes[:, 3] - boxes[:, 1])[band == row], TALL_QUANTILE) for row in rows])
    tilts = np.radians(TILTS_DEG)[:, None]
    foot, head = (tilts + np.arctan(v / focal_px) for v in (feet, feet - tall))
    share = 1 - np.tan(head) / np.tan(foot)
    middle = np.median(share, axis=1)
    spread = np.where(
        ((foot > 0) & (foot < np.pi / 2) & (share > 0)).all(axis=1),
        np.mean(np.abs(share / middle[:, None] - 1), axis=1),
        np.inf,
    )
    best = int(np.argmin(spread))
    return (float(TILTS_DEG[best]), float(middle[best]), float(spread[best])) if spread[best] < np.inf else None


def _on_floor(pose: Pose, right_px: float, down_px: float) -> Point:
    """Metres (right, ahead) of the floor seen so far from the middle of the image."""
    tilt = np.radians(pose.tilt_deg)
    far = pose.lens_m[2] / (np.sin(tilt) + down_px / pose.focal_px * np.cos(tilt))
    ahead = np.cos(tilt) - down_px / pose.focal_px * np.sin(tilt)
    return float(right_px / pose.focal_px * far), float(ahead * far)
