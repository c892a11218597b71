"""The one way to ClickHouse: clickhouse-connect by URL, an embedded engine behind HTTP or a real server alike."""

import logging
from importlib import resources
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error as DriverError

from connectors.clickhouse.plan import Row
from connectors.sink import StoreUnavailable
from infra.config import Settings

log = logging.getLogger(__name__)

INSERT_SETTINGS = {
    "async_insert": 0,  # acknowledged means stored
    "fsync_after_insert": 1,
    "max_partitions_per_insert_block": 0,  # old footage may spread one batch over many months
}
TIMEOUT_S = 60


class ClickHouseUnavailable(StoreUnavailable):
    """ClickHouse does not answer or refuses: check clickhouse.url, clickhouse.username and the password."""


def connect(settings: Settings, database: str | None = None) -> Client:
    """A client on the configured database, or on another. Raises ClickHouseUnavailable."""
    wanted = settings.clickhouse
    try:
        return clickhouse_connect.get_client(
            dsn=wanted.url,
            username=wanted.username,
            password=wanted.password.get_secret_value(),
            database=wanted.database if database is None else database,
            connect_timeout=10,
            send_receive_timeout=TIMEOUT_S,
            autogenerate_session_id=False,  # a session would let only one query run at a time
            tz_mode="aware",
        )
    except DriverError as error:
        raise unavailable(settings, error) from error


def unavailable(settings: Settings, error: Exception) -> ClickHouseUnavailable:
    """What a driver's error means to a caller, in one line and without the server's stack."""
    return ClickHouseUnavailable(f"ClickHouse at {settings.clickhouse.url}: {first_line(error)}")


def first_line(error: Exception) -> str:
    """The driver's or the server's own words, one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:500]


def statements() -> list[tuple[str, str]]:
    """(file name, statement) of sql/*.sql in the order in which they are applied; one statement a file."""
    files = [f for f in resources.files("connectors.clickhouse").joinpath("sql").iterdir() if f.name.endswith(".sql")]
    return [(f.name, f.read_text(encoding="utf-8")) for f in sorted(files, key=lambda f: f.name)]


def apply_schema(settings: Settings) -> None:
    """Make database, tables and views; what is there stays as it is, so that this is done at every start.

    Raises ClickHouseUnavailable.
    """
    try:
        with connect(settings, database="default") as first:
            first.command(f"CREATE DATABASE IF NOT EXISTS `{settings.clickhouse.database}`")
        with connect(settings) as client:
            for name, statement in statements():
                try:
                    client.command(statement)
                except DriverError as error:
                    raise ClickHouseUnavailable(f"sql/{name}: {first_line(error)}") from error
    except DriverError as error:
        raise unavailable(settings, error) from error


def insert(settings: Settings, client: Client, table: str, rows: list[Row]) -> None:
    """Insert rows that have the same columns; when this returns they are stored. Raises ClickHouseUnavailable."""
    columns = list(rows[0])
    data: list[list[Any]] = [[row[column] for column in columns] for row in rows]
    try:
        client.insert(table, data, column_names=columns, settings=INSERT_SETTINGS)
    except DriverError as error:
        raise ClickHouseUnavailable(
            f"ClickHouse at {settings.clickhouse.url}: {len(rows)} rows for {table}: {first_line(error)}"
        ) from error
