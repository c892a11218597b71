"""Tables and views: sql/*.sql, one statement a file, applied in the order of their names.

A view's columns are described by what stands behind them in its file, or else as the column of its table is.
"""

import re
from importlib import resources

from clickhouse_connect.driver.client import Client

from connectors.clickhouse.client import connected
from connectors.clickhouse.plan import TABLES
from infra.config import Settings


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
        for _, statement in statements():
            client.command(statement)
        for table in TABLES.values():
            _keep(client, table, settings.clickhouse.keep_days)
        _describe_views(client)


def described(statement: str) -> dict[str, str]:
    """Column -> what the statement of a view says behind it."""
    return dict(re.findall(r"^ +(?:.* AS )?(\w+),? -- (.+)$", statement, re.M))


def _describe_views(client: Client) -> None:
    """Give the columns of the views their comments, which a statement of a view cannot carry without their types."""
    asked = "SELECT table, name, comment FROM system.columns WHERE database = currentDatabase()"
    columns: dict[str, dict[str, str]] = {}
    for table, name, comment in client.query(asked).result_rows:
        columns.setdefault(table, {})[name] = comment
    for _, statement in statements():
        if (found := re.match(r"CREATE OR REPLACE VIEW (\w+)", statement)) is None:
            continue
        tables = sorted((*TABLES.values(), "active_versions"), key=lambda table: table not in statement)
        known = [described(statement), *(columns[table] for table in tables)]
        comments = {name: next((of[name] for of in known if of.get(name)), "") for name in columns[found[1]]}
        parts = (f"COMMENT COLUMN {name} '{_escaped(text)}'" for name, text in comments.items())
        client.command(f"ALTER TABLE {found[1]} {', '.join(parts)}")


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
