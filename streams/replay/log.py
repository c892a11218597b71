"""The log as a topic: which stretches of which partitions hold the units, and reading one."""

import time
from collections.abc import Generator, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.config import Settings
from infra.kafka import KafkaUnavailable, client_settings, consumer
from infra.partitions import offsets_at, partition_of
from schemas.codec import Codec, UndecodableError
from schemas.records import TrackUpdate
from streams.replay.share import Share, Stretch
from streams.replay.unit import Unit, runs

SLACK_MS = 60_000
"""How much the brokers' clock may be behind the cameras' when a time is looked up by record time."""
BATCH = 1000
PATIENCE_S = 60.0
"""A broker that brings nothing for so long before the end is not there."""
ASK_S = 10.0

Batch = tuple[list[tuple[int, TrackUpdate]], int]
"""Records of the units' cameras and lane with their offsets (or numbers), and how many were read for it."""


def stretches(settings: Settings, topic: str, units: Sequence[Unit]) -> list[Share]:
    """Where the units' records are. Raises KafkaUnavailable, also when there is no such topic."""
    topic_id, partitions = _described(settings, topic)
    here: dict[int, list[Unit]] = {}
    for unit in units:
        here.setdefault(partition_of(unit.camera_id, partitions), []).append(unit)
    asking = consumer(settings, None)
    try:
        return [
            share
            for partition, wanted in sorted(here.items())
            for run in runs(wanted)
            if (share := _stretch(asking, topic, topic_id, partition, run)) is not None
        ]
    except KafkaException as error:
        raise KafkaUnavailable(f"{topic}: {error.args[0].str()}") from error
    finally:
        asking.close()


def read(settings: Settings, codec: Codec, share: Share) -> Generator[Batch, None, None]:
    """The share's records in their order, to the end of its stretch. Commits nothing. Raises KafkaUnavailable."""
    at = share.source
    assert isinstance(at, Stretch)
    cameras = {unit.camera_id.encode() for unit in share.units}
    lanes = {unit.lane for unit in share.units}
    reader = consumer(settings, None, **{"enable.partition.eof": True, "queued.max.messages.kbytes": 16 * 1024})
    try:
        reader.assign([TopicPartition(at.topic, at.partition, at.begin)])
        position, heard = at.begin, time.monotonic()
        while position < at.end:
            before, found = position, []
            messages = reader.consume(BATCH, timeout=0.5)
            for message in messages:
                position = _position_after(message, position)
                if message.error() is None and message.key() in cameras and position <= at.end:
                    update = _decoded(codec, message.value())
                    if update is not None and update.lane in lanes:
                        found.append((position - 1, update))
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE_S:
                raise KafkaUnavailable(f"{at.topic}[{at.partition}]: nothing came in {PATIENCE_S:g} s; is it there?")
            yield found, min(position, at.end) - before
    finally:
        reader.close()


def _position_after(message: Any, position: int) -> int:
    """Behind a record, or where the partition ends: what transactions leave there brings no record."""
    error = message.error()
    if error is None:
        return int(message.offset()) + 1
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaUnavailable(f"{message.topic()}[{message.partition()}]: {error.str()}")
    return max(position, int(message.offset()))


def _decoded(codec: Codec, value: bytes | None) -> TrackUpdate | None:
    """None for what the live worker has put aside."""
    try:
        return codec.decode(value, TrackUpdate)
    except UndecodableError:
        return None


def _described(settings: Settings, topic: str) -> tuple[str, int]:
    """Id and number of partitions."""
    admin = AdminClient(client_settings(settings))  # the answer does not come without it
    try:
        described = admin.describe_topics(TopicCollection([topic]), request_timeout=ASK_S)[topic].result(ASK_S * 2)
    except KafkaException as error:
        raise KafkaUnavailable(f"{topic}: {error.args[0].str()}") from error
    return str(described.topic_id), len(described.partitions)


def _stretch(asking: Consumer, topic: str, topic_id: str, partition: int, run: Sequence[Unit]) -> Share | None:
    """None when nothing can be there."""
    low, high = asking.get_watermark_offsets(TopicPartition(topic, partition), timeout=ASK_S)

    def offset_at(at_ms: int) -> int:
        first = offsets_at(asking, [(topic, partition)], at_ms)[topic, partition]
        return high if first is None else first

    begin = offset_at(run[0].begins_at - SLACK_MS)
    if begin >= high:
        return None
    headless = frozenset(unit for unit in run if low > 0 and offset_at(unit.begins_at) <= low)
    goal = offset_at(max(unit.ends_at for unit in run) + SLACK_MS)
    goal = goal if begin < goal else high  # published long after the day: the record times say nothing
    return Share(Stretch(topic, topic_id, partition, begin, goal, high, headless), tuple(run))
