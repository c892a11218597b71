"""Replay: fold business days of cameras again, in a plain loop over the log, with the very fold of the live worker.

The bodies of its events equal the live ones byte for byte under the same rules, whatever the topic's partitions. They
are written to <out>/<version>/<camera_id>/<day>/<topic>.avro; nothing is published.
"""

import hashlib
import os
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Generic

import fastavro
import msgspec
from aiokafka.partitioner import murmur2

from infra.config import Settings
from infra.kafka import connect_codec
from schemas.avro import schema_of
from schemas.codec import Codec, UndecodableError
from schemas.errors import ExplainedError, InputError
from schemas.ids import day_begins_ms, safe_name
from schemas.records import TrackUpdate
from schemas.rules import CameraRules
from schemas.site import Site
from schemas.topics import (
    CAMERA_OUTAGES,
    CUSTOMER_VISITS,
    INTERACTION_EVENTS,
    TRACK_UPDATES,
    TRACK_UPDATES_BACKFILL,
    UNATTENDED_EVENTS,
    Topic,
)
from streams.book import RulesBook
from streams.frame import Event
from streams.progress import CAMERA_FOLD, Fold, Place, S, advance
from streams.published import read_rules, read_skips
from streams.reread import LogReader, offset_at, partitions_of, watermarks

WRITTEN = (INTERACTION_EVENTS, UNATTENDED_EVENTS, CUSTOMER_VISITS, CAMERA_OUTAGES)
SLACK_MS = 60_000
"""How much the brokers' clock may be behind the cameras' when the beginning of a day is looked up by record time."""
TELL_EVERY = 100_000


class ReplayFailed(ExplainedError):
    """The fold cannot take a record of a day; the other days are written. Mend the cause or have the record skipped."""


@dataclass
class DayFold(Generic[S]):
    """One camera's business day being folded. Takes its log in order, from any record before the day on."""

    camera_id: str
    day: str
    begins_at: int
    ends_at: int
    fold: Fold[S]
    book: RulesBook
    skips: Container[Place]
    state: S | None = None
    events: list[Event] = field(default_factory=list)
    records: int = 0
    over: bool = False
    error: str | None = None

    def take(self, update: TrackUpdate) -> None:
        """Fold a record of the day, or the first one after it, which is what closes the day's episodes."""
        if self.over or update.captured_at < self.begins_at:
            return
        try:
            outcome = advance(self.fold, self.state, update, self.book, self.skips, complete=True)
        except Exception as error:  # noqa: BLE001  as in the live worker: this camera's alone
            place = f"{update.stream_epoch}:{update.sequence}"
            self.error, self.over = f"record {place}: {type(error).__name__}: {error}", True
            return
        if isinstance(outcome, tuple):
            self.state, events = outcome
            self.events += [event for event in events if event.business_day == self.day]
            self.over = update.captured_at >= self.ends_at
            self.records += not self.over


@dataclass(frozen=True)
class Summary:
    """What was folded: a line per camera and day."""

    days: tuple[DayFold[Any], ...]
    folder: Path

    def __str__(self) -> str:
        lines = [f"{d.camera_id} {d.day}: {d.records} records, {_count(d.events)}" for d in self.days]
        return "\n".join([*lines, f"written to {self.folder}"])


def replay(
    settings: Settings,
    site: Site,
    *,
    camera_ids: Sequence[str],
    days: Sequence[str],
    lane: str = "live",
    version: str,
    out: Path,
    say: Callable[[str], None] = lambda line: None,
    fold: Fold[Any] = CAMERA_FOLD,
    topic: Topic | None = None,
) -> Summary:
    """Fold the days (YYYY-MM-DD) of the cameras under the site's rules and write their events; say() tells of progress.

    topic: another log than the lane's own. Raises SiteError, InputError, KafkaUnavailable, RegistryUnavailable, and
    ReplayFailed after everything else was written.
    """
    folder = out / _version(version)
    wanted = {camera_id: site.effective_rules(camera_id) for camera_id in camera_ids}
    source = (topic or (TRACK_UPDATES if lane == "live" else TRACK_UPDATES_BACKFILL)).name
    codec = connect_codec(settings)
    book = RulesBook(wanted, read_rules(settings, codec) | {rules.version: rules for rules in wanted.values()})
    skips = read_skips(settings, codec)
    folds = {
        camera_id: [_day_fold(camera_id, day, rules, fold, book, skips) for day in days]
        for camera_id, rules in wanted.items()
    }
    partitions = partitions_of(settings, source)
    for partition in range(partitions):
        here = {camera: folds[camera] for camera in camera_ids if _partition(camera, partitions) == partition}
        if here:
            _fold_partition(settings, codec, source, partition, lane, here, say)
    every = tuple(one for camera_id in camera_ids for one in folds[camera_id])
    if not any(one.records for one in every):
        raise InputError(
            f"no record of {', '.join(camera_ids)} on {', '.join(days)} in {source}, lane {lane}: "
            "look at the days, the lane and the topic's retention"
        )
    for one in every:
        if one.error is None:
            write(one.events, folder / one.camera_id / one.day, codec)
    if failed := [f"camera {one.camera_id}, day {one.day}: {one.error}" for one in every if one.error is not None]:
        raise ReplayFailed("\n".join(failed))
    return Summary(every, folder)


def write(events: Iterable[Event], folder: Path, codec: Codec) -> None:
    """One Avro container file per topic, also for those without events; each appears whole or not at all.

    The same events give the same files, byte for byte.
    """
    folder.mkdir(parents=True, exist_ok=True)
    events = list(events)
    for topic in WRITTEN:
        assert topic.value is not None
        mine = [event for event in events if type(event) is topic.value]
        marker = hashlib.sha256(b"".join(codec.body(event) for event in mine) + topic.name.encode()).digest()[:16]
        path = folder / f"{topic.name}.avro"
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            schema = fastavro.parse_schema(schema_of(topic.value), named_schemas={})
            fastavro.writer(file, schema, [msgspec.to_builtins(event) for event in mine], "deflate", sync_marker=marker)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fold_partition(
    settings: Settings,
    codec: Codec,
    topic: str,
    partition: int,
    lane: str,
    folds: dict[str, list[DayFold[Any]]],
    say: Callable[[str], None],
) -> None:
    """Read one partition up to the end that it has now, or until all its days are over."""
    every = [one for of_camera in folds.values() for one in of_camera]
    end = watermarks(settings, topic, partition)[1]
    start = offset_at(settings, topic, partition, min(one.begins_at for one in every) - SLACK_MS)
    if start >= end:
        return
    told = start
    with LogReader(settings, topic, partition, start) as log:
        while log.position < end and not all(one.over for one in every):
            for record in log.read():
                of_camera = folds.get((record.key or b"").decode(errors="replace"), [])
                if record.offset < end and not all(one.over for one in of_camera):
                    update = _decoded(codec, record.value)
                    if update is not None and update.lane == lane:
                        for one in of_camera:
                            one.take(update)
            if log.position - told >= TELL_EVERY:
                told = log.position
                say(f"{topic}[{partition}]: at offset {told} of {end}")
    for one in every:
        say(f"{one.camera_id} {one.day}: {one.records} records folded")


def _decoded(codec: Codec, value: bytes | None) -> TrackUpdate | None:
    """None for what the live worker has put aside."""
    try:
        return codec.decode(value, TrackUpdate)
    except UndecodableError:
        return None


def _day_fold(
    camera_id: str, day: str, rules: CameraRules, fold: Fold[S], book: RulesBook, skips: Container[Place]
) -> DayFold[S]:
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    begins, ends = (day_begins_ms(d, rules.timezone, rules.day_starts_min) for d in (day, following))
    return DayFold(camera_id, day, begins, ends, fold, book, skips)


def _partition(camera_id: str, partitions: int) -> int:
    """Where every producer of ours puts the camera."""
    return (int(murmur2(camera_id.encode())) & 0x7FFFFFFF) % partitions


def _version(name: str) -> str:
    if name == "live":
        raise InputError("--version live is what the cameras write; choose another name for a replay")
    try:
        return safe_name(name)
    except ValueError as error:
        raise InputError(f"--version: {error}") from error


def _count(events: Sequence[Event]) -> str:
    by_topic = ((topic.name, sum(type(event) is topic.value for event in events)) for topic in WRITTEN)
    return ", ".join(f"{number} {name}" for name, number in by_topic)
