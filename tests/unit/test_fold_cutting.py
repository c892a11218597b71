"""A raw track that becomes somebody else, told by its class; jumps are with the other tests of identity."""

import pytest

from schemas.rules import CameraRules
from tests.scenario import Figure, Folder, Scenario, book_of, ended, fold, interactions, phases, rules, waits, zone


def tracklets(shop: Scenario, law: CameraRules | None = None) -> list[list[tuple[int, int]]]:
    """(track_id, tracklet) of all people at the end."""
    folder = Folder(book_of(law or rules()))
    folder.fold(shop.log())
    assert folder.state is not None
    return [[ref[1:] for ref in person.refs] for person in folder.state.people.values()]


def alone(seconds: float = 40) -> tuple[Scenario, Figure]:
    """A customer in the open."""
    shop = Scenario(seconds=seconds)
    return shop, shop.customer((0, 0.0, 6.0))


def test_a_class_that_contradicts_for_a_second_is_somebody_else() -> None:
    # given one raw track that is a customer, then staff, then a customer again
    shop, ben = alone()
    ben.taken_for("staff", 12, 25)
    # when folded, then it is three people
    assert tracklets(shop) == [[(1, 0)], [(1, 1)], [(1, 2)]]


def test_a_shorter_contradiction_is_the_detector_s_error() -> None:
    shop, ben = alone()
    for s in range(12, 36, 3):
        ben.taken_for("staff", s, s + 0.9)
    assert tracklets(shop) == [[(1, 0)]]


def test_one_agreeing_frame_begins_the_second_anew() -> None:
    shop, ben = alone(seconds=14)
    ben.taken_for("staff", 12, 12.75).taken_for("staff", 12.85, 13.6)
    assert tracklets(shop) == [[(1, 0)]]


def test_a_class_that_says_nothing_does_not() -> None:
    # given a contradiction of 0.6 s, frames of neither side, and 0.6 s again
    shop, ben = alone()
    ben.taken_for("staff", 12, 13.5).taken_for("person", 12.6, 12.9)
    assert tracklets(shop) == [[(1, 0)], [(1, 1)]]
    shop, ben = alone()
    ben.taken_for("person", 12, 40)
    assert tracklets(shop) == [[(1, 0)]]


def test_an_unsure_detector_cuts_nobody() -> None:
    shop, ben = alone(seconds=16)
    ben.taken_for("staff", 12, 16).confidence = 0.69
    assert tracklets(shop) == [[(1, 0)]]


def test_a_role_of_three_seconds_is_none_that_could_be_contradicted() -> None:
    shop, ben = alone()
    ben.taken_for("staff", 0, 3)
    assert tracklets(shop) == [[(1, 0)]]


def test_with_pairs_any_classes_say_nothing() -> None:
    shop, ben = alone()
    ben.taken_for("staff", 12, 25)
    assert tracklets(shop, rules(pairs="any")) == [[(1, 0)]]


def test_two_whose_ids_are_swapped_go_on_under_each_other_s() -> None:
    # given a tracker that takes two who talk for each other at 20 s
    shop = Scenario(seconds=40)
    anna, ben = shop.staff((0, 0.0, 6.0)), shop.customer((0, 1.2, 6.0))
    anna.renamed(20, 2)
    ben.renamed(20, 1)
    # when folded, then it is one talk of the same two
    events = interactions(fold(ended(shop.log()), rules()))
    assert phases(events) == ["started", "confirmed", "ended"]
    assert [(r.track_id, r.tracklet) for r in events[-1].lineage.staff] == [(1, 0), (2, 1)]
    assert [(r.track_id, r.tracklet) for r in events[-1].lineage.customer] == [(2, 0), (1, 1)]
    assert events[-1].ended_at == shop.at(40)


def test_who_was_cut_off_was_seen_last_before_the_contradiction() -> None:
    # given a customer who waits, and whose track is a staff member's from 70 s on
    shop = Scenario(seconds=90)
    shop.customer((0, 0.0, 5.0)).taken_for("staff", 70, 90)
    last = waits(fold(ended(shop.log()), rules(zones=[zone(-2, 4, 2, 7)])))[-1]
    assert (last.phase, last.close_reason) == ("ended", "left")
    assert last.ended_at == pytest.approx(shop.at(69.9), abs=1)
