"""docs/sql.md is true: every query runs on known data and answers it, every column is there, every view is told of."""

import re
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse.client import query
from infra.config import Settings
from tests import world, world_servers

DOC = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", DOC, re.S)
VIEWS = (
    "episodes",
    "interactions",
    "interactions_hourly",
    "unattended_hourly",
    "first_contact",
    "staff_daily",
    "camera_outages",
    "evidence_missing",
    "pipeline_latency",
)
FIRST_URL = "https://videos.example/shop/prolific_upload_1772442594_"


@pytest.fixture(scope="module")
def known(clickhouse: Settings) -> Settings:
    """A database with one world in it, one of whose clips is still to come."""
    settings = clickhouse
    world_servers.fill_rows(settings, world.make("docs"))
    # the first thing that was said of another day's episode: it has no evidence yet
    fresh = world.make("fresh", began_at=world.MORNING + 24 * 3_600_000)
    fresh.facts, fresh.stated = [], fresh.stated[:1]
    world_servers.fill_rows(settings, fresh)
    return settings


def section(view: str) -> str:
    return DOC[DOC.index(f"\n## {view}\n") :].partition("\n## ")[2].partition("\n## ")[0]


def answers(settings: Settings, sql: str) -> list[dict[str, Any]]:
    return query(settings, sql).as_dicts()


def test_there_are_three_questions_to_start_with_and_one_for_each_view() -> None:
    assert len(QUERIES) == 3 + len(VIEWS) + 1


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_every_query_answers_something(known: Settings, number: int) -> None:
    assert answers(known, QUERIES[number]), QUERIES[number]


@pytest.mark.parametrize("view", VIEWS)
def test_every_column_of_a_view_is_explained_and_no_other(known: Settings, view: str) -> None:
    # given the columns that the document names and those that the view has
    told = re.findall(r"^\| ([a-z_0-9, ]+) \|", section(view), re.M)
    names = [name for cell in told for name in cell.split(", ") if name != "column"]
    there = [row["name"] for row in answers(known, f"DESCRIBE TABLE {view}")]

    # then they are the same
    assert sorted(names) == sorted(there)


@pytest.mark.parametrize("view", VIEWS)
def test_the_question_of_a_view_is_the_comment_that_a_bi_tool_shows(known: Settings, view: str) -> None:
    comment = answers(
        known, f"SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = '{view}'"
    )
    assert comment[0]["comment"] in section(view)


def test_who_waited_longest_is_answered_with_the_video(known: Settings) -> None:
    row = answers(known, QUERIES[0])[0]
    assert (row["local_start"], row["duration_s"], row["reason"]) == ("2026-03-02 10:10:00", 60.0, "no_contact")
    assert row["video_url"].startswith(FIRST_URL)


def test_the_share_of_customers_who_waited_a_minute_is_that_of_the_visits(known: Settings) -> None:
    # one of two visits waited 60 s, the other 30.5 s
    assert answers(known, QUERIES[1]) == [{"weekday": 1, "local_hour": 10, "came": 2, "share": 0.5}]
    row = answers(known, "SELECT * FROM unattended_hourly")[0]
    assert (row["customers"], row["reached_60s"], row["unattended"]) == (2, 1, 1)
    assert (row["waited_s_p50"], row["waited_s_p95"]) == (45.25, pytest.approx(58.525))


def test_an_hour_without_episodes_is_told_from_an_hour_without_a_picture(known: Settings) -> None:
    # the outage began at 10:16:40 and lasted 90 s
    rows = {(r["camera_id"], str(r["business_day"])): r for r in answers(known, QUERIES[2])}
    blind = rows["door-docs", "2026-03-02"]
    assert (blind["local_hour"], blind["interactions"], blind["blind_s"]) == (10, 0, 90.0)


def test_each_episode_is_shown_once_however_many_revisions_were_loaded(known: Settings) -> None:
    rows = answers(known, "SELECT kind, phase, count() AS n, uniqExact(episode_id) AS ids FROM episodes GROUP BY ALL")
    found = {(row["kind"], row["phase"]): (row["n"], row["ids"]) for row in rows}
    assert found == {
        ("interaction", "ended"): (2, 2),
        ("unattended", "ended"): (1, 1),
        ("interaction", "confirmed"): (1, 1),
    }


def test_hourly_figures_do_not_count_revisions_twice(known: Settings) -> None:
    rows = answers(known, "SELECT * FROM interactions_hourly WHERE business_day = '2026-03-02'")
    assert [(r["interactions"], r["staff"], r["customers"]) for r in rows] == [(2, 1, 2)]
    assert rows[0]["duration_s_total"] == pytest.approx(97.4)


def test_only_the_episode_without_a_clip_lacks_evidence(known: Settings) -> None:
    rows = answers(known, "SELECT * FROM evidence_missing")
    assert [(r["camera_id"], r["evidence_status"], r["incident_status"]) for r in rows] == [
        ("counter-fresh", "pending", None)
    ]


def test_the_first_contact_and_the_steps_of_the_pipeline_are_timed(known: Settings) -> None:
    contact = answers(known, "SELECT * FROM first_contact")[0]
    assert (contact["visits"], contact["contacted"], contact["first_contact_s_p50"]) == (2, 1, 30.5)
    steps = answers(known, "SELECT * FROM pipeline_latency WHERE camera_id = 'counter-docs'")[0]
    assert (steps["clip_to_upload_s_p50"], steps["upload_to_incident_s_p95"]) == (1.0, 0.5)
    assert steps["confirmed_to_incident_s_p50"] == 3603.5


def test_an_outage_is_spread_over_the_hours_of_the_shops_clock(known: Settings) -> None:
    # given a shop in Kathmandu (UTC+5:45), blind from 10:50 to 13:05 its time
    began = 1772428200_000  # 2026-03-02 10:55 in Kathmandu
    values = "'far', 'roof', '2026-03-02', 'live', 'o-1', 2, 'r', 'live', 'Asia/Kathmandu'"
    times = f"fromUnixTimestamp64Milli({began - 300_000}, 'UTC'), fromUnixTimestamp64Milli({began + 7_800_000}, 'UTC')"
    world_servers.command(known, f"INSERT INTO outages SELECT {values}, {times}, 10, 'lost'")

    # then each of its hours has its share
    rows = answers(known, "SELECT local_hour, blind_s FROM camera_outages WHERE site_id = 'far' ORDER BY local_hour")
    assert [(r["local_hour"], r["blind_s"]) for r in rows] == [(10, 600.0), (11, 3600.0), (12, 3600.0), (13, 300.0)]
