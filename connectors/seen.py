"""How the shared loop is seen from outside: its health, and figures about the work. Decides nothing."""

import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from connectors.work import Again, Done, Halt, Later, Nothing, Outcome, Partition, Unsure
from infra import log, metrics
from infra.health import Health

NAMES: dict[type, str] = {
    Done: "done",
    Again: "again",
    Unsure: "unsure",
    Later: "later",
    Nothing: "nothing",
    Halt: "halt",
}
ACHIEVED = frozenset({"complete", "partial", "uploaded", "reported"})
WORK = "work"
TELL_EVERY_S = 1.0


def about(job: Any) -> AbstractContextManager[None]:
    """What is logged meanwhile is about the job's camera and episode."""
    return log.about(camera=job.subject.camera_id, episode=job.subject.episode_id)


class Seen:
    """Of one connector."""

    def __init__(self, name: str, health: Health) -> None:
        self._name, self.health = name, health
        self._arrived = 0
        self._told_at = float("-inf")
        for status in ("failed", "ambiguous"):  # from the start, so that the first one is an increase
            metrics.WORK_RESULTS.add(name, status, by=0)

    def turned(self, parts: Iterable[Partition[Any, Any]], now_ms: int) -> None:
        """The loop has gone round; now_ms as the work's due times."""
        self.health.turned()
        if time.monotonic() - self._told_at < TELL_EVERY_S:
            return
        self._told_at = time.monotonic()
        held = list(parts)
        running = sum(len(part.running) for part in held)
        work = [one for part in held for one in part.open.values()]
        metrics.WORK_OPEN.set(len(work) - running, self._name, "pending")
        metrics.WORK_OPEN.set(running, self._name, "attempting")
        metrics.WORK_OLDEST.set(min((one.taken_in_at for one in work), default=0) / 1000, self._name)
        self.health.told(WORK, self._arrived, sum(one.due_at <= now_ms for one in work))

    def arrived(self, job: Any, outcome: Outcome[Any]) -> None:
        """An attempt at a job has ended."""
        self._arrived += 1
        metrics.WORK_ATTEMPTS.add(self._name, NAMES[type(outcome)])
        if isinstance(outcome, Done) and outcome.result.status in ACHIEVED and getattr(job, "part", "alert") == "alert":
            metrics.EVIDENCE_SECONDS.observe(metrics.age_s(job.subject.confirmed_at), self._name)

    def published(self, status: str) -> None:
        """A result is in its topic."""
        metrics.WORK_RESULTS.add(self._name, status)
