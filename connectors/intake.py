"""The Kafka side of a connector: records in, positions committed, and whether a partition is still ours.

A connector's sources are co-partitioned, and its work topic is partitioned as they are, so one worker must own the same
partition of all of them: hence the range assignor, which gives equal subscribers equal ranges of every topic.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.seen import WORK
from infra.config import Settings
from infra.health import Health
from infra.kafka import KafkaUnavailable, Publisher, TopicMismatch, consumer, dead_letter
from infra.standing import Standing
from schemas.codec import RegistryUnavailable, UndecodableError
from schemas.topics import Topic

log = logging.getLogger(__name__)
BATCH = 200
STOPS_US = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._AUTHENTICATION)


@dataclass(frozen=True)
class Taken:
    """One source record; None: it was undecodable and now lies among the dead letters."""

    topic: str
    partition: int
    offset: int
    record: msgspec.Struct | None


class Intake:
    """Reads the sources in the connector's consumer group.

    on_gained, on_leaving and on_lost are called, inside take() or close(), with the partition numbers that became
    ours, that we must hand over (finish what is under way now), or that are already somebody else's.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        sources: Sequence[Topic],
        publisher: Publisher,
        *,
        on_gained: Callable[[Sequence[int]], None],
        on_leaving: Callable[[], None],
        on_lost: Callable[[], None],
        health: Health,
    ) -> None:
        self._sources = {topic.name: topic for topic in sources}
        self._publisher = publisher
        self._on_gained, self._on_leaving, self._on_lost = on_gained, on_leaving, on_lost
        self._waiting: deque[Message] = deque()
        self._held: list[TopicPartition] = []
        self._positions: dict[tuple[str, int], int] = {}
        self._registry_is_down = False
        self._standing = Standing(health)
        self._consumer: Consumer = consumer(settings, name, **{"partition.assignment.strategy": "range"})
        self._consumer.subscribe(
            list(self._sources), on_assign=self._gained, on_revoke=self._leaving, on_lost=self._lost
        )

    def take(self, timeout_s: float) -> list[Taken]:
        """The next records, decoded; empty while there is none, or while the registry is down.

        Undecodable ones are dead-lettered, and acknowledged there, before this returns.
        """
        self._poll(timeout_s)
        taken: list[Taken] = []
        try:
            while self._waiting:
                taken.append(self._decoded(self._waiting[0]))
                self._waiting.popleft()
            self._pause(False)
        except RegistryUnavailable as error:
            if not self._registry_is_down:
                log.warning("%s; waiting for it", error)
            self._pause(True)
        if any(item.record is None for item in taken):
            self._publisher.flush()
        return taken

    def keep(self, taken: Sequence[Taken]) -> None:
        """Commit these records: what they ask for is stored. A refusal is no loss: they only come again."""
        for item in taken:
            self._positions[item.topic, item.partition] = item.offset + 1
        self.is_ours()

    def is_ours(self) -> bool:
        """True when the broker still takes our commit, so that nobody else owns our partitions.

        A worker that was stalled does not know that it was replaced; the group's coordinator does.
        """
        if not self._held:
            return False
        try:
            missing = [p for p in self._held if (p.topic, p.partition) not in self._positions]
            for at in self._consumer.committed(missing, timeout=10.0) if missing else []:
                self._positions[at.topic, at.partition] = max(at.offset, 0)
            offsets = [TopicPartition(topic, number, at) for (topic, number), at in self._positions.items()]
            done = self._consumer.commit(offsets=offsets, asynchronous=False) or []
        except KafkaException as error:
            log.info("not sure that our partitions are still ours: %s", error.args[0].str())
            return False
        return all(at.error is None for at in done)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _poll(self, timeout_s: float) -> None:
        """Add what has come to the waiting records; a change of partitions ends the batch."""
        held = self._held
        message = self._consumer.poll(timeout_s)
        self._standing.look(self._consumer, WORK)
        while message is not None:
            error = message.error()
            if error is None:
                self._waiting.append(message)
            elif error.fatal() or error.code() in STOPS_US:
                raise KafkaUnavailable(f"{message.topic() or 'Kafka'}: {error.str()}")
            else:
                log.warning("Kafka: %s", error.str())
            if self._held is not held or len(self._waiting) >= BATCH:
                return
            message = self._consumer.poll(0)

    def _decoded(self, message: Message) -> Taken:
        topic = self._sources[str(message.topic())]
        number, offset = message.partition(), message.offset()
        assert topic.value is not None
        assert number is not None
        assert offset is not None
        try:
            return Taken(topic.name, number, offset, self._publisher.codec.decode(message.value(), topic.value))
        except UndecodableError as error:
            log.warning("%s[%d] offset %d goes to %s: %s", topic.name, number, offset, topic.dead_letters, error)
            dead_letter(self._publisher, topic, message, error)
            return Taken(topic.name, number, offset, None)

    def _pause(self, pause: bool) -> None:
        """While the registry is down no more records are fetched, but we stay in the group."""
        if pause != self._registry_is_down and self._held:
            (self._consumer.pause if pause else self._consumer.resume)(self._held)
            self._registry_is_down = pause

    def _gained(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = sorted({p.partition for p in partitions})
        for number in numbers:
            there = {p.topic for p in partitions if p.partition == number}
            if there != set(self._sources):
                raise TopicMismatch(
                    f"partition {number} of {', '.join(sorted(there))} came without that of the other sources: all "
                    "members of a connector's group must read the same topics; give this one another consumer_group"
                )
        self._forget(partitions)
        self._on_gained(numbers)

    def _leaving(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_leaving()
        self._forget([])

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_lost()
        self._forget([])

    def _forget(self, held: list[TopicPartition]) -> None:
        """What was read but not committed comes again, to us or to the next owner."""
        self._held = list(held)
        self._positions.clear()
        self._waiting.clear()
        self._registry_is_down = False
