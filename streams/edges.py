"""What the image's edge cuts off: such a box ends where the image does, not where the body does."""

from schemas.records import Track, TrackUpdate
from streams.state import Person

EDGE_SHARE = 0.005
"""A box this near to the image's edge (share of its size) is cut off by it."""


def cut_off_aside(update: TrackUpdate, box: Person | Track) -> bool:
    """By the left or the right edge."""
    side = update.image_width * EDGE_SHARE
    return box.x1 <= side or box.x2 >= update.image_width - side


def is_whole(update: TrackUpdate, box: Person | Track) -> bool:
    """The box does not touch the image's edge."""
    level = update.image_height * EDGE_SHARE
    return not cut_off_aside(update, box) and box.y1 > level and box.y2 < update.image_height - level
