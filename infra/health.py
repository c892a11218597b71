"""What one process knows of itself: does its loop turn, does it have something to do, and does it get on with it?

    live    its loop has turned lately
    ready   it is live, something is assigned to it, it can ask how far it is, and whatever waits makes progress

A process that is idle is ready. One with a backlog that does not move is not, however well its loop turns.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

LIVE_S = 120.0
"""A broker that is away may hold a loop for a minute."""
STUCK_S = 60.0
"""Longer than any single request, so that a slow partner alone makes nobody unready."""
SHOWN_MAX = 5


@dataclass
class _Part:
    done: int
    backlog: int
    moved_at: float
    told_at: float


@dataclass(frozen=True)
class Answer:
    """Of a probe; the reason is there whatever it says."""

    ok: bool
    reason: str
    facts: dict[str, Any] = field(default_factory=dict)


class Health:
    """Told by the loop, asked by the probes' thread. Times in s on a clock that never goes back."""

    def __init__(self, process: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.process, self._clock = process, clock
        self._lock = threading.Lock()
        self._turned_at = clock()
        self._held: int | None = None
        self._parts: dict[str, _Part] = {}
        self._trouble: str | None = None

    def turned(self) -> None:
        """The loop has gone round once more, or waits for a server in an orderly way."""
        self._turned_at = self._clock()

    def trouble(self, what: str | None) -> None:
        """What stands in the way now, in a line; None: nothing any more. Shown while the process is not ready."""
        self._trouble = what

    def holds(self, count: int) -> None:
        """So many partitions, or cameras, are ours."""
        self._held = count

    def told(self, part: str, done: int, backlog: int) -> None:
        """done only grows while a part gets on; backlog: what waits for it now."""
        now = self._clock()
        with self._lock:
            known = self._parts.get(part)
            # what comes after an idle time has its time from when it came
            stands = known is not None and backlog > 0 and known.backlog > 0 and known.done == done
            self._parts[part] = _Part(done, backlog, known.moved_at if known and stands else now, now)

    def has(self, parts: set[str]) -> None:
        """Exactly these are ours; of a new one something must be heard in time."""
        now = self._clock()
        with self._lock:
            self._parts = {name: self._parts.get(name, _Part(0, 0, now, now)) for name in sorted(parts)}

    def live(self) -> Answer:
        """Does the loop turn?"""
        age = self._clock() - self._turned_at
        reason = f"the loop turned {age:.0f} s ago"
        return Answer(age <= LIVE_S, reason if age <= LIVE_S else f"{reason}, at most {LIVE_S:.0f} s are normal")

    def ready(self) -> Answer:
        """Does the work get on?"""
        answer = self._ready()
        if answer.ok or self._trouble is None:
            return answer
        return replace(answer, reason=f"{answer.reason}; {self._trouble}")

    def _ready(self) -> Answer:
        with self._lock:
            parts = dict(self._parts)
        backlog = sum(part.backlog for part in parts.values())
        facts = {"assigned": self._held, "waiting": backlog}
        live = self.live()
        if not live.ok:
            return Answer(False, live.reason, facts)
        if not self._held:
            what = "nothing is assigned to it yet" if self._held is None else "nothing is assigned to it"
            return Answer(False, what, facts)
        now = self._clock()
        silent = [
            f"{name}: nothing heard for {now - part.told_at:.0f} s"
            for name, part in parts.items()
            if now - part.told_at > STUCK_S
        ]
        stuck = [
            f"{name}: {part.backlog} waiting and none done for {now - part.moved_at:.0f} s"
            for name, part in parts.items()
            if part.backlog and now - part.moved_at > STUCK_S
        ]
        if wrong := silent or stuck:
            more = f" and {len(wrong) - SHOWN_MAX} more" if len(wrong) > SHOWN_MAX else ""
            return Answer(False, "; ".join(wrong[:SHOWN_MAX]) + more, facts)
        return Answer(True, "it gets on with what waits" if backlog else "nothing waits", facts)
