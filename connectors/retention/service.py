"""The retention: once for each business day, lets go what is older than the site keeps it.

It runs where the clips are. What it decides is a record in `evidence-removals` before anything goes, as with `trackfold
erase`; what was broken off, there or here, it finishes within the hour.
"""

import logging
import threading
from collections.abc import Callable

from connectors.erase.plan import RETENTION, Known, Word
from connectors.erase.service import Erased, Erasing
from connectors.retention import plan
from connectors.sink import keep_going, stopped_by_signals
from infra import probes
from infra.clock import Clock, WallClock
from infra.config import Settings
from infra.health import Health
from schemas.ids import business_day
from schemas.site import Site

log = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
TURN_EVERY_MS = 3_600_000
WAIT_S = 5.0


class Retention:
    """Takes a turn when a business day begins, and an hour after one that left something."""

    def __init__(self, site: Site, erasing: Erasing, clock: Clock) -> None:
        self._site, self._erasing, self._clock = site, erasing, clock
        self._done_on, self._next_at = "", 0

    def look(self) -> list[Erased]:
        """What went in this turn; empty when it is not time for one. Raises ServerErrors."""
        now_ms = self._clock.now_ms()
        today = self.today(now_ms)
        if today == self._done_on or now_ms < self._next_at:
            return []
        self._next_at = now_ms + TURN_EVERY_MS
        known = self._erasing.known()
        done = [*self._finished(known, now_ms), *self._expired(known, today, now_ms)]
        if not any(one.unfinished for one in done):
            self._done_on = today
        return done

    def today(self, now_ms: int) -> str:
        """The business day of the site."""
        return business_day(now_ms, self._site.timezone, self._site.day_starts_min)

    def _finished(self, known: Known, now_ms: int) -> list[Erased]:
        return [
            self._erasing.remove(ids, known, Word(RETENTION, "finished", now_ms, status), wait_s=WAIT_S)
            for status, ids in plan.unfinished(known)
        ]

    def _expired(self, known: Known, today: str, now_ms: int) -> list[Erased]:
        days = self._site.retention.clips_days
        if days is None:
            return []
        word = Word(RETENTION, f"kept for {days} days", now_ms, "expired")
        return [self._erasing.remove(ids, known, word, wait_s=WAIT_S) for ids in plan.expired(known, today, days)]


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Until SIGTERM, SIGINT or `stop`. While a server is away: waits."""
    with stopped_by_signals(stop) as stop, probes.serving(settings, RETENTION) as health:
        health.holds(len(site.cameras))
        keep_going(stop, health, lambda progressed: _follow(settings, site, stop, health, progressed))
    log.info("stopped")


def _follow(
    settings: Settings, site: Site, stop: threading.Event, health: Health, progressed: Callable[[], None]
) -> None:
    retention = Retention(site, Erasing(settings, site), WallClock())
    while not stop.is_set():
        for done in retention.look():
            log.info("%d episodes: %d files and objects went", len(done.episode_ids), len(done.gone))
            for line in [*done.left, *done.unfinished]:
                log.warning("%s", line)
        progressed()
        health.turned()
        stop.wait(LOOK_EVERY_S)
