"""The registry under a connector goes away and comes back: it waits and loses nothing."""

import threading
import uuid
from pathlib import Path

import pytest

from connectors.incident import service as incident_service
from infra.config import Settings, load_settings
from schemas.codec import Codec, RegistryUnavailable
from schemas.topics import UPLOADS
from tests.connector_records import event, site, subject, upload
from tests.connector_stack import Partner, Topics, running, wait_for


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
