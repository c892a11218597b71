"""Container files (Avro) of events and of the log. The same content gives the same bytes.

Their header holds the schema as it stands in its .avsc file: parsed by fastavro, its keys would stand in another order
in every process.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import fastavro
import msgspec
from fastavro.write import Writer

from infra.failpoint import failpoint
from infra.whole import WholeFile
from schemas.avro import schema_of
from schemas.codec import Codec
from schemas.records import TrackUpdate
from schemas.topics import CAMERA_OUTAGES, CUSTOMER_VISITS, INTERACTION_EVENTS, UNATTENDED_EVENTS, Topic
from streams.frame import Event
from streams.replay.manifest import Written, sha256_of

WRITTEN = (INTERACTION_EVENTS, UNATTENDED_EVENTS, CUSTOMER_VISITS, CAMERA_OUTAGES)
BLOCK_BYTES = 256 * 1024
"""Of the log's records before compression."""


def name_of(topic: Topic) -> str:
    """The file of a topic's records."""
    return f"{topic.name}.avro"


def write(events: Iterable[Event], folder: Path, codec: Codec) -> dict[str, Written]:
    """One file per topic of events, also for those without any; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    events = list(events)
    return {
        name_of(topic): write_topic(folder, topic, [e for e in events if type(e) is topic.value], codec)
        for topic in WRITTEN
    }


def write_topic(folder: Path, topic: Topic, records: Sequence[msgspec.Struct], codec: Codec) -> Written:
    """All records of one topic as a file."""
    assert topic.value is not None
    marker = hashlib.sha256(b"".join(codec.body(record) for record in records) + topic.name.encode()).digest()[:16]
    path = folder / name_of(topic)
    with WholeFile(path) as file:
        writer = Writer(file, schema_of(topic.value), "deflate", sync_marker=marker)
        for record in records:
            writer.write(msgspec.to_builtins(record))
        writer.flush()
    failpoint("replay.file")
    return written(path, len(records))


def written(path: Path, records: int) -> Written:
    """What a manifest says of a file."""
    digest = sha256_of(path)
    assert digest is not None
    return Written(digest, records)


def log_writer(file: IO[bytes], marker: bytes) -> Writer:
    """Takes the log's records one by one; nothing but a block is held."""
    return Writer(file, schema_of(TrackUpdate), "deflate", BLOCK_BYTES, sync_marker=marker)


def read_topic(path: Path, kind: type[msgspec.Struct]) -> Iterator[Any]:
    """The records of a file, resolved to our schema."""
    ours = schema_of(kind)
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        if msgspec.json.decode(reader.metadata["avro.schema"]) != ours:
            file.seek(0)
            reader = fastavro.reader(file, ours)
        for body in reader:
            yield msgspec.convert(body, kind)
