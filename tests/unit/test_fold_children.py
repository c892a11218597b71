"""Children: told by their height on a calibrated floor; they come with somebody."""

import msgspec
import pytest

from schemas.records import Track, TrackUpdate
from tests.scenario import Scenario, ended, floor_plan, fold, interactions, phases, rules, visits, waits, zone

LAW = rules(zones=[zone(-2, 4, 2, 7)], floor=floor_plan())


def shop_with(tall_m: float, class_name: str = "customer") -> Scenario:
    """Somebody of that height in the zone."""
    shop = Scenario(seconds=70, jitter_px=1.0)
    shop.person(class_name, (0, 0.0, 5.5), tall_m=tall_m)
    return shop


@pytest.mark.parametrize(("tall_m", "told"), [(1.1, []), (1.2, []), (1.4, ["started", "confirmed", "ended"])])
def test_a_child_is_never_unattended(tall_m: float, told: list[str]) -> None:
    events = fold(ended(shop_with(tall_m).log()), LAW)
    assert phases(waits(events)) == told
    assert len(visits(events)) == bool(told)


def test_without_a_measured_floor_nobody_is_known_for_a_child() -> None:
    law = LAW.model_copy(update={"floor": None})
    assert phases(waits(fold(ended(shop_with(1.1).log()), law))) == ["started", "confirmed", "ended"]


def test_an_adult_of_whom_the_upper_half_is_seen_is_no_child() -> None:
    # given somebody behind a shelf all the time, whose box ends where a foot would be farther away
    log = [halved(update) for update in shop_with(1.7).log()]
    deep = rules(zones=[zone(-2, 4, 2, 12)], floor=floor_plan())
    assert phases(waits(fold(ended(log), deep))) == ["started", "confirmed", "ended"]


def test_a_child_is_not_served_by_themselves() -> None:
    shop = shop_with(1.1)
    shop.staff((0, 0.9, 5.5))
    assert interactions(fold(ended(shop.log()), LAW)) == []


def test_a_parent_s_service_is_one_interaction() -> None:
    shop = shop_with(1.1)
    shop.customer((0, 0.6, 5.5))
    shop.staff((0, 1.5, 5.5))
    assert phases(interactions(fold(ended(shop.log()), LAW))) == ["started", "confirmed", "ended"]


def test_whom_the_detector_calls_staff_is_no_child() -> None:
    shop = shop_with(1.28, "staff")
    shop.customer((0, 0.9, 5.5))
    assert phases(interactions(fold(ended(shop.log()), LAW))) == ["started", "confirmed", "ended"]


def test_who_walked_in_tall_is_no_child_on_a_chair() -> None:
    # given somebody who comes in on their feet, and sits from 10 s on
    shop = Scenario(seconds=90)
    shop.customer((0, 0.0, 6.5), (3, 0.0, 5.5)).leans(10, 99, 0.6)
    assert phases(waits(fold(ended(shop.log()), LAW))) == ["started", "confirmed", "ended"]


def test_a_moment_s_merging_with_somebody_makes_no_adult_of_a_child() -> None:
    # given a child whose box holds another person too for half a second
    shop = shop_with(1.1)
    log = [grown(u) if 200 < u.sequence < 205 else u for u in shop.log()]
    assert waits(fold(ended(log), LAW)) == []


def halved(update: TrackUpdate) -> TrackUpdate:
    """The record with the upper halves of boxes."""
    tracks = [msgspec.structs.replace(t, y2=(t.y1 + t.y2) / 2) for t in update.tracks]
    return msgspec.structs.replace(update, tracks=tracks)


def grown(update: TrackUpdate) -> TrackUpdate:
    """The record with boxes half as high again."""

    def taller(track: Track) -> Track:
        return msgspec.structs.replace(track, y1=track.y2 - 1.5 * (track.y2 - track.y1))

    return msgspec.structs.replace(update, tracks=[taller(t) for t in update.tracks])
