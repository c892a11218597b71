"""What is still under way is named, part by part, until the pipeline has come to rest."""

import uuid

import msgspec
import pytest
from confluent_kafka import TopicPartition

from connectors.audit.service import outstanding, settle
from connectors.audit.settled import FLOW
from connectors.clickhouse import service as clickhouse
from connectors.clip import plan as clip_plan
from connectors.clip.plan import ClipJob
from connectors.snapshots import service as snapshots
from connectors.work import Work
from infra.config import Settings
from infra.kafka import Publisher, connect_codec, consumer, ensure_topics
from schemas.records import ClipCut
from schemas.topics import CLIPS, work
from tests import world, world_servers
from tests.connector_stack import running, wait_for
from tests.world import World


@pytest.fixture
def shop() -> World:
    """A world of its own site."""
    return world.make(f"w{uuid.uuid4().hex[:8]}")


def of_part(found: list[str], part: str) -> list[str]:
    return [line for line in found if line.startswith(f"{part}: ")]


def test_what_nobody_has_taken_yet_is_outstanding_for_each_part(settings: Settings, shop: World) -> None:
    # given a world in the topics, and nobody who ever read them in this group
    world_servers.publish(settings, shop.records)

    # then every part has something to do
    found = outstanding(settings)
    for part in ("streams", "clip", "upload", "incident", "clickhouse", "snapshots"):
        assert of_part(found, part), found

    # when the sinks have run, they have nothing left
    with running((clickhouse.run, (settings, shop.site)), (snapshots.run, (settings, shop.site))):
        wait_for(lambda: not of_part(outstanding(settings), "clickhouse") + of_part(outstanding(settings), "snapshots"))


def test_work_is_outstanding_until_its_result_is_published(settings: Settings, shop: World) -> None:
    # given the clip service's work in each state that a crash may leave
    ensure_topics(settings)
    ((key, job),) = clip_plan.jobs(shop.facts[1], now_ms=1).items()
    cut = next(iter(shop.of(ClipCut)))
    publisher = Publisher(settings, connect_codec(settings))

    def is_now(value: Work[ClipJob, ClipCut] | None, of: World | None = None) -> list[str]:
        publisher.publish(work("clip"), key, None if value is None else msgspec.json.encode(value))
        publisher.flush()
        return [line for line in outstanding(settings, of.site if of else None) if key in line]

    # then it is named until it is done, and to other sites not at all
    pending: Work[ClipJob, ClipCut] = Work(state="pending", taken_in_at=1, input=job)
    stored: Work[ClipJob, ClipCut] = Work(state="finished", taken_in_at=1, result=cut)
    elsewhere = world.make("elsewhere")
    try:
        assert is_now(pending) == [f"clip: {key} is pending"]
        assert is_now(pending, of=shop) == [f"clip: {key} is pending"]
        assert is_now(pending, of=elsewhere) == []
        assert is_now(msgspec.structs.replace(pending, state="attempting")) == [f"clip: {key} is attempting"]
        assert is_now(stored) == [f"clip: {key} is to be published"]
        assert is_now(stored, of=elsewhere) == []
        assert is_now(msgspec.structs.replace(stored, result=None)) == []
    finally:
        assert is_now(None) == []


def test_an_open_episode_and_pending_evidence_are_waited_for(settings: Settings, shop: World) -> None:
    # given a stack in which everybody has taken everything: this group's positions are at the end
    open_one = shop.facts[0]
    pending = shop.stated[0]
    world_servers.publish(settings, [open_one, pending])
    taken_by_all(settings)

    # then what the episodes themselves still wait for is named
    found = outstanding(settings, shop.site)
    assert f"streams: episode {pending.episode_id} of {pending.camera_id} has not ended" in found
    assert f"clip: evidence of episode {pending.episode_id} is pending" in found

    # when the rest is there too, nothing is
    world_servers.publish(settings, shop.records)
    taken_by_all(settings)
    assert outstanding(settings, shop.site) == []
    assert settle(settings, timeout_s=5, say=print, site=shop.site) == []


def taken_by_all(settings: Settings) -> None:
    """Commit the end of every topic for every part, as if it had read all of it."""
    for part, sources in FLOW:
        reader = consumer(settings, part)
        places = [TopicPartition(topic.name, n) for topic in sources for n in range(topic.partitions)]
        ends = [TopicPartition(p.topic, p.partition, reader.get_watermark_offsets(p, timeout=10)[1]) for p in places]
        reader.commit(offsets=ends, asynchronous=False)
        reader.close()


def test_waiting_ends_in_time_and_says_what_is_still_under_way(settings: Settings, shop: World) -> None:
    # given a clip that nobody uploads
    world_servers.publish(settings, [r for r in shop.records if type(r) is CLIPS.value])
    said: list[str] = []

    # when it is waited for, not long
    found = settle(settings, timeout_s=0.5, say=said.append)

    # then it is told what is missing
    assert found
    assert said[-1].startswith("after 0.5 s still under way: ")
    assert "records of clips to take" in said[-1] or "more" in said[-1]
