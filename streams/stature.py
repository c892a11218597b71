"""How tall somebody is, and who is a child: known on a calibrated floor alone.

Of boxes that have the shape of somebody upright alone, for half a body on the floor reads as a small one. A mean over
the first two seconds; from then on it only rises, for people sit and bend down and legs are hidden, but nobody is seen
taller than they are for seconds.
"""

from streams.book import Law
from streams.frame import Seen
from streams.state import Person

LEARN_MS = 2000
"""Time constant, and how long a mean is taken first: a box that holds a child and somebody behind it does not last."""


SLIM = 2.0
"""Times as high as wide: upright bodies, children's too, are at least 2.5; from the waist up they are 1.7 and less."""


def watch(seen: Seen, now: int) -> None:
    """Take one more box in."""
    person, tall_m = seen.person, seen.tall_m
    if tall_m == 0 or seen.height < SLIM * (person.x2 - person.x1):
        return
    age_ms = now - person.first_seen_at
    if person.stature_m == 0:
        person.stature_m = tall_m
    elif tall_m > person.stature_m or age_ms <= LEARN_MS:
        person.stature_m += (tall_m - person.stature_m) * seen.weight_ms / (seen.weight_ms + min(age_ms, LEARN_MS))


def child(person: Person, law: Law) -> bool:
    """Somebody who comes with an adult: no customer by themselves. Never whom the detector calls staff."""
    return 0 < person.stature_m < law.child_max_m and not law.any_pair and person.staff_share < law.stable_share
