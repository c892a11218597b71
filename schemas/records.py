"""The records of every topic, field by field as in avro/*.avsc (a test keeps the two equal); of persons: acts.py.

Times are integers in ms UTC, boxes are pixels from the top-left corner. Records are frozen: a change is a new record.
What a record may hold is checked when it is decoded: one that breaks it is undecodable.
"""

from typing import Annotated, Literal

import msgspec

ClockSource = Literal["pts", "ntp", "wall", "UNRECOGNISED"]
StreamState = Literal["LIVE", "INTERRUPTED", "ENDED", "LOST", "UNRECOGNISED"]
Impairment = Literal["displaced", "blind", "UNRECOGNISED"]
Phase = Literal["started", "confirmed", "ended", "discarded", "retracted", "UNRECOGNISED"]
CloseReason = Literal["separated", "left", "served", "interrupted", "rolled", "closed", "end_of_stream", "UNRECOGNISED"]
UnattendedReason = Literal["no_contact", "no_staff", "staff_busy", "UNRECOGNISED"]
DistanceMethod = Literal["service_point", "homography", "height", "UNRECOGNISED"]
Role = Literal["staff", "customer", "undecided", "UNRECOGNISED"]
WaitStatus = Literal["confirmed", "pending", "UNRECOGNISED"]
EpisodeKind = Literal["interaction", "unattended", "UNRECOGNISED"]
ClipPart = Literal["alert", "closing", "UNRECOGNISED"]
Part = tuple[str, ClipPart]
"""One clip: (episode_id, part)."""
ClipStatus = Literal["complete", "partial", "failed", "expired", "UNRECOGNISED"]
UploadStatus = Literal["uploaded", "failed", "ambiguous", "UNRECOGNISED"]
IncidentStatus = Literal["reported", "failed", "ambiguous", "suppressed", "UNRECOGNISED"]
EvidenceStatus = Literal["pending", "available", "partial", "failed", "ambiguous", "expired", "erased", "UNRECOGNISED"]
ClipBlur = Literal["faces", "people", "UNRECOGNISED"]
Facet = Literal["event", "clip", "upload", "incident", "removal", "UNRECOGNISED"]
OutageReason = Literal[
    "gap", "interrupted", "lost", "missing", "skipped", "ended", "displaced", "blind", "UNRECOGNISED"
]
ControlAction = Literal["apply_rules", "UNRECOGNISED"]

Name = Annotated[str, msgspec.Meta(pattern=r"^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")]
"""What becomes a file's or folder's name, a key in a storage, a label: one path component, whoever wrote the record."""
_LEAP = r"(?:20(?:[02468][048]|[13579][26])|(?:19|21)(?:0[48]|[2468][048]|[13579][26]))-02-29"
_DATE = r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
Day = Annotated[str, msgspec.Meta(pattern=rf"^(?:(?:19[7-9]\d|20\d\d|21[0-3]\d)-{_DATE}|{_LEAP})\Z")]
"""YYYY-MM-DD, a day that there is, from 1970 to 2139: what every store can take."""
Time = Annotated[int, msgspec.Meta(ge=0, le=7_258_118_400_000)]
"""ms UTC, before the year 2200, which every store can take."""


class Keypoint(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One body joint of a pose model."""

    x: float
    y: float
    confidence: float


class Track(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One tracked person matched in this frame, with the detector's own box."""

    track_id: int
    class_name: str
    confidence: float
    x1: float
    y1: float
    x2: float
    y2: float
    keypoints: list[Keypoint] | None = None
    heading_deg: float | None = None


class Producer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What made the tracks."""

    model: str
    tracker: str
    version: str


class Position(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A place in a camera's log."""

    stream_epoch: Time
    sequence: int


class Control(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An instruction in the log itself, so that a replay does the same."""

    action: ControlAction
    rules_version: str


class TrackUpdate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who was where in one frame of one camera. Key: camera_id.

    Every frame is published, also an empty one; sequence is contiguous.
    """

    site_id: Name
    camera_id: Name
    lane: Name
    stream_epoch: Time
    sequence: int
    frame_index: int
    captured_at: Time
    published_at: Time
    clock_source: ClockSource
    stream_state: StreamState
    skipped: bool = False
    image_width: int
    image_height: int
    tracks: list[Track] = []
    producer: Producer
    previous: Position | None = None
    control: Control | None = None
    impairment: Impairment | None = None


class TrackRef(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One tracklet: a part of a raw track that is surely one person."""

    stream_epoch: Time
    track_id: int
    tracklet: int


class Lineage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The raw tracks behind the people of an episode, in the order they were joined."""

    staff: list[TrackRef] = []
    customer: list[TrackRef] = []


class Cause(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The record of the log that made the fold decide."""

    stream_epoch: Time
    sequence: int
    captured_at: Time


class PersonBox(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Where a participant was at confirmation."""

    person_id: int
    role: Role
    x1: float
    y1: float
    x2: float
    y2: float


class WaitingCustomer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One customer waiting at the moment of confirmation."""

    customer_id: int
    status: WaitStatus
    x1: float
    y1: float
    x2: float
    y2: float
    unattended_s: float
    first_detected_at: Time
    last_attended_at: Time | None = None


class WaitCounts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Customers in the zone at confirmation."""

    total: int
    confirmed: int
    pending: int
    static: int = 0


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an incident needs to say, frozen at confirmation."""

    location: str
    image_width: int
    image_height: int
    boxes: list[PersonBox] = []
    support: float
    threshold_s: float
    waited_s: float | None = None
    last_attended_at: Time | None = None
    counts: WaitCounts | None = None
    waiting: list[WaitingCustomer] = []


class InteractionEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A staff member and a customer (or any two people) were together. Key: camera_id."""

    episode_id: Name
    facet_revision: int
    phase: Phase
    ordinal: int
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    occurrence_id: Name | None = None
    opens: bool = False
    evidence_episode_id: Name | None = None
    staff_id: int
    customer_id: int
    zone_id: str | None = None
    service_point_id: str | None = None
    started_at: Time
    confirmed_at: Time | None = None
    ended_at: Time | None = None
    duration_s: float | None = None
    last_contact_at: Time | None = None
    close_reason: CloseReason | None = None
    confidence: float
    support: float
    distance_m_min: float | None = None
    distance_m_median: float | None = None
    distance_method: DistanceMethod | None = None
    lineage: Lineage
    rules_version: str
    cause: Cause
    alert: Alert | None = None
    continues: str | None = None
    hash: str
    previous_hash: str | None = None


class UnattendedEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A customer waited without being served. Key: camera_id."""

    episode_id: Name
    facet_revision: int
    phase: Phase
    ordinal: int
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    occurrence_id: Name | None = None
    opens: bool = False
    evidence_episode_id: Name | None = None
    staff_id: int | None = None
    customer_id: int
    zone_id: str | None = None
    service_point_id: str | None = None
    started_at: Time
    confirmed_at: Time | None = None
    ended_at: Time | None = None
    duration_s: float | None = None
    last_contact_at: Time | None = None
    close_reason: CloseReason | None = None
    reason: UnattendedReason | None = None
    confidence: float
    support: float
    distance_m_min: float | None = None
    distance_m_median: float | None = None
    distance_method: DistanceMethod | None = None
    lineage: Lineage
    rules_version: str
    cause: Cause
    alert: Alert | None = None
    continues: str | None = None
    hash: str
    previous_hash: str | None = None


class CustomerVisit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One customer's stay in one service zone, stated when it ends. Key: camera_id."""

    visit_id: str
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    customer_id: int
    zone_id: str
    entered_at: Time
    first_contact_at: Time | None = None
    left_at: Time
    waited_s: float
    served: bool
    rules_version: str
    cause: Cause
    hash: str
    previous_hash: str | None = None


class CameraOutage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A time in which the camera was blind: no episodes then is not an empty shop. Key: camera_id."""

    outage_id: str
    facet_revision: int
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    from_at: Time
    to_at: Time | None = None
    reason: OutageReason
    rules_version: str
    cause: Cause
    hash: str
    previous_hash: str | None = None


class KeyFrame(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A place where a cut can begin."""

    at: int
    pts: int


class RecordingSegment(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A closed piece of the continuous recording on the recorder's disk. Key: camera_id."""

    site_id: Name
    camera_id: Name
    lane: Name
    stream_epoch: Time
    index: int
    host: str
    path: str
    from_at: Time
    to_at: Time
    key_frames: list[KeyFrame]
    time_base_den: int
    codec: str
    transcoded: bool = False
    size_bytes: int
    sha256: str
    last: bool = False
    live: bool = True
    published_at: Time


class Subject(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the confirmed event said, carried along so that no step has to look anything up."""

    kind: EpisodeKind
    episode_id: Name
    occurrence_id: Name
    ordinal: int
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    opens: bool
    staff_id: int | None = None
    customer_id: int
    zone_id: str | None = None
    started_at: Time
    confirmed_at: Time
    ended_at: Time | None = None
    reason: UnattendedReason | None = None
    support: float
    lineage: Lineage
    rules_version: str
    alert: Alert | None = None


class Gap(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A missing span."""

    from_at: Time
    to_at: Time


class ClipCut(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A video clip was cut from the recording, or could not be. Key: camera_id."""

    episode_id: Name
    occurrence_id: Name
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    part: ClipPart
    facet_revision: int
    subject: Subject
    status: ClipStatus
    reason: str | None = None
    segment_filename: Name | None = None
    sidecar_filename: Name | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    requested_from: Time
    requested_to: Time
    covered_from: Time | None = None
    covered_to: Time | None = None
    gaps: list[Gap] = []
    codec: str | None = None
    blur: ClipBlur | None = None
    host: str | None = None
    cut_at: Time
    attempts: int
    hash: str
    previous_hash: str | None = None


class ClipUploaded(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A clip was stored for others to see, or could not be. Key: camera_id."""

    episode_id: Name
    occurrence_id: Name
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    part: ClipPart
    facet_revision: int
    subject: Subject
    status: UploadStatus
    reason: str | None = None
    clip_status: ClipStatus
    adapter: str
    segment_filename: Name | None = None
    uploaded_filename: str | None = None
    video_url: str | None = None
    bucket: str | None = None
    etag: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    incident_id: Name
    covered_from: Time | None = None
    covered_to: Time | None = None
    upload_timestamp: Time
    attempts: int
    hash: str
    previous_hash: str | None = None


class IncidentReported(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An occurrence was reported to the incident API, or could not be. Key: camera_id."""

    incident_id: Name
    episode_id: Name
    occurrence_id: Name
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    facet_revision: int
    status: IncidentStatus
    reason: str | None = None
    image: str
    payload_sha256: str
    external_incident_id: str | None = None
    http_status: int | None = None
    reported_at: Time
    attempts: int
    hash: str
    previous_hash: str | None = None


class Evidence(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The video evidence of an episode."""

    status: EvidenceStatus
    reason: str | None = None
    evidence_from: str | None = None
    segment_filename: Name | None = None
    uploaded_filename: str | None = None
    video_url: str | None = None
    clip_sha256: str | None = None
    covered_from: Time | None = None
    covered_to: Time | None = None
    uploaded_at: Time | None = None
    closing_filename: Name | None = None
    closing_uploaded_filename: str | None = None
    closing_sha256: str | None = None


class IncidentFacts(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The incident of the episode's occurrence."""

    incident_id: Name | None = None
    external_incident_id: str | None = None
    status: IncidentStatus | None = None
    reason: str | None = None
    reported_at: Time | None = None


class AuditStep(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One link of the hash chain."""

    facet: Facet
    part: ClipPart | None = None
    phase: Phase | None = None
    facet_revision: int
    hash: str
    previous_hash: str | None = None
    at: int


class Episode(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Everything known of one episode so far. Key: episode_id.

    Compacted: the newest per key counts, ordered by (activation, revision).
    """

    episode_id: Name
    kind: EpisodeKind
    version: str
    activation: int
    revision: int
    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    ordinal: int
    phase: Phase
    occurrence_id: Name
    opens: bool
    staff_id: int | None = None
    customer_id: int
    zone_id: str | None = None
    service_point_id: str | None = None
    started_at: Time
    confirmed_at: Time
    ended_at: Time | None = None
    duration_s: float | None = None
    waited_s: float | None = None
    last_contact_at: Time | None = None
    close_reason: CloseReason | None = None
    reason: UnattendedReason | None = None
    confidence: float
    support: float
    distance_m_min: float | None = None
    distance_m_median: float | None = None
    distance_method: DistanceMethod | None = None
    lineage: Lineage
    rules_version: str
    continues: str | None = None
    evidence: Evidence
    incident: IncidentFacts
    audit: list[AuditStep] = []


class FoldHalt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A camera's fold stands before a record that it cannot take. Key: camera_id/lane; null: it goes on."""

    site_id: Name
    camera_id: Name
    lane: Name
    stream_epoch: Time
    sequence: int
    captured_at: Time
    error: str
    halted_at: Time


class RulesSet(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One camera's effective rules, kept under their hash. Key: rules_version."""

    rules_version: str
    site_id: Name
    camera_id: Name
    body: str
