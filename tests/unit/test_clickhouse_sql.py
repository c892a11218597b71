import pytest

from infra.local.clickhouse_sql import (
    code_and_status,
    format_of,
    gives_rows,
    insert_of,
    late_error,
    may_stream,
    query_parameters,
    set_statement,
)


@pytest.mark.parametrize(
    ("text", "into", "format", "data"),
    [
        (b"INSERT INTO t (a, b) FORMAT Native\n\x01\x02", "INSERT INTO t (a, b)", "Native", b"\x01\x02"),
        (b"insert into db.t format CSV\n1,2", "insert into db.t", "CSV", b"1,2"),
        (b"INSERT INTO `my t` (`a (m)`, b) FORMAT CSV\r\n1", "INSERT INTO `my t` (`a (m)`, b)", "CSV", b"1"),
        (b"-- loaded by hand\nINSERT INTO TABLE t FORMAT CSV\n\n1", "INSERT INTO TABLE t", "CSV", b"\n1"),
        (b"INSERT INTO t FORMAT Values (1), (2)", "INSERT INTO t", "Values", b"(1), (2)"),
        (b"INSERT INTO t FORMAT JSONEachRow", "INSERT INTO t", "JSONEachRow", b""),
        (b"/* x */ INSERT INTO t FORMAT TSV\n1\n", "INSERT INTO t", "TSV", b"1\n"),
    ],
)
def test_an_insert_with_data_is_taken_apart(text: bytes, into: str, format: str, data: bytes) -> None:
    found = insert_of(text)
    assert found is not None
    assert (found.into.strip(), found.format, text[found.data_from :]) == (into, format, data)


def test_settings_of_an_insert_are_kept() -> None:
    found = insert_of(b"INSERT INTO t (a) SETTINGS max_threads = 1, x = 'y' FORMAT CSV\n1")
    assert found is not None
    assert (found.into, found.settings) == ("INSERT INTO t (a)", "max_threads = 1, x = 'y'")


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t VALUES (1, 'FORMAT CSV\n')",
        b"INSERT INTO t (a) VALUES (1)",
        b"INSERT INTO t SELECT * FROM u",
        b"INSERT INTO t SELECT 1 FORMAT Null",
        b"SELECT 'INSERT INTO t FORMAT CSV\n'",
        b"",
    ],
)
def test_other_statements_are_no_inserts_with_data(text: bytes) -> None:
    assert insert_of(text) is None


@pytest.mark.parametrize(
    ("sql", "rows", "stream"),
    [
        ("SELECT 1", True, True),
        ("  -- why\n (select 1) union all (select 2)", True, True),
        ("WITH 1 AS x SELECT x FORMAT Native", True, True),
        ("SELECT 1 FORMAT JSON", True, False),
        ("SELECT 1 FORMAT CSVWithNames;", True, False),
        ("SHOW TABLES", True, False),
        ("DESCRIBE t", True, False),
        ("CREATE TABLE selected (a UInt8) ENGINE = Memory", False, False),
        ("INSERT INTO t SELECT 1", False, False),
    ],
)
def test_what_gives_rows_and_what_may_be_streamed(sql: str, rows: bool, stream: bool) -> None:
    assert (gives_rows(sql), may_stream(sql, "TabSeparated")) == (rows, stream)


def test_a_format_in_the_query_wins_over_the_default() -> None:
    assert format_of("SELECT 1 FORMAT JSON", "CSV") == "JSON"
    assert format_of("SELECT 1", "CSV") == "CSV"
    assert not may_stream("SELECT 1", "Parquet")


def test_settings_are_those_parameters_that_are_nothing_else() -> None:
    asked = {"query": "SELECT 1", "database": "d", "param_x": "1", "session_id": "s", "max_threads": "2"}
    assert set_statement(asked, {"async_insert": "0"}) == "SET async_insert = '0', max_threads = '2'"
    assert query_parameters(asked) == {"x": "1"}


def test_a_setting_asked_for_wins_over_ours() -> None:
    assert set_statement({"max_execution_time": "5"}, {"max_execution_time": "120"}) == "SET max_execution_time = '5'"


def test_a_setting_cannot_carry_another_statement() -> None:
    assert set_statement({"a": "1', b = '2"}, {}) == "SET a = '1\\', b = \\'2'"
    with pytest.raises(ValueError, match="is no name of a setting"):
        set_statement({"a = 1, b": "2"}, {})


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        ("Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)", "60", 404),
        ("Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)", "62", 400),
        ("Code: 241. DB::Exception: Memory. (MEMORY_LIMIT_EXCEEDED)", "241", 500),
        ("something else", "1001", 500),
    ],
)
def test_errors_have_a_code_and_a_status(message: str, code: str, status: int) -> None:
    assert code_and_status(message) == (code, status)


def test_an_error_after_the_first_rows_is_marked_with_the_tag_and_its_length() -> None:
    body = late_error("Code: 1. x", "abcd")
    assert body == b"__exception__\r\nabcd\r\nCode: 1. x\n11 abcd\r\n__exception__\r\n"
