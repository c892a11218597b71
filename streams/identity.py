"""Raw tracks to people: who continues, who is cut off from a track, who is taken up again, who is new.

A person is a chain of tracklets (stream_epoch, track_id, tracklet). Stitching joins the next tracklet to somebody lost
a moment ago when place, size and role agree and nobody else could be meant; if in doubt, it does not.
"""

from math import hypot
from operator import attrgetter

from schemas.geometry import distance_by_height_m
from schemas.ids import person_id
from schemas.records import Track, TrackRef
from streams import roles
from streams.book import Law
from streams.frame import Frame, Seen
from streams.state import LINEAGE_MAX, CameraState, Person, Ref

QUICK_MS, SLOW_MS = 100, 500
"""Time constants of the two smoothings whose difference is the velocity: a stop shows after about half a second."""
EDGE_SHARE = 0.005
"""A box this near to the image's edge (share of its size) is cut off by it."""
DOUBT, SURE_M = 2.0, 0.15
"""Somebody else in reach and not DOUBT times as far makes a match doubtful; no place is known better than SURE_M."""


def velocity(person: Person) -> tuple[float, float]:
    """Pixels per second in the image; exact in steady motion at any frame rate."""
    per = 1000 / (SLOW_MS - QUICK_MS)
    return (person.quick_x - person.slow_x) * per, (person.quick_y - person.slow_y) * per


def enter_epoch(state: CameraState, stream_epoch: int) -> None:
    """Raw track ids mean nothing in another epoch: everybody is lost until stitched."""
    if stream_epoch != state.epoch:
        state.epoch = stream_epoch
        state.tracks.clear()


def superfluous(frame: Frame) -> list[Person]:
    """Who has to be given up before this frame's tracks are taken in: people long unseen, and at the cap the longest.

    Empty while there is room, for only then nothing depends on it.
    """
    state, law = frame.state, frame.law
    fresh = sum(track.track_id not in state.tracks for track in frame.update.tracks)
    if not fresh:
        return []
    going = [p for p in state.people.values() if frame.now - p.seen_at > law.forget_ms]
    over = len(state.people) - len(going) + fresh - law.people_max
    if over > 0:
        here = {state.tracks[track.track_id] for track in frame.update.tracks if track.track_id in state.tracks}
        gone = {p.key for p in going}
        lost = [p for p in state.people.values() if p.key not in here and p.key not in gone]
        going += sorted(lost, key=lambda p: (p.seen_at, p.key))[:over]
    return going


def forget(state: CameraState, people: list[Person]) -> None:
    """Remove people whose episodes are closed."""
    for person in people:
        del state.people[person.key]
    keys = {person.key for person in people}
    for track_id in [track for track, key in state.tracks.items() if key in keys]:
        del state.tracks[track_id]


def observe(frame: Frame) -> list[Seen]:
    """Everybody in this frame, known or new, in the order of their track ids; new people last."""
    state, law, update, now = frame.state, frame.law, frame.update, frame.now
    here: list[Seen] = []
    fresh: list[Track] = []
    taken: set[int] = set()
    for track in sorted(update.tracks, key=_in_order):
        if track.track_id in taken or not _counts(track, frame):
            continue
        taken.add(track.track_id)
        person = state.people.get(state.tracks.get(track.track_id, 0))
        if person is None or _jumped(person, track, now, law):
            state.tracks.pop(track.track_id, None)
            fresh.append(track)
        else:
            here.append(_follow(frame, person, track))
    if fresh:
        here += _take_in(frame, fresh)
    return here


def zone_of(frame: Frame, person: Person) -> int:
    """Index of the zone in which the person was seen last; -1: none."""
    return frame.law.ground.at(*_foot(frame, person)).zone


def lineage(person: Person) -> list[TrackRef]:
    """The tracklets behind a person, in the order they were joined."""
    return [TrackRef(stream_epoch=epoch, track_id=track, tracklet=part) for epoch, track, part in person.refs]


_in_order = attrgetter("track_id", "confidence", "x1", "y1", "x2", "y2")
"""By track id; the rest only so that even two boxes with one id come in an order of their own."""


def _counts(track: Track, frame: Frame) -> bool:
    law = frame.law
    if track.confidence < law.confidence_min or track.x2 <= track.x1 or track.y2 <= track.y1:
        return False
    return not (law.ignores and law.ground.at(*_foot(frame, track)).ignored)


def _jumped(person: Person, track: Track, now: int, law: Law) -> bool:
    """Nobody gets that far in that time. Both head and foot must have moved, for legs may be hidden suddenly."""
    elapsed_ms = now - person.seen_at
    if elapsed_ms > law.forget_ms:
        return True
    across = (track.x1 + track.x2 - person.x1 - person.x2) / 2
    down = min(abs(track.y1 - person.y1), abs(track.y2 - person.y2)) * law.depth_factor
    px_per_m = (person.y2 - person.y1 + track.y2 - track.y1) / 2 / law.body_height_m
    reach_px = (law.speed_max_m_s * elapsed_ms / 1000 + law.stitch_distance_m) * px_per_m
    return across * across + down * down > reach_px * reach_px


def _springs(person: Person, x: float, track: Track, elapsed_ms: int, law: Law) -> bool:
    """The foot moved faster than people do: the box was cut off or became whole, and nobody has that velocity."""
    across, down = x - (person.x1 + person.x2) / 2, (track.y2 - person.y2) * law.depth_factor
    limit_px = law.speed_max_m_s * elapsed_ms / 1000 * (track.y2 - track.y1) / law.body_height_m
    return across * across + down * down > limit_px * limit_px


def _follow(frame: Frame, person: Person, track: Track) -> Seen:
    """One more box of somebody known."""
    law, now = frame.law, frame.now
    elapsed_ms = now - person.seen_at
    x1, y1, x2, y2 = track.x1, track.y1, track.x2, track.y2
    x = (x1 + x2) / 2
    if _springs(person, x, track, elapsed_ms, law):
        aside, down = x - (person.x1 + person.x2) / 2, y2 - person.y2
        person.quick_x += aside
        person.slow_x += aside
        person.quick_y += down
        person.slow_y += down
    quick, slow = elapsed_ms / (elapsed_ms + QUICK_MS), elapsed_ms / (elapsed_ms + SLOW_MS)
    person.quick_x += (x - person.quick_x) * quick
    person.quick_y += (y2 - person.quick_y) * quick
    person.slow_x += (x - person.slow_x) * slow
    person.slow_y += (y2 - person.slow_y) * slow
    person.seen_at = now
    person.confidence = track.confidence
    person.x1, person.y1, person.x2, person.y2 = x1, y1, x2, y2
    seen = _look(frame, person, track, min(elapsed_ms, law.sample_max_ms))
    if not law.any_pair:
        roles.watch(person, track.class_name, seen.spot.staff, seen.weight_ms, law)
    return seen


def _foot(frame: Frame, box: Person | Track) -> tuple[float, float]:
    """Middle of the box's lower edge, half a pixel inside the image, so that areas drawn up to its edge hold it."""
    x = min(max((box.x1 + box.x2) / 2, 0.5), frame.update.image_width - 0.5)
    return x, min(max(box.y2, 0.5), frame.update.image_height - 0.5)


def _look(frame: Frame, person: Person, box: Track, weight_ms: int) -> Seen:
    law, width, height = frame.law, frame.update.image_width, frame.update.image_height
    x1, y1, x2, y2 = box.x1, box.y1, box.x2, box.y2
    side, level = width * EDGE_SHARE, height * EDGE_SHARE
    whole = x1 > side and y1 > level and x2 < width - side and y2 < height - level
    x, y = ((x1 + x2) / 2, y2) if whole else _foot(frame, box)
    reach = law.reach * (y2 - y1)
    return Seen(person, person.key, x, y, y2 * law.depth_factor, y2 - y1, reach, whole, weight_ms, law.ground.at(x, y))


def _take_in(frame: Frame, fresh: list[Track]) -> list[Seen]:
    """Tracks without a person: each continues somebody lost, or is somebody new while there is room."""
    state, law = frame.state, frame.law
    joined = _stitched(frame, fresh)
    seen = []
    for track in fresh:
        known = joined.get(track.track_id)
        if known is None and len(state.people) >= law.people_max:
            continue
        ref = (state.epoch, track.track_id, _next_tracklet(state, track.track_id))
        if known is None:
            known = _new(frame, track, ref)
            entry = _look(frame, known, track, 0)
        else:
            for track_id in [track_id for track_id, key in state.tracks.items() if key == known.key]:
                del state.tracks[track_id]
            known.refs.append(ref)
            if len(known.refs) > LINEAGE_MAX:
                del known.refs[1]
            entry = _follow(frame, known, track)
        state.tracks[track.track_id] = known.key
        seen.append(entry)
    return seen


def _new(frame: Frame, track: Track, ref: Ref) -> Person:
    state = frame.state
    state.last_key += 1
    x, y = (track.x1 + track.x2) / 2, track.y2
    first = TrackRef(stream_epoch=ref[0], track_id=ref[1], tracklet=ref[2])
    person = Person(
        key=state.last_key,
        number=person_id(state.site_id, state.camera_id, state.lane, first),
        refs=[ref],
        first_seen_at=frame.now,
        seen_at=frame.now,
        confidence=track.confidence,
        x1=track.x1,
        y1=track.y1,
        x2=track.x2,
        y2=track.y2,
        quick_x=x,
        quick_y=y,
        slow_x=x,
        slow_y=y,
    )
    state.people[person.key] = person
    roles.first_sight(person, track.class_name, frame.law)
    return person


def _next_tracklet(state: CameraState, track_id: int) -> int:
    """0 for the first part of a raw track, else one more than those we know."""
    return 1 + max(
        (r[2] for p in state.people.values() for r in p.refs if r[0] == state.epoch and r[1] == track_id), default=-1
    )


def _stitched(frame: Frame, fresh: list[Track]) -> dict[int, Person]:
    """track_id -> the person it continues. A match must be the only one near on both sides."""
    state, law, now = frame.state, frame.law, frame.now
    lost = [p for p in state.people.values() if 0 < now - p.seen_at <= law.stitch_gap_ms]
    by_track: dict[int, list[tuple[float, int]]] = {}
    by_person: dict[int, list[tuple[float, int]]] = {}
    for track in fresh:
        for person in lost:
            distance_m = _apart_m(person, track, now, law)
            if distance_m is not None:
                by_track.setdefault(track.track_id, []).append((distance_m, person.key))
                by_person.setdefault(person.key, []).append((distance_m, track.track_id))
    joined: dict[int, Person] = {}
    for track_id, candidates in by_track.items():
        key = _only(candidates)
        if key is not None and _only(by_person[key]) == track_id:
            joined[track_id] = state.people[key]
    return joined


def _only(candidates: list[tuple[float, int]]) -> int | None:
    """The nearest, unless somebody else could be meant as well."""
    nearest, *others = sorted(candidates)
    return None if others and others[0][0] <= max(nearest[0], SURE_M) * DOUBT else nearest[1]


def _apart_m(person: Person, track: Track, now: int, law: Law) -> float | None:
    """Metres between the track's foot and where the person can be by now; None when it cannot be the same.

    Whoever walked may have stopped: the way counts from the last place seen to where the speed would have led.
    """
    before, after = person.y2 - person.y1, track.y2 - track.y1
    least = law.stitch_size_ratio_min
    if not (least * before <= after and least * after <= before) or roles.contradicts(person, track.class_name, law):
        return None
    speed_x, speed_y = velocity(person)
    gap_s, depth = (now - person.seen_at) / 1000, law.depth_factor
    last_x, last_y = (person.x1 + person.x2) / 2, person.y2
    foot_x, foot_y = (track.x1 + track.x2) / 2, track.y2
    way_x, way_y = speed_x * gap_s, speed_y * gap_s * depth
    way = way_x * way_x + way_y * way_y
    part = ((foot_x - last_x) * way_x + (foot_y - last_y) * depth * way_y) / way if way > 0 else 0.0
    part = min(max(part, 0.0), 1.0)
    distance_m = distance_by_height_m(
        (last_x + speed_x * gap_s * part, last_y + speed_y * gap_s * part),
        before,
        (foot_x, foot_y),
        after,
        body_height_m=law.body_height_m,
        depth_factor=depth,
    )
    return distance_m if distance_m <= law.stitch_distance_m else None


def speed_apart_m_s(a: Seen, b: Seen, law: Law) -> float:
    """How fast the two move relative to each other, by their mean body height."""
    (ax, ay), (bx, by) = velocity(a.person), velocity(b.person)
    m_per_px = 2 * law.body_height_m / (a.height + b.height)
    return hypot(ax - bx, (ay - by) * law.depth_factor) * m_per_px
