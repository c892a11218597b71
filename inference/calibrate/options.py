"""The options of `trackfold calibrate`: light, for the command line reads them for every command."""

import argparse
from pathlib import Path

from infra.config import Settings
from schemas.site import load_site

EXAMPLES = """\
  trackfold calibrate till                              how well the floor in the site file fits its points
  trackfold calibrate till --points floor.txt           from a file, each line: pixel x, pixel y, metres x, metres y
  trackfold calibrate till --heights --view 75          the tilt, from how tall people in the log look
  trackfold calibrate till --heights --detections kept/till.npz
  trackfold calibrate till --picture till.png           floor grid, zones, service points over a frame
  trackfold calibrate till --reference ref.png          the frame by which a moved or covered camera is noticed

Measure 6 or more spots of floor that are easy to find in the picture (corners of tiles, feet of shelves), near and far,
left and right, with the metres counted from any corner in two directions at a right angle. The text to paste is
printed; no file is changed."""


def calibrate(arguments: argparse.Namespace, settings: Settings) -> int:
    """See, and measure, what a camera sees: floor, zones, tilt."""
    from inference.calibrate import service

    return service.run(settings, load_site(arguments.site), arguments.site, arguments, say=print)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("camera", metavar="CAMERA", help="camera_id, as in the site file")
    parser.add_argument(
        "--points", type=Path, metavar="FILE", help="measured spots of floor (default: the site file's)"
    )
    parser.add_argument("--heights", action="store_true", help="reckon the tilt from people's heights instead")
    parser.add_argument("--view", type=float, metavar="DEGREES", help="the camera's horizontal field of view")
    parser.add_argument("--detections", type=Path, metavar="FILE", help="people: kept detections instead of the log")
    parser.add_argument("--lane", default="live", help="people: which log (default: live)")
    parser.add_argument("--picture", type=Path, metavar="PNG", help="draw what is configured over a frame")
    parser.add_argument(
        "--reference", type=Path, metavar="PNG", help="keep the plain frame: what this camera is to see, from now on"
    )
    parser.add_argument("--image", metavar="FILE", help="take this picture or video instead of the camera's source")
    parser.add_argument("--at", type=float, default=0.0, metavar="S", help="seconds into the video (default: 0)")


COMMAND = ("calibrate", calibrate, EXAMPLES, add_arguments)
