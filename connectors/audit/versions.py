"""Which version counts: the decisions against SQL and topic `episodes`, and what counts against its replay (pure)."""

from collections.abc import Iterator, Sequence

from connectors.audit.facts import Difference, Event, Log, Stores
from connectors.audit.stores import EVENT_FIELDS, STATED
from connectors.clickhouse.plan import Row, outage_row, visit_row
from infra.replays import Told
from schemas.hashing import hash_of
from schemas.promotions import LIVE, active, in_order, unfinished
from schemas.records import (
    CameraOutage,
    ClipCut,
    CustomerVisit,
    Episode,
    InteractionEvent,
    UnattendedEvent,
)
from schemas.site import Site

TOPIC = "topic promotions"
AGAIN = "run `trackfold promote` of that version again, or `trackfold rollback`: both state everything anew"


def check(log: Log, there: Stores, site: Site) -> Iterator[Difference]:
    """Every difference between the decisions, the stores and the replays that count."""
    yield from _decisions(log)
    yield from _sql(log, there)
    yield from _topic(log)
    for (version, camera_id, day), told in log.replays.items():
        if active(log.promotions).get((camera_id, day), LIVE).version == version:
            yield from _replay(version, told, log, there, site)
    yield from _made(log)


def _decisions(log: Log) -> Iterator[Difference]:
    before = None
    for decision in in_order(log.promotions):
        name = f"decision {decision.activation}"
        if hash_of(decision) != decision.hash:
            yield Difference(TOPIC, "", f"{name}: its hash does not fit its content", "compare it with a backup")
        if decision.previous_hash != before:
            yield Difference(TOPIC, "", f"{name} does not follow the one before by hash", "compare it with a backup")
        before = decision.hash
    if (last := unfinished(log.promotions)) is not None:
        what = f"decision {last.activation} of {last.decided_by} was broken off"
        yield Difference(TOPIC, "", what, "run the command again: the next promote or rollback finishes it")


def _sql(log: Log, there: Stores) -> Iterator[Difference]:
    wanted = {key: (of.version, of.activation) for key, of in active(log.promotions).items()}
    for key in sorted({*wanted, *there.active}):
        if wanted.get(key) != there.active.get(key):
            said, due = (found.get(key, "nothing") for found in (there.active, wanted))
            what = f"active_versions has {said} for {key[0]} on {key[1]}, the decisions say {due}"
            yield Difference("ClickHouse", "", what, AGAIN)


def _topic(log: Log) -> Iterator[Difference]:
    """What is shown of a camera's day is of the version that counts, since the decision that says so."""
    now = active(log.promotions)
    for episode in log.episodes.values():
        of = now.get((episode.camera_id, episode.business_day), LIVE)
        if episode.phase != "retracted" and (episode.version, episode.activation) != (of.version, of.activation):
            what = f"is of version {episode.version} (activation {episode.activation}), "
            what += f"but {of.version} counts since activation {of.activation}"
            yield Difference("topic episodes", episode.episode_id, what, AGAIN)


def _replay(version: str, told: Sequence[Told], log: Log, there: Stores, site: Site) -> Iterator[Difference]:
    """The Episodes and rows of a version that counts against what its replay told."""
    events: dict[str, list[Event]] = {}
    for one in told:
        if isinstance(one, InteractionEvent | UnattendedEvent) and one.phase in STATED:
            events.setdefault(one.episode_id, []).append(one)
    for episode_id, of_episode in events.items():
        episode = log.episodes.get(episode_id)
        if episode is None:
            yield Difference("topic episodes", episode_id, f"has no record, though {version} has it", AGAIN)
        else:
            yield from _like_its_event(episode, of_episode[-1])
    visits = [visit_row(one, site, version) for one in told if isinstance(one, CustomerVisit)]
    outages = {one.outage_id: outage_row(one, site, version) for one in told if isinstance(one, CameraOutage)}
    yield from _rows("visits", "visit_id", visits, there)
    yield from _rows("outages", "outage_id", list(outages.values()), there)


def _like_its_event(episode: Episode, newest: Event) -> Iterator[Difference]:
    for name in ("phase", *EVENT_FIELDS):
        said, due = getattr(episode, name), getattr(newest, name)
        if said != due:
            what = f"says {name} {said!r}, its replay says {due!r}"
            yield Difference("topic episodes", episode.episode_id, what, AGAIN)


def _rows(table: str, key: str, wanted: Sequence[Row], there: Stores) -> Iterator[Difference]:
    found = {(row[key], row["version"]): row for row in there.rows.get(table, [])}  # type: ignore[call-overload]
    for row in wanted:
        shown = found.get((row[key], row["version"]), {})
        if any(shown.get(column) != row[column] for column in row):
            what = f"its row in {table} for version {row['version']} is missing or says other things than the replay"
            yield Difference("ClickHouse", row[key], what, AGAIN)


def _made(log: Log) -> Iterator[Difference]:
    """Clips and reports that a promotion made follow what they were made for."""
    causes = {event.hash for told in log.replays.values() for event in told}
    for clips in log.clips.values():
        for clip in clips:
            if clip.lane != "live" and _is_here(clip, log) and clip.previous_hash not in causes:
                what = f"the {clip.part} clip of {clip.lane} follows no event of that replay by hash"
                yield Difference("topic clips", clip.episode_id, what, "compare the replay's files with a backup")
    uploads = {upload.hash for found in log.uploads.values() for upload in found}
    for reports in log.incidents.values():
        for report in reports:
            if report.lane != "live" and report.previous_hash not in uploads:
                what = f"the report of {report.incident_id} follows no upload by hash"
                yield Difference("topic incidents", report.episode_id, what, "compare it with the other stores")


def _is_here(clip: ClipCut, log: Log) -> bool:
    return (clip.lane, clip.camera_id, clip.business_day) in log.replays


def absent(log: Log) -> list[str]:
    """The replays that count and are not on this machine, so that nothing could be compared with them."""
    wanted = {(of.version, *key) for key, of in active(log.promotions).items() if of.version != "live"}
    return [
        f"replay {v} of {camera} on {day}: it is on another machine"
        for v, camera, day in sorted(wanted - set(log.replays))
    ]
