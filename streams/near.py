"""Are two people together in this frame? By the service point where one stands behind its counter; else by the floor
where it is calibrated; else by the height of bodies.
"""

from enum import IntEnum
from math import hypot

from schemas.floor import Floor
from streams.book import Law
from streams.frame import Seen
from streams.motion import floor_speed_apart_m_s, speed_apart_m_s


class Verdict(IntEnum):
    """What one frame says about two people."""

    UNKNOWN = 0
    FAR = 1
    MOVING = 2
    """Close, but walking past: neither together nor apart."""
    TOGETHER = 3


METHODS = ("service_point", "homography", "height")
"""By index, as states keep them."""
SERVICE_POINT, HOMOGRAPHY, HEIGHT = range(3)

Judgement = tuple[Verdict, float, int, int]
"""(verdict, distance in metres or 0 when unknown, index of the method, index of the service point or -1)."""


def surely_far(a: Seen, b: Seen, law: Law) -> bool:
    """A cheap first look at two people of whom nothing is open: True when `judge` could not find them together."""
    behind = a.spot.behind
    if behind >= 0 and behind != b.spot.behind:
        return behind != b.spot.strip
    if law.any_pair and b.spot.behind >= 0 and behind != b.spot.behind:
        return b.spot.behind != a.spot.strip
    if law.floor is not None and behind < 0:
        if a.at is None or b.at is None:
            return True
        return (a.at[0] - b.at[0]) ** 2 + (a.at[1] - b.at[1]) ** 2 > law.near_m * law.near_m
    if not (a.whole and b.whole) and a.headed and b.headed:
        return _by_heads_m(a, b, law) > law.near_m
    dx, dy, reach = a.x - b.x, a.depth_y - b.depth_y, a.reach + b.reach
    return dx * dx + dy * dy > reach * reach


def judge(a: Seen, b: Seen, limit_m: float, law: Law) -> Judgement:
    """Are a (staff) and b (customer) within limit_m? In pairs `any` either may be the one behind the counter."""
    if a.spot.behind != b.spot.behind:
        if a.spot.behind >= 0:
            return (*_across(a, b, law), SERVICE_POINT, a.spot.behind)
        if law.any_pair:
            return (*_across(b, a, law), SERVICE_POINT, b.spot.behind)
    if law.floor is not None and a.spot.behind < 0:
        return (*_by_floor(a, b, limit_m, law, law.floor), HOMOGRAPHY, -1)
    return (*_by_height(a, b, limit_m, law), HEIGHT, -1)


def _across(behind: Seen, other: Seen, law: Law) -> tuple[Verdict, float]:
    """Who stands behind a counter is met at its strip and nowhere else: feet are hidden there, so no foot distance."""
    point = behind.spot.behind
    if other.spot.strip != point:
        return Verdict.FAR, 0.0
    counter = law.counters[point]
    distance_m = abs((behind.x - other.x) * counter.along_x + (behind.y - other.y) * counter.along_y)
    return (Verdict.TOGETHER if distance_m <= law.counter_reach_m else Verdict.FAR), distance_m


def _by_floor(a: Seen, b: Seen, limit_m: float, law: Law, floor: Floor) -> tuple[Verdict, float]:
    """Feet on the calibrated floor. Known only of those whose feet are seen, and where the floor is known.

    Who walks out of the picture at its lower edge stands under their head, if they are of mean height: near, never far.
    """
    if a.at is None or b.at is None or not (_on_foot(a, law) and _on_foot(b, law)):
        return Verdict.UNKNOWN, 0.0
    distance_m = hypot(a.at[0] - b.at[0], a.at[1] - b.at[1])
    if distance_m > limit_m:
        return (Verdict.FAR if a.whole and b.whole else Verdict.UNKNOWN), distance_m
    passing = floor_speed_apart_m_s(a, b, floor) >= law.speed_apart_m_s
    return (Verdict.MOVING if passing else Verdict.TOGETHER), distance_m


def _on_foot(seen: Seen, law: Law) -> bool:
    """The box ends at the feet, as far as can be known."""
    return seen.tall_m == 0 or seen.tall_m >= law.tall_min_m


def _by_height(a: Seen, b: Seen, limit_m: float, law: Law) -> tuple[Verdict, float]:
    """Foot points in body heights. Bodies of very different height stand at different depths, or one is half hidden."""
    if not (a.whole and b.whole):
        return _by_heads(a, b, limit_m, law)
    m_per_px = 2 * law.body_height_m / (a.height + b.height)
    distance_m = hypot(a.x - b.x, a.depth_y - b.depth_y) * m_per_px
    if distance_m > limit_m:
        return Verdict.FAR, distance_m
    if m_per_px > law.pixel_max_m or max(a.height, b.height) > law.height_ratio_max * min(a.height, b.height):
        return Verdict.UNKNOWN, distance_m
    return _unless_passing(a, b, law), distance_m


def _by_heads(a: Seen, b: Seen, limit_m: float, law: Law) -> tuple[Verdict, float]:
    """Somebody walks out of the picture at its lower edge: feet are out of it, heads are in it and about level."""
    if not (a.headed and b.headed):
        return Verdict.UNKNOWN, 0.0
    distance_m = _by_heads_m(a, b, law)
    return (Verdict.UNKNOWN if distance_m > limit_m else _unless_passing(a, b, law)), distance_m


def _unless_passing(a: Seen, b: Seen, law: Law) -> Verdict:
    return Verdict.MOVING if speed_apart_m_s(a, b, law) >= law.speed_apart_m_s else Verdict.TOGETHER


def _by_heads_m(a: Seen, b: Seen, law: Law) -> float:
    """At least the distance: what is seen of the taller body is at most a body's height."""
    across, down = a.x - b.x, a.person.y1 - b.person.y1
    return hypot(across, down * law.depth_factor) * law.body_height_m / max(a.height, b.height)
