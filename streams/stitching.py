"""Is a new track somebody we know? Somebody lost a moment ago, or somebody here who got a second box.

A match must agree in place, size and role, and nobody else may be meant; if in doubt, it is none.
"""

from math import hypot

from schemas.geometry import distance_by_height_m, iou
from schemas.records import Track
from streams import roles
from streams.book import Law
from streams.frame import Frame
from streams.motion import velocity
from streams.state import Person

SURE_M = 0.15
"""No place is known better than this."""
DOUBT = 2.0
"""Somebody else in reach and not this many times as far makes a match doubtful."""
DOUBLE_IOU = 0.5
"""Two boxes that share less are of two bodies, or of parts of one that nobody can tell."""


def stitched(frame: Frame, fresh: list[Track]) -> dict[int, Person]:
    """track_id -> the person lost a moment ago, or hidden, whom it continues."""
    state, law, now = frame.state, frame.law, frame.now
    longest_ms = max(law.stitch_gap_ms, law.hidden_ms)
    lost = [p for p in state.people.values() if 0 < now - p.seen_at <= longest_ms]
    by_track: dict[int, list[tuple[float, int]]] = {}
    by_person: dict[int, list[tuple[float, int]]] = {}
    for track in fresh:
        for person in lost:
            distance_m = _continues_m(person, track, now - person.seen_at, law)
            if distance_m is not None:
                by_track.setdefault(track.track_id, []).append((distance_m, person.key))
                by_person.setdefault(person.key, []).append((distance_m, track.track_id))
    joined: dict[int, Person] = {}
    for track_id, candidates in by_track.items():
        key = _only(candidates)
        if key is not None and _only(by_person[key]) == track_id:
            joined[track_id] = state.people[key]
    return joined


def double_of(frame: Frame, track: Track) -> Person | None:
    """Who is in this frame at the same place: a tracker that changes an id gives one body two boxes for a moment."""
    for person in frame.state.people.values():
        if person.seen_at == frame.now and is_double(person, track, frame.law):
            return person
    return None


def is_double(person: Person, track: Track, law: Law) -> bool:
    """No two bodies stand so close to each other; of two behind each other in the picture, feet and heads differ.

    Heads alone where both boxes are cut off by the image's lower edge.
    """
    shared = iou((person.x1, person.y1, person.x2, person.y2), (track.x1, track.y1, track.x2, track.y2))
    if shared < DOUBLE_IOU or not _agree(person, track, law):
        return False
    return max(_apart_m(person, track, 0, law), _heads_apart_m(person, track, law)) <= 2 * SURE_M


def _only(candidates: list[tuple[float, int]]) -> int | None:
    """The nearest, unless somebody else could be meant as well."""
    nearest, *others = sorted(candidates)
    return None if others and others[0][0] <= max(nearest[0], SURE_M) * DOUBT else nearest[1]


def _continues_m(person: Person, track: Track, gap_ms: int, law: Law) -> float | None:
    """Metres from where the person is expected; None when the track cannot be theirs."""
    if gap_ms <= law.stitch_gap_ms:
        distance_m = _apart_m(person, track, gap_ms, law)
        if distance_m <= law.stitch_distance_m and _agree(person, track, law):
            return distance_m
    if person.hidden and not roles.contradicts(person, track.class_name, law):
        distance_m = _heads_apart_m(person, track, law)
        seen, height, least = person.y2 - person.y1, track.y2 - track.y1, law.stitch_size_ratio_min
        if distance_m <= law.hidden_distance_m and least * seen <= height <= person.tall / least:
            return distance_m
    return None


def _heads_apart_m(person: Person, track: Track, law: Law) -> float:
    """Of hidden people heads are compared, for legs are hidden first and shown last."""
    across, down = (track.x1 + track.x2 - person.x1 - person.x2) / 2, (track.y1 - person.y1) * law.depth_factor
    return hypot(across, down) * law.body_height_m / person.tall


def _agree(person: Person, track: Track, law: Law) -> bool:
    """Size and role do not speak against it."""
    before, after, least = person.y2 - person.y1, track.y2 - track.y1, law.stitch_size_ratio_min
    return least * before <= after and least * after <= before and not roles.contradicts(person, track.class_name, law)


def _apart_m(person: Person, track: Track, gap_ms: int, law: Law) -> float:
    """Metres between the track's foot and where the person's is expected, who was seen gap_ms ago."""
    speed_x, speed_y = velocity(person)
    return distance_by_height_m(
        ((person.x1 + person.x2) / 2 + speed_x * gap_ms / 1000, person.y2 + speed_y * gap_ms / 1000),
        person.y2 - person.y1,
        ((track.x1 + track.x2) / 2, track.y2),
        track.y2 - track.y1,
        body_height_m=law.body_height_m,
        depth_factor=law.depth_factor,
    )
