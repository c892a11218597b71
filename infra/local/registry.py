"""The schema registry: Apicurio, asked by Confluent's API, with its schemas in a file of its own (H2)."""

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local import packages
from infra.local.runner import Service
from infra.local.server import HOST, Say, Server, fresh_folder, require_listener

LABEL = f"Apicurio Registry {packages.APICURIO_VERSION}"
PORTS = ("registry", "registry_management")
API = "/apis/ccompat/v7"
CHECK_SUBJECT = "trackfold-check-value"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def server(folder: Path, ports: Mapping[str, int]) -> Server:
    """The registry with its data in folder; downloads at the first start."""
    temporary = folder / "tmp"
    argv = [
        str(packages.java()),
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        f"-XX:ErrorFile={folder}/hs_err_%p.log",
        f"-Djava.io.tmpdir={temporary}",
        "-jar",
        str(packages.apicurio_dir() / "quarkus-run.jar"),
    ]
    env = {
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "h2",
        # WRITE_DELAY=0: what was answered is in the file, also when we are killed the moment after
        "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{folder / 'registry'};WRITE_DELAY=0",
        "APICURIO_STORAGE_SNAPSHOT_LOCATION": str(temporary),
        "QUARKUS_HTTP_HOST": HOST,
        "QUARKUS_HTTP_PORT": str(ports["registry"]),
        "QUARKUS_MANAGEMENT_HOST": HOST,
        "QUARKUS_MANAGEMENT_PORT": str(ports["registry_management"]),
        "QUARKUS_LOG_LEVEL": "WARN",
        "APICURIO_LOG_LEVEL": "WARN",
        "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
    }
    port = ports["registry"]
    service = Service("registry", argv, env, cwd=str(folder), stop_s=10.0, always=True)

    def prepare(say: Say) -> None:
        packages.fetch_apicurio(say)
        fresh_folder(temporary)

    return Server(label=LABEL, port=port, service=service, prepare=prepare, check=lambda: check(port))


def url(port: int) -> str:
    """What a Confluent client is given."""
    return f"http://{HOST}:{port}{API}"


def check(port: int) -> None:
    """Register a schema under a scratch subject, read it back, delete it."""
    require_listener(port)
    schema = '{"type":"record","name":"TrackfoldCheck","fields":[]}'
    registered = _ask(port, "POST", f"/subjects/{CHECK_SUBJECT}/versions", {"schema": schema})
    read = _ask(port, "GET", f"/schemas/ids/{registered['id']}")
    if json.loads(read["schema"])["name"] != "TrackfoldCheck":
        raise ConnectionError(f"{url(port)}: gave back another schema than it took")
    _ask(port, "DELETE", f"/subjects/{CHECK_SUBJECT}")
    _ask(port, "DELETE", f"/subjects/{CHECK_SUBJECT}?permanent=true")


def _ask(port: int, method: str, path: str, body: object = None) -> Any:
    request = urllib.request.Request(
        url(port) + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with _DIRECT.open(request, timeout=20) as response:
        return json.load(response)
