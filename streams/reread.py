"""Reading a partition of the log beside Faust: what was passed by is fetched here, without moving Faust's consumer.

Faust's own seek loses what it should bring back: while a fetched batch is being handed out it overwrites the position
that was sought, and drops the records read again as already seen. And it would take the neighbours back, too.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import OFFSET_INVALID, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from faust.types import TP

from infra.config import Settings
from infra.kafka import KafkaUnavailable, client_settings, consumer
from streams.ports import Record

CHUNK = 500


class LogReader:
    """Reads one partition from an offset on. All methods block: call them in a thread."""

    def __init__(self, settings: Settings, topic: str, partition: int, offset: int) -> None:
        self._at = TopicPartition(topic, partition, max(offset, 0))
        self._consumer = consumer(settings, None)
        self._consumer.assign([self._at])
        self.position = max(offset, 0)
        """Offset of the next record to be read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, timeout_s: float = 0.5) -> list[Record]:
        """The next records, at most CHUNK; empty when none came in time. Raises KafkaUnavailable."""
        records = []
        for message in self._consumer.consume(CHUNK, timeout=timeout_s):
            error = message.error()
            if error is not None:
                raise KafkaUnavailable(f"{self._at.topic}[{self._at.partition}]: {error.str()}")
            offset = message.offset()
            assert offset is not None
            records.append(Record(self._at.topic, self._at.partition, offset, message.key(), message.value()))
        reached = self._consumer.position([self._at])[0].offset
        if reached != OFFSET_INVALID:
            self.position = reached
        return records


def watermarks(settings: Settings, topic: str, partition: int) -> tuple[int, int]:
    """(offset of the first record that is still there, offset behind the last one). Blocks. Raises KafkaUnavailable."""
    reader = consumer(settings, None)
    try:
        low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10.0)
        return low, high
    except KafkaException as error:
        raise KafkaUnavailable(f"{topic}[{partition}]: {error.args[0].str()}") from error
    finally:
        reader.close()


def standing(settings: Settings, group: str, places: Sequence[TP]) -> dict[TP, tuple[int, int]]:
    """(first offset that the group has not committed, offset behind the last record) of each. Blocks.

    Three requests at most, however many places. Raises KafkaUnavailable.
    """
    reader = consumer(settings, None, **{"group.id": group})  # asks about the group without joining it
    admin = AdminClient(client_settings(settings))
    try:
        answered = reader.committed([TopicPartition(*place) for place in places], timeout=10.0)
        committed = {TP(at.topic, at.partition): at.offset for at in answered}
        ends = _offsets(admin, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        never = [place for place in places if committed[place] < 0]
        begins = _offsets(admin, never, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        return {place: (begins.get(place, committed[place]), ends[place]) for place in places}
    except KafkaException as error:
        raise KafkaUnavailable(f"asking how far {group} has come: {error.args[0].str()}") from error
    finally:
        reader.close()


def _offsets(admin: AdminClient, places: Sequence[TP], which: Any) -> dict[TP, int]:
    if not places:
        return {}
    asked = admin.list_offsets({TopicPartition(*place): which for place in places}, request_timeout=10.0)
    return {TP(at.topic, at.partition): answer.result(10.0).offset for at, answer in asked.items()}


def read_between(settings: Settings, topic: str, partition: int, first: int, beyond: int) -> list[Record]:
    """What is still there of the offsets from first on, before beyond. Blocks. Raises KafkaUnavailable."""
    low, high = watermarks(settings, topic, partition)
    first, beyond = max(first, low), min(beyond, high)
    found: list[Record] = []
    if first < beyond:
        with LogReader(settings, topic, partition, first) as log:
            while log.position < beyond:
                found += [record for record in log.read() if record.offset < beyond]
    return found
