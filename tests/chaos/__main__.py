"""Fault runs: the same input undisturbed and with faults, and what differs afterwards.

One seed is three classes. honoured: everything goes wrong that can, with APIs that honour keys, and nothing is lost.
ignored: with APIs that ignore them, and clips over HTTP, nothing is asked twice. lossy: a live camera is lost, its disk
is full, and exactly that is missing.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from schemas.errors import ExplainedError
from tests.chaos import compare, faults, lossy, schedule, shop
from tests.chaos.run import BREAK, FULL, IGNORED, SHORT, Form, Result, carry_out

EQUAL, DIFFERENT, COULD_NOT = 0, 1, 2
SHOWN = 40
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> int:
    """0 equal, 1 differences, 2 could not run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  make chaos SEED=2\n  make chaos BREAK=order        must end with 1\n\n"
        "exit codes: 0 equal, 1 differences, 2 could not run",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the faults (default: 1)")
    parser.add_argument("--short", action="store_true", help="two minutes: each process once, a few servers")
    parser.add_argument("--break", dest="rule", choices=schedule.RULES, help="break a rule of ours: it must go red")
    parser.add_argument("--only", choices=("honoured", "ignored", "lossy"), help="one of the three classes of runs")
    parser.add_argument("--folder", type=Path, help="keep logs and stores there (default: a folder that is removed)")
    given = parser.parse_args(argv)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackfold-chaos-")))
        try:
            found = _runs(given, folder.resolve(), _say)
        except (faults.CouldNotRun, ExplainedError) as error:
            _say(f"could not run: {error}")
            return COULD_NOT
    for line in found[:SHOWN]:
        _say(f"DIFFERS  {line}")
    _say(f"{len(found)} differences; took {time.monotonic() - began:.0f} s")
    return DIFFERENT if found else EQUAL


def _runs(given: argparse.Namespace, folder: Path, say: Say) -> list[str]:
    seed = given.seed
    if given.rule is not None:
        return pair(folder, BREAK, schedule.for_break(given.rule), honours=True, rule=given.rule, say=say)
    if given.short:
        return pair(folder, SHORT, schedule.short(seed), honours=True, say=say)
    found: list[str] = []
    if given.only in (None, "honoured"):
        say(f"seed {seed}; APIs that honour keys, clips to S3:")
        found += pair(folder / "honoured", FULL, schedule.honoured(seed), honours=True, say=say)
    if given.only in (None, "ignored"):
        say(f"seed {seed}; APIs that ignore keys, clips over HTTP:")
        found += pair(folder / "ignored", IGNORED, schedule.ignored(seed), honours=False, say=say)
    if given.only in (None, "lossy"):
        say(f"{lossy.TAKEN}:")
        found += lossy.run(folder / "lossy", say)
    return found


def pair(
    folder: Path, form: Form, plan: Sequence[schedule.Fault], *, honours: bool, rule: str | None = None, say: Say
) -> list[str]:
    """An undisturbed run and one with the plan; what differs. Raises CouldNotRun, ExplainedError."""
    given = shop.make(folder / "input", cameras=form.cameras, seconds=form.seconds, film_seconds=form.film_seconds)
    say("faults by share of the feed:" + "".join(f"\n  {fault}" for fault in plan))
    say("undisturbed:")
    quiet = carry_out(folder / "quiet", given, form, [], honours=honours, say=say)
    say("with faults:")
    hurt = carry_out(folder / "hurt", given, form, plan, honours=honours, rule=rule, say=say)
    return told(quiet, hurt, say)


def told(quiet: Result, hurt: Result, say: Say) -> list[str]:
    """Say what was done and compared; the differences."""
    found, judged = compare.differences(quiet.found, hurt.found, honours=hurt.honours, broken_off=hurt.broken_off)
    say("faults that happened:" + "".join(f"\n  {n:4} x {kind}" for kind, n in sorted(hurt.done.items())))
    say(f"compared: {compare.counts(hurt.found)}")
    if judged.asked or judged.broken_off:
        say(
            f"ambiguous, and rightly so: {judged.asked} not answered by the API, {judged.broken_off} under way in a "
            f"process that was killed or stalled; {len(judged.occurrences)} occurrences touched"
        )
    return found


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
