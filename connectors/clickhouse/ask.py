"""The command `trackfold sql`: its options, and what it prints."""

import argparse
import itertools
import re
import sys
from pathlib import Path

from infra.config import Settings
from schemas.errors import InputError

ROWS_SHOWN = 1000
_FORMAT = re.compile(r"\bFORMAT\s+\w+(?=[\s;]*$)", re.IGNORECASE)
EXAMPLES = """\
  trackfold sql 'SHOW TABLES'
  trackfold sql 'DESCRIBE TABLE episodes'     its columns, each with its meaning
  trackfold sql 'SELECT kind, count() FROM episodes GROUP BY kind'
  trackfold sql 'SELECT * FROM unattended_hourly' --format csv > waits.csv
  trackfold sql 'SELECT * FROM episodes' --format json --limit 10 | jq '.[].video_url'
  trackfold sql --file question.sql
  trackfold sql < question.sql

The views, each with its question and columns: docs/sql.md. A query may read and cannot change anything."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `sql`."""
    parser.add_argument("query", nargs="?", help="one statement; without it, or with -, it is read from standard input")
    parser.add_argument("--file", type=Path, metavar="FILE", help="read the statement from this file")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")
    parser.add_argument(
        "--limit",
        type=_rows,
        metavar="ROWS",
        help=f"no more rows than this, 0: all (default: {ROWS_SHOWN} of a table, all of csv and json)",
    )


def sql(arguments: argparse.Namespace, settings: Settings) -> int:
    """Ask ClickHouse: a table for people, or CSV or JSON."""
    from connectors.clickhouse.answer import Result, as_table, csv_lines, json_lines
    from connectors.clickhouse.client import answer_of

    statement = _statement(arguments)
    rows_max = arguments.limit
    if arguments.format != "table":
        lines = csv_lines if arguments.format == "csv" else json_lines
        with answer_of(settings, statement, rows_max or None) as (columns, rows):
            sys.stdout.writelines(lines(columns, rows))
        return 0
    rows_max = ROWS_SHOWN if rows_max is None else rows_max
    with answer_of(settings, statement, rows_max + 1 if rows_max else None) as (columns, rows):
        shown = tuple(tuple(row) for row in itertools.islice(rows, rows_max or None))
        print(as_table(Result(tuple(columns), shown), more=next(rows, None) is not None), end="")
    return 0


def _statement(arguments: argparse.Namespace) -> str:
    if arguments.file is not None:
        if arguments.query is not None:
            raise InputError("a query and --file: give one of them")
        try:
            text = arguments.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{arguments.file}: cannot be read: {error}") from error
    elif arguments.query in (None, "-"):
        if sys.stdin.isatty():
            raise InputError("no query: trackfold sql 'SHOW TABLES', or --file, or from standard input")
        text = sys.stdin.read()
    else:
        text = arguments.query
    if not text.strip(" \t\r\n;"):
        raise InputError("the query is empty: try trackfold sql 'SHOW TABLES'")
    if found := _FORMAT.search(text):
        raise InputError(f"leave {found[0].strip()} out of the query: --format says how the answer is written")
    return str(text)


def _rows(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows")
    return int(text)


COMMAND = ("sql", sql, EXAMPLES, add_arguments)
