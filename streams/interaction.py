"""Interaction: a staff member and a customer (in pairs `any`: two people) are together long enough to be one episode.

A candidate begins with the first near sample, is started after a second of support, stays while they stay within the
wider distance, is confirmed when the support spans `confirm_s`, and ends at its last supported moment once they were
far for `far_s` or unknown for `unknown_s`. None begins outside opening hours; what has started goes on. A sample stands
for the time since the one before, half a second at most, so that frame rates agree; a missing one is unknown, not far.
"""

from itertools import accumulate
from uuid import UUID

from schemas.records import Alert, CloseReason, InteractionEvent, PersonBox, Role
from streams import life, occurrence, roles
from streams.episode import Facts, begin, share, tell
from streams.facing import reach_m
from streams.frame import Frame, Seen
from streams.identity import zone_of
from streams.near import METHODS, Judgement, Verdict, judge, surely_far
from streams.state import CameraState, Opened, Pair, Person

BIN_M = 0.05
BINS = 60
"""Distances above 3 m share the last bin."""

Contacts = dict[int, Verdict]
"""key of a customer in this frame -> TOGETHER with staff, or UNKNOWN while an open interaction cannot be seen."""


def advance(frame: Frame, here: list[Seen]) -> Contacts:
    """Take one frame in: sample all pairs, start, confirm and end what is due. here: everybody in the frame."""
    contacts: Contacts = {}
    if frame.law.any_pair:
        _sample_any(frame, here)
    else:
        staff = [seen for seen in here if seen.person.role == roles.STAFF]
        for customer in here:
            if customer.person.role == roles.CUSTOMER:
                _sample_customer(frame, customer, staff, contacts)
    for pair in list(frame.state.pairs.values()):
        _live(frame, pair, contacts)
    return contacts


def close_all(frame: Frame, reason: CloseReason) -> None:
    """End every pair now, at its last supported moment."""
    for pair in list(frame.state.pairs.values()):
        _close(frame, pair, reason)


def leave(frame: Frame, person: Person) -> None:
    """End the pairs of somebody who is given up."""
    for pair in list(frame.state.pairs.values()):
        if person.key in (pair.staff, pair.customer):
            _close(frame, pair, "left")


def _sample_any(frame: Frame, here: list[Seen]) -> None:
    """Every two people; the smaller number stands in the place of the staff member."""
    pairs, law = frame.state.pairs, frame.law
    for at, one in enumerate(here):
        for other in here[at + 1 :]:
            a, b = (one, other) if one.person.number < other.person.number else (other, one)
            pair = pairs.get(a.key << 32 | b.key)
            if pair is None and surely_far(a, b, law):
                continue
            found = judge(a, b, reach_m(_limit_m(frame, pair), a, b, pair, law), law)
            _take(frame, pair, a, b, found, belongs=True)


def _sample_customer(frame: Frame, customer: Seen, staff: list[Seen], contacts: Contacts) -> None:
    """All staff around one customer, who belongs to one of them at most."""
    pairs, law, person = frame.state.pairs, frame.law, customer.person
    around: list[tuple[Seen, Pair | None, Judgement]] = []
    best: tuple[int, float, int] | None = None
    for member in staff:
        pair = pairs.get(member.key << 32 | person.key)
        if pair is None and surely_far(member, customer, law):
            continue
        found = judge(member, customer, reach_m(_limit_m(frame, pair), member, customer, pair, law), law)
        around.append((member, pair, found))
        if found[0] == Verdict.TOGETHER:
            rank = (found[2], found[1], member.key)  # the service point first, else the nearest
            best = rank if best is None or rank < best else best
    if best is not None:
        contacts[person.key] = Verdict.TOGETHER
        if best[2] != person.server:
            person.rival_ms += customer.weight_ms
        if best[2] == person.server or _is_free(frame, person):
            person.server, person.rival_ms = best[2], 0
    for member, pair, found in around:
        _take(frame, pair, member, customer, found, belongs=member.key == person.server)


def _is_free(frame: Frame, customer: Person) -> bool:
    """May another staff member take the customer over? While there is something with the one before, after `change_s`
    in which somebody else was the best contact; time in which nobody was does not count."""
    open_still = customer.server << 32 | customer.key in frame.state.pairs
    return not open_still or customer.rival_ms >= frame.law.change_ms


def _limit_m(frame: Frame, pair: Pair | None) -> float:
    return frame.law.near_m if pair is None or pair.episode is None else frame.law.stay_m


def _take(frame: Frame, pair: Pair | None, a: Seen, b: Seen, found: Judgement, belongs: bool) -> None:
    """One sample of one pair. Near another staff member's customer counts as far."""
    verdict, distance_m, method, point = found
    if verdict == Verdict.UNKNOWN:
        return
    state, now = frame.state, frame.now
    together = verdict == Verdict.TOGETHER and belongs
    if pair is None:
        if together and len(state.pairs) < frame.law.pairs_max:
            state.pairs[a.key << 32 | b.key] = Pair(a.key, b.key, now, now, now, point=point)
        return
    weight_ms = min(now - pair.sampled_at, frame.law.sample_max_ms)
    pair.sampled_at = now
    if together:
        _support(pair, weight_ms, (a.person.confidence + b.person.confidence) / 2, distance_m, method)
        pair.supported_at, pair.far_ms = now, 0
        pair.point = point if pair.point < 0 else pair.point
    elif verdict != Verdict.MOVING:
        pair.far_ms += weight_ms


def _support(pair: Pair, weight_ms: int, score: float, distance_m: float, method: int) -> None:
    pair.supported_ms += weight_ms
    pair.score_sum += weight_ms * score
    spot = min(int(distance_m / BIN_M), BINS - 1)
    if len(pair.distance_ms) <= spot:
        pair.distance_ms.extend([0] * (spot + 1 - len(pair.distance_ms)))
    pair.distance_ms[spot] += weight_ms
    if not pair.method_ms:
        pair.method_ms = [0] * len(METHODS)
    pair.method_ms[method] += weight_ms


def _live(frame: Frame, pair: Pair, contacts: Contacts) -> None:
    """What is due for one pair now."""
    state, law, now = frame.state, frame.law, frame.now
    staff, customer = state.people[pair.staff], state.people[pair.customer]
    if pair.episode is None:
        _try(frame, pair, staff, customer)
        return
    if not _fits(frame, staff, customer):
        _retract(frame, pair)
    elif pair.far_ms >= law.far_ms:
        _close(frame, pair, "separated")
    elif now - pair.supported_at >= (law.hidden_ms if staff.hidden or customer.hidden else law.apart_ms):
        _close(frame, pair, "separated" if staff.seen_at == customer.seen_at == now else "left")
    else:
        if pair.sampled_at < now and customer.seen_at == now:
            contacts.setdefault(customer.key, Verdict.UNKNOWN)
        if pair.episode.confirmed_at is None and pair.supported_at - pair.episode.started_at >= law.confirm_ms:
            _confirm(frame, pair, staff, customer)
        if pair.supported_at == now and now - pair.episode.started_at >= law.roll_ms:
            _roll(frame, pair)


def _try(frame: Frame, pair: Pair, staff: Person, customer: Person) -> None:
    """A candidate starts after enough support; until its customer has shown life it is kept, or they part.

    Of the other side, and in pairs `any`, life is taken for granted until they are static.
    """
    law, elapsed = frame.law, frame.now - pair.first_at
    if frame.open and elapsed < law.start_ms:
        return
    parted = pair.far_ms >= law.far_ms or frame.now - pair.supported_at >= law.apart_ms
    enough = pair.supported_ms >= law.start_support * elapsed and _fits(frame, staff, customer)
    if parted or not enough or not frame.open:
        _drop(frame.state, pair)
    elif law.any_pair or life.shown(customer):
        _start(frame, pair, None)


def _fits(frame: Frame, staff: Person, customer: Person) -> bool:
    return frame.law.any_pair or (staff.role == roles.STAFF and customer.role == roles.CUSTOMER)


def _start(frame: Frame, pair: Pair, continues: UUID | None) -> None:
    people = frame.state.people
    pair.zone = zone_of(frame, people[pair.customer])
    pair.episode = begin(frame, "interaction", pair.first_at, people[pair.staff], people[pair.customer], continues)
    _tell(frame, pair, "started")


def _confirm(frame: Frame, pair: Pair, staff: Person, customer: Person) -> None:
    """Confirmed once both roles are stable: no incident about somebody who may be the other."""
    law, episode = frame.law, pair.episode
    assert episode is not None
    if not (roles.stable(staff, law) and roles.stable(customer, law)):
        return
    if pair.zone < 0:
        pair.zone = zone_of(frame, customer)
    occurrence.open_or_join(frame, episode, _of_the_party(frame, pair, customer))
    sides: tuple[Role, Role] = ("undecided", "undecided") if law.any_pair else ("staff", "customer")
    facts = _facts(frame, pair)
    alert = Alert(
        location=_location(frame, pair),
        image_width=frame.update.image_width,
        image_height=frame.update.image_height,
        boxes=[box(staff, sides[0]), box(customer, sides[1])],
        support=facts.support,
        threshold_s=law.confirm_ms / 1000,
        last_attended_at=pair.supported_at,
    )
    tell(frame, InteractionEvent, "confirmed", episode, staff, customer, facts, alert=alert)


def _of_the_party(frame: Frame, pair: Pair, customer: Person) -> list[Opened]:
    """What is open between the same staff member and those with whom the customer came."""
    people = frame.state.people
    return [
        other.episode
        for other in frame.state.pairs.values()
        if customer.party
        and other.staff == pair.staff
        and other is not pair
        and other.episode is not None
        and people[other.customer].party == customer.party
    ]


def _roll(frame: Frame, pair: Pair) -> None:
    """So long that it becomes another episode, which says what it continues."""
    old = pair.episode
    assert old is not None
    confirmed = old.confirmed_at is not None
    _close(frame, pair, "rolled")
    follower = Pair(pair.staff, pair.customer, frame.now, frame.now, frame.now, point=pair.point, facing=pair.facing)
    frame.state.pairs[pair.staff << 32 | pair.customer] = follower
    _start(frame, follower, old.episode_id if confirmed else None)


def _close(frame: Frame, pair: Pair, reason: CloseReason) -> None:
    _drop(frame.state, pair)
    if pair.episode is not None:
        _tell(frame, pair, "discarded" if pair.episode.confirmed_at is None else "ended", reason)


def _retract(frame: Frame, pair: Pair) -> None:
    """One of the two proved to be of the other side: there was no such episode."""
    _drop(frame.state, pair)
    _tell(frame, pair, "retracted")


def _drop(state: CameraState, pair: Pair) -> None:
    del state.pairs[pair.staff << 32 | pair.customer]


def _tell(frame: Frame, pair: Pair, phase: str, reason: CloseReason | None = None) -> None:
    people, ended_at = frame.state.people, None if reason is None else pair.supported_at
    assert pair.episode is not None
    tell(
        frame,
        InteractionEvent,
        phase,  # type: ignore[arg-type]
        pair.episode,
        people[pair.staff],
        people[pair.customer],
        _facts(frame, pair),
        ended_at=ended_at,
        close_reason=reason,
    )


def _facts(frame: Frame, pair: Pair) -> Facts:
    """What the samples say so far."""
    law, span_ms = frame.law, pair.supported_at - pair.first_at
    measured = pair.supported_ms > 0
    return Facts(
        zone_id=law.zones[pair.zone].zone_id if pair.zone >= 0 else None,
        service_point_id=law.counters[pair.point].service_point_id if pair.point >= 0 else None,
        last_contact_at=pair.supported_at,
        confidence=round(pair.score_sum / pair.supported_ms, 4) if measured else _score(frame, pair),
        support=share(pair.supported_ms, span_ms),
        distance_m_min=_quantile_m(pair, 0) if measured else None,
        distance_m_median=_quantile_m(pair, pair.supported_ms / 2) if measured else None,
        distance_method=METHODS[pair.method_ms.index(max(pair.method_ms))] if measured else None,  # type: ignore[arg-type]
    )


def _score(frame: Frame, pair: Pair) -> float:
    people = frame.state.people
    return round((people[pair.staff].confidence + people[pair.customer].confidence) / 2, 4)


def _quantile_m(pair: Pair, reached_ms: float) -> float:
    """Middle of the bin in which the supported time, counted from the smallest distance, passes reached_ms."""
    spot = next(at for at, total in enumerate(accumulate(pair.distance_ms)) if total > reached_ms)
    return round((spot + 0.5) * BIN_M, 3)


def _location(frame: Frame, pair: Pair) -> str:
    law = frame.law
    if pair.point >= 0:
        return law.counters[pair.point].name
    return law.zones[pair.zone].name if pair.zone >= 0 else law.rules.camera_name


def box(person: Person, role: Role) -> PersonBox:
    """Where a participant is now."""
    return PersonBox(person_id=person.number, role=role, x1=person.x1, y1=person.y1, x2=person.x2, y2=person.y2)
