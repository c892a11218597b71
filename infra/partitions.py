"""In which partition a key is, and where in it a time begins: so that a reader need not look elsewhere."""

from collections.abc import Sequence

from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.kafka_errors import KafkaUnavailable

ASK_S = 20.0
Place = tuple[str, int]
"""(topic, partition)."""


def partition_of(key: str, partitions: int) -> int:
    """The partition that our producers, Faust and the Java clients choose for a key: murmur2."""
    return (int(murmur2(key.encode())) & 0x7FFFFFFF) % partitions


def offsets_at(asking: Consumer, places: Sequence[Place], at_ms: int) -> dict[Place, int | None]:
    """The first offset of each place whose record time is at_ms (ms UTC) or later; None where there is none.

    asking: any consumer, which is left as it is. Raises KafkaUnavailable.
    """
    wanted = [TopicPartition(topic, partition, max(0, at_ms)) for topic, partition in places]
    try:
        found = asking.offsets_for_times(wanted, timeout=ASK_S)
        if failed := next((at.error for at in found if at.error is not None), None):
            raise KafkaException(failed)
    except KafkaException as error:
        names = ", ".join(sorted({topic for topic, _ in places}))
        raise KafkaUnavailable(f"{names}: {error.args[0].str()}") from error
    return {(at.topic, at.partition): at.offset if at.offset >= 0 else None for at in found}
