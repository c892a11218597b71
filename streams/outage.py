"""Blind times: when no frame came for longer than `unknown_s`, and what is said about it.

An outage ends at the cut of the business day and begins again after it, so that each day tells its own.
"""

from datetime import date, timedelta

from schemas.hashing import sealed
from schemas.ids import day_span, outage_id
from schemas.records import CameraOutage, OutageReason
from streams.frame import Frame
from streams.state import OpenOutage

DAYS_MAX = 31
"""Whole blind days that are told after a long absence; more than any log is kept."""


def reason_now(frame: Frame, until: int, missing: OutageReason | None) -> OutageReason | None:
    """Why the camera was blind since its last frame until then; None when it was not, or that is said already."""
    state = frame.state
    if state.outage is not None:
        return None
    if missing is not None:
        return missing
    if until - state.seen_at <= frame.law.unknown_ms:
        return None
    return state.stopped or "gap"


def begin(frame: Frame, reason: OutageReason) -> None:
    """The camera is blind and we do not know until when."""
    state = frame.state
    event = _event(frame, state.business_day, state.seen_at, None, reason, None)
    state.outage = OpenOutage(state.seen_at, reason, event.hash)
    frame.events.append(event)


def tell(frame: Frame, from_at: int, to_at: int, reason: OutageReason, business_day: str | None = None) -> None:
    """The camera was blind from from_at to to_at, which we learn when it is over."""
    frame.events.append(_event(frame, business_day or frame.state.business_day, from_at, to_at, reason, None))


def end(frame: Frame, to_at: int) -> None:
    """The camera sees again, or the day is over."""
    state = frame.state
    assert state.outage is not None
    known = state.outage
    frame.events.append(_event(frame, state.business_day, known.from_at, to_at, known.reason, known.hash))
    state.outage = None


def tell_blind_days(frame: Frame, next_day: str, reason: OutageReason) -> None:
    """Tell of the whole days between the state's and next_day, of which there is no record at all."""
    rules = frame.law.rules
    day = date.fromisoformat(frame.state.business_day) + timedelta(days=1)
    for _ in range(DAYS_MAX):
        if day.isoformat() >= next_day:
            break
        from_at, to_at = day_span(day.isoformat(), rules.timezone, rules.day_starts_min)
        tell(frame, from_at, to_at, reason, day.isoformat())
        day += timedelta(days=1)


def _event(
    frame: Frame, business_day: str, from_at: int, to_at: int | None, reason: OutageReason, previous: str | None
) -> CameraOutage:
    state = frame.state
    return sealed(
        CameraOutage(
            outage_id=outage_id(state.site_id, state.camera_id, state.lane, from_at),
            facet_revision=1 if to_at is None else 2,
            site_id=state.site_id,
            camera_id=state.camera_id,
            lane=state.lane,
            business_day=business_day,
            from_at=from_at,
            to_at=to_at,
            reason=reason,
            rules_version=frame.law.version,
            cause=frame.cause,
            hash="",
            previous_hash=previous,
        )
    )
