"""Questions in SQL, as `trackfold sql` and the audit ask them: read only."""

from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from clickhouse_connect.driver.exceptions import Error as DriverError

from connectors.clickhouse.client import connect, first_line, unavailable
from infra.config import Settings

MAX_EXECUTION_S = 120
READ_FORMATS = {"DateTime64": "int", "UUID": "string"}
"""How the audit wants to see values: ms UTC and text, as in the records."""


class SqlError(ValueError):
    """ClickHouse refuses this query; the text is its own. Correct the query."""


@dataclass(frozen=True)
class Result:
    """A table of answers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Each row by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def query(
    settings: Settings, sql: str, *, parameters: dict[str, Any] | None = None, formats: dict[str, str] | None = None
) -> Result:
    """The answer to one SELECT (or SHOW, DESCRIBE, EXISTS, EXPLAIN). {name:Type} in it is filled from parameters.

    Raises SqlError when the query is wrong or would change something, ClickHouseUnavailable when nobody answers.
    """
    with connect(settings) as client:
        try:
            answer = client.query(
                sql.strip().rstrip(";"),
                parameters=parameters,
                query_formats=formats,
                settings={"readonly": 2, "max_execution_time": MAX_EXECUTION_S},
            )
        except OperationalError as error:
            raise unavailable(settings, error) from error
        except DatabaseError as error:
            raise SqlError(first_line(error)) from error
        except DriverError as error:
            raise unavailable(settings, error) from error
        return Result(tuple(answer.column_names), tuple(tuple(row) for row in answer.result_rows))
