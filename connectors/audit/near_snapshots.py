"""What the snapshots should say of a few episodes, without the other episodes of their day."""

import json
from datetime import date
from pathlib import Path

from connectors.audit.facts import Log
from connectors.snapshots.plan import TIME, Bounds, snapshot
from schemas.records import Episode
from schemas.site import Site

ITEMS = {
    "interaction": ("interaction_metrics", "interaction_times", "interaction_start"),
    "unattended": ("unattended_metrics", "unattended_times", "unattended_start"),
}


def planned_near(log: Log, day: str, site: Site, folder: Path, bounds: Bounds) -> dict[str, bytes]:
    """File name -> a snapshot of the log's episodes of this business day alone, for each file that should have them.

    Only its items say what should be there: the figures are those of these episodes. folder: where the files are.
    """
    episodes = [episode for episode in log.episodes.values() if episode.business_day == day]
    names = [f"{day}.json"] + ([bounds.last_days_name] if _is_of_last_days(day, folder, bounds) else [])
    return {name: snapshot([day], _due(episodes, folder / name, site, bounds), site, bounds) for name in names}


def _is_of_last_days(day: str, folder: Path, bounds: Bounds) -> bool:
    newest = max((path.stem for path in folder.glob("????-??-??.json")), default=day)
    return (date.fromisoformat(newest) - date.fromisoformat(day)).days < bounds.last_days


def _due(episodes: list[Episode], path: Path, site: Site, bounds: Bounds) -> list[Episode]:
    """Without those that a full file has no room for."""
    try:
        body = json.loads(path.read_bytes())
        lists = {kind: (body[part][items], start) for kind, (part, items, start) in ITEMS.items()}
        full = {kind: items[0][start] for kind, (items, start) in lists.items() if len(items) >= bounds.items_max}
        there = {item["episode_id"] for items, _ in lists.values() for item in items}
    except (OSError, ValueError, KeyError, TypeError):  # then the comparison says what is wrong with it
        return episodes
    return [
        episode
        for episode in episodes
        if episode.episode_id in there
        or site.local_time(episode.started_at).strftime(TIME) > full.get(episode.kind, "")
    ]
