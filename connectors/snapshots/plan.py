"""What a JSON snapshot says, byte for byte; pure. Local time without zone, as its readers know it."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from schemas.ids import day_begins_ms
from schemas.records import Episode
from schemas.site import Site

VERSION = "1.1"
LAST_DAYS = 7
DAYS_HELD = 31
TIME = "%Y-%m-%d %H:%M:%S"
LAST_DAYS_NAME = f"last_{LAST_DAYS}_days.json"


def order(episode: Episode) -> tuple[int, int]:
    """Of two records of one episode the one with the greater order counts."""
    return episode.activation, episode.revision


def counts(episode: Episode) -> bool:
    """Is the episode an item of a snapshot? It is once it has ended; a retracted one never was."""
    return episode.phase == "ended" and episode.ended_at is not None


class Window:
    """The newest record of each episode of the last business days; mutable, owned by who reads the topic.

    days_held counts back from the newest day that has data, never from today, which the data do not know.
    """

    def __init__(self, days_held: int | None = DAYS_HELD) -> None:
        self._days_held = days_held
        self._days: dict[str, dict[str, Episode]] = {}
        self._first = ""

    def add(self, episode: Episode) -> None:
        """Take a record in any order, also again; nothing when its day is before the window."""
        if not self.holds(episode.business_day):
            return
        of_day = self._days.setdefault(episode.business_day, {})
        there = of_day.get(episode.episode_id)
        if there is None or order(episode) >= order(there):
            of_day[episode.episode_id] = episode
        if self._days_held is not None:
            self._first = max(self._first, _days_before(episode.business_day, self._days_held - 1))
            for day in [day for day in self._days if day < self._first]:
                del self._days[day]

    def holds(self, day: str) -> bool:
        """True when the window covers this business day."""
        return day >= self._first

    def days(self) -> list[str]:
        """The business days with data, in order."""
        return sorted(self._days)

    def episodes(self, days: Iterable[str]) -> list[Episode]:
        """The newest record of each episode of these days."""
        return [episode for day in days for episode in self._days.get(day, {}).values()]


def files(window: Window, days: Collection[str], site: Site) -> dict[str, bytes]:
    """File name -> content: one for each of these days that has data, and the one over the last days."""
    there = window.days()
    named = {f"{day}.json": snapshot([day], window.episodes([day]), site) for day in there if day in days}
    if there:
        last = [day for day in there if day > _days_before(there[-1], LAST_DAYS)]
        named[LAST_DAYS_NAME] = snapshot(last, window.episodes(last), site)
    return named


def _days_before(day: str, count: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()


def snapshot(days: Sequence[str], episodes: Iterable[Episode], site: Site) -> bytes:
    """The file over these business days: the newest record of each episode of theirs, in any order.

    Retracted and open episodes are left out. An erased video leaves no name or address behind.
    """
    items = sorted((e for e in episodes if counts(e)), key=lambda e: (e.started_at, e.episode_id))
    pairs = [e for e in items if e.kind == "interaction"]
    waits = [e for e in items if e.kind == "unattended"]
    times = _times(items, days, site)
    body = {
        "metadata": {
            "version": VERSION,
            "created_at": _local(min(times), site),
            "last_updated": _local(max(times), site),
        },
        "interaction_metrics": {
            "interaction_times": [_interaction(e, site) for e in pairs],
            **_figures("interaction_time", "interactions", pairs),
        },
        "unattended_metrics": {
            "unattended_times": [_unattended(e, site) for e in waits],
            **_figures("unattended_time", "unattended_events", waits),
        },
        "daily_summary": {day: _both([e for e in items if e.business_day == day]) for day in days},
        "hourly_breakdown": {day: _hours([e for e in items if e.business_day == day], site) for day in days},
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


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
    shown = evidence.status != "erased"
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
