"""Which boxes are remembered as mannequins, and who is taken for one."""

import pytest

from schemas.records import Track
from schemas.rules import Thresholds
from streams import life
from streams.camera import step
from streams.mannequins import MANNEQUINS_MAX
from streams.state import CameraState, Mannequin, Person
from tests.scenario import TEN_O_CLOCK, Scenario, book_of, record, rules, zone

SHOP = rules(zones=[zone(-2, 4, 2, 7)], thresholds=Thresholds())


def state_after(shop: Scenario) -> CameraState:
    """What is remembered at the end."""
    state = None
    for update in shop.log():
        state, _ = step(state, update, book_of(SHOP))
    assert state is not None
    return state


def known_after(shop: Scenario) -> list[Mannequin]:
    """The mannequins of it."""
    return state_after(shop).mannequins


@pytest.mark.parametrize(("seconds", "known"), [(4.9, 0), (5.2, 1), (90, 1)])
def test_who_stands_from_the_first_look_on_without_a_sign_of_life_is_remembered_once(
    seconds: float, known: int
) -> None:
    shop = Scenario(seconds=seconds, hz=5, jitter_px=1.0)
    shop.customer((0, 0.0, 6.0))
    assert len(known_after(shop)) == known


def test_its_box_is_remembered_as_it_was_seen_first() -> None:
    shop = Scenario(seconds=8, hz=5)
    shop.customer((0, 0.0, 6.0))
    box = shop.log()[0].tracks[0]
    (one,) = known_after(shop)
    assert (one.x, one.foot) == (round((box.x1 + box.x2) / 2), round(box.y2))
    assert one.top == pytest.approx(box.y1)


def test_who_came_walking_is_none_however_still_they_stand() -> None:
    shop = Scenario(seconds=60, hz=5)
    shop.customer((0, 4.0, 6.0), (4, 0.0, 6.0))
    assert known_after(shop) == []


def test_who_moved_their_head_is_none() -> None:
    shop = Scenario(seconds=60, hz=5)
    shop.customer((0, 0.0, 6.0)).leans(0.5, 60, 0.4)
    assert known_after(shop) == []


def test_a_box_that_somebody_stands_before_is_not_remembered() -> None:
    # given two who stand behind each other all the time
    shop = Scenario(seconds=60, hz=5)
    shop.customer((0, 0.0, 6.0))
    shop.customer((0, 0.1, 5.0))
    (one,) = known_after(shop)
    assert one.foot == max(round(box.y2) for box in shop.log()[0].tracks)


def test_somebody_who_begins_to_walk_is_none() -> None:
    # given somebody who stood for four seconds and is on their first step when five have passed
    shop = Scenario(seconds=5.4, hz=5)
    shop.customer((0, 0.0, 6.0), (4.6, 0.0, 6.0), (6.6, 1.0, 6.0))
    assert known_after(shop) == []


def test_no_more_than_a_number_of_them_are_remembered() -> None:
    boxes = [
        Track(track_id=n + 1, class_name="customer", confidence=0.9, x1=40 * n + 5, y1=100, x2=40 * n + 35, y2=200)
        for n in range(MANNEQUINS_MAX + 3)
    ]
    state = None
    for n in range(40):
        state, _ = step(state, record(TEN_O_CLOCK + 200 * n, n, boxes), book_of(SHOP))
    assert state is not None
    assert len(state.mannequins) == MANNEQUINS_MAX


@pytest.mark.parametrize(("beside_m", "before_m", "word"), [(0.0, 0.0, life.UNSHOWN), (0.15, 0.0, life.WALKED),
                                                            (0.0, 0.4, life.WALKED)])  # fmt: skip
def test_who_walked_and_stands_in_its_place_shows_life_anew_and_beside_it_does_not(
    beside_m: float, before_m: float, word: int
) -> None:
    # given a mannequin that is carried away, and somebody of its size who comes, and stands there or by it
    shop = Scenario(seconds=40, hz=5)
    shop.customer((0, 0.0, 6.0)).leaves(10)
    shop.customer((20, 4.0, 6.0 - before_m), (24, beside_m, 6.0 - before_m))
    state = state_after(shop)
    (ben,) = (person for person in state.people.values() if person.seen_at == state.seen_at)
    assert isinstance(ben, Person)
    assert ben.life == word


@pytest.mark.parametrize(
    ("across", "down", "word"),
    [(3, 0, life.UNSHOWN), (-3, -3, life.UNSHOWN), (0, 3, life.UNSHOWN), (4, 0, life.WALKED), (0, 4, life.WALKED)],
)
def test_its_place_is_as_wide_as_a_still_box_wanders(across: int, down: int, word: int) -> None:
    # given a mannequin of 100 px for just five seconds, and somebody as high who walks up and stands px beside it
    state, sequence = None, 0
    stood = [box(1, 100, 100)] * 26
    came = [box(2, 500 - 40 * n + across, 100 + down) for n in range(11)] + [box(2, 100 + across, 100 + down)] * 5
    for sequence, seen in enumerate([*stood, *came]):
        at = TEN_O_CLOCK + 200 * sequence + (3000 if seen.track_id == 2 else 0)
        state, _ = step(state, record(at, sequence, [seen]), book_of(SHOP))
    assert state is not None
    assert len(state.mannequins) == 1
    (ben,) = (person for person in state.people.values() if person.refs[-1][1] == 2)
    assert ben.life == word


def box(track_id: int, x: float, y: float) -> Track:
    """30 by 100 px."""
    return Track(track_id=track_id, class_name="customer", confidence=0.9, x1=x, y1=y, x2=x + 30, y2=y + 100)
