"""The joined records and what is made of them: topic `episodes`, the rows, the snapshots (pure)."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.audit.facts import Difference, Event, Log, Stores, Table, newest
from connectors.clickhouse.plan import Row, episode_row, outage_row, visit_row
from schemas.records import Episode, Evidence, Phase
from schemas.site import Site

JOIN = "see the streams worker's log; the newest record of the episode has to be stated again"
LOAD = "load the topics again: `trackfold rows --rebuild`"
REBUILD = "write the files anew: `trackfold snapshot --rebuild`"
EVENT_FIELDS = (
    "site_id",
    "camera_id",
    "lane",
    "business_day",
    "ordinal",
    "occurrence_id",
    "staff_id",
    "customer_id",
    "zone_id",
    "service_point_id",
    "started_at",
    "ended_at",
    "duration_s",
    "close_reason",
    "confidence",
    "support",
    "distance_m_min",
    "distance_m_median",
    "distance_method",
    "rules_version",
)
"""What an Episode takes from the newest event as it is."""
STATED: tuple[Phase, ...] = ("confirmed", "ended", "retracted")


def check_episodes(log: Log) -> Iterator[Difference]:
    """The topic `episodes` against the topics that it is joined from, where the live version counts."""
    store = "topic episodes"
    for confirmed in log.confirmed():
        episode = log.episodes.get(confirmed.episode_id)
        if episode is None:
            yield Difference(store, confirmed.episode_id, "has no record, though it was confirmed", JOIN)
        elif episode.version == "live":
            for field, (said, wanted) in _unlike(episode, confirmed, log).items():
                what = f"says {field} {said!r}, the facts say {wanted!r}"
                yield Difference(store, episode.episode_id, what, JOIN)
    for episode in log.episodes.values():
        withdrawn = episode.phase == "retracted" and episode.activation > 0
        if episode.version == "live" and not withdrawn and log.event(episode.episode_id, "confirmed") is None:
            yield Difference(store, episode.episode_id, "has a record, but no confirmed event", JOIN)


def _unlike(episode: Episode, confirmed: Event, log: Log) -> dict[str, tuple[Any, Any]]:
    """Field -> (what the episode says, what the records that it is joined from say), where they differ."""
    event = log.event(episode.episode_id, *STATED) or confirmed
    owner = log.alert_owner(confirmed)
    clip = newest(log.clips.get((owner, "alert")))
    upload = newest(log.uploads.get((owner, "alert")))
    shown = upload if upload and clip and upload.previous_hash == clip.hash else None
    closing = newest(log.clips.get((episode.episode_id, "closing")))
    closing_upload = newest(log.uploads.get((episode.episode_id, "closing")))
    closing_shown = (
        closing_upload if closing_upload and closing and closing_upload.previous_hash == closing.hash else None
    )
    report = newest(log.incidents.get(confirmed.occurrence_id or ""))
    removals = [log.removed[i] for i in dict.fromkeys((owner, episode.episode_id)) if i in log.removed]
    facts = [fact for fact in (clip, upload, closing, closing_upload, report) if fact is not None]
    history = [e for e in log.events[episode.episode_id] if e.phase in STATED]
    evidence, incident = episode.evidence, episode.incident
    pairs: dict[str, tuple[Any, Any]] = {
        field: (getattr(episode, field), getattr(event, field)) for field in EVENT_FIELDS
    }
    pairs |= {
        "phase": (episode.phase, event.phase),
        "confirmed_at": (episode.confirmed_at, confirmed.confirmed_at),
        "evidence.segment_filename": (evidence.segment_filename, clip and clip.segment_filename),
        "evidence.clip_sha256": (evidence.clip_sha256, clip and clip.sha256),
        "evidence.covered_from": (evidence.covered_from, clip and clip.covered_from),
        "evidence.covered_to": (evidence.covered_to, clip and clip.covered_to),
        "evidence.uploaded_filename": (evidence.uploaded_filename, shown and shown.uploaded_filename),
        "evidence.video_url": (evidence.video_url, shown and shown.video_url),
        "evidence.closing_filename": (evidence.closing_filename, closing and closing.segment_filename),
        "evidence.closing_sha256": (evidence.closing_sha256, closing and closing.sha256),
        "evidence.closing_uploaded_filename": (
            evidence.closing_uploaded_filename,
            closing_shown and closing_shown.uploaded_filename,
        ),
        "incident.status": (incident.status, report and report.status),
        "audit": (
            sorted(step.hash for step in episode.audit),
            sorted(record.hash for record in [*history, *facts, *removals]),
        ),
    }
    if removals:
        told = max(removals, key=lambda r: (r.facet_revision, r.hash))
        gone = Evidence(status=told.status, reason=told.reason, evidence_from=evidence.evidence_from)
        pairs = {field: pair for field, pair in pairs.items() if not field.startswith("evidence.")}
        pairs["evidence"] = evidence, gone
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}


def check_rows(log: Log, stores: Stores, site: Site) -> Iterator[Difference]:
    """ClickHouse against the topics: one row per key with these values, and each episode once in the view."""
    wanted: dict[Table, list[Row]] = {
        "episode_log": [episode_row(e, site) for e in log.episodes.values()],
        "visits": [visit_row(v, site) for v in log.visits.values()],
        "outages": [outage_row(o, site) for o in log.outages.values()],
    }
    for table, rows in wanted.items():
        yield from _rows(table, rows, stores.rows.get(table, []))
    for episode in log.episodes.values():
        shown, due = stores.shown.get(episode.episode_id, 0), int(episode.phase != "retracted")
        if shown != due and _has_row(episode, stores):
            what = f"is shown {shown} times by the view episodes, not {due}"
            do = "compare active_versions with the episode's version"
            yield Difference("ClickHouse", episode.episode_id, what, do)
    for episode_id in stores.shown:
        if episode_id not in log.episodes:
            what = "is shown by the view episodes, but the topic episodes has no record of it"
            yield Difference("ClickHouse", episode_id, what, "find out which of the two lost or gained it")


def _rows(table: Table, wanted: Iterable[Row], there: Iterable[Row]) -> Iterator[Difference]:
    key = {"episode_log": "episode_id", "visits": "visit_id", "outages": "outage_id"}[table]
    found: dict[tuple[str, str], list[Row]] = {}
    for row in there:
        found.setdefault((row[key], row["version"]), []).append(row)
    for row in wanted:
        rows = found.get((row[key], row["version"]), [])
        if len(rows) != 1:
            what = f"has {len(rows)} rows in {table} for version {row['version']}, not 1"
            yield Difference("ClickHouse", row[key], what, LOAD)
            continue
        unlike = [column for column in row if rows[0].get(column) != row[column]]
        if unlike:
            shown = ", ".join(f"{column} {rows[0].get(column)!r} instead of {row[column]!r}" for column in unlike)
            yield Difference("ClickHouse", row[key], f"its row in {table} says {shown}", LOAD)


def _has_row(episode: Episode, stores: Stores) -> bool:
    """A missing row was named already; that the view cannot show it is no news."""
    rows = stores.rows.get("episode_log", [])
    return any(row["episode_id"] == episode.episode_id and row["version"] == episode.version for row in rows)


def check_snapshots(stores: Stores) -> Iterator[Difference]:
    """The files against what the topic says now: item by item, then byte by byte."""
    for name, planned in stores.planned.items():
        there = stores.snapshots.get(name)
        if there is None:
            yield Difference("snapshot", "", f"{name} is missing", REBUILD)
        elif there != planned:
            yield from _items(name, planned, there)
    for name in stores.snapshots:
        if name not in stores.planned:
            yield Difference("snapshot", "", f"{name} is of a day without episodes", "move the file away")


def _items(name: str, planned: bytes, there: bytes) -> Iterator[Difference]:
    try:
        items = list(_episodes_in(there))
    except (ValueError, KeyError, TypeError) as error:
        yield Difference("snapshot", "", f"{name} cannot be read: {type(error).__name__}: {error}", REBUILD)
        return
    wanted = {item["episode_id"]: item for item in _episodes_in(planned)}
    counts = Counter(item["episode_id"] for item in items)
    named = False
    for episode_id, item in wanted.items():
        found = next((i for i in items if i["episode_id"] == episode_id), None)
        if counts[episode_id] != 1 or found is None:
            yield Difference("snapshot", episode_id, f"{name} has {counts[episode_id]} items of it, not 1", REBUILD)
            named = True
        elif found != item:
            unlike = [field for field in item if found.get(field) != item[field]] or sorted(set(found) - set(item))
            yield Difference("snapshot", episode_id, f"{name}: its item differs in {', '.join(unlike)}", REBUILD)
            named = True
    for episode_id in counts.keys() - wanted.keys():
        yield Difference("snapshot", episode_id, f"{name} has an item of it, and should not", REBUILD)
        named = True
    if not named:
        yield Difference("snapshot", "", f"{name} differs from a rebuild outside its items", REBUILD)


def _episodes_in(snapshot: bytes) -> Iterator[dict[str, Any]]:
    body = json.loads(snapshot)
    yield from body["interaction_metrics"]["interaction_times"]
    yield from body["unattended_metrics"]["unattended_times"]
