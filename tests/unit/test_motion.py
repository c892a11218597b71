"""How people move, by their boxes: what is a velocity, and what nobody can do."""

import pytest

from schemas.floor import Floor
from schemas.records import Track
from streams import motion
from streams.book import law_of
from streams.frame import Seen
from streams.ground import Spot
from streams.state import Person
from tests.scenario import Folder, Scenario, book_of, rules

LAW = law_of(rules(), "v")
TALL_PX = 170
"""1.7 m: 100 px are a metre across, and 100 / 2.2 in depth."""


def box(x: float, foot_y: float, tall_px: float = TALL_PX) -> Track:
    return Track(
        track_id=1, class_name="customer", confidence=0.9, x1=x - 20, y1=foot_y - tall_px, x2=x + 20, y2=foot_y
    )


def somebody(x: float = 300, foot_y: float = 400) -> Person:
    """Just seen for the first time, with the foot there."""
    folder = Folder(book_of(LAW.rules))
    shop = Scenario(seconds=0.1)
    shop.customer((0, 0.0, 5.0))
    folder.fold(shop.log()[:1])
    assert folder.state is not None
    (person,) = folder.state.people.values()
    first = box(x, foot_y)
    person.x1, person.y1, person.x2, person.y2 = first.x1, first.y1, first.x2, first.y2
    person.quick_x = person.slow_x = x
    person.quick_y = person.slow_y = foot_y
    person.tall = TALL_PX
    return person


@pytest.mark.parametrize("step_ms", [40, 100, 200])
def test_in_steady_motion_the_velocity_is_exact_at_any_frame_rate(step_ms: int) -> None:
    person = somebody()
    for number in range(1, 8_000 // step_ms):
        s = number * step_ms / 1000
        motion.move(person, box(300 + 50 * s, 400 - 20 * s), step_ms, False)
    assert motion.velocity(person) == pytest.approx((50, -20), rel=1e-3)


def test_a_stop_shows_after_about_half_a_second() -> None:
    person = somebody()
    for number in range(1, 60):
        motion.move(person, box(300 + 5 * number, 400), 100, False)
    for _ in range(6):
        motion.move(person, box(595, 400), 100, False)
    assert motion.velocity(person)[0] < 25


def seen(moving_px_s: tuple[float, float], height: float, x: float = 300) -> Seen:
    """Somebody who walks steadily and is there now, with a box of that height."""
    person = somebody(x)
    gap_s = (motion.SLOW_MS - motion.QUICK_MS) / 1000
    person.quick_x, person.quick_y = 500 + moving_px_s[0] * gap_s, 300 + moving_px_s[1] * gap_s
    person.slow_x, person.slow_y = 500, 300
    nowhere = Spot(behind=-1, strip=-1, zone=-1, staff=False, ignored=False)
    return Seen(person, person.key, x, 400, 880, height, 75, True, True, 100, nowhere, None, 0.0, None)


def test_speed_apart_is_that_of_one_seen_from_the_other_in_mean_body_heights() -> None:
    # given bodies of 150 and 190 px: 100 px to the metre, in depth 100 / 2.2
    def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
        return motion.speed_apart_m_s(seen(one, 150), seen(other, 190), LAW)

    assert apart((50, 20), (50, 20)) == pytest.approx(0), "who walks along is not apart"
    assert apart((50, 0), (-20, 0)) == pytest.approx(0.7)
    assert apart((0, 40), (0, -10)) == pytest.approx(1.1)
    assert apart((30, 0), (0, 40 / 2.2)) == pytest.approx(0.5)


def test_on_a_measured_floor_it_is_that_of_their_ways_on_it() -> None:
    # given a floor seen straight from above, 50 px to the metre
    corners = [((0, 0), (0, 0)), ((500, 0), (10, 0)), ((500, 400), (10, 8)), ((0, 400), (0, 8))]
    floor = Floor(corners)
    one, other = seen((25, 0), 150, x=100), seen((0, -50), 190, x=400)
    assert motion.floor_speed_apart_m_s(one, other, floor) == pytest.approx(1.25**0.5)
    assert motion.floor_speed_apart_m_s(one, seen((25, 0), 80, x=400), floor) == pytest.approx(0)


def test_a_foot_that_springs_gives_nobody_a_velocity() -> None:
    person = somebody()
    motion.move(person, box(380, 470), 100, True)
    assert motion.velocity(person) == pytest.approx((0, 0))
    assert (person.x1, person.y1, person.x2, person.y2) == (360, 300, 400, 470)
    assert (person.quick_x, person.quick_y, person.slow_x, person.slow_y) == (380, 470, 380, 470)


def test_a_height_grows_at_once_and_shrinks_slowly() -> None:
    person = somebody()
    motion.move(person, box(300, 400, 190), 100, False)
    assert person.tall == 190
    motion.move(person, box(300, 400, 85), 100, False)
    assert person.tall == pytest.approx(190 - 105 * 100 / 2100)


@pytest.mark.parametrize(
    ("x", "foot_y", "springs"),
    [(329, 400, False), (331, 400, True), (269, 400, True), (300, 413, False), (300, 414, True)],
)
def test_a_foot_springs_when_it_moves_faster_than_three_metres_a_second(x: float, foot_y: float, springs: bool) -> None:
    # in a tenth of a second: 30 px across, 13.6 in depth
    assert motion.springs(somebody(), box(x, foot_y), 100, LAW) is springs


def test_what_springs_in_both_directions_at_once_is_judged_by_the_whole_way() -> None:
    assert not motion.springs(somebody(), box(315, 410), 100, LAW)
    assert motion.springs(somebody(), box(325, 410), 100, LAW)


@pytest.mark.parametrize(
    ("x", "foot_y", "tall_px", "jumps"),
    [
        (404, 400, TALL_PX, False),
        (406, 400, TALL_PX, True),
        (194, 400, TALL_PX, True),
        (300, 447, TALL_PX, False),
        (300, 448, TALL_PX, True),
        (300, 352, TALL_PX, True),
    ],
)
def test_somebody_else_is_who_went_farther_than_one_can_and_the_box_may_err(
    x: float, foot_y: float, tall_px: float, jumps: bool
) -> None:
    # in a tenth of a second 0.3 m, and 0.75 m for the box: 105 px across, 47.7 in depth
    assert motion.jumped(somebody(), box(x, foot_y, tall_px), 100, LAW) is jumps


def test_a_box_of_which_only_the_foot_or_only_the_head_moved_far_is_the_same_body() -> None:
    # legs are hidden and shown from one frame to the next
    assert not motion.jumped(somebody(), box(300, 320, TALL_PX - 80), 100, LAW)
    assert not motion.jumped(somebody(), box(300, 400, TALL_PX - 80), 100, LAW)


def test_the_longer_somebody_was_not_seen_the_farther_they_may_have_gone() -> None:
    assert motion.jumped(somebody(), box(600, 400), 100, LAW)
    assert not motion.jumped(somebody(), box(600, 400), 1000, LAW)
