"""The one way to ClickHouse: clickhouse-connect by URL, an embedded engine behind HTTP or a real server alike."""

import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DataError, ProgrammingError
from clickhouse_connect.driver.exceptions import Error as DriverError
from clickhouse_connect.driver.httputil import get_pool_manager

from connectors.clickhouse.answer import Result, Values
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
READING = {"readonly": 2, "max_execution_time": ANSWER_S, "cancel_http_readonly_queries_on_client_close": 1}
"""A query changes nothing, ends some time, and does not go on when nobody waits for it any more."""
AS_IN_RECORDS = {"DateTime64": "int"}
"""Formats for query(): times as ms UTC, as the records have them."""
_CODE = re.compile(r"[Cc]ode: (\d+)")
WORDS_MAX = 1000
_READ_ONLY = "164"
_LOGIN = {"192", "193", "194", "497", "516"}
_BUSY = {"159", "202", "209", "210", "241", "242", "243", "252", "319"}


class ClickHouseUnavailable(StoreUnavailable):
    """ClickHouse is not there or cannot take more now: nothing is lost, try again."""


class ClickHouseRefuses(InputError):
    """The login is wrong or may not do this: correct clickhouse.username and TRACKFOLD_CLICKHOUSE__PASSWORD."""


class SqlError(InputError):
    """ClickHouse refuses a query; the text is its own. Correct the query."""


@contextmanager
def connected(settings: Settings, database: str | None = None) -> Iterator[Client]:
    """A client on the configured database, or on another.

    Raises, also for what is done with the client: ClickHouseRefuses for a wrong login, SqlError for a statement that
    is wrong, ClickHouseUnavailable for anything that may pass.
    """
    with explained(settings):
        client = client_of(settings, database)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Errors of the driver in this block come out as those of connected()."""
    try:
        yield
    except DriverError as error:
        raise _explained(settings.clickhouse.url, error) from error


def client_of(settings: Settings, database: str | None = None) -> Client:
    """A client that threads may share and its owner closes. To be used within explained()."""
    wanted = settings.clickhouse
    return clickhouse_connect.get_client(
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
        answer = ask(client, sql, parameters=parameters, formats=formats)
        return answer if answer.columns else Result(tuple(_columns(client, sql, parameters)), answer.rows)


def ask(
    client: Client, sql: str, *, parameters: dict[str, Any] | None = None, formats: dict[str, str] | None = None
) -> Result:
    """query() with a client that is there; without rows there may be no columns. To be used within explained()."""
    answer = client.query(sql.strip().rstrip(";"), parameters=parameters, query_formats=formats, settings=READING)
    return Result(tuple(answer.column_names), tuple(tuple(row) for row in answer.result_rows))


@contextmanager
def answer_of(
    settings: Settings, sql: str, rows_max: int | None = None
) -> Iterator[tuple[list[str], Iterator[Values]]]:
    """Columns and rows of one SELECT (or SHOW, ...), row by row, so that an answer may be larger than our memory.

    rows_max: no more than so many. Raises what query() raises, also while the rows are read.
    """
    with connected(settings) as client:
        limit = {} if rows_max is None else {"limit": rows_max}
        with client.query_rows_stream(sql.strip().rstrip(";"), settings=READING | limit) as rows:
            yield list(rows.source.column_names or _columns(client, sql)), rows


def _columns(client: Client, sql: str, parameters: dict[str, Any] | None = None) -> Sequence[str]:
    """The columns of an answer without rows, of which the embedded engine sends nothing at all; none for a SHOW."""
    try:
        nothing = f"SELECT * FROM (\n{sql.strip().rstrip(';')}\n) LIMIT 0"
        return client.query(nothing, parameters=parameters, settings=READING).column_names
    except DriverError:
        return ()


def insert(client: Client, table: str, rows: list[Row]) -> None:
    """Insert rows that have the same columns; when this returns they are stored. To be used within connected()."""
    columns = list(rows[0])
    data: list[list[Any]] = [[row[column] for column in columns] for row in rows]
    client.insert(table, data, column_names=columns, settings=INSERT_SETTINGS)


def _explained(url: str, error: DriverError) -> ClickHouseUnavailable | ClickHouseRefuses | SqlError:
    """A driver's error as what a caller does next, in one line and without the server's stack."""
    found = _CODE.search(str(error))
    code = found[1] if found else None
    text = (str(error).strip() or type(error).__name__).partition("\nStack trace")[0]
    text = " ".join(text.rpartition("DB::Exception: ")[2].partition(" (for url ")[0].split())
    text = text if len(text) <= WORDS_MAX else f"{text[:WORDS_MAX]} …"
    if code in _LOGIN:
        return ClickHouseRefuses(f"ClickHouse at {url}: {text}; correct the login")
    if code in _BUSY:
        return ClickHouseUnavailable(f"ClickHouse at {url}: {text}")
    if code is None and not isinstance(error, DataError | ProgrammingError):
        return ClickHouseUnavailable(f"ClickHouse at {url}: no answer: {_innermost(error)}; is it up?")
    if code == _READ_ONLY:
        return SqlError(f"ClickHouse at {url}: {text}; a query here may read and cannot change anything")
    return SqlError(f"ClickHouse at {url}: {text}")


def _innermost(error: BaseException) -> BaseException:
    """The cause of the causes: drivers wrap a refused connection three times."""
    return error if error.__cause__ is None else _innermost(error.__cause__)
