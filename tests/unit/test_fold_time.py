"""Time: unknown, blind, over; the cut of the business day; rules applied at once."""

from datetime import UTC, datetime

import pytest

from schemas.records import Control, Impairment, Position, TrackUpdate
from schemas.rules import CameraRules
from streams.book import UnknownRules
from streams.camera import FoldError, step, step_missing
from streams.frame import Event
from tests.scenario import (
    Folder,
    Scenario,
    after,
    book_of,
    ended,
    fold,
    interactions,
    outages,
    phases,
    record,
    rules,
    visits,
    waits,
    with_thresholds,
    zone,
)

FLOOR = rules(zones=[zone(-2, 4, 2, 7)])
FOUR_O_CLOCK = int(datetime(2026, 3, 3, 4, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 24 * 3600 * 1000


def scene(seconds: float = 60, **more: object) -> Scenario:
    """A pair in contact, and a customer who waits."""
    shop = Scenario(seconds=seconds, **more)  # type: ignore[arg-type]
    shop.staff((0, -1.2, 9.0))
    shop.customer((0, 0.0, 9.0))
    shop.customer((0, 0.0, 5.0))
    return shop


def told(events: list[Event]) -> list[tuple[str, int, int | None, int]]:
    """Outages in short."""
    return [(o.reason, o.from_at, o.to_at, o.facet_revision) for o in outages(events)]


class TestUnknownTime:
    def test_three_seconds_without_a_frame_end_nothing(self) -> None:
        shop = scene(blind=[(30.1, 33.0)])
        events = fold(ended(shop.log()), FLOOR)
        assert outages(events) == []
        assert phases(interactions(events)) == ["started", "confirmed", "ended"]

    def test_they_are_no_waiting(self) -> None:
        # given three seconds without frames, which count for half a second at most
        shop = scene(seconds=80, blind=[(30.1, 33.0)])
        confirmed = next(e for e in waits(fold(shop.log(), FLOOR)) if e.phase == "confirmed")
        assert confirmed.confirmed_at == shop.at(60 + 2.5)

    def test_empty_slots_are_unknown_and_no_absence(self) -> None:
        shop = scene(seconds=80, skips=[(30, 32.5)])
        events = fold(shop.log(), FLOOR)
        assert outages(events) == []
        assert next(e for e in waits(events) if e.phase == "confirmed").confirmed_at == pytest.approx(
            shop.at(62.1), abs=100
        )


class TestOutage:
    def test_more_than_three_seconds_are_told_when_they_are_over(self) -> None:
        shop = scene(blind=[(30.1, 33.1)])
        events = fold(shop.log(), FLOOR)
        assert told(events) == [("gap", shop.at(30), shop.at(33.1), 2)]

    def test_all_that_is_open_ends_as_interrupted_at_its_last_moment(self) -> None:
        shop = scene(seconds=80, blind=[(62.1, 70)])
        events = fold(shop.log(), FLOOR)
        closed = [e for e in [*interactions(events), *waits(events)] if e.phase == "ended"]
        assert [(e.close_reason, e.ended_at) for e in closed] == [("interrupted", shop.at(62))] * 2
        assert [v.left_at for v in visits(events)] == [shop.at(62)]

    def test_waiting_begins_anew_behind_it(self) -> None:
        # given an outage in the 40th second of waiting
        shop = scene(seconds=110, blind=[(40.1, 45)])
        confirmed = next(e for e in waits(fold(shop.log(), FLOOR)) if e.phase == "confirmed")
        assert (confirmed.started_at, confirmed.confirmed_at) == (shop.at(45), shop.at(105))

    def test_a_contact_does_not_go_on_over_it(self) -> None:
        # given a customer who is served until one second after an outage of ten
        shop = Scenario(seconds=60, blind=[(20.1, 30)])
        shop.customer((0, 0.0, 5.0))
        shop.staff((0, 1.0, 5.0)).leaves(31)
        before, behind = visits(fold(ended(shop.log()), FLOOR))
        # then it counts before, and begins anew behind, where it is too short to count
        assert (before.served, behind.served) == (True, False)

    def test_empty_slots_for_longer_open_one_before_it_is_over(self) -> None:
        shop = scene(skips=[(30, 40)])
        events = fold(shop.log(), FLOOR)
        assert told(events) == [
            ("gap", shop.at(29.9), None, 1),
            ("gap", shop.at(29.9), shop.at(40), 2),
        ]
        opened, closed = outages(events)
        assert (opened.outage_id, closed.previous_hash) == (closed.outage_id, opened.hash)
        assert opened.cause.captured_at == shop.at(33)

    def test_a_stream_that_says_so_and_comes_back_late_was_interrupted(self) -> None:
        log, shop = scene(20).log(), scene(20)
        stop = after(log[-1], 0.001, "INTERRUPTED")
        back = restart(stop, 10)
        assert told(fold([*log, stop, back], FLOOR)) == [("interrupted", shop.at(20), back.captured_at, 2)]

    def test_one_that_comes_back_in_time_was_not(self) -> None:
        log = scene(20).log()
        stop = after(log[-1], 0.001, "INTERRUPTED")
        assert outages(fold([*log, stop, restart(stop, 2.9)], FLOOR)) == []

    def test_an_interruption_that_is_over_explains_no_later_gap(self) -> None:
        log = scene(20).log()
        stop = after(log[-1], 0.001, "INTERRUPTED")
        back = restart(stop, 2)
        assert [o.reason for o in outages(fold([*log, stop, back, after(back, 10)], FLOOR))] == ["gap"]

    def test_behind_missing_records_an_empty_slot_begins_a_gap_of_its_own(self) -> None:
        log = scene(20).log()
        slot = after(log[-1], 0.2, sequence=log[-1].sequence + 2, skipped=True)
        late = after(slot, 5, skipped=False)
        assert told(fold([*log, slot, late], FLOOR)) == [
            ("missing", log[-1].captured_at, slot.captured_at, 2),
            ("gap", slot.captured_at, late.captured_at, 2),
        ]

    def test_missing_records_are_one_however_short(self) -> None:
        # given a log in which two records are truly missing
        shop = scene(40)
        log = shop.log()
        del log[300:302]
        events = fold(log, FLOOR)
        assert told(events) == [("missing", shop.at(29.9), shop.at(30.2), 2)]
        assert interactions(events)[2].close_reason == "interrupted"

    def test_so_are_records_that_somebody_skipped(self) -> None:
        shop = scene(40)
        log = shop.log()
        book = book_of(FLOOR)
        folder = Folder(book)
        folder.fold(log[:300])
        _, events = step_missing(folder.state, log[301], book, "skipped")
        assert told(events) == [("skipped", shop.at(29.9), shop.at(30.1), 2)]

    def test_what_is_missing_before_an_interruption_is_told_as_missing(self) -> None:
        log, shop = scene(20).log(), scene(20)
        stop = after(log[-1], 0.5, "INTERRUPTED", sequence=log[-1].sequence + 4)
        assert told(fold([*log, stop], FLOOR)) == [("missing", shop.at(20), stop.captured_at, 2)]

    @pytest.mark.parametrize("why", ["displaced", "blind"])
    def test_frames_that_do_not_count_are_an_outage_whoever_is_in_them(self, why: Impairment) -> None:
        shop = scene(seconds=80, impaired=[(30.1, 40, why)])
        events = fold(shop.log(), FLOOR)
        assert told(events) == [(why, shop.at(30), None, 1), (why, shop.at(30), shop.at(40), 2)]
        assert interactions(events)[2].close_reason == "interrupted"
        assert interactions(events)[2].ended_at == shop.at(30)

    def test_three_seconds_of_them_are_unknown_time(self) -> None:
        shop = scene(impaired=[(30.1, 33.0, "displaced")])
        events = fold(ended(shop.log()), FLOOR)
        assert outages(events) == []
        assert phases(interactions(events)) == ["started", "confirmed", "ended"]

    def test_an_impairment_that_we_do_not_know_halts_the_camera(self) -> None:
        log = scene(20).log()
        with pytest.raises(FoldError, match="unknown impairment; update trackfold"):
            fold([*log, after(log[-1], 0.1, impairment="UNRECOGNISED")], FLOOR)

    def test_people_keep_their_numbers_over_an_outage_within_an_epoch(self) -> None:
        shop = scene(blind=[(30.1, 35)])
        assert len({e.customer_id for e in interactions(fold(shop.log(), FLOOR))}) == 1


class TestEnd:
    def test_the_end_closes_all_and_opens_no_outage(self) -> None:
        shop = scene(20)
        events = fold(ended(shop.log()), FLOOR)
        assert {e.close_reason for e in [*interactions(events), *waits(events)] if e.facet_revision == 3} == {
            "end_of_stream"
        }
        assert outages(events) == []

    def test_a_camera_that_comes_back_the_same_day_was_ended_meanwhile(self) -> None:
        shop = scene(20)
        log = ended(shop.log())
        back = restart(log[-1], 600)
        assert told(fold([*log, back], FLOOR)) == [("ended", shop.at(20), back.captured_at, 2)]

    def test_one_that_comes_back_at_once_was_not(self) -> None:
        log = ended(scene(20).log())
        assert outages(fold([*log, restart(log[-1], 2)], FLOOR)) == []

    def test_on_another_day_only_the_new_day_tells(self) -> None:
        log = ended(scene(20).log())
        back = restart(log[-1], 86_400)
        events = fold([*log, back], FLOOR)
        assert [(o.business_day, o.from_at, o.to_at) for o in outages(events)] == [
            ("2026-03-03", FOUR_O_CLOCK, back.captured_at)
        ]


class TestLost:
    def lost(self, last: TrackUpdate) -> TrackUpdate:
        """The watchdog's record."""
        return after(last, 0, "LOST", sequence=last.sequence)

    def test_it_opens_an_outage_and_the_next_frame_closes_it(self) -> None:
        shop = scene(20)
        log = shop.log()
        back = after(log[-1], 40)
        folder = Folder(book_of(FLOOR))
        events = folder.fold([*log, self.lost(log[-1]), back])
        assert told(events) == [("lost", shop.at(20), None, 1), ("lost", shop.at(20), shop.at(60), 2)]
        assert interactions(events)[2].close_reason == "interrupted"

    def test_it_never_moves_the_position(self) -> None:
        log = scene(20).log()
        folder = Folder(book_of(FLOOR))
        folder.fold([*log, self.lost(log[-1])])
        assert folder.state is not None
        assert folder.state.position is not None
        assert folder.state.position.sequence == log[-1].sequence

    def test_twice_is_once(self) -> None:
        log = scene(20).log()
        lost = self.lost(log[-1])
        assert len(outages(fold([*log, lost, lost], FLOOR))) == 1

    def test_at_an_older_position_it_is_passed_over(self) -> None:
        log = scene(20).log()
        assert outages(fold([*log, self.lost(log[-2])], FLOOR)) == []

    def test_after_the_end_it_says_nothing(self) -> None:
        log = ended(scene(20).log())
        assert outages(fold([*log, self.lost(log[-1])], FLOOR)) == []

    def test_after_an_interruption_it_says_since_when(self) -> None:
        shop = scene(20)
        log = [*shop.log()]
        log.append(after(log[-1], 0.001, "INTERRUPTED"))
        assert told(fold([*log, self.lost(log[-1])], FLOOR)) == [("interrupted", shop.at(20), None, 1)]


class TestDayCut:
    def night(self, before_s: float, after_s: float) -> Scenario:
        """A scene over the cut: from before_s before it to after_s behind it."""
        return scene(before_s + after_s, start_at=FOUR_O_CLOCK - round(before_s * 1000))

    def test_all_is_rolled_and_numbers_restart(self) -> None:
        shop = self.night(30, 30)
        events = fold(shop.log(), FLOOR)
        first = [e for e in interactions(events) if e.business_day == "2026-03-02"]
        second = [e for e in interactions(events) if e.business_day == "2026-03-03"]
        assert (first[-1].close_reason, first[-1].ended_at) == ("rolled", FOUR_O_CLOCK - 100)
        assert (second[0].phase, second[0].ordinal, second[0].started_at) == ("started", 1, FOUR_O_CLOCK)
        assert first[0].customer_id == second[0].customer_id  # made from the track
        assert outages(events) == []

    def test_a_day_needs_no_day_before(self) -> None:
        # given a log over two days, and the second day's part of it
        log = self.night(70, 70).log()
        second = [u for u in log if u.captured_at >= FOUR_O_CLOCK]
        # when each is folded, then the second day's events are the same
        whole = [e for e in fold(log, FLOOR) if e.business_day == "2026-03-03"]
        assert whole == fold(second, FLOOR)
        assert whole

    def test_the_position_survives(self) -> None:
        log = self.night(1, 1).log()
        folder = Folder(book_of(FLOOR))
        folder.fold(log)
        assert folder.fold(log) == []

    def test_an_outage_is_cut_at_the_day(self) -> None:
        shop = self.night(30, 30)
        shop.blind = [(20.05, 40)]
        events = fold(shop.log(), FLOOR)
        assert [(o.business_day, o.from_at, o.to_at, o.reason) for o in outages(events)] == [
            ("2026-03-02", shop.at(20), FOUR_O_CLOCK, "gap"),
            ("2026-03-03", FOUR_O_CLOCK, shop.at(40), "gap"),
        ]
        assert next(e for e in interactions(events) if e.facet_revision == 3).close_reason == "interrupted"

    def test_a_short_gap_over_the_cut_is_none(self) -> None:
        shop = self.night(30, 30)
        shop.blind = [(27.05, 33)]
        assert outages(fold(shop.log(), FLOOR)) == []

    def test_an_open_outage_is_closed_at_the_cut(self) -> None:
        log = self.night(30, 0).log()[:200]
        lost = after(log[-1], 0, "LOST", sequence=log[-1].sequence)
        back = after(log[-1], 3600)
        events = outages(fold([*log, lost, back], FLOOR))
        assert [(o.facet_revision, o.to_at) for o in events] == [(1, None), (2, FOUR_O_CLOCK), (2, back.captured_at)]

    def test_days_without_a_record_are_told_whole(self) -> None:
        log = self.night(30, 0).log()[:200]
        back = after(log[-1], 2 * 86_400)
        events = outages(fold([*log, back], FLOOR))
        assert [o.business_day for o in events] == ["2026-03-02", "2026-03-03", "2026-03-04"]
        assert (events[1].from_at, events[1].to_at) == (FOUR_O_CLOCK, FOUR_O_CLOCK + DAY_MS)

    def test_a_first_record_long_after_the_day_began_tells_a_leading_outage(self) -> None:
        late = record(FOUR_O_CLOCK + 60_000, 17, epoch=FOUR_O_CLOCK - 5000)
        assert told(fold([late], FLOOR)) == [("gap", FOUR_O_CLOCK, FOUR_O_CLOCK + 60_000, 2)]

    def test_up_to_three_seconds_it_does_not(self) -> None:
        assert outages(fold([record(FOUR_O_CLOCK + 3000, 17, epoch=FOUR_O_CLOCK)], FLOOR)) == []

    def test_nor_when_it_is_the_camera_s_first_ever(self) -> None:
        assert outages(fold([record(FOUR_O_CLOCK + 60_000, 0, epoch=FOUR_O_CLOCK + 60_000)], FLOOR)) == []

    def test_rules_change_at_the_cut_and_not_before(self) -> None:
        # given a state folded under old rules and a worker that was started with new ones
        new = with_thresholds(FLOOR, interaction={"near_m": 1.0})
        log = self.night(10, 10).log()
        old_folder = Folder(book_of(FLOOR))
        old_folder.fold(log[:50])
        folder = Folder(book_of(new, FLOOR), old_folder.state)
        events = folder.fold(log[50:])
        assert {e.rules_version for e in events if e.business_day == "2026-03-02"} == {FLOOR.version}
        assert {e.rules_version for e in events if e.business_day == "2026-03-03"} == {new.version}
        assert {e.business_day for e in interactions(events)} == {"2026-03-02"}  # 1.2 m is far now
        assert folder.state is not None
        assert folder.state.rules_version == new.version


class TestRulesAppliedNow:
    NEW = with_thresholds(FLOOR, interaction={"near_m": 1.0})

    def control(self, last: TrackUpdate, law: CameraRules) -> TrackUpdate:
        """What `rules apply --now` writes."""
        order = Control(action="apply_rules", rules_version=law.version)
        return after(last, 0.05, sequence=last.sequence, control=order)

    def test_all_is_rolled_and_the_named_rules_hold(self) -> None:
        shop = scene(40)
        log = shop.log()
        folder = Folder(book_of(FLOOR, self.NEW))
        events = folder.fold([*log[:201], self.control(log[200], self.NEW), *log[201:]])
        assert [(e.phase, e.close_reason) for e in interactions(events)][-1] == ("ended", "rolled")
        assert outages(events) == []
        assert folder.state is not None
        assert (folder.state.rules_version, folder.state.ordinal) == (self.NEW.version, 3)

    def test_the_position_stays(self) -> None:
        log = scene(40).log()
        folder = Folder(book_of(FLOOR, self.NEW))
        folder.fold([*log[:201], self.control(log[200], self.NEW)])
        assert folder.state is not None
        assert folder.state.position is not None
        assert folder.state.position.sequence == 200

    def test_redelivered_it_does_nothing(self) -> None:
        log = scene(40).log()
        whole = [*log[:201], self.control(log[200], self.NEW), *log[201:]]
        folder = Folder(book_of(FLOOR, self.NEW))
        folder.fold(whole)
        assert folder.fold(whole[150:]) == []

    def test_nor_when_the_next_day_has_begun(self) -> None:
        log = scene(1, start_at=FOUR_O_CLOCK - 500).log()
        order = self.control(log[2], self.NEW)
        folder = Folder(book_of(FLOOR, self.NEW))
        folder.fold([*log[:3], order, *log[3:]])
        folder.fold([order])
        assert folder.state is not None
        assert folder.state.rules_version == FLOOR.version

    def test_what_was_learned_of_people_is_forgotten(self) -> None:
        log = scene(1).log()
        folder = Folder(book_of(FLOOR, self.NEW))
        folder.fold([*log, self.control(log[-1], self.NEW)])
        assert folder.state is not None
        assert (folder.state.people, folder.state.tracks) == ({}, {})

    def test_rules_that_nobody_published_are_an_error_that_names_them(self) -> None:
        log = scene(1).log()
        folder = Folder(book_of(FLOOR))
        folder.fold(log)
        with pytest.raises(UnknownRules, match=self.NEW.version):
            folder.fold([self.control(log[-1], self.NEW)])


class TestErrors:
    def test_an_unknown_camera_is_named(self) -> None:
        with pytest.raises(UnknownRules, match="cam-9"):
            step(None, record(FOUR_O_CLOCK, 0, camera_id="cam-9"), book_of(FLOOR))

    def test_a_frame_that_is_not_later_is_refused(self) -> None:
        log = scene(1).log()
        with pytest.raises(FoldError, match="time does not advance"):
            fold([*log, after(log[-1], 0)], FLOOR)

    def test_a_frame_before_the_day_is_refused(self) -> None:
        first = record(FOUR_O_CLOCK, 0)
        with pytest.raises(FoldError, match="time does not advance"):
            fold([first, after(first, -3600)], FLOOR)

    def test_another_camera_s_state_is_refused(self) -> None:
        state, _ = step(None, record(FOUR_O_CLOCK, 0), book_of(FLOOR))
        with pytest.raises(FoldError, match="lane"):
            step(state, record(FOUR_O_CLOCK + 100, 1, lane="backfill"), book_of(FLOOR))

    def test_an_unknown_stream_state_is_refused(self) -> None:
        log = scene(1).log()
        with pytest.raises(FoldError, match="UNRECOGNISED"):
            fold([*log, after(log[-1], 1, "UNRECOGNISED")], FLOOR)


def restart(last: TrackUpdate, s: float) -> TrackUpdate:
    """The first frame of the next epoch, s seconds later."""
    at = last.captured_at + round(s * 1000)
    return after(
        last,
        s,
        sequence=0,
        stream_epoch=at,
        previous=Position(stream_epoch=last.stream_epoch, sequence=last.sequence),
    )
