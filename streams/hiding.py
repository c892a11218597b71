"""Hidden people: they are not seen any more, but did not go.

Who was last seen mostly covered by others, or at a service point, and neither at the image's edge nor walking, is
there for all we know. For up to `hidden_s` it is unknown what they do, and whoever appears where they were is them
(`stitching`). What a blind camera did not see proves nothing: after a gap nobody is hidden.
"""

from math import hypot

from streams.book import Law
from streams.covering import covered_share
from streams.edges import is_whole
from streams.frame import Frame
from streams.identity import spot_of
from streams.motion import velocity
from streams.state import Person

CUT_SHARE = 0.9
"""A box below this share of the person's height lost its legs of late: the foot's way up the image is no walk."""


def hide(frame: Frame) -> None:
    """Judge everybody who was in the frame before and is not in this one."""
    state, law, before = frame.state, frame.law, frame.state.frame_at
    if before is None or frame.now - before > law.unknown_ms:
        return
    for person in state.people.values():
        if person.seen_at == before:
            covered = covered_share(person, frame.update.tracks, law) >= law.hidden_covered_min
            spot = spot_of(frame, person)
            may_be_there = covered or spot.behind >= 0 or spot.strip >= 0
            person.hidden = may_be_there and is_whole(frame.update, person) and not _walks(person, covered, law)


def _walks(person: Person, covered: bool, law: Law) -> bool:
    """Of whom somebody covers, and who lost the legs, the foot says nothing of the way up or down the image."""
    across, down = velocity(person)
    if covered or person.y2 - person.y1 < CUT_SHARE * person.tall:
        down = 0.0
    return hypot(across, down * law.depth_factor) * law.body_height_m / person.tall >= law.speed_apart_m_s
