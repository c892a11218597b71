"""The life of an episode as events: started (1), confirmed (2), ended or discarded (3); or retracted (4) while open.

Each names the one before. A retracted one has no end: it never was.
"""

from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from schemas.hashing import sealed
from schemas.ids import episode_id
from schemas.records import (
    Alert,
    CloseReason,
    DistanceMethod,
    EpisodeKind,
    InteractionEvent,
    Lineage,
    Phase,
    TrackRef,
    UnattendedEvent,
)
from streams import occurrence
from streams.frame import Frame
from streams.identity import lineage
from streams.state import Opened, Person

E = TypeVar("E", InteractionEvent, UnattendedEvent)

REVISION: dict[Phase, int] = {"started": 1, "confirmed": 2, "ended": 3, "discarded": 3, "retracted": 4}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an event states of the observation so far."""

    zone_id: str | None
    service_point_id: str | None
    last_contact_at: int | None
    confidence: float
    support: float
    distance_m_min: float | None = None
    distance_m_median: float | None = None
    distance_method: DistanceMethod | None = None


def begin(
    frame: Frame,
    kind: EpisodeKind,
    started_at: int,
    staff: Person | None,
    customer: Person,
    continues: UUID | None = None,
) -> Opened:
    """A new episode with the id that it keeps, and the day's next number."""
    state = frame.state
    state.ordinal += 1
    return Opened(
        episode_id=UUID(
            episode_id(
                state.site_id,
                state.camera_id,
                state.lane,
                kind,
                staff=None if staff is None else _first(staff),
                customer=_first(customer),
                started_at=started_at,
                symmetric=frame.law.any_pair,
            )
        ),
        ordinal=state.ordinal,
        started_at=started_at,
        continues=continues,
    )


def tell(
    frame: Frame,
    record: type[E],
    phase: Phase,
    episode: Opened,
    staff: Person | None,
    customer: Person,
    facts: Facts,
    *,
    ended_at: int | None = None,
    close_reason: CloseReason | None = None,
    alert: Alert | None = None,
) -> None:
    """Add the episode's next event, sealed, to the frame's."""
    state = frame.state
    more: dict[str, Any] = {} if record is InteractionEvent else {"reason": episode.reason}
    event = sealed(
        record(
            episode_id=str(episode.episode_id),
            facet_revision=REVISION[phase],
            phase=phase,
            ordinal=episode.ordinal,
            site_id=state.site_id,
            camera_id=state.camera_id,
            lane=state.lane,
            business_day=state.business_day,
            occurrence_id=_text(occurrence.id_of(episode)),
            opens=occurrence.opens(episode),
            evidence_episode_id=_text(occurrence.evidence_of(episode)),
            staff_id=None if staff is None else staff.number,  # type: ignore[arg-type]
            customer_id=customer.number,
            zone_id=facts.zone_id,
            service_point_id=facts.service_point_id,
            started_at=episode.started_at,
            confirmed_at=episode.confirmed_at,
            ended_at=ended_at,
            duration_s=None if ended_at is None else (ended_at - episode.started_at) / 1000,
            last_contact_at=facts.last_contact_at,
            close_reason=close_reason,
            confidence=facts.confidence,
            support=facts.support,
            distance_m_min=facts.distance_m_min,
            distance_m_median=facts.distance_m_median,
            distance_method=facts.distance_method,
            lineage=Lineage(staff=[] if staff is None else lineage(staff), customer=lineage(customer)),
            rules_version=frame.law.version,
            cause=frame.cause,
            alert=alert,
            continues=_text(episode.continues),
            hash="",
            previous_hash=episode.previous_hash.hex() or None,
            **more,
        )
    )
    episode.previous_hash = bytes.fromhex(event.hash)
    frame.events.append(event)


def share(part_ms: float, whole_ms: int) -> float:
    """A share from 0 to 1 as events state it; 1 of nothing."""
    return round(min(part_ms / whole_ms, 1.0), 4) if whole_ms > 0 else 1.0


def _first(person: Person) -> TrackRef:
    return lineage(person)[0]


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
