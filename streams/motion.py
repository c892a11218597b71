"""How people move, by their boxes: velocity, and what nobody can do."""

from math import hypot

from schemas.floor import Floor
from schemas.records import Track
from streams.book import Law
from streams.frame import Seen
from streams.state import Person

QUICK_MS, SLOW_MS = 100, 500
"""Time constants of the two smoothings whose difference is the velocity: a stop shows after about half a second."""
SHRINK_MS = 2000
"""Time constant at which a height is forgotten: longer than it takes somebody to step before another."""
PER_S = 1000 / (SLOW_MS - QUICK_MS)


def velocity(person: Person) -> tuple[float, float]:
    """Of the foot, pixels per second in the image; exact in steady motion at any frame rate."""
    return (person.quick_x - person.slow_x) * PER_S, (person.quick_y - person.slow_y) * PER_S


def speed_apart_m_s(a: Seen, b: Seen, law: Law) -> float:
    """How fast the two move relative to each other, by their mean body height."""
    one, other = a.person, b.person
    across = one.quick_x - one.slow_x - other.quick_x + other.slow_x
    down = (one.quick_y - one.slow_y - other.quick_y + other.slow_y) * law.depth_factor
    return hypot(across, down) * PER_S * 2 * law.body_height_m / (a.height + b.height)


def floor_speed_apart_m_s(a: Seen, b: Seen, floor: Floor) -> float:
    """How fast the two move relative to each other on the calibrated floor."""
    x1, y1 = floor.moved(a.x, a.y, a.person.quick_x - a.person.slow_x, a.person.quick_y - a.person.slow_y)
    x2, y2 = floor.moved(b.x, b.y, b.person.quick_x - b.person.slow_x, b.person.quick_y - b.person.slow_y)
    return hypot(x1 - x2, y1 - y2) * PER_S


def springs(person: Person, track: Track, elapsed_ms: int, law: Law) -> bool:
    """The foot moved faster than people do: another body, or a box that was cut off or became whole."""
    across, down = (track.x1 + track.x2 - person.x1 - person.x2) / 2, (track.y2 - person.y2) * law.depth_factor
    limit_px = law.speed_max_m_s * elapsed_ms / 1000 * (track.y2 - track.y1) / law.body_height_m
    return across * across + down * down > limit_px * limit_px


def jumped(person: Person, track: Track, elapsed_ms: int, law: Law) -> bool:
    """Of a foot that springs: it is another body, for the head went as far. Legs may be hidden of a sudden."""
    across = (track.x1 + track.x2 - person.x1 - person.x2) / 2
    down = min(abs(track.y1 - person.y1), abs(track.y2 - person.y2)) * law.depth_factor
    px_per_m = (person.y2 - person.y1 + track.y2 - track.y1) / 2 / law.body_height_m
    reach_px = (law.speed_max_m_s * elapsed_ms / 1000 + law.stitch_distance_m) * px_per_m
    return across * across + down * down > reach_px * reach_px


def move(person: Person, track: Track, elapsed_ms: int, sprung: bool) -> None:
    """Take one more box in. The smoothings spring along with a foot that does: nobody gets a velocity from it."""
    x, y = (track.x1 + track.x2) / 2, track.y2
    if sprung:
        across, down = x - (person.x1 + person.x2) / 2, y - person.y2
        person.quick_x += across
        person.slow_x += across
        person.quick_y += down
        person.slow_y += down
    quick, slow = elapsed_ms / (elapsed_ms + QUICK_MS), elapsed_ms / (elapsed_ms + SLOW_MS)
    person.quick_x += (x - person.quick_x) * quick
    person.quick_y += (y - person.quick_y) * quick
    person.slow_x += (x - person.slow_x) * slow
    person.slow_y += (y - person.slow_y) * slow
    height = track.y2 - track.y1
    person.tall += max(height - person.tall, (height - person.tall) * elapsed_ms / (elapsed_ms + SHRINK_MS))
    person.x1, person.y1, person.x2, person.y2 = track.x1, track.y1, track.x2, track.y2
