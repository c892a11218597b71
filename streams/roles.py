"""Who is staff and who is a customer: class beats zone, zones speak one way, and nobody changes sides by one frame."""

from schemas.records import Track
from streams.book import Law
from streams.state import Person

STAFF, CUSTOMER = "staff", "customer"


def first_sight(person: Person, class_name: str, law: Law) -> None:
    """What one box says about somebody new."""
    person.staff_share = float(class_name in law.staff_classes)
    person.customer_share = float(class_name in law.customer_classes)
    _decide(person, law)


def watch(person: Person, class_name: str, in_staff_area: bool, weight_ms: int, law: Law) -> None:
    """Take one more sample in, which stands for weight_ms.

    Shares are means over all that was seen, after `stable_s` over about the last `stable_s`. A class that is neither
    staff's nor customers' counts as a customer's, or as staff's once the time in staff areas says so: for good, for
    who leaves the counter does not become a customer.
    """
    person.watched_ms += weight_ms
    staff, customer = float(class_name in law.staff_classes), float(class_name in law.customer_classes)
    if in_staff_area:
        person.staff_area_ms += weight_ms
    elif staff == person.staff_share and customer == person.customer_share:
        return  # nothing new
    if weight_ms:
        part = weight_ms / max(weight_ms, min(person.watched_ms, law.stable_ms))
        person.staff_share += (staff - person.staff_share) * part
        person.customer_share += (customer - person.customer_share) * part
    _decide(person, law)


def stable(person: Person, law: Law) -> bool:
    """Sure enough for an incident: watched for `stable_s`, and `stable_share` of the time in its role."""
    if law.any_pair:
        return True  # roles do not matter
    return person.watched_ms >= law.stable_ms and _share(person, person.role, law) >= law.stable_share


def contradicts(person: Person, class_name: str, law: Law) -> bool:
    """True when a box of that class is surely of somebody else: the detector called this person the opposite so far."""
    if law.any_pair:
        return False
    enough = law.stable_share
    return (class_name in law.staff_classes and person.customer_share >= enough) or (
        class_name in law.customer_classes and person.staff_share >= enough
    )


def disputed(person: Person, track: Track, elapsed_ms: int, law: Law) -> bool:
    """The detector surely calls the person's track the opposite: until it is known whose box this is, it is nobody's.

    A frame or two of that are the detector's error; from `cut_class_s` on (`disputed_ms`) the track is somebody else's.
    A class of neither side says nothing, and an unsure box does not count. Who was called the same for less than four
    times as long cannot be contradicted: shares then move before the time is up.
    """
    if track.class_name in law.against.get(person.role, ()) and contradicts(person, track.class_name, law):
        if track.confidence < law.cut_confidence_min:
            return False
        person.disputed_ms += elapsed_ms
        watch(person, track.class_name, False, elapsed_ms, law)
        return True
    if person.disputed_ms and (track.class_name in law.staff_classes or track.class_name in law.customer_classes):
        person.disputed_ms = 0
    return False


def _share(person: Person, role: str, law: Law) -> float:
    neither = 1.0 - person.staff_share - person.customer_share
    by_zone = person.staff_area_ms >= law.staff_area_ms
    if role == STAFF:
        return person.staff_share + (neither if by_zone else 0.0)
    if role == CUSTOMER:
        return person.customer_share + (0.0 if by_zone else neither)
    return 0.0


def _decide(person: Person, law: Law) -> None:
    enough = law.stable_share
    for role in (STAFF, CUSTOMER):
        if person.role != role and _share(person, role, law) >= enough:
            person.role = role
            return
