"""Every secret opens its door once, a wrong one is refused by name, and none of them is seen anywhere afterwards."""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydantic import SecretStr

from connectors.audit.links import links
from connectors.clickhouse.client import query
from connectors.clickhouse.schema import apply
from connectors.upload.http_api import HttpStore
from connectors.upload.plan import Stored
from connectors.work import Halt
from infra.clock import WallClock
from infra.config import ConfigError, KafkaSettings, Settings, load_settings
from infra.kafka import connect_codec, ensure_topics, read_to_end
from infra.kafka_errors import KafkaRefuses, RegistryRefuses
from schemas import topics
from schemas.site import load_site
from schemas.topics import CLIPS, INTERACTION_EVENTS
from tests.connector_records import clip, event, subject
from tests.connector_stack import Topics, wait_for, write_site
from tests.secured_kafka import USER, secured_kafka

KAFKA, REGISTRY = f"canary-{uuid.uuid4().hex}", f"canary-{uuid.uuid4().hex}"
PARTS = (("streams",), ("connect", "upload"), ("connect", "incident"), ("connect", "clickhouse"))
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def locked_registry(url: str, password: str) -> Iterator[str]:
    """A door before a registry, which opens to USER and the password alone."""
    word = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()
    server, _, path = url.partition("/apis/")

    class Door(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != word:
                return self._answer(401, b'{"error_code": 401, "message": "who are you"}')
            kind = {"Content-Type": self.headers.get("Content-Type") or "application/json"}
            request = urllib.request.Request(server + self.path, body or None, kind, method=self.command)
            try:
                with _direct.open(request, timeout=30) as answer:
                    self._answer(answer.status, answer.read())
            except urllib.error.HTTPError as error:
                self._answer(error.code, error.read())

        do_GET = do_POST = do_PUT = do_DELETE = _pass_on

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{door.server_address[1]}/apis/{path}"
    finally:
        door.shutdown()
        door.server_close()


@dataclass
class Shop:
    """Everything behind locked doors."""

    settings: Settings
    folder: Path
    environment: dict[str, str]

    @property
    def secrets(self) -> dict[str, str]:
        """Name of the setting -> the secret itself."""
        found = {}
        for group in ("kafka", "registry", "s3", "upload", "incident", "clickhouse"):
            for key, value in getattr(self.settings, group):
                if isinstance(value, SecretStr):
                    found[f"{group}.{key}"] = value.get_secret_value()
        return found


@pytest.fixture(scope="module")
def shop(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("locked")
    local = load_settings(stack_dir=stack_dir)
    with secured_kafka(folder / "secured", KAFKA) as kafka, locked_registry(local.registry.url, REGISTRY) as registry:
        settings = load_settings(stack_dir=stack_dir, data_dir=folder / "data", consumer_group="locked")
        doors = {"kafka": kafka.settings, "registry": local.registry.model_copy(update=_login(registry))}
        settings = settings.model_copy(update=doors)
        entries = {f"kafka.{k}": v for k, v in kafka.settings if v is not None}
        entries |= {f"registry.{k}": v for k, v in settings.registry if v is not None}
        environment = {
            f"TRACKFOLD_{name.replace('.', '__').upper()}": v.get_secret_value() if isinstance(v, SecretStr) else str(v)
            for name, v in entries.items()
        }
        yield Shop(settings, folder, _stack_env(stack_dir) | environment)


def _login(url: str) -> dict[str, Any]:
    return {"url": url, "username": USER, "password": SecretStr(REGISTRY)}


def _stack_env(stack_dir: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (stack_dir / "stack.env").read_text().splitlines() if "=" in line)


@contextmanager
def running(shop: Shop, site: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The parts as processes that log all they can."""
    more = {"TRACKFOLD_CONSUMER_GROUP": "locked", "TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0", "TRACKFOLD_LOG": "json"}
    (shop.folder / "logs").mkdir()
    started = []
    try:
        for part in PARTS:
            words = [sys.executable, "-m", "trackfold", "-v", "--data-dir", str(shop.settings.data_dir), *part]
            with (shop.folder / "logs" / f"{part[-1]}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [*words, "--site", str(site)],
                        env=os.environ | shop.environment | more,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def everything_said(shop: Shop, stack_dir: Path) -> Iterator[tuple[str, bytes]]:
    """(where, what) of every log, every file that the parts wrote, and every record on every topic."""
    for folder in (shop.folder / "logs", shop.settings.data_dir, stack_dir / "logs"):
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()
    yield "the brokers' log", (shop.folder / "secured" / "kafka.log").read_bytes()
    for topic in topics.ALL:
        for message in read_to_end(shop.settings, topic):
            parts = [message.key() or b"", message.value() or b"", repr(message.headers()).encode()]
            yield topic.name, b" ".join(parts)


def test_the_whole_path_runs_behind_locked_doors_and_no_secret_is_seen(
    shop: Shop, stack_dir: Path, tmp_path: Path
) -> None:
    # given a confirmed episode whose clip is cut, on brokers that ask for TLS and a password, as all servers do
    camera = f"locked-{uuid.uuid4().hex[:6]}"
    site = write_site(tmp_path / "site.yaml", camera)
    apply(shop.settings)
    confirmed = event(camera_id=camera)
    file = shop.settings.segments_dir / camera / "segment_3_20260302_110000_interaction_start.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\0\0\0\x18ftypisom" + uuid.uuid4().bytes * 500)
    records = Topics(shop.settings, camera)
    records.publish(INTERACTION_EVENTS, confirmed)
    records.publish(CLIPS, clip(subject(confirmed), file=file))

    # when every part has done its share: each secret was accepted once
    with running(shop, site) as processes:

        def arrived() -> list[dict[str, Any]]:
            assert [p.poll() for p in processes] == [None] * len(PARTS), logs(shop)
            sql = "SELECT incident_status, evidence_status FROM episode_log FINAL WHERE episode_id = {id:String}"
            rows = query(shop.settings, sql, parameters={"id": confirmed.episode_id}).as_dicts()
            return [row for row in rows if tuple(row.values()) == ("reported", "available")]

        wait_for(arrived, 180)
        lines = [word for p in psutil.process_iter() for word in _command_line(p)]

    # then its clip opens by an address that was made for now, until it expires, and by none that somebody changed
    [(part, address)] = links(shop.settings, load_site(site), confirmed.episode_id, 600)
    assert (part, opened(address)) == ("alert", (200, file.read_bytes()))
    assert opened(address.replace("X-Amz-Expires=600", "X-Amz-Expires=6000"))[0] == 403
    [(_, brief)] = links(shop.settings, load_site(site), confirmed.episode_id, 1)
    wait_for(lambda: opened(brief)[0] == 403)

    # and none of the secrets is in a log, a file, a topic or the process list
    assert set(shop.secrets) >= {"kafka.password", "registry.password", "s3.secret_access_key", "incident.api_key"}
    said = [*everything_said(shop, stack_dir), *(("the process list", line.encode()) for line in lines)]
    assert len(said) > 30
    assert found(shop, said) == set()
    (shop.folder / "logs" / "planted.txt").write_text(f"a look that finds nothing must be one that can: {KAFKA}")
    planted = found(shop, everything_said(shop, stack_dir))
    assert {(name, Path(where).name) for name, where in planted} == {("kafka.password", "planted.txt")}

    # and every line of the parts' logs is one for machines
    for part in PARTS:
        for line in (shop.folder / "logs" / f"{part[-1]}.log").read_text().splitlines():
            assert {"at", "level", "message"} <= set(json.loads(line)), line


def found(shop: Shop, said: Iterable[tuple[str, bytes]]) -> set[tuple[str, str]]:
    """(setting, where its secret was seen)."""
    return {(name, where) for where, what in said for name, secret in shop.secrets.items() if secret.encode() in what}


def opened(address: str) -> tuple[int, bytes]:
    """What the storage answers to anybody who has the address."""
    try:
        with _direct.open(address, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def logs(shop: Shop) -> str:
    return "\n".join(path.read_text()[-1500:] for path in (shop.folder / "logs").iterdir())


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def changed(settings: Settings, group: str, **values: Any) -> Settings:
    return settings.model_copy(update={group: getattr(settings, group).model_copy(update=values)})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"password": SecretStr("not-this")}, "TRACKFOLD_KAFKA__PASSWORD"),
        ({"ssl_ca_location": None}, "kafka.ssl_ca_location"),
    ],
    ids=["password", "authority"],
)
def test_brokers_that_do_not_agree_with_us_are_an_error_that_names_the_setting(
    shop: Shop, values: dict[str, Any], text: str
) -> None:
    with pytest.raises(KafkaRefuses, match=text) as told:
        ensure_topics(changed(shop.settings, "kafka", **values))
    assert KAFKA not in str(told.value)
    assert "not-this" not in str(told.value)


def test_a_wrong_registry_password_is_named(shop: Shop) -> None:
    with pytest.raises(RegistryRefuses, match=r"401; correct .* TRACKFOLD_REGISTRY__PASSWORD") as told:
        connect_codec(changed(shop.settings, "registry", password=SecretStr("not-this")))
    assert "not-this" not in str(told.value)


def test_the_upload_api_takes_the_right_key_and_a_wrong_one_is_named(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"\0\0\0\x18ftypisom" + uuid.uuid4().bytes * 500)
    cut = clip(subject(event(camera_id=f"locked-{uuid.uuid4().hex[:6]}")), file=file)
    assert isinstance(HttpStore(shop.settings, WallClock()).store(cut, file), Stored)
    wrong = changed(shop.settings, "upload", api_key=SecretStr("not-this"))
    refused = HttpStore(wrong, WallClock()).store(cut, file)
    assert isinstance(refused, Halt)
    assert "TRACKFOLD_UPLOAD__API_KEY" in str(refused.error)
    assert "not-this" not in str(refused.error)


def test_half_a_login_is_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACKFOLD_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("TRACKFOLD_KAFKA__PASSWORD", KAFKA)
    with pytest.raises(ConfigError, match="SASL_SSL needs sasl_mechanism, username") as told:
        load_settings(data_dir=tmp_path)
    assert KAFKA not in str(told.value)
    assert KAFKA not in repr(KafkaSettings(password=SecretStr(KAFKA)))
