"""The contracts at real servers: the registry refuses a breaking edit, topics are as catalogued, one partitioner."""

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import Message

from infra.config import Settings
from infra.kafka import (
    ConfluentRegistry,
    Publisher,
    RegistryUnavailable,
    TopicMismatch,
    connect_codec,
    dead_letter,
    ensure_topics,
    read_to_end,
)
from schemas import records, topics
from schemas.avro import schema_text
from schemas.codec import UndecodableError

ROOT = Path(__file__).parents[2]


def edited(change: Callable[[dict[str, Any]], None]) -> str:
    schema: dict[str, Any] = json.loads(schema_text(records.UnattendedEvent))
    change(schema)
    return json.dumps(schema)


def field(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return next(f for f in schema["fields"] if f["name"] == name)


BREAKING: dict[str, Callable[[dict[str, Any]], None]] = {
    "a new field without a default": lambda s: s["fields"].append({"name": "mood", "type": "string"}),
    "a field without a default goes": lambda s: s["fields"].remove(field(s, "episode_id")),
    "another type": lambda s: field(s, "started_at").update(type="string"),
    "an optional field becomes required": lambda s: (
        field(s, "zone_id").pop("default"),
        field(s, "zone_id").update(type="string"),
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_an_incompatible_schema_edit_is_refused_by_the_registry(settings: Settings, name: str) -> None:
    registry = ConfluentRegistry(settings)
    subject = topics.UNATTENDED_EVENTS.subject
    registry.register(subject, schema_text(records.UnattendedEvent))
    with pytest.raises(ValueError, match="refuses this schema"):
        registry.register(subject, edited(BREAKING[name]))


COMPATIBLE: dict[str, Callable[[dict[str, Any]], None]] = {
    "a new optional field": lambda s: s["fields"].append({"name": "mood", "type": ["null", "string"], "default": None}),
    "a new symbol of an enum with a default": lambda s: field(s, "phase")["type"]["symbols"].append("paused"),
}


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_schema_edit_is_taken_and_read_with_ours(settings: Settings, name: str) -> None:
    registry, subject = ConfluentRegistry(settings), f"scratch-{uuid.uuid4()}-value"
    registry.register(subject, schema_text(records.UnattendedEvent))
    assert registry.schema(registry.register(subject, edited(COMPATIBLE[name])))


def test_a_registry_that_is_not_there_is_named_with_its_address(settings: Settings) -> None:
    nowhere = settings.model_copy(
        update={"registry": settings.registry.model_copy(update={"url": "http://127.0.0.1:9"})}
    )
    with pytest.raises(RegistryUnavailable, match=r"127\.0\.0\.1:9"):
        connect_codec(nowhere)


def test_topics_are_created_as_the_catalogue_says_and_a_second_time_is_harmless(settings: Settings) -> None:
    ensure_topics(settings)
    ensure_topics(settings)


def test_a_topic_with_other_partitions_stops_a_worker(settings: Settings) -> None:
    name = f"scratch-{uuid.uuid4()}"
    topic = replace(topics.CLIPS, name=name, partitions=3)
    ensure_topics(settings, [topic])
    with pytest.raises(TopicMismatch, match=f"{name} has 3 partitions, the catalogue says 12"):
        ensure_topics(settings, [replace(topic, partitions=12)])


def test_every_key_goes_where_javas_and_fausts_partitioner_sends_it(settings: Settings) -> None:
    topic = replace(topics.FOLD_SKIPS, name=f"scratch-{uuid.uuid4()}")
    ensure_topics(settings, [topic])
    publisher = Publisher(settings, connect_codec(settings))
    keys = [f"camera-{n}" for n in range(64)]
    for key in keys:
        publisher.publish(topic, key, b"x")
    publisher.flush()
    found = {(m.key() or b"").decode(): m.partition() for m in read_to_end(settings, topic)}
    assert found == {key: (murmur2(key.encode()) & 0x7FFFFFFF) % topic.partitions for key in keys}


def test_an_undecodable_record_is_put_aside_as_it_is_with_where_it_came_from(settings: Settings) -> None:
    ensure_topics(settings)
    codec = connect_codec(settings)
    publisher = Publisher(settings, codec)
    key = f"camera-{uuid.uuid4()}"
    publisher.publish(topics.CLIPS, key, b"\x07garbage")
    publisher.flush()
    message = _with_key(settings, topics.CLIPS, key)
    with pytest.raises(UndecodableError) as error:
        codec.decode(message.value(), records.ClipCut)
    dead_letter(publisher, topics.CLIPS, message, error.value)
    publisher.flush()

    aside = _with_key(settings, next(t for t in topics.DEAD_LETTERS if t.name == "clips.dlq"), key)
    headers = dict(aside.headers() or [])
    assert aside.value() == b"\x07garbage"
    assert headers["source.topic"] == b"clips"
    assert headers["source.offset"] == str(message.offset()).encode()
    assert b"begins with byte 7" in (headers["error"] or b"")


def _with_key(settings: Settings, topic: topics.Topic, key: str) -> Message:
    return next(m for m in read_to_end(settings, topic) if m.key() == key.encode())


def test_the_example_tells_of_each_waiting_customer_once_also_after_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    ensure_topics(settings)
    publisher = Publisher(settings, connect_codec(settings))
    group, camera = f"example-{uuid.uuid4()}", f"camera-{uuid.uuid4()}"
    others = sum(1 for _ in read_to_end(settings, topics.UNATTENDED_EVENTS))
    for number in (1, 2):
        event = _confirmed(camera, f"{camera}-{number}")
        publisher.publish(topics.UNATTENDED_EVENTS, camera, event)
        publisher.publish(topics.UNATTENDED_EVENTS, camera, event)  # a redelivery
    publisher.flush()

    def run(stop_after: int) -> list[dict[str, Any]]:
        call = [sys.executable, str(ROOT / "examples" / "waiting_alert.py"), "--group", group]
        call += ["--bootstrap", settings.kafka.bootstrap_servers, "--registry", settings.registry.url]
        call += ["--seen", str(tmp_path / "seen"), "--stop-after", str(stop_after)]
        done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    told: list[dict[str, Any]] = []
    while sum(line["camera"] == camera for line in told) < 2:
        assert len(told) <= others + 2
        told += run(stop_after=1)
    mine = [line for line in told if line["camera"] == camera]
    assert [line["episode_id"] for line in mine] == [f"{camera}-1", f"{camera}-2"]
    assert mine[0]["waited_s"] == 60.0


def _confirmed(camera: str, episode: str) -> records.UnattendedEvent:
    return records.UnattendedEvent(
        episode_id=episode,
        facet_revision=2,
        phase="confirmed",
        ordinal=1,
        site_id="shop",
        camera_id=camera,
        lane="live",
        business_day="2026-03-02",
        occurrence_id=episode,
        opens=True,
        evidence_episode_id=episode,
        customer_id=7,
        zone_id="showroom",
        started_at=1_772_445_640_000,
        confirmed_at=1_772_445_700_000,
        reason="no_contact",
        confidence=0.9,
        support=1.0,
        lineage=records.Lineage(),
        rules_version="0",
        cause=records.Cause(stream_epoch=1, sequence=1, captured_at=1_772_445_700_000),
        alert=records.Alert(
            location="Showroom", image_width=640, image_height=360, support=1.0, threshold_s=60.0, waited_s=60.0
        ),
        hash="",
    )
