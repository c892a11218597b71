"""Do two people face each other? Who stands back to back is farther apart than the metres say.

Only a body's own heading counts (a pose model's joints, or `heading_deg`). The direction somebody walks in says where
they go and not to whom they speak: who is led to a shelf walks behind or beside, and of who stands nothing is known.
"""

from math import cos, hypot, radians, sin

from schemas.geometry import Point
from schemas.records import Track
from streams.book import Law
from streams.frame import Seen
from streams.state import Pair

SIDES = ((5, 6), (11, 12))
"""(left, right) of shoulders and hips among the 17 joints of COCO, which ultralytics' pose models give."""
JOINTS = 17
SURE = 0.5
"""A joint below this score was guessed."""
WIDTH_MIN_M = 0.15
"""Shoulders are 0.4 m wide: whose joints lie closer together were not told apart."""
FOLLOW_PER_S = 1.0
"""How fast a pair's facing follows: from back to back (-1) to face to face (1) in two seconds. Such a follower stays at
the median of what it is shown, whatever single frames say, and needs one number."""


def heading(track: Track, x: float, y: float, law: Law) -> Point | None:
    """Where a body looks, as a unit vector on the floor: metres where it is calibrated, else pixels with stretched
    depth; None when it is not known. (x, y): the foot."""
    if track.heading_deg is not None:
        turn = radians(track.heading_deg)
        across, down = _on_floor(cos(turn), -sin(turn), x, y, law)
    else:
        left = _to_the_left(track)
        if left is None:
            return None
        across, down = _on_floor(*left, x, y, law)
        per_m = 1.0 if law.floor is not None else (track.y2 - track.y1) / law.body_height_m
        if hypot(across, down) < WIDTH_MIN_M * per_m:
            return None
        # a quarter turn clockwise as seen from above; image rows and floors with such axes count the other way
        across, down = (-down, across) if law.floor is None or law.floor.mirrored() else (down, -across)
    length = hypot(across, down)
    return None if length == 0 else (across / length, down / length)


def reach_m(limit_m: float, a: Seen, b: Seen, pair: Pair | None, law: Law) -> float:
    """How near two people have to be who should be within limit_m when they face each other.

    Their distance d counts d (1 + facing_weight (1 - m)), m the mean of the two cosines between where one looks and
    where the other stands. Remembered by the pair, for a moment without joints.
    """
    mutual = _mutual(a, b, law)
    if pair is not None:
        mutual = _follow(pair, mutual, min(a.weight_ms, b.weight_ms))
    return limit_m if mutual is None else limit_m / (1 + law.facing_weight * (1 - mutual))


def _mutual(a: Seen, b: Seen, law: Law) -> float | None:
    """Mean of both facing cosines: 1 face to face, -1 back to back; None when one of them is not known."""
    if a.heading is None or b.heading is None:
        return None
    if law.floor is None:
        across, down = b.x - a.x, b.depth_y - a.depth_y
    elif a.at is None or b.at is None:
        return None
    else:
        across, down = b.at[0] - a.at[0], b.at[1] - a.at[1]
    apart = hypot(across, down)
    if apart == 0:
        return None
    towards = (a.heading[0] - b.heading[0]) * across + (a.heading[1] - b.heading[1]) * down
    return towards / apart / 2


def _follow(pair: Pair, mutual: float | None, weight_ms: int) -> float | None:
    if mutual is not None:
        step = FOLLOW_PER_S * weight_ms / 1000
        if pair.facing is None:
            pair.facing = mutual
        else:
            pair.facing += min(max(mutual - pair.facing, -step), step)
    return pair.facing


def _to_the_left(track: Track) -> Point | None:
    """Pixels from the right side of the body to its left."""
    joints = track.keypoints
    if joints is None or len(joints) != JOINTS:
        return None
    ways = [
        (joints[left].x - joints[right].x, joints[left].y - joints[right].y)
        for left, right in SIDES
        if joints[left].confidence >= SURE and joints[right].confidence >= SURE
    ]
    if not ways:
        return None
    return sum(way[0] for way in ways) / len(ways), sum(way[1] for way in ways) / len(ways)


def _on_floor(across: float, down: float, x: float, y: float, law: Law) -> Point:
    """A small way in the image at the foot, on the floor."""
    return (across, down * law.depth_factor) if law.floor is None else law.floor.moved(x, y, across, down)
