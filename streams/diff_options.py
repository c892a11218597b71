"""The command `diff`: its options, and what it says. All else is imported late."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from infra.config import Settings
from schemas.errors import InputError
from schemas.site import Site, load_site

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.promotions import CameraDay
    from streams.diff import DayDiff

EXAMPLES = """\
  trackfold diff --version trial                        all that the replay has, against what is live
  trackfold diff --version trial --against other --camera till --day 2026-03-02
  trackfold diff --version trial --format json --picture trial.png

exit code 0 when nothing differs, 1 when something does"""


def add_arguments(sub: argparse.ArgumentParser) -> None:
    """The options."""
    sub.add_argument("--version", required=True, metavar="NAME", help="a replay on this machine")
    sub.add_argument("--against", default="live", metavar="NAME", help="live, or another replay (default: live)")
    add_days(sub)
    sub.add_argument("--format", choices=("text", "json"), default="text")
    sub.add_argument("--picture", type=Path, metavar="FILE.png", help="draw both as timelines")


def add_days(sub: argparse.ArgumentParser) -> None:
    """Which camera-days of a version; without them all that it has."""
    sub.add_argument("--camera", action="append", metavar="ID", help="only this camera (again for more)")
    sub.add_argument("--day", action="append", metavar="YYYY-MM-DD", help="only this business day (again for more)")


def diff(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show what differs between a replay and what is live, or another replay."""
    from infra.replays import camera_days
    from streams import diff_picture
    from streams.diff_text import as_json, text

    site = load_site(arguments.site)
    wanted = [
        (camera, day)
        for camera, day in camera_days(settings.replays_dir, arguments.version)
        if camera in (arguments.camera or [camera]) and day in (arguments.day or [day])
    ]
    if not wanted:
        raise InputError(f"replay {arguments.version} has no such camera and day: look into {settings.replays_dir}")
    days = compared(settings, site, arguments.against, arguments.version, wanted)
    if arguments.picture:
        diff_picture.draw(arguments.picture, days, arguments.version, arguments.against, site)
    if arguments.format == "json":
        print(json.dumps(as_json(days, arguments.version, arguments.against), indent=1, ensure_ascii=False))
    else:
        print(text(days, arguments.version, arguments.against, site))
    return 1 if any(day.differences for day in days) else 0


def compared(
    settings: Settings, site: Site, against: str, version: str, wanted: "Sequence[CameraDay]"
) -> "list[DayDiff]":
    """What differs, for each camera-day. Raises NoReplay, ServerErrors."""
    from streams import history
    from streams.diff import diff as differences

    return differences(*history.two_versions(settings, site, against, version, wanted), wanted)


COMMAND = ("diff", diff, EXAMPLES, add_arguments)
