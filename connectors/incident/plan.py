"""What is reported to the incident API: which uploads ask for it, the payload, the record of what came of it (pure)."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from schemas.hashing import sealed
from schemas.records import Alert, ClipUploaded, IncidentReported, IncidentStatus, Subject, WaitingCustomer


class IncidentJob(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence to report."""

    incident_id: str
    subject: Subject
    image: str
    """Name of the uploaded clip, "" when there is none."""
    is_suppressed: bool
    """It was too old to alarm anybody when it was taken in."""
    previous_hash: str


def jobs(upload: ClipUploaded, now_ms: int, alert_max_age_s: float | None) -> Mapping[str, IncidentJob]:
    """The incident that an upload asks for, by incident_id: one per occurrence, with its opener's alert clip.

    A clip that could not be stored is no reason to be silent: then the image is "". Its age is judged here, once.
    """
    subject = upload.subject
    if upload.part != "alert" or not subject.opens:
        return {}
    age_s = (now_ms - subject.confirmed_at) / 1000
    job = IncidentJob(
        incident_id=upload.incident_id,
        subject=subject,
        image=(upload.uploaded_filename or "") if upload.status == "uploaded" else "",
        is_suppressed=alert_max_age_s is not None and age_s > alert_max_age_s,
        previous_hash=upload.hash,
    )
    return {upload.incident_id: job}


def payload(job: IncidentJob, branch_id: str, timezone: str) -> dict[str, Any]:
    """The JSON that the API wants. Times are the shop's wall clock, boxes pixels of the camera's image."""
    subject, alert = job.subject, job.subject.alert
    is_unattended = subject.kind == "unattended"
    body: dict[str, Any] = {
        "branch_id": branch_id,
        "incident_time": _local(subject.confirmed_at, timezone),
        "reported_location": (alert.location if alert else "") or subject.camera_id,
        "incident_type": "unattended_customer" if is_unattended else "customer_staff_interaction",
        "status": "Open",
        "image": job.image,
        "percentage": max(0, min(100, math.floor(100 * subject.support + 0.5))),
        "vehicle_template": "",
        "unattended_customer": int(is_unattended),
    }
    if is_unattended and alert is not None:
        body |= _unattended(subject, alert, timezone)
    return body


def _unattended(subject: Subject, alert: Alert, timezone: str) -> dict[str, Any]:
    confirmed = sum(customer.status == "confirmed" for customer in alert.waiting)
    pending = len(alert.waiting) - confirmed
    total = alert.counts.total if alert.counts else 0
    return {
        "unattended_duration_seconds": (subject.confirmed_at - subject.started_at) / 1000,
        "unattended_timer_seconds": alert.threshold_s,
        "unattended_summary": {
            "total_customers": max(total, len(alert.waiting)),
            "unattended_customers": len(alert.waiting),
            "confirmed_unattended": confirmed,
            "pending_confirmation": pending,
        },
        "unattended_customer_details": [_detail(customer, alert.threshold_s, timezone) for customer in alert.waiting],
    }


def _detail(customer: WaitingCustomer, threshold_s: float, timezone: str) -> dict[str, Any]:
    last = customer.last_attended_at
    return {
        "customer_id": customer.customer_id,
        "status": customer.status,
        "bounding_box": [customer.x1, customer.y1, customer.x2, customer.y2],
        "unattended_duration_seconds": customer.unattended_s,
        "timer_duration_seconds": threshold_s,
        "first_detected_time": _local(customer.first_detected_at, timezone),
        "last_attended_time": "" if last is None else _local(last, timezone),
    }


def _local(at_ms: int, timezone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S")


ID_NAMES = ("incident_id", "id", "alert_id", "_id")


def external_id(answer: bytes) -> str | None:
    """The API's own id of the incident, at the top or under data or result; None when the answer has none."""
    body = json_object(answer)
    inside = [place for place in (body.get("data"), body.get("result")) if isinstance(place, dict)]
    for place in (body, *inside):
        for name in ID_NAMES:
            value = place.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
            if isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable():
                return value
    return None


def says_no(answer: bytes) -> bool:
    """True when an answer with a good status says in its body that it was not accepted."""
    body = json_object(answer)
    return body.get("success") is False or body.get("status") is False


def json_object(answer: bytes) -> dict[str, Any]:
    """The answer as a JSON object; empty when it is none."""
    try:
        body = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def reported(
    job: IncidentJob,
    status: IncidentStatus,
    *,
    payload_sha256: str,
    now_ms: int,
    attempts: int,
    reason: str | None = None,
    external_incident_id: str | None = None,
    http_status: int | None = None,
) -> IncidentReported:
    """The record of what came of it."""
    subject = job.subject
    return sealed(
        IncidentReported(
            incident_id=job.incident_id,
            episode_id=subject.episode_id,
            occurrence_id=subject.occurrence_id,
            site_id=subject.site_id,
            camera_id=subject.camera_id,
            lane=subject.lane,
            business_day=subject.business_day,
            facet_revision=1,
            status=status,
            reason=reason,
            image=job.image,
            payload_sha256=payload_sha256,
            external_incident_id=external_incident_id,
            http_status=http_status,
            reported_at=now_ms,
            attempts=attempts,
            hash="",
            previous_hash=job.previous_hash,
        )
    )


def found(before: IncidentReported, external_incident_id: str | None, *, now_ms: int) -> IncidentReported:
    """The record when a person found that an incident was accepted of which nobody knew."""
    return sealed(
        msgspec.structs.replace(
            before,
            status="reported",
            reason="a person found that it was accepted",
            external_incident_id=external_incident_id,
            reported_at=now_ms,
        )
    )
