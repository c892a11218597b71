"""People: who continues over a gap, an epoch or a change of id, and who does not."""

import msgspec
import pytest

from schemas.records import InteractionEvent
from schemas.rules import Thresholds
from streams.bounds import Bounds
from streams.frame import Event
from tests.scenario import (
    Camera,
    Figure,
    Folder,
    Scenario,
    book_of,
    ended,
    fold,
    interactions,
    phases,
    rectangle,
    rules,
    with_thresholds,
)

CLOSE = with_thresholds(rules(), interaction={"confirm_s": 5.0})
TWO = Bounds(people_max=2)


def talk(seconds: float = 40) -> tuple[Scenario, Figure, Figure]:
    """Two people in contact."""
    shop = Scenario(seconds=seconds)
    return shop, shop.staff((0, 0.0, 6.0)), shop.customer((0, 1.2, 6.0))


def customers(events: list[Event]) -> set[int]:
    """Numbers of the customers of all interactions."""
    return {event.customer_id for event in interactions(events)}


class TestStitching:
    def test_another_id_a_moment_later_at_the_same_place_is_the_same_person(self) -> None:
        # given a customer whose track breaks for two seconds and goes on under another id
        shop, _, ben = talk()
        ben.hidden(20, 22).renamed(22, 9)
        # when folded
        events = interactions(fold(ended(shop.log()), rules()))
        # then it is one episode, whose lineage names both tracks
        assert phases(events) == ["started", "confirmed", "ended"]
        assert [r.track_id for r in events[-1].lineage.customer] == [2, 9]
        assert len(customers(list(events))) == 1

    def test_another_id_in_the_very_next_frame_is_the_same_person(self) -> None:
        shop, _, ben = talk()
        ben.renamed(20, 9)
        assert len(customers(fold(ended(shop.log()), rules()))) == 1

    def test_up_to_three_seconds_and_not_more(self) -> None:
        told = {}
        for gap_s in (3.0, 3.1):
            shop, _, ben = talk()
            ben.hidden(20.1, 20 + gap_s).renamed(20 + gap_s, 9)
            told[gap_s] = len(customers(fold(ended(shop.log()), rules())))
        assert told == {3.0: 1, 3.1: 2}

    def test_too_far_from_where_they_should_be_is_somebody_else(self) -> None:
        for moved_m, people in ((0.6, 1), (0.9, 2)):
            shop, _, ben = talk()
            ben.leaves(20)
            shop.customer((21, 1.2 - moved_m, 6.0))
            assert len(customers(fold(ended(shop.log()), rules()))) == people, moved_m

    def test_who_walks_is_expected_further_on(self) -> None:
        # given two people who walk together at 1 m/s, one hidden for two seconds
        shop = Scenario(seconds=12)
        shop.staff((0, -4.5, 7.0), (9, 4.5, 7.0))
        shop.customer((0, -4.5, 7.8), (9, 4.5, 7.8)).hidden(4, 6).renamed(6, 9)
        assert len(customers(fold(ended(shop.log()), CLOSE))) == 1

    def test_another_size_is_somebody_else(self) -> None:
        shop, _, ben = talk()
        ben.leaves(20)
        shop.person("customer", (21, 1.2, 6.0), tall_m=1.15)
        assert len(customers(fold(ended(shop.log()), rules()))) == 2 or len(shop.people) == 3
        lineages = {tuple(r.track_id for r in e.lineage.customer) for e in interactions(fold(shop.log(), rules()))}
        assert (2, 3) not in lineages

    def test_staff_do_not_continue_a_customer(self) -> None:
        shop, _, ben = talk()
        ben.leaves(20)
        shop.staff((21, 1.2, 6.0))
        assert all(len(e.lineage.customer) == 1 for e in interactions(fold(ended(shop.log()), rules())))

    def test_in_doubt_it_does_not(self) -> None:
        # given two customers lost together, and one new track between them
        shop, _, ben = talk()
        ben.leaves(20)
        shop.customer((0, 1.7, 6.0)).leaves(20)
        shop.customer((21, 1.45, 6.0))
        events = interactions(fold(ended(shop.log()), rules()))
        assert all(len(e.lineage.customer) == 1 for e in events)

    def test_of_two_who_could_be_the_lost_one_neither_is(self) -> None:
        shop, _, ben = talk()
        ben.leaves(20)
        shop.customer((21, 0.9, 6.0))
        shop.customer((21, 1.5, 6.0))
        events = interactions(fold(ended(shop.log()), rules()))
        assert all(len(e.lineage.customer) == 1 for e in events)

    def test_somebody_a_hand_s_breadth_away_is_always_a_doubt(self) -> None:
        # given two customers lost together 0.25 m apart, and a new track exactly where one of them was
        shop, _, ben = talk()
        ben.leaves(20)
        shop.customer((0, 1.45, 6.0)).leaves(20)
        shop.customer((20, 1.2, 6.0))
        events = interactions(fold(ended(shop.log()), rules()))
        assert all(len(e.lineage.customer) == 1 for e in events)

    def test_the_other_is_no_doubt_when_much_farther(self) -> None:
        shop, _, ben = talk()
        ben.renamed(21, 9).hidden(20, 21)
        shop.customer((0, 1.8, 6.0)).leaves(20)
        events = interactions(fold(ended(shop.log()), rules()))
        assert any([r.track_id for r in e.lineage.customer] == [2, 9] for e in events)

    def test_who_is_in_sight_is_not_continued_by_somebody_next_to_them(self) -> None:
        shop, _, _ = talk(seconds=20)
        shop.customer((10, 1.6, 6.0))
        folder = Folder(book_of(rules()))
        folder.fold(shop.log())
        assert folder.state is not None
        assert [[ref[1] for ref in p.refs] for p in folder.state.people.values()] == [[1], [2], [3]]

    def test_it_joins_over_an_epoch(self) -> None:
        # given a stream that comes back after two seconds in a new epoch with new ids
        shop, anna, ben = talk()
        shop.blind, shop.epochs_at = [(20.1, 22)], [22]
        anna.renamed(22, 1)
        ben.renamed(22, 2)
        shop.people[0].other_ids, shop.people[1].other_ids = [(22, 11)], [(22, 12)]
        events = interactions(fold(ended(shop.log()), rules()))
        assert phases(events) == ["started", "confirmed", "ended"]
        assert [(r.stream_epoch, r.track_id) for r in events[-1].lineage.staff] == [
            (shop.start_at, 1),
            (shop.at(22), 11),
        ]

    def test_the_same_raw_id_in_another_epoch_means_nothing(self) -> None:
        # given a new epoch in which the tracker gives the ids the other way round
        shop = Scenario(seconds=40)
        anna, ben = shop.staff((0, 0.0, 6.0)), shop.customer((0, 0.6, 6.0))
        shop.epochs_at = [20]
        anna.other_ids, ben.other_ids = [(20, 2)], [(20, 1)]
        events = interactions(fold(ended(shop.log()), rules()))
        assert phases(events) == ["started", "confirmed", "ended"]
        assert [r.track_id for r in events[-1].lineage.staff] == [1, 2]


class TestDoubles:
    def swap(self, beside_m: float) -> list[InteractionEvent]:
        """A customer who gets a second box, beside_m off, for three tenths of a second, and keeps that alone."""
        shop, _, ben = talk()
        ben.leaves(20.3)
        shop.customer((20, 1.2 + beside_m, 6.0), (20.3, 1.2 + beside_m, 6.0), (21, 1.2, 6.0))
        return interactions(fold(ended(shop.log()), rules()))

    def test_two_boxes_at_one_place_are_one_person_who_changes_id(self) -> None:
        events = self.swap(0.1)
        assert phases(events) == ["started", "confirmed", "ended"]
        assert [r.track_id for r in events[-1].lineage.customer] == [2, 3]

    def test_two_boxes_half_a_metre_apart_are_two_people(self) -> None:
        assert all(len(e.lineage.customer) == 1 for e in self.swap(0.5))

    def test_nobody_serves_himself(self) -> None:
        # given pairs of any two people, and one who has two boxes all the time
        shop = Scenario(seconds=20)
        shop.person("person", (0, 0.0, 6.0))
        shop.person("person", (0, 0.1, 6.0))
        assert fold(ended(shop.log()), rules(pairs="any")) == []

    def test_two_who_come_out_of_one_box_are_two_from_then_on(self) -> None:
        shop = Scenario(seconds=20)
        shop.person("person", (0, 0.0, 6.0))
        shop.person("person", (0, 0.1, 6.0), (5, 0.1, 6.0), (7, 1.0, 6.0))
        events = interactions(fold(ended(shop.log()), rules(pairs="any")))
        assert {(r.track_id, r.tracklet) for e in events for r in e.lineage.staff + e.lineage.customer} == {
            (1, 0),
            (2, 0),
            (2, 1),
        }
        assert events[0].started_at >= shop.at(5)

    def test_one_behind_the_other_in_the_picture_are_two(self) -> None:
        # given a queue that stands one behind the other towards the camera
        folder = Folder(book_of(rules()))
        shop = Scenario(seconds=5)
        for index in range(4):
            shop.customer((0, 0.0, 5.0 + 0.7 * index))
        folder.fold(shop.log())
        assert folder.state is not None
        assert len(folder.state.people) == 4

    def test_one_behind_the_other_where_the_image_cuts_off_both_are_two(self) -> None:
        # given two who walk out of the picture below, so that both boxes end at its edge
        folder = Folder(book_of(rules()))
        shop = Scenario(seconds=2)
        shop.customer((0, 0.0, 2.1))
        shop.customer((0, 0.0, 2.5))
        folder.fold(shop.log())
        assert folder.state is not None
        assert len(folder.state.people) == 2

    def test_staff_and_customer_at_one_place_are_two(self) -> None:
        folder = Folder(book_of(rules()))
        shop = Scenario(seconds=5)
        shop.customer((0, 0.0, 6.0))
        shop.staff((0, 0.1, 6.0))
        folder.fold(shop.log())
        assert folder.state is not None
        assert len(folder.state.people) == 2


class TestCutting:
    def test_a_jump_that_nobody_can_make_is_somebody_else(self) -> None:
        # given a raw track that jumps 2.5 m in a tenth of a second, into the reach of a staff member
        shop = Scenario(seconds=20)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 3.5, 6.0), (5, 3.5, 6.0), (5.01, 1.0, 6.0))
        events = interactions(fold(ended(shop.log()), rules()))
        # then the person in contact is the second tracklet
        assert {(r.track_id, r.tracklet) for e in events for r in e.lineage.customer} == {(2, 1)}

    def test_a_quick_walk_is_not_cut(self) -> None:
        shop = Scenario(seconds=20)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 4.0, 6.0), (1.5, 1.0, 6.0))
        events = interactions(fold(ended(shop.log()), rules()))
        assert {(r.track_id, r.tracklet) for e in events for r in e.lineage.customer} == {(2, 0)}

    def test_legs_hidden_of_a_sudden_are_no_jump(self) -> None:
        # given a box whose lower half disappears from one frame to the next
        shop, _, _ = talk()
        log = [
            msgspec.structs.replace(u, tracks=[cut_legs(t) if t.track_id == 2 else t for t in u.tracks])
            if u.sequence > 200
            else u
            for u in shop.log()
        ]
        folder = Folder(book_of(rules()))
        folder.fold(log)
        assert folder.state is not None
        assert {p.refs[-1][1:] for p in folder.state.people.values()} == {(1, 0), (2, 0)}


def cut_legs(track: object) -> object:
    """The upper half of a box."""
    half = (track.y1 + track.y2) / 2  # type: ignore[attr-defined]
    return msgspec.structs.replace(track, y2=half)  # type: ignore[type-var]


class TestWhoCounts:
    def test_boxes_of_low_confidence_are_nobody(self) -> None:
        shop, _, ben = talk()
        ben.confidence = 0.29
        assert fold(ended(shop.log()), rules()) == []

    def test_from_the_least_confidence_on_they_are_somebody(self) -> None:
        shop, _, ben = talk()
        ben.confidence = rules().thresholds.person.confidence_min
        assert fold(ended(shop.log()), rules()) != []

    def test_a_box_without_height_or_width_is_nobody(self) -> None:
        shop, _, _ = talk()
        for edges in ({"y2": 100.0, "y1": 100.0}, {"x2": 100.0, "x1": 100.0}):
            log = [
                msgspec.structs.replace(u, tracks=[msgspec.structs.replace(t, **edges) for t in u.tracks])
                for u in shop.log()
            ]
            folder = Folder(book_of(rules()))
            folder.fold(log)
            assert folder.state is not None
            assert not folder.state.people

    def test_at_first_sight_somebody_is_as_tall_as_their_box(self) -> None:
        shop, _, _ = talk()
        folder = Folder(book_of(rules()))
        folder.fold(shop.log()[:1])
        assert folder.state is not None
        assert {round(p.tall, 3) for p in folder.state.people.values()} == {
            round(t.y2 - t.y1, 3) for t in shop.log()[0].tracks
        }

    def test_who_stands_in_an_ignored_area_is_nobody(self) -> None:
        shop, _, _ = talk()
        mirror = Camera().polygon(rectangle(0.8, 5.5, 1.6, 6.5))
        assert fold(ended(shop.log()), rules(ignore_areas=[mirror])) == []

    def test_a_number_is_made_from_the_first_tracklet(self) -> None:
        shop, _, _ = talk()
        one, two = (interactions(fold(ended(shop.log()), law)) for law in (rules(), CLOSE))
        assert {e.staff_id for e in one} == {e.staff_id for e in two}
        assert 0 < one[0].staff_id < 2**48


class TestBounds:
    """Room for two."""

    def test_at_the_cap_the_one_unseen_longest_is_given_up(self) -> None:
        # given room for two, two who left one after the other, and somebody new
        shop = Scenario(seconds=10)
        shop.customer((0, -3.0, 6.0)).leaves(2)
        shop.customer((0, 0.0, 6.0)).leaves(4)
        shop.customer((8, 3.0, 6.0))
        folder = Folder(book_of(rules(), bounds=TWO))
        folder.fold(shop.log())
        assert folder.state is not None
        assert [p.refs[0][1] for p in folder.state.people.values()] == [2, 3]

    def test_while_all_are_in_sight_nobody_is_taken_in_beyond_the_cap(self) -> None:
        shop, _, _ = talk(seconds=20)
        shop.customer((5, -1.0, 6.0))
        events = interactions(fold(ended(shop.log()), rules(), bounds=TWO))
        assert {r.track_id for e in events for r in e.lineage.customer} == {2}

    def test_who_is_given_up_has_no_open_episode_left(self) -> None:
        # given an open interaction whose customer vanished five seconds ago, and no room for somebody new
        shop, _, ben = talk(seconds=30)
        ben.leaves(20)
        shop.customer((25, 5.0, 9.0))
        last = interactions(fold(shop.log(), rules(), bounds=TWO))[-1]
        assert (last.phase, last.close_reason, last.ended_at) == ("ended", "left", shop.at(19.9))

    def test_a_person_is_forgotten_after_a_minute(self) -> None:
        folder = Folder(book_of(rules()))
        shop = Scenario(seconds=70)
        shop.customer((0, -3.0, 6.0)).leaves(2)
        shop.customer((65, 3.0, 6.0))
        folder.fold(shop.log())
        assert folder.state is not None
        assert len(folder.state.people) == 1

    def test_the_lineage_of_an_endless_chain_is_bounded(self) -> None:
        shop, _, ben = talk(seconds=60)
        for index in range(40):
            ben.renamed(5 + index, 100 + index)
        last = interactions(fold(ended(shop.log()), rules()))[-1]
        tracks = [r.track_id for r in last.lineage.customer]
        assert (len(tracks), tracks[0], tracks[-1]) == (12, 2, 139)


def test_two_boxes_with_one_id_count_once() -> None:
    shop, _, _ = talk(seconds=20)
    log = [msgspec.structs.replace(u, tracks=[*u.tracks, u.tracks[-1]]) for u in shop.log()]
    assert fold(log, rules()) == fold(shop.log(), rules())


def test_the_defaults_are_those_that_are_documented() -> None:
    person = Thresholds().person
    assert (person.stitch_gap_s, person.stitch_distance_m, person.speed_max_m_s) == (3.0, 0.75, 3.0)
    assert person.stitch_size_ratio_min == pytest.approx(0.7)
    assert (person.cut_class_s, person.cut_confidence_min) == (1.0, 0.7)
    assert (person.hidden_s, person.hidden_covered_min, person.hidden_distance_m) == (60.0, 0.5, 0.5)
    assert (person.life_s, person.life_edge_share) == (120.0, 0.03)
