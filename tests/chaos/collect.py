"""What a run leaves behind, as plain values by store and key, without what was merely observed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from connectors.audit.service import verify
from connectors.clickhouse.client import AS_IN_RECORDS, query
from connectors.snapshots.service import folder_of
from infra.config import Settings
from infra.kafka import connect_codec, read_to_end
from infra.partitions import partition_of
from schemas import records, topics
from schemas.avro import schema_of
from schemas.hashing import sha256_of_file
from schemas.records import ClipUploaded, IncidentReported
from schemas.site import Site
from tests.chaos.shop import FILM
from tests.connector_stack import Partner
from tests.world_servers import s3

OBSERVED_COLUMNS = {"cut_at", "uploaded_at", "reported_at", "external_incident_id"}
OBSERVED_ITEMS = {"upload_timestamp", "created_at", "last_updated"}
KEYS: dict[type[msgspec.Struct], tuple[str, ...]] = {
    records.TrackUpdate: ("camera_id", "stream_epoch", "sequence", "stream_state"),
    records.RecordingSegment: ("camera_id", "stream_epoch", "index"),
    records.InteractionEvent: ("episode_id", "phase"),
    records.UnattendedEvent: ("episode_id", "phase"),
    records.CustomerVisit: ("visit_id",),
    records.CameraOutage: ("outage_id", "facet_revision"),
    records.ClipCut: ("episode_id", "part", "facet_revision"),
    records.ClipUploaded: ("episode_id", "part", "facet_revision"),
    records.IncidentReported: ("occurrence_id", "facet_revision"),
    records.Episode: ("episode_id",),
}
"""By what a consumer recognises a record that comes again."""


@dataclass
class Found:
    """stores: store -> key -> value. wrong: what is wrong within this run, whatever another one says."""

    stores: dict[str, dict[str, Any]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    requests: list[ClipUploaded | IncidentReported] = field(default_factory=list)
    """What became of what the partner's APIs were asked."""
    faults: list[dict[str, str]] = field(default_factory=list)
    """The requests that met a fault there."""
    attempting: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """When it was noted that a request is about to be sent (ms UTC), by API and Idempotency-Key."""
    names: dict[str, set[str]] = field(default_factory=dict)
    """occurrence_id -> the ids and file names under which the stores know it and its episodes."""

    def of(self, store: str) -> dict[str, Any]:
        """The store's values, to be added to."""
        return self.stores.setdefault(store, {})


def collect(settings: Settings, site: Site) -> Found:
    """Read everything. Raises ServerError when a store cannot be asked."""
    found = Found()
    found.wrong += [f"verify: {difference}" for difference in verify(settings, site).differences]
    codec = connect_codec(settings)
    for topic in topics.PUBLIC:
        if topic.value in KEYS and topic is not topics.TRACK_UPDATES_BACKFILL:
            _read_topic(settings, codec, topic, found)
    for topic in topics.DEAD_LETTERS:
        found.wrong += [f"{topic.name}: {message.value()!r:.100}" for message in read_to_end(settings, topic)]
    _read_files(settings, found)
    for item in s3(settings).get_paginator("list_objects_v2").paginate(Bucket=settings.s3.bucket).search("Contents[]"):
        if item is not None:
            there = s3(settings).head_object(Bucket=settings.s3.bucket, Key=item["Key"])
            found.of("objects")[item["Key"]] = [item["Size"], there["ETag"], there["Metadata"]]
    _read_partner(settings, found)
    for table in ("episode_log", "visits", "outages"):
        for row in query(settings, f"SELECT * FROM {table} FINAL", formats=AS_IN_RECORDS).as_dicts():
            key = next(row[name] for name in ("episode_id", "visit_id", "outage_id") if name in row)
            found.of("rows")[f"{table} {key}"] = {k: v for k, v in row.items() if k not in OBSERVED_COLUMNS}
    for path in folder_of(settings, site).glob("*.json"):
        for key, item in _items(json.loads(path.read_bytes())):
            found.of("snapshots")[f"{path.name} {key}"] = item
    return found


def _read_topic(settings: Settings, codec: Any, topic: topics.Topic, found: Found) -> None:
    """The newest of each key. What comes again as something else is wrong, except an episode's next revision."""
    assert topic.value is not None
    there, compacted = found.of(topic.name), topic.compacted
    for message in read_to_end(settings, topic):
        if message.value() is None:
            continue
        record: Any = codec.decode(message.value(), topic.value)
        key = " ".join(str(getattr(record, name)) for name in KEYS[topic.value])
        value = plain(record)
        if message.partition() != partition_of((message.key() or b"").decode(), topic.partitions):
            found.wrong.append(f"{topic.name}: {key} is in partition {message.partition()}, where nobody looks for it")
        if key in there and there[key] != value and not compacted:
            found.wrong.append(f"{topic.name}: {key} was told twice, each time otherwise: {unlike(there[key], value)}")
        there[key] = value
        if isinstance(record, ClipUploaded | IncidentReported):
            found.requests.append(record)
        if getattr(record, "occurrence_id", None) is not None:
            known = [record.occurrence_id, record.episode_id, getattr(record, "incident_id", None)]
            found.names.setdefault(record.occurrence_id, set()).update(name for name in known if name)


def _read_files(settings: Settings, found: Found) -> None:
    for path in sorted(settings.segments_dir.rglob("*")):
        if path.is_file():
            found.of("clip files")[str(path.relative_to(settings.segments_dir))] = sha256_of_file(path)
    for path in sorted((settings.recordings_dir / FILM).glob("*_*.*")):
        if path.suffix in (".mp4", ".idx"):
            found.of("recordings")[path.name] = sha256_of_file(path)


def _read_partner(settings: Settings, found: Found) -> None:
    partner = Partner(settings)
    found.faults = partner.faults()
    for api in ("upload", "incident"):
        for message in read_to_end(settings, topics.work(api)):
            if b'"state":"attempting"' in (message.value() or b""):
                key = (message.key() or b"").decode()
                # every clip is its episode's first: nothing is cut anew in these runs
                name = (api, f"{key}:1" if api == "upload" else key)
                found.attempting.setdefault(name, []).append(message.timestamp()[1])
    for one in partner.all_incidents():
        found.of("accepted incidents").setdefault(one["idempotency_key"], []).append(one["body"])
    for one in partner.all_uploads():
        found.of("accepted uploads").setdefault(one["idempotency_key"], []).append(one["sha256"])


def _items(body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for of, items in (("interaction_metrics", "interaction_times"), ("unattended_metrics", "unattended_times")):
        for item in body[of].pop(items):
            yield item["episode_id"], without(item, OBSERVED_ITEMS)
    yield "beside its items", without(body, OBSERVED_ITEMS)


def plain(record: msgspec.Struct) -> Any:
    """The record as plain values, without the fields that are marked observed, also inside others."""
    return without(msgspec.to_builtins(record), observed(type(record)))


def without(value: Any, names: frozenset[str] | set[str]) -> Any:
    """The value without these keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


@cache
def observed(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The names that are marked so anywhere in the record's schema."""
    return frozenset(_observed(schema_of(kind)))


def _observed(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for one in schema:
            yield from _observed(one)
    elif isinstance(schema, dict):
        if schema.get("observed"):
            yield schema["name"]
        for name in ("type", "items", "fields"):
            yield from _observed(schema.get(name))


def unlike(one: Any, other: Any) -> str:
    """In which fields two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
        return ", ".join(f"{name}: {one.get(name)!r:.80} / {other.get(name)!r:.80}" for name in names)
    return f"{one!r:.80} / {other!r:.80}"


def log_files(folder: Path) -> list[Path]:
    """What our processes wrote in a run's folder."""
    return sorted(folder.glob("run*/logs/*.log"))
