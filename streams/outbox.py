"""What the streams shells do to topics: publish and wait for the acks, decode, and put the undecodable aside."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from infra import metrics
from schemas import topics
from schemas.codec import Codec, R, RegistryUnavailable, UndecodableError
from schemas.topics import Topic
from streams.ports import Record
from streams.runtime import App

log = logging.getLogger(__name__)

REGISTRY_WAIT_MAX_S = 15.0


class Outbox:
    """Publishes through Faust's producer, whose partitioner is murmur2 as everybody's is."""

    def __init__(self, app: App, codec: Codec) -> None:
        self._codec = codec
        wanted = (*topics.PUBLIC, *topics.DEAD_LETTERS)
        self._topics = {topic.name: app.raw(topic.name) for topic in wanted}

    def encode(self, record: msgspec.Struct) -> bytes:
        """The record in wire format; never asks the registry, all schemas were registered at the start."""
        return self._codec.encode(record)

    async def publish(self, records: Sequence[tuple[Topic, str, bytes | None]]) -> None:
        """Send (topic, key, value) in order and return when the broker has acknowledged all. Raises KafkaError."""
        sent = [await self._topics[topic.name].send(key=key.encode(), value=value) for topic, key, value in records]
        for ack in sent:
            await ack

    async def decode(self, record: Record, kind: type[R]) -> R | None:
        """The record, or None after it was put aside. Asking the registry for a schema holds up nothing but this."""
        try:
            if record.value is None or self._codec.knows(record.value):
                return self._codec.decode(record.value, kind)
            return await self._patiently(self._codec.decode, record.value, kind)
        except UndecodableError as error:
            await self._put_aside(record, error)
            return None

    async def _patiently(self, decode: Callable[[bytes, type[R]], R], value: bytes, kind: type[R]) -> R:
        wait_s = 0.5
        while True:
            try:
                return await asyncio.to_thread(decode, value, kind)
            except RegistryUnavailable as error:
                log.warning("a record has a schema that we do not know yet; waiting for the registry: %s", error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, REGISTRY_WAIT_MAX_S)

    async def _put_aside(self, record: Record, error: Exception) -> None:
        log.error(
            "%s[%d] offset %d is undecodable and goes to %s.dlq: %s",
            *(record.topic, record.partition, record.offset, record.topic, error),
        )
        metrics.DEAD_LETTERS.add(record.topic)
        value, cut = topics.kept_aside(record.value)
        headers: list[tuple[str, Any]] = [
            ("source.topic", record.topic.encode()),
            ("source.partition", str(record.partition).encode()),
            ("source.offset", str(record.offset).encode()),
            ("error", str(error).encode()[:2000]),
            *cut,
        ]
        aside = self._topics[f"{record.topic}.dlq"]
        key = (record.key or b"")[: topics.ASIDE_KEY_BYTES_MAX]
        await (await aside.send(key=key, value=value, headers=headers))
