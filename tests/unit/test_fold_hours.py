"""Opening hours: no episode begins outside them, nobody waits in a closed shop, and service goes on to its end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.hours import Spans
from schemas.rules import CameraRules
from streams.bounds import Bounds
from streams.hours import Hours
from tests.scenario import (
    TEN_O_CLOCK,
    Scenario,
    ended,
    fold,
    interactions,
    phases,
    rules,
    visits,
    waits,
    zone,
)

FLOOR = zone(-3, 4, 3, 8)
MINUTE = 60_000
TEN_MIN = 600


def open_from(from_min: int, to_min: int) -> CameraRules:
    """Rules of a shop that is open every day from and to these minutes of the day."""
    return rules(zones=[FLOOR], open_by_day={"mon-sun": ((from_min, to_min),)})


def before(law: CameraRules, at: str) -> bool:
    """Open at a local time YYYY-MM-DD HH:MM?"""
    local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(law.timezone))
    day = local.date() if local.hour >= 4 else local.date().fromordinal(local.date().toordinal() - 1)
    return Hours(law).open(day.isoformat(), int(local.timestamp() * 1000))


class TestClosing:
    """The shop closes at ten o'clock; the scenario begins a minute and a half before."""

    LAW = open_from(480, TEN_MIN)

    def scene(self, seconds: float = 180) -> Scenario:
        return Scenario(seconds=seconds, start_at=TEN_O_CLOCK - 90_000)

    def test_who_is_unattended_when_the_shop_closes_is_so_until_then(self) -> None:
        # given a customer who waits from the first frame to long after closing
        shop = self.scene()
        shop.customer((0, 0.0, 6.0))
        # when folded, then the wait ends with the last moment in which it was open, and nobody waits from then on
        events = fold(ended(shop.log()), self.LAW)
        assert phases(waits(events)) == ["started", "confirmed", "ended"]
        last = waits(events)[-1]
        assert (last.close_reason, last.ended_at) == ("closed", TEN_O_CLOCK - 100)
        assert last.cause.captured_at == TEN_O_CLOCK
        assert [v.left_at for v in visits(events)] == [TEN_O_CLOCK - 100]

    def test_who_had_not_waited_long_enough_is_forgotten(self) -> None:
        shop = self.scene()
        shop.customer((40, 0.0, 6.0))
        events = waits(fold(ended(shop.log()), self.LAW))
        assert [(e.phase, e.close_reason) for e in events] == [("started", None), ("discarded", "closed")]

    def test_who_comes_after_closing_neither_waits_nor_visits(self) -> None:
        shop = self.scene()
        shop.customer((90, 0.0, 6.0))
        assert fold(ended(shop.log()), self.LAW) == []

    def test_an_interaction_that_began_before_closing_goes_on_to_its_end(self) -> None:
        # given two who are together from ten seconds before closing on
        shop = self.scene()
        shop.staff((0, 0.0, 6.0))
        shop.customer((80, 1.2, 6.0)).leaves(130)
        # when folded, then it is confirmed and ends as it would have
        events = interactions(fold(ended(shop.log()), self.LAW))
        assert phases(events) == ["started", "confirmed", "ended"]
        assert (events[-1].close_reason, events[-1].ended_at) == ("left", shop.at(129.9))

    def test_it_is_rolled_after_closing_as_before(self) -> None:
        shop = self.scene()
        shop.staff((0, 0.0, 6.0))
        shop.customer((65, 1.2, 6.0))
        events = interactions(fold(ended(shop.log()), self.LAW, bounds=Bounds(roll_ms=60_000)))
        assert [e.close_reason for e in events if e.phase == "ended"] == ["rolled", "end_of_stream"]
        assert events[-1].continues == events[0].episode_id

    @pytest.mark.parametrize(("comes_s", "begins"), [(88.9, True), (89.1, False)])
    def test_none_begins_after_closing(self, comes_s: float, begins: bool) -> None:
        # given two who meet about a second before closing, which is how long a candidate takes
        shop = self.scene()
        shop.staff((0, 0.0, 6.0))
        shop.customer((comes_s, 1.2, 6.0))
        assert bool(interactions(fold(ended(shop.log()), self.LAW))) == begins

    def test_five_and_twenty_five_frames_per_second_agree(self) -> None:
        told = []
        for hz in (5.0, 25.0):
            shop = self.scene()
            shop.hz = hz
            shop.customer((0, 0.0, 6.0))
            told.append([(e.phase, e.cause.captured_at, e.close_reason) for e in waits(fold(shop.log(), self.LAW))])
        assert told[0] == told[1]


class TestOpening:
    """The shop opens at ten o'clock; the scenario begins half a minute before."""

    LAW = open_from(TEN_MIN, 1200)

    def scene(self, seconds: float = 120) -> Scenario:
        return Scenario(seconds=seconds, start_at=TEN_O_CLOCK - 30_000)

    def test_who_stood_there_before_waits_from_the_opening_on(self) -> None:
        shop = self.scene()
        shop.customer((0, 0.0, 6.0))
        started, confirmed, _ = waits(fold(ended(shop.log()), self.LAW))
        assert started.started_at == TEN_O_CLOCK
        assert confirmed.confirmed_at == TEN_O_CLOCK + 60_000

    def test_who_were_together_before_begin_with_the_opening(self) -> None:
        shop = self.scene()
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.2, 6.0))
        events = fold(ended(shop.log()), self.LAW)
        assert interactions(events)[0].started_at == TEN_O_CLOCK
        # and nobody waits who was being served as it opened
        assert waits(events) == []
        assert [v.first_contact_at for v in visits(events)] == [TEN_O_CLOCK]

    def test_without_hours_it_is_always_open(self) -> None:
        shop = self.scene()
        shop.customer((0, 0.0, 6.0))
        assert waits(fold(ended(shop.log()), rules(zones=[FLOOR])))[0].started_at == TEN_O_CLOCK - 30_000


class TestTheShopSClock:
    @pytest.mark.parametrize(
        ("at", "open_then"),
        [
            ("2026-03-27 08:59", False),
            ("2026-03-27 09:00", True),
            ("2026-03-27 19:59", True),
            ("2026-03-27 20:00", False),
            ("2026-03-29 09:30", True),  # the Sunday on which the clock goes forward
            ("2026-03-29 08:59", False),
            ("2026-10-25 09:00", True),  # the Sunday on which it goes back
            ("2026-10-25 08:59", False),
        ],
    )
    def test_hours_are_those_of_the_shop_s_clock_in_summer_and_winter(self, at: str, open_then: bool) -> None:
        law = rules(open_by_day={"mon-sun": ((540, 1200),)}, timezone="Europe/Berlin")
        assert before(law, at) == open_then

    @pytest.mark.parametrize(
        ("at", "open_then"),
        [
            ("2026-03-06 17:59", False),  # a Friday
            ("2026-03-06 18:00", True),
            ("2026-03-07 01:59", True),
            ("2026-03-07 02:00", False),
            ("2026-03-07 04:30", True),  # in the next business day
            ("2026-03-07 05:00", False),
            ("2026-03-07 18:00", False),
        ],
    )
    def test_times_may_go_on_after_midnight_and_into_the_next_business_day(self, at: str, open_then: bool) -> None:
        friday: Spans = ((1080, 1560), (1680, 1740))
        assert before(rules(open_by_day={"fri": friday}), at) == open_then

    @pytest.mark.parametrize(("at", "open_then"), [("2026-03-07 00:59", True), ("2026-03-07 01:00", False)])
    def test_the_small_hours_are_of_the_day_of_the_calendar(self, at: str, open_then: bool) -> None:
        # given a shop that opens on Saturday at midnight, in Friday's business day
        assert before(rules(open_by_day={"sat": ((0, 60),)}), at) == open_then

    def test_a_date_beats_its_weekday_and_a_day_that_is_not_named_is_closed(self) -> None:
        law = rules(open_by_day={"mon-fri": ((540, 1200),), "2026-03-04": (), "2026-03-07": ((600, 660),)})
        times = ("2026-03-03 10:30", "2026-03-04 10:30", "2026-03-07 10:30", "2026-03-08 10:30")
        assert [before(law, at) for at in times] == [True, False, True, False]

    def test_a_break_at_noon_is_closed(self) -> None:
        law = rules(open_by_day={"mon": ((540, 720), (840, 1080))})
        times = ("2026-03-02 11:59", "2026-03-02 12:00", "2026-03-02 13:59", "2026-03-02 14:00")
        assert [before(law, at) for at in times] == [True, False, False, True]
