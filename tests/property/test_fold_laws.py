"""The laws of the fold, on random logs."""

import hashlib
import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import Codec, MemoryRegistry
from schemas.hashing import hash_of
from schemas.records import CustomerVisit, InteractionEvent, TrackUpdate, UnattendedEvent
from schemas.rules import CameraRules
from streams import life, stature
from streams.camera import FoldError, step
from streams.episode import REVISION
from streams.frame import Event
from streams.near import METHODS
from streams.position import judge
from streams.state import dump, load
from tests.property.fold_logs import ANY, BOOK, CLOSES, CUT, FLOOR, HOURS, ROLES, TEN, WARY, closed, logs
from tests.scenario import Folder, Scenario, book_of, counter, outages, rules, zone

LAWS = st.sampled_from([ROLES, HOURS, HOURS, FLOOR, WARY, ANY])
WEEK_MS = 7 * 24 * 3_600_000
CODEC = Codec(MemoryRegistry())
thorough = settings(max_examples=25, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])


def fold(log: list[TrackUpdate], law: CameraRules) -> list[Event]:
    """All events."""
    return Folder(BOOK[law.version]).fold(log)


def bodies(events: list[Event]) -> list[bytes]:
    """What is compared: Avro bodies."""
    return [CODEC.body(event) for event in events]


def episodes(events: list[Event]) -> dict[str, list[InteractionEvent | UnattendedEvent]]:
    """Events by episode, in the order in which they were told."""
    told: dict[str, list[InteractionEvent | UnattendedEvent]] = defaultdict(list)
    for event in events:
        if isinstance(event, InteractionEvent | UnattendedEvent):
            told[event.episode_id].append(event)
    return told


@thorough
@given(logs(), LAWS, st.data())
def test_cut_into_runs_with_the_state_stored_between_gives_the_same_bytes(
    log: list[TrackUpdate], law: CameraRules, data: st.DataObject
) -> None:
    cuts = set(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    folder = Folder(BOOK[law.version])
    for index, update in enumerate(log):
        if index in cuts and folder.state is not None:
            stored = dump(folder.state)
            folder.state = load(stored)
            assert dump(folder.state) == stored
        folder.fold([update])
    assert bodies(folder.events) == bodies(fold(log, law))


@thorough
@given(logs(), LAWS, st.data())
def test_redelivery_of_any_part_adds_nothing(log: list[TrackUpdate], law: CameraRules, data: st.DataObject) -> None:
    upto = data.draw(st.integers(1, len(log)))
    since = data.draw(st.integers(0, upto - 1))
    folder = Folder(BOOK[law.version])
    folder.fold(log[:upto])
    before = dump(folder.state)  # type: ignore[arg-type]
    assert folder.fold(log[since:upto]) == []
    assert dump(folder.state) == before  # type: ignore[arg-type]


@thorough
@given(logs(), LAWS, st.randoms(use_true_random=False))
def test_the_order_of_tracks_in_a_record_does_not_matter(
    log: list[TrackUpdate], law: CameraRules, random: object
) -> None:
    def shuffled(update: TrackUpdate) -> TrackUpdate:
        tracks = list(update.tracks)
        random.shuffle(tracks)  # type: ignore[attr-defined]
        return msgspec.structs.replace(update, tracks=tracks)

    assert bodies(fold([shuffled(update) for update in log], law)) == bodies(fold(log, law))


@thorough
@given(logs(), LAWS, st.randoms(use_true_random=False))
def test_other_raw_ids_change_ids_alone(log: list[TrackUpdate], law: CameraRules, random: Random) -> None:
    names: dict[tuple[int, int], int] = {}

    def renamed(update: TrackUpdate) -> TrackUpdate:
        for track in update.tracks:
            names.setdefault((update.stream_epoch, track.track_id), 1000 * random.randrange(10**6) + len(names))
        tracks = [
            msgspec.structs.replace(track, track_id=names[update.stream_epoch, track.track_id])
            for track in update.tracks
        ]
        return msgspec.structs.replace(update, tracks=tracks)

    assert shapes(fold([renamed(u) for u in log], law), law) == shapes(fold(log, law), law)


def shapes(events: list[Event], law: CameraRules) -> list[object]:
    """All that events state but ids; in pairs `any` also not what depends on who stands in whose place."""
    return [_shape(msgspec.to_builtins(event), law.pairs == "any") for event in events]


def _shape(said: object, any_pair: bool) -> object:
    if isinstance(said, dict):
        ids = {key for key in said if key.endswith("_id") and key not in ("zone_id", "service_point_id")}
        ids |= {"hash", "previous_hash", "continues"} | ({"zone_id", "location"} if any_pair else set())
        if "staff" in said and any_pair:  # lineage
            return sorted([len(said["staff"]), len(said["customer"])])
        return {key: _shape(value, any_pair) for key, value in said.items() if key not in ids}
    if isinstance(said, list):
        parts = [_shape(part, any_pair) for part in said]
        return sorted(parts, key=repr) if any_pair else parts
    return said


@thorough
@given(logs(), LAWS)
def test_every_started_episode_has_one_last_word_and_each_event_names_the_one_before(
    log: list[TrackUpdate], law: CameraRules
) -> None:
    events = fold(closed(log), law)
    for told in episodes(events).values():
        first, *between, last = told
        assert [first.phase, *(e.phase for e in between)] in (["started"], ["started", "confirmed"])
        assert last.phase in ("retracted", "ended" if between else "discarded")
        assert [e.facet_revision for e in told] == [REVISION[e.phase] for e in told]
        assert [e.facet_revision for e in told] == sorted({e.facet_revision for e in told})
        assert [e.previous_hash for e in told] == [None, *(e.hash for e in told[:-1])]
        assert len({(e.ordinal, e.started_at, e.business_day, e.customer_id) for e in told}) == 1
        assert len({e.occurrence_id for e in told if e.phase in ("confirmed", "ended")}) <= 1
        if last.phase == "retracted":
            assert last.ended_at is last.duration_s is last.close_reason is None
        else:
            assert last.ended_at is not None
            assert last.started_at <= last.ended_at <= last.cause.captured_at
            assert last.close_reason is not None
    for event in events:
        assert event.hash == hash_of(event)


@thorough
@given(logs(), LAWS)
def test_ordinals_count_the_started_episodes_of_a_day(log: list[TrackUpdate], law: CameraRules) -> None:
    by_day = defaultdict(list)
    for told in episodes(fold(log, law)).values():
        by_day[told[0].business_day].append(told[0].ordinal)
    for ordinals in by_day.values():
        assert ordinals == list(range(1, len(ordinals) + 1))


@thorough
@given(logs())
def test_an_occurrence_is_opened_once_and_by_its_first_member(log: list[TrackUpdate]) -> None:
    members = defaultdict(list)
    for event in fold(log, ROLES):  # in the order in which they were told, for two may confirm in one frame
        if isinstance(event, InteractionEvent | UnattendedEvent) and event.phase == "confirmed":
            members[event.occurrence_id].append(event)
    for occurrence, told in members.items():
        assert [e.opens for e in told] == [e.episode_id == occurrence for e in told]
        assert told[0].opens
        assert all(e.evidence_episode_id in (e.episode_id, occurrence) for e in told)


@thorough
@given(logs(), LAWS, st.data())
def test_a_missing_record_becomes_a_recorded_outage(
    log: list[TrackUpdate], law: CameraRules, data: st.DataObject
) -> None:
    # given a log without one of its frames, so that it is not the last of its epoch nor of its day
    inner = [
        index
        for index in range(1, len(log) - 1)
        if log[index].stream_state == log[index - 1].stream_state == log[index + 1].stream_state == "LIVE"
        and log[index].control is log[index - 1].control is log[index + 1].control is None
        and log[index].stream_epoch == log[index - 1].stream_epoch == log[index + 1].stream_epoch
        and (log[index + 1].captured_at < CUT or log[index - 1].captured_at >= CUT)
    ]
    if not inner:
        return
    gone = data.draw(st.sampled_from(inner))
    folder = Folder(BOOK[law.version])
    folder.fold(log[:gone])
    assert folder.state is not None
    assert judge(folder.state, log[gone + 1]) == "rewind"
    blind = folder.state.outage is not None
    new = outages(folder.fold([log[gone + 1]]))
    assert blind or [o.reason for o in new] == ["missing"]


@thorough
@given(logs(start_at=CUT - 6000), LAWS)
def test_a_day_never_needs_the_one_before(log: list[TrackUpdate], law: CameraRules) -> None:
    first = next((i for i, u in enumerate(log) if u.captured_at >= CUT and u.control is None), None)
    if first is None:
        return
    whole = fold(log, law)
    assert fold(log[first:], law) == [e for e in whole if e.business_day == "2026-03-03"]
    # nor more of the one behind than its first record
    old = [e for e in fold(log[: first + 1], law) if e.business_day == "2026-03-02"]
    assert old == [e for e in whole if e.business_day == "2026-03-02"]


@thorough
@given(logs(start_at=TEN), st.sampled_from([ROLES, FLOOR, ANY]), st.integers(1, 3_600_000))
def test_shifted_times_within_a_day_shift_the_events(log: list[TrackUpdate], law: CameraRules, by_ms: int) -> None:
    assert_shifted(log, law, by_ms)


@thorough
@given(logs(start_at=CLOSES), st.integers(1, 20))
def test_with_opening_hours_so_do_times_shifted_by_weeks(log: list[TrackUpdate], weeks: int) -> None:
    assert_shifted(log, HOURS, weeks * WEEK_MS)


def assert_shifted(log: list[TrackUpdate], law: CameraRules, by_ms: int) -> None:
    """The events of the log shifted by by_ms are those of the log, shifted by by_ms."""

    def later(update: TrackUpdate) -> TrackUpdate:
        previous = update.previous
        if previous is not None:
            previous = msgspec.structs.replace(previous, stream_epoch=previous.stream_epoch + by_ms)
        return msgspec.structs.replace(
            update,
            captured_at=update.captured_at + by_ms,
            published_at=update.published_at + by_ms,
            stream_epoch=update.stream_epoch + by_ms,
            previous=previous,
        )

    def seen(events: list[Event], less_ms: int) -> list[tuple[object, ...]]:
        told = []
        for event in events:
            times = [getattr(event, name, None) for name in ("started_at", "confirmed_at", "ended_at", "from_at")]
            shape = (type(event).__name__, getattr(event, "phase", ""), getattr(event, "close_reason", ""))
            told.append((*shape, *(None if t is None else t - less_ms for t in times), event.cause.sequence))
        return told

    assert seen(fold([later(update) for update in log], law), by_ms) == seen(fold(log, law), 0)


@thorough
@given(logs(), LAWS)
def test_an_outage_is_told_once_and_none_overlaps_another(log: list[TrackUpdate], law: CameraRules) -> None:
    by_id = defaultdict(list)
    for outage in outages(fold(log, law)):
        by_id[outage.outage_id].append(outage)
    spans = []
    for told in by_id.values():
        assert [o.facet_revision for o in told] in ([1], [2], [1, 2])
        spans.append((told[-1].from_at, told[-1].to_at or log[-1].captured_at + 1))
    spans.sort()
    assert all(before[1] <= behind[0] for before, behind in pairwise(spans))
    assert all(a < b for a, b in spans)


@thorough
@given(logs(), LAWS)
def test_an_outage_interrupts_what_is_open_and_nothing_spans_it(log: list[TrackUpdate], law: CameraRules) -> None:
    events = fold(closed(log), law)
    told = episodes(events)
    spans = [(t[0].started_at, t[-1].ended_at) for t in told.values() if t[-1].ended_at is not None]
    spans += [(e.entered_at, e.left_at) for e in events if isinstance(e, CustomerVisit)]
    for outage in outages(events):
        assert all(b <= outage.from_at or a >= (outage.to_at or outage.from_at + 1) for a, b in spans)
    # then what is open when an outage becomes known ends with it (LOST repeats the position of the frame before it)
    folder = Folder(BOOK[law.version])
    for update in closed(log):
        new = folder.fold([update])
        days = {o.business_day for o in outages(new) if o.facet_revision == 1 or o.previous_hash is None}
        lasts = [e for e in new if isinstance(e, InteractionEvent | UnattendedEvent) and e.close_reason is not None]
        # each day's part of a gap over the cut is judged by itself
        assert {e.close_reason for e in lasts if e.business_day in days} <= {"interrupted"}


@thorough
@given(logs())
def test_nothing_begins_and_nobody_waits_in_a_closed_shop(log: list[TrackUpdate]) -> None:
    events = [e for e in fold(log, HOURS) if e.rules_version == HOURS.version]  # other rules may be applied on the way

    def is_closed(at: int) -> bool:
        return TEN <= at < TEN + 60_000

    for told in episodes(events).values():
        assert not is_closed(told[0].started_at) or told[0].continues
        for event in told:
            if isinstance(event, UnattendedEvent):
                assert not is_closed(event.ended_at or 0)
                assert not is_closed(event.confirmed_at or 0)
            else:
                assert event.close_reason != "closed"
    for event in events:
        if isinstance(event, CustomerVisit):
            assert not is_closed(event.entered_at)
            assert not is_closed(event.left_at)


@thorough
@given(logs(), LAWS)
def test_a_lane_never_touches_another(log: list[TrackUpdate], law: CameraRules) -> None:
    # given the same log in another lane
    other = [msgspec.structs.replace(update, lane="old-tape") for update in log]
    here, there = fold(log, law), fold(other, law)
    # then the same is told of it, under ids of its own
    assert [(type(e), e.cause, getattr(e, "phase", None)) for e in here] == [
        (type(e), e.cause, getattr(e, "phase", None)) for e in there
    ]
    assert {e.lane for e in there} <= {"old-tape"}
    assert not {e.hash for e in here} & {e.hash for e in there}
    assert not set(episodes(here)) & set(episodes(there))
    # and no state takes in a record of another lane
    state, _ = step(None, log[0], BOOK[law.version])
    with pytest.raises(FoldError, match="one state folds one camera and lane"):
        step(state, other[0], BOOK[law.version])


@thorough
@given(logs())
def test_nobody_waited_longer_than_was_seen(log: list[TrackUpdate]) -> None:
    for told in episodes(fold(log, ROLES)).values():
        for event in told:
            if isinstance(event, UnattendedEvent) and event.alert is not None:
                assert event.confirmed_at is not None
                assert event.alert.waited_s is not None
                frames = [
                    u.captured_at
                    for u in log
                    if event.started_at <= u.captured_at <= event.confirmed_at and u.stream_state == "LIVE"
                ]
                assert max(b - a for a, b in pairwise(frames)) <= 1000
                assert event.alert.waited_s <= (event.confirmed_at - event.started_at) / 1000


def without_joints(log: list[TrackUpdate]) -> list[TrackUpdate]:
    """The log as another detector would have written it."""
    return [
        msgspec.structs.replace(
            update, tracks=[msgspec.structs.replace(track, keypoints=None) for track in update.tracks]
        )
        for update in log
    ]


@pytest.mark.slow
def test_the_generator_makes_everything_happen() -> None:
    """A law over logs in which nothing happens proves nothing."""
    seen: set[str] = set()
    wanted = {"InteractionEvent confirmed", "UnattendedEvent confirmed", "CustomerVisit", "CameraOutage"}
    reasons = ("separated", "left", "served", "interrupted", "rolled", "closed", "end_of_stream")
    wanted |= {f"closed {r}" for r in reasons}
    wanted |= {f"reason {r}" for r in ("no_contact", "no_staff", "staff_busy", "gap", "interrupted", "lost", "ended")}
    kinds = ("InteractionEvent", "UnattendedEvent")
    wanted |= {f"{kind} {what}" for kind in kinds for what in ("discarded", "retracted", "opener", "member")}
    wanted |= {"stitched", "continued", "headings matter", "confirmed retracted", "shown in another's clip"}
    wanted |= {"cut", "found again", "hidden in vain", "static", "alive again", "a child"}
    wanted |= {f"method {m}" for m in METHODS}

    @settings(max_examples=1000, deadline=None, database=None, derandomize=True)
    @given(logs(), LAWS)
    def collect(log: list[TrackUpdate], law: CameraRules) -> None:
        if wanted <= seen:
            return
        folder = Folder(BOOK[law.version])
        for update in log:
            seen.update(of_people(folder, update))
        told = fold(closed(log), law)
        if "headings matter" not in seen and bodies(fold(closed(without_joints(log)), law)) != bodies(told):
            seen.add("headings matter")
        for event in told:
            name = type(event).__name__
            seen.update({name, f"{name} {getattr(event, 'phase', '')}", f"reason {getattr(event, 'reason', '')}"})
            seen.add(f"closed {getattr(event, 'close_reason', '')}")
            seen.add(f"method {getattr(event, 'distance_method', '')}")
            lineage = getattr(event, "lineage", None)
            if lineage is not None and len(lineage.customer) > 1:
                seen.add("stitched")
            if getattr(event, "continues", None):
                seen.add("continued")
            if isinstance(event, InteractionEvent | UnattendedEvent) and event.confirmed_at is not None:
                seen.add(f"{name} {'opener' if event.opens else 'member'}")
                seen.add(f"confirmed {event.phase}")
                if event.evidence_episode_id != event.episode_id:
                    seen.add("shown in another's clip")

    collect()
    assert wanted - seen == set()


def of_people(folder: Folder, update: TrackUpdate) -> set[str]:
    """Fold the record: what happened to people that events do not tell."""
    before = [] if folder.state is None else [msgspec.structs.replace(p) for p in folder.state.people.values()]
    parts = {person.key: len(person.refs) for person in before}
    tracks = {} if folder.state is None else dict(folder.state.tracks)
    epoch = None if folder.state is None else folder.state.epoch
    folder.fold([update])
    assert folder.state is not None
    happened = set()
    for old in before:
        new = folder.state.people.get(old.key)
        if new is None:
            happened |= {"hidden in vain"} if old.hidden else set()
            continue
        law = folder.book.law(folder.state.rules_version)
        late = update.captured_at - old.seen_at > law.stitch_gap_ms
        if stature.child(new, law):
            happened.add("a child")
        if old.hidden and late and len(new.refs) > parts[old.key]:
            happened.add("found again")
        if life.STATIC <= old.life < life.MOVES and life.shown(new):
            happened.add("alive again")
        if new.life == life.STATIC:
            happened.add("static")
        theirs = [track for track, key in tracks.items() if key == old.key]
        if old.disputed_ms and epoch == folder.state.epoch:
            happened |= {"cut" for track in theirs if folder.state.tracks.get(track, old.key) != old.key}
    return happened


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_folds_the_same_bytes(hash_seed: str) -> None:
    program = "from tests.property.test_fold_laws import busy_hour; print(busy_hour())"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)}
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == busy_hour()


def busy_hour() -> str:
    """The hash of all that is told of a busy shop, and how much it is."""
    shop = Scenario(seconds=90, hz=5, jitter_px=1.5, missed=0.05)
    shop.staff((0, 0.0, 6.6), (40, 0.0, 6.6), (43, 2.5, 5.6))
    shop.person("person", (0, 0.6, 6.6))
    for index in range(6):
        shop.customer((index * 5, -2.5 + index, 5.4), (60, -2.5 + index, 5.4), (63, 5.0, 8.0))
    law = rules(zones=[zone(-3, 4, 3, 6)], service_points=[counter()])
    state, digest, count = None, hashlib.sha256(), 0
    for update in shop.log():
        state, events = step(state, update, book_of(law))
        for event in events:
            digest.update(CODEC.body(event))
            count += 1
    assert count > 10
    return f"{count} {digest.hexdigest()}"
