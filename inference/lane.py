"""Where a camera's lane of the log stands, and how a new run continues it."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import KafkaException, Message, TopicPartition

from inference.errors import LaneError
from infra.config import Settings
from infra.kafka import KafkaUnavailable, consumer
from infra.partitions import partition_of
from schemas.codec import Codec, UndecodableError
from schemas.records import Position, Producer, TrackUpdate
from schemas.topics import TRACK_UPDATES, TRACK_UPDATES_BACKFILL, Topic

log = logging.getLogger(__name__)

SOURCE_HEADER = "source"
"""Kafka header of a file's records: <first 16 hex digits of the file's SHA-256>@<start, ms UTC>."""
FIRST_WINDOW = 500
STALL_S = 30.0


def topic_of_lane(lane: str) -> Topic:
    """Live records and those of a backfill never share a topic."""
    return TRACK_UPDATES if lane == "live" else TRACK_UPDATES_BACKFILL


@dataclass(frozen=True)
class Last:
    """The last record that inference itself wrote for a camera and lane."""

    update: TrackUpdate
    source: str | None
    """The file it came from (SOURCE_HEADER), None for a live source."""

    @property
    def position(self) -> Position:
        """Its place in the log."""
        return Position(stream_epoch=self.update.stream_epoch, sequence=self.update.sequence)


@dataclass(frozen=True)
class Start:
    """How a run begins."""

    previous: Position | None
    """The last record before the first new epoch."""
    begin_at: int | None = None
    """Files: begin at the first frame from here on (ms UTC); None = at the first."""
    resume: Last | None = None
    """Files: the epoch that begins at begin_at is there already up to this record; publish only what follows."""
    done: bool = False
    """Files: all of it is there."""


def plan_file(last: Last | None, *, identity: str, start_ms: int, producer: Producer, lane: str) -> Start:
    """How a file continues its lane (pure). Raises LaneError when it cannot."""
    if last is None:
        return Start(previous=None)
    update = last.update
    if last.source == identity:
        for what, before, now in (
            ("weights", update.producer.model, producer.model),
            ("tracker settings", update.producer.tracker, producer.tracker),
        ):
            if before != now:
                raise LaneError(
                    f"lane {lane!r} holds this file with other {what} ({before}, now {now}); name "
                    "a lane of its own with --lane NAME"
                )
        if update.stream_state == "ENDED":
            return Start(previous=last.position, done=True)
        if update.stream_state == "INTERRUPTED":
            return Start(previous=last.position, begin_at=update.captured_at + 1)
        return Start(previous=None, begin_at=update.stream_epoch, resume=last)
    if start_ms > update.captured_at:
        return Start(previous=last.position)
    raise LaneError(
        f"lane {lane!r} already holds records up to {_utc(update.captured_at)}, this file "
        f"begins at {_utc(start_ms)}: time would run backwards; name a lane of its own with --lane NAME"
    )


def read_last(settings: Settings, codec: Codec, camera_id: str, lane: str) -> Last | None:
    """The camera's own last record, searched backwards through its partition. Raises KafkaUnavailable."""
    topic = topic_of_lane(lane)
    partition = partition_of(camera_id, topic.partitions)
    began, key = time.monotonic(), camera_id.encode()
    for message in backwards(settings, topic, partition):
        if message.key() != key:
            continue
        try:
            update = codec.decode(message.value(), TrackUpdate)
        except UndecodableError:
            continue  # the fold puts it aside, where it is counted
        # LOST and control records stand outside the sequence
        if update.lane == lane and update.stream_state != "LOST" and update.control is None:
            if time.monotonic() - began > 5:
                log.info("camera %s: found its last record after %.0f s", camera_id, time.monotonic() - began)
            headers = dict(message.headers() or [])
            source = headers.get(SOURCE_HEADER)
            return Last(update, source.decode() if isinstance(source, bytes) else None)
    return None


def backwards(settings: Settings, topic: Topic, partition: int) -> Iterator[Message]:
    """A partition's records, newest first, in windows that double in size."""
    reader = consumer(settings, None)
    try:
        low, end = reader.get_watermark_offsets(TopicPartition(topic.name, partition), timeout=10.0)
    except KafkaException as error:
        raise KafkaUnavailable(f"{topic.name}[{partition}] cannot be read: {error}") from error
    finally:
        reader.close()
    size = FIRST_WINDOW
    while end > low:
        begin = max(low, end - size)
        yield from reversed(_window(settings, topic, partition, begin, end))
        end, size = begin, size * 2


def _window(settings: Settings, topic: Topic, partition: int, begin: int, end: int) -> list[Message]:
    """What is there of the offsets from begin on, before end."""
    found: list[Message] = []
    place = TopicPartition(topic.name, partition, begin)
    # a reader for each: after a second assign(), position() is that of the first one for a while
    reader = consumer(settings, None)
    try:
        reader.assign([place])
        waited_from = time.monotonic()
        while reader.position([place])[0].offset < end:
            message = reader.poll(1.0)
            if message is None:
                if time.monotonic() - waited_from > STALL_S:
                    raise KafkaUnavailable(
                        f"{topic.name}[{partition}] gave nothing for {STALL_S:g} s; is the broker up?"
                    )
                continue
            error, offset = message.error(), message.offset()
            if error is not None:
                raise KafkaUnavailable(f"{topic.name}[{partition}]: {error.str()}")
            waited_from = time.monotonic()
            if offset is None or offset >= end:
                break
            found.append(message)
        return found
    finally:
        reader.close()


def _utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")
