"""What people and programs see of an answer."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.clickhouse.answer import Result, as_table, csv_lines, json_lines

RESULT = Result(("kind", "n", "share"), (("interaction", 12, 0.5), ("unattended", 3, None)))
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


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
    assert "".join(csv_lines(("a", "b"), [])) == "a,b\n"
    assert "".join(json_lines(("a", "b"), [])) == "[]\n"


def test_a_table_that_is_cut_says_so() -> None:
    assert as_table(Result(("a",), ((1,),)), more=True).endswith(
        "(the first 1 row; there are more: --limit 0 shows all)\n"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [(48127877.552, "48127877.552"), (1800.0, "1800"), (0.1 + 0.2, "0.3"), (0.00002, "2e-05"), (float("nan"), "nan")],
)
def test_numbers_of_a_table_are_written_out_to_a_thousandth(value: float, shown: str) -> None:
    assert as_table(Result(("n",), ((value,),))).splitlines()[2].strip() == shown


def test_csv_has_a_header_and_leaves_nulls_empty() -> None:
    lines = csv_lines(("at", "said", "n"), [(AT, 'a "quoted", word', None), (AT.replace(microsecond=5000), "b", 1)])
    assert "".join(lines) == (
        'at,said,n\n2026-03-02 10:00:00+00:00,"a ""quoted"", word",\n2026-03-02 10:00:00.005+00:00,b,1\n'
    )


def test_json_is_one_array_with_times_in_iso_8601_and_null_for_what_is_no_number() -> None:
    row = (AT, date(2026, 3, 2), float("nan"), [1.5, float("inf")], "ä", None)
    text = "".join(json_lines(("at", "day", "n", "list", "said", "none"), [row, row]))
    wanted = {"at": "2026-03-02T10:00:00+00:00", "day": "2026-03-02", "n": None, "list": [1.5, None], "said": "ä"}
    assert json.loads(text) == [wanted | {"none": None}] * 2
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("lines", [csv_lines, json_lines])
def test_rows_are_written_as_they_come(lines: Any) -> None:
    # given an answer without an end
    def rows() -> Iterator[tuple[int]]:
        while True:
            yield (1,)

    # then its first lines are there at once
    told = lines(("n",), rows())
    assert "1" in next(told) + next(told)
