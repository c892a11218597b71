"""What a person finds in the database explains itself, and rows are kept as long as the settings say."""

from typing import Any

import pytest

from connectors.clickhouse import schema
from connectors.clickhouse.client import query
from infra.config import Settings
from tests import world, world_servers


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    return list(query(settings, sql).rows)


def keeping(settings: Settings, days: int | None) -> Settings:
    """The same database, whose rows are kept so long."""
    return settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"keep_days": days})})


def test_every_table_and_view_and_every_column_of_them_says_what_it_is(clickhouse: Settings) -> None:
    # given the database as a service makes it, and makes it again at its next start
    schema.apply(clickhouse)
    tables = dict(rows(clickhouse, "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"))
    columns = rows(clickhouse, "SELECT table, name, comment FROM system.columns WHERE database = currentDatabase()")

    # then nothing there is without a word
    assert {"episode_log", "episodes", "interactions_hourly"} <= set(tables)
    assert [name for name, comment in tables.items() if not comment] == []
    assert [(table, name) for table, name, comment in columns if not comment] == []

    # and a view says of a column what its file says, or what its table says
    told = {(table, name): comment for table, name, comment in columns}
    assert told["interactions_hourly", "interactions"] == "How many began in this hour"
    assert told["episodes", "local_start"] == "When it began, on the site's clock"
    assert told["evidence_missing", "evidence_reason"] == told["episode_log", "evidence_reason"]
    assert told["first_contact", "local_hour"] == told["visits", "local_hour"]


def test_rows_are_kept_for_ever_unless_a_setting_says_how_long(clickhouse: Settings) -> None:
    # given a world long ago
    shop = world.make("keep")

    def kept(days: int | None) -> list[tuple[Any, ...]]:
        schema.apply(keeping(clickhouse, days))
        world_servers.command(clickhouse, "OPTIMIZE TABLE episode_log FINAL")
        return rows(clickhouse, "SELECT count() FROM episode_log FINAL")

    world_servers.fill_rows(clickhouse, shop)
    assert kept(None) == [(3,)]

    # when rows are kept for longer than it is ago, nothing goes; when for a day, all
    assert kept(36_500) == [(3,)]
    assert kept(1) == [(0,)]

    # and without the setting new rows stay again
    schema.apply(clickhouse)
    world_servers.fill_rows(clickhouse, shop)
    assert kept(None) == [(3,)]


@pytest.mark.parametrize("table", ["episode_log", "visits", "outages"])
def test_nothing_that_a_revision_can_change_is_in_the_key(clickhouse: Settings, table: str) -> None:
    key = rows(
        clickhouse, f"SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = '{table}'"
    )
    made_from_data = {"episode_log": "episode_id", "visits": "visit_id", "outages": "outage_id"}[table]
    assert key == [(f"business_day, site_id, camera_id, version, {made_from_data}",)]
