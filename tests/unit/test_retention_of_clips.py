"""What a site keeps for so many days goes after them, once, and never what a newer episode shows."""

from typing import Any

import msgspec

from connectors.erase.plan import Known, Word, decisions
from connectors.erase.service import Erased
from connectors.retention import plan
from connectors.retention.service import TURN_EVERY_MS, Retention
from inference.retention import kept_for
from infra.config import RecordingSettings
from schemas.records import Episode
from schemas.site import Retention as Kept
from tests import world

WORLD = world.make("kept")
FIRST, SECOND, WAIT = WORLD.episodes
DAY_MS = 24 * 3_600_000
"""The world is of 2026-03-02."""


def known(*more: Any) -> Known:
    there = Known()
    for record in (*WORLD.records, *more):
        there.take(record)
    return there


def test_what_is_older_than_so_many_business_days_goes_a_camera_at_a_time() -> None:
    due = [sorted(ids) for ids in plan.expired(known(), "2026-03-12", 9)]
    assert sorted(due) == sorted([sorted([FIRST, SECOND]), [WAIT]])
    # and not on the last day on which it is kept
    assert list(plan.expired(known(), "2026-03-11", 9)) == []


def test_what_is_decided_is_not_due_again_and_what_is_not_done_is_finished() -> None:
    word = Word("retention", "kept for 9 days", world.MORNING, "expired")
    made = decisions([FIRST, SECOND], {FIRST, SECOND}, known(), word)
    assert list(plan.expired(known(*made), "2026-03-12", 9)) == [[WAIT]]
    assert list(plan.unfinished(known(*made))) == [("expired", sorted([FIRST, SECOND]))]
    done = [msgspec.structs.replace(removal, finished_at=world.MORNING) for removal in made]
    assert list(plan.unfinished(known(*made, *done))) == []


def test_a_clip_that_a_newer_episode_shows_is_kept_as_long_as_that_one() -> None:
    # given an episode of a later day that is shown in an older one's clip
    old = WORLD.episodes[FIRST]
    newer: Episode = msgspec.structs.replace(
        old,
        episode_id="newer",
        business_day="2026-03-05",
        evidence=msgspec.structs.replace(old.evidence, evidence_from=FIRST),
    )
    # then neither goes before both may
    assert list(plan.expired(known(newer), "2026-03-12", 9)) == [[WAIT]]
    due = [sorted(ids) for ids in plan.expired(known(newer), "2026-03-15", 9)]
    assert sorted([FIRST, SECOND, "newer"]) in due


def test_many_go_in_steps() -> None:
    there = Known()
    for number in range(plan.AT_ONCE + 1):
        there.take(msgspec.structs.replace(WORLD.episodes[FIRST], episode_id=f"e{number}"))
    assert [len(ids) for ids in plan.expired(there, "2026-03-12", 9)] == [plan.AT_ONCE, 1]


class Hands:
    """Instead of Erasing: what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], Word]] = []
        self.removals: list[Any] = []
        self.unfinished: list[str] = ["in the way"]

    def known(self) -> Known:
        return known(*self.removals)

    def remove(self, ids: list[str], there: Known, word: Word, *, wait_s: float) -> Erased:
        self.asked.append((sorted(ids), word))
        if not self.unfinished:
            made = decisions(ids, ids, there, word)
            self.removals += [msgspec.structs.replace(removal, finished_at=word.at) for removal in made]
        return Erased(ids, unfinished=list(self.unfinished))


class Clock:
    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        return self.at_ms


def test_it_takes_one_turn_a_business_day_and_another_after_an_hour_where_something_was_left() -> None:
    # given a site that keeps clips for nine days, on the tenth after
    site = WORLD.site.model_copy(update={"retention": Kept(clips_days=9)})
    hands, clock = Hands(), Clock(world.MORNING + 10 * DAY_MS)
    retention = Retention(site, hands, clock)  # type: ignore[arg-type]

    # when something is in the way, then it is tried again an hour later, and not before
    assert len(retention.look()) == 2
    assert retention.look() == []
    hands.unfinished = []
    clock.at_ms += TURN_EVERY_MS
    assert len(retention.look()) == 2
    assert {(word.status, word.reason, word.by) for _, word in hands.asked} == {
        ("expired", "kept for 9 days", "retention")
    }

    # then it is done for the day, and on the next there is nothing left
    clock.at_ms += TURN_EVERY_MS
    assert retention.look() == []
    clock.at_ms += DAY_MS
    assert retention.look() == []
    assert len(hands.asked) == 4


def test_a_site_that_says_nothing_keeps_everything() -> None:
    hands = Hands()
    assert Retention(WORLD.site, hands, Clock(world.MORNING + 3000 * DAY_MS)).look() == []  # type: ignore[arg-type]
    assert hands.asked == []


def test_the_recording_is_kept_as_the_site_says_unless_the_settings_keep_it_for_less() -> None:
    settings = RecordingSettings(max_age_h=100)
    for site_h, hours in ((None, 100), (72, 72), (1000, 100)):
        site = WORLD.site.model_copy(update={"retention": Kept(recordings_h=site_h)})
        assert kept_for(site, settings).max_age_h == hours
