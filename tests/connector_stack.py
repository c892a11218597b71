"""Running connectors against the real servers of the local stack, for integration and fault tests."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics, read_to_end
from schemas.codec import Codec
from schemas.records import ClipCut, ClipUploaded, IncidentReported
from schemas.topics import CLIPS, INCIDENTS, UPLOADS, Topic, work

Run = Callable[..., None]
T = TypeVar("T")
RECORDS: dict[str, Topic] = {"clip": CLIPS, "upload": UPLOADS, "incident": INCIDENTS}


def wait_for(what: Callable[[], T], timeout_s: float = 60.0) -> T:
    """The first true answer of what(); fails after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < deadline, f"nothing within {timeout_s:g} s"
        time.sleep(0.2)
    return found


class Topics:
    """What is on the topics, for one camera."""

    def __init__(self, settings: Settings, camera_id: str) -> None:
        ensure_topics(settings)
        self._settings, self._camera_id = settings, camera_id
        self.codec: Codec = connect_codec(settings)
        self.publisher = Publisher(settings, self.codec)

    def publish(self, topic: Topic, *records: msgspec.Struct | bytes) -> None:
        """Publish records of the camera and wait for the acks."""
        for record in records:
            self.publisher.publish(topic, self._camera_id, record)
        self.publisher.flush()

    def read(self, topic: Topic) -> list[Any]:
        """All decodable records of the camera, in order."""
        assert topic.value is not None
        key = self._camera_id.encode()
        found = [m.value() for m in read_to_end(self._settings, topic) if m.key() == key]
        return [self.codec.decode(body, topic.value) for body in found if body and body[0] == 0]

    def clips(self, part: str = "alert") -> list[ClipCut]:
        return [clip for clip in self.read(CLIPS) if clip.part == part]

    def uploads(self) -> list[ClipUploaded]:
        return self.read(UPLOADS)

    def incidents(self) -> list[IncidentReported]:
        return self.read(INCIDENTS)

    def work_of(self, connector: str, *keys: str) -> dict[str, dict[str, Any]]:
        """The last work record of each key."""
        records = {(m.key() or b"").decode(): m.value() for m in read_to_end(self._settings, work(connector))}
        return {key: json.loads(records[key]) for key in keys if records.get(key)}


@contextmanager
def running(*services: tuple[Run, tuple[Any, ...]]) -> Iterator[None]:
    """Services in threads of this process; what one of them raises is raised here."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def live(run: Run, arguments: tuple[Any, ...]) -> None:
        try:
            run(*arguments, stop=stop)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=live, args=service) for service in services]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    if errors:
        raise errors[0]


class Partner:
    """The partner APIs' stand-in: how it behaves and what it accepted."""

    def __init__(self, settings: Settings) -> None:
        assert settings.partner.url is not None
        assert settings.incident.api_key is not None
        self._url, self._key = settings.partner.url, settings.incident.api_key.get_secret_value()

    @contextmanager
    def mode(self, api: str, mode: str, times: int | None = None) -> Iterator[None]:
        """Behave so; afterwards as at the start."""
        self.set(api, mode, times)
        try:
            yield
        finally:
            self.set(api, "honours_keys")

    def set(self, api: str, mode: str, times: int | None = None) -> None:
        """Behave so from now on."""
        self._call("POST", "/mode", {"api": api, "mode": mode, "times": times})

    def is_well(self, api: str) -> bool:
        """Has every request that was to meet a fault come?"""
        return self._call("GET", "/mode")[api]["fault"] is None

    def faults(self) -> list[dict[str, Any]]:
        """The requests that met a fault: api, key, fault."""
        found: list[dict[str, Any]] = self._call("GET", "/faults")["faults"]
        return found

    def incidents(self, *incident_ids: str) -> list[dict[str, Any]]:
        """Accepted incidents with these Idempotency-Keys."""
        return [one for one in self.all_incidents() if one["idempotency_key"] in incident_ids]

    def uploads(self, *keys: str) -> list[dict[str, Any]]:
        """Accepted uploads with these Idempotency-Keys."""
        return [one for one in self.all_uploads() if one["idempotency_key"] in keys]

    def all_incidents(self) -> list[dict[str, Any]]:
        """Everything that was accepted."""
        found: list[dict[str, Any]] = self._call("GET", "/incidents")["incidents"]
        return found

    def all_uploads(self) -> list[dict[str, Any]]:
        """Everything that was accepted."""
        found: list[dict[str, Any]] = self._call("GET", "/uploads")["uploads"]
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data=data, headers=headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
            return json.load(response)


def write_site(path: Path, *camera_ids: str) -> Path:
    """The site file of tests.connector_records.site."""
    cameras = [{"camera_id": camera_id, "name": "Floor"} for camera_id in camera_ids]
    path.write_text(
        yaml.safe_dump({"site_id": "shop", "branch_id": "B-7", "timezone": "Europe/Berlin", "cameras": cameras})
    )
    return path


class Process:
    """`trackfold connect NAME` as a process of its own."""

    def __init__(self, settings: Settings, stack_dir: Path, name: str, site: Path, **environment: str) -> None:
        lines = (stack_dir / "stack.env").read_text().splitlines()
        env = os.environ | dict(line.split("=", 1) for line in lines if "=" in line) | environment
        env |= {"TRACKFOLD_CONSUMER_GROUP": settings.consumer_group, "TRACKFOLD_HOST": settings.host}
        self.log = settings.data_dir.parent / f"{name}.log"
        words: Sequence[str] = ["--data-dir", str(settings.data_dir), "connect", name, "--site", str(site)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "trackfold", *words], env=env, stdout=log, stderr=subprocess.STDOUT
            )

    def has_ended(self) -> bool:
        """Is it gone?"""
        return self._process.poll() is not None

    def wait(self, timeout_s: float = 60.0) -> int:
        """Its exit status."""
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, and the exit status."""
        self._process.terminate()
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """Whatever happened in the test, nothing is left running."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)
