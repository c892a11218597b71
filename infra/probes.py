"""The small HTTP server of every process: /metrics, /health/live, /health/ready; on loopback unless told otherwise.

Where it listens stands in <data_dir>/probes/<process>-<pid>.json, in the format of Prometheus' file_sd_configs, so that
Prometheus, `trackfold run` and `trackfold status` find it whatever the port is.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from infra import metrics
from infra.config import ConfigError, Settings
from infra.health import Health

log = logging.getLogger(__name__)


@contextmanager
def serving(settings: Settings, process: str) -> Iterator[Health]:
    """Serve while the block runs. Raises ConfigError when the port is taken."""
    health = Health(process)
    place = settings.probe
    try:
        server = _Server((place.host, place.port), _handler(health))
    except OSError as error:
        raise ConfigError(
            f"setting probe.port: {place.host}:{place.port} cannot be listened on ({error.strerror}); give {process} "
            "another one (TRACKFOLD_PROBE__PORT), or 0 for any that is free"
        ) from error
    host, port = str(server.server_address[0]), int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="probes", daemon=True)
    thread.start()
    path = _note(settings.data_dir, process, f"{host}:{port}")
    log.info("metrics and health of %s at http://%s:%d", process, host, port)
    try:
        yield health
    finally:
        path.unlink(missing_ok=True)
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version = "trackfold"
        sys_version = ""
        timeout = 10.0

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                metrics.READY.set(float(health.ready().ok), health.process)
                self._answer(200, CONTENT_TYPE_LATEST, metrics.exposed(health.process))
            elif path in ("/health/live", "/health/ready"):
                answer = health.live() if path.endswith("live") else health.ready()
                body = {"process": health.process, **asdict(answer)}
                self._answer(200 if answer.ok else 503, "application/json", json.dumps(body).encode())
            else:
                self._answer(404, "text/plain", b"/metrics, /health/live, /health/ready\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A probe every few seconds is not worth a line."""

    return Handler


@dataclass(frozen=True)
class Place:
    """Where a running process answers."""

    process: str
    pid: int
    address: str


def _folder(data_dir: Path) -> Path:
    return data_dir / "probes"


def _note(data_dir: Path, process: str, address: str) -> Path:
    folder = _folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    found(data_dir)  # removes what killed processes left
    path = folder / f"{process}-{os.getpid()}.json"
    entry = [{"targets": [address], "labels": {"process": process, "__pid__": str(os.getpid())}}]
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(entry), encoding="utf-8")
    temporary.replace(path)
    return path


def found(data_dir: Path) -> list[Place]:
    """The processes of this data folder that run; the notes of those that were killed are removed."""
    places = []
    for path in sorted(_folder(data_dir).glob("*.json")):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))[0]
            place = Place(entry["labels"]["process"], int(entry["labels"]["__pid__"]), entry["targets"][0])
        except (OSError, ValueError, LookupError):
            continue  # just being removed, or not ours
        if psutil.pid_exists(place.pid):
            places.append(place)
        else:
            path.unlink(missing_ok=True)
    return places
