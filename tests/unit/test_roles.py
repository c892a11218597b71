"""Shares behind the roles: how much of what the detector said lately speaks for whom."""

from dataclasses import replace

import pytest

from schemas.records import Track
from streams import roles
from streams.book import Law, law_of
from streams.state import Person
from tests.scenario import Folder, Scenario, book_of
from tests.scenario import rules as rules_of

LAW = law_of(rules_of(), "v")
ANY = replace(LAW, any_pair=True, against={})
TEN_S, TWENTY_S = 10_000, 20_000


def somebody(first: str, *watched: tuple[str, int], law: Law = LAW, in_staff_area: bool = False) -> Person:
    """A person at first sight, and after so many ms of each class."""
    shop = Scenario(seconds=0.1)
    shop.person(first, (0, 0.0, 5.0))
    folder = Folder(book_of(law.rules))
    folder.fold(shop.log()[:1])
    assert folder.state is not None
    (person,) = folder.state.people.values()
    for class_name, weight_ms in watched:
        roles.watch(person, class_name, in_staff_area, weight_ms, law)
    return person


def box(class_name: str, confidence: float = 0.9) -> Track:
    return Track(track_id=1, class_name=class_name, confidence=confidence, x1=0, y1=0, x2=10, y2=20)


def shares(person: Person) -> tuple[float, float]:
    return person.staff_share, person.customer_share


@pytest.mark.parametrize(
    ("first", "expected", "role"),
    [("staff", (1, 0), "staff"), ("customer", (0, 1), "customer"), ("person", (0, 0), "customer")],
)
def test_at_first_sight_the_one_box_is_all_there_is(first: str, expected: tuple[float, float], role: str) -> None:
    person = somebody(first)
    assert (shares(person), person.role) == (expected, role)


def test_a_share_is_the_mean_of_all_that_was_seen() -> None:
    assert shares(somebody("staff", ("staff", 3000), ("customer", 1000))) == pytest.approx((0.75, 0.25))
    assert shares(somebody("staff", ("customer", 1000), ("person", 1000))) == pytest.approx((0, 0.5))
    assert shares(somebody("staff", ("person", 1000))) == shares(somebody("customer", ("person", 1000))) == (0, 0)


def test_after_ten_seconds_it_is_that_of_about_the_last_ten() -> None:
    person = somebody("staff", ("staff", TEN_S), ("staff", TEN_S), ("customer", 1000))
    assert shares(person) == pytest.approx((0.9, 0.1))
    assert shares(somebody("staff", ("staff", TEN_S), ("customer", TWENTY_S))) == pytest.approx((0, 1))


def test_a_role_is_stable_after_ten_seconds_of_which_four_fifths_agree() -> None:
    assert roles.stable(somebody("staff", ("staff", 8000), ("customer", 2000)), LAW)
    assert not roles.stable(somebody("staff", ("staff", 8000), ("customer", 1999)), LAW)
    assert not roles.stable(somebody("staff", ("staff", 7900), ("customer", 2100)), LAW)
    assert roles.stable(somebody("person"), ANY), "where every two people count"


def test_a_side_is_changed_at_four_fifths() -> None:
    assert somebody("staff", ("staff", 2000), ("customer", 7900)).role == "staff"
    assert somebody("staff", ("staff", 2000), ("customer", 8000)).role == "customer"


def test_who_is_called_neither_is_staff_from_the_twentieth_second_in_staff_areas_on() -> None:
    assert somebody("person", ("person", TWENTY_S - 1), in_staff_area=True).role == "customer"
    assert somebody("person", ("person", TWENTY_S), in_staff_area=True).role == "staff"


def test_only_the_opposite_of_what_somebody_was_called_so_far_contradicts() -> None:
    staff = somebody("staff", ("staff", 8000), ("customer", 2000))
    customer = somebody("customer", ("customer", 8000), ("staff", 2000))
    unsure = somebody("customer", ("customer", 7900), ("staff", 2100))
    assert [roles.contradicts(staff, c, LAW) for c in ("staff", "customer", "person")] == [False, True, False]
    assert [roles.contradicts(customer, c, LAW) for c in ("staff", "customer", "person")] == [True, False, False]
    assert not roles.contradicts(unsure, "staff", LAW)
    assert not roles.contradicts(staff, "customer", ANY)


def test_a_sure_contradiction_adds_up_until_the_known_side_is_seen_again() -> None:
    staff = somebody("staff", ("staff", TEN_S))
    # when it is called a customer by sure boxes, then by an unsure one, and by a class of neither side
    assert roles.disputed(staff, box("customer"), 100, LAW)
    assert roles.disputed(staff, box("customer", LAW.cut_confidence_min), 200, LAW)
    assert staff.disputed_ms == 300
    assert not roles.disputed(staff, box("customer", LAW.cut_confidence_min - 0.01), 400, LAW)
    assert not roles.disputed(staff, box("person"), 400, LAW)
    assert staff.disputed_ms == 300
    # and what was said against it counts in its shares
    assert staff.customer_share == pytest.approx(0.03, rel=0.02)
    # then a box of its own side ends the dispute
    assert not roles.disputed(staff, box("staff"), 100, LAW)
    assert staff.disputed_ms == 0


def test_who_was_called_both_is_not_disputed() -> None:
    staff = somebody("staff", ("staff", 7900), ("customer", 2100))
    assert not roles.disputed(staff, box("customer"), 100, LAW)
    assert staff.disputed_ms == 0


def test_a_dispute_in_a_staff_area_is_no_time_in_it() -> None:
    staff = somebody("staff", ("staff", TEN_S))
    roles.disputed(staff, box("customer"), 500, LAW)
    assert staff.staff_area_ms == 0
