"""What the fold remembers of one camera and lane: mutable, owned by `step`, exact through msgpack, bounded.

Times are ms UTC (`_at`) or ms (`_ms`), positions pixels. People, pairs and zones are named by small numbers inside the
state; what leaves it is made from data alone. Structs that occur many times are arrays on the wire.
"""

from uuid import UUID

import msgspec

from schemas.records import Cause, OutageReason, UnattendedReason

LAYOUT = 2
"""Raised when a stored state can no longer be read as this one."""

LINEAGE_MAX = 12
"""Tracklets remembered of one person: the first and the latest ones."""

Ref = tuple[int, int, int]
"""(stream_epoch, track_id, tracklet)."""


class Occurrence(msgspec.Struct, frozen=True, array_like=True):
    """What one incident is about. It lives in its open members, of which each knows this much of the opener."""

    occurrence_id: UUID
    """The opener's episode_id."""
    started_at: int
    opened_at: int
    """When the opener started, and when it was confirmed."""


class Opened(msgspec.Struct, array_like=True):
    """An episode that has started and not ended."""

    episode_id: UUID
    ordinal: int
    started_at: int
    previous_hash: bytes = b""
    """Hash of its last event."""
    continues: UUID | None = None
    confirmed_at: int | None = None
    occurrence: Occurrence | None = None
    """From confirmed on."""
    own_evidence: bool = True
    """From confirmed on: its own clip shows it; else that of its occurrence's opener does."""
    reason: UnattendedReason | None = None
    threshold_ms: int = 0


class Contact(msgspec.Struct, array_like=True):
    """A customer's contact with staff that is not over."""

    since: int
    at: int
    """The last moment of it."""
    apart_ms: int = 0
    served: bool = False
    """It lasted long enough to count."""


class Stay(msgspec.Struct, array_like=True):
    """A customer's stay in one zone, and the waiting there."""

    zone: int
    entered_at: int
    inside_at: int
    """The last moment inside."""
    since: int
    """Waiting since: entry or last contact; 0 while it begins anew on coming back."""
    waited_ms: int = 0
    """Known waiting since then."""
    score_sum: float = 0.0
    first_contact_at: int | None = None
    episode: Opened | None = None


class Person(msgspec.Struct, array_like=True):
    """Somebody, from the first sight to a minute after the last one."""

    key: int
    number: int
    """staff_id or customer_id, made from the first tracklet."""
    refs: list[Ref]
    first_seen_at: int
    seen_at: int
    confidence: float
    x1: float
    y1: float
    x2: float
    y2: float
    quick_x: float
    quick_y: float
    slow_x: float
    slow_y: float
    """The foot, smoothed over a tenth and over half a second: their difference is the velocity."""
    tall: float
    """Height of the box, slow to shrink: of the whole body while legs are hidden."""
    home_x: int
    home_top: int
    home_foot: int
    """The box at first sight: its middle, its upper and its lower edge."""
    top: float
    """The box's upper edge, smoothed over seconds."""
    top_min: float
    top_max: float
    still_at: int
    """Between what it varied since then: since life was shown, or the time to show it began anew."""
    life: int = 0
    """A word of `life`."""
    stature_m: float = 0.0
    """How tall, on a calibrated floor; 0: not known."""
    hidden: bool = False
    """Not seen any more, but for all we know still there."""
    disputed_ms: int = 0
    """For how long the detector has surely called this person's track the opposite."""
    role: str = "undecided"
    staff_share: float = 0.0
    customer_share: float = 0.0
    """How much of what the detector said lately was a staff or a customer class; the rest was neither."""
    watched_ms: int = 0
    staff_area_ms: int = 0
    contact: Contact | None = None
    attended_at: int | None = None
    """The last moment of a contact that counted."""
    server: int = 0
    """Key of the staff member whom this customer belongs to; 0: nobody."""
    rival_ms: int = 0
    """How long somebody else was the best contact since that one was."""
    party: int = 0
    """Shared by those who came together; 0: alone."""
    stays: list[Stay] = []


class Mannequin(msgspec.Struct, array_like=True):
    """The box of something that looks like a person."""

    x: int
    """Its middle."""
    top: float
    """Smoothed over seconds, as a person's."""
    foot: int


class Pair(msgspec.Struct, array_like=True):
    """Two people who are, or may be, together."""

    staff: int
    customer: int
    first_at: int
    sampled_at: int
    """The last moment at which it was known whether they were together."""
    supported_at: int
    supported_ms: int = 0
    far_ms: int = 0
    """Known to be far since the last support."""
    score_sum: float = 0.0
    distance_ms: list[int] = []
    """Supported time per 5 cm of distance."""
    method_ms: list[int] = []
    """Supported time per distance method."""
    point: int = -1
    """Index of the service point that judged the contact first."""
    zone: int = -1
    """Index of the zone the customer was in."""
    episode: Opened | None = None
    facing: float | None = None
    """How much they face each other, -1 to 1, of late; None: never known."""


class OpenOutage(msgspec.Struct, array_like=True):
    """The camera is blind."""

    from_at: int
    reason: OutageReason
    hash: str


class CameraState(msgspec.Struct):
    """Everything remembered of one (camera, lane)."""

    site_id: str
    camera_id: str
    lane: str
    rules_version: str
    business_day: str
    day_begins_at: int
    day_ends_at: int
    seen_at: int
    """Blind since then if nothing comes: the last frame, or the begin of the day."""
    layout: int = LAYOUT
    position: Cause | None = None
    control_at: int = 0
    """captured_at of the last control record that was followed."""
    frame_at: int | None = None
    """The day's last frame."""
    stopped: OutageReason | None = None
    """What the stream said since the last frame that counts: `interrupted`, `ended`, `displaced` or `blind`."""
    outage: OpenOutage | None = None
    ordinal: int = 0
    last_key: int = 0
    epoch: int = 0
    tracks: dict[int, int] = {}
    """Raw track of this epoch -> key of the person."""
    people: dict[int, Person] = {}
    pairs: dict[int, Pair] = {}
    idle_ms: list[int] = []
    """Per service point: known time without anybody being served there."""
    party_at: int = 0
    """When it was last looked who stands with whom."""
    mannequins: list[Mannequin] = []
    """In the order in which they were told from people."""
    beside_ms: dict[int, int] = {}
    """Keys of two customers -> how long they have stood together, until that makes them a party."""


class UnreadableState(ValueError):
    """The stored state is not one of ours or of an older layout: delete it and fold the business day again."""


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(CameraState)


def dump(state: CameraState) -> bytes:
    """The state as bytes (msgpack); load(dump(state)) is equal to it."""
    return _encoder.encode(state)


def load(data: bytes) -> CameraState:
    """The state in the bytes. Raises UnreadableState."""
    try:
        state = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"{len(data)} bytes are no camera state: {error}") from error
    if state.layout != LAYOUT:
        raise UnreadableState(f"camera {state.camera_id}: a state of layout {state.layout}, this version has {LAYOUT}")
    return state
