"""The command `erase`: its options, and what it says. All else is imported late."""

import argparse
import time
from datetime import datetime
from typing import TYPE_CHECKING

from infra import person
from infra.config import Settings
from schemas.errors import InputError
from schemas.site import load_site

if TYPE_CHECKING:
    from connectors.erase.plan import Known
    from connectors.erase.service import Erased

EXAMPLES = """\
  trackfold erase 3f2a --reason 'the customer asked for it'      one episode (the id may be shortened)
  trackfold erase 3f2a --reason 'as above' --dry-run             only say what would go
  trackfold erase --camera till --day 2026-03-02 --reason 'a camera was misplaced' --recordings

Clips, their sidecars and the stored objects go for good; the episode stays, its evidence is `erased`. Who decided it
and why is kept: name nobody in --reason. Killed on the way: the same command goes on. Exit code 1: something is left,
and the output says what and whom to ask."""
STAYS = """\
what stays: that the episode was, when, how long, and the numbers of its tracks, in topics, rows and snapshots; where
boxes were, in track-updates, events and incidents, until those topics drop them (7 and 400 days); no picture.
The incident API's people have the incident without its video."""
RING = "the continuous recording of that time is kept as long as any (--camera, --day and --recordings remove a day's)"


def erase(arguments: argparse.Namespace, settings: Settings) -> int:
    """Remove an episode's pictures for good; the episode stays, as erased."""
    from connectors.erase.plan import Word, group
    from connectors.erase.service import Erasing

    of_day = (arguments.camera, arguments.day)
    if bool(arguments.episode) == any(of_day) or (any(of_day) and not all(of_day)):
        raise InputError("say what: an episode, or --camera and --day together")
    if arguments.recordings and not arguments.camera:
        raise InputError("--recordings goes with --camera and --day: a recording shows everybody of its time")
    if not arguments.reason.strip():
        raise InputError("--reason: say why, in your words: it is what an audit will read")
    erasing = Erasing(settings, load_site(arguments.site))
    asked, known = erasing.episode(arguments.episode) if arguments.episode else erasing.day(*of_day)
    _say_shared(asked, group(asked, known), known)
    if arguments.dry_run:
        return 0
    word = Word(arguments.by or person.name(), arguments.reason.strip(), time.time_ns() // 1_000_000)
    recording_of = of_day if arguments.recordings else None
    done = erasing.remove(asked, known, word, wait_s=arguments.wait, recording_of=recording_of)
    print(_text(done, recordings=arguments.recordings))
    return 1 if done.left or done.unfinished else 0


def _say_shared(asked: set[str], found: set[str], known: "Known") -> None:
    removed = known.removed()
    for episode_id in sorted(asked):
        episode = known.episodes.get(episode_id)
        owner = episode.evidence.evidence_from if episode else None
        if owner:
            is_gone = f"is {removed[owner].status} already" if owner in removed else "goes as well"
            print(f"episode {episode_id} is shown in the clip of {owner}, which {is_gone}")
    for episode_id in sorted(found):
        state = f" ({removed[episode_id].status} already)" if episode_id in removed else ""
        shared = "" if episode_id in asked else ", for it shares a clip"
        print(f"to erase: episode {episode_id}{shared}{state}")
    if not found:
        print("no episode of that day has pictures")


def _text(done: "Erased", *, recordings: bool) -> str:
    lines = [f"gone: {name}" for name in done.gone]
    if not done.decided and not done.gone:
        lines.append("nothing is left of what was decided before")
    lines += [f"LEFT: {line}" for line in done.left]
    lines += [f"UNFINISHED: {line}" for line in done.unfinished]
    lines.append(f"{len(done.decided)} decided, {len(done.gone)} files and objects removed")
    lines += [STAYS] if recordings else [STAYS, RING]
    return "\n".join(lines)


def _day(text: str) -> str:
    return datetime.strptime(text, "%Y-%m-%d").strftime("%Y-%m-%d")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("episode", nargs="?", metavar="ID", help="episode_id, or the beginning of one")
    parser.add_argument("--camera", metavar="ID", help="all episodes of this camera on --day")
    parser.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="the business day")
    parser.add_argument("--recordings", action="store_true", help="also the day's continuous recording on this machine")
    parser.add_argument("--reason", required=True, metavar="WHY", help="in your words, for the audit; name nobody")
    parser.add_argument("--by", metavar="NAME", help="who (default: the user of the operating system)")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    parser.add_argument(
        "--wait", type=float, default=30.0, metavar="S", help="for clips that are being made just now (default: 30)"
    )


COMMAND = ("erase", erase, EXAMPLES, _options)
"""Name, call, examples, options."""
