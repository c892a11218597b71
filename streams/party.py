"""Parties: customers who came together, seen by their standing together before anybody served one of them.

Whom one staff member serves at the same time and who came together share an occurrence. And in a service zone staff
speak to the party: a contact of one is a contact of all who stand with them. Not in a queue, where one stands as close
to strangers and waits one's turn.
"""

from streams import roles
from streams.frame import Frame, Seen
from streams.interaction import Contacts
from streams.near import Verdict, judge, surely_far
from streams.state import CameraState, Person

LOOK_MS = 400
"""How often it is looked who stands with whom: nothing changes sooner, and it divides the usual frame rates."""
BESIDE_MAX = 48
"""Twos that are on the way to a party at a time; who comes beyond that has to wait until another two parted."""


def watch(frame: Frame, here: list[Seen]) -> None:
    """Take one frame in: add up how long customers without a contact so far have stood together.

    Time apart is taken off again, so that strangers who pass each other now and then never add up; time in which it is
    unknown changes nothing.
    """
    state, law = frame.state, frame.law
    elapsed_ms = frame.now - state.party_at
    if law.any_pair or elapsed_ms < LOOK_MS:
        return
    state.party_at = frame.now
    _forget(state)
    weight_ms = min(elapsed_ms, law.sample_max_ms)
    alone = [seen for seen in here if _uncontacted(seen.person)]
    for at, one in enumerate(alone):
        for other in alone[at + 1 :]:
            if one.person.party == 0 or one.person.party != other.person.party:
                _sample(frame, one, other, weight_ms)


def share_contacts(frame: Frame, here: list[Seen], contacts: Contacts) -> None:
    """Add to the contacts those that customers in a service zone have through the party with which they stand."""
    parties = {seen.person.party for seen in here if seen.key in contacts} - {0}
    if not parties:
        return
    met = [(seen, contacts[seen.key]) for seen in here if seen.key in contacts and seen.person.party in parties]
    for seen in here:
        if seen.person.party in parties and seen.spot.zone >= 0 and not frame.law.zones[seen.spot.zone].queue:
            found = {_through(frame, seen, mate, theirs) for mate, theirs in met}
            if Verdict.TOGETHER in found:
                contacts[seen.key] = Verdict.TOGETHER
            elif Verdict.UNKNOWN in found:
                contacts.setdefault(seen.key, Verdict.UNKNOWN)


def _through(frame: Frame, seen: Seen, mate: Seen, theirs: Verdict) -> Verdict:
    """What a party member's contact means for a customer: theirs too as long as the two stay together."""
    if mate.person.party != seen.person.party or mate.key == seen.key:
        return Verdict.FAR
    between = judge(seen, mate, frame.law.stay_m, frame.law)[0]
    if between == Verdict.FAR:
        return Verdict.FAR
    return Verdict.UNKNOWN if between == Verdict.UNKNOWN else theirs


def _uncontacted(person: Person) -> bool:
    return person.role == roles.CUSTOMER and person.contact is None and person.attended_at is None


def _forget(state: CameraState) -> None:
    """Twos of whom one is gone, was served, or is none."""
    for both in list(state.beside_ms):
        one, other = state.people.get(both >> 32), state.people.get(both & 0xFFFFFFFF)
        if one is None or other is None or not (_uncontacted(one) and _uncontacted(other)):
            del state.beside_ms[both]


def _sample(frame: Frame, one: Seen, other: Seen, weight_ms: int) -> None:
    beside_ms, law = frame.state.beside_ms, frame.law
    both = min(one.key, other.key) << 32 | max(one.key, other.key)
    known_ms = beside_ms.get(both)
    if known_ms is None and (len(beside_ms) >= BESIDE_MAX or surely_far(one, other, law)):
        return
    verdict = judge(one, other, law.party_m, law)[0]
    if verdict == Verdict.TOGETHER:
        beside_ms[both] = 0 if known_ms is None else known_ms + weight_ms
        if beside_ms[both] >= law.party_ms:
            del beside_ms[both]
            _unite(frame.state, one.person, other.person)
    elif verdict == Verdict.FAR and known_ms is not None:
        beside_ms[both] = known_ms - weight_ms
        if known_ms <= weight_ms:
            del beside_ms[both]


def _unite(state: CameraState, one: Person, other: Person) -> None:
    """One party of the two and all who are with them, named by a key that no other party can have."""
    joined = {one.party, other.party} - {0}
    party = min(joined, default=min(one.key, other.key))
    for person in state.people.values():
        if person.party in joined:
            person.party = party
    one.party = other.party = party
