"""Rows are what records say, in the columns that the tables have."""

import re
from datetime import date

import msgspec
import pytest

from connectors.clickhouse.plan import TABLES, by_table, episode_row, outage_row, visit_row
from connectors.clickhouse.schema import described, statements
from schemas.records import CameraOutage, CustomerVisit
from schemas.site import Camera, Site
from tests import world

WORLD = world.make("rows")


def declared(table: str) -> list[str]:
    """The columns that a row has to fill, from the table's statement."""
    text = next(sql for _, sql in statements() if f"CREATE TABLE IF NOT EXISTS {table}\n" in sql)
    body = text[text.index("(\n") : text.index("\nENGINE")]
    lines = re.findall(r"^    ([a-z_0-9]+) (.*)$", body, re.M)
    return [name for name, rest in lines if "MATERIALIZED" not in rest]


@pytest.mark.parametrize("table", TABLES.values())
def test_a_row_fills_every_column_of_its_table(table: str) -> None:
    # given records of every kind
    rows = by_table(WORLD.records, WORLD.site)

    # then their rows have the table's columns, in its order
    assert list(rows[table][0]) == declared(table)


def test_every_column_has_a_comment_and_every_table_and_view_its_question() -> None:
    for name, sql in statements():
        assert re.search(r"\nCOMMENT '.+'\n?$", sql), name
        if "CREATE TABLE" in sql:
            for line in re.findall(r"^    [a-z_0-9]+ .*$", sql, re.M):
                if not line.startswith("    quarter"):
                    assert "COMMENT '" in line, line


def test_the_hour_is_that_of_the_shops_clock() -> None:
    # given an episode at 10:00 in Berlin, which is 14:30 in Kolkata
    episode = next(iter(WORLD.episodes.values()))
    kolkata = Site(site_id="far", timezone="Asia/Kolkata", cameras=(Camera(camera_id="c"),))

    # then the hour follows the site
    assert episode_row(episode, WORLD.site)["local_hour"] == 10
    assert episode_row(episode, kolkata)["local_hour"] == 14


def test_an_episode_keeps_its_activation_so_that_a_rollback_can_win_over_more_revisions() -> None:
    # given an episode of a promoted replay
    episode = next(iter(WORLD.episodes.values()))
    promoted = msgspec.structs.replace(episode, version="wider-zone", activation=1, revision=3)

    # when it becomes a row
    row = episode_row(promoted, WORLD.site)

    # then version, activation and revision stand in it as they are
    assert (row["version"], row["activation"], row["revision"]) == ("wider-zone", 1, 3)


def test_times_of_the_pipeline_come_from_the_episodes_own_chain() -> None:
    # given the episode that has its own clip and the one that another's clip shows
    rows = [episode_row(e, WORLD.site) for e in WORLD.episodes.values() if e.kind == "interaction"]
    own = next(row for row in rows if row["evidence_from"] is None)
    shown = next(row for row in rows if row["evidence_from"] is not None)

    # then both say when that clip was cut, which is before it was uploaded
    assert own["cut_at"] == shown["cut_at"] < own["uploaded_at"] == shown["uploaded_at"]


def test_an_episode_without_evidence_yet_is_a_row_that_says_pending() -> None:
    # given the first thing that was stated of an episode
    first = WORLD.stated[0]

    # when it becomes a row
    row = episode_row(first, WORLD.site)

    # then nothing is silently null
    assert row["evidence_status"] == "pending"
    assert row["cut_at"] is None
    assert row["business_day"] == date(2026, 3, 2)
    assert row["track_ids"] == [f"{world.MORNING}:101:0", f"{world.MORNING}:201:0"]


def test_visits_and_outages_count_for_the_lane_that_saw_them() -> None:
    visit: CustomerVisit = WORLD.of(CustomerVisit)[0]
    outage: CameraOutage = WORLD.of(CameraOutage)[0]
    assert visit_row(msgspec.structs.replace(visit, lane="late-camera"), WORLD.site)["version"] == "late-camera"
    assert outage_row(outage, WORLD.site)["version"] == "live"


def test_records_of_another_site_are_left_to_its_own_sink() -> None:
    other = world.make("other")
    assert by_table(other.records, WORLD.site) == {}


def test_what_stands_behind_a_column_of_a_view_describes_it_and_other_comments_do_not() -> None:
    statement = "SELECT\n    day,\n    -- not this\n    count() AS n, -- How many, of all\n    sum(x) AS s -- The sum\n"
    assert described(statement) == {"n": "How many, of all", "s": "The sum"}
