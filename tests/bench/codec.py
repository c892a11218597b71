"""Records to bytes and back, beside fastavro alone and confluent-kafka's serializers: `python -m tests.bench.codec`.

The same records of ten tracks each, one process, one thread; CPU time, as others may use the machine too.
"""

import io
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import fastavro
import msgspec
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.avro import schema_of, schema_text
from schemas.codec import HEADER, Codec, MemoryRegistry
from schemas.records import TrackUpdate
from schemas.topics import TRACK_UPDATES
from tests.bench.report import Report, paired
from tests.scenario import Scenario

RECORDS, PEOPLE = 400, 10
CODEC, FASTAVRO, CONFLUENT = "our Codec", "fastavro alone", "confluent-kafka's serializer"


def main() -> None:
    """Measure and report."""
    log = updates()
    schema = fastavro.parse_schema(schema_of(TrackUpdate), named_schemas={})
    codec, registry = Codec(MemoryRegistry()), SchemaRegistryClient.new_client({"url": "mock://bench"})
    serialize = AvroSerializer(registry, schema_text(TrackUpdate), lambda record, _: msgspec.to_builtins(record))
    deserialize = AvroDeserializer(
        registry, schema_text(TrackUpdate), lambda body, _: msgspec.convert(body, TrackUpdate)
    )
    context = SerializationContext(TRACK_UPDATES.name, MessageField.VALUE)
    theirs = [serialize(update, context) for update in log]
    ours = [codec.encode(update) for update in log]
    bodies = [data[HEADER.size :] for data in ours]
    parsed = [fastavro.schemaless_reader(io.BytesIO(body), schema, None) for body in bodies]
    assert bodies == [data[HEADER.size :] for data in theirs] == [written(schema, body) for body in parsed]
    assert log == [codec.decode(data, TrackUpdate) for data in ours] == [deserialize(d, context) for d in theirs]

    encoding = paired(
        {
            CODEC: lambda: per_s(codec.encode, log),
            FASTAVRO: lambda: per_s(lambda body: written(schema, body), parsed),
            CONFLUENT: lambda: per_s(lambda update: serialize(update, context), log),
        }
    )
    decoding = paired(
        {
            CODEC: lambda: per_s(lambda data: codec.decode(data, TrackUpdate), ours),
            FASTAVRO: lambda: per_s(lambda body: fastavro.schemaless_reader(io.BytesIO(body), schema, None), bodies),
            CONFLUENT: lambda: per_s(lambda data: deserialize(data, context), theirs),
        }
    )
    size, as_json = (sum(map(len, data)) / len(data) for data in (ours, [msgspec.json.encode(u) for u in log]))
    report = Report("codec", "Records to bytes and back")
    report.text(
        f"{RECORDS:,} TrackUpdates of {PEOPLE} tracks, {size:.0f} bytes each in Confluent's wire format ({as_json:.0f} "
        "as JSON). All three write the same body. Ours and confluent-kafka's turn records into bytes and bytes into "
        "records; fastavro alone takes and gives dictionaries, with neither header nor a check of what is in them. "
        "Records per second of CPU on one core."
    )
    for what, found in (("encode", encoding), ("decode", decoding)):
        rows = [(name, one.shown(), f"{1e6 / one.median:.1f}", found[CODEC].times(one)) for name, one in found.items()]
        report.table((what, "records/s", "us per record", "ours is so many times as fast"), rows)
    report.groups("records per second of CPU", {"encode": encoding, "decode": decoding})
    report.write()


def updates() -> list[TrackUpdate]:
    """People who stand about before one camera, with the noise that a detector's boxes have."""
    shop = Scenario(seconds=(RECORDS - 1) / 10, jitter_px=1.5)
    for number in range(PEOPLE):
        shop.customer((0, -2 + 0.4 * number, 5 + 0.1 * number))
    return shop.log()


def written(schema: Any, body: object) -> bytes:
    """The Avro body by fastavro alone."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, body)
    return out.getvalue()


def per_s(do: Callable[[Any], object], items: Sequence[Any]) -> float:
    """How often a second of CPU time does it."""
    began = process_time()
    for item in items:
        do(item)
    return len(items) / (process_time() - began)


if __name__ == "__main__":
    main()
