"""How far a consumer of ours is: what its group has committed, and how much lies behind that."""

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra import metrics
from infra.health import Health
from schemas.topics import Topic

LOOK_EVERY_S = 5.0
ASK_S = 2.0


def tell(health: Health, places: Mapping[Any, tuple[int, int]]) -> None:
    """places: (topic, partition) -> (first offset that is not committed, offset behind the last record)."""
    lag: dict[str, int] = {}
    for (topic, partition), (at, end) in places.items():
        waiting = max(0, end - at)
        health.told(f"{topic}[{partition}]", at, waiting)
        lag[topic] = lag.get(topic, 0) + waiting
    for topic, records in lag.items():
        metrics.LAG_RECORDS.set(records, health.process, topic)


def behind(reader: Consumer, topic: Topic, timeout_s: float) -> int:
    """How many records of the topic the reader's group, which it need not have joined, has not committed.

    Raises KafkaException.
    """
    places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
    lag = 0
    for at in reader.committed(places, timeout=timeout_s):
        begin, end = reader.get_watermark_offsets(at, timeout=timeout_s)
        lag += end - max(begin, at.offset)  # an offset below 0: nothing was committed
    return lag


class Standing:
    """Looks every few seconds; the broker is asked, so that one that is away is seen in the health too."""

    def __init__(self, health: Health) -> None:
        self._health, self._looked_at = health, float("-inf")

    def look(self, reader: Consumer, *beside: str) -> None:
        """To be called in the consumer's own thread, as often as one likes. beside: other parts of the health."""
        self._health.turned()
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        ours = reader.assignment()
        self._health.holds(len({at.partition for at in ours}))
        self._health.has({f"{at.topic}[{at.partition}]" for at in ours} | set(beside))
        try:
            found = {(at.topic, at.partition): _place(reader, at) for at in reader.committed(ours, timeout=ASK_S)}
        except KafkaException:
            return  # the health says so in time; whoever reads says it in the log
        tell(self._health, {place: known for place, known in found.items() if known is not None})


def _place(reader: Consumer, at: TopicPartition) -> tuple[int, int] | None:
    """None before the first fetch, which tells how long the partition is."""
    low, high = reader.get_watermark_offsets(at, cached=True)
    return None if high < 0 else (at.offset if at.offset >= 0 else max(low, 0), high)
