"""A version's rows in ClickHouse, and which version counts there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import insert
from connectors.clickhouse.plan import Row, episode_row, outage_row, visit_row
from infra.replays import Told
from schemas.promotions import Active, CameraDay
from schemas.records import CameraOutage, CustomerVisit, Episode
from schemas.site import Site

TABLES = ("episode_log", "visits", "outages")


def of_version(episodes: Iterable[Episode], told: Iterable[Told], version: str, site: Site) -> dict[str, list[Row]]:
    """All rows of one camera's day in a version, by table."""
    told = list(told)
    return {
        **of_episodes(episodes, site),
        "visits": [visit_row(one, site, version) for one in told if isinstance(one, CustomerVisit)],
        "outages": [outage_row(one, site, version) for one in _newest(told)],
    }


def of_episodes(episodes: Iterable[Episode], site: Site) -> dict[str, list[Row]]:
    """The rows of Episodes as they are."""
    return {"episode_log": [episode_row(episode, site) for episode in episodes]}


def shown(client: Client, site: Site) -> dict[CameraDay, str]:
    """Which version the views show, for the camera-days of which anybody decided."""
    asked = (
        "SELECT camera_id, toString(business_day), current_version FROM current_versions WHERE site_id = {site:String}"
    )
    found = client.query(asked, parameters={"site": site.site_id}).result_rows
    return {(camera_id, day): version for camera_id, day, version in found}


def _newest(told: Iterable[Told]) -> list[CameraOutage]:
    """Of each outage what was said last."""
    found: dict[str, CameraOutage] = {}
    for one in told:
        if isinstance(one, CameraOutage):
            found[one.outage_id] = one
    return list(found.values())


def clear(client: Client, site: Site, camera_day: CameraDay, version: str) -> None:
    """Remove what an earlier try loaded of a version that does not count: its replay may have been made anew since."""
    where = (
        "site_id = {site:String} AND camera_id = {camera:String} AND toString(business_day) = {day:String} "
        "AND version = {version:String}"
    )
    parameters = {"site": site.site_id, "camera": camera_day[0], "day": camera_day[1], "version": version}
    for table in TABLES:
        if client.query(f"SELECT count() FROM {table} WHERE {where}", parameters=parameters).result_rows[0][0]:
            client.command(
                f"ALTER TABLE {table} DELETE WHERE {where}", parameters=parameters, settings={"mutations_sync": 2}
            )


def load(client: Client, rows: Mapping[str, Sequence[Row]]) -> None:
    """Insert rows; when this returns they are stored."""
    for table, of_table in rows.items():
        if of_table:
            insert(client, table, list(of_table))


def activate(client: Client, site: Site, now: Mapping[CameraDay, Active], at_ms: int) -> None:
    """Say which version counts, for all camera-days in one insert: every view changes over at once."""
    rows: list[Row] = [
        {
            "site_id": site.site_id,
            "camera_id": camera_id,
            "business_day": date.fromisoformat(day),
            "version": of.version,
            "activation": of.activation,
            "activated_at": at_ms,
        }
        for (camera_id, day), of in now.items()
    ]
    insert(client, "active_versions", rows)
