"""The catalogue of topics: name, key, value, partitions, retention, and why. Nothing else names a topic.

All co-partitioned topics have the same number of partitions, fixed at creation: scaling adds workers, not partitions.
The record time is always the broker's (LogAppendTime): old footage stamped with its
own time would be deleted in minutes.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from schemas import acts, records

PARTITIONS = 12
DAY_MS = 24 * 3600 * 1000

Key = Literal[
    "camera_id",
    "episode_id",
    "rules_version",
    "site_id/activation",
    "camera_id/lane",
    "camera_id/lane/epoch/sequence",
    "episode_id:part",
    "none",
]


@dataclass(frozen=True)
class Topic:
    """One topic. value None: not Avro (see why)."""

    name: str
    key: Key
    value: type[msgspec.Struct] | None
    why: str
    retention_ms: int | None = None
    compacted: bool = False
    partitions: int = PARTITIONS
    config: dict[str, str] = field(default_factory=dict)
    identity: tuple[str, ...] = ()
    """Fields that tell two records apart: equal in all of them, one is a repetition of the other."""

    @property
    def subject(self) -> str:
        """The registry's subject of the value."""
        return f"{self.name}-value"

    @property
    def dead_letters(self) -> str:
        """Where undecodable records of this topic go."""
        return f"{self.name}.dlq"

    def settings(self) -> dict[str, str]:
        """The topic's configuration at the broker."""
        settings = {"message.timestamp.type": "LogAppendTime", "compression.type": "producer", **self.config}
        if self.compacted:
            settings |= {"cleanup.policy": "compact", "min.compaction.lag.ms": str(DAY_MS)}
        else:
            settings |= {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}
        return settings


def _days(days: int) -> int:
    return days * DAY_MS


TRACK_UPDATES = Topic(
    "track-updates",
    "camera_id",
    records.TrackUpdate,
    "The log: who was where, live.",
    _days(7),
    identity=("camera_id", "lane", "stream_epoch", "sequence"),
)
TRACK_UPDATES_BACKFILL = Topic(
    "track-updates-backfill",
    "camera_id",
    records.TrackUpdate,
    "Other lanes: folded by replay alone.",
    _days(7),
    identity=("camera_id", "lane", "stream_epoch", "sequence"),
)
RECORDING_SEGMENTS = Topic(
    "recording-segments",
    "camera_id",
    records.RecordingSegment,
    "Which file holds which time.",
    _days(7),
    identity=("camera_id", "lane", "stream_epoch", "index"),
)
INTERACTION_EVENTS = Topic(
    "interaction-events",
    "camera_id",
    records.InteractionEvent,
    "Two people together: each phase.",
    _days(400),
    identity=("episode_id", "facet_revision"),
)
UNATTENDED_EVENTS = Topic(
    "unattended-events",
    "camera_id",
    records.UnattendedEvent,
    "A customer without staff: each phase.",
    _days(400),
    identity=("episode_id", "facet_revision"),
)
CUSTOMER_VISITS = Topic(
    "customer-visits", "camera_id", records.CustomerVisit, "Stays in service zones.", _days(400), identity=("visit_id",)
)
CAMERA_OUTAGES = Topic(
    "camera-outages",
    "camera_id",
    records.CameraOutage,
    "When a camera was blind.",
    _days(400),
    identity=("outage_id", "facet_revision"),
)
CLIPS = Topic(
    "clips",
    "camera_id",
    records.ClipCut,
    "Outcome of cutting a clip.",
    _days(400),
    identity=("episode_id", "part", "facet_revision"),
)
UPLOADS = Topic(
    "uploads",
    "camera_id",
    records.ClipUploaded,
    "Outcome of storing a clip.",
    _days(400),
    identity=("episode_id", "part", "facet_revision"),
)
INCIDENTS = Topic(
    "incidents",
    "camera_id",
    records.IncidentReported,
    "Outcome of reporting.",
    _days(400),
    identity=("incident_id", "facet_revision"),
)
EPISODES = Topic(
    "episodes",
    "episode_id",
    records.Episode,
    "Everything known of an episode.",
    compacted=True,
    identity=("episode_id", "activation", "revision"),
)
RETRIES = Topic(
    "retries",
    "camera_id",
    acts.RetryAsked,
    "A person had a step done again.",
    _days(400),
    identity=("work_key", "revision", "hash"),
)
EVIDENCE_VIEWS = Topic(
    "evidence-views",
    "camera_id",
    acts.EvidenceViewed,
    "Who was shown which episode or clip.",
    _days(400),
    identity=("episode_id", "part", "by", "how", "viewed_at"),
)
EVIDENCE_REMOVALS = Topic(
    "evidence-removals",
    "camera_id",
    acts.EvidenceRemoved,
    "Whose pictures are removed for good, why and by whom; again, with finished_at, once they are gone.",
    _days(400),
    identity=("camera_id", "business_day", "episode_id", "hash", "finished_at"),
)
"""Kept as long as the clips and uploads that it is about, and younger than they are: it outlives what names them."""
FOLD_HALTS = Topic(
    "fold-halts",
    "camera_id/lane",
    records.FoldHalt,
    "Cameras whose fold stands still, and why.",
    compacted=True,
    identity=("camera_id", "lane"),
)
FOLD_SKIPS = Topic(
    "fold-skips",
    "camera_id/lane/epoch/sequence",
    acts.FoldSkip,
    "Records a person told us to pass.",
    compacted=True,
    identity=("camera_id", "lane", "stream_epoch", "sequence"),
)
CAMERA_RULES = Topic(
    "camera-rules",
    "rules_version",
    records.RulesSet,
    "Each effective rules set under its hash.",
    compacted=True,
    identity=("rules_version",),
)
PROMOTIONS = Topic(
    "promotions",
    "site_id/activation",
    acts.Promotion,
    "Which version counts for which camera's day, who said so and when.",
    compacted=True,
    identity=("site_id", "activation"),
)


def work(connector: str) -> Topic:
    """A connector's internal work list: JSON values, partition as the source record's."""
    return Topic(f"{connector}-work", "episode_id:part", None, f"What {connector} has to do.", compacted=True)


CONNECTORS_WITH_WORK = ("clip", "upload", "incident")

PUBLIC = (
    TRACK_UPDATES,
    TRACK_UPDATES_BACKFILL,
    RECORDING_SEGMENTS,
    INTERACTION_EVENTS,
    UNATTENDED_EVENTS,
    CUSTOMER_VISITS,
    CAMERA_OUTAGES,
    CLIPS,
    UPLOADS,
    INCIDENTS,
    EPISODES,
    RETRIES,
    EVIDENCE_VIEWS,
    EVIDENCE_REMOVALS,
    FOLD_HALTS,
    FOLD_SKIPS,
    CAMERA_RULES,
    PROMOTIONS,
)
DEAD_LETTERS = tuple(
    Topic(t.dead_letters, "none", None, f"Undecodable records of {t.name}, raw; headers say from where.", _days(90))
    for t in PUBLIC
)
ASIDE_BYTES_MAX = 900_000
"""What any broker takes in one record, headers and all."""
ASIDE_KEY_BYTES_MAX = 1000


def kept_aside(value: bytes | None) -> tuple[bytes | None, list[tuple[str, bytes]]]:
    """What is kept of an undecodable record, and the headers that say so when it is not all of it."""
    if value is None or len(value) <= ASIDE_BYTES_MAX:
        return value, []
    digest = hashlib.sha256(value).hexdigest().encode()
    return value[:ASIDE_BYTES_MAX], [("cut.size_bytes", str(len(value)).encode()), ("cut.sha256", digest)]


ALL = PUBLIC + DEAD_LETTERS + tuple(work(name) for name in CONNECTORS_WITH_WORK)


def topic_of(record: type[msgspec.Struct]) -> Topic:
    """The topic that carries a record (TrackUpdate: the live one)."""
    return next(topic for topic in PUBLIC if topic.value is record)
