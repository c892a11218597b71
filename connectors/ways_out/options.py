"""The commands `failed`, `retry`, `dlq` and `skip`: their options, and what they say. All else is imported late."""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra import person
from infra.config import Settings
from schemas.errors import InputError
from schemas.site import Site, load_site

if TYPE_CHECKING:
    from connectors.ways_out.dead_letters import Letter
    from connectors.ways_out.failures import Failure, Filter, Word
    from schemas.acts import EvidenceRemoved

FAILED = """\
  trackfold failed                            what failed, may have failed, is still tried, or stands still
  trackfold failed --ambiguous                only what somebody must find out
  trackfold failed --camera till --day 2026-03-02 --json

exit code 1 when something waits for a person, else 0"""
RETRY = """\
  trackfold retry 3f2a --step upload          one step of one episode (the id may be shortened)
  trackfold retry --camera till --day 2026-03-02
  trackfold retry --all --reason 'the storage is back' --wait 60
  trackfold retry 3f2a --not-accepted         the incident API's people say that it is not there
  trackfold retry 3f2a --accepted ext-000017  it is there, under this id: nothing is sent"""
DLQ = """\
  trackfold dlq                               letters that nobody has sent again
  trackfold dlq show clips/3/17               one, with its bytes
  trackfold dlq show clips/3/17 --out letter  its bytes as a file
  trackfold dlq republish clips/3/17          once it can be decoded, for its schema is registered now
  trackfold dlq republish clips/3/17 --file corrected.json --reason 'a bad unit'"""
SKIP = """\
  trackfold skip till --reason 'a broken frame'   pass over the record before which its fold stands"""
WAITS = ("failed", "ambiguous", "halted")
"""States that wait for a person."""


def failed(arguments: argparse.Namespace, settings: Settings) -> int:
    """List what failed, may have failed, is still tried, or stands still, with what to do."""
    from connectors.ways_out import service

    site = load_site(arguments.site)
    found = _filter(arguments).of(service.failures(settings, site))
    if arguments.json:
        print(json.dumps([dataclasses.asdict(failure) for failure in found], indent=1, ensure_ascii=False))
    else:
        print(_table(found, site))
    return 1 if any(failure.state in WAITS for failure in found) else 0


def retry(arguments: argparse.Namespace, settings: Settings) -> int:
    """Have failed steps done again by the connector that does them."""
    from connectors.ways_out import service
    from connectors.ways_out.failures import NothingToRetry, asks
    from infra.kafka import connect_codec

    chosen = _filter(arguments)
    if arguments.episode:
        chosen = dataclasses.replace(chosen, states=(*chosen.states, "partial"))
    named = (arguments.episode, arguments.camera, arguments.day, arguments.step, arguments.kind)
    if arguments.all == any(named):
        raise InputError("say which steps: an episode, --camera, --day, --step or --kind; or --all, alone")
    failures = service.failures(settings, load_site(arguments.site))
    found = [failure for failure in chosen.of(failures) if failure.step != "fold"]
    if arguments.episode and len({failure.episode_id for failure in found}) > 1:
        ids = sorted({str(failure.episode_id) for failure in found})
        raise NothingToRetry(f"{len(ids)} episodes begin with {arguments.episode!r}: {', '.join(ids[:5])}")
    if not found and arguments.episode:
        _refuse_removed(arguments.episode, service.removed(settings, connect_codec(settings)))
    if not found:
        raise NothingToRetry("there is no such failed step; `trackfold failed` lists those that there are")
    made, left = asks(found, _word(arguments, of_retry=True))
    service.send(settings, made)
    for ask in made:
        print(f"asked: {ask.step} {ask.part or ''} of episode {ask.episode_id} on {ask.camera_id}".replace("  ", " "))
    for failure in left:
        print(f"left: {failure.what} of episode {failure.episode_id} may have been accepted; {failure.do}")
    good = bool(made) and not left
    for ask, came in service.followed(settings, made, arguments.wait) if arguments.wait else ():
        print(f"{ask.step} {ask.part or ''} of episode {ask.episode_id}: {came}".replace("  ", " "))
        good = good and came in ("done", "partial")
    return 0 if good else 1


def _refuse_removed(given: str, removed: "Mapping[str, EvidenceRemoved]") -> None:
    from connectors.ways_out.failures import NothingToRetry

    for episode_id, removal in removed.items():
        if episode_id.startswith(given.lower()):
            raise NothingToRetry(
                f"the pictures of episode {episode_id} are {removal.status}, decided by {removal.decided_by} "
                f"({removal.reason}): none is made of it again"
            )


def dlq(arguments: argparse.Namespace, settings: Settings) -> int:
    """List, show and send again what could not be decoded."""
    from connectors.ways_out import dead_letters
    from infra.kafka import connect_codec

    letters = dead_letters.read_letters(settings)
    if arguments.act is None:
        wanted = [letter for letter in letters if arguments.all or not letter.republished]
        wanted = [letter for letter in wanted if arguments.topic in (None, letter.source.name)]
        print(_letters(wanted))
        return 0
    letter = dead_letters.one(letters, arguments.letter)
    if arguments.act == "show":
        if arguments.out:
            arguments.out.write_bytes(letter.value or b"")
            print(f"{arguments.out}: {len(letter.value or b'')} bytes")
        else:
            print(dead_letters.shown(letter, connect_codec(settings)))
        return 0
    value = letter.value
    if arguments.file:
        value = dead_letters.corrected(letter, arguments.file, connect_codec(settings))
    where = dead_letters.republish(settings, letter, value, _word(arguments), force=arguments.force)
    print(f"{letter.id} was sent again, as {letter.source.name}/{where}")
    if letter.source.name == "track-updates":
        print("the fold is past its place and takes it for known: what was missing there stays recorded as missing")
    return 0


def skip(arguments: argparse.Namespace, settings: Settings) -> int:
    """Pass over the record that a camera's fold cannot take."""
    from connectors.ways_out import service

    site = load_site(arguments.site)
    record = service.skip(settings, site, arguments.camera_id, arguments.lane, _word(arguments))
    print(f"camera {record.camera_id}: record {record.stream_epoch}:{record.sequence} is passed over from now on")
    if not arguments.wait:
        return 0
    came = service.goes_on(settings, record, arguments.wait)
    print(f"camera {record.camera_id} {came}")
    return 0 if came == "goes on" else 1


def _failed_options(parser: argparse.ArgumentParser) -> None:
    _filters(parser)
    parser.add_argument("--episode", metavar="ID", help="only this episode (the id may be shortened)")
    parser.add_argument("--ambiguous", action="store_true", help="only what may have been accepted")
    parser.add_argument("--partial", action="store_true", help="also clips that show less than was asked")
    parser.add_argument("--json", action="store_true", help="for machines")


def _retry_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("episode", nargs="?", metavar="ID", help="episode_id, or the beginning of one")
    _filters(parser)
    parser.add_argument("--all", action="store_true", help="everything that failed")
    parser.add_argument("--partial", action="store_true", help="also clips that show less than was asked")
    word = parser.add_mutually_exclusive_group()
    word.add_argument(
        "--not-accepted", action="store_true", help="of what is ambiguous: it is not there, send it again"
    )
    word.add_argument("--accepted", nargs="?", const="", metavar="ID", help="it is there, under this id: send nothing")
    _who(parser)
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="and say what came of it")


def _dlq_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also those that were sent again")
    parser.add_argument("--topic", help="only of this topic")
    acts = parser.add_subparsers(dest="act", metavar="ACT")
    show = acts.add_parser("show", help="one letter with its bytes")
    show.add_argument("letter", metavar="LETTER", help="topic/partition/offset, as the list has it")
    show.add_argument("--out", type=Path, metavar="FILE", help="write its bytes instead")
    again = acts.add_parser("republish", help="send one to its topic again")
    again.add_argument("letter", metavar="LETTER", help="topic/partition/offset, as the list has it")
    again.add_argument("--file", type=Path, metavar="FILE", help="these bytes instead; .json: the record itself")
    again.add_argument("--force", action="store_true", help="though this program cannot decode it")
    _who(again)


def _skip_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("camera_id", metavar="CAMERA", help="a halted camera, see `trackfold failed`")
    parser.add_argument("--lane", default="live", help="default: live")
    _who(parser, reason=True)
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="and say whether the camera goes on")


COMMANDS: Sequence[
    tuple[str, Callable[[argparse.Namespace, Settings], int], str, Callable[[argparse.ArgumentParser], None]]
] = (
    ("failed", failed, FAILED, _failed_options),
    ("retry", retry, RETRY, _retry_options),
    ("dlq", dlq, DLQ, _dlq_options),
    ("skip", skip, SKIP, _skip_options),
)
"""Name, call, examples, options."""


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", metavar="ID", help="only of this camera")
    parser.add_argument("--day", metavar="YYYY-MM-DD", help="only of this business day")
    parser.add_argument("--step", choices=("clip", "upload", "incident"), help="only this step")
    parser.add_argument("--part", choices=("alert", "closing"), help="only this clip")
    parser.add_argument("--kind", choices=("interaction", "unattended"), help="only of this kind of episode")


def _who(parser: argparse.ArgumentParser, *, reason: bool = False) -> None:
    parser.add_argument("--reason", required=reason, default="", metavar="WHY", help="in your words, for the audit")
    parser.add_argument("--by", metavar="NAME", help="who (default: the user of the operating system)")


def _filter(arguments: argparse.Namespace) -> "Filter":
    from connectors.ways_out.failures import Filter, State

    states: tuple[State, ...] = Filter.states
    if getattr(arguments, "ambiguous", False):
        states = ("ambiguous",)
    elif getattr(arguments, "partial", False):
        states = (*states, "partial")
    return Filter(
        episode=arguments.episode,
        camera=arguments.camera,
        day=arguments.day,
        step=arguments.step,
        part=arguments.part,
        kind=arguments.kind,
        states=states,
    )


def _word(arguments: argparse.Namespace, *, of_retry: bool = False) -> "Word":
    from connectors.ways_out.failures import Word

    word = Word(arguments.by or person.name(), arguments.reason, time.time_ns() // 1_000_000)
    if of_retry and arguments.accepted is not None:
        return dataclasses.replace(word, verdict="accepted", external_id=arguments.accepted or None)
    return dataclasses.replace(word, verdict="not_accepted") if of_retry and arguments.not_accepted else word


def _table(found: "Sequence[Failure]", site: Site) -> str:
    if not found:
        return "nothing failed, nothing is being tried again, no camera stands still"
    head = ("STATE", "STEP", "CAMERA", "DAY", "SINCE", "TRIES", "EPISODE", "REASON")
    rows = [head] + [
        (
            failure.state,
            failure.what,
            failure.camera_id,
            failure.business_day or "",
            site.local_time(failure.since).strftime("%Y-%m-%d %H:%M:%S"),
            str(failure.attempts or ""),
            (failure.episode_id or "")[:8],
            failure.reason,
        )
        for failure in found
    ]
    lines = _columns(rows)
    told = [lines[0]]
    for line, failure in zip(lines[1:], found, strict=True):
        told += [line, f"  -> {failure.do}"]
    states = [failure.state for failure in found]
    told.append(", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)))
    return "\n".join(told)


def _letters(letters: "Sequence[Letter]") -> str:
    if not letters:
        return "no dead letters"
    rows = [("LETTER", "KEY", "PUT ASIDE", "BYTES", "SENT AGAIN", "ERROR")]
    for letter in letters:
        at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(letter.at / 1000))
        again = ", ".join(f"{mark.where} by {mark.by}" for mark in letter.republished)
        rows.append((letter.id, letter.key, at, str(len(letter.value or b"")), again, letter.error))
    return "\n".join(_columns(rows))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    return [
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
