"""Unattended: who waits, since when, too long for which reason, and how it ends."""

import pytest

from schemas.records import UnattendedEvent
from schemas.rules import CameraRules
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
    visits,
    waits,
    zone,
)

FLOOR = zone(-2, 4, 2, 7)
QUEUE = zone(-2, 2.9, 2, 4.7, zone_id="line", kind="queue", service_point="till")


def story(shop: Scenario, law: CameraRules | None = None) -> list[UnattendedEvent]:
    """The unattended events of a scene that ends."""
    return waits(fold(ended(shop.log()), law or rules(zones=[FLOOR])))


def waiting(seconds: float = 80, enters_s: float = 2.0) -> tuple[Scenario, Figure]:
    """A customer who enters the service zone at about enters_s and stays."""
    shop = Scenario(seconds=seconds)
    return shop, shop.customer((enters_s, 0.0, 5.0))


class TestWaiting:
    def test_started_after_five_seconds_and_dated_to_the_entry(self) -> None:
        shop, _ = waiting()
        started = story(shop)[0]
        assert (started.phase, started.started_at) == ("started", shop.at(2))
        assert started.cause.captured_at == shop.at(7)
        assert (started.zone_id, started.staff_id, started.reason) == ("floor", None, None)

    def test_confirmed_at_sixty_seconds_for_want_of_contact(self) -> None:
        shop, _ = waiting()
        confirmed = story(shop)[1]
        assert (confirmed.phase, confirmed.reason) == ("confirmed", "no_contact")
        assert confirmed.confirmed_at == confirmed.cause.captured_at == shop.at(62)

    def test_less_than_sixty_seconds_are_discarded(self) -> None:
        shop, ben = waiting()
        ben.leaves(61.9)
        assert phases(story(shop)) == ["started", "discarded"]

    def test_who_passes_through_leaves_no_trace(self) -> None:
        shop = Scenario(seconds=30)
        shop.customer((0, -6.0, 5.0), (4.0, 0.0, 5.0), (8.0, 6.0, 5.0))
        events = fold(ended(shop.log()), rules(zones=[FLOOR]))
        assert events == []

    def test_outside_the_zone_nobody_waits(self) -> None:
        shop = Scenario(seconds=80)
        shop.customer((0, 0.0, 8.0))
        assert story(shop) == []

    def test_staff_do_not_wait(self) -> None:
        shop = Scenario(seconds=80)
        shop.staff((0, 0.0, 5.0))
        assert story(shop) == []

    def test_somebody_without_a_class_of_either_side_waits_as_a_customer(self) -> None:
        shop = Scenario(seconds=70)
        shop.person("person", (0, 0.0, 5.0))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_no_waiting_with_pairs_any(self) -> None:
        shop, _ = waiting()
        assert fold(ended(shop.log()), rules(zones=[FLOOR], pairs="any")) == []

    def test_a_few_seconds_outside_do_not_end_the_wait(self) -> None:
        # given a customer who steps out of the zone for about five seconds
        shop = Scenario(seconds=90)
        shop.customer((0, 0.0, 5.0), (30, 0.0, 5.0), (31, 3.0, 5.0), (35, 3.0, 5.0), (36, 0.0, 5.0))
        events = story(shop)
        # when folded, then the wait goes on, and the time outside is no waiting
        assert phases(events) == ["started", "confirmed", "ended"]
        assert events[1].confirmed_at == pytest.approx(shop.at(65), abs=1000)

    def test_single_missed_frames_do_not_slow_the_clock(self) -> None:
        shop, ben = waiting()
        for s in range(5, 60, 2):
            ben.hidden(s, s + 0.3)
        assert story(shop)[1].confirmed_at == pytest.approx(shop.at(62), abs=500)

    def test_time_in_which_the_customer_is_not_seen_is_no_waiting(self) -> None:
        # given a customer who is hidden for two seconds (a sample counts half a second at most)
        shop, ben = waiting()
        ben.hidden(30, 32)
        assert story(shop)[1].confirmed_at == pytest.approx(shop.at(62 + 1.5), abs=200)


class TestServed:
    def serve(self, comes_s: float, stays_s: float, seconds: float = 120) -> tuple[Scenario, Figure]:
        """Staff comes to the waiting customer at comes_s and goes after stays_s."""
        shop, _ = waiting(seconds, enters_s=0)
        goes_s = comes_s + stays_s
        anna = shop.staff((0, -4.5, 7.0), (comes_s - 3, -4.5, 7.0), (comes_s, -0.8, 5.0), (goes_s, -0.8, 5.0))
        anna.path.append((goes_s + 3, -4.5, 7.0))
        return shop, anna

    def test_ends_as_served_when_the_contact_lasts_and_is_dated_to_its_begin(self) -> None:
        shop, _ = self.serve(70, 30)
        last = story(shop)[2]
        assert (last.phase, last.close_reason) == ("ended", "served")
        assert last.ended_at == pytest.approx(shop.at(70), abs=1000)
        assert last.cause.captured_at - last.ended_at == 3000  # type: ignore[operator]

    def test_the_end_is_the_start_of_the_interaction(self) -> None:
        shop, _ = self.serve(70, 30)
        events = fold(ended(shop.log()), rules(zones=[FLOOR]))
        assert waits(events)[2].ended_at == interactions(events)[0].started_at

    def test_a_word_in_passing_does_not_end_it(self) -> None:
        shop, _ = self.serve(40, 1.5)
        events = story(shop)
        assert events[1].phase == "confirmed"
        assert events[1].started_at == shop.at(0)
        assert events[1].confirmed_at == pytest.approx(shop.at(60), abs=300)

    def test_two_words_in_passing_do_not_add_up(self) -> None:
        # given staff who come by twice for a moment, six seconds apart
        shop, anna = self.serve(30, 1.2, seconds=70)
        anna.path += [(37.0, -0.8, 5.0), (38.2, -0.8, 5.0), (41.2, -4.5, 7.0)]
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_while_it_is_unknown_whether_somebody_serves_the_clock_stands(self) -> None:
        # given a server who vanishes from sight in the middle of serving and is not seen again
        shop, anna = self.serve(10, 100)
        anna.leaves(50)
        second = story(shop)[2]
        # when folded, then the new wait is dated to the last contact, and its clock runs from ten seconds later
        assert (second.phase, second.started_at) == ("started", shop.at(49.9))
        assert second.cause.captured_at == pytest.approx(shop.at(65), abs=300)

    def test_walking_past_at_one_metre_per_second_does_not_end_it(self) -> None:
        shop, _ = waiting(seconds=70, enters_s=0)
        shop.staff((30, -5.0, 5.6), (40, 5.0, 5.6))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_waiting_begins_anew_with_the_last_contact(self) -> None:
        # given a customer who is served from about 20 s to about 40 s
        shop, _ = self.serve(20, 20)
        events = story(shop)
        # when folded, then the second wait is dated to the last contact, and says when it was
        assert phases(events) == ["started", "discarded", "started", "confirmed", "ended"]
        second = events[2]
        assert second.started_at == second.last_contact_at
        assert second.started_at == pytest.approx(shop.at(40), abs=1000)
        assert events[3].confirmed_at == second.started_at + 60_000
        assert events[3].alert.last_attended_at == second.started_at  # type: ignore[union-attr]

    def test_nobody_is_unattended_while_being_served(self) -> None:
        shop, _ = self.serve(10, 100, seconds=110)
        assert phases(story(shop)) == ["started", "discarded"]

    def test_a_contact_begun_before_the_threshold_forestalls_the_confirmation(self) -> None:
        shop, _ = self.serve(58.5, 30, seconds=85)
        assert phases(story(shop)) == ["started", "discarded"]

    def test_a_server_who_is_hidden_for_six_seconds_is_not_gone(self) -> None:
        shop, anna = self.serve(10, 100, seconds=110)
        anna.hidden(50, 56).renamed(56, 77)
        assert phases(story(shop)) == ["started", "discarded"]


class TestLeaving:
    def test_ends_ten_seconds_after_the_last_moment_inside(self) -> None:
        shop = Scenario(seconds=100)
        shop.customer((0, 0.0, 5.0), (70, 0.0, 5.0), (74, 5.0, 6.0))
        last = story(shop)[-1]
        assert (last.phase, last.close_reason) == ("ended", "left")
        assert last.ended_at == pytest.approx(shop.at(71.5), abs=400)
        assert last.cause.captured_at == last.ended_at + 10_100  # type: ignore[operator]

    def test_who_vanishes_left_at_the_last_sight(self) -> None:
        shop, ben = waiting(seconds=100)
        ben.leaves(70.05)
        last = story(shop)[-1]
        assert (last.close_reason, last.ended_at, last.duration_s) == ("left", shop.at(70), 68.0)

    def test_the_end_of_the_stream_ends_it_at_the_last_moment_inside(self) -> None:
        shop, _ = waiting()
        last = story(shop)[-1]
        assert (last.close_reason, last.ended_at) == ("end_of_stream", shop.at(80))

    def test_from_zone_to_zone_is_two_waits(self) -> None:
        shop = Scenario(seconds=60)
        shop.customer((0, 0.0, 5.0), (20, 0.0, 5.0), (23, 3.5, 5.0))
        law = rules(zones=[FLOOR, zone(2.5, 4, 5, 7, zone_id="other")])
        events = story(shop, law)
        assert [(e.phase, e.zone_id) for e in events] == [
            ("started", "floor"),
            ("started", "other"),
            ("discarded", "floor"),
            ("discarded", "other"),
        ]
        assert len({e.episode_id for e in events}) == 2

    def test_who_wanders_from_zone_to_zone_is_in_two_at_most(self) -> None:
        # given three zones in a row, through which a customer strolls within nine seconds
        law = rules(zones=[zone(-3 + 2 * n, 4, -1 + 2 * n, 7, zone_id=f"z{n}") for n in range(3)])
        shop = Scenario(seconds=20)
        shop.customer((0, -2.9, 5.0), (9, 2.9, 5.0))
        folder = Folder(book_of(law))
        for update in shop.log():
            folder.fold([update])
            assert folder.state is not None
            assert all(len(person.stays) <= 2 for person in folder.state.people.values())
        # then the first is left when the third is entered
        assert folder.state is not None
        assert {law.zones[stay.zone].zone_id for p in folder.state.people.values() for stay in p.stays} <= {"z1", "z2"}


class TestQueue:
    LAW = rules(zones=[QUEUE], service_points=[counter()])

    def queue(self, seconds: float, many: int = 1) -> Scenario:
        """Customers queue in the line before the till, many of them, side by side."""
        shop = Scenario(seconds=seconds)
        for index in range(many):
            shop.customer((0, -1.6 + 0.8 * index, 4.2))
        return shop

    def test_nobody_in_the_queue_is_unattended_while_the_point_serves(self) -> None:
        # given five who queue while staff serve others at the till
        shop = self.queue(200, many=5)
        shop.staff((0, 0.0, 6.6))
        for index in range(10):
            shop.customer((index * 20, 0.2, 5.5)).leaves(index * 20 + 16)
        assert "confirmed" not in phases(story(shop, self.LAW))

    def test_they_are_when_nobody_was_served_there_for_sixty_seconds(self) -> None:
        # given a till whose staff leaves after 30 s of serving
        shop = self.queue(120)
        shop.staff((0, 0.0, 6.6)).leaves(30)
        shop.customer((0, 0.2, 5.5)).leaves(30)
        confirmed = story(shop, self.LAW)[1]
        assert (confirmed.phase, confirmed.reason) == ("confirmed", "no_staff")
        assert confirmed.confirmed_at == pytest.approx(shop.at(90), abs=300)
        assert (confirmed.started_at, confirmed.service_point_id) == (shop.at(0), "till")
        assert confirmed.alert.location == "Till"  # type: ignore[union-attr]
        assert confirmed.alert.threshold_s == 60  # type: ignore[union-attr]

    def test_time_without_a_frame_is_no_idleness_of_the_point(self) -> None:
        shop = self.queue(120)
        shop.blind = [(50.1, 52.9)]
        shop.staff((0, 0.0, 6.6)).leaves(30)
        shop.customer((0, 0.2, 5.5)).leaves(30)
        assert story(shop, self.LAW)[1].confirmed_at == pytest.approx(shop.at(92.3), abs=300)

    def test_a_point_long_idle_gives_a_newcomer_sixty_seconds_too(self) -> None:
        shop = Scenario(seconds=200)
        shop.customer((100, 0.0, 4.2))
        assert story(shop, self.LAW)[1].confirmed_at == shop.at(160)

    def test_they_are_when_the_wait_exceeds_three_hundred_seconds(self) -> None:
        shop = self.queue(320)
        shop.staff((0, 0.0, 6.6))
        shop.customer((0, 0.2, 5.5))
        confirmed = next(e for e in story(shop, self.LAW) if e.phase == "confirmed")
        assert (confirmed.reason, confirmed.alert.threshold_s) == ("staff_busy", 300)  # type: ignore[union-attr]
        assert confirmed.confirmed_at == pytest.approx(shop.at(300), abs=200)

    def test_a_queue_leaves_no_visit(self) -> None:
        assert visits(fold(ended(self.queue(30).log()), self.LAW)) == []


class TestOccurrence:
    def test_customers_unattended_at_one_place_at_the_same_time_share_one(self) -> None:
        # given two who enter two seconds apart
        shop = Scenario(seconds=80)
        shop.customer((0, -1.0, 5.0))
        shop.customer((2, 1.0, 5.0))
        first, second = (e for e in story(shop) if e.phase == "confirmed")
        # then the first opens the occurrence, and its clip shows the second too
        assert (first.opens, first.occurrence_id) == (True, first.episode_id)
        assert (second.opens, second.occurrence_id) == (False, first.episode_id)
        assert second.evidence_episode_id == first.episode_id

    def test_whom_the_opener_s_clip_does_not_show_gets_a_clip(self) -> None:
        shop = Scenario(seconds=100)
        shop.customer((0, -1.0, 5.0))
        shop.customer((5.2, 1.0, 5.0))
        _, second = (e for e in story(shop) if e.phase == "confirmed")
        assert (second.opens, second.evidence_episode_id) == (False, second.episode_id)

    def test_the_border_of_the_clip_is_five_seconds_after_the_confirmation(self) -> None:
        shop = Scenario(seconds=100)
        shop.customer((0, -1.0, 5.0))
        shop.customer((5, 1.0, 5.0))
        first, second = (e for e in story(shop) if e.phase == "confirmed")
        assert second.evidence_episode_id == first.episode_id

    def test_it_stays_open_while_any_member_is(self) -> None:
        # given three who enter one after the other, of whom the first leaves before the third is confirmed
        shop = Scenario(seconds=110)
        shop.customer((0, -1.0, 5.0)).leaves(65)
        shop.customer((2, 0.0, 5.0))
        shop.customer((40, 1.0, 5.0))
        confirmed = [e for e in story(shop) if e.phase == "confirmed"]
        assert [e.opens for e in confirmed] == [True, False, False]
        assert {e.occurrence_id for e in confirmed} == {confirmed[0].episode_id}

    def test_after_the_last_member_ended_another_opens_anew(self) -> None:
        shop = Scenario(seconds=160)
        shop.customer((0, -1.0, 5.0)).leaves(65)
        shop.customer((20, 1.0, 5.0))
        first, second = (e for e in story(shop) if e.phase == "confirmed")
        assert second.opens
        assert second.occurrence_id != first.occurrence_id

    def test_after_half_an_hour_another_opens_anew(self) -> None:
        shop = Scenario(seconds=1930, hz=2.0)
        shop.customer((0, -1.0, 5.0))
        shop.customer((1805, 1.0, 5.0))
        first, second = (e for e in story(shop) if e.phase == "confirmed")
        assert second.occurrence_id == second.episode_id != first.episode_id

    def test_two_zones_are_two_places(self) -> None:
        shop = Scenario(seconds=80)
        shop.customer((0, -1.0, 5.0))
        shop.customer((0, 3.5, 5.0))
        law = rules(zones=[FLOOR, zone(2.5, 4, 5, 7, zone_id="other")])
        assert [e.opens for e in story(shop, law) if e.phase == "confirmed"] == [True, True]

    def test_the_alert_counts_all_who_wait_there(self) -> None:
        shop = Scenario(seconds=80)
        shop.customer((0, -1.0, 5.0))
        shop.customer((2, 0.0, 5.0))
        shop.customer((58, 1.0, 5.0))
        second = [e for e in story(shop) if e.phase == "confirmed"][1]
        alert = second.alert
        assert alert is not None
        assert alert.counts is not None
        assert (alert.counts.total, alert.counts.confirmed, alert.counts.pending) == (3, 2, 0)
        assert {w.customer_id for w in alert.waiting} >= {second.customer_id}
        assert [(w.status, w.unattended_s) for w in alert.waiting] == [("confirmed", 62.0), ("confirmed", 60.0)]
        assert (alert.location, alert.waited_s) == ("Floor", 60.0)


class TestVisits:
    def test_one_for_each_stay_with_the_wait_until_the_first_contact(self) -> None:
        # given a customer in the zone from 2 s to 40 s whom staff serve from about 20 s on
        shop = Scenario(seconds=60)
        shop.customer((2, 0.0, 5.0)).leaves(40)
        shop.staff((0, -4.5, 7.0), (17, -4.5, 7.0), (20, -0.8, 5.0))
        (visit,) = visits(fold(ended(shop.log()), rules(zones=[FLOOR])))
        assert (visit.zone_id, visit.entered_at, visit.left_at) == ("floor", shop.at(2), shop.at(39.9))
        assert visit.served
        assert visit.first_contact_at == pytest.approx(shop.at(20), abs=1000)
        assert visit.waited_s == pytest.approx(18, abs=1)

    def test_without_contact_the_wait_is_the_whole_stay(self) -> None:
        shop, ben = waiting(seconds=60)
        ben.leaves(32)
        (visit,) = visits(fold(ended(shop.log()), rules(zones=[FLOOR])))
        assert (visit.served, visit.first_contact_at, visit.waited_s) == (False, None, 29.9)

    def test_who_comes_back_later_visits_twice(self) -> None:
        shop = Scenario(seconds=80)
        shop.customer((0, 0.0, 5.0), (20, 0.0, 5.0), (23, 4.0, 5.0), (40, 4.0, 5.0), (43, 0.0, 5.0))
        told = visits(fold(ended(shop.log()), rules(zones=[FLOOR])))
        assert len({v.visit_id for v in told}) == 2
        assert len({v.customer_id for v in told}) == 1
