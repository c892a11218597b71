"""What the audit compares, as data: the records of the log, and what each store really holds."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from infra.replays import Told
from schemas import topics
from schemas.acts import EvidenceRemoved, EvidenceViewed, FoldSkip, Promotion, RetryAsked
from schemas.promotions import CameraDay
from schemas.records import (
    CameraOutage,
    ClipCut,
    ClipUploaded,
    CustomerVisit,
    Episode,
    IncidentReported,
    InteractionEvent,
    Part,
    Phase,
    UnattendedEvent,
)
from schemas.removals import newest as newest_removals

Event = InteractionEvent | UnattendedEvent
Fact = (
    Event
    | ClipCut
    | ClipUploaded
    | IncidentReported
    | Episode
    | CustomerVisit
    | CameraOutage
    | RetryAsked
    | FoldSkip
    | EvidenceViewed
    | EvidenceRemoved
    | Promotion
)
Replay = tuple[str, str, str]
"""(version, camera_id, business day)."""
F = TypeVar("F", ClipCut, ClipUploaded, IncidentReported)


@dataclass(frozen=True, order=True)
class Difference:
    """Two stores do not say the same, or a record does not hold what it promises."""

    store: str
    """Where to look: a topic, clip files, S3, upload API, incident API, ClickHouse or snapshot."""
    episode_id: str
    """Of visits and outages their id; "" when it concerns no single episode."""
    what: str
    do: str

    def __str__(self) -> str:
        of = f" {self.episode_id}" if self.episode_id else ""
        return f"{self.store}:{of} {self.what}; {self.do}"


@dataclass(frozen=True)
class SentAgain:
    """A dead letter that a person sent again, as far as it concerns one episode."""

    episode_id: str
    letter: str
    """topic/partition/offset of where it stood."""
    where: str
    by: str
    at: int
    """ms UTC."""
    reason: str
    sha256: str
    """Of what was sent."""


@dataclass
class Log:
    """The site's records, each once; lists rise by revision."""

    events: dict[str, list[Event]] = field(default_factory=dict)
    """episode_id -> its events."""
    clips: dict[Part, list[ClipCut]] = field(default_factory=dict)
    uploads: dict[Part, list[ClipUploaded]] = field(default_factory=dict)
    incidents: dict[str, list[IncidentReported]] = field(default_factory=dict)
    """occurrence_id -> the reports about it."""
    episodes: dict[str, Episode] = field(default_factory=dict)
    """episode_id -> the newest by (activation, revision)."""
    visits: dict[str, CustomerVisit] = field(default_factory=dict)
    outages: dict[str, CameraOutage] = field(default_factory=dict)
    """outage_id -> the newest."""
    asks: list[RetryAsked] = field(default_factory=list)
    """What persons had done again."""
    skips: list[FoldSkip] = field(default_factory=list)
    """What persons had the fold pass over."""
    views: list[EvidenceViewed] = field(default_factory=list)
    """What persons were shown."""
    removals: list[EvidenceRemoved] = field(default_factory=list)
    """Whose pictures were removed for good: each decision, and again when it was done."""
    promotions: list[Promotion] = field(default_factory=list)
    """Which version persons let count."""
    replays: dict[Replay, list[Told]] = field(default_factory=dict)
    """What the replays on this machine told that count, or did."""
    sent_again: list[SentAgain] = field(default_factory=list)
    """Dead letters that persons sent again."""
    repeats: list[Difference] = field(default_factory=list)
    """Records that were repeated with other bytes."""

    def event(self, episode_id: str, *phases: Phase) -> Event | None:
        """The newest event of an episode, or the newest in one of these phases."""
        found = [e for e in self.events.get(episode_id, []) if not phases or e.phase in phases]
        return found[-1] if found else None

    @cached_property
    def removed(self) -> dict[str, EvidenceRemoved]:
        """episode_id -> the removal of its pictures that counts."""
        return newest_removals(self.removals)

    def confirmed(self) -> Iterator[Event]:
        """The `confirmed` event of every episode that has one."""
        for episode_id in self.events:
            event = self.event(episode_id, "confirmed")
            if event is not None:
                yield event

    def alert_owner(self, confirmed: Event) -> str:
        """The episode whose alert clip shows this one."""
        return confirmed.evidence_episode_id or confirmed.episode_id

    def related(self, episode_id: str) -> set[str]:
        """The episode, the one whose alert clip shows it, and the one that opened its occurrence."""
        confirmed = self.event(episode_id, "confirmed")
        if confirmed is None:
            return {episode_id}
        return {episode_id, self.alert_owner(confirmed), confirmed.occurrence_id or episode_id}

    def of_days(self, days: Collection[str]) -> "Log":
        """Only what concerns these business days."""
        named = {i: found[0].business_day for i, found in self.events.items()}
        named |= {i: episode.business_day for i, episode in self.episodes.items()}
        return replace(
            self.of_episodes({i for i, day in named.items() if day in days}),
            asks=[ask for ask in self.asks if ask.business_day in days],
            removals=[removal for removal in self.removals if removal.business_day in days],
            replays={replay: told for replay, told in self.replays.items() if replay[2] in days},
            visits={i: visit for i, visit in self.visits.items() if visit.business_day in days},
            outages={i: outage for i, outage in self.outages.items() if outage.business_day in days},
        )

    def of_episodes(self, episode_ids: set[str]) -> "Log":
        """Only what concerns these episodes."""
        occurrences = {e.occurrence_id for i in episode_ids for e in self.events.get(i, []) if e.occurrence_id}
        return replace(
            self,
            events={i: found for i, found in self.events.items() if i in episode_ids},
            clips={key: found for key, found in self.clips.items() if key[0] in episode_ids},
            uploads={key: found for key, found in self.uploads.items() if key[0] in episode_ids},
            incidents={o: found for o, found in self.incidents.items() if o in occurrences},
            episodes={i: found for i, found in self.episodes.items() if i in episode_ids},
            asks=[ask for ask in self.asks if ask.episode_id in episode_ids],
            views=[view for view in self.views if view.episode_id in episode_ids],
            removals=[removal for removal in self.removals if removal.episode_id in episode_ids],
            sent_again=[sent for sent in self.sent_again if sent.episode_id in episode_ids],
            replays={
                replay: [one for one in told if getattr(one, "episode_id", None) in episode_ids]
                for replay, told in self.replays.items()
            },
            visits={},
            outages={},
        )


def newest(found: list[F] | None) -> F | None:
    """The record with the highest revision."""
    return found[-1] if found else None


@dataclass(frozen=True)
class FileFact:
    """A clip on this machine's disk, with the sidecar beside it."""

    sha256: str
    size_bytes: int
    sidecar: bytes | None


@dataclass(frozen=True)
class ObjectFact:
    """A clip where others see it. Metadata are None where the store keeps none."""

    sha256: str
    size_bytes: int
    episode_id: str | None = None
    said_sha256: str | None = None


class Left(NamedTuple):
    """A picture that is still there."""

    store: str
    episode_id: str
    name: str


@dataclass(frozen=True)
class AcceptedIncident:
    """An incident as the API keeps it."""

    external_id: str
    idempotency_key: str | None
    body: dict[str, Any]


Table = Literal["episode_log", "visits", "outages"]


@dataclass
class Stores:
    """What the stores hold of the site. None: cannot be asked from here, which the report says."""

    files: dict[Part, FileFact] = field(default_factory=dict)
    """The file of each clip's newest record; its name may be another's in another version's folder."""
    elsewhere: set[Part] = field(default_factory=set)
    """Clips on other hosts, which cannot be read here."""
    stray_files: list[str] = field(default_factory=list)
    """Clips on disk that no record names."""
    left: list[Left] = field(default_factory=list)
    """What is still there of what was removed for good."""
    objects: dict[str, ObjectFact] | None = None
    """uploaded_filename -> the object."""
    incidents: list[AcceptedIncident] | None = None
    rows: dict[Table, list[dict[str, Any]]] = field(default_factory=dict)
    """The rows after FINAL, in all versions."""
    active: dict[CameraDay, tuple[str, int]] = field(default_factory=dict)
    """(version, activation) that the views go by."""
    shown: dict[str, int] = field(default_factory=dict)
    """episode_id -> how often the view `episodes` shows it."""
    snapshots: dict[str, bytes] = field(default_factory=dict)
    """File name -> what is on disk."""
    planned: dict[str, bytes] = field(default_factory=dict)
    """File name -> what the topic `episodes` says now."""
    notes: list[str] = field(default_factory=list)
    """What was not checked, and why."""


def topic_name(record: msgspec.Struct) -> str:
    """The topic that a record is in, as a store's name."""
    return f"topic {topics.topic_of(type(record)).name}"
