"""The causal chain: every record's hash fits its content, and every record names the one that caused it (pure)."""

from collections.abc import Iterator, Sequence

from connectors.audit.facts import Difference, Event, Log, topic_name
from schemas.hashing import hash_of
from schemas.records import CameraOutage, ClipCut, ClipUploaded, CustomerVisit, IncidentReported

Link = Event | ClipCut | ClipUploaded | IncidentReported

CORRECT = "one of the two stores was altered: compare it with the other stores and restore it from its backup"
REFOLD = "find out what removed it; `trackfold replay` of the camera's day shows the events that belong there"


def check(log: Log) -> Iterator[Difference]:
    """Every difference within the topics that carry hashes."""
    yield from log.repeats
    for visit in log.visits.values():
        yield from _hash(visit, visit.visit_id, "the visit")
    for outage in log.outages.values():
        yield from _hash(outage, outage.outage_id, "the outage")
    for episode_id, events in log.events.items():
        yield from _life(episode_id, events)
        yield from _links(events, [None, *events])
    for (episode_id, part), clips in log.clips.items():
        cause = log.event(episode_id, "confirmed" if part == "alert" else "ended")
        for clip in clips:
            if clip.lane == "live":
                yield from _link(clip, f"the {part} clip", [cause])
            else:  # what its replay told caused it
                yield from _hash(clip, clip.episode_id, f"the {part} clip")
    for key, uploads in log.uploads.items():
        for upload in uploads:
            yield from _link(upload, f"the upload of the {key[1]} clip", log.clips.get(key, []))
    for reports in log.incidents.values():
        for report in reports:
            if report.lane != "live":  # its clip may be another episode's
                yield from _hash(report, report.episode_id, f"the report of {report.incident_id}")
                continue
            causes = log.uploads.get((report.episode_id, "alert"), [])
            yield from _link(report, f"the report of {report.incident_id}", causes)


def _life(episode_id: str, events: Sequence[Event]) -> Iterator[Difference]:
    """One `started`, exactly one end, and `confirmed` before `ended`."""
    store = topic_name(events[0])
    phases = [event.phase for event in events]
    if phases.count("started") != 1:
        yield Difference(store, episode_id, f"has {phases.count('started')} started events", REFOLD)
    ends = phases.count("ended") + phases.count("discarded")
    if ends == 0 and "retracted" not in phases:
        yield Difference(
            store,
            episode_id,
            "has no end: no ended, discarded or retracted event",
            "it may still be going on; if its camera has stopped, see the streams worker's log",
        )
    if ends > 1:
        yield Difference(store, episode_id, f"has {ends} ends", CORRECT)
    if "ended" in phases and "confirmed" not in phases:
        yield Difference(store, episode_id, "has ended, but its confirmed event is missing", REFOLD)


def _links(events: Sequence[Event], before: Sequence[Event | None]) -> Iterator[Difference]:
    for event, cause in zip(events, before, strict=False):
        yield from _hash(event, event.episode_id, f"its {event.phase} event")
        wanted = None if cause is None else cause.hash
        if event.previous_hash != wanted:
            names = "no event" if cause is None else f"its {cause.phase} event"
            yield Difference(
                topic_name(event), event.episode_id, f"its {event.phase} event does not follow {names} by hash", CORRECT
            )


def _link(
    record: ClipCut | ClipUploaded | IncidentReported, what: str, causes: Sequence[Link | None]
) -> Iterator[Difference]:
    yield from _hash(record, record.episode_id, what)
    there = [cause for cause in causes if cause is not None]
    if record.previous_hash in [cause.hash for cause in there]:
        return
    names = f"the record in {topic_name(there[-1])}" if there else "anything: the record that caused it is missing"
    yield Difference(topic_name(record), record.episode_id, f"{what} does not follow {names} by hash", CORRECT)


def _hash(record: Link | CustomerVisit | CameraOutage, about: str, what: str) -> Iterator[Difference]:
    if hash_of(record) != record.hash:
        yield Difference(topic_name(record), about, f"{what}: its hash does not fit its content", CORRECT)
