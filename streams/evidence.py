"""The evidence join: facts of five topics about one occurrence -> Episodes. Pure; the order of arrival never matters.

Every step publishes what it knows with a revision of its own (a facet). The entry of an occurrence keeps the highest
revision of each facet, so entries form a semilattice: taking in a fact again, facts in another order, or merging two
half-filled entries gives the same entry. An Episode is a function of the entry alone; its revision is the sum of the
revisions that it shows and therefore only grows.

An event counts once the one that it names as previous is there, beginning with `confirmed`: an `ended` that overtook
its `confirmed` waits in the entry, for an Episode without the alert's facts would later change under one revision.
An upload shows while it is that of the clip we know: the upload of a clip that was cut again is not its evidence.
A removal takes all names away, whatever else is there or comes later: the episode's own, or that of the episode whose
clip shows it.

Entries are dropped a week of event time after the occurrence's business day when all is final, else after 30 days. Not
earlier: a fact redelivered after a crash must find its entry, or it would state an old revision as the newest.
"""

from collections.abc import Iterator
from datetime import date
from typing import TypeVar

import msgspec

from schemas.acts import EvidenceRemoved
from schemas.records import (
    ClipCut,
    ClipPart,
    ClipUploaded,
    Episode,
    Evidence,
    EvidenceStatus,
    IncidentFacts,
    IncidentReported,
    InteractionEvent,
    UnattendedEvent,
)
from schemas.removals import RemovalFact, is_removed, removal_fact, without
from streams.facets import (
    ClipFact,
    EventFact,
    IncidentFact,
    UploadFact,
    clip_fact,
    event_fact,
    incident_fact,
    upload_fact,
)

Fact = InteractionEvent | UnattendedEvent | ClipCut | ClipUploaded | IncidentReported | EvidenceRemoved

FINAL_KEPT_DAYS = 7
"""As long as the log itself is kept."""
KEPT_DAYS = 30
STATED = ("confirmed", "ended", "retracted")
"""Phases of episodes that became known; `started` and `discarded` live in the event topics only."""


class Member(msgspec.Struct, omit_defaults=True):
    """One episode of the occurrence: its events by revision, its clips and uploads by part; that they were removed."""

    events: dict[int, EventFact] = {}
    clips: dict[ClipPart, ClipFact] = {}
    uploads: dict[ClipPart, UploadFact] = {}
    removal: RemovalFact | None = None


class OccurrenceEntry(msgspec.Struct, omit_defaults=True):
    """All facts of one occurrence. Mutable; whoever holds it owns it."""

    business_day: str
    members: dict[str, Member] = {}
    incident: IncidentFact | None = None


AnyFact = TypeVar("AnyFact", EventFact, ClipFact, UploadFact, IncidentFact, RemovalFact)


def entry_key(fact: Fact) -> str | None:
    """camera|lane|occurrence of the entry that takes the fact, or None when it concerns no Episode (yet)."""
    if isinstance(fact, InteractionEvent | UnattendedEvent) and fact.phase not in STATED:
        return None
    return None if fact.occurrence_id is None else f"{fact.camera_id}|{fact.lane}|{fact.occurrence_id}"


def join(entry: OccurrenceEntry | None, fact: Fact) -> tuple[OccurrenceEntry, list[Episode]]:
    """Take one fact in; gives the entry (the same object, changed) and the Episodes that changed by it, by episode_id.

    entry None: the occurrence is new. fact must be one for which entry_key() is not None.
    """
    if entry is None:
        entry = OccurrenceEntry(business_day=fact.business_day)
    before = list(episodes(entry))
    _take(entry, fact)
    return entry, [episode for episode in episodes(entry) if episode not in before]


def merge(one: OccurrenceEntry, other: OccurrenceEntry) -> OccurrenceEntry:
    """Everything that either knows; changes and gives `one`."""
    for episode_id, theirs in other.members.items():
        ours = one.members.setdefault(episode_id, Member())
        for revision, event in theirs.events.items():
            ours.events[revision] = _higher(ours.events.get(revision), event)
        for part, clip in theirs.clips.items():
            ours.clips[part] = _higher(ours.clips.get(part), clip)
        for part, upload in theirs.uploads.items():
            ours.uploads[part] = _higher(ours.uploads.get(part), upload)
        if theirs.removal is not None:
            ours.removal = _higher(ours.removal, theirs.removal)
    if other.incident is not None:
        one.incident = _higher(one.incident, other.incident)
    one.business_day = min(one.business_day, other.business_day)
    return one


def episodes(entry: OccurrenceEntry) -> Iterator[Episode]:
    """The Episodes that the entry can state, ordered by episode_id."""
    for episode_id in sorted(entry.members):
        history = _history(entry.members[episode_id])
        if history:
            yield _episode(entry, entry.members[episode_id], history)


def is_over(entry: OccurrenceEntry, today: str) -> bool:
    """May the entry be dropped when the camera's newest fact is of business day `today` (YYYY-MM-DD)?"""
    age_days = (date.fromisoformat(today) - date.fromisoformat(entry.business_day)).days
    return age_days > KEPT_DAYS or (age_days > FINAL_KEPT_DAYS and _is_final(entry))


def _take(entry: OccurrenceEntry, fact: Fact) -> None:
    assert fact.episode_id is not None
    member = entry.members.setdefault(fact.episode_id, Member())
    match fact:
        case InteractionEvent() | UnattendedEvent():
            known = member.events.get(fact.facet_revision)
            member.events[fact.facet_revision] = _higher(known, event_fact(fact))
        case ClipCut():
            member.clips[fact.part] = _higher(member.clips.get(fact.part), clip_fact(fact))
        case ClipUploaded():
            member.uploads[fact.part] = _higher(member.uploads.get(fact.part), upload_fact(fact))
        case IncidentReported():
            entry.incident = _higher(entry.incident, incident_fact(fact))
        case EvidenceRemoved():
            member.removal = _higher(member.removal, removal_fact(fact))


def _higher(known: AnyFact | None, new: AnyFact) -> AnyFact:
    """The higher revision. One revision has one content; should it ever not, the hash decides and not the order."""
    if known is None or (new.step.facet_revision, new.step.hash) > (known.step.facet_revision, known.step.hash):
        return new
    return known


def _history(member: Member) -> list[EventFact]:
    """The events that count, from `confirmed` on along the hash chain; empty when `confirmed` is not there."""
    history = [event for event in member.events.values() if event.step.phase == "confirmed"]
    while history:
        following = [e for e in member.events.values() if e.step.previous_hash == history[-1].step.hash]
        if not following:
            break
        history.append(following[0])
    return history


def _episode(entry: OccurrenceEntry, member: Member, history: list[EventFact]) -> Episode:
    confirmed, newest = history[0], history[-1]
    owner = entry.members.get(confirmed.evidence_episode_id, Member())
    alert = (owner.clips.get("alert"), owner.uploads.get("alert"))
    closing = (member.clips.get("closing"), member.uploads.get("closing"))
    facts = [fact for fact in (*alert, entry.incident, *closing) if fact is not None]
    removals = [one.removal for one in ((member,) if owner is member else (owner, member)) if one.removal is not None]
    episode = msgspec.structs.replace(
        newest.draft,
        revision=newest.step.facet_revision + sum(fact.step.facet_revision for fact in facts),
        opens=confirmed.draft.opens,
        confirmed_at=confirmed.draft.confirmed_at,
        waited_s=confirmed.draft.waited_s,
        reason=confirmed.draft.reason,
        evidence=_evidence(confirmed, *alert, *closing),
        incident=_incident(entry, alert[1]),
        audit=[event.step for event in history] + [fact.step for fact in facts],
    )
    return without(episode, removals)


def _evidence(
    confirmed: EventFact,
    clip: ClipFact | None,
    upload: UploadFact | None,
    closing: ClipFact | None,
    closing_upload: UploadFact | None,
) -> Evidence:
    upload = upload if _belongs(upload, clip) else None
    closing_upload = closing_upload if _belongs(closing_upload, closing) else None
    owner = confirmed.evidence_episode_id
    return Evidence(
        status=_status(clip, upload),
        reason=(clip.reason if clip else None) or (upload.reason if upload else None),
        evidence_from=None if owner == confirmed.draft.episode_id else owner,
        segment_filename=clip.segment_filename if clip else None,
        uploaded_filename=upload.uploaded_filename if upload else None,
        video_url=upload.video_url if upload else None,
        clip_sha256=clip.sha256 if clip else None,
        covered_from=clip.covered_from if clip else None,
        covered_to=clip.covered_to if clip else None,
        uploaded_at=upload.upload_timestamp if upload else None,
        closing_filename=closing.segment_filename if closing else None,
        closing_uploaded_filename=closing_upload.uploaded_filename if closing_upload else None,
        closing_sha256=closing.sha256 if closing else None,
    )


def _belongs(upload: UploadFact | None, clip: ClipFact | None) -> bool:
    return upload is not None and clip is not None and upload.step.previous_hash == clip.step.hash


def _status(clip: ClipFact | None, upload: UploadFact | None) -> EvidenceStatus:
    """Of the alert part, given the upload that belongs to the clip."""
    if clip is None or upload is None:
        return "pending"
    if clip.status == "expired":
        return "expired"
    if "failed" in (clip.status, upload.status):
        return "failed"
    if upload.status != "uploaded":
        return "ambiguous"
    return "available" if clip.status == "complete" else "partial"


def _incident(entry: OccurrenceEntry, upload: UploadFact | None) -> IncidentFacts:
    if entry.incident is not None:
        return entry.incident.facts
    return IncidentFacts(incident_id=upload.incident_id if upload else None)


def _is_final(entry: OccurrenceEntry) -> bool:
    """Everything said, and nothing that a person may still want to repeat by hand."""
    stated = list(episodes(entry))
    return (
        bool(stated)
        and len(stated) == len(entry.members)
        and all(episode.phase in ("ended", "retracted") for episode in stated)
        and all(episode.evidence.status in ("available", "partial") or is_removed(episode) for episode in stated)
        and all(episode.incident.status in ("reported", "suppressed") for episode in stated)
        and all(_belongs(m.uploads.get(part), clip) for m in entry.members.values() for part, clip in m.clips.items())
    )
