"""Tables and views: sql/*.sql, one statement a file, applied in the order of their names."""

from importlib import resources

from connectors.clickhouse.client import connected
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
