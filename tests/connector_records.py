"""Records as the fold and the connectors make them, for tests of the connectors."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

from schemas import ids
from schemas.hashing import sealed
from schemas.records import (
    Alert,
    Cause,
    ClipCut,
    ClipUploaded,
    InteractionEvent,
    Lineage,
    PersonBox,
    Subject,
    TrackRef,
    UnattendedEvent,
    WaitCounts,
    WaitingCustomer,
)
from schemas.site import Camera, Site

T0 = 1_772_445_600_000
"""2026-03-02 10:00:00 UTC."""
_number = itertools.count(1)


def site(*camera_ids: str, pairs: Any = "roles") -> Site:
    """A shop in Berlin."""
    cameras = tuple(Camera(camera_id=camera_id, name="Floor") for camera_id in camera_ids or ("cam",))
    return Site(site_id="shop", branch_id="B-7", timezone="Europe/Berlin", pairs=pairs, cameras=cameras)


def alert(*, unattended: bool = False) -> Alert:
    """What `confirmed` says for the incident."""
    boxes = [PersonBox(person_id=200, role="customer", x1=110.0, y1=20.0, x2=150.0, y2=60.0)]
    if unattended:
        last = T0 - 61_000
        waiting = [
            WaitingCustomer(
                customer_id=200,
                status="confirmed",
                x1=110.0,
                y1=20.0,
                x2=150.0,
                y2=60.0,
                unattended_s=60.0,
                first_detected_at=T0 - 90_000,
                last_attended_at=last,
            ),
            WaitingCustomer(
                customer_id=201,
                status="pending",
                x1=10.5,
                y1=20.0,
                x2=50.0,
                y2=60.0,
                unattended_s=12.5,
                first_detected_at=T0 + 47_500,
            ),
        ]
        return Alert(
            location="Counter",
            image_width=320,
            image_height=64,
            boxes=boxes,
            support=0.985,
            threshold_s=60.0,
            waited_s=60.0,
            last_attended_at=last,
            counts=WaitCounts(total=4, confirmed=1, pending=1),
            waiting=waiting,
        )
    staff = PersonBox(person_id=100, role="staff", x1=10.0, y1=20.0, x2=50.0, y2=60.0)
    return Alert(
        location="Counter", image_width=320, image_height=64, boxes=[staff, *boxes], support=0.985, threshold_s=15.0
    )


def event(
    phase: Any = "confirmed",
    *,
    kind: str = "interaction",
    camera_id: str = "cam",
    started_at: int = T0,
    confirmed_at: int | None = None,
    ended_at: int | None = None,
    episode_id: str | None = None,
    **more: Any,
) -> InteractionEvent | UnattendedEvent:
    """One event of an episode that started at started_at; an episode_id of its own unless given."""
    episode = episode_id or ids.visit_id("shop", camera_id, "live", next(_number), "zone", started_at)
    needed_s = 15 if kind == "interaction" else 60
    values: dict[str, Any] = {
        "episode_id": episode,
        "facet_revision": {"started": 1, "confirmed": 2, "ended": 3, "retracted": 4}[phase],
        "phase": phase,
        "ordinal": 3,
        "site_id": "shop",
        "camera_id": camera_id,
        "lane": "live",
        "business_day": "2026-03-02",
        "occurrence_id": None if phase == "started" else episode,
        "opens": phase != "started",
        "staff_id": 100 if kind == "interaction" else None,
        "customer_id": 200,
        "started_at": started_at,
        "confirmed_at": None if phase == "started" else confirmed_at or started_at + needed_s * 1000,
        "ended_at": ended_at,
        "confidence": 0.9,
        "support": 0.985,
        "lineage": Lineage(
            staff=[TrackRef(stream_epoch=T0, track_id=1, tracklet=0)] if kind == "interaction" else [],
            customer=[TrackRef(stream_epoch=T0, track_id=2, tracklet=0)],
        ),
        "rules_version": "r1",
        "cause": Cause(stream_epoch=T0, sequence=1, captured_at=started_at),
        "alert": alert(unattended=kind == "unattended") if phase == "confirmed" else None,
        "hash": "",
        **more,
    }
    if kind == "interaction":
        return sealed(InteractionEvent(**values))
    return sealed(UnattendedEvent(**values | {"reason": "no_contact"}))


def subject(of: InteractionEvent | UnattendedEvent | None = None) -> Subject:
    """What a clip carries forward of a confirmed event."""
    of = of or event()
    assert of.occurrence_id is not None
    assert of.confirmed_at is not None
    return Subject(
        kind="interaction" if isinstance(of, InteractionEvent) else "unattended",
        episode_id=of.episode_id,
        occurrence_id=of.occurrence_id,
        ordinal=of.ordinal,
        site_id=of.site_id,
        camera_id=of.camera_id,
        lane=of.lane,
        business_day=of.business_day,
        opens=of.opens,
        staff_id=of.staff_id,
        customer_id=of.customer_id,
        started_at=of.started_at,
        confirmed_at=of.confirmed_at,
        support=of.support,
        lineage=of.lineage,
        rules_version=of.rules_version,
        alert=of.alert,
    )


def clip(of: Subject | None = None, *, status: Any = "complete", file: Path | None = None, **more: Any) -> ClipCut:
    """A clip that was cut; file: where it lies, else it failed."""
    of = of or subject()
    values: dict[str, Any] = {"status": "failed", "reason": "no recording"}
    if file is not None:
        body = file.read_bytes()
        values = {
            "status": status,
            "segment_filename": file.name,
            "sha256": hashlib.sha256(body).hexdigest(),
            "size_bytes": len(body),
            "covered_from": of.started_at - 5_000,
            "covered_to": of.confirmed_at + 5_000,
            "codec": "h264",
        }
    common: dict[str, Any] = {
        "episode_id": of.episode_id,
        "occurrence_id": of.occurrence_id,
        "site_id": of.site_id,
        "camera_id": of.camera_id,
        "lane": of.lane,
        "business_day": of.business_day,
        "part": "alert",
        "facet_revision": 1,
        "subject": of,
        "requested_from": of.started_at - 5_000,
        "requested_to": of.confirmed_at + 5_000,
        "cut_at": T0,
        "attempts": 1,
        "hash": "",
        "previous_hash": "of the event",
    }
    return sealed(ClipCut(**common | values | more))


def upload(of: Subject | None = None, *, status: Any = "uploaded", **more: Any) -> ClipUploaded:
    """A clip that was stored."""
    of = of or subject()
    values: dict[str, Any] = {
        "episode_id": of.episode_id,
        "occurrence_id": of.occurrence_id,
        "site_id": of.site_id,
        "camera_id": of.camera_id,
        "lane": of.lane,
        "business_day": of.business_day,
        "part": "alert",
        "facet_revision": 1,
        "subject": of,
        "status": status,
        "clip_status": "complete",
        "adapter": "s3",
        "segment_filename": "segment_3.mp4",
        "uploaded_filename": "prolific_upload_1772445595_abcdef.mp4" if status == "uploaded" else None,
        "incident_id": ids.incident_id(of.occurrence_id),
        "upload_timestamp": T0,
        "attempts": 1,
        "hash": "",
        "previous_hash": "of the clip",
    }
    return sealed(ClipUploaded(**values | more))
