"""Parties: who came together shares an occurrence, and in a service zone a contact."""

import msgspec
import pytest

from schemas.records import InteractionEvent, TrackUpdate
from schemas.rules import CameraRules
from streams.bounds import BOUNDS, Bounds
from tests.scenario import (
    Figure,
    Folder,
    Scenario,
    book_of,
    counter,
    ended,
    fold,
    interactions,
    phases,
    rules,
    waits,
    with_thresholds,
    zone,
)

FLOOR = zone(-3, 4, 3, 8)


def met(
    apart_m: float = 1.0, together_s: float = 12.0, seconds: float = 60.0, hz: float = 10.0
) -> tuple[Scenario, Figure, Figure]:
    """Two customers stand apart_m from each other for together_s; then staff steps out of a door between them."""
    shop = Scenario(seconds=seconds, hz=hz)
    one = shop.customer((0, -apart_m / 2, 6.0))
    other = shop.customer((0, apart_m / 2, 6.0))
    shop.staff((together_s, 0.0, 6.3))
    return shop, one, other


def confirmed(shop: Scenario, law: CameraRules | None = None, bounds: Bounds = BOUNDS) -> list[InteractionEvent]:
    """Confirmed interactions of a scene that ends."""
    return [e for e in interactions(fold(ended(shop.log()), law or rules(), bounds=bounds)) if e.phase == "confirmed"]


class TestOneOccurrence:
    def test_two_who_came_together_and_are_served_together_are_one(self) -> None:
        # given two customers who stood together for ten seconds before staff came to both
        shop, _, _ = met()
        # when folded
        first, second = confirmed(shop)
        # then two interactions are one occurrence, and one clip shows both
        assert (first.opens, first.occurrence_id) == (True, first.episode_id)
        assert (second.opens, second.occurrence_id) == (False, first.episode_id)
        assert second.evidence_episode_id == first.episode_id
        assert first.customer_id != second.customer_id

    def test_two_who_stood_together_for_less_are_two(self) -> None:
        shop, _, _ = met(together_s=8.0)
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_two_who_stood_farther_apart_are_two(self) -> None:
        shop, _, _ = met(apart_m=1.4)
        assert [e.opens for e in confirmed(shop)] == [True, True]

    @pytest.mark.parametrize(("apart_m", "opens"), [(1.12, [True, False]), (1.28, [True, True])])
    def test_the_border_is_at_one_metre_twenty(self, apart_m: float, opens: list[bool]) -> None:
        shop, _, _ = met(apart_m=apart_m)
        assert [e.opens for e in confirmed(shop)] == opens

    @pytest.mark.parametrize("hz", [5.0, 10.0, 15.0, 25.0])
    @pytest.mark.parametrize(("together_s", "opens"), [(9.7, [True, True]), (10.3, [True, False])])
    def test_all_frame_rates_agree_on_ten_seconds(self, hz: float, together_s: float, opens: list[bool]) -> None:
        shop, _, _ = met(together_s=together_s, hz=hz)
        assert [e.opens for e in confirmed(shop)] == opens

    def test_each_staff_member_has_an_occurrence_of_their_own(self) -> None:
        # given two who came together and part to two staff members
        shop = Scenario(seconds=60)
        shop.customer((0, -0.5, 6.0), (14, -0.5, 6.0), (17, -3.0, 6.0))
        shop.customer((0, 0.5, 6.0), (14, 0.5, 6.0), (17, 3.0, 6.0))
        shop.staff((0, -4.0, 6.0))
        shop.staff((0, 4.0, 6.0))
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_strangers_whom_one_staff_member_serves_are_two(self) -> None:
        # given staff between two who came from either side at the same time
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, -5.0, 6.0), (4, -1.0, 6.0))
        shop.customer((0, 5.0, 6.0), (4, 1.0, 6.0))
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_time_apart_is_taken_off(self) -> None:
        # given two who stand together for six seconds twice, with seven seconds apart between
        shop = Scenario(seconds=60)
        shop.customer((0, -0.5, 6.0))
        shop.customer((0, 0.5, 6.0), (6, 0.5, 6.0), (8, 3.0, 6.0), (13, 3.0, 6.0), (15, 0.5, 6.0))
        shop.staff((0, 4.0, 9.0), (20, 4.0, 9.0), (23, 0.0, 6.3))
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_a_moment_apart_costs_no_more_than_itself(self) -> None:
        # given two who stand together for seven seconds, part for two, and stand together for seven more
        shop = Scenario(seconds=60)
        shop.customer((0, -0.5, 6.0))
        shop.customer((0, 0.5, 6.0), (7, 0.5, 6.0), (8, 2.0, 6.0), (9, 0.5, 6.0))
        shop.staff((0, 4.0, 9.0), (16, 4.0, 9.0), (19, 0.0, 6.3))
        assert [e.opens for e in confirmed(shop)] == [True, False]

    def test_a_third_who_stood_with_one_of_two_belongs_to_both(self) -> None:
        # given three in a row of whom the outer two are 2 m apart
        shop, _, _ = met()
        shop.customer((0, 1.4, 6.0))
        told = confirmed(shop)
        assert [e.opens for e in told] == [True, False, False]
        assert len({e.occurrence_id for e in told}) == 1

    def test_it_stays_open_while_any_member_is(self) -> None:
        # given three who came together, of whom the first leaves before the third joins
        shop, one, _ = met(seconds=90)
        third = shop.customer((0, 1.4, 6.0), (12, 1.4, 6.0), (14, 4.5, 6.0), (38, 4.5, 6.0), (41, 0.9, 6.0))
        one.leaves(32)
        told = confirmed(shop)
        assert [e.opens for e in told] == [True, False, False]
        assert [r.track_id for r in told[2].lineage.customer] == [third.track_id]
        # and its clip does not show the third
        assert [e.evidence_episode_id == e.episode_id for e in told] == [True, False, True]

    def test_who_comes_back_after_the_last_member_ended_opens_anew(self) -> None:
        shop, one, other = met(seconds=90)
        other.path += [(12, 0.5, 6.0), (14, 4.5, 6.0), (50, 4.5, 6.0), (53, 0.5, 6.0)]
        one.leaves(35)
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_after_half_an_hour_another_opens_anew(self) -> None:
        shop, _, other = met(seconds=90)
        other.path += [(12, 0.5, 6.0), (14, 4.5, 6.0), (50, 4.5, 6.0), (53, 0.5, 6.0)]
        assert [e.opens for e in confirmed(shop, bounds=Bounds(occurrence_max_ms=30_000))] == [True, True]
        assert [e.opens for e in confirmed(shop)] == [True, False]

    def test_two_parties_that_come_together_are_one(self) -> None:
        # given two twos, of whom the second joins the first for ten seconds before staff come
        shop = Scenario(seconds=60)
        for x in (-1.4, -0.5):
            shop.customer((0, x, 6.0))
        for x in (0.5, 1.4):
            shop.customer((0, x + 2.0, 6.0), (12, x + 2.0, 6.0), (13, x, 6.0))
        shop.staff((26, 0.0, 6.3))
        assert [e.opens for e in confirmed(shop)] == [True, False, False, False]

    def test_seconds_without_a_frame_count_as_half_a_second(self) -> None:
        shop, _, _ = met(together_s=11.5)
        assert [e.opens for e in confirmed(shop)] == [True, False]
        shop.blind = [(4.05, 6.65)]
        assert [e.opens for e in confirmed(shop)] == [True, True]

    def test_who_was_met_before_is_watched_no_longer(self) -> None:
        shop, _, _ = met(together_s=5.0, seconds=7)
        folder = Folder(book_of(rules()))
        folder.fold(u for u in shop.log() if u.captured_at < shop.at(5))
        assert folder.state is not None
        assert list(folder.state.beside_ms.values()) == [4800]
        folder.fold(shop.log())
        assert folder.state.beside_ms == {}

    def test_who_are_given_up_take_their_time_with_them(self) -> None:
        shop, one, _ = met(together_s=100, seconds=80)
        one.leaves(5)
        shop.customer((70, 3.0, 8.0))
        folder = Folder(book_of(with_thresholds(rules(), person={"hidden_s": 20.0})))
        folder.fold(shop.log())
        assert folder.state is not None
        assert folder.state.beside_ms == {}


class TestOneContact:
    LAW = rules(zones=[FLOOR])

    def served(self, beside_m: float, together_s: float = 12.0) -> tuple[Scenario, Figure, Figure]:
        """Of two customers who came together, staff serves the left one from about 12 s on, from their far side."""
        shop = Scenario(seconds=100)
        served = shop.customer((0, -0.5, 6.0))
        other = shop.customer((0, 0.5, 6.0), (together_s, 0.5, 6.0), (together_s + 1, -0.5 + beside_m, 6.0))
        shop.staff((together_s, -1.9, 6.0))
        return shop, served, other

    def told(self, shop: Scenario, of: Figure, law: CameraRules) -> list[str]:
        """Phases of a customer's waits."""
        events = waits(fold(ended(shop.log()), law))
        return phases(e for e in events if e.lineage.customer[0].track_id == of.track_id)

    def test_who_stands_with_the_served_one_is_not_unattended(self) -> None:
        # given a customer out of the staff's reach who came with the one who is served
        shop, _, other = self.served(beside_m=2.0)
        assert self.told(shop, other, self.LAW) == ["started", "discarded"]

    def test_a_stranger_at_the_same_place_is(self) -> None:
        shop, _, other = self.served(beside_m=2.0, together_s=8.0)
        assert self.told(shop, other, self.LAW) == ["started", "confirmed", "ended"]

    def test_who_walks_off_waits_alone(self) -> None:
        # given one who goes to look at something three metres away
        shop, _, other = self.served(beside_m=3.0)
        assert self.told(shop, other, self.LAW) == ["started", "confirmed", "ended"]

    def test_in_a_queue_everybody_waits_their_own_turn(self) -> None:
        # given two who came together, one at the till and one in the queue beside it
        law = rules(
            zones=[zone(0.3, 4.0, 3, 5.9, zone_id="line", kind="queue", service_point="till")],
            service_points=[counter(x1=-1.5, x2=0.2)],
        )
        shop = Scenario(seconds=340, hz=5)
        shop.customer((0, -0.4, 5.6))
        other = shop.customer((0, 0.5, 5.6))
        shop.staff((12, -0.6, 6.6))
        assert self.told(shop, other, law) == ["started", "confirmed", "ended"]

    def test_while_it_is_unknown_whether_they_stand_together_the_clock_stands(self) -> None:
        # given one whose box reaches the image's edge for a minute and a half from when the other is served
        shop, _, other = self.served(beside_m=2.0)
        shop.seconds = 130
        log = [cut_off(u, other.track_id) if 125 <= u.sequence < 1000 else u for u in ended(shop.log())]
        deep = rules(zones=[zone(-9, 0.5, 9, 40)])
        told = [e for e in waits(fold(log, deep)) if e.lineage.customer[0].track_id == other.track_id]
        # when folded, then it did not become too long, and ended when they were seen together again
        assert phases(told) == ["started", "discarded"]
        assert (told[-1].close_reason, told[-1].ended_at) == ("served", shop.at(100))


def cut_off(update: TrackUpdate, track_id: int) -> TrackUpdate:
    """The record with one box reaching the upper edge of the image: neither foot nor head can be relied on."""
    tracks = [msgspec.structs.replace(t, y1=0.0) if t.track_id == track_id else t for t in update.tracks]
    return msgspec.structs.replace(update, tracks=tracks)
