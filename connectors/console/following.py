"""A thread that follows the event topics for the page of what happens now. It commits nothing and keeps no state."""

import logging
import threading
import time
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from connectors.console.waiting import Now
from connectors.sink import decoded
from infra.config import Settings
from infra.kafka import connect_codec, consumer
from infra.partitions import offsets_at
from schemas.codec import Codec, RegistryUnavailable
from schemas.errors import ServerError
from schemas.topics import CAMERA_OUTAGES, INTERACTION_EVENTS, UNATTENDED_EVENTS

TOPICS = (UNATTENDED_EVENTS, INTERACTION_EVENTS, CAMERA_OUTAGES)
BACK_MS = 12 * 3600 * 1000
"""What began before, does not last any more."""
BATCH, POLL_S, AGAIN_S, ASK_S, STOP_S = 500, 0.5, 3.0, 10.0, 3.0
_log = logging.getLogger(__name__)


class Follower:
    """Knows what happens now; whoever asks holds the lock for a moment."""

    def __init__(self, settings: Settings, site_id: str) -> None:
        self._settings = settings
        self.now = Now(site_id)
        self.lock = threading.Lock()
        self.trouble: str | None = "the events are still being read"
        """Why what is known may be old; None when it is not."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End, soon: nothing is lost when a server does not answer it in time."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow(connect_codec(self._settings))
            except (ServerError, RegistryUnavailable, KafkaException) as error:
                self.trouble = f"{error}"
                _log.warning("cannot follow the events: %s; trying again", error)
                self._stop.wait(AGAIN_S)

    def _follow(self, codec: Codec) -> None:
        heard: list[Any] = []
        reader = consumer(self._settings, None, error_cb=heard.append)
        try:
            every = [(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
            since = offsets_at(reader, every, time.time_ns() // 1_000_000 - BACK_MS)
            places = [TopicPartition(*at, OFFSET_END if first is None else first) for at, first in since.items()]
            with self.lock:
                self.now = Now(self.now.site_id)
            reader.assign(places)
            ends = {(p.topic, p.partition): reader.get_watermark_offsets(p, timeout=ASK_S)[1] for p in places}
            while not self._stop.is_set():
                messages = [m for m in reader.consume(BATCH, POLL_S) if m.error() is None]
                with self.lock:
                    for message, record in decoded(messages, codec, None):
                        self.now.tell(record, message.timestamp()[1])  # type: ignore[arg-type]
                if ends:
                    ends = _ahead(ends, reader)
                self.trouble = self._said(bool(ends), heard)
                heard.clear()
        finally:
            reader.close()

    def _said(self, behind: bool, heard: list[Any]) -> str | None:
        down = next((e for e in heard if e.code() == e._ALL_BROKERS_DOWN), None)
        if down is not None:
            return f"Kafka at {self._settings.kafka.bootstrap_servers} does not answer: {down.str()}"
        return "the events are still being read" if behind else None


def _ahead(ends: dict[tuple[str, int], int], reader: Consumer) -> dict[tuple[str, int], int]:
    """Those ends that were not reached yet."""
    at = {(p.topic, p.partition): p.offset for p in reader.position([TopicPartition(*place) for place in ends])}
    return {place: end for place, end in ends.items() if end > 0 and 0 <= at[place] < end}
