"""The judge: which episodes really happened, from everybody's true place on the floor ten times a second.

It knows nothing of images, tracks or the pipeline, and is written as plainly as the rules read: the pipeline is
measured against it, so the two share no code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import hypot
from typing import Any, Literal

from infra.demo.actors import Actor
from infra.demo.views import CameraId, Counter, View

RATE_HZ = 10
NEAR_M, STAY_M, REACH_M, SPEED_MAX_M_S = 1.5, 2.25, 1.2, 0.5
FAR_S, CONFIRM_S = 5.0, 15.0
WAIT_START_S, WAIT_CONFIRM_S, SERVED_S, OUTSIDE_S = 5.0, 60.0, 3.0, 10.0
PARTY_M, PARTY_S = 1.2, 10.0

Spell = tuple[float, float]
"""From, to: seconds since the first frame."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened. confirmed: long enough to be an episode, else a near-miss that must stay silent."""

    camera_id: CameraId
    kind: Literal["interaction", "unattended"]
    staff: str | None
    customer: str
    start_s: float
    end_s: float
    confirmed: bool
    reason: Literal["served", "left", "separated"]
    place: str | None = None
    """Where somebody waited: a service point or a service zone."""
    occurrence: int = 0
    """Episodes of one camera with the same number are one incident."""

    def as_dict(self) -> dict[str, Any]:
        """For truth.json."""
        return asdict(self)


def judge(view: View, actors: Sequence[Actor], seconds: float) -> list[Happened]:
    """Everything that happened before this camera, in order of start."""
    times = [tick / RATE_HZ for tick in range(int(seconds * RATE_HZ))]
    people = [a for a in actors if a.alive]
    staff, customers = ([a for a in people if a.role == role] for role in ("staff", "customer"))
    contacts = {(s.name, c.name): _contacts(view, s, c, times) for s in staff for c in customers}
    happened = [
        Happened(view.camera_id, "interaction", s, c, start, end, end - start >= CONFIRM_S, "separated")
        for (s, c), spells in contacts.items()
        for start, end in spells
    ]
    anybody = sorted(spell for spells in contacts.values() for spell in spells)
    for customer in customers:
        own = sorted(spell for (_, c), spells in contacts.items() if c == customer.name for spell in spells)
        for zone in view.zones:
            inside = (t for t in times if customer.there(t) and zone.area.holds(*customer.position(t)))
            for stay in _spells(inside, OUTSIDE_S):
                for start, end, reason in _waits(stay, own):
                    quiet_since = max(
                        [start] + [e for b, e in anybody if zone.kind == "queue" and b < end and e > start]
                    )
                    confirmed = end - quiet_since >= WAIT_CONFIRM_S
                    place = zone.service_point or zone.zone_id
                    happened.append(
                        Happened(
                            view.camera_id, "unattended", None, customer.name, start, end, confirmed, reason, place
                        )
                    )
    parties = {
        frozenset((a.name, b.name))
        for a in customers
        for b in customers
        if a is not b and _party(a, b, contacts, times)
    }
    return _numbered(sorted(happened, key=lambda h: (h.start_s, h.kind, h.customer)), parties)


def _numbered(happened: Sequence[Happened], parties: set[frozenset[str]]) -> list[Happened]:
    """Everything with its occurrence: a party served by one, people unattended at one place, at the same time."""
    numbered: list[Happened] = []
    for one in happened:
        mates = (
            other.occurrence
            for other in numbered
            if other.confirmed
            and one.confirmed
            and (other.kind, other.staff, other.place) == (one.kind, one.staff, one.place)
            and other.end_s >= one.start_s
            and (one.kind == "unattended" or frozenset((one.customer, other.customer)) in parties)
        )
        numbered.append(replace(one, occurrence=next(mates, len(numbered))))
    return numbered


def _party(a: Actor, b: Actor, contacts: Mapping[tuple[str, str], list[Spell]], times: Sequence[float]) -> bool:
    """Two customers who stood together before anybody of the staff came to either."""
    met = min((spell[0] for (_, c), spells in contacts.items() if c in (a.name, b.name) for spell in spells), default=0)
    together = [t for t in times if t < met and a.there(t) and b.there(t) and _distance(a, b, t) <= PARTY_M]
    return len(together) / RATE_HZ >= PARTY_S


def _contacts(view: View, staff: Actor, customer: Actor, times: Iterable[float]) -> list[Spell]:
    """When this member of staff and this customer were together."""
    if view.counters:
        together = (t for t in times if _at_counter(view.counters, staff, customer, t))
        return [spell for spell in _spells(together, FAR_S) if spell[1] - spell[0] >= 1.0]
    spells: list[Spell] = []
    start = last = None
    for t in times:
        if not (staff.there(t) and customer.there(t)):
            continue
        distance = _distance(staff, customer, t)
        if start is None and distance <= NEAR_M and _relative_speed(staff, customer, t) < SPEED_MAX_M_S:
            start = t
        if start is not None and distance <= STAY_M:
            last = t
        if start is not None and last is not None and t - last > FAR_S:
            spells.append((start, last))
            start = last = None
    if start is not None and last is not None:
        spells.append((start, last))
    return [spell for spell in spells if spell[1] - spell[0] >= 1.0]


def _at_counter(counters: Sequence[Counter], staff: Actor, customer: Actor, t: float) -> bool:
    if not (staff.there(t) and customer.there(t)):
        return False
    at, to = staff.position(t), customer.position(t)
    return any(c.staff.holds(*at) and c.strip.holds(*to) and abs(at[0] - to[0]) <= REACH_M for c in counters)


def _distance(a: Actor, b: Actor, t: float) -> float:
    (ax, ay), (bx, by) = a.position(t), b.position(t)
    return hypot(ax - bx, ay - by)


def _relative_speed(a: Actor, b: Actor, t: float) -> float:
    """Over the 0.2 s after t, metres per second."""
    now, then = [(a.position(u), b.position(u)) for u in (t, t + 0.2)]
    (ax, ay), (bx, by) = now
    (cx, cy), (dx, dy) = then
    return hypot((cx - ax) - (dx - bx), (cy - ay) - (dy - by)) / 0.2


def _spells(moments: Iterable[float], gap_s: float) -> list[Spell]:
    """Runs of moments with no hole longer than gap_s."""
    spells: list[Spell] = []
    for t in moments:
        if spells and t - spells[-1][1] <= gap_s:
            spells[-1] = (spells[-1][0], t)
        else:
            spells.append((t, t))
    return spells


def _waits(stay: Spell, contacts: Sequence[Spell]) -> list[tuple[float, float, Literal["served", "left"]]]:
    """The parts of a stay without staff that are long enough to count as waiting."""
    waits: list[tuple[float, float, Literal["served", "left"]]] = []
    since, until = stay
    for begin, end in contacts:
        if end - begin < SERVED_S or end < since or begin > until + OUTSIDE_S:
            continue
        waits.append((since, begin, "served"))
        since = end
    waits.append((since, until, "left"))
    return [wait for wait in waits if wait[1] - wait[0] >= WAIT_START_S]
