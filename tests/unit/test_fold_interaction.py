"""Interaction: from the first near sample to the last supported one."""

import msgspec
import pytest

from schemas.records import InteractionEvent, TrackUpdate
from schemas.rules import CameraRules
from streams.bounds import Bounds
from tests.scenario import (
    Folder,
    Scenario,
    after,
    book_of,
    counter,
    ended,
    fold,
    interactions,
    phases,
    rules,
    with_thresholds,
    zone,
)


def talk(apart_m: float, seconds: float = 20.0, until_s: float | None = None, **scene: float) -> Scenario:
    """A staff member and a customer stand side by side, apart_m from each other, until the customer walks off."""
    shop = Scenario(seconds=seconds, **scene)  # type: ignore[arg-type]
    shop.staff((0, 0.0, 6.0))
    shop.customer((0, apart_m, 6.0), *(() if until_s is None else ((until_s, apart_m, 6.0), (until_s + 1.5, 5.0, 9.0))))
    return shop


def cut_off(update: TrackUpdate) -> TrackUpdate:
    """The record with the customer's box reaching the upper edge of the image."""
    staff, customer = update.tracks
    return msgspec.structs.replace(update, tracks=[staff, msgspec.structs.replace(customer, y1=0.0)])


def story(shop: Scenario, law: CameraRules | None = None) -> list[InteractionEvent]:
    """The interaction events of a scene that ends."""
    return interactions(fold(ended(shop.log()), law or rules()))


class TestStarting:
    def test_two_people_within_near_m_start_one_second_after_the_first_near_sample(self) -> None:
        # given two people who stand 1.4 m apart from the first frame on
        shop = talk(1.4)
        # when their log is folded
        started = story(shop)[0]
        # then the start is told after one second, and dated to the first near sample
        assert (started.phase, started.facet_revision, started.ordinal) == ("started", 1, 1)
        assert started.started_at == shop.at(0)
        assert started.cause.captured_at == shop.at(1.0)
        assert started.previous_hash is None

    def test_it_says_in_which_zone_the_customer_stood(self) -> None:
        here, elsewhere = zone(-3, 5, 3, 7, zone_id="here"), zone(-3, 8, 3, 9, zone_id="there")
        for zones, zone_id in (([here, elsewhere], "here"), ([elsewhere, here], "here"), ([elsewhere], None)):
            assert {e.zone_id for e in story(talk(1.4), rules(zones=zones))} == {zone_id}

    def test_or_where_they_stand_by_the_time_it_is_confirmed(self) -> None:
        # given two who walk into a zone together while they talk
        shop = Scenario(seconds=30)
        shop.staff((0, -3.0, 6.0), (4, -3.0, 6.0), (9, 0.0, 6.0))
        shop.customer((0, -2.0, 6.0), (4, -2.0, 6.0), (9, 1.0, 6.0))
        events = story(shop, rules(zones=[zone(0, 5, 3, 7, zone_id="there")]))
        assert [(e.phase, e.zone_id) for e in events] == [
            ("started", None),
            ("confirmed", "there"),
            ("ended", "there"),
        ]

    def test_two_people_beyond_near_m_never_start(self) -> None:
        assert story(talk(1.7)) == []

    def test_a_quarter_of_the_first_second_missing_still_starts(self) -> None:
        shop = talk(1.0)
        shop.people[1].hidden(0.3, 0.5)
        assert story(shop)[0].started_at == shop.at(0)

    def test_less_than_sixty_percent_support_begins_anew(self) -> None:
        # given a customer of whom most of the first second is missing
        shop = talk(1.0)
        shop.people[1].hidden(0.1, 0.95)
        # when folded, then the start is that of the second candidate
        assert story(shop)[0].started_at == shop.at(1.1)

    def test_walking_past_is_no_contact(self) -> None:
        # given a customer who passes a standing staff member at 1 m/s, 0.6 m away
        shop = Scenario(seconds=12)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, -4.0, 6.6), (8, 4.0, 6.6))
        assert story(shop) == []

    @pytest.mark.parametrize(("speed_m_s", "meets"), [(0.4, True), (0.6, False)])
    def test_slower_than_half_a_metre_per_second_is_contact(self, speed_m_s: float, meets: bool) -> None:
        # given a customer who strolls by, 0.6 m away
        shop = Scenario(seconds=20)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, -4.0, 6.6), (8 / speed_m_s, 4.0, 6.6))
        assert bool(story(shop)) == meets

    @pytest.mark.parametrize("to", [(4.0, 0.0), (0.0, 4.0), (3.0, 3.0)])
    @pytest.mark.parametrize("speed_m_s", [0.8, 1.2])
    def test_coming_and_going_are_seen_within_a_second(self, speed_m_s: float, to: tuple[float, float]) -> None:
        # given a customer who comes from the side, from behind or both, stays for 20 s and goes back
        walk_s = (to[0] ** 2 + to[1] ** 2) ** 0.5 / speed_m_s
        shop = Scenario(seconds=45, jitter_px=1.5)
        shop.staff((0, 0.0, 6.0))
        away = (0.9 + to[0], 6.0 + to[1])
        shop.customer((1, *away), (1 + walk_s, 0.9, 6.0), (21 + walk_s, 0.9, 6.0), (21 + 2 * walk_s, *away))
        last = story(shop)[-1]
        assert last.phase == "ended"
        assert last.started_at == pytest.approx(shop.at(1 + walk_s), abs=1000)
        assert last.ended_at == pytest.approx(shop.at(21 + walk_s), abs=1000)

    def test_walking_together_is_contact(self) -> None:
        shop = Scenario(seconds=10)
        shop.staff((0, -3.0, 6.0), (8, 3.0, 6.0))
        shop.customer((0, -3.0, 6.8), (8, 3.0, 6.8))
        assert "started" in phases(story(shop))

    def test_five_and_twenty_five_frames_per_second_agree(self) -> None:
        told = {}
        for hz in (5, 25):
            told[hz] = [(e.phase, e.started_at, e.ended_at, round(e.support, 1)) for e in story(talk(1.2, hz=hz))]
        assert told[5] == told[25]


class TestStaying:
    def test_they_may_stand_wider_apart_than_they_came(self) -> None:
        # given two who met at 1.2 m and then stand 2.1 m apart
        shop = Scenario(seconds=30)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.2, 6.0), (5, 1.2, 6.0), (9, 2.1, 6.0))
        # when folded, then it lasts to the end
        assert story(shop)[-1].ended_at == shop.at(30)

    def test_beyond_stay_m_it_ends_at_the_last_supported_moment(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.2, 6.0), (18, 1.2, 6.0), (24, 2.9, 6.0))
        last = story(shop)[-1]
        # 1.2 m to 2.25 m at 0.28 m/s: 3.7 s after the 18th
        assert last.close_reason == "separated"
        assert last.ended_at == pytest.approx(shop.at(21.7), abs=400)
        assert last.cause.captured_at - last.ended_at == pytest.approx(5000, abs=100)  # type: ignore[operator]

    def test_four_seconds_far_do_not_end_it(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.2, 6.0), (18, 1.2, 6.0), (19, 3.5, 6.0), (21.5, 3.5, 6.0), (22.5, 1.2, 6.0))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]
        assert story(shop)[-1].ended_at == shop.at(40)

    def test_a_missing_sample_is_unknown_and_not_far(self) -> None:
        # given a customer of whom eight seconds are missing, twice as long as what may be far
        shop = talk(1.2, seconds=40)
        shop.people[1].hidden(20, 28)
        last = story(shop)[-1]
        assert last.ended_at == shop.at(40)
        assert last.support == pytest.approx(32.5 / 40, abs=0.02)

    def test_an_unknown_distance_is_not_far_either(self) -> None:
        # given eight seconds in which the customer's box goes up to the image's edge, as of somebody on a ladder
        shop = talk(1.2, seconds=40)
        log = [cut_off(u) if 200 <= u.sequence < 280 else u for u in shop.log()]
        # when folded, then it lasts to the end, but the eight seconds support nothing
        last = interactions(fold(ended(log), rules()))[-1]
        assert last.ended_at == shop.at(40)
        assert last.support == pytest.approx(32.5 / 40, abs=0.02)

    def test_ten_seconds_unknown_end_it_at_the_last_supported_moment(self) -> None:
        shop = talk(1.2, seconds=40)
        shop.people[1].leaves(20.05)
        last = story(shop)[-1]
        assert (last.close_reason, last.ended_at) == ("left", shop.at(20.0))
        assert last.cause.captured_at == shop.at(30.0)


class TestConfirming:
    def test_confirmed_once_the_support_spans_fifteen_seconds(self) -> None:
        shop = talk(1.2)
        confirmed = story(shop)[1]
        assert (confirmed.phase, confirmed.facet_revision) == ("confirmed", 2)
        assert confirmed.confirmed_at == confirmed.cause.captured_at == shop.at(15.0)

    def test_just_below_it_is_discarded(self) -> None:
        shop = talk(1.2, seconds=30)
        shop.people[1].leaves(14.85)
        last = story(shop)[-1]
        assert (last.phase, last.facet_revision, last.confirmed_at) == ("discarded", 3, None)
        assert last.duration_s == 14.8
        assert last.occurrence_id is None

    def test_no_incident_before_both_roles_are_stable(self) -> None:
        # given a staff member whom the detector calls a customer for most of ten seconds, from the tenth on
        shop = talk(1.2, seconds=40)
        shop.people[0].taken_for("customer", 11, 15.5).confidence = 0.6
        # when folded, then the confirmation waits for the role
        confirmed = story(shop)[1]
        assert confirmed.phase == "confirmed"
        assert confirmed.confirmed_at > shop.at(16)  # type: ignore[operator]

    def test_the_alert_says_who_stood_where(self) -> None:
        shop = talk(1.2)
        confirmed = story(shop)[1]
        alert = confirmed.alert
        assert alert is not None
        assert (alert.location, alert.threshold_s, alert.image_width, alert.image_height) == ("Front", 15.0, 1280, 720)
        assert [(b.role, b.person_id) for b in alert.boxes] == [
            ("staff", confirmed.staff_id),
            ("customer", confirmed.customer_id),
        ]
        assert alert.boxes[0].x1 < alert.boxes[1].x1
        assert all(event.alert is None for event in story(shop) if event.phase != "confirmed")

    def test_it_opens_its_own_occurrence_from_confirmed_on(self) -> None:
        started, confirmed, last = story(talk(1.2))
        assert (started.occurrence_id, started.opens) == (None, False)
        for event in (confirmed, last):
            assert event.occurrence_id == event.evidence_episode_id == event.episode_id
            assert event.opens


class TestEnding:
    def test_each_event_names_the_one_before(self) -> None:
        started, confirmed, last = story(talk(1.2))
        assert (confirmed.previous_hash, last.previous_hash) == (started.hash, confirmed.hash)
        assert len({e.episode_id for e in (started, confirmed, last)}) == 1

    def test_the_end_of_the_stream_ends_it(self) -> None:
        shop = talk(1.2)
        last = story(shop)[-1]
        assert (last.close_reason, last.ended_at, last.duration_s) == ("end_of_stream", shop.at(20), 20.0)

    def test_after_half_an_hour_it_is_rolled_and_goes_on_under_another_id(self) -> None:
        # given a talk of 30 min and 20 s, at two frames per second
        shop = talk(1.2, seconds=1820, hz=2.0)
        events = story(shop)
        # then the first ends as rolled and the second says what it continues
        assert phases(events) == ["started", "confirmed", "ended", "started", "confirmed", "ended"]
        rolled, follower = events[2], events[3]
        assert (rolled.close_reason, rolled.ended_at) == ("rolled", shop.at(1800))
        assert (follower.continues, follower.started_at) == (rolled.episode_id, shop.at(1800))
        assert (rolled.ordinal, follower.ordinal) == (1, 2)
        assert follower.episode_id != rolled.episode_id


class TestMeasures:
    def test_distance_sideways_is_within_a_tenth_of_the_truth(self) -> None:
        last = story(talk(1.2))[-1]
        assert last.distance_method == "height"
        assert last.distance_m_median == pytest.approx(1.2, abs=0.12)
        assert last.distance_m_min is not None
        assert last.distance_m_min <= last.distance_m_median  # type: ignore[operator]

    def test_confidence_is_the_mean_score_of_the_two(self) -> None:
        shop = talk(1.2)
        shop.people[0].confidence, shop.people[1].confidence = 0.5, 0.8
        assert story(shop)[-1].confidence == 0.65

    def test_support_is_whole_when_every_sample_is_there(self) -> None:
        assert [event.support for event in story(talk(1.2))] == [1.0, 1.0, 1.0]

    def test_lineage_names_the_tracks(self) -> None:
        last = story(talk(1.2))[-1]
        assert [(r.track_id, r.tracklet) for r in last.lineage.staff] == [(1, 0)]
        assert [(r.track_id, r.tracklet) for r in last.lineage.customer] == [(2, 0)]


class TestServicePoint:
    def test_across_a_counter_contact_is_judged_along_its_line(self) -> None:
        # given staff behind a counter of 3 m and a customer at it, who stand 1 m apart along the line
        shop = Scenario(seconds=20)
        shop.staff((0, -0.5, 6.6))
        shop.customer((0, 0.5, 5.5))
        last = story(shop, rules(service_points=[counter()]))[-1]
        assert (last.distance_method, last.service_point_id) == ("service_point", "till")
        assert last.distance_m_median == pytest.approx(1.0, abs=0.1)
        assert story(shop, rules(service_points=[counter()]))[1].alert.location == "Till"  # type: ignore[union-attr]

    def test_too_far_along_the_line_is_no_contact(self) -> None:
        shop = Scenario(seconds=20)
        shop.staff((0, -0.8, 6.6))
        shop.customer((0, 0.7, 5.5))
        assert story(shop, rules(service_points=[counter()])) == []

    def test_the_next_in_the_queue_is_not_served(self) -> None:
        # given a customer 0.9 m behind the one who is served, outside the strip
        shop = Scenario(seconds=20)
        shop.staff((0, 0.0, 6.6))
        shop.customer((0, 0.0, 5.5))
        queueing = shop.customer((0, 0.0, 4.6))
        events = story(shop, rules(service_points=[counter()]))
        assert len({e.customer_id for e in events}) == 1
        assert all(ref.track_id != queueing.track_id for e in events for ref in e.lineage.customer)

    def test_movement_does_not_matter_at_a_service_point(self) -> None:
        # given a customer who paces along the counter at 0.8 m/s
        shop = Scenario(seconds=20)
        shop.staff((0, 0.0, 6.6))
        shop.customer(*((t, -0.8 if t % 4 else 0.8, 5.5) for t in range(0, 22, 2)))
        assert story(shop, rules(service_points=[counter()]))[-1].ended_at == shop.at(20)


class TestStaffAssignment:
    def test_two_staff_next_to_one_customer_are_one_interaction(self) -> None:
        shop = Scenario(seconds=20)
        shop.staff((0, -0.8, 6.0))
        shop.staff((0, 1.2, 6.0))
        shop.customer((0, 0.0, 6.0))
        events = story(shop)
        assert phases(events) == ["started", "confirmed", "ended"]
        assert events[0].lineage.staff[0].track_id == 1  # the nearest

    def test_the_service_point_beats_the_nearest(self) -> None:
        # given one staff member behind the counter, and one nearer on the customer's side
        shop = Scenario(seconds=20)
        shop.staff((0, 0.3, 5.4))
        shop.staff((0, -0.5, 6.6))
        shop.customer((0, 0.0, 5.4))
        events = story(shop, rules(service_points=[counter()]))
        assert {ref.track_id for e in events for ref in e.lineage.staff} == {2}

    def test_a_colleague_who_comes_nearer_for_a_moment_takes_nobody_over(self) -> None:
        shop = Scenario(seconds=30)
        shop.staff((0, -1.0, 6.0))
        shop.staff((0, 3.5, 6.0), (8, 3.5, 6.0), (12, 0.6, 6.0), (13, 0.6, 6.0), (17, 3.5, 6.0))
        shop.customer((0, 0.0, 6.0))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_two_short_moments_of_a_colleague_do_not_add_up(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, -1.0, 6.0))
        colleague = shop.staff((0, 3.5, 6.0), (8, 3.5, 6.0))
        for s in (10.0, 20.0):
            colleague.path += [(s, 0.6, 6.0), (s + 1.2, 0.6, 6.0), (s + 3, 3.5, 6.0)]
        shop.customer((0, 0.0, 6.0))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_a_server_who_is_hidden_is_not_given_up_for_a_moment_of_somebody_else(self) -> None:
        # given a server whom nobody sees for six seconds, in which a colleague stops for one second
        shop = Scenario(seconds=40)
        shop.staff((0, -1.0, 6.0)).hidden(20, 26)
        shop.staff((0, 3.5, 6.0), (21, 3.5, 6.0), (23, 0.6, 6.0), (24.5, 0.6, 6.0), (26.5, 3.5, 6.0))
        shop.customer((0, 0.0, 6.0))
        assert phases(story(shop)) == ["started", "confirmed", "ended"]

    def test_once_there_is_nothing_with_the_last_server_the_next_one_need_not_wait(self) -> None:
        shop = Scenario(seconds=60)
        shop.staff((0, -1.0, 6.0)).leaves(20)
        shop.staff((40, 0.8, 6.0))
        shop.customer((0, 0.0, 6.0))
        second = next(e for e in story(shop) if e.lineage.staff[0].track_id == 2)
        assert second.started_at == shop.at(40)

    @pytest.mark.parametrize(("stays_s", "takes_over"), [(2.3, False), (3.3, True)])
    def test_a_change_needs_two_seconds(self, stays_s: float, takes_over: bool) -> None:
        # given a colleague who steps between the two for a while; a box shows a stop after about half a second
        shop = Scenario(seconds=60)
        shop.staff((0, -1.1, 6.0))
        shop.staff((0, 4.0, 6.0), (20, 4.0, 6.0), (22, 0.6, 6.0), (22 + stays_s, 0.6, 6.0), (24 + stays_s, 4.0, 6.0))
        shop.customer((0, 0.0, 6.0))
        folder = Folder(book_of(rules()))
        served_by = set()
        for update in shop.log():
            folder.fold([update])
            assert folder.state is not None
            served_by |= {person.server for person in folder.state.people.values() if person.server}
        assert (len(served_by) == 2) == takes_over

    def test_who_stays_nearer_takes_the_customer_over_after_two_seconds(self) -> None:
        # given a colleague who comes nearer at 20 s and stays
        shop = Scenario(seconds=60)
        shop.staff((0, -1.1, 6.0))
        shop.staff((0, 4.0, 6.0), (15, 4.0, 6.0), (20, 0.6, 6.0))
        shop.customer((0, 0.0, 6.0))
        events = story(shop)
        second = next(e for e in events if e.lineage.staff[0].track_id == 2)
        first_end = next(e for e in events if e.phase == "ended" and e.lineage.staff[0].track_id == 1)
        assert second.started_at >= first_end.ended_at  # type: ignore[operator]
        assert second.started_at == pytest.approx(shop.at(21), abs=1500)


class TestPairsAny:
    def test_every_two_people_count_and_roles_do_not(self) -> None:
        shop = Scenario(seconds=20)
        shop.person("person", (0, 0.0, 6.0))
        shop.person("person", (0, 1.0, 6.0))
        shop.person("person", (0, 2.0, 6.0))
        events = story(shop, rules(pairs="any"))
        pairs = {(e.staff_id, e.customer_id) for e in events}
        assert len(pairs) == 2  # the outer two are 2 m apart
        assert all(a < b for a, b in pairs)
        assert [e.phase for e in events].count("confirmed") == 2

    def test_customers_alone_are_no_pair_with_roles(self) -> None:
        shop = Scenario(seconds=20)
        shop.customer((0, 0.0, 6.0))
        shop.customer((0, 1.0, 6.0))
        assert story(shop) == []


def test_a_shorter_threshold_is_obeyed() -> None:
    shop = talk(1.2)
    law = with_thresholds(rules(), interaction={"confirm_s": 5.0})
    assert story(shop, law)[1].confirmed_at == shop.at(10)  # the roles are stable after 10 s


def test_at_the_cap_of_pairs_no_other_begins() -> None:
    shop = Scenario(seconds=5)
    for x in (-2.5, 0.0, 2.5):
        shop.staff((0, x, 6.0))
        shop.customer((0, x + 0.8, 6.0))
    events = interactions(fold(ended(shop.log()), rules(), bounds=Bounds(pairs_max=2)))
    assert phases(events) == ["started", "started", "discarded", "discarded"]


def test_a_frame_without_anybody_ends_nothing_at_once() -> None:
    # given an open interaction
    shop = talk(1.2, seconds=5)
    folder = Folder(book_of(rules()))
    log = shop.log()
    folder.fold(log)
    # when empty frames follow for nine seconds, then it is still open; after ten it is not
    last = log[-1]
    for _ in range(90):
        last = after(last, 0.1)
        assert folder.fold([last]) == []
    for _ in range(10):
        last = after(last, 0.1)
        folder.fold([last])
    assert folder.events[-1].phase == "discarded"  # type: ignore[union-attr]
