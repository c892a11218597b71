"""The partner's upload and incident APIs, played by a server of ours that checks every field (partner_server)."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from infra.local.runner import Service
from infra.local.server import HOST, Say, Secrets, Server, fresh_folder

LABEL = "Partner APIs"
PORTS = ("partner",)
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def server(folder: Path, ports: Mapping[str, int], secrets: Secrets) -> Server:
    """The stand-in with what it accepted in folder/data."""
    port = ports["partner"]
    argv = [sys.executable, "-m", "infra.local.partner_server", str(folder / "data"), str(port)]
    env = {"PARTNER_INCIDENT_KEY": secrets.incident_api_key, "PARTNER_UPLOAD_KEY": secrets.upload_api_key}
    service = Service("partner", argv, env, cwd=str(folder), stop_s=10.0, always=True)

    def prepare(say: Say) -> None:
        fresh_folder(folder / "data")

    key = secrets.incident_api_key
    return Server(label=LABEL, port=port, service=service, prepare=prepare, check=lambda: check(port, key))


def url(port: int) -> str:
    """Where /mode, /incidents and /uploads are."""
    return f"http://{HOST}:{port}"


def check(port: int, key: str) -> None:
    """An authenticated request."""
    request = urllib.request.Request(f"{url(port)}/mode", headers={"X-API-Key": key})
    with _DIRECT.open(request, timeout=10) as response:
        if set(json.load(response)) != {"incident", "upload"}:
            raise ConnectionError(f"{url(port)}: answers, but is another server")
