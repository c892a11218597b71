"""Who stands before whom: of two boxes that overlap, the one whose foot is lower in the image is nearer."""

from collections.abc import Iterable
from itertools import product

from schemas.records import Track
from streams.book import Law
from streams.state import Person

NEARER_M = 0.3
"""Feet that differ by less are two boxes of one body."""
ACROSS, DOWN = [(column + 0.5) / 6 for column in range(6)], [(row + 0.5) / 10 for row in range(10)]
"""Places in a box, as shares of its width and height: enough to tell a share to a few hundredths."""


def stands_before(other: Track, box: Person | Track, law: Law) -> bool:
    """Other hides something of box."""
    nearer_px = NEARER_M * (box.y2 - box.y1) / law.body_height_m / law.depth_factor
    return (
        other.y2 - box.y2 > nearer_px
        and other.x1 < box.x2
        and other.x2 > box.x1
        and other.y1 < box.y2
        and other.y2 > box.y1
    )


def is_behind_any(box: Person | Track, tracks: Iterable[Track], law: Law) -> bool:
    """One of the tracks hides something of box."""
    return any(stands_before(track, box, law) for track in tracks)


def covered_share(box: Person | Track, tracks: Iterable[Track], law: Law) -> float:
    """How much of the box is behind the boxes of people who are nearer to the camera, from 0 to 1."""
    before = [track for track in tracks if stands_before(track, box, law)]
    if not before:
        return 0.0
    width, height = box.x2 - box.x1, box.y2 - box.y1
    columns = [(at, box.x1 + across * width) for at, across in enumerate(ACROSS)]
    rows = [(at, box.y1 + down * height) for at, down in enumerate(DOWN)]
    hidden: set[tuple[int, int]] = set()
    for t in before:
        beside = [at for at, x in columns if t.x1 < x < t.x2]
        hidden.update(product(beside, [at for at, y in rows if t.y1 < y < t.y2]))
    return len(hidden) / (len(ACROSS) * len(DOWN))
