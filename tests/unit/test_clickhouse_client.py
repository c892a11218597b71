"""What a person sees of a refusal."""

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError

from connectors.clickhouse.client import (
    ClickHouseRefuses,
    ClickHouseUnavailable,
    SqlError,
    _explained,
)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (
            DatabaseError("code: 516, server response: Code: 516. DB::Exception: Authentication failed"),
            ClickHouseRefuses,
        ),
        (DatabaseError("code: 47, server response: Code: 47. DB::Exception: Unknown identifier `nope`"), SqlError),
        (DatabaseError("code: 241, server response: Code: 241. DB::Exception: Memory limit"), ClickHouseUnavailable),
        (OperationalError("Connection refused"), ClickHouseUnavailable),
        (DataError("cannot write a str as an UInt32"), SqlError),
    ],
)
def test_a_wrong_login_a_wrong_query_and_a_server_that_is_away_are_told_apart(
    error: DatabaseError, wanted: type[Exception]
) -> None:
    assert type(_explained("http://db:8123", error)) is wanted


def test_a_refusal_is_the_servers_own_words_in_one_line() -> None:
    error = DatabaseError(
        "Received ClickHouse exception, code: 47, server response: Code: 47. DB::Exception: Unknown expression `nope`. "
        "(UNKNOWN_IDENTIFIER) (for url http://db:8123)\nStack trace: ..."
    )
    assert str(_explained("http://db:8123", error)) == (
        "ClickHouse at http://db:8123: Unknown expression `nope`. (UNKNOWN_IDENTIFIER)"
    )


def test_a_syntax_error_is_told_wholly_also_where_the_query_has_several_lines() -> None:
    error = DatabaseError(
        "code: 62, server response: Code: 62. DB::Exception: Syntax error: failed at position 16 (episodes) (line 3): "
        "episodes\nWHERE x. Expected one of: FROM, end of query. (SYNTAX_ERROR) (for url http://db:8123)\nStack trace:"
    )
    told = str(_explained("http://db:8123", error))
    assert told.endswith("(line 3): episodes WHERE x. Expected one of: FROM, end of query. (SYNTAX_ERROR)")
