"""The servers under a connector go away and come back: it waits and loses nothing."""

import os
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.incident import service as incident_service
from infra.config import Settings, load_settings
from infra.local.stack import Endpoints, status
from schemas.codec import Codec, RegistryUnavailable
from schemas.topics import UPLOADS
from tests.connector_records import event, site, subject, upload
from tests.connector_stack import Partner, Process, Topics, running, wait_for, write_site


@pytest.fixture
def camera() -> str:
    return f"cam-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def always(settings: Settings, monkeypatch: pytest.MonkeyPatch, stack_dir: Path) -> Settings:
    """Settings that report episodes however old."""
    monkeypatch.setenv("TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S", "0")
    return load_settings(stack_dir=stack_dir, data_dir=settings.data_dir, consumer_group=settings.consumer_group)


def test_while_the_registry_is_down_records_wait_and_are_no_dead_letters(
    always: Settings, camera: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    topics, partner, shop = Topics(always, camera), Partner(always), site(camera)
    of = [upload(subject(event(camera_id=camera))) for _ in range(3)]
    down, tries = threading.Event(), []
    really = Codec.decode

    def decode(self: Codec, data: bytes | None, kind: type) -> object:
        if down.is_set() and data and camera.encode() in data:
            tries.append(kind)
            raise RegistryUnavailable("no answer from the registry")
        return really(self, data, kind)

    monkeypatch.setattr(Codec, "decode", decode)
    down.set()
    with running((incident_service.run, (always, shop))):
        topics.publish(UPLOADS, *of)
        wait_for(lambda: len(tries) > 3)
        assert partner.incidents(*[one.incident_id for one in of]) == []
        down.clear()
        wait_for(lambda: len(topics.incidents()) == 3)
    assert caplog.text.count("waiting for it") == 1, "said once, not at every try"


@pytest.fixture
def broker(stack_dir: Path, stack: Endpoints) -> Iterator[int]:
    """Pid of the Kafka broker; afterwards everything is up again."""
    (kafka,) = [server for server in status(stack_dir) if server.name == "kafka"]
    assert kafka.pid is not None
    yield kafka.pid
    wait_for(lambda: all(server.ready for server in status(stack_dir)), 180)


def test_a_connector_survives_the_kill_of_the_broker(
    always: Settings, camera: str, broker: int, stack_dir: Path, tmp_path: Path
) -> None:
    topics, partner = Topics(always, camera), Partner(always)
    first, second = (upload(subject(event(camera_id=camera))) for _ in range(2))
    process = Process(always, stack_dir, "incident", write_site(tmp_path / "site.yaml", camera))
    try:
        topics.publish(UPLOADS, first)
        wait_for(topics.incidents)

        os.kill(broker, signal.SIGKILL)
        topics.publish(UPLOADS, second)  # the producer waits until the broker is back

        wait_for(lambda: len(topics.incidents()) == 2, 120)
        assert process.stop(60) == 0, process.log.read_text()
    finally:
        process.kill()
    ids = [first.incident_id, second.incident_id]
    assert [one["idempotency_key"] for one in partner.incidents(*ids)] == ids
    assert "Traceback" not in process.log.read_text()
