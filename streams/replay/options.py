"""The commands `replay` and `export`: their options, and what they say. All else is imported late."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from infra.config import Settings
from schemas.errors import InputError
from schemas.site import Site, load_site

if TYPE_CHECKING:
    from streams.replay.run import Asked, Summary

REPLAY = """\
  trackfold replay --day 2026-03-02 --version trial --site new.yaml
  trackfold replay --day 2026-03-02..2026-03-08 --camera till --camera door --version trial --site new.yaml
  trackfold replay --day 2026-03-02 --version trial --dry-run         how many records there are
  trackfold replay --day 2026-03-02 --version trial --from /srv/log   from an export, without a server
  trackfold replay --day 2025-11-29 --lane november                   old footage, under its own name

Called again it goes on where it was broken off: what was made from the same log under the same rules is kept."""
EXPORT = """\
  trackfold export --day 2026-03-02..2026-03-08 --out /srv/log       before retention takes it
  trackfold export --day 2026-03-02 --camera till --out /srv/log --records-per-second 5000"""


def replay(arguments: argparse.Namespace, settings: Settings) -> int:
    """Fold days of cameras again, under any rules."""
    from streams.replay import run

    site = load_site(arguments.site)
    version = arguments.version or (arguments.lane if arguments.lane != "live" else None)
    if version is None:
        raise InputError("--version is missing: the name under which the result is kept")
    out = arguments.out or settings.data_dir / "replays"
    return _told(
        run.replay(settings, site, _asked(arguments, site), version=version, out=out, exported=arguments.exported)
    )


def export(arguments: argparse.Namespace, settings: Settings) -> int:
    """Keep days of the log as files, from which they can be replayed."""
    from streams.replay import run

    site = load_site(arguments.site)
    return _told(run.export(settings, site, _asked(arguments, site), out=arguments.out))


def _told(summary: "Summary") -> int:
    print(summary)
    summary.check()
    return 0


def _asked(arguments: argparse.Namespace, site: Site) -> "Asked":
    from streams.replay.run import PROCESSES, Asked
    from streams.replay.unit import days_of

    return Asked(
        camera_ids=list(dict.fromkeys(arguments.camera or [camera.camera_id for camera in site.cameras])),
        days=sorted({day for text in arguments.day for day in days_of(text)}),
        lane=arguments.lane,
        processes=arguments.processes or PROCESSES,
        records_per_second=arguments.records_per_second,
        dry_run=arguments.dry_run,
    )


def _add(parser: argparse.ArgumentParser) -> None:
    """What both commands take."""
    parser.add_argument("--camera", action="append", metavar="ID", help="only this camera (again for more)")
    parser.add_argument(
        "--day", action="append", required=True, metavar="DAY[..DAY]", help="business day, or a range (again for more)"
    )
    parser.add_argument("--lane", default="live", help="live, or the name of a backfill (default: live)")
    parser.add_argument("--processes", type=_count, metavar="N", help="at once (default: as many as there are cores)")
    parser.add_argument(
        "--records-per-second", type=_rate, metavar="N", help="no more of the log's records than so many"
    )
    parser.add_argument("--dry-run", action="store_true", help="count the records, write nothing")


def _add_replay(parser: argparse.ArgumentParser) -> None:
    _add(parser)
    parser.add_argument("--version", help="name of the result (default: the lane's, if it is not live)")
    parser.add_argument("--from", type=Path, dest="exported", metavar="DIR", help="what `trackfold export` wrote")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: <data-dir>/replays")


def _add_export(parser: argparse.ArgumentParser) -> None:
    _add(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="what is there already is kept")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: one at least")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r}: more than 0")
    return value


COMMANDS: tuple[
    tuple[
        str,
        Callable[[argparse.Namespace, Settings], int],
        str,
        Callable[[argparse.ArgumentParser], None],
    ],
    ...,
] = (("replay", replay, REPLAY, _add_replay), ("export", export, EXPORT, _add_export))
