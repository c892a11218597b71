"""`trackfold calibrate`: what is known of a camera's floor, what to paste into the site file, and a picture of it all.

Nothing is changed by itself: the site file is the person's.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from inference.calibrate.frame import Image, frame_of
from inference.calibrate.points import read_points
from inference.calibrate.report import Found, as_yaml, by_heights, by_points
from inference.calibrate.seen import boxes_of_log, boxes_of_recording
from infra.config import Settings
from schemas.errors import InputError
from schemas.floor_quality import Measured
from schemas.rules import CameraRules
from schemas.site import Camera, Site


def run(
    settings: Settings, site: Site, site_path: Path, arguments: argparse.Namespace, say: Callable[[str], None]
) -> int:
    """Print what is found; the exit code is 1 when points do not agree. Raises InputError and what reading raises."""
    camera, base = site.camera(arguments.camera), site.base(site_path)
    rules = site.effective_rules(camera.camera_id)
    frame: Image | None = None
    wanted = {"--picture": arguments.picture, "--reference": arguments.reference}
    for option, path in wanted.items():
        if path is not None and path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            raise InputError(f"{option} {path}: name a .png or .jpg file")
    if any(wanted.values()):
        source, where = (arguments.image, Path()) if arguments.image else (camera.detected_source, base)
        frame = frame_of(source, where, arguments.at)
        camera.check_image(frame.shape[1], frame.shape[0])
    size = _size(camera, frame)
    if arguments.heights:
        boxes = (
            boxes_of_recording(arguments.detections)
            if arguments.detections
            else boxes_of_log(settings, camera.camera_id, arguments.lane)
        )
        found = by_heights(boxes, rules, arguments.view)
    else:
        measured = _measured(arguments.points, rules)
        if measured is None and frame is None:
            raise InputError(
                f"camera {camera.camera_id}: no floor is measured: give --points FILE (each line: pixel x, pixel y, "
                "metres x, metres y), or --heights to reckon from people, or --picture to see what is drawn, "
                "or --reference to keep a frame"
            )
        found = Found([]) if measured is None else by_points(measured, rules, size)
    for line in found.lines:
        say(line)
    if found.depth_factor is not None or found.plan is not None:
        say(f"\npaste into camera {camera.camera_id} in {site_path}:\n")
        say(as_yaml(found.plan, found.depth_factor))
    if frame is not None and arguments.reference is not None:
        _write(arguments.reference, frame, "--reference")
        say(f"kept: {arguments.reference}; name it as `reference` of camera {camera.camera_id} in {site_path}")
    if frame is not None and arguments.picture is not None:
        _save(arguments.picture, frame, rules, found)
        say(f"{'' if not found.lines else chr(10)}drawn: {arguments.picture}")
    return 0 if found.sound else 1


def _measured(path: Path | None, rules: CameraRules) -> list[Measured] | None:
    if path is not None:
        try:
            return read_points(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise InputError(f"--points {path}: {error.strerror}; name a file of measured points") from error
    return None if rules.floor is None else [(point.pixel, point.floor_m) for point in rules.floor.points]


def _size(camera: Camera, frame: Image | None) -> tuple[int, int] | None:
    if frame is not None:
        return frame.shape[1], frame.shape[0]
    return (camera.image_width, camera.image_height) if camera.image_width and camera.image_height else None


def _save(path: Path, frame: Image, rules: CameraRules, found: Found) -> None:
    """Draw over the frame. OpenCV comes with the extras `demo` and `detect`, which whoever runs a camera has."""
    from inference.calibrate.picture import Marks, draw

    notes = []
    if found.plan is not None and found.plan != rules.floor:
        rules = rules.model_copy(update={"floor": found.plan})
        notes = ["the floor is the one that was printed: it is not in the site file yet"]
    _write(path, draw(frame, rules, Marks(found.marks or [], notes)), "--picture")


def _write(path: Path, image: Image, option: str) -> None:
    import cv2

    done, data = cv2.imencode(path.suffix, image)
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise InputError(f"{option} {path}: cannot be written: {error.strerror}") from error
    assert done
