"""Facets: what each step's records contribute to an Episode, so small that a long occurrence's entry stays small."""

import msgspec

from schemas.records import (
    AuditStep,
    ClipCut,
    ClipStatus,
    ClipUploaded,
    Episode,
    EpisodeKind,
    Evidence,
    IncidentFacts,
    IncidentReported,
    InteractionEvent,
    UnattendedEvent,
    UploadStatus,
)


class EventFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event says, as an Episode without its evidence."""

    step: AuditStep
    draft: Episode
    evidence_episode_id: str


class ClipFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of cutting one part."""

    step: AuditStep
    status: ClipStatus
    reason: str | None = None
    segment_filename: str | None = None
    sha256: str | None = None
    covered_from: int | None = None
    covered_to: int | None = None


class UploadFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of storing one part."""

    step: AuditStep
    status: UploadStatus
    incident_id: str
    reason: str | None = None
    uploaded_filename: str | None = None
    video_url: str | None = None
    upload_timestamp: int | None = None


class IncidentFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of reporting the occurrence."""

    step: AuditStep
    facts: IncidentFacts


def event_fact(event: InteractionEvent | UnattendedEvent) -> EventFact:
    """The facet in the record."""
    kind: EpisodeKind = "interaction" if isinstance(event, InteractionEvent) else "unattended"
    assert event.occurrence_id is not None, f"{event.phase} event of {event.episode_id} names no occurrence"
    draft = Episode(
        episode_id=event.episode_id,
        kind=kind,
        version=event.lane,
        activation=0,
        revision=event.facet_revision,
        site_id=event.site_id,
        camera_id=event.camera_id,
        lane=event.lane,
        business_day=event.business_day,
        ordinal=event.ordinal,
        phase=event.phase,
        occurrence_id=event.occurrence_id,
        opens=event.opens,
        staff_id=event.staff_id,
        customer_id=event.customer_id,
        zone_id=event.zone_id,
        service_point_id=event.service_point_id,
        started_at=event.started_at,
        confirmed_at=event.cause.captured_at if event.confirmed_at is None else event.confirmed_at,
        ended_at=event.ended_at,
        duration_s=event.duration_s,
        waited_s=event.alert.waited_s if event.alert else None,
        last_contact_at=event.last_contact_at,
        close_reason=event.close_reason,
        reason=event.reason if isinstance(event, UnattendedEvent) else None,
        confidence=event.confidence,
        support=event.support,
        distance_m_min=event.distance_m_min,
        distance_m_median=event.distance_m_median,
        distance_method=event.distance_method,
        lineage=event.lineage,
        rules_version=event.rules_version,
        continues=event.continues,
        evidence=Evidence(status="pending"),
        incident=IncidentFacts(),
    )
    step = AuditStep(
        facet="event",
        phase=event.phase,
        facet_revision=event.facet_revision,
        hash=event.hash,
        previous_hash=event.previous_hash,
        at=event.cause.captured_at,
    )
    return EventFact(step, draft, event.evidence_episode_id or event.episode_id)


def clip_fact(clip: ClipCut) -> ClipFact:
    """The facet in the record."""
    step = AuditStep(
        facet="clip",
        part=clip.part,
        facet_revision=clip.facet_revision,
        hash=clip.hash,
        previous_hash=clip.previous_hash,
        at=clip.cut_at,
    )
    names = clip.segment_filename, clip.sha256, clip.covered_from, clip.covered_to
    return ClipFact(step, clip.status, clip.reason, *names)


def upload_fact(upload: ClipUploaded) -> UploadFact:
    """The facet in the record."""
    step = AuditStep(
        facet="upload",
        part=upload.part,
        facet_revision=upload.facet_revision,
        hash=upload.hash,
        previous_hash=upload.previous_hash,
        at=upload.upload_timestamp,
    )
    names = upload.uploaded_filename, upload.video_url, upload.upload_timestamp
    return UploadFact(step, upload.status, upload.incident_id, upload.reason, *names)


def incident_fact(incident: IncidentReported) -> IncidentFact:
    """The facet in the record."""
    step = AuditStep(
        facet="incident",
        facet_revision=incident.facet_revision,
        hash=incident.hash,
        previous_hash=incident.previous_hash,
        at=incident.reported_at,
    )
    facts = IncidentFacts(
        incident_id=incident.incident_id,
        external_incident_id=incident.external_incident_id,
        status=incident.status,
        reason=incident.reason,
        reported_at=incident.reported_at,
    )
    return IncidentFact(step, facts)
