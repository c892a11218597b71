"""Life: posters and mannequins are nobody, and people who sit still are."""

from collections.abc import Iterator
from random import Random

import msgspec
import pytest

from schemas.records import Track, TrackUpdate
from schemas.rules import Thresholds
from streams import life
from streams.camera import step
from streams.frame import Event
from streams.state import CameraState
from tests.scenario import (
    TEN_O_CLOCK,
    Figure,
    Scenario,
    book_of,
    counter,
    ended,
    fold,
    interactions,
    phases,
    record,
    rules,
    visits,
    waits,
    with_thresholds,
    zone,
)

STRICT = Thresholds()
SHOP = rules(zones=[zone(-2, 4, 2, 7)], thresholds=STRICT)
DAY_S = 86_400


def state_after(log: list[TrackUpdate], law: object = SHOP) -> CameraState:
    """What is remembered at the end."""
    state = None
    for update in log:
        state, _ = step(state, update, book_of(law))  # type: ignore[arg-type]
    assert state is not None
    return state


def poster(seconds: float = 300) -> tuple[Scenario, Figure]:
    """A picture of a customer in the service zone, before a detector that errs."""
    shop = Scenario(seconds=seconds, hz=5, jitter_px=1.5, missed=0.05)
    return shop, shop.customer((0, 0.0, 6.0))


class TestPosters:
    @pytest.mark.slow
    @pytest.mark.parametrize("height_px", [100.0, 300.0])
    def test_a_day_of_a_poster_is_no_episode(self, height_px: float) -> None:
        # given a poster seen once a second from 04:00 on, whose box wanders by 2 px, missed in every tenth frame, with
        # another id every half hour, and not found for a minute now and then
        at, random, track_id = TEN_O_CLOCK - 6 * 3_600_000, Random(3), 1
        state, told, book = None, 0, book_of(SHOP)
        for s in range(DAY_S):
            track_id += s % 1800 == 0
            seen = random.random() > 0.1 and s % 7200 > 60
            box = [edge + random.gauss(0, 2) for edge in (600, 420 - height_px, 600 + height_px / 3, 420)]
            tracks = [customer(track_id, *box)] if seen else []
            state, events = step(state, record(at + 1000 * s, s, tracks, epoch=at), book)
            told += len(events)
        # when folded, then nothing is told
        assert told == 0

    def test_it_is_static_after_two_minutes(self) -> None:
        for seconds, state in ((119, life.UNSHOWN), (121, life.STATIC)):
            (figure,) = state_after(poster(seconds)[0].log()).people.values()
            assert figure.life == state

    def test_passers_by_do_not_bring_it_to_life(self) -> None:
        # given people who pass before it, each hiding its upper half from the detector for about a second
        shop, _ = poster(600)
        for index in range(20):
            shop.customer((30 * index, -6.0, 5.0), (30 * index + 12, 6.0, 5.0)).leaves(30 * index + 12)
        log = [lowered(u) if 5.3 < (u.captured_at / 1000 - shop.start_at / 1000) % 30 < 6.7 else u for u in shop.log()]
        assert [e for e in fold(ended(log), SHOP) if 1 in tracks_of(e)] == []

    def test_whose_track_stays_on_it_waits_no_more_than_it_does(self) -> None:
        # given somebody who walks through just where it stands, where the tracker takes the one for the other
        shop, figure = poster()
        walks = shop.customer((20, -6.0, 6.0), (32, 6.0, 6.0)).leaves(32)
        figure.renamed(26, 2)
        walks.renamed(26, 1)
        # when folded, then nobody is said to wait where it stands
        assert [e for e in waits(fold(ended(shop.log()), SHOP)) if e.phase == "confirmed"] == []

    def test_who_waits_where_it_was_shows_life_anew(self) -> None:
        # given one that is carried away, and a customer of its size who comes and stands in its place
        shop, figure = poster()
        figure.leaves(60)
        ben = shop.customer((90, 5.0, 6.0), (94, 0.0, 6.0))
        for s in movements(Random(5), 300):
            ben.leans(s, s + 8, 0.1)
        # when folded, then it is one wait from entry to end
        events = waits(fold(ended(shop.log()), SHOP))
        assert phases(events) == ["started", "confirmed", "ended"]
        assert events[0].started_at == pytest.approx(shop.at(92.4), abs=500)

    def test_nobody_serves_it(self) -> None:
        # given staff who stand beside it for five minutes
        shop, _ = poster()
        shop.staff((0, 4.0, 8.0), (20, 4.0, 8.0), (30, 1.0, 6.0))
        assert fold(ended(shop.log()), SHOP) == []

    def test_with_pairs_any_it_is_nobody_s_company_once_it_is_static(self) -> None:
        for comes_s, episodes in ((30, 1), (125, 0)):
            shop, _ = poster()
            shop.person("person", (0, 4.0, 8.0), (comes_s - 10, 4.0, 8.0), (comes_s, 1.0, 6.0))
            events = interactions(fold(ended(shop.log()), rules(pairs="any", thresholds=STRICT)))
            assert len({e.episode_id for e in events}) == episodes, comes_s

    def test_staff_behind_a_counter_with_a_poster_before_it_serve_nobody(self) -> None:
        # given a poster in the strip, and a queue
        queue = zone(-2, 2.9, 2, 4.7, zone_id="line", kind="queue", service_point="till")
        shop = Scenario(seconds=90, hz=5)
        shop.staff((0, -1.0, 6.6), (1, 0.0, 6.6))
        shop.customer((0, 0.2, 5.5))
        shop.customer((0, -3.0, 4.2), (3, 0.0, 4.2))
        events = waits(fold(ended(shop.log()), rules(zones=[queue], service_points=[counter()], thresholds=STRICT)))
        assert [e.reason for e in events if e.phase == "confirmed"] == ["no_staff"]

    def test_the_alert_counts_it_apart(self) -> None:
        # given a poster, and somebody who comes and waits
        shop, _ = poster()
        shop.customer((125, 5.0, 6.0), (130, 1.0, 6.0))
        (confirmed,) = (e for e in waits(fold(ended(shop.log()), SHOP)) if e.phase == "confirmed")
        assert confirmed.alert is not None
        assert msgspec.to_builtins(confirmed.alert.counts) == {"total": 1, "confirmed": 1, "pending": 0, "static": 1}

    def test_it_does_not_visit(self) -> None:
        assert visits(fold(ended(poster()[0].log()), SHOP)) == []


class TestPeople:
    def test_an_hour_of_sitting_is_one_episode(self) -> None:
        # given somebody first seen sitting, who leans 5 to 10 cm for 6 to 20 s about every half minute, with another id
        # every ten minutes, before a detector that errs
        shop = Scenario(seconds=3600, hz=2, jitter_px=1.5, missed=0.05)
        ben = shop.person("customer", (0, 0.0, 5.0), tall_m=1.25)
        random = Random(5)
        for s in movements(random, 3600):
            ben.leans(s, s + random.uniform(6, 20), random.uniform(0.05, 0.1))
        for index in range(1, 6):
            ben.hidden(600 * index - 2, 600 * index).renamed(600 * index, 10 + index)
        # when folded, then it is one episode from entry to end
        events = waits(fold(ended(shop.log()), SHOP))
        assert phases(events) == ["started", "confirmed", "ended"]
        assert events[-1].started_at == shop.at(0)
        assert events[-1].ended_at == pytest.approx(shop.at(3600), abs=1000)

    def test_who_walks_in_has_shown_life(self) -> None:
        shop = Scenario(seconds=20)
        shop.customer((0, 4.0, 5.0), (4, 0.0, 5.0))
        started = waits(fold(shop.log(), SHOP))[0]
        assert started.cause.captured_at - started.started_at == 5000

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_so_has_who_comes_in_over_the_picture_s_side_and_stays_there(self, mirrored: bool) -> None:
        # given a box that is half out of the picture at first, and whole after a step of a third of a body height
        boxes = [(0, 60)] * 5 + [(20, 125)] * 15
        assert lives(at_the_side(boxes, mirrored))

    @pytest.mark.parametrize("mirrored", [False, True])
    def test_a_poster_at_the_picture_s_side_does_not_come_in(self, mirrored: bool) -> None:
        # given one that ends at the edge, whose box wanders, and of which somebody hides now the outer, now the inner
        # half, or whose box takes in a neighbour's arm
        boxes = [(0, 105), (2, 104), (55, 105), (0, 108), (0, 50), (9, 106), (0, 140)] * 5
        assert not lives(at_the_side(boxes, mirrored))

    def test_waiting_counts_from_entry_once_life_is_shown(self) -> None:
        # given somebody first seen in the zone, who moves after half a minute
        shop = Scenario(seconds=40)
        shop.customer((0, 0.0, 5.0)).leans(30, 99, 0.15)
        (started,) = waits(fold(shop.log(), SHOP))
        assert started.started_at == shop.at(0)
        assert started.cause.captured_at == pytest.approx(shop.at(32), abs=1500)

    def test_so_does_a_talk(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.2, 6.0)).leans(20, 99, 0.15)
        events = interactions(fold(shop.log(), SHOP))
        assert phases(events) == ["started", "confirmed"]
        assert events[0].started_at == shop.at(0)
        assert events[0].cause.captured_at == pytest.approx(shop.at(22), abs=1500)

    def test_who_parted_before_showing_life_did_not_talk(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.0), (20, 0.0, 6.0), (21, -4.0, 6.0))
        shop.customer((0, 1.2, 6.0)).leans(27, 99, 0.15)
        assert interactions(fold(ended(shop.log()), SHOP)) == []

    @pytest.mark.parametrize("comes_s", [4, 200])
    def test_of_whom_the_detector_calls_staff_life_is_taken_for_granted(self, comes_s: int) -> None:
        # given a cashier who sits still, and a customer who comes
        shop = Scenario(seconds=comes_s + 40)
        shop.staff((0, 0.0, 6.0))
        shop.customer((comes_s - 4, 4.0, 6.0), (comes_s, 1.2, 6.0))
        assert phases(interactions(fold(ended(shop.log()), SHOP))) == ["started", "confirmed", "ended"]

    def test_a_poster_behind_the_counter_serves_nobody_for_long(self) -> None:
        # given a picture in the staff area that the detector calls a person, and a customer after two minutes
        shop = Scenario(seconds=180)
        shop.person("person", (0, 0.0, 6.6))
        shop.customer((125, 4.0, 5.5), (129, 0.2, 5.5))
        law = rules(service_points=[counter()], thresholds=STRICT)
        assert interactions(fold(ended(shop.log()), law)) == []

    def test_who_turns_to_stone_is_no_customer_any_more(self) -> None:
        # given somebody first seen in the zone who moves at 5 s and never again
        shop = Scenario(seconds=200, hz=5)
        shop.customer((0, 0.0, 5.0)).leans(5, 999, 0.2)
        events = fold(ended(shop.log()), SHOP)
        # then the wait ends when nothing was shown for two minutes, and the visit is told
        last = waits(events)[-1]
        assert (last.phase, last.close_reason) == ("ended", "left")
        assert last.ended_at == pytest.approx(shop.at(133), abs=2000)
        assert len(visits(events)) == 1

    @pytest.mark.parametrize(("lean_m", "lives"), [(0.02, False), (0.15, True)])
    def test_a_nod_of_two_centimetres_is_no_life(self, lean_m: float, lives: bool) -> None:
        shop = Scenario(seconds=60)
        shop.customer((0, 0.0, 5.0)).leans(20, 60, lean_m)
        (ben,) = state_after(shop.log()).people.values()
        assert life.shown(ben) == lives

    def test_legs_that_are_hidden_and_shown_are_no_walk(self) -> None:
        shop, _ = poster(60)
        log = [cut_legs(u) if u.sequence % 100 > 50 else u for u in shop.log()]
        (figure,) = state_after(log).people.values()
        assert not life.shown(figure)


def test_without_a_demand_everybody_lives() -> None:
    law = with_thresholds(SHOP, person={"life_edge_share": 0, "life_edge_min_px": 0})
    shop = Scenario(seconds=20)
    shop.customer((0, 0.0, 5.0))
    assert phases(waits(fold(ended(shop.log()), law))) == ["started", "discarded"]


def at_the_side(boxes: list[tuple[float, float]], mirrored: bool) -> list[TrackUpdate]:
    """A box of 300 px height between these sides, frame by frame; mirrored: at the right of the picture."""
    sides = [(1280 - x2, 1280 - x1) if mirrored else (x1, x2) for x1, x2 in boxes]
    return [
        record(TEN_O_CLOCK + 100 * n, n, [customer(1, x1, 200, x2, 500)], epoch=TEN_O_CLOCK)
        for n, (x1, x2) in enumerate(sides)
    ]


def lives(log: list[TrackUpdate]) -> bool:
    """The only person of the log has shown life."""
    (person,) = state_after(log).people.values()
    return life.shown(person)


def movements(random: Random, until_s: float) -> Iterator[float]:
    """When somebody who sits moves."""
    s = random.uniform(5, 40)
    while s < until_s:
        yield s
        s += random.uniform(25, 55)


def customer(track_id: int, x1: float, y1: float, x2: float, y2: float) -> Track:
    """A box."""
    return Track(track_id=track_id, class_name="customer", confidence=0.8, x1=x1, y1=y1, x2=x2, y2=y2)


def tracks_of(event: Event) -> set[int]:
    """Raw tracks of the people in an episode."""
    lineage = getattr(event, "lineage", None)
    return set() if lineage is None else {ref.track_id for ref in lineage.staff + lineage.customer}


def lowered(update: TrackUpdate) -> TrackUpdate:
    """The record with the lower half of track 1 alone."""
    return _with(update, lambda t: msgspec.structs.replace(t, y1=(t.y1 + t.y2) / 2))


def cut_legs(update: TrackUpdate) -> TrackUpdate:
    """The record with the upper half of track 1 alone."""
    return _with(update, lambda t: msgspec.structs.replace(t, y2=(t.y1 + t.y2) / 2))


def _with(update: TrackUpdate, change: object) -> TrackUpdate:
    tracks = [change(t) if t.track_id == 1 else t for t in update.tracks]  # type: ignore[operator]
    return msgspec.structs.replace(update, tracks=tracks)
