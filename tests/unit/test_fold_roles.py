"""Roles: class beats zone, zones speak one way, nobody changes sides by one frame."""

from streams import roles
from streams.state import Person
from tests.scenario import Camera, Figure, Folder, Scenario, book_of, counter, rectangle
from tests.scenario import rules as rules_of

BACK = Camera().polygon(rectangle(-2, 7, 2, 9))
LAW = rules_of(staff_areas=[BACK])


def role_after(shop: Scenario, who: Figure, law: object = LAW) -> str:
    """The role at the end of the scene."""
    folder = Folder(book_of(law))  # type: ignore[arg-type]
    folder.fold(shop.log())
    assert folder.state is not None
    return person(folder, who).role


def person(folder: Folder, who: Figure) -> Person:
    """The person behind a figure."""
    assert folder.state is not None
    return next(p for p in folder.state.people.values() if p.refs[0][1] == who.track_id)


def test_the_class_says_who_is_who_from_the_first_frame_on() -> None:
    shop = Scenario(seconds=0.1)
    anna, ben, cem = shop.staff((0, 0.0, 5.0)), shop.customer((0, 1.0, 5.0)), shop.person("person", (0, 2.0, 5.0))
    assert [role_after(shop, who) for who in (anna, ben, cem)] == ["staff", "customer", "customer"]


def test_twenty_seconds_in_a_staff_area_make_somebody_without_a_class_staff() -> None:
    for seconds, role in ((19.8, "customer"), (20.1, "staff")):
        shop = Scenario(seconds=seconds)
        assert role_after(shop, shop.person("person", (0, 0.0, 8.0))) == role, seconds


def test_the_staff_area_of_a_service_point_counts_as_well() -> None:
    shop = Scenario(seconds=21)
    who = shop.person("person", (0, 0.0, 6.6))
    assert role_after(shop, who, rules_of(service_points=[counter()])) == "staff"


def test_the_twenty_seconds_need_not_be_in_one_piece() -> None:
    shop = Scenario(seconds=45)
    who = shop.person("person", (0, 0.0, 8.0), (12, 0.0, 8.0), (15, 0.0, 5.0), (20, 0.0, 5.0), (23, 0.0, 8.0))
    assert role_after(shop, who) == "staff"


def test_leaving_the_staff_area_makes_nobody_a_customer() -> None:
    shop = Scenario(seconds=90)
    who = shop.person("person", (0, 0.0, 8.0), (25, 0.0, 8.0), (28, 0.0, 4.0))
    assert role_after(shop, who) == "staff"


def test_class_beats_zone() -> None:
    # given somebody whom the detector calls a customer, behind the counter for a minute
    shop = Scenario(seconds=60)
    assert role_after(shop, shop.customer((0, 0.0, 8.0))) == "customer"


def test_one_wrong_frame_changes_nobody_s_side() -> None:
    shop = Scenario(seconds=12)
    ben = shop.customer((0, 0.0, 5.0)).taken_for("staff", 11.9, 12.1)
    assert role_after(shop, ben) == "customer"


def test_a_wrong_first_frame_is_soon_forgotten() -> None:
    shop = Scenario(seconds=1)
    ben = shop.customer((0, 0.0, 5.0)).taken_for("staff", 0, 0.05)
    assert role_after(shop, ben) == "customer"


def test_an_unsure_detector_s_lasting_opinion_does() -> None:
    for seconds, role in ((20, "customer"), (40, "staff")):
        shop = Scenario(seconds=seconds)
        ben = shop.customer((0, 0.0, 5.0)).taken_for("staff", 12, 99)
        ben.confidence = 0.6
        assert role_after(shop, ben) == role, seconds


def test_half_the_frames_of_each_class_are_nobody_s_stable_role() -> None:
    # given a detector that changes its mind every second
    shop = Scenario(seconds=40)
    ben = shop.customer((0, 0.0, 5.0))
    for s in range(1, 40, 2):
        ben.taken_for("staff", s, s + 1)
    folder = Folder(book_of(LAW))
    folder.fold(shop.log())
    assert not roles.stable(person(folder, ben), book_of(LAW).law(LAW.version))


def test_stable_takes_ten_seconds() -> None:
    law = book_of(LAW).law(LAW.version)
    for seconds, stable in ((9.9, False), (10.0, True)):
        folder = Folder(book_of(LAW))
        shop = Scenario(seconds=seconds)
        ben = shop.customer((0, 0.0, 5.0))
        folder.fold(shop.log())
        assert roles.stable(person(folder, ben), law) == stable
