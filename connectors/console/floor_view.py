"""A camera's floor as the set-up page shows it: metre lines in pixels, where distance is unknown, how well the points
agree (pure)."""

from collections.abc import Sequence
from itertools import groupby
from math import isfinite
from typing import Any

from schemas.floor import Floor, NoFloor
from schemas.floor_grid import lines, unknown
from schemas.floor_quality import Measured, quality
from schemas.geometry import Point
from schemas.pose import pose_of
from schemas.rules import NearRules

CELLS = 128
"""The known floor is asked for at so many places a row, 9,000 in all."""
Lens = tuple[float, float, float]


def floor_view(points: Sequence[Measured], lens: Lens | None, near: NearRules, size: tuple[int, int]) -> dict[str, Any]:
    """What the page draws and says of these points, ready for JSON; `told` says why where they make no floor."""
    try:
        checked = quality(points)
        floor = Floor(points, lens, pixel_max_m=near.pixel_max_m, growth=near.hull_growth)
    except NoFloor as error:
        return {"told": [str(error)], "sound": False}
    pose = pose_of(Floor(checked.good(points)), *size)
    none = "camera: none could see such a floor; the points are wrong, or the picture is cropped or bent"
    return {
        "told": [checked.told(), none if pose is None else pose.told()],
        "sound": checked.sound,
        "suspect": checked.suspect,
        "errors_m": [round(error, 3) if isfinite(error) else None for error in checked.errors_m],
        "lens_m": [round(v, 2) for v in pose.lens_m] if pose is not None and pose.believable else None,
        "lines": [
            {
                "metres": line.at_m,
                "strong": line.strong,
                "runs": [_path(run) for run in line.runs],
                "label": _rounded(line.runs[0][0] if line.along == 0 else line.runs[-1][-1]) if line.named else None,
            }
            for line in lines(floor)
        ],
        "unknown": _unknown(floor, *size),
    }


def _unknown(floor: Floor, width: int, height: int) -> str:
    """The cells where a distance is unknown as one SVG path, a rectangle for each stretch of a row."""
    step = max(1, width // CELLS)
    found = []
    for row, cells in enumerate(unknown(floor, width, height, step)):
        at = 0
        for is_unknown, stretch in groupby(cells):
            count = len(list(stretch))
            if is_unknown:
                found.append(f"M{at * step} {row * step}h{count * step}v{step}h{-count * step}z")
            at += count
    return "".join(found)


def _path(run: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run)


def _rounded(point: Point) -> list[float]:
    return [round(point[0], 1), round(point[1], 1)]
