"""What a promotion has to do: whose clips are inherited, what is cut, what is reported, what is withdrawn (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from connectors.clip.plan import ClipJob
from connectors.clip.plan import jobs as clip_jobs
from connectors.incident.plan import IncidentJob
from connectors.upload.plan import has_file
from schemas.acts import EvidenceRemoved
from schemas.hashing import sealed
from schemas.ids import incident_id
from schemas.lineage import same_people
from schemas.promotions import Active, CameraDay
from schemas.records import (
    ClipCut,
    ClipUploaded,
    Episode,
    IncidentReported,
    InteractionEvent,
    Part,
    UnattendedEvent,
)
from schemas.windows import CLOSING_LEAD_MS

Event = InteractionEvent | UnattendedEvent
F = TypeVar("F", ClipCut, ClipUploaded, IncidentReported)


@dataclass
class Known:
    """What is known of the cameras' days in every version: the newest record of each step."""

    clips: dict[Part, ClipCut] = field(default_factory=dict)
    uploads: dict[Part, ClipUploaded] = field(default_factory=dict)
    """Each of the clip beside it: an upload of an older cut does not count."""
    incidents: dict[str, IncidentReported] = field(default_factory=dict)
    """occurrence_id -> report."""
    removed: set[str] = field(default_factory=set)
    """Episodes whose pictures were removed for good."""

    def take(self, fact: msgspec.Struct) -> None:
        """One more record, in any order; others than these are passed over."""
        match fact:
            case ClipCut():
                self.clips[fact.episode_id, fact.part] = _newer(self.clips.get((fact.episode_id, fact.part)), fact)
            case ClipUploaded():
                self.uploads[fact.episode_id, fact.part] = _newer(self.uploads.get((fact.episode_id, fact.part)), fact)
            case IncidentReported():
                self.incidents[fact.occurrence_id] = _newer(self.incidents.get(fact.occurrence_id), fact)
            case EvidenceRemoved() if fact.episode_id is not None:
                self.removed.add(fact.episode_id)

    def upload_of(self, part: Part) -> ClipUploaded | None:
        """The upload of the newest cut of a clip."""
        clip, upload = self.clips.get(part), self.uploads.get(part)
        return upload if clip is not None and upload is not None and upload.previous_hash == clip.hash else None


def known(facts: Iterable[msgspec.Struct]) -> Known:
    """What these records say."""
    found = Known()
    for fact in facts:
        found.take(fact)
    return found


def jobs(events: Iterable[Event]) -> dict[Part, ClipJob]:
    """Every clip that a version's episodes ask for, as the clip service would take it from their events."""
    found: dict[Part, ClipJob] = {}
    for event in events:
        for job in clip_jobs(event, now_ms=0).values():
            found[job.subject.episode_id, job.part] = job
    return found


def heirs(wanted: Mapping[Part, ClipJob], there: Known, version: str) -> dict[Part, Part]:
    """Which stored clip shows a part that has none of its own: of the same people, over the whole time that matters.

    One that the version had cut for another part that is wanted does not: it may be from a run that was broken off,
    and the next has to end as if it had not been. A clip that was removed for good stands for every part of the same
    people, so that none of them is cut anew.
    """
    may_show = [
        other
        for other, clip in there.clips.items()
        if other[0] in there.removed or other not in wanted or clip.lane != version
    ]
    found = {}
    for part, job in wanted.items():
        if part not in there.clips:
            fit = [other for other in may_show if _shows(other, job, there)]
            if fit:
                found[part] = min(fit, key=lambda o: (o[0] in there.removed, o[1] != part[1], there.clips[o].lane, o))
    return found


def _shows(other: Part, job: ClipJob, there: Known) -> bool:
    clip, upload, subject = there.clips[other], there.upload_of(other), job.subject
    if (clip.camera_id, clip.business_day) != (subject.camera_id, subject.business_day):
        return False
    if other[0] in there.removed:
        return same_people(clip.subject.lineage, subject.lineage)
    if upload is None or upload.status != "uploaded" or clip.covered_from is None or clip.covered_to is None:
        return False
    if job.part == "alert":
        begin, end = subject.started_at, subject.confirmed_at
    else:
        assert subject.ended_at is not None, "a closing clip is asked for by an end"
        begin, end = subject.ended_at - CLOSING_LEAD_MS, subject.ended_at
    return (
        clip.subject.kind == subject.kind
        and clip.covered_from <= begin
        and end <= clip.covered_to
        and same_people(clip.subject.lineage, subject.lineage)
    )


def to_do(before: ClipCut | ClipUploaded | None) -> bool:
    """Was a step of a promotion never done, or did it fail? What live did is left to `trackfold retry`."""
    return before is None or (before.lane != "live" and before.status == "failed")


def to_store(clip: ClipCut, upload: ClipUploaded | None) -> bool:
    """Has what came of a clip never been said, or could the clip that there is not be stored?"""
    return clip.lane != "live" and (upload is None or (has_file(clip) and to_do(upload)))


def may_be_reported(before: IncidentReported | None) -> bool:
    """Was an occurrence surely never reported? What live did not report is left as it is."""
    return before is None or (before.lane != "live" and before.status in ("suppressed", "failed"))


def of_version(made: F, version: str, before: F | None = None) -> F:
    """The record as a replay's: its lane is the version, which says in which folder a clip lies.

    before: the same step's record until now.
    """
    return sealed(msgspec.structs.replace(made, lane=version, facet_revision=next_revision(before)))


def next_revision(before: ClipCut | ClipUploaded | IncidentReported | None) -> int:
    """Of a step's next record."""
    return 1 if before is None else before.facet_revision + 1


def incident_jobs(
    events: Iterable[Event], wanted: Mapping[Part, ClipJob], inherited: Mapping[Part, Part], there: Known
) -> dict[str, IncidentJob]:
    """What each occurrence of the version would report, by occurrence_id."""
    found = {}
    for event in events:
        own: Part = (event.episode_id, "alert")
        if event.phase == "confirmed" and event.opens and event.occurrence_id is not None and own in wanted:
            upload = there.upload_of(inherited.get(own, own))
            is_there = inherited.get(own, own)[0] not in there.removed
            if upload is not None:
                found[event.occurrence_id] = IncidentJob(
                    incident_id=incident_id(event.occurrence_id),
                    subject=wanted[own].subject,
                    image=(upload.uploaded_filename or "") if upload.status == "uploaded" and is_there else "",
                    is_suppressed=False,
                    previous_hash=upload.hash,
                )
    return found


def standing_reports(
    asked: Mapping[str, IncidentJob], inherited: Mapping[Part, Part], there: Known
) -> dict[str, IncidentReported]:
    """occurrence_id -> the report that stands for it: its own, or of the occurrence whose clip shows its opener."""
    found = {}
    for occurrence_id, job in asked.items():
        source = inherited.get((job.subject.episode_id, "alert"))
        heard = there.incidents.get(occurrence_id)
        if heard is None and source is not None:
            heard = there.incidents.get(there.clips[source].occurrence_id)
        if heard is not None:
            found[occurrence_id] = heard
    return found


def withdrawn(current: Iterable[Episode], target: Sequence[Episode], now: Mapping[CameraDay, Active]) -> list[Episode]:
    """The retractions of what was shown and is not in the version that counts now. Saying it again gives the same."""
    stays = {episode.episode_id for episode in target}
    found = []
    for episode in current:
        of = now[episode.camera_id, episode.business_day]
        again = episode.phase == "retracted" and episode.activation == of.activation
        if episode.episode_id not in stays and (episode.phase != "retracted" or again):
            found.append(
                msgspec.structs.replace(
                    episode,
                    version=of.version,
                    activation=of.activation,
                    phase="retracted",
                    ended_at=None,
                    duration_s=None,
                    close_reason=None,
                )
            )
    return found


def _newer(there: F | None, fact: F) -> F:
    return fact if there is None or fact.facet_revision >= there.facet_revision else there
