"""Which row a record becomes; pure. Columns are those of sql/1*.sql, times are ms UTC as DateTime64(3) takes them."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from schemas.records import CameraOutage, CustomerVisit, Episode, TrackRef
from schemas.site import Site
from schemas.topics import CAMERA_OUTAGES, CUSTOMER_VISITS, EPISODES

Row = dict[str, Any]

TABLES: Mapping[str, str] = {
    EPISODES.name: "episode_log",
    CUSTOMER_VISITS.name: "visits",
    CAMERA_OUTAGES.name: "outages",
}
"""The topics that are loaded, and into which table."""


def by_table(records: Iterable[msgspec.Struct], site: Site) -> dict[str, list[Row]]:
    """The rows of Episodes, CustomerVisits and CameraOutages by table. Records of another site are left to its sink."""
    batch: dict[str, list[Row]] = {}
    for record in records:
        match record:
            case Episode() if record.site_id == site.site_id:
                batch.setdefault("episode_log", []).append(episode_row(record, site))
            case CustomerVisit() if record.site_id == site.site_id:
                batch.setdefault("visits", []).append(visit_row(record, site))
            case CameraOutage() if record.site_id == site.site_id:
                batch.setdefault("outages", []).append(outage_row(record, site))
    return batch


def episode_row(episode: Episode, site: Site) -> Row:
    """The row of episode_log: what the episode says, unfolded; nothing is looked up elsewhere."""
    evidence, incident = episode.evidence, episode.incident
    return {
        "site_id": episode.site_id,
        "camera_id": episode.camera_id,
        "business_day": date.fromisoformat(episode.business_day),
        "version": episode.version,
        "episode_id": episode.episode_id,
        "activation": episode.activation,
        "revision": episode.revision,
        "rules_version": episode.rules_version,
        "lane": episode.lane,
        "timezone": site.timezone,
        "ordinal": episode.ordinal,
        "kind": episode.kind,
        "phase": episode.phase,
        "close_reason": episode.close_reason,
        "reason": episode.reason,
        "occurrence_id": episode.occurrence_id,
        "opens": episode.opens,
        "staff_id": episode.staff_id,
        "customer_id": episode.customer_id,
        "zone_id": episode.zone_id,
        "service_point_id": episode.service_point_id,
        "continues": episode.continues,
        "started_at": episode.started_at,
        "confirmed_at": episode.confirmed_at,
        "ended_at": episode.ended_at,
        "last_contact_at": episode.last_contact_at,
        "local_hour": site.local_time(episode.started_at).hour,
        "duration_s": episode.duration_s,
        "waited_s": episode.waited_s,
        "confidence": episode.confidence,
        "support": episode.support,
        "distance_m_min": episode.distance_m_min,
        "distance_m_median": episode.distance_m_median,
        "distance_method": episode.distance_method,
        "track_ids": [_track(ref) for ref in episode.lineage.staff + episode.lineage.customer],
        "evidence_status": evidence.status,
        "evidence_reason": evidence.reason,
        "evidence_from": evidence.evidence_from,
        "segment_filename": evidence.segment_filename,
        "uploaded_filename": evidence.uploaded_filename,
        "video_url": evidence.video_url,
        "clip_sha256": evidence.clip_sha256,
        "covered_from": evidence.covered_from,
        "covered_to": evidence.covered_to,
        "cut_at": _alert_cut_at(episode),
        "uploaded_at": evidence.uploaded_at,
        "closing_filename": evidence.closing_filename,
        "closing_uploaded_filename": evidence.closing_uploaded_filename,
        "closing_sha256": evidence.closing_sha256,
        "incident_id": incident.incident_id,
        "external_incident_id": incident.external_incident_id,
        "incident_status": incident.status,
        "incident_reason": incident.reason,
        "reported_at": incident.reported_at,
    }


def visit_row(visit: CustomerVisit, site: Site, version: str | None = None) -> Row:
    """The row of visits. Its version is its lane, unless it comes from a replay."""
    return {
        "site_id": visit.site_id,
        "camera_id": visit.camera_id,
        "business_day": date.fromisoformat(visit.business_day),
        "version": version or visit.lane,
        "visit_id": visit.visit_id,
        "rules_version": visit.rules_version,
        "lane": visit.lane,
        "timezone": site.timezone,
        "customer_id": visit.customer_id,
        "zone_id": visit.zone_id,
        "entered_at": visit.entered_at,
        "first_contact_at": visit.first_contact_at,
        "left_at": visit.left_at,
        "local_hour": site.local_time(visit.entered_at).hour,
        "waited_s": visit.waited_s,
        "served": visit.served,
    }


def outage_row(outage: CameraOutage, site: Site, version: str | None = None) -> Row:
    """The row of outages. Its version is its lane, unless it comes from a replay."""
    return {
        "site_id": outage.site_id,
        "camera_id": outage.camera_id,
        "business_day": date.fromisoformat(outage.business_day),
        "version": version or outage.lane,
        "outage_id": outage.outage_id,
        "revision": outage.facet_revision,
        "rules_version": outage.rules_version,
        "lane": outage.lane,
        "timezone": site.timezone,
        "from_at": outage.from_at,
        "to_at": outage.to_at,
        "local_hour": site.local_time(outage.from_at).hour,
        "reason": outage.reason,
    }


def _track(ref: TrackRef) -> str:
    return f"{ref.stream_epoch}:{ref.track_id}:{ref.tracklet}"


def _alert_cut_at(episode: Episode) -> int | None:
    cuts = [step.at for step in episode.audit if step.facet == "clip" and step.part == "alert"]
    return cuts[-1] if cuts else None
