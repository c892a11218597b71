"""The snapshot sink: one JSON file a business day and one over the last days, always equal to the `episodes` topic.

A file needs all episodes of its day, so one process reads all partitions, from the beginning at every start. It holds
a window of days in memory; an older day is read from the topic when something about it changes.
"""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from connectors.sink import StoreUnavailable, commit, decoded, keep_going, stopped_by_signals, take
from connectors.snapshots.plan import LAST_DAYS_NAMES, Bounds, Window, files
from infra import metrics, probes
from infra.config import Settings
from infra.failpoint import failpoint
from infra.health import Health
from infra.kafka import KafkaUnavailable, Publisher, connect_codec, consumer, ensure_topics, read_to_end
from infra.standing import Standing
from infra.whole import WholeFile
from schemas.codec import Codec
from schemas.ids import safe_name
from schemas.records import Episode
from schemas.site import Site
from schemas.topics import EPISODES

log = logging.getLogger(__name__)

GROUP = "snapshots"
BATCH_MAX = 5_000
BATCH_S = 1.0


class SnapshotNotWritten(StoreUnavailable):
    """The folder of the snapshots cannot be written; make room or correct its rights. Nothing is committed."""

    exit_code = 1


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Keep the site's files up to date until SIGTERM, SIGINT or `stop`. While a server or the disk is away: waits."""
    with stopped_by_signals(stop) as stop, probes.serving(settings, GROUP) as health:
        keep_going(stop, health, lambda progressed: _Follower(settings, site, progressed, health).run(stop))
    log.info("stopped")


def rebuild(settings: Settings, site: Site, days: Collection[str] | None = None) -> list[Path]:
    """Write the files of these business days (None: all) and of the last days anew; they are the same bytes as before.

    Raises KafkaUnavailable, RegistryUnavailable, SnapshotNotWritten.
    """
    folder = folder_of(settings, site)
    contents = planned(settings, site, connect_codec(settings), days)
    for name, data in contents.items():
        write(folder / name, data)
    remove_other_last_days(settings, site)
    return [folder / name for name in contents]


def planned(settings: Settings, site: Site, codec: Codec, days: Collection[str] | None = None) -> dict[str, bytes]:
    """File name -> what the topic says now, for these business days (None: all) and the last days."""
    bounds = bounds_of(settings)
    window = Window(None if days is None else bounds.last_days, bounds=bounds, also=days or ())
    for _, record in decoded(read_to_end(settings, EPISODES), codec, None):
        if isinstance(record, Episode) and record.site_id == site.site_id:
            window.add(record)
    return files(window, window.days() if days is None else days, site, bounds)


def bounds_of(settings: Settings) -> Bounds:
    """How much a file may say, by the settings."""
    return Bounds(settings.snapshots.last_days, settings.snapshots.items_max)


def remove_other_last_days(settings: Settings, site: Site) -> None:
    """Take away the file over the last days of another setting: nobody keeps it true any more."""
    for path in folder_of(settings, site).glob(LAST_DAYS_NAMES):
        if path.name != bounds_of(settings).last_days_name:
            path.unlink(missing_ok=True)


def folder_of(settings: Settings, site: Site) -> Path:
    """Where a site's files lie."""
    return settings.snapshots_dir / safe_name(site.site_id)


def write(path: Path, data: bytes) -> bool:
    """Replace a file as a whole, durably. False when it said so already.

    The folder is locked, so that a rebuild and the service do not share a temporary file. Raises SnapshotNotWritten.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            if path.exists() and path.read_bytes() == data:
                return False
            with WholeFile(path) as file:
                file.write(data)
            return True
        finally:
            os.close(folder)
    except OSError as error:
        raise SnapshotNotWritten(
            f"{path}: cannot be written: {error.strerror}; make room or correct the rights"
        ) from error


class _Follower:
    """One reading of the topic, from its beginning to its end and on."""

    def __init__(self, settings: Settings, site: Site, progressed: Callable[[], None], health: Health) -> None:
        self._standing = Standing(health)
        self._settings, self._site, self._progressed = settings, site, progressed
        ensure_topics(settings)
        self._codec = connect_codec(settings)
        self._publisher = Publisher(settings, self._codec)
        self._window = Window(bounds=bounds_of(settings))
        self._changed: set[str] = set()
        self._next: dict[int, int] = {}
        self._to_commit = False

    def run(self, stop: threading.Event) -> None:
        """Until stop is set. Raises ServerErrors, after which a new reading loses nothing."""
        reader = consumer(self._settings, GROUP)
        try:
            committed = _committed(reader)
            for message in read_to_end(self._settings, EPISODES):
                self._take(message, committed)
            self._write(reader)
            remove_other_last_days(self._settings, self._site)
            log.info("following %s, %d days held", EPISODES.name, len(self._window.days()))
            reader.assign([TopicPartition(EPISODES.name, n, self._next.get(n, 0)) for n in range(EPISODES.partitions)])
            while not stop.is_set():
                for message in take(reader, BATCH_MAX, BATCH_S):
                    self._take(message, committed)
                self._write(reader)
                self._standing.look(reader)
        finally:
            reader.close()

    def _take(self, message: Message, committed: dict[int, int]) -> None:
        """Put a record into the window; its day has changed unless an earlier run wrote it and it is long ago."""
        number, offset = message.partition(), message.offset()
        assert number is not None
        assert offset is not None
        is_new = offset >= committed.get(number, 0)
        for _, record in decoded([message], self._codec, self._publisher if is_new else None):
            if isinstance(record, Episode) and record.site_id == self._site.site_id:
                self._window.add(record)
                if is_new or self._window.holds(record.business_day):
                    self._changed.add(record.business_day)
        self._next[number] = offset + 1
        self._to_commit = True

    def _write(self, reader: Consumer) -> None:
        """Write the days that have changed, then commit. Nothing to do while nothing came."""
        if not self._to_commit:
            return
        if self._changed:
            failpoint("snapshots.after_attempting")
            began = time.monotonic()
            contents = files(self._window, self._changed, self._site, bounds_of(self._settings))
            if older := {day for day in self._changed if not self._window.holds(day)}:
                contents |= planned(self._settings, self._site, self._codec, older)
            for name, data in contents.items():
                if write(folder_of(self._settings, self._site) / name, data):
                    metrics.SINK_FILES.add()
                    log.info("%s: %d bytes", name, len(data))
            metrics.SINK_BATCH_SECONDS.observe(time.monotonic() - began, GROUP)
        self._publisher.flush()
        failpoint("snapshots.after_result_stored")
        commit(reader, [TopicPartition(EPISODES.name, n, offset) for n, offset in self._next.items()])
        self._changed = set()
        self._to_commit = False
        self._progressed()


def _committed(reader: Consumer) -> dict[int, int]:
    """Up to where an earlier run wrote all that it read."""
    wanted = [TopicPartition(EPISODES.name, number) for number in range(EPISODES.partitions)]
    try:
        return {at.partition: at.offset for at in reader.committed(wanted, timeout=20.0) if at.offset > 0}
    except KafkaException as error:
        raise KafkaUnavailable(f"committed offsets of {GROUP}: {error.args[0].str()}") from error
