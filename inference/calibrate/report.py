"""What a calibration comes to, in words for a person and in lines for the site file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.calibrate.heights import Heights, NotEnough, heights
from inference.calibrate.seen import Boxes
from schemas.errors import InputError
from schemas.floor import Floor, NoFloor
from schemas.floor_quality import Measured, quality
from schemas.geometry import inside
from schemas.pose import Pose, pose_of
from schemas.rules import CameraRules, FloorPlan, FloorPoint

VIEWS_DEG = (60.0, 75.0, 90.0)
"""Fields of view of shop cameras: what is told when nobody says which one it is."""
LENS_M = 0.5
"""Two places of the lens that are this far apart are worth a word."""


@dataclass(frozen=True)
class Found:
    """What a calibration comes to."""

    lines: list[str]
    plan: FloorPlan | None = None
    depth_factor: float | None = None
    marks: list[tuple[tuple[float, float], str, bool]] | None = None
    sound: bool = True


def by_points(measured: Sequence[Measured], rules: CameraRules, size: tuple[int, int] | None) -> Found:
    """How well the points agree, and the camera that they make. size: of the image in pixels, if known."""
    try:
        checked = quality(measured)
    except NoFloor as error:
        raise InputError(f"camera {rules.camera_id}: {error}") from error
    lines = [f"{rules.camera_id}: {len(measured)} points", "  point  pixel             floor m           off by"]
    for number, ((pixel, metres), error_m) in enumerate(zip(measured, checked.errors_m, strict=True), 1):
        flag = "  <- measure again" if number - 1 == checked.suspect else ""
        lines.append(f"  {number:<5}  {_pair(pixel, 0):<16}  {_pair(metres, 2):<16}  {error_m:.2f} m{flag}")
    good = checked.good(measured)
    lines.append(checked.told() + ("" if checked.suspect is None else ": left out below"))
    pose = None if size is None else pose_of(Floor(good), *size)
    lines.append(_told(pose, size))
    believed = pose if pose is not None and pose.believable else None
    given = None if rules.floor is None else rules.floor.lens_m
    lens = None if believed is None else believed.lens_m
    if given is not None and lens is not None and max(abs(a - b) for a, b in zip(given, lens, strict=True)) > LENS_M:
        lines.append(f"lens_m in the site file is {_list(given, 2)}: if it was measured with a tape, keep that")
    marks = [
        (pixel, f"{number}: {error_m:.2f} m", number - 1 == checked.suspect)
        for number, ((pixel, _), error_m) in enumerate(zip(measured, checked.errors_m, strict=True), 1)
    ]
    return Found(
        lines,
        FloorPlan(points=tuple(FloorPoint(pixel=p, floor_m=m) for p, m in good), lens_m=lens or given),
        None if believed is None else believed.depth_factor,
        marks,
        sound=checked.sound,
    )


def by_heights(boxes: Boxes, rules: CameraRules, view_deg: float | None) -> Found:
    """The camera under which people are as tall everywhere; several, when its field of view is not known."""
    hidden = [point.staff_area for point in rules.service_points] + list(rules.ignore_areas)
    keep = [not any(inside(((b[0] + b[2]) / 2, b[3]), area) for area in hidden) for b in boxes.boxes.tolist()]
    mask = np.array(keep, bool)
    people = [person for person, kept in zip(boxes.people, keep, strict=True) if kept]
    tall_m = rules.thresholds.near.body_height_m
    try:
        found = {
            view: heights(
                boxes.boxes[mask], people, boxes.width_px, boxes.height_px, body_height_m=tall_m, view_deg=view
            )
            for view in (VIEWS_DEG if view_deg is None else (view_deg,))
        }
    except NotEnough as error:
        raise InputError(f"camera {rules.camera_id}: {boxes.where}: {error}") from error
    one = list(found.values())[len(found) // 2]
    lines = [
        f"{rules.camera_id}: {one.boxes} boxes of {one.people} people from {boxes.where},"
        f" taken to be {tall_m:g} m tall",
        "  field of view  tilt             height  depth_factor  rows differ by",
        *(_row(view, each) for view, each in found.items()),
    ]
    if view_deg is None:
        lines.append(
            "sure: no. Which line holds is the camera's field of view: find it in the data sheet, give --view DEGREES"
        )
        return Found(lines, None, round(one.pose.depth_factor, 2))
    low, high = one.tilt_deg
    if not one.agrees:
        lines.append(
            "sure: no. People are not equally tall in all rows: legs are hidden (draw counters as service points), the "
            "floor is not flat, or the field of view is another"
        )
        return Found(lines, None, round(one.pose.depth_factor, 2), sound=False)
    lines.append(
        f"sure: {'yes' if high - low <= 5 else 'fairly'}. With other people the tilt would lie between {low:.0f} and "
        f"{high:.0f} degrees; metres are as right as the mean body height"
    )
    points = tuple(
        FloorPoint(pixel=_rounded(p), floor_m=_rounded(m, 2))
        for p, m in one.floor_points(boxes.width_px, boxes.height_px)
    )
    lens = (0.0, 0.0, round(one.pose.lens_m[2], 2))
    return Found(lines, FloorPlan(points=points, lens_m=lens), round(one.pose.depth_factor, 2))


def as_yaml(plan: FloorPlan | None, depth_factor: float | None) -> str:
    """The lines of a camera's entry."""
    lines = []
    if plan is not None:
        lines += ["    floor:", "      points:"]
        lines += [f"        - {{pixel: {_list(p.pixel, 1)}, floor_m: {_list(p.floor_m, 3)}}}" for p in plan.points]
        lines += [f"      lens_m: {_list(plan.lens_m, 2)}"] if plan.lens_m is not None else []
    if depth_factor is not None:
        lines += ["    rules:", f"      near: {{depth_factor: {depth_factor:.2f}}}"]
    return "\n".join(lines)


def _told(pose: Pose | None, size: tuple[int, int] | None) -> str:
    if size is None:
        return "camera: not known; write image_width and image_height into the site file, and its place is reckoned"
    if pose is None:
        return "camera: none could see such a floor; the points are wrong, or the picture is cropped or bent"
    return pose.told()


def _row(view_deg: float, found: Heights) -> str:
    low, high = found.tilt_deg
    pose = found.pose
    tilt = f"{pose.tilt_deg:.0f} ({low:.0f} to {high:.0f})"
    return f"  {view_deg:<13g}  {tilt:<15}  {pose.lens_m[2]:.1f} m   {pose.depth_factor:<12.2f}  {found.spread:.1%}"


def _pair(point: Sequence[float], digits: int) -> str:
    x, y = (round(value, digits) + 0.0 for value in point)  # no -0.00
    return f"({x:.{digits}f}, {y:.{digits}f})"


def _list(values: Sequence[float], digits: int) -> str:
    return f"[{', '.join(f'{round(value, digits) + 0.0:g}' for value in values)}]"


def _rounded(point: tuple[float, float], digits: int = 1) -> tuple[float, float]:
    return round(point[0], digits), round(point[1], digits)
