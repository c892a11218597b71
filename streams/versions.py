"""What a version of a camera's day says: the Episodes of its events, with the evidence that there is (pure)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from schemas.acts import EvidenceRemoved
from schemas.records import (
    ClipCut,
    ClipUploaded,
    Episode,
    IncidentReported,
    InteractionEvent,
    Part,
    UnattendedEvent,
)
from schemas.removals import newest
from streams.evidence import Fact, OccurrenceEntry, entry_key, episodes, join


def live(facts: Iterable[Fact]) -> list[Episode]:
    """The Episodes of the live lane, as the join of the running pipeline states them."""
    entries: dict[str, OccurrenceEntry] = {}
    for fact in facts:
        key = entry_key(fact)
        if fact.lane == "live" and key is not None:
            entries[key], _ = join(entries.get(key), fact)
    return _in_order(episode for entry in entries.values() for episode in episodes(entry))


def stated(
    events: Iterable[InteractionEvent | UnattendedEvent],
    evidence: Sequence[ClipCut | ClipUploaded | EvidenceRemoved],
    incidents: Mapping[str, IncidentReported],
    *,
    version: str,
    heirs: Mapping[Part, Part] | None = None,
) -> list[Episode]:
    """The Episodes of a replay's events.

    evidence: clips, uploads and removals of any version, found by episode_id; heirs: whose clip shows a part that has
    none of its own; incidents: occurrence_id -> the report that stands for it.
    """
    heirs = heirs or {}
    found: dict[Part, list[ClipCut | ClipUploaded]] = {}
    removed = newest(fact for fact in evidence if isinstance(fact, EvidenceRemoved))
    for fact in evidence:
        if not isinstance(fact, EvidenceRemoved):
            found.setdefault((fact.episode_id, fact.part), []).append(fact)
    entries: dict[str, OccurrenceEntry] = {}
    for event in events:
        key = entry_key(event)
        if key is not None:
            owner = event.evidence_episode_id or event.episode_id
            source, part = heirs.get((owner, "alert"), (owner, "alert"))
            shown = msgspec.structs.replace(event, evidence_episode_id=source)
            entries[key], _ = join(entries.get(key), shown)
            # facts are addressed by episode and part: a clip that is inherited is joined as what it stands for
            own = heirs.get((event.episode_id, "closing"), (event.episode_id, "closing"))
            for fact in found.get((source, part), []):
                join(entries[key], msgspec.structs.replace(fact, episode_id=source, part="alert"))
            for fact in found.get(own, []):
                join(entries[key], msgspec.structs.replace(fact, episode_id=event.episode_id, part="closing"))
            for gone, of in ((source, source), (event.episode_id, event.episode_id), (own[0], event.episode_id)):
                if gone in removed:
                    join(entries[key], msgspec.structs.replace(removed[gone], episode_id=of))
            report = incidents.get(event.occurrence_id or "")
            if report is not None:
                join(entries[key], report)
    told = (episode for entry in entries.values() for episode in episodes(entry))
    return _in_order(msgspec.structs.replace(episode, version=version) for episode in told)


def _in_order(found: Iterable[Episode]) -> list[Episode]:
    return sorted(found, key=lambda e: (e.camera_id, e.business_day, e.started_at, e.episode_id))
