"""The snapshot keeps the shape that its readers know, and is the same file however it came about."""

import json
import random
from typing import Any

import msgspec
import pytest

from connectors.snapshots.plan import DEFAULT, Bounds, Window, files, snapshot
from schemas.records import Episode, EvidenceStatus
from tests import world

WORLD = world.make("snap")
DAY = "2026-03-02"
DAY_MS = 24 * 3600 * 1000
SHAPE = json.loads("""
{"metadata": {"version": "1.1", "created_at": "...", "last_updated": "..."},
 "interaction_metrics": {"interaction_times": [{"staff_id": 100, "customer_id": 200,
   "interaction_start": "...", "interaction_end": "...", "interaction_duration": 30.0, "timestamp": "...",
   "video_evidence": {"segment_filename": "...", "uploaded_filename": "...", "video_url": "...",
     "incident_id": "...", "upload_timestamp": "2025-10-25 11:31:30"}}],
   "min_interaction_time": 0, "max_interaction_time": 0, "avg_interaction_time": 0, "total_interactions": 0},
 "unattended_metrics": {"unattended_times": [{"customer_id": 300, "unattended_start": "...", "unattended_end": "...",
   "unattended_duration": 60.0, "timestamp": "...", "video_evidence": {}}],
   "min_unattended_time": 0, "max_unattended_time": 0, "avg_unattended_time": 0, "total_unattended_events": 0},
 "daily_summary": {"2026-03-02": {
   "interactions": {"count": 0, "avg_duration": 0, "min_duration": 0, "max_duration": 0},
   "unattended_times": {"count": 0, "avg_duration": 0, "min_duration": 0, "max_duration": 0}}},
 "hourly_breakdown": {"2026-03-02": {"10": {"interactions": {"count": 0}, "unattended_times": {"count": 0}}}}}
""")


def keys_begin_alike(known: Any, ours: Any, path: str = "") -> None:
    """Every key that the readers know is there, in their order; ours come after."""
    if isinstance(known, dict):
        assert list(ours)[: len(known)] == list(known), path
        for key, value in known.items():
            keys_begin_alike(value, ours[key], f"{path}.{key}")
    elif isinstance(known, list) and known:
        for item in ours:
            keys_begin_alike(known[0], item, f"{path}[]")
    else:
        assert isinstance(ours, int | float) if isinstance(known, int | float) else type(ours) is type(known), path


def read(episodes: list[Episode], days: tuple[str, ...] = (DAY,)) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(snapshot(days, episodes, WORLD.site))
    return body


def items(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [*body["interaction_metrics"]["interaction_times"], *body["unattended_metrics"]["unattended_times"]]


def test_the_shape_is_the_one_that_readers_know() -> None:
    # given a day with both kinds, when it is written
    body = read(list(WORLD.episodes.values()))

    # then every known key is there in the known order, and every item has something to show
    keys_begin_alike(SHAPE, body)
    assert (len(body["interaction_metrics"]["interaction_times"]), body["metadata"]["version"]) == (2, "1.1")
    for item in items(body):
        assert item["camera_id"] == item["video_evidence"]["camera_id"]
        assert item["episode_id"] == item["video_evidence"]["episode_id"]


def test_times_are_the_shops_clock_without_zone_and_figures_are_those_of_the_items() -> None:
    body = read(list(WORLD.episodes.values()))
    first = body["interaction_metrics"]["interaction_times"][0]
    assert (first["interaction_start"], first["interaction_end"]) == ("2026-03-02 10:00:00", "2026-03-02 10:01:02")
    assert first["interaction_duration"] == 62.4
    assert first["video_evidence"]["upload_timestamp"] == "2026-03-02 11:00:18"
    assert body["interaction_metrics"]["avg_interaction_time"] == 48.7
    assert body["daily_summary"][DAY]["interactions"] == {
        "count": 2,
        "avg_duration": 48.7,
        "min_duration": 35.0,
        "max_duration": 62.4,
    }
    assert body["hourly_breakdown"][DAY]["10"]["unattended_times"]["count"] == 1


def test_the_order_of_arrival_and_repetitions_do_not_matter() -> None:
    # given every record that was ever stated, twice and shuffled
    wanted = world.planned(WORLD)
    for seed in range(5):
        records = WORLD.stated * 2
        random.Random(seed).shuffle(records)

        # when they are taken in
        window = Window()
        for record in records:
            window.add(record)

        # then the files are the same bytes
        assert files(window, window.days(), WORLD.site) == wanted


def test_only_episodes_that_have_ended_are_items_and_retracted_ones_are_none() -> None:
    # given one episode that is still open and one that was retracted
    first, second, third = WORLD.episodes.values()
    opened = msgspec.structs.replace(first, phase="confirmed", ended_at=None, duration_s=None)
    retracted = msgspec.structs.replace(second, phase="retracted", revision=second.revision + 4)

    # then only the third is there
    assert [item["episode_id"] for item in items(read([opened, retracted, third]))] == [third.episode_id]


def test_a_higher_activation_counts_whatever_the_revision() -> None:
    # given an episode, its retraction by a promoted replay, and a late fact of the old version
    episode = next(iter(WORLD.episodes.values()))
    retracted = msgspec.structs.replace(episode, phase="retracted", version="trial", activation=1, revision=4)
    late = msgspec.structs.replace(episode, revision=episode.revision + 1)
    rolled_back = msgspec.structs.replace(episode, activation=2)

    def shown(*records: Episode) -> int:
        window = Window()
        for record in records:
            window.add(record)
        return len(items(json.loads(files(window, [DAY], WORLD.site)[f"{DAY}.json"])))

    # then the retraction stands against the late fact, and the rollback brings it back
    assert shown(episode, retracted, late) == 0
    assert shown(retracted, rolled_back, late) == 1


@pytest.mark.parametrize("status", ["erased", "expired"])
def test_a_video_that_is_gone_leaves_no_name_behind_but_the_episode_stays(status: EvidenceStatus) -> None:
    # given an episode whose video is gone
    episode = next(iter(WORLD.episodes.values()))
    erased = msgspec.structs.replace(episode, evidence=msgspec.structs.replace(episode.evidence, status=status))

    # when it is written
    data = snapshot([DAY], [erased], WORLD.site)

    # then the item is there, and nothing of the video
    evidence = items(json.loads(data))[0]["video_evidence"]
    assert evidence["status"] == status
    assert evidence["segment_filename"] is evidence["uploaded_filename"] is evidence["video_url"] is None
    assert b".mp4" not in data


def test_a_day_whose_episodes_were_all_retracted_is_an_empty_file_and_not_a_stale_one() -> None:
    retracted = [msgspec.structs.replace(e, phase="retracted") for e in WORLD.episodes.values()]
    body = read(retracted)
    assert items(body) == []
    assert body["metadata"]["created_at"] == "2026-03-02 04:00:00"
    assert body["interaction_metrics"]["total_interactions"] == 0
    assert body["daily_summary"][DAY]["interactions"] == {
        "count": 0,
        "avg_duration": 0,
        "min_duration": 0,
        "max_duration": 0,
    }


def test_durations_are_averaged_to_the_millisecond_and_reckoned_where_none_was_stated() -> None:
    # given episodes of 10, 10 and 10.001 s, of which one states no duration
    first = next(iter(WORLD.episodes.values()))
    lasted = {"a": 10_000, "b": 10_000, "c": 10_001}
    three = [
        msgspec.structs.replace(
            first, episode_id=name, ended_at=first.started_at + ms, duration_s=None if name == "c" else ms / 1000
        )
        for name, ms in lasted.items()
    ]
    figures = read(three)["interaction_metrics"]
    assert figures["avg_interaction_time"] == 10.0
    assert (figures["min_interaction_time"], figures["max_interaction_time"]) == (10.0, 10.001)


def of_day(day: str, number: int) -> Episode:
    """The first episode, on another business day."""
    episode = next(iter(WORLD.episodes.values()))
    return msgspec.structs.replace(episode, business_day=day, episode_id=f"{number:08d}")


def test_there_is_a_file_for_each_changed_day_and_one_over_the_last_seven() -> None:
    # given ten days in a row and one long before
    window = Window()
    for number in range(1, 11):
        window.add(of_day(f"2026-03-{number:02d}", number))

    # when two of them have changed
    written = files(window, {"2026-03-02", "2026-03-10"}, WORLD.site)

    # then those and the last days are written, and the last days are seven
    assert set(written) == {"2026-03-02.json", "2026-03-10.json", "last_7_days.json"}
    assert list(json.loads(written[DEFAULT.last_days_name])["daily_summary"]) == [
        f"2026-03-{n:02d}" for n in range(4, 11)
    ]


def test_unless_told_otherwise_a_month_is_held() -> None:
    window = Window()
    for day in ("2026-03-01", "2026-03-31"):
        window.add(of_day(day, 1))
    assert window.days() == ["2026-03-01", "2026-03-31"]
    window.add(of_day("2026-04-01", 1))
    assert window.days() == ["2026-03-31", "2026-04-01"]
    assert [window.holds(day) for day in ("2026-03-01", "2026-03-02")] == [False, True]


def test_a_snapshot_says_from_its_data_when_it_began_and_when_something_last_became_known() -> None:
    # given one episode that ended at 10:01:02, stored at 11:00:18 and reported after that
    episode = next(iter(WORLD.episodes.values()))
    assert episode.incident.reported_at is not None
    text = snapshot([DAY], [episode], WORLD.site).decode()

    # then these are its first and its last moment, in a file that people can read
    assert text.startswith('{\n  "metadata": {\n    "version": "1.1",\n    "created_at": "2026-03-02 10:01:02",\n')
    assert f'"last_updated": "{WORLD.site.local_time(episode.incident.reported_at):%Y-%m-%d %H:%M:%S}"' in text
    assert text.endswith("}\n")


def test_the_window_forgets_old_days_and_says_so() -> None:
    # given a window of three days
    window = Window(days_held=3, bounds=Bounds(last_days=3))
    for number in range(1, 6):
        window.add(of_day(f"2026-03-0{number}", number))

    # when something old comes
    window.add(of_day("2026-03-01", 99))

    # then only the last three days are held
    assert window.days() == ["2026-03-03", "2026-03-04", "2026-03-05"]
    assert not window.holds("2026-03-01")
    assert window.episodes(["2026-03-01"]) == []


def test_hours_after_midnight_belong_to_the_business_day_and_come_last() -> None:
    # given an episode at 23:00 and one at 01:00 of the same business day
    episode = next(iter(WORLD.episodes.values()))
    late = msgspec.structs.replace(episode, episode_id="b", started_at=episode.started_at + 13 * 3_600_000)
    night = msgspec.structs.replace(episode, episode_id="a", started_at=episode.started_at + 15 * 3_600_000)

    # then both stand under it, the night after the evening
    assert list(read([night, late])["hourly_breakdown"][DAY]) == ["23", "01"]


def test_a_file_has_no_more_items_than_it_may_the_newest_and_counts_all() -> None:
    # given five interactions where three may be shown
    five = [msgspec.structs.replace(of_day(DAY, n), started_at=world.MORNING + n * 60_000) for n in range(5)]
    body = json.loads(snapshot((DAY,), five, WORLD.site, Bounds(items_max=3)))

    # then the last three are there, every figure counts five, and the file says that two are missing
    assert [item["episode_id"] for item in items(body)] == ["00000002", "00000003", "00000004"]
    assert body["interaction_metrics"]["total_interactions"] == 5
    assert body["daily_summary"][DAY]["interactions"]["count"] == 5
    assert body["metadata"]["items_left_out"] == {"interactions": 2, "unattended_times": 0}
    assert "items_left_out" not in read(five)["metadata"]


def test_the_last_days_are_as_many_as_the_setting_says() -> None:
    window = Window()
    for number in range(1, 6):
        window.add(of_day(f"2026-03-0{number}", number))
    written = files(window, [], WORLD.site, Bounds(last_days=2))
    assert list(written) == ["last_2_days.json"]
    assert list(json.loads(written["last_2_days.json"])["daily_summary"]) == ["2026-03-04", "2026-03-05"]


def test_where_there_is_too_much_the_oldest_days_go_but_none_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    # given room for four episodes, and a file over the last two days
    monkeypatch.setattr("connectors.snapshots.plan.EPISODES_HELD", 4)
    window = Window(bounds=Bounds(last_days=2))
    days = [f"2026-03-0{number}" for number in range(1, 5)]

    # when a day of one, two of two and one of three come
    for day, count in zip(days, (1, 2, 2, 3), strict=True):
        for number in range(count):
            window.add(of_day(day, number))

    # then the first two are gone and the last two are whole
    assert window.days() == days[2:]
    assert len(window.episodes(days)) == 5
    assert not window.holds(days[1])


def test_a_day_that_is_asked_for_is_held_however_old_it_is() -> None:
    window = Window(days_held=1, bounds=Bounds(last_days=1), also=["2026-01-05"])
    for day in ("2026-01-05", "2026-01-06", "2026-03-01", "2026-03-02"):
        window.add(of_day(day, 1))
    assert window.days() == ["2026-01-05", "2026-03-02"]
