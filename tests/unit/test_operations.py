"""The operator's table promises tests: they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_operators_table_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "operations.md").read_text()))
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.M)
    }
    assert len(named) > 10
    assert named <= there, named - there


def test_every_row_of_a_table_of_failures_names_one() -> None:
    lines = (ROOT / "docs" / "operations.md").read_text().splitlines()
    tables: list[list[str]] = [[]]
    for line in lines:
        if line.startswith("|"):
            tables[-1].append(line)
        elif tables[-1]:
            tables.append([])
    rows = [row for table in tables if table and table[0].endswith("| shown by |") for row in table[2:]]
    assert len(rows) > 10
    assert [row for row in rows if "`test_" not in row] == []
