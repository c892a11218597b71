"""Tables and views: sql/*.sql, one statement a file, applied in the order of their names.

A view's columns are described by what stands behind them in its file, or else as the column of its table is.
"""

import re
from importlib import resources

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import connected
from connectors.clickhouse.plan import TABLES
from infra.config import Settings

_VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+) AS\n(.*)COMMENT '(.+)'\n?$", re.S)


def statements() -> list[tuple[str, str]]:
    """(file name, statement) in the order in which they are applied."""
    files = [f for f in resources.files("connectors.clickhouse").joinpath("sql").iterdir() if f.name.endswith(".sql")]
    return [(f.name, f.read_text(encoding="utf-8")) for f in sorted(files, key=lambda f: f.name)]


def apply(settings: Settings) -> None:
    """Make the database, tables and views. Tables that are there stay, views are made anew: done at every start.

    Raises what connected() raises.
    """
    with connected(settings, database="default") as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS `{settings.clickhouse.database}`")
    with connected(settings) as client:
        views = {statement: found for _, statement in statements() if (found := _VIEW.match(statement))}
        for _, statement in statements():
            if statement not in views:
                client.command(statement)
        for table in TABLES.values():
            _keep(client, table, settings.clickhouse.keep_days)
        comments = _comments_of_tables(client)
        for view in views.values():
            client.command(_with_comments(client, comments, *view.groups()))


def described(statement: str) -> dict[str, str]:
    """Column -> what the statement of a view says behind it."""
    return dict(re.findall(r"^ +(?:.* AS )?(\w+),? -- (.+)$", statement, re.M))


def _comments_of_tables(client: Client) -> dict[str, dict[str, str]]:
    """Table -> column -> comment."""
    asked = "SELECT table, name, comment FROM system.columns WHERE database = currentDatabase() AND comment != ''"
    found: dict[str, dict[str, str]] = {}
    for table, column, text in client.query(asked).result_rows:
        found.setdefault(table, {})[column] = text
    return {table: found[table] for table in (*TABLES.values(), "active_versions")}


def _with_comments(client: Client, comments: dict[str, dict[str, str]], name: str, select: str, comment: str) -> str:
    """The statement of a view with its columns' types, without which it cannot carry their comments."""
    its_own_first = sorted(comments, key=lambda table: table not in select)
    known = [described(select), *(comments[table] for table in its_own_first)]
    columns = (
        f"{column} {kind} COMMENT '{_escaped(next((of[column] for of in known if column in of), ''))}'"
        for column, kind, *_ in client.query(f"DESCRIBE TABLE ({select})").result_rows
    )
    return f"CREATE OR REPLACE VIEW {name} ({', '.join(columns)}) AS {select}COMMENT '{comment}'"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")


def _keep(client: Client, table: str, days: int | None) -> None:
    """Have rows older than so many days dropped, or none; nothing when it is so already."""
    wanted = "" if days is None else f"TTL business_day + toIntervalDay({days})"
    made_by = str(
        client.command(f"SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = '{table}'")
    )
    if wanted and f"{wanted} " not in f"{made_by} ":
        client.command(f"ALTER TABLE {table} MODIFY {wanted}")
    elif not wanted and " TTL " in made_by:
        client.command(f"ALTER TABLE {table} REMOVE TTL")
