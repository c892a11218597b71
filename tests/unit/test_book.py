"""The rules as the fold reads them: the same numbers in its units, areas in its order."""

import pytest

from streams.book import RulesBook, UnknownRules, law_of
from streams.bounds import Bounds
from tests.scenario import book_of, counter, rules, with_thresholds, zone

NUMBERS: dict[str, dict[str, object]] = {
    "interaction": {
        "start_s": 1.1,
        "far_s": 1.2,
        "unknown_s": 1.3,
        "confirm_s": 1.4,
        "change_s": 1.7,
        "party_s": 1.8,
        "near_m": 1.36,
    },
    "unattended": {
        "start_s": 2.1,
        "confirm_s": 2.2,
        "busy_s": 2.3,
        "served_s": 2.4,
        "contact_gap_s": 2.5,
        "outside_s": 2.6,
    },
    "time": {"unknown_s": 3.1},
    "person": {"stitch_gap_s": 4.1, "cut_class_s": 4.3, "hidden_s": 4.4, "life_s": 4.5},
    "role": {"staff_area_s": 5.1, "stable_s": 5.2},
    "near": {"body_height_m": 1.6, "foot_share_min": 0.5},
}


def test_seconds_become_whole_milliseconds_each_under_its_name() -> None:
    law = law_of(with_thresholds(rules(), **NUMBERS), "v")
    talk = (law.start_ms, law.far_ms, law.apart_ms, law.confirm_ms, law.change_ms)
    wait = (law.wait_start_ms, law.wait_confirm_ms, law.busy_ms, law.served_ms, law.contact_gap_ms, law.outside_ms)
    person = (law.stitch_gap_ms, law.cut_class_ms, law.hidden_ms, law.life_ms)
    assert (*talk, law.party_ms) == (1100, 1200, 1300, 1400, 1700, 1800)
    assert wait == (2100, 2200, 2300, 2400, 2500, 2600)
    assert law.unknown_ms == 3100
    assert person == (4100, 4300, 4400, 4500)
    assert (law.staff_area_ms, law.stable_ms) == (5100, 5200)


@pytest.mark.parametrize(
    ("group", "name"),
    [("person", "hidden_s"), ("person", "stitch_gap_s"), ("interaction", "unknown_s"), ("unattended", "outside_s")],
)
def test_nobody_is_forgotten_while_anything_waits_for_them(group: str, name: str) -> None:
    assert law_of(with_thresholds(rules(), **{group: {name: 99.0}}), "v").forget_ms == 99_000


def test_bounds_are_the_book_s() -> None:
    book = book_of(rules(), bounds=Bounds(people_max=2, roll_ms=1))
    law = book.law(rules().version)
    assert (law.people_max, law.pairs_max, law.sample_max_ms, law.roll_ms) == (2, 48, 500, 1)
    assert law.occurrence_max_ms == 1_800_000


def test_what_is_told_in_body_heights_is_reckoned_once() -> None:
    law = law_of(with_thresholds(rules(), **NUMBERS), "v")
    assert law.reach == pytest.approx(1.36 / 2 / 1.6)
    assert law.tall_min_m == pytest.approx(0.8)


def test_metres_along_a_counter_are_read_off_its_line_in_the_image() -> None:
    # given a counter of 3 m, drawn from (100, 200) to (400, 600): 500 px
    drawn = counter().model_copy(update={"counter_line": ((100, 200), (400, 600)), "counter_length_m": 3.0})
    (law,) = law_of(rules(service_points=[drawn]), "v").counters
    assert (400 - 100) * law.along_x + (600 - 200) * law.along_y == pytest.approx(3.0)
    assert 300 * law.along_x + 0 * law.along_y == pytest.approx(3.0 * 0.36)
    assert -400 * law.along_x + 300 * law.along_y == pytest.approx(0), "across it"


def test_queues_come_before_service_zones_and_wait_at_their_counter() -> None:
    shelf, line = zone(-3, 4, -2, 6, zone_id="shelf"), zone(1, 4, 2, 6, zone_id="line", kind="queue", service_point="b")
    nameless = shelf.model_copy(update={"zone_id": "corner", "name": ""})
    law = law_of(rules(zones=[shelf, line, nameless], service_points=[counter(name="a"), counter(name="b")]), "v")
    assert [tuple(z) for z in law.zones] == [
        ("line", "Line", True, 1, "service point b"),
        ("shelf", "Shelf", False, -1, "zone shelf"),
        ("corner", "corner", False, -1, "zone corner"),
    ]


def test_a_counter_without_a_name_goes_by_its_id() -> None:
    law = law_of(rules(service_points=[counter().model_copy(update={"name": ""}), counter(name="b")]), "v")
    assert [c.name for c in law.counters] == ["till", "B"]


def test_a_class_speaks_against_those_of_the_other_side_and_in_pairs_any_against_nobody() -> None:
    law = law_of(rules(), "v")
    assert law.against == {"staff": frozenset({"customer"}), "customer": frozenset({"staff"})}
    assert not law.any_pair
    everybody = law_of(rules(pairs="any"), "v")
    assert everybody.any_pair
    assert everybody.against == {}


def test_something_is_ignored_where_an_area_for_it_is_drawn() -> None:
    assert not law_of(rules(), "v").ignores
    assert law_of(rules(ignore_areas=[((0, 0), (9, 0), (9, 9))]), "v").ignores


def test_rules_are_found_under_their_hash_whether_they_hold_now_or_held_once() -> None:
    now, once = rules(), with_thresholds(rules(), interaction={"near_m": 1.0})
    book = RulesBook(current={"cam-1": now}, by_version={once.version: once})
    assert book.version_of("cam-1") == now.version
    assert (book.law(now.version).near_m, book.law(once.version).near_m) == (1.5, 1.0)
    assert book.law(once.version) is book.law(once.version)
    with pytest.raises(UnknownRules, match="cam-9"):
        book.version_of("cam-9")
    with pytest.raises(UnknownRules, match="not among the published rules"):
        book_of(now).law("0" * 16)
