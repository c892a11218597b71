"""Unattended: a customer waits in a zone and nobody of the staff comes.

The clock counts known waiting alone: seconds in which the customer was seen inside, since entry or the last contact. A
contact counts once it has lasted `served_s`; a passing word changes nothing. In a service zone `confirm_s` of waiting
is too long. In a queue one waits one's turn: too long is when nobody was served at its service point for `confirm_s`
either, or when the wait exceeds `busy_s`. Outside opening hours nobody waits or visits.
"""

from schemas.records import Alert, CloseReason, UnattendedEvent, UnattendedReason, WaitCounts, WaitingCustomer
from streams import life, occurrence, roles, visits
from streams.book import Waiting
from streams.episode import Facts, begin, share, tell
from streams.frame import Frame, Seen
from streams.identity import zone_of
from streams.interaction import Contacts, box
from streams.near import Verdict
from streams.state import Contact, Person, Stay

STAYS_MAX = 2
"""Of one person at a time: the zone they are in, and the one that they may have left for a moment."""


def advance(frame: Frame, here: list[Seen], contacts: Contacts) -> None:
    """Take one frame in. contacts: what the pairs said."""
    state, law = frame.state, frame.law
    if law.any_pair:
        return
    customers = [seen for seen in here if seen.person.role == roles.CUSTOMER]
    for seen in customers:
        _meet(frame, seen, contacts.get(seen.key, Verdict.FAR))
    _idle(frame, customers)
    for seen in here:
        if seen.person.role != roles.CUSTOMER:
            _retract(frame, seen.person)
        elif frame.open:
            _wait(frame, seen, contacts.get(seen.key, Verdict.FAR))
    for person in [person for person in state.people.values() if person.stays]:
        for stay in person.stays.copy():
            if not frame.open:
                _close(frame, person, stay, "closed", stay.inside_at)
            elif frame.now - stay.inside_at > (law.hidden_ms if person.hidden else law.outside_ms):
                _close(frame, person, stay, "left", stay.inside_at)


def close_all(frame: Frame, reason: CloseReason) -> None:
    """End every wait and every visit now, at the last moment inside; nobody is being served any more."""
    for person in frame.state.people.values():
        _close_stays(frame, person, reason)
        person.contact = None


def leave(frame: Frame, person: Person) -> None:
    """End the waits and visits of somebody who is given up."""
    _close_stays(frame, person, "left")


def _meet(frame: Frame, seen: Seen, verdict: Verdict) -> None:
    """Begin, prolong or end the customer's contact with staff."""
    person, law, now = seen.person, frame.law, frame.now
    contact = person.contact
    if contact is not None and not contact.served and now - contact.at > law.contact_gap_ms:
        contact = person.contact = None
    if verdict == Verdict.TOGETHER:
        if contact is None:
            contact = person.contact = Contact(now, now)
        contact.at, contact.apart_ms = now, 0
        if now - contact.since >= law.served_ms:
            contact.served = True
        if contact.served:
            person.attended_at = now
    elif contact is not None and contact.served:
        contact.apart_ms += seen.weight_ms if verdict == Verdict.FAR else 0
        if contact.apart_ms > law.contact_gap_ms or now - contact.at > law.hidden_ms:
            person.contact = None


def _idle(frame: Frame, customers: list[Seen]) -> None:
    """Time goes by at every service point; where somebody is met its clock stands, who is served there sets it back."""
    idle, elapsed_ms = frame.state.idle_ms, frame.elapsed_ms
    met: set[int] = set()
    served: set[int] = set()
    for seen in customers:
        contact = seen.person.contact
        if contact is not None and contact.at == frame.now and life.shown(seen.person):
            met.add(seen.spot.strip)
            if contact.served:
                served.add(seen.spot.strip)
    for point in range(len(idle)):
        if point in served:
            idle[point] = 0
        elif point not in met:
            idle[point] += elapsed_ms


def _wait(frame: Frame, seen: Seen, verdict: Verdict) -> None:
    """One more sample of a customer: in which zone, served or waiting there."""
    person, now = seen.person, frame.now
    zone = seen.spot.zone
    if zone >= 0 and zone not in [stay.zone for stay in person.stays]:
        if len(person.stays) == STAYS_MAX:
            oldest = min(person.stays, key=lambda stay: stay.inside_at)
            _close(frame, person, oldest, "left", oldest.inside_at)
        person.stays.append(Stay(zone, entered_at=now, inside_at=now, since=now))
    for stay in person.stays:
        inside = stay.zone == zone
        contact = person.contact
        if contact is not None and contact.served and contact.at == now:
            _serve(frame, person, stay, contact)
            stay.since = now if inside else 0
        elif inside and verdict != Verdict.UNKNOWN:
            if stay.since == 0:
                stay.since = now
            else:
                weight_ms = min(seen.weight_ms, now - stay.since)
                stay.waited_ms += weight_ms
                stay.score_sum += weight_ms * person.confidence
        if inside:
            stay.inside_at = now
            if contact is None:
                _due(frame, person, stay)


def _serve(frame: Frame, person: Person, stay: Stay, contact: Contact) -> None:
    """Served: the wait ended when this contact began."""
    begun_at = max(contact.since, stay.entered_at)
    if stay.first_contact_at is None:
        stay.first_contact_at = begun_at
    if stay.episode is not None:
        _end(frame, person, stay, "served", max(begun_at, stay.episode.started_at))
    stay.waited_ms, stay.score_sum = 0, 0.0


def _due(frame: Frame, person: Person, stay: Stay) -> None:
    """Start and confirm what is due for a customer inside and without contact."""
    law = frame.law
    if stay.episode is None and stay.waited_ms >= law.wait_start_ms and life.shown(person):
        stay.episode = begin(frame, "unattended", stay.since, None, person)
        tell(frame, UnattendedEvent, "started", stay.episode, None, person, _facts(frame, person, stay))
    episode = stay.episode
    if episode is not None and episode.confirmed_at is None:
        why = _too_long(frame, stay)
        if why is not None and roles.stable(person, law):
            episode.reason, episode.threshold_ms = why
            place = law.zones[stay.zone].place
            occurrence.open_or_join(frame, episode, [s.episode for _, s in _waiting_at(frame, place) if s.episode])
            alert = _alert(frame, person, stay)
            facts = _facts(frame, person, stay)
            tell(frame, UnattendedEvent, "confirmed", episode, None, person, facts, alert=alert)


def _too_long(frame: Frame, stay: Stay) -> tuple[UnattendedReason, int] | None:
    """Why the wait is too long, and the threshold that it passed; None while it is not."""
    law, zone = frame.law, frame.law.zones[stay.zone]
    if stay.waited_ms >= law.wait_confirm_ms:
        if not zone.queue:
            return "no_contact", law.wait_confirm_ms
        if frame.state.idle_ms[zone.point] >= law.wait_confirm_ms:
            return "no_staff", law.wait_confirm_ms
        if stay.waited_ms > law.busy_ms:
            return "staff_busy", law.busy_ms
    return None


def _close_stays(frame: Frame, person: Person, reason: CloseReason) -> None:
    for stay in person.stays.copy():
        _close(frame, person, stay, reason, stay.inside_at)


def _close(frame: Frame, person: Person, stay: Stay, reason: CloseReason, ended_at: int) -> None:
    """The stay is over, and with it the wait."""
    person.stays.remove(stay)
    if stay.episode is not None:
        _end(frame, person, stay, reason, max(ended_at, stay.episode.started_at))
    if not frame.law.zones[stay.zone].queue and person.role == roles.CUSTOMER and life.lived(person):
        visits.tell(frame, person, stay)


def _end(frame: Frame, person: Person, stay: Stay, reason: CloseReason, ended_at: int) -> None:
    episode = stay.episode
    assert episode is not None
    facts = _facts(frame, person, stay)
    tell(
        frame,
        UnattendedEvent,
        "discarded" if episode.confirmed_at is None else "ended",
        episode,
        None,
        person,
        facts,
        ended_at=ended_at,
        close_reason=reason,
    )
    stay.episode = None


def _retract(frame: Frame, person: Person) -> None:
    """This customer proved to be staff: nobody waited or visited."""
    for stay in person.stays:
        if stay.episode is not None:
            facts = _facts(frame, person, stay)
            tell(frame, UnattendedEvent, "retracted", stay.episode, None, person, facts)
    person.stays = []


def _waiting_at(frame: Frame, place: str) -> list[tuple[Person, Stay]]:
    """Everybody who is at a place, but no figures."""
    zones, people = frame.law.zones, [p for p in frame.state.people.values() if life.lived(p)]
    return [(p, s) for p in people for s in p.stays if zones[s.zone].place == place]


def _facts(frame: Frame, person: Person, stay: Stay) -> Facts:
    zone, waited_ms = frame.law.zones[stay.zone], stay.waited_ms
    return Facts(
        zone_id=zone.zone_id,
        service_point_id=frame.law.counters[zone.point].service_point_id if zone.queue else None,
        last_contact_at=person.attended_at,
        confidence=round(stay.score_sum / waited_ms if waited_ms else person.confidence, 4),
        support=share(waited_ms, stay.inside_at - stay.since),
    )


def _alert(frame: Frame, person: Person, stay: Stay) -> Alert:
    """What the incident says: this customer, and all others who wait at the same place."""
    zone = frame.law.zones[stay.zone]
    assert stay.episode is not None
    there = _waiting_at(frame, zone.place)
    waiting = [_waiting(p, s) for p, s in there if s.episode is not None]
    confirmed = sum(customer.status == "confirmed" for customer in waiting)
    return Alert(
        location=_location(frame, zone),
        image_width=frame.update.image_width,
        image_height=frame.update.image_height,
        boxes=[box(person, "customer")],
        support=share(stay.waited_ms, stay.inside_at - stay.since),
        threshold_s=stay.episode.threshold_ms / 1000,
        waited_s=stay.waited_ms / 1000,
        last_attended_at=person.attended_at,
        counts=WaitCounts(
            total=len(there),
            confirmed=confirmed,
            pending=len(waiting) - confirmed,
            static=sum(_is_figure_at(frame, person, zone.place) for person in frame.state.people.values()),
        ),
        waiting=waiting,
    )


def _is_figure_at(frame: Frame, person: Person, place: str) -> bool:
    at = zone_of(frame, person) if person.seen_at == frame.now and life.static(person, frame.law) else -1
    return at >= 0 and frame.law.zones[at].place == place


def _waiting(person: Person, stay: Stay) -> WaitingCustomer:
    assert stay.episode is not None
    return WaitingCustomer(
        customer_id=person.number,
        status="pending" if stay.episode.confirmed_at is None else "confirmed",
        x1=person.x1,
        y1=person.y1,
        x2=person.x2,
        y2=person.y2,
        unattended_s=stay.waited_ms / 1000,
        first_detected_at=person.first_seen_at,
        last_attended_at=person.attended_at,
    )


def _location(frame: Frame, zone: Waiting) -> str:
    return frame.law.counters[zone.point].name if zone.queue else zone.name
