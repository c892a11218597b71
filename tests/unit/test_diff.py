"""The diff of two versions: exactly what a changed rule changed, on scripted days; and each kind of difference."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schemas.records import Episode, InteractionEvent, UnattendedEvent
from schemas.rules import CameraRules
from schemas.site import Camera, Site
from streams.diff import DayDiff, diff
from streams.diff_picture import draw
from streams.diff_text import as_json, text
from streams.versions import stated
from tests.scenario import CAMERA, SITE, Scenario, ended, fold, rules, with_thresholds, zone

DAY = "2026-03-02"
SHOP = Site(site_id=SITE, cameras=(Camera(camera_id=CAMERA),))


def episodes(shop: Scenario, law: CameraRules, version: str = "trial") -> list[Episode]:
    told = [e for e in fold(ended(shop.log()), law) if isinstance(e, InteractionEvent | UnattendedEvent)]
    return stated(told, [], {}, version=version)


def between(shop: Scenario, before: CameraRules, after: CameraRules) -> DayDiff:
    """The one day of the scenario's camera."""
    (day,) = diff(episodes(shop, before), episodes(shop, after), [(CAMERA, DAY)])
    return day


def served(shop: Scenario, at_s: float, for_s: float, x: float = 0.0) -> None:
    """A customer who walks up to whoever stands at x, stays, and leaves."""
    away = (x + 5.0, 9.0)
    shop.customer((at_s, *away), (at_s + 3, x + 1.0, 6.0), (at_s + 3 + for_s, x + 1.0, 6.0), (at_s + 6 + for_s, *away))
    shop.people[-1].leaves(at_s + 7 + for_s)


@pytest.fixture
def counter_day() -> Scenario:
    """One staff member; three customers, who stay for 40, 11 and 6 seconds."""
    shop = Scenario(seconds=150)
    shop.staff((0, 0.0, 6.0))
    served(shop, 5, 40)
    served(shop, 60, 11)
    served(shop, 90, 6)
    return shop


def test_the_same_rules_differ_in_nothing(counter_day: Scenario) -> None:
    day = between(counter_day, rules(), rules())
    assert len(day.before) == 1
    assert (day.differences, day.reconfirmed) == ((), 0)


def test_a_lower_threshold_of_confirmation_is_the_episodes_between_the_two_and_no_other(counter_day: Scenario) -> None:
    # given rules that confirm after 10 s instead of 15 s
    lower = with_thresholds(rules(), interaction={"confirm_s": 10.0})

    # when the day is compared
    day = between(counter_day, rules(), lower)

    # then the customer of 11 s is new, the one of 6 s is not, and the one of 40 s was only confirmed earlier
    ((new,), reconfirmed) = day.differences, day.reconfirmed
    assert (new.what, len(new.after), reconfirmed) == ("new", 1, 1)
    assert 10 <= new.longest_s < 15
    assert [e.episode_id for e in day.before] == [e.episode_id for e in day.after if e not in new.after]

    # and the other way round it is gone
    (gone,) = between(counter_day, lower, rules()).differences
    assert (gone.what, gone.before) == ("gone", new.after)


def test_a_corrected_zone_is_those_who_stood_in_what_was_corrected_and_no_other() -> None:
    # given two people who wait, and a zone that is drawn too small for one of them
    shop = Scenario(seconds=110)
    shop.customer((0, -2.0, 6.0))
    shop.customer((0, 2.0, 6.0))
    small, corrected = (rules(zones=[zone(-3.0, 5.0, right, 7.0)]) for right in (0.0, 3.0))

    # when it is drawn right
    day = between(shop, small, corrected)

    # then the one who stood outside is new, and the other one as before
    (new,) = day.differences
    assert (new.what, new.after[0].kind, len(day.before)) == ("new", "unattended", 1)
    assert new.after[0].customer_id != day.before[0].customer_id
    assert between(shop, corrected, corrected).differences == ()


def test_a_zone_with_another_name_changes_what_the_episodes_say(counter_day: Scenario) -> None:
    here, there = (rules(zones=[zone(-4.0, 3.0, 4.0, 8.0, zone_id=name)]) for name in ("here", "there"))
    served_ones = [one for one in between(counter_day, here, there).differences if one.after[0].kind == "interaction"]
    assert [(one.what, one.said, one.start_s, one.end_s) for one in served_ones] == [
        ("changed", {"zone_id": ("here", "there")}, 0, 0)
    ]


def test_patience_with_those_who_step_aside_merges_and_its_lack_splits() -> None:
    # given two who part for seven seconds in the midst of a long talk
    shop = Scenario(seconds=90)
    shop.staff((0, 0.0, 6.0))
    shop.customer((0, 1.0, 6.0), (30, 1.0, 6.0), (31, 2.6, 6.0), (38, 2.6, 6.0), (39, 1.0, 6.0), (90, 1.0, 6.0))
    hasty, patient = (with_thresholds(rules(), interaction={"far_s": s}) for s in (4.0, 12.0))

    # then the patient rules make one of two, and the hasty ones two of one
    (merged,) = between(shop, hasty, patient).differences
    (split,) = between(shop, patient, hasty).differences
    assert (merged.what, len(merged.before), len(merged.after)) == ("merged", 2, 1)
    assert (split.what, split.before, split.after) == ("split", merged.after, merged.before)


def test_an_end_that_moved_is_told_in_seconds_whatever_the_id() -> None:
    # given an episode, and one of the same people under another id that began earlier and ended later
    (old, *_) = episodes(_two(), rules())
    assert old.ended_at is not None
    other = {"episode_id": "other", "started_at": old.started_at - 1_500, "ended_at": old.ended_at + 4_000}
    moved = msgspec.structs.replace(old, **other)  # type: ignore[arg-type]

    ((one,),) = (day.differences for day in diff([old], [moved], [(CAMERA, DAY)]))

    assert (one.what, one.start_s, one.end_s) == ("moved", -1.5, 4.0)


def test_people_of_other_tracks_or_at_another_time_are_others() -> None:
    (old, *_) = episodes(_two(), rules())
    assert old.ended_at is not None
    strangers = msgspec.structs.replace(old, episode_id="a", lineage=msgspec.structs.replace(old.lineage, customer=[]))
    lasted = old.ended_at - old.started_at
    times = {"started_at": old.started_at + lasted, "ended_at": old.ended_at + lasted}
    later = msgspec.structs.replace(old, episode_id="b", **times)  # type: ignore[arg-type]
    for new in (strangers, later):
        ((*found,),) = (day.differences for day in diff([old], [new], [(CAMERA, DAY)]))
        assert sorted(one.what for one in found) == ["gone", "new"]


def test_what_was_retracted_never_was() -> None:
    (old, *_) = episodes(_two(), rules())
    retracted = msgspec.structs.replace(old, phase="retracted")
    assert [day.differences for day in diff([retracted], [], [(CAMERA, DAY)])] == [()]


def test_both_reports_and_the_picture_name_every_difference(counter_day: Scenario, tmp_path: Path) -> None:
    # given a comparison with one new episode, beside an episode with a clip
    lower = with_thresholds(rules(), interaction={"confirm_s": 10.0})
    day = between(counter_day, lower, rules())
    gone = day.differences[0]
    seen = msgspec.structs.replace(gone.before[0].evidence, video_url="https://videos.example/a.mp4")
    gone = msgspec.structs.replace(gone.before[0], evidence=seen)
    (day,) = diff([gone], [], [(CAMERA, DAY)])

    # then the text has it with its clip
    told = text([day], "trial", "live", SHOP)
    assert "cam-1 2026-03-02: 1 episodes before, 0 after; 1 gone" in told
    assert "https://videos.example/a.mp4" in told

    # and the JSON every number
    machine: dict[str, Any] = json.loads(json.dumps(as_json([day], "trial", "live")))
    assert machine["differences"] == machine["totals"]["gone"] == 1
    assert machine["days"][0]["differences"][0]["before"][0]["episode_id"] == gone.episode_id

    # and there is a picture of it
    pytest.importorskip("matplotlib")
    draw(tmp_path / "day.png", [day], "trial", "live", SHOP)
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG")


def _two() -> Scenario:
    shop = Scenario(seconds=60)
    shop.staff((0, 0.0, 6.0))
    served(shop, 0, 30)
    return shop
