"""The commands `promote`, `rollback` and `rows`: their options. All else is imported late."""

import argparse
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra import person
from infra.config import Settings
from schemas.site import load_site

if TYPE_CHECKING:
    from connectors.promote.ports import History, Word
    from connectors.promote.service import Promoting

PROMOTE = """\
  trackfold promote --version trial                     all camera-days of the replay, at once
  trackfold promote --version trial --camera till --day 2026-03-02 --reason 'the new zone'

Rows, topic and snapshots change over; clips are inherited, or cut where there is a recording. Incidents are reported
with --report-incidents alone. Killed on the way, the next promote or rollback first finishes it."""
ROLLBACK = """\
  trackfold rollback                                    undo the last promotion (or the last rollback)
  trackfold rollback --camera till --day 2026-03-02 --to live"""

ROWS = """\
  trackfold rows --rebuild --site shop.yaml             after the database was lost, or dropped

Rows that are there replace themselves, so that it may be called again, and beside the sink."""


def promote(arguments: argparse.Namespace, settings: Settings, history: "History") -> int:
    """Make a replay count: in SQL, in the topic episodes, in the snapshots."""
    _promoting(arguments, settings, history).promote(
        arguments.version,
        arguments.camera or (),
        arguments.day or (),
        _word(arguments),
        report_incidents=arguments.report_incidents,
    )
    return 0


def rollback(arguments: argparse.Namespace, settings: Settings, history: "History") -> int:
    """Let what counted before count again."""
    promoting = _promoting(arguments, settings, history)
    promoting.rollback(arguments.to, arguments.camera or (), arguments.day or (), _word(arguments))
    return 0


def rows(arguments: argparse.Namespace, settings: Settings, history: "History") -> int:
    """Load ClickHouse anew from the topics, and from the replays that count."""
    from connectors.clickhouse import service

    for table, count in service.rebuild(settings, load_site(arguments.site)).items():
        print(f"{table}: {count} records")
    _promoting(arguments, settings, history).state_again()
    return 0


def commands(
    history: "Callable[[], History]",
) -> tuple[
    tuple[str, Callable[[argparse.Namespace, Settings], int], str, Callable[[argparse.ArgumentParser], None]], ...
]:
    """Name, call, examples, options; history: where the commands find what the fold's side knows."""

    def with_history(call: "Callable[[argparse.Namespace, Settings, History], int]") -> Callable[..., int]:
        def called(arguments: argparse.Namespace, settings: Settings) -> int:
            return call(arguments, settings, history())

        called.__doc__ = call.__doc__
        return called

    return (
        ("promote", with_history(promote), PROMOTE, _promote_options),
        ("rollback", with_history(rollback), ROLLBACK, _rollback_options),
        ("rows", with_history(rows), ROWS, _rows_options),
    )


def _promote_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--version", required=True, metavar="NAME", help="a replay on this machine")
    sub.add_argument("--report-incidents", action="store_true", help="report what is new to the incident API")
    _common(sub)


def _rollback_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--to", metavar="NAME", help="live, or a version that counted (default: the one before)")
    _common(sub)


def _rows_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--rebuild", action="store_true", required=True, help="from the topics")


def _common(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--camera", action="append", metavar="ID", help="only this camera (again for more)")
    sub.add_argument("--day", action="append", metavar="YYYY-MM-DD", help="only this business day (again for more)")
    sub.add_argument("--reason", default="", metavar="WHY", help="in your words, for the audit")
    sub.add_argument("--by", metavar="NAME", help="who (default: the user of the operating system)")


def _promoting(arguments: argparse.Namespace, settings: Settings, history: "History") -> "Promoting":
    from connectors.promote.service import Promoting

    return Promoting(settings, load_site(arguments.site), history, print)


def _word(arguments: argparse.Namespace) -> "Word":
    from connectors.promote.ports import Word

    return Word(arguments.by or person.name(), arguments.reason, time.time_ns() // 1_000_000)
