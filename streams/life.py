"""Does somebody live? Posters and mannequins are detected as people all day; people come walking, or move.

Three signs of life: a body that moved half its height since it was first seen; one that came into the picture over its
side; or the upper edge of its box, which heads move while the rest sits or stands. The box of a thing wanders too, by a
pixel or two from frame to frame and by half its height while somebody passes before it. So the edge is smoothed over
seconds, which leaves 0.2 px of 2 px; one frame pulls it by a tenth of the height at most, and not at all while somebody
stands before it.
"""

from math import hypot

from schemas.records import Track
from streams.book import Law
from streams.covering import is_behind_any
from streams.edges import EDGE_SHARE
from streams.frame import Frame
from streams.state import Person

CUT_OFF, UNSHOWN, STATIC, STILL, MOVES, WALKED = range(-1, 5)
"""First seen cut off by the picture's side; no sign of life yet, and none for `life_s`: a thing; somebody who showed
none of late; who does; who came walking."""

SMOOTH_MS = 5000
"""Time constant of the upper edge, a plain mean at first. People hold a posture for seconds, a detector's errors do
not last."""
WALK_HEIGHTS = 0.5
"""Of a body 0.85 m: a step and a half, which no poster takes."""
PULL_MAX = 0.1
"""Share of the height by which one box counts as moved at most."""


def shown(person: Person) -> bool:
    """Somebody, not something: only then an episode begins."""
    return person.life >= MOVES


def lived(person: Person) -> bool:
    """They showed life at some time."""
    return person.life >= STILL


def static(person: Person, law: Law) -> bool:
    """A poster, a mannequin, or somebody who sits as still as one: in no pair, and no customer.

    Not whom the detector calls staff: a cashier whom it takes for a figure costs more than a figure in uniform.
    """
    return STATIC <= person.life <= STILL and person.staff_share < law.stable_share


def watch(frame: Frame, person: Person, track: Track, weight_ms: int) -> None:
    """Take one more box in, which stands for weight_ms."""
    if person.life == WALKED:
        return
    law = frame.law
    height = track.y2 - track.y1
    limit_px = max(law.life_edge_share * height, law.life_edge_min_px)
    pull = track.y1 - person.top
    if -limit_px <= pull <= limit_px or not is_behind_any(track, frame.update.tracks, law):
        pull_max = PULL_MAX * height
        if not -pull_max <= pull <= pull_max:
            pull = min(max(pull, -pull_max), pull_max)
        age_ms = frame.now - person.first_seen_at
        learned = age_ms > SMOOTH_MS  # the first boxes' errors are no movement
        top = person.top + pull * weight_ms / (weight_ms + (SMOOTH_MS if learned else age_ms))
        person.top = top
        if not learned:
            person.top_min = person.top_max = top
        elif top < person.top_min:
            person.top_min = top
        elif top > person.top_max:
            person.top_max = top
    came_in = person.life == CUT_OFF and _came_in(frame, person, track, limit_px)
    if came_in or _moved_heights(person, track, height, law.depth_factor) >= WALK_HEIGHTS:
        person.life = WALKED
    elif person.top_max - person.top_min >= limit_px:
        _from_now_on(person, MOVES, frame.now)
    elif frame.now - person.still_at > law.life_ms:
        _from_now_on(person, STILL if lived(person) else STATIC, frame.now)


def anew(person: Person, track: Track, top: float, now: int) -> None:
    """Nothing is known of this person's life any more; top: upper edge of the box, smoothed over seconds."""
    person.home_x, person.home_top, person.home_foot = (
        round((track.x1 + track.x2) / 2),
        round(track.y1),
        round(track.y2),
    )
    person.top = top
    _from_now_on(person, UNSHOWN, now)


def _from_now_on(person: Person, word: int, now: int) -> None:
    person.life = word
    person.top_min = person.top_max = person.top
    person.still_at = now


def _came_in(frame: Frame, person: Person, track: Track, limit_px: float) -> bool:
    """Both sides of the box left the picture's side: who hides the outer part of a figure moves the outer one alone."""
    width = frame.update.image_width
    outer, inner = track.x1, track.x2 - 2 * person.home_x
    if 2 * person.home_x > width:
        outer, inner = width - track.x2, 2 * person.home_x - width - track.x1
    return min(outer, inner) >= limit_px + width * EDGE_SHARE


def _moved_heights(person: Person, track: Track, height: float, depth_factor: float) -> float:
    """Body heights on the floor since first seen. Head and foot must have moved alike: legs are hidden and shown."""
    across = abs((track.x1 + track.x2) / 2 - person.home_x)
    head, foot = track.y1 - person.home_top, track.y2 - person.home_foot
    if head > 0 and foot > 0:
        down = head if head < foot else foot
    elif head < 0 and foot < 0:
        down = -head if head > foot else -foot
    else:
        down = 0.0
    return hypot(across, down * depth_factor) / height
