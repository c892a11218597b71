"""The one way to ClickHouse: clickhouse-connect by URL, an embedded engine behind HTTP or a real server alike."""

import csv
import functools
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DataError, ProgrammingError
from clickhouse_connect.driver.exceptions import Error as DriverError
from clickhouse_connect.driver.httputil import get_pool_manager
from rich.cells import cell_len

from connectors.clickhouse.plan import Row
from connectors.partner import is_loopback
from connectors.sink import StoreUnavailable
from infra.config import Settings
from schemas.errors import InputError

CONNECT_S = 10
ANSWER_S = 120
INSERT_SETTINGS = {
    "async_insert": 0,  # acknowledged means stored
    "max_partitions_per_insert_block": 0,  # old footage may spread one batch over many months
}
AS_IN_RECORDS = {"DateTime64": "int"}
"""Formats for query(): times as ms UTC, as the records have them."""
_CODE = re.compile(r"[Cc]ode: (\d+)")
_LOGIN = {"192", "193", "194", "497", "516"}
_BUSY = {"159", "202", "209", "210", "241", "242", "243", "252", "319"}


class ClickHouseUnavailable(StoreUnavailable):
    """ClickHouse is not there or cannot take more now: nothing is lost, try again."""


class ClickHouseRefuses(InputError):
    """The login is wrong or may not do this: correct clickhouse.username and TRACKFOLD_CLICKHOUSE__PASSWORD."""


class SqlError(InputError):
    """ClickHouse refuses a query; the text is its own. Correct the query."""


@dataclass(frozen=True)
class Result:
    """The answer to a query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Each row by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def __str__(self) -> str:
        return as_table(self)


@contextmanager
def connected(settings: Settings, database: str | None = None) -> Iterator[Client]:
    """A client on the configured database, or on another.

    Raises, also for what is done with the client: ClickHouseRefuses for a wrong login, SqlError for a statement that
    is wrong, ClickHouseUnavailable for anything that may pass.
    """
    wanted = settings.clickhouse
    client: Client | None = None
    try:
        client = clickhouse_connect.get_client(
            dsn=wanted.url,
            username=wanted.username,
            password=wanted.password.get_secret_value(),
            database=wanted.database if database is None else database,
            connect_timeout=CONNECT_S,
            send_receive_timeout=ANSWER_S,
            autogenerate_session_id=False,  # within a session only one query runs at a time
            tz_mode="aware",
            # no proxy of the environment stands before this machine
            **({"pool_mgr": _direct()} if is_loopback(wanted.url) else {}),
        )
        yield client
    except DriverError as error:
        raise _explained(wanted.url, error) from error
    finally:
        if client is not None:
            client.close()


@functools.cache
def _direct() -> Any:
    return get_pool_manager()


def query(
    settings: Settings, sql: str, *, parameters: dict[str, Any] | None = None, formats: dict[str, str] | None = None
) -> Result:
    """The answer to one SELECT (or SHOW, DESCRIBE, EXISTS, EXPLAIN); {name:Type} in it is filled from parameters.

    Raises SqlError when the query is wrong or would change something, and what connected() raises.
    """
    with connected(settings) as client:
        answer = client.query(
            sql.strip().rstrip(";"),
            parameters=parameters,
            query_formats=formats,
            settings={"readonly": 2, "max_execution_time": ANSWER_S},
        )
        return Result(tuple(answer.column_names), tuple(tuple(row) for row in answer.result_rows))


def insert(client: Client, table: str, rows: list[Row]) -> None:
    """Insert rows that have the same columns; when this returns they are stored. To be used within connected()."""
    columns = list(rows[0])
    data: list[list[Any]] = [[row[column] for column in columns] for row in rows]
    client.insert(table, data, column_names=columns, settings=INSERT_SETTINGS)


def as_csv(result: Result) -> str:
    """The result as CSV with a header."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows([["" if value is None else value for value in row] for row in result.rows])
    return out.getvalue()


def as_table(result: Result) -> str:
    """The result for a person to read, numbers to the right, with the count of rows below."""
    cells = [[_shown(value) for value in row] for row in result.rows]
    widths = [max(map(cell_len, column)) for column in zip(result.columns, *cells, strict=True)]
    right = [
        any(isinstance(row[n], int | float) for row in result.rows)
        and all(row[n] is None or isinstance(row[n], int | float) for row in result.rows)
        for n in range(len(result.columns))
    ]

    def line(values: list[str] | tuple[str, ...]) -> str:
        padded = (
            " " * (width - cell_len(value)) + value if to_right else value + " " * (width - cell_len(value))
            for value, width, to_right in zip(values, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    count = f"({len(cells)} row{'' if len(cells) == 1 else 's'})"
    return "\n".join([line(result.columns), rule, *(line(row) for row in cells), count]) + "\n"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _explained(url: str, error: DriverError) -> ClickHouseUnavailable | ClickHouseRefuses | SqlError:
    """A driver's error as what a caller does next, in one line and without the server's stack."""
    found = _CODE.search(str(error))
    code = found[1] if found else None
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    text = text.rpartition("DB::Exception: ")[2].partition(" (for url ")[0][:500]
    if code in _LOGIN:
        return ClickHouseRefuses(f"ClickHouse at {url}: {text}; correct the login")
    if code in _BUSY:
        return ClickHouseUnavailable(f"ClickHouse at {url}: {text}")
    if code is None and not isinstance(error, DataError | ProgrammingError):
        return ClickHouseUnavailable(f"ClickHouse at {url}: no answer: {_innermost(error)}; is it up?")
    return SqlError(f"ClickHouse at {url}: {text}")


def _innermost(error: BaseException) -> BaseException:
    """The cause of the causes: drivers wrap a refused connection three times."""
    return error if error.__cause__ is None else _innermost(error.__cause__)
