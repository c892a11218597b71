"""`trackfold replay` and `trackfold export`: which units, from where, by how many processes, and what came of them."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra.config import Settings
from infra.kafka import connect_codec
from infra.local.files import locked
from schemas.errors import ExplainedError, InputError
from schemas.ids import safe_name
from schemas.site import Site
from schemas.topics import TRACK_UPDATES, TRACK_UPDATES_BACKFILL, Topic
from streams import published
from streams.book import RulesBook
from streams.progress import place_of
from streams.replay import export as exporting
from streams.replay import log, processes
from streams.replay.share import Share
from streams.replay.telling import Progress
from streams.replay.unit import Outcome, Unit, units
from streams.replay.work import Counting, Folding, Work

Find = Callable[[Sequence[Unit]], list[Share]]
"""Where these units are."""
PROCESSES = os.cpu_count() or 1


class ReplayFailed(ExplainedError):
    """Some units could not be done; all others are written. Mend the cause or have the record skipped."""


@dataclass(frozen=True)
class Asked:
    """What is asked for, of a replay and of an export alike."""

    camera_ids: Sequence[str]
    days: Sequence[str]
    lane: str = "live"
    processes: int = PROCESSES
    records_per_second: float | None = None
    dry_run: bool = False
    topic: Topic | None = None
    """Another log than the lane's own."""

    @property
    def log(self) -> str:
        """Name of the topic that the lane is in."""
        return (self.topic or (TRACK_UPDATES if self.lane == "live" else TRACK_UPDATES_BACKFILL)).name


@dataclass(frozen=True)
class Summary:
    """What became of each unit: a line per camera and day."""

    outcomes: tuple[Outcome, ...]
    folder: Path | None
    """None: nothing was to be written."""

    def check(self) -> None:
        """Raise ReplayFailed when a unit could not be done."""
        failed = [o for o in self.outcomes if o.error is not None]
        if failed:
            raise ReplayFailed("\n".join(f"camera {o.unit.camera_id}, day {o.unit.day}: {o.error}" for o in failed))

    def __str__(self) -> str:
        lines = [_line(outcome) for outcome in self.outcomes if outcome.error is None]
        return "\n".join([*lines, "nothing is written" if self.folder is None else f"written to {self.folder}"])


def replay(
    settings: Settings, site: Site, asked: Asked, *, version: str, out: Path, exported: Path | None = None
) -> Summary:
    """Fold the units under the site's rules and write their events to <out>/<version>/<camera_id>/<day>.

    exported: a folder that `export` wrote; then no server is asked for anything.
    A unit that the fold cannot take has an error in the summary; all others are written.
    Raises SiteError, InputError, KafkaUnavailable, RegistryUnavailable, ProcessFailed.
    """
    folder = out / _version(version)
    wanted = _wanted(site, asked)
    rules = {unit.camera_id: site.effective_rules(unit.camera_id) for unit in wanted}
    if exported is None:
        codec = connect_codec(settings)
        known = published.read_rules(settings, codec)
        skips = frozenset(published.read_skips(settings, codec))
        find: Find = partial(log.stretches, settings, asked.log)
    else:
        there = exporting.shares(exported, wanted)
        sets, skipped = exporting.beside(exported, there)
        known, skips = published.understood(sets), frozenset(map(place_of, skipped))
        find = partial(_of_units, there)
    book = RulesBook(rules, known | {law.version: law for law in rules.values()})
    return _do(settings, asked, wanted, Folding(folder, book, skips), find, folder, str(exported or asked.log))


def export(settings: Settings, site: Site, asked: Asked, *, out: Path) -> Summary:
    """Write the units' log to <out>/<lane>/<camera_id>/<day>. Raises as replay does."""
    codec = connect_codec(settings)
    rules = {law.rules_version: law for law in published.read_rules_records(settings, codec)}
    work = exporting.Exporting(out, rules, published.read_skip_records(settings, codec))
    find = partial(log.stretches, settings, asked.log)
    return _do(settings, asked, _wanted(site, asked), work, find, out, asked.log)


def _do(
    settings: Settings,
    asked: Asked,
    wanted: Sequence[Unit],
    work: Work,
    find: Find,
    folder: Path,
    source: str,
) -> Summary:
    """Do what is not there yet."""
    if asked.dry_run:
        return _summary(wanted, _done(settings, asked, wanted, work, find), None, asked, source)
    with locked(folder / ".lock", lambda: print(f"{folder}: waiting for another process", file=sys.stderr)):
        return _summary(wanted, _done(settings, asked, wanted, work, find), folder, asked, source)


def _done(
    settings: Settings,
    asked: Asked,
    wanted: Sequence[Unit],
    work: Work,
    find: Find,
) -> dict[Unit, Outcome]:
    shares = find(wanted)
    found = ((unit, work.kept(unit, share)) for share in shares for unit in share.units)
    done = {unit: outcome for unit, outcome in found if outcome is not None}
    left = [unit for unit in wanted if unit not in done]
    if done:
        shares = find(left)
    progress = Progress(len(left), sum(share.records for share in shares))

    def tell(told: int | Outcome) -> None:
        if isinstance(told, Outcome):
            done[told.unit] = told
        progress.take(told)

    try:
        if shares:
            doing = Counting(work) if asked.dry_run else work
            processes.do(settings, doing, shares, asked.processes, asked.records_per_second, tell)
    finally:
        progress.end()
    return done


def _summary(
    wanted: Sequence[Unit], done: dict[Unit, Outcome], folder: Path | None, asked: Asked, source: str
) -> Summary:
    outcomes = tuple(done.get(unit, Outcome(unit, 0)) for unit in wanted)
    if not any(outcome.records or outcome.error for outcome in outcomes):
        raise InputError(
            f"no record of {', '.join(asked.camera_ids)} on {', '.join(asked.days)} in {source}, lane {asked.lane}: "
            "look at the days, the lane and the topic's retention"
        )
    return Summary(outcomes, folder)


def _wanted(site: Site, asked: Asked) -> list[Unit]:
    rules = {camera_id: site.effective_rules(camera_id) for camera_id in asked.camera_ids}
    return units(rules, asked.days, asked.lane)


def _of_units(there: Sequence[Share], some: Sequence[Unit]) -> list[Share]:
    return [share for share in there if share.units[0] in some]


def _version(name: str) -> str:
    if name == "live":
        raise InputError("--version live is what the cameras write; choose another name for a replay")
    try:
        return safe_name(name)
    except ValueError as error:
        raise InputError(f"--version: {error}") from error


def _line(outcome: Outcome) -> str:
    if not outcome.records:
        return f"{outcome.unit}: no record"
    counts = "".join(f", {number} {name}" for name, number in outcome.written.items())
    return f"{outcome.unit}: {outcome.records} records{counts}" + (" (there already)" if outcome.kept else "")
