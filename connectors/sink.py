"""What the sinks share: take messages, decode them, commit once they are stored, wait while a server is away."""

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from infra.health import Health
from infra.kafka import KafkaUnavailable, Publisher, dead_letter
from schemas import topics
from schemas.codec import Codec, UndecodableError
from schemas.errors import ServerError

log = logging.getLogger(__name__)

WAIT_FIRST_S = 0.5
WAIT_MAX_S = 30.0


class StoreUnavailable(ServerError):
    """The store does not take what we give it: nothing is committed, wait and try again."""


@contextmanager
def stopped_by_signals(stop: threading.Event | None) -> Iterator[threading.Event]:
    """`stop` or a new event, which SIGTERM and SIGINT set while this lasts; signals are the main thread's alone."""
    stop = stop or threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def keep_going(stop: threading.Event, health: Health, follow: Callable[[Callable[[], None]], None]) -> None:
    """Run follow until stop is set. When a server is away, close everything, wait longer each time, begin again.

    follow(progressed) begins at the last commit, so that a new beginning loses nothing; it calls progressed() when
    something was stored, after which the next wait is short again.
    """
    wait_s = WAIT_FIRST_S

    def progressed() -> None:
        nonlocal wait_s
        wait_s = WAIT_FIRST_S
        health.trouble(None)

    while not stop.is_set():
        try:
            follow(progressed)
        except ServerError as error:
            log.warning("%s; nothing is lost, next try in %.1f s", error, wait_s)
            health.turned()
            health.trouble(str(error))
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, WAIT_MAX_S)


def take(reader: Consumer, messages_max: int, wait_s: float) -> list[Message]:
    """Up to messages_max messages within wait_s. Raises KafkaUnavailable for an error that waiting does not mend."""
    taken: list[Message] = []
    for message in reader.consume(messages_max, wait_s):
        error = message.error()
        if error is None:
            taken.append(message)
        elif not error.retriable():
            raise KafkaUnavailable(f"reading {message.topic()}: {error.str()}")
    return taken


def decoded(
    messages: Iterable[Message], codec: Codec, publisher: Publisher | None
) -> Iterator[tuple[Message, msgspec.Struct]]:
    """The records of the messages; tombstones are passed over.

    What is undecodable goes to the dead letters: flush the publisher before committing. publisher None: it is there
    already. Raises RegistryUnavailable (then wait).
    """
    for message in messages:
        topic = next(topic for topic in topics.PUBLIC if topic.name == message.topic())
        assert topic.value is not None
        if message.value() is None:
            continue
        try:
            record = codec.decode(message.value(), topic.value)
        except UndecodableError as error:
            if publisher is not None:
                place = f"{topic.name}[{message.partition()}] offset {message.offset()}"
                log.error("%s cannot be decoded and goes to %s: %s", place, topic.dead_letters, error)
                dead_letter(publisher, topic, message, error)
            continue
        yield message, record


def after(messages: Iterable[Message]) -> list[TopicPartition]:
    """Where to go on once these are stored, for each of their partitions."""
    following: dict[tuple[str, int], int] = {}
    for message in messages:
        name, partition, offset = message.topic(), message.partition(), message.offset()
        assert name is not None
        assert partition is not None
        assert offset is not None
        following[name, partition] = max(following.get((name, partition), 0), offset + 1)
    return [TopicPartition(*place, offset) for place, offset in following.items()]


def commit(reader: Consumer, offsets: list[TopicPartition]) -> None:
    """Commit these. Where another worker took a partition over, it stores the same again, which changes nothing."""
    try:
        reader.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        log.warning("not committed, these records will be stored once more: %s", error.args[0].str())
