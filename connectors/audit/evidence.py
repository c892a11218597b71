"""Clips, objects and incidents: what the records say is there, is there, with these bytes, and once (pure)."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from connectors.audit.chain import CORRECT
from connectors.audit.facts import AcceptedIncident, Difference, Event, Log, ObjectFact, Stores, newest
from schemas.records import ClipCut, ClipPart, ClipUploaded, IncidentReported
from schemas.windows import closing_is_due

WAIT = "it may still be under way (`trackfold verify --wait 60`); else see the log of"
SIDECAR = "the clip is whole, but its boxes are not shown; restore it from a backup of this machine"
INCIDENT = "ask the incident API's people, and report it by hand if it is not there"


def check(log: Log, stores: Stores) -> Iterator[Difference]:
    """Every difference between the events, the records of evidence, the files, the objects and the incidents."""
    for confirmed in log.confirmed():
        if confirmed.lane != "live":
            continue  # connectors act on the live lane
        for part in wanted_parts(log, confirmed):
            yield from _part(confirmed.episode_id, part, log, stores)
        if confirmed.opens and confirmed.occurrence_id is not None:
            yield from _incident(confirmed, log, stores)
    for (episode_id, part), clips in log.clips.items():
        if clips[-1].lane != "live":  # a promotion's
            yield from _part(episode_id, part, log, stores)
    for reports in log.incidents.values():
        if reports[-1].lane != "live":
            yield from _reported(reports[-1], reports[-1].episode_id, stores)
    for path in stores.stray_files:
        yield Difference("clip files", "", f"{path}: no record names this clip", "move it away, or find its record")
    for left in stores.left:
        what = f"{left.name} is still there, though its pictures were removed for good"
        yield Difference(left.store, left.episode_id, what, f"remove it: `trackfold erase {left.episode_id}`")


def wanted_parts(log: Log, confirmed: Event) -> Iterator[ClipPart]:
    """The clips that an episode has to have."""
    if log.alert_owner(confirmed) == confirmed.episode_id:
        yield "alert"
    ended = log.event(confirmed.episode_id, "ended")
    if ended is None or ended.ended_at is None or confirmed.confirmed_at is None:
        return
    if closing_is_due(confirmed.started_at, confirmed.confirmed_at, ended.ended_at):
        yield "closing"


def _part(episode_id: str, part: ClipPart, log: Log, stores: Stores) -> Iterator[Difference]:
    if episode_id in log.removed:
        return  # what is left of it is named by itself
    clip = newest(log.clips.get((episode_id, part)))
    if clip is None:
        yield Difference("topic clips", episode_id, f"no record of its {part} clip", f"{WAIT} the clip service")
        return
    if clip.status in ("complete", "partial"):
        yield from _file(clip, stores)
    upload = next((u for u in reversed(log.uploads.get((episode_id, part), [])) if u.previous_hash == clip.hash), None)
    if upload is None:
        yield Difference("topic uploads", episode_id, f"no upload of its {part} clip", f"{WAIT} the upload service")
        return
    if upload.status == "uploaded":
        if upload.sha256 != clip.sha256:
            what = f"the {part} clip was uploaded with other bytes than were cut"
            yield Difference("topic uploads", episode_id, what, CORRECT)
        if stores.objects is not None:
            yield from _object(upload, stores.objects)


def _file(clip: ClipCut, stores: Stores) -> Iterator[Difference]:
    name = clip.segment_filename or ""
    part = (clip.episode_id, clip.part)
    if part in stores.elsewhere:
        return
    file = stores.files.get(part)
    if file is None:
        yield Difference("clip files", clip.episode_id, f"{clip.camera_id}/{name} is missing", _copy_back(clip))
        return
    if (file.sha256, file.size_bytes) != (clip.sha256, clip.size_bytes):
        what = f"{clip.camera_id}/{name} has {file.size_bytes} bytes with SHA-256 {file.sha256[:12]}, its record says "
        what += f"{clip.size_bytes} with {(clip.sha256 or '')[:12]}"
        yield Difference("clip files", clip.episode_id, what, _copy_back(clip))
    wrong = sidecar_errors(file.sidecar, clip)
    if wrong:
        what = f"{clip.camera_id}/{clip.sidecar_filename}: {wrong}"
        yield Difference("clip files", clip.episode_id, what, SIDECAR)


def _copy_back(clip: ClipCut) -> str:
    day = f"replays/{clip.lane}/{clip.camera_id}/{clip.business_day}"
    folder = f"segments/{clip.camera_id}" if clip.lane == "live" else day
    return f"copy the stored object to {folder}/{clip.segment_filename}: it has the same bytes"


def sidecar_errors(data: bytes | None, clip: ClipCut) -> str | None:
    """What is wrong with a clip's sidecar, or None."""
    if data is None:
        return "is missing"
    try:
        sidecar: Any = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        return f"is no JSON: {error}"
    if not isinstance(sidecar, dict):
        return "is no JSON object"
    for name in ("episode_id", "part", "camera_id", "segment_filename", "covered_from", "covered_to"):
        if sidecar.get(name) != getattr(clip, name):
            return f"says {name} {sidecar.get(name)!r}, the record says {getattr(clip, name)!r}"
    wanted = {person for person in (clip.subject.staff_id, clip.subject.customer_id) if person is not None}
    people = sidecar.get("participants")
    if not isinstance(people, list) or {person.get("person_id") for person in people} != wanted:
        return f"does not show the participants {sorted(wanted)}"
    lasts_ms = (clip.covered_to or 0) - (clip.covered_from or 0)
    if any(not 0 <= box[0] <= lasts_ms for person in people for box in person.get("boxes", [])):
        return f"has a box outside the clip's {lasts_ms} ms"
    return None


def _object(upload: ClipUploaded, objects: dict[str, ObjectFact]) -> Iterator[Difference]:
    store = "S3" if upload.adapter == "s3" else "upload API"
    name = upload.uploaded_filename or ""
    there = objects.get(name)
    do = "put the clip file there again under the same name"
    if upload.adapter == "s3":
        do += f", with the metadata episode_id={upload.episode_id}, sha256={upload.sha256}"
    if there is None:
        yield Difference(store, upload.episode_id, f"{name} is missing", do)
        return
    if (there.sha256, there.size_bytes) != (upload.sha256, upload.size_bytes):
        what = f"{name} has {there.size_bytes} bytes with SHA-256 {there.sha256[:12]}, its record says "
        what += f"{upload.size_bytes} with {(upload.sha256 or '')[:12]}"
        yield Difference(store, upload.episode_id, what, do)
    elif upload.adapter == "s3" and (there.episode_id, there.said_sha256) != (upload.episode_id, upload.sha256):
        what = f"{name}: its metadata name episode {there.episode_id} and SHA-256 {(there.said_sha256 or 'none')[:12]}"
        yield Difference(store, upload.episode_id, what, do)


def _incident(opener: Event, log: Log, stores: Stores) -> Iterator[Difference]:
    report = newest(log.incidents.get(opener.occurrence_id or ""))
    if report is None:
        what = "no report of the incident that it opened"
        yield Difference("topic incidents", opener.episode_id, what, f"{WAIT} the incident service")
        return
    yield from _reported(report, opener.episode_id, stores)


def _reported(report: IncidentReported, episode_id: str, stores: Stores) -> Iterator[Difference]:
    if stores.incidents is None or report.status == "ambiguous":
        return
    accepted = [i for i in stores.incidents if i.idempotency_key == report.incident_id]
    wanted = 1 if report.status == "reported" else 0
    if len(accepted) != wanted:
        what = f"{report.incident_id} was accepted {len(accepted)} times, its record says {report.status}"
        do = INCIDENT if len(accepted) < wanted else "ask the incident API's people to remove what is too much"
        yield Difference("incident API", episode_id, what, do)
    elif accepted:
        yield from _accepted(report, accepted[0])


def _accepted(report: IncidentReported, accepted: AcceptedIncident) -> Iterator[Difference]:
    if report.external_incident_id not in (None, accepted.external_id):
        what = f"{report.incident_id} is {accepted.external_id} there, its record says {report.external_incident_id}"
        yield Difference("incident API", report.episode_id, what, INCIDENT)
    if hashlib.sha256(msgspec.json.encode(accepted.body)).hexdigest() != report.payload_sha256:
        what = f"{accepted.external_id} does not say there what was sent by its record"
        yield Difference("incident API", report.episode_id, what, INCIDENT)
