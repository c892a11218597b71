"""The answer to a query, as people and programs read it: a table, CSV or JSON; pure."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.cells import cell_len

Values = Sequence[Any]
"""A row, in the order of the columns."""


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


def as_table(result: Result, more: bool = False) -> str:
    """The result for a person to read, numbers to the right, with the count of rows below; more: these are not all."""
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
    count = f"{len(cells)} row{'' if len(cells) == 1 else 's'}"
    last = f"(the first {count}; there are more: --limit 0 shows all)" if more else f"({count})"
    return "\n".join([line(result.columns), rule, *(line(row) for row in cells), last]) + "\n"


def csv_lines(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """Lines of CSV with a header; null is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    yield out.getvalue()
    for row in rows:
        out.seek(0)
        out.truncate()
        writer.writerow(["" if value is None else _plain(value) for value in row])
        yield out.getvalue()


def json_lines(columns: Sequence[str], rows: Iterable[Values]) -> Iterator[str]:
    """One JSON array of an object a row, each on a line of its own. Times are ISO 8601; what is no number is null."""
    before = "["
    for row in rows:
        named = {name: _jsonable(value) for name, value in zip(columns, row, strict=True)}
        yield before + json.dumps(named, default=str, ensure_ascii=False)
        before = ",\n "
    yield "[]\n" if before == "[" else "]\n"


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(_plain(value))
    if not math.isfinite(value) or 0 < abs(value) < 0.001:
        return f"{value:g}"
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _plain(value: Any) -> Any:
    """Times to the millisecond, as they are stored; everything else as it is."""
    return value.isoformat(" ", "milliseconds") if isinstance(value, datetime) and value.microsecond else value


def _jsonable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds" if value.microsecond else "auto")
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    return value
