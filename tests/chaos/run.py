"""One run from its first to its last moment, and what it left behind."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.audit import service as audit
from schemas.site import load_site
from tests.chaos import collect, faults
from tests.chaos.collect import Found
from tests.chaos.running import Running
from tests.chaos.schedule import Fault
from tests.chaos.shop import Shop


@dataclass(frozen=True)
class Form:
    """How much of it. window_s: how long the feed takes while faults go on; settle_s: how long all may take after."""

    cameras: int
    seconds: int
    film_seconds: int
    window_s: float
    settle_s: float = 180.0


FULL = Form(cameras=6, seconds=160, film_seconds=160, window_s=200.0)
IGNORED = Form(cameras=6, seconds=160, film_seconds=30, window_s=90.0)
SHORT = Form(cameras=3, seconds=60, film_seconds=60, window_s=30.0)
BREAK = Form(cameras=3, seconds=40, film_seconds=10, window_s=15.0, settle_s=40.0)


@dataclass(frozen=True)
class Result:
    """What a run left behind, what was done to it, and which process was killed or stalled when (ms UTC)."""

    honours: bool
    found: Found
    done: Counter[str]
    broken_off: list[tuple[str, int]]


def carry_out(
    folder: Path,
    given: Shop,
    form: Form,
    plan: Sequence[Fault],
    *,
    honours: bool,
    rule: str | None = None,
    say: Callable[[str], None],
) -> Result:
    """Run it; without faults the feed comes at once. Raises CouldNotRun, ExplainedError."""
    began = time.monotonic()
    site = load_site(given.site)

    def now(what: str) -> None:
        say(f"  {time.monotonic() - began:4.0f} s  {what}")

    with Running(folder, given, honours=honours, broken=rule, say=say) as running:
        now("servers and processes are started")
        window_s = form.window_s if plan else 0.0
        running.feed(window_s)
        faults.play(running, plan)
        until = time.monotonic() + form.settle_s
        while not running.is_fed() and time.monotonic() < until:
            time.sleep(0.5)
        now("everything is in the log, and no fault left")
        left = audit.settle(running.settings, timeout_s=form.settle_s, say=now, site=site)
        now(f"nothing is under way; started again: {running.restarts()}" if not left else "not finished")
        found = collect.collect(running.settings, site)
        found.wrong += [f"not finished: {line}" for line in left]
        return Result(honours, found, running.done, running.broken_off)
