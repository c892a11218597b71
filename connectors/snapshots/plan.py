"""What a JSON snapshot says, byte for byte; pure. Local time without zone, as its readers know it."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from schemas.ids import day_begins_ms
from schemas.records import AuditStep, Episode, Lineage
from schemas.site import Site

VERSION = "1.1"
DAYS_HELD = 31
EPISODES_HELD = 200_000
"""About 0.5 GB; a shop of ten cameras has 100 to 5,000 a day."""
GONE = ("erased", "expired")
"""Evidence that lies nowhere any more."""
TIME = "%Y-%m-%d %H:%M:%S"
LAST_DAYS_NAMES = "last_*_days.json"
"""Of the file over the last days, however many these are."""


@dataclass(frozen=True)
class Bounds:
    """How much a file may say."""

    last_days: int = 7
    """Business days in the file over the last ones."""
    items_max: int = 20_000
    """Items of a kind, the newest ones; figures, days and hours count all. About 0.8 KB each."""

    @property
    def last_days_name(self) -> str:
        """The name of the file over the last days."""
        return LAST_DAYS_NAMES.replace("*", str(self.last_days))


DEFAULT = Bounds()
_NO_LINEAGE = Lineage()
_NO_AUDIT: list[AuditStep] = []


def order(episode: Episode) -> tuple[int, int]:
    """Of two records of one episode the one with the greater order counts."""
    return episode.activation, episode.revision


def counts(episode: Episode) -> bool:
    """Is the episode an item of a snapshot? It is once it has ended; a retracted one never was."""
    return episode.phase == "ended" and episode.ended_at is not None


class Window:
    """The newest record of each episode of the last business days; mutable, owned by who reads the topic.

    What no file says of an episode, its lineage and audit, is not kept: with these it would be twice as large.
    days_held counts back from the newest day that has data, never from today, which the data do not know; None: all
    days. Where more than EPISODES_HELD come together, the oldest days go, but none of the last bounds.last_days.
    also: days that are held however old they are.
    """

    def __init__(
        self, days_held: int | None = DAYS_HELD, *, bounds: Bounds = DEFAULT, also: Collection[str] = ()
    ) -> None:
        self._days_held = None if days_held is None else max(days_held, bounds.last_days)
        self._days_needed = bounds.last_days
        self._also = frozenset(also)
        self._days: dict[str, dict[str, Episode]] = {}
        self._count = 0
        self._first = ""

    def add(self, episode: Episode) -> None:
        """Take a record in any order, also again; nothing when its day is before the window."""
        day = episode.business_day
        if not self.holds(day):
            return
        of_day = self._days.setdefault(day, {})
        there = of_day.get(episode.episode_id)
        if there is None or order(episode) >= order(there):
            of_day[episode.episode_id] = msgspec.structs.replace(episode, lineage=_NO_LINEAGE, audit=_NO_AUDIT)
            self._count += there is None
        if self._days_held is not None:
            self._first = max(self._first, _days_before(day, self._days_held - 1))
            if self._count > EPISODES_HELD:
                newest = max(self._days)
                oldest = min(held for held in self._days if held >= self._first)
                self._first = max(
                    self._first, min(_days_before(oldest, -1), _days_before(newest, self._days_needed - 1))
                )
            for old in [held for held in self._days if not self.holds(held)]:
                self._count -= len(self._days.pop(old))

    def holds(self, day: str) -> bool:
        """True when the window covers this business day."""
        return day >= self._first or day in self._also

    def days(self) -> list[str]:
        """The business days with data, in order."""
        return sorted(self._days)

    def episodes(self, days: Iterable[str]) -> list[Episode]:
        """The newest record of each episode of these days."""
        return [episode for day in days for episode in self._days.get(day, {}).values()]


def files(window: Window, days: Collection[str], site: Site, bounds: Bounds = DEFAULT) -> dict[str, bytes]:
    """File name -> content: one for each of these days that has data, and the one over the last days."""
    there = window.days()
    named = {f"{day}.json": snapshot([day], window.episodes([day]), site, bounds) for day in there if day in days}
    if there:
        last = [day for day in there if day > _days_before(there[-1], bounds.last_days)]
        named[bounds.last_days_name] = snapshot(last, window.episodes(last), site, bounds)
    return named


def _days_before(day: str, count: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()


def snapshot(days: Sequence[str], episodes: Iterable[Episode], site: Site, bounds: Bounds = DEFAULT) -> bytes:
    """The file over these business days: the newest record of each episode of theirs, in any order.

    Retracted and open episodes are left out. A video that was erased or has expired leaves no name or address behind.
    Of more items than may be, the newest are there, and the metadata say how many are not.
    """
    items = sorted((e for e in episodes if counts(e)), key=lambda e: (e.started_at, e.episode_id))
    pairs = [e for e in items if e.kind == "interaction"]
    waits = [e for e in items if e.kind == "unattended"]
    times = _times(items, days, site)
    of_day: dict[str, list[Episode]] = {day: [] for day in days}
    for episode in items:
        of_day[episode.business_day].append(episode)
    body = {
        "metadata": {
            "version": VERSION,
            "created_at": _local(min(times), site),
            "last_updated": _local(max(times), site),
            **_left_out(bounds, interactions=pairs, unattended_times=waits),
        },
        "interaction_metrics": {
            "interaction_times": [_interaction(e, site) for e in pairs[-bounds.items_max :]],
            **_figures("interaction_time", "interactions", pairs),
        },
        "unattended_metrics": {
            "unattended_times": [_unattended(e, site) for e in waits[-bounds.items_max :]],
            **_figures("unattended_time", "unattended_events", waits),
        },
        "daily_summary": {day: _both(of_day[day]) for day in days},
        "hourly_breakdown": {day: _hours(of_day[day], site) for day in days},
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def _left_out(bounds: Bounds, **kinds: Sequence[Episode]) -> dict[str, dict[str, int]]:
    """What the metadata say of items that are not there; nothing when all are."""
    count = {kind: max(0, len(episodes) - bounds.items_max) for kind, episodes in kinds.items()}
    return {"items_left_out": count} if any(count.values()) else {}


def _interaction(episode: Episode, site: Site) -> dict[str, Any]:
    return {
        "staff_id": episode.staff_id,
        "customer_id": episode.customer_id,
        "interaction_start": _local(episode.started_at, site),
        "interaction_end": _local(_end(episode), site),
        "interaction_duration": _duration_s(episode),
        "timestamp": _local(_end(episode), site),
        "video_evidence": _evidence(episode, site),
        "camera_id": episode.camera_id,
        "episode_id": episode.episode_id,
    }


def _unattended(episode: Episode, site: Site) -> dict[str, Any]:
    return {
        "customer_id": episode.customer_id,
        "unattended_start": _local(episode.started_at, site),
        "unattended_end": _local(_end(episode), site),
        "unattended_duration": _duration_s(episode),
        "timestamp": _local(_end(episode), site),
        "video_evidence": _evidence(episode, site),
        "camera_id": episode.camera_id,
        "episode_id": episode.episode_id,
    }


def _evidence(episode: Episode, site: Site) -> dict[str, Any]:
    evidence = episode.evidence
    shown = evidence.status not in GONE
    uploaded_at = evidence.uploaded_at if shown else None
    return {
        "segment_filename": evidence.segment_filename if shown else None,
        "uploaded_filename": evidence.uploaded_filename if shown else None,
        "video_url": evidence.video_url if shown else None,
        "incident_id": episode.incident.incident_id,
        "upload_timestamp": None if uploaded_at is None else _local(uploaded_at, site),
        "status": evidence.status,
        "camera_id": episode.camera_id,
        "episode_id": episode.episode_id,
    }


def _figures(word: str, total: str, episodes: Sequence[Episode]) -> dict[str, float]:
    of = _summary(episodes)
    return {
        f"min_{word}": of["min_duration"],
        f"max_{word}": of["max_duration"],
        f"avg_{word}": of["avg_duration"],
        f"total_{total}": of["count"],
    }


def _summary(episodes: Sequence[Episode]) -> dict[str, float]:
    seconds = [_duration_s(e) for e in episodes]
    if not seconds:
        return {"count": 0, "avg_duration": 0, "min_duration": 0, "max_duration": 0}
    average = round(sum(seconds) / len(seconds), 3)
    return {
        "count": len(seconds),
        "avg_duration": average,
        "min_duration": min(seconds),
        "max_duration": max(seconds),
    }


def _both(episodes: Sequence[Episode]) -> dict[str, dict[str, float]]:
    return {
        "interactions": _summary([e for e in episodes if e.kind == "interaction"]),
        "unattended_times": _summary([e for e in episodes if e.kind == "unattended"]),
    }


def _hours(episodes: Sequence[Episode], site: Site) -> dict[str, dict[str, dict[str, float]]]:
    """By the hour of the start on the shop's clock, in the order of the business day: its small hours come last."""
    hours: dict[str, list[Episode]] = {}
    for episode in episodes:
        hours.setdefault(f"{site.local_time(episode.started_at):%H}", []).append(episode)
    return {hour: _both(of_hour) for hour, of_hour in hours.items()}


def _times(items: Sequence[Episode], days: Sequence[str], site: Site) -> list[int]:
    """All moments (ms UTC) at which something of this file became known; without items, when its first day began."""
    if not items:
        rules = site.effective_rules(site.cameras[0].camera_id)
        return [day_begins_ms(days[0], site.timezone, rules.day_starts_min)]
    known = [(_end(e), e.evidence.uploaded_at, e.incident.reported_at) for e in items]
    return [at for moments in known for at in moments if at is not None]


def _end(episode: Episode) -> int:
    assert episode.ended_at is not None, "only ended episodes are items"
    return episode.ended_at


def _duration_s(episode: Episode) -> float:
    if episode.duration_s is not None:
        return episode.duration_s
    return (_end(episode) - episode.started_at) / 1000


def _local(at_ms: int, site: Site) -> str:
    return site.local_time(at_ms).strftime(TIME)
