"""Starting and stopping a connector."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from connectors.connector import Connector, J, R
from connectors.worker import Worker
from infra import probes
from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics
from schemas.errors import ServerError

log = logging.getLogger(__name__)


def serve(settings: Settings, connector: Connector[J, R], stop: threading.Event | None = None) -> None:
    """Run a connector until SIGTERM, SIGINT or `stop`; then hand over and return.

    Raises ServerError when Kafka or the registry is not there at the start, and whatever the connector's partner
    refuses for good (a wrong key or address). What is stored is done after the next start.
    """
    stop = stop or threading.Event()
    with _stopped_by_signals(stop), probes.serving(settings, connector.name) as health:
        ensure_topics(settings)
        publisher = Publisher(settings, connect_codec(settings))
        worker = Worker(settings, connector, publisher, stop, health=health)
        log.info("%s: working", connector.name)
        try:
            worker.run()
        except ServerError as error:
            if not stop.is_set():
                raise
            log.warning("%s: stopped while Kafka was away, the next start goes on: %s", connector.name, error)
        log.info("%s: stopped", connector.name)


@contextlib.contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set stop while this lasts; elsewhere than in the main thread signals are not ours."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def told(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
