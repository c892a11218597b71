"""What the real services write is what verify wants to see: clips, uploads, incidents, rows and snapshots agree."""

import uuid
from pathlib import Path

import pytest

from connectors.audit.service import episode_story, verify
from connectors.clickhouse import service as clickhouse
from connectors.clip import service as clip
from connectors.incident import service as incident
from connectors.snapshots import service as snapshots
from connectors.upload import service as upload
from infra.config import Settings, load_settings
from schemas.records import CameraOutage, CustomerVisit, Episode, InteractionEvent, UnattendedEvent
from schemas.topics import CLIPS, INCIDENTS, UPLOADS
from tests import world, world_servers
from tests.clip_recording import record
from tests.connector_stack import Topics, running, wait_for


@pytest.fixture
def always(settings: Settings, monkeypatch: pytest.MonkeyPatch, stack_dir: Path) -> Settings:
    """Settings that report episodes however old."""
    monkeypatch.setenv("TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S", "0")
    return load_settings(stack_dir=stack_dir, data_dir=settings.data_dir, consumer_group=settings.consumer_group)


@pytest.mark.parametrize("adapter", ["s3", "http"])
def test_what_the_services_make_of_events_is_what_verify_wants_to_see(always: Settings, adapter: str) -> None:
    # given the events of a shop, the recordings of its cameras, and all connectors
    settings = always.model_copy(update={"upload": always.upload.model_copy(update={"adapter": adapter})})
    shop = world.make(f"r{uuid.uuid4().hex[:8]}", host=settings.host)
    events = [r for r in shop.facts if isinstance(r, InteractionEvent | UnattendedEvent | CustomerVisit | CameraOutage)]
    for camera, from_s, to_s in (("counter", -10, 75), ("door", 590, 670)):
        name = next(c.camera_id for c in shop.site.cameras if c.camera_id.startswith(camera))
        times = range(world.MORNING + from_s * 1000, world.MORNING + to_s * 1000, 200)
        record(settings.recordings_dir, name, times[0], list(times))
    told = [Topics(settings, camera.camera_id) for camera in shop.site.cameras]
    services = (clip.run, upload.run, incident.run, clickhouse.run, snapshots.run)

    # when they run, and what they state is joined
    with running(*((service, (settings, shop.site)) for service in services)):
        world_servers.publish(settings, events)
        wait_for(
            lambda: [sum(len(t.read(topic)) for t in told) for topic in (CLIPS, UPLOADS, INCIDENTS)] == [4, 4, 2], 120
        )
        facts = [*events, *(r for topic in (CLIPS, UPLOADS, INCIDENTS) for t in told for r in t.read(topic))]
        stated: list[Episode] = world.joined(facts)
        world_servers.publish(settings, stated)

        # then all stores come to agree
        wait_for(lambda: verify(settings, shop.site).agrees)
    report = verify(settings, shop.site)
    assert report.checked["stored objects"] >= 4
    assert report.checked["episodes"] == 3
    story = episode_story(settings, shop.site, stated[-1].episode_id)
    assert story.sound, story.text()
    assert [step.what for step in story.steps][:3] == ["started", "confirmed", "ended"]
