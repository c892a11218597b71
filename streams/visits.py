"""Visits: one record per stay of a customer in a service zone, stated when it is over."""

from schemas.hashing import sealed
from schemas.ids import visit_id
from schemas.records import CustomerVisit
from streams.frame import Frame
from streams.state import Person, Stay


def tell(frame: Frame, person: Person, stay: Stay) -> None:
    """State the visit, unless it was so short that the customer did not wait there but walked through."""
    if stay.inside_at - stay.entered_at < frame.law.wait_start_ms:
        return
    state, zone_id = frame.state, frame.law.zones[stay.zone].zone_id
    waited_until = stay.inside_at if stay.first_contact_at is None else stay.first_contact_at
    frame.events.append(
        sealed(
            CustomerVisit(
                visit_id=visit_id(state.site_id, state.camera_id, state.lane, person.number, zone_id, stay.entered_at),
                site_id=state.site_id,
                camera_id=state.camera_id,
                lane=state.lane,
                business_day=state.business_day,
                customer_id=person.number,
                zone_id=zone_id,
                entered_at=stay.entered_at,
                first_contact_at=stay.first_contact_at,
                left_at=stay.inside_at,
                waited_s=(waited_until - stay.entered_at) / 1000,
                served=stay.first_contact_at is not None,
                rules_version=frame.law.version,
                cause=frame.cause,
                hash="",
            )
        )
    )
