"""ClickHouse: the chdb engine in a process of its own that speaks ClickHouse's HTTP interface."""

import base64
import http.client
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

from infra.local.runner import Service
from infra.local.server import HOST, Say, Secrets, Server, fresh_folder

LABEL = "ClickHouse (chdb)"
PORTS = ("clickhouse",)
USER = "trackfold"
DATABASE = "trackfold"


def server(folder: Path, ports: Mapping[str, int], secrets: Secrets) -> Server:
    """The front with its data in folder."""
    port = ports["clickhouse"]
    data, temporary = folder / "data", folder / "tmp"
    argv = [sys.executable, "-m", "infra.local.clickhouse_front", str(data), str(port)]
    env = {
        "CLICKHOUSE_USER": USER,
        "CLICKHOUSE_PASSWORD": secrets.clickhouse_password,
        "TZ": "UTC",
        "TMPDIR": str(temporary),
    }
    service = Service("clickhouse", argv, env, cwd=str(folder), stop_s=10.0, always=True)

    def prepare(say: Say) -> None:
        fresh_folder(data)
        fresh_folder(temporary)

    password = secrets.clickhouse_password
    return Server(label=LABEL, port=port, service=service, prepare=prepare, check=lambda: check(port, password))


def url(port: int) -> str:
    """What clickhouse-connect, curl or a BI tool is given."""
    return f"http://{HOST}:{port}"


def check(port: int, password: str) -> None:
    """Make the database if it is not there; insert a row and read it back."""
    table = f"{DATABASE}.check_{uuid.uuid4().hex}"
    ask(port, password, f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    ask(port, password, f"CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY n")
    try:
        ask(port, password, f"INSERT INTO {table} FORMAT TabSeparated\n42\n")
        found = ask(port, password, f"SELECT sum(n) FROM {table}")
    finally:
        ask(port, password, f"DROP TABLE {table} SYNC")
    if found.strip() != "42":
        raise ConnectionError(f"{url(port)}: gave back {found.strip()!r} for a row that said 42")


def ask(port: int, password: str, query: str) -> str:
    """Send one statement; the answer's text. Raises ConnectionError with ClickHouse's own words."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        connection.request("POST", "/", query.encode(), {"Authorization": f"Basic {login}"})
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise ConnectionError(f"{url(port)}: {text.strip()}")
        return text
    finally:
        connection.close()
