"""Raw tracks to people: who continues, who is cut off from a track, who is taken up again, who is new.

A person is a chain of tracklets (stream_epoch, track_id, tracklet), numbered by the first of them.
"""

from operator import attrgetter

from schemas.ids import person_id
from schemas.records import Track, TrackRef
from streams import life, mannequins, roles, stature
from streams.edges import EDGE_SHARE, cut_off_aside
from streams.facing import heading
from streams.frame import Frame, Seen
from streams.ground import Spot
from streams.motion import jumped, move, springs
from streams.state import LINEAGE_MAX, CameraState, Person, Ref
from streams.stitching import double_of, is_double, stitched

_in_order = attrgetter("x1", "y1", "x2", "y2", "class_name", "confidence", "track_id")


def enter_epoch(state: CameraState, stream_epoch: int) -> None:
    """Raw track ids mean nothing in another epoch: everybody is lost until stitched."""
    if stream_epoch != state.epoch:
        state.epoch = stream_epoch
        state.tracks.clear()


def superfluous(frame: Frame) -> list[Person]:
    """Who has to be given up before this frame's tracks are taken in: people long unseen, and at the cap the longest.

    Nobody while no track is new, for then nothing depends on it.
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
        _release(state, person)


def observe(frame: Frame) -> list[Seen]:
    """Everybody in this frame, known or new, from left to right; new people last, figures and children not at all."""
    state, law, now, elapsed_ms = frame.state, frame.law, frame.now, frame.elapsed_ms
    here: list[Seen] = []
    fresh: list[Track] = []
    for track in _ordered(frame.update.tracks):
        if not _counts(track, frame):
            continue
        person = state.people.get(state.tracks.get(track.track_id, 0))
        if person is None:
            fresh.append(track)
        elif person.seen_at == now:  # has a box in this frame already
            if not is_double(person, track, law):
                fresh.append(track)
        else:
            gap_ms = now - person.seen_at
            sprung = springs(person, track, gap_ms, law)
            if gap_ms > law.forget_ms or (sprung and jumped(person, track, gap_ms, law)):
                fresh.append(track)
            elif not roles.disputed(person, track, elapsed_ms, law):
                here.append(_follow(frame, person, track, sprung))
            elif person.disputed_ms >= law.cut_class_ms:
                person.disputed_ms = 0
                fresh.append(track)
    if fresh:
        here += _take_in(frame, fresh)
    return [seen for seen in here if not (life.static(seen.person, law) or stature.child(seen.person, law))]


def zone_of(frame: Frame, person: Person) -> int:
    """Index of the zone in which the person was seen last; -1: none."""
    return spot_of(frame, person).zone


def spot_of(frame: Frame, box: Person | Track) -> Spot:
    """What is drawn where the foot is, or was last."""
    return frame.law.ground.at(*_foot(frame, box))


def lineage(person: Person) -> list[TrackRef]:
    """The tracklets behind a person, in the order they were joined."""
    return [TrackRef(stream_epoch=epoch, track_id=track, tracklet=part) for epoch, track, part in person.refs]


def _ordered(tracks: list[Track]) -> list[Track]:
    """From left to right, each id once: whatever the order in the record, and whatever the ids."""
    ordered = sorted(tracks, key=_in_order)
    if len({track.track_id for track in tracks}) < len(tracks):  # no tracker does that
        return list({track.track_id: track for track in ordered}.values())
    return ordered


def _counts(track: Track, frame: Frame) -> bool:
    law = frame.law
    if track.confidence < law.confidence_min or track.x2 <= track.x1 or track.y2 <= track.y1:
        return False
    return not (law.ignores and spot_of(frame, track).ignored)


def _follow(frame: Frame, person: Person, track: Track, sprung: bool) -> Seen:
    """One more box of somebody known."""
    law, elapsed_ms = frame.law, frame.now - person.seen_at
    move(person, track, elapsed_ms, sprung)
    person.seen_at = frame.now
    person.hidden = False
    person.confidence = track.confidence
    seen = _look(frame, person, track, min(elapsed_ms, law.sample_max_ms))
    life.watch(frame, person, track, seen.weight_ms)
    mannequins.watch(frame, person, track)
    stature.watch(seen, frame.now)
    if not law.any_pair:
        roles.watch(person, track.class_name, seen.spot.staff, seen.weight_ms, law)
    return seen


def _foot(frame: Frame, box: Person | Track) -> tuple[float, float]:
    """Middle of the box's lower edge, half a pixel inside the image, so that areas drawn up to its edge hold it."""
    return (box.x1 + box.x2) / 2, min(max(box.y2, 0.5), frame.update.image_height - 0.5)


def _look(frame: Frame, person: Person, box: Track, weight_ms: int) -> Seen:
    law, width, height = frame.law, frame.update.image_width, frame.update.image_height
    x1, y1, x2, y2 = box.x1, box.y1, box.x2, box.y2
    side, level = width * EDGE_SHARE, height * EDGE_SHARE
    headed = x1 > side and y1 > level and x2 < width - side
    whole = headed and y2 < height - level
    x, y = ((x1 + x2) / 2, y2) if whole else _foot(frame, box)
    reach, spot = law.reach * (y2 - y1), law.ground.at(x, y)
    at, tall_m = None, 0.0
    if law.floor is not None and whole:
        at, tall_m = law.floor.look(x, y, y1)
    elif law.floor is not None and headed:
        at = law.floor.under(x, y1, law.body_height_m)
    looks = heading(box, x, y, law) if box.keypoints or box.heading_deg is not None else None
    depth_y, tall_px = y2 * law.depth_factor, y2 - y1
    return Seen(person, person.key, x, y, depth_y, tall_px, reach, whole, headed, weight_ms, spot, at, tall_m, looks)


def _take_in(frame: Frame, fresh: list[Track]) -> list[Seen]:
    """Tracks without a person: each is a second box of somebody, continues somebody lost, or is somebody new."""
    state, law = frame.state, frame.law
    for track in fresh:
        state.tracks.pop(track.track_id, None)
    joined = stitched(frame, [track for track in fresh if double_of(frame, track) is None])
    seen: list[Seen] = []
    for track in fresh:
        ref = (state.epoch, track.track_id, _next_tracklet(state, track.track_id))
        known = double_of(frame, track)
        if known is not None:
            _join(known, ref)
        elif track.track_id in joined:
            known = joined[track.track_id]
            _release(state, known)
            _join(known, ref)
            seen.append(_follow(frame, known, track, springs(known, track, frame.now - known.seen_at, law)))
        elif len(state.people) < law.people_max:
            known = _new(frame, track, ref)
            seen.append(_look(frame, known, track, 0))
            stature.watch(seen[-1], frame.now)
        else:
            continue
        state.tracks[track.track_id] = known.key
    return seen


def _new(frame: Frame, track: Track, ref: Ref) -> Person:
    state = frame.state
    state.last_key += 1
    first = TrackRef(stream_epoch=ref[0], track_id=ref[1], tracklet=ref[2])
    x, y = (track.x1 + track.x2) / 2, track.y2
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
        tall=track.y2 - track.y1,
        home_x=round(x),
        home_top=round(track.y1),
        home_foot=round(y),
        top=track.y1,
        top_min=track.y1,
        top_max=track.y1,
        still_at=frame.now,
        life=life.CUT_OFF if cut_off_aside(frame.update, track) else life.UNSHOWN,
    )
    state.people[person.key] = person
    roles.first_sight(person, track.class_name, frame.law)
    return person


def _join(person: Person, ref: Ref) -> None:
    person.refs.append(ref)
    if len(person.refs) > LINEAGE_MAX:
        del person.refs[1]


def _release(state: CameraState, person: Person) -> None:
    """Raw tracks that were this person's are nobody's."""
    for track_id in [track_id for track_id, key in state.tracks.items() if key == person.key]:
        del state.tracks[track_id]


def _next_tracklet(state: CameraState, track_id: int) -> int:
    """0 for the first part of a raw track, else one more than those we know."""
    return 1 + max(
        (r[2] for p in state.people.values() for r in p.refs if r[0] == state.epoch and r[1] == track_id), default=-1
    )
