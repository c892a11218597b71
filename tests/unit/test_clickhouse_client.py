"""What a person sees of an answer, and of a refusal."""

from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError

from connectors.clickhouse.client import (
    ClickHouseRefuses,
    ClickHouseUnavailable,
    Result,
    SqlError,
    _explained,
    as_csv,
    as_table,
)

RESULT = Result(("kind", "n", "share"), (("interaction", 12, 0.5), ("unattended", 3, None)))


def test_a_table_puts_numbers_to_the_right_and_counts_its_rows() -> None:
    assert as_table(RESULT) == (
        "kind          n  share\n"
        "-----------  --  -----\n"
        "interaction  12    0.5\n"
        "unattended    3\n"
        "(2 rows)\n"
    )  # fmt: skip


def test_a_printed_answer_is_its_table() -> None:
    assert str(RESULT) == as_table(RESULT)


def test_an_empty_answer_still_names_its_columns() -> None:
    assert as_table(Result(("a", "b"), ())) == "a  b\n-  -\n(0 rows)\n"


def test_csv_has_a_header_and_leaves_nulls_empty() -> None:
    at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    result = Result(("at", "said", "n"), ((at, 'a "quoted", word', None),))
    assert as_csv(result) == 'at,said,n\n2026-03-02 10:00:00+00:00,"a ""quoted"", word",\n'


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
