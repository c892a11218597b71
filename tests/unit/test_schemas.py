"""The contracts: what is on the wire, what it is called, and what a new release may change."""

import copy
import json
import typing
from typing import Any

import fastavro
import msgspec
import pytest

from schemas import acts, records, topics
from schemas.avro import schema_of, schema_text
from schemas.codec import Codec, MemoryRegistry, RegistryUnavailable, UndecodableError
from schemas.hashing import hash_of, observed_fields, sealed

RECORDS = [topic.value for topic in topics.PUBLIC if topic.value is not None]
FORWARD = "UNRECOGNISED"


def a_track_update(**change: Any) -> records.TrackUpdate:
    base = records.TrackUpdate(
        site_id="shop",
        camera_id="door",
        lane="live",
        stream_epoch=1_700_000_000_000,
        sequence=7,
        frame_index=7,
        captured_at=1_700_000_000_700,
        published_at=1_700_000_000_900,
        clock_source="pts",
        stream_state="LIVE",
        image_width=640,
        image_height=360,
        tracks=[records.Track(track_id=3, class_name="person", confidence=0.9, x1=1.5, y1=2, x2=30, y2=90)],
        producer=records.Producer(model="m@0", tracker="t@0", version="0"),
    )
    return msgspec.structs.replace(base, **change)


def _avro_and_python(schema: dict[str, Any], record: type[msgspec.Struct]) -> list[str]:
    """Differences between an Avro record and the Struct that stands for it."""
    wrong = []
    fields = {f.name: f for f in msgspec.structs.fields(record)}
    if [f["name"] for f in schema["fields"]] != list(fields):
        wrong.append(f"{schema['name']}: fields or their order differ")
    for field in schema["fields"]:
        python = fields[field["name"]]
        wrong += _same_type(f"{schema['name']}.{field['name']}", field["type"], python.type)
        has_default = python.default is not msgspec.NODEFAULT or python.default_factory is not msgspec.NODEFAULT
        if ("default" in field) != has_default:
            wrong.append(f"{schema['name']}.{field['name']}: default on one side only")
        if not field.get("doc"):
            wrong.append(f"{schema['name']}.{field['name']}: no doc")
    return wrong


def _same_type(where: str, avro: Any, python: Any) -> list[str]:
    if typing.get_origin(python) is typing.Annotated:  # what it may hold is Python's affair alone
        python = typing.get_args(python)[0]
    plain = {"string": str, "long": int, "int": int, "double": float, "boolean": bool}
    if isinstance(avro, list):
        inner = [a for a in typing.get_args(python) if a is not type(None)]
        if avro[0] != "null" or len(avro) != 2 or type(None) not in typing.get_args(python):
            return [f"{where}: not optional on both sides"]
        if len(inner) > 1:  # an optional Literal or union of one type
            return [f"{where}: optional of more than one type"]
        return _same_type(where, avro[1], inner[0])
    if isinstance(avro, dict) and avro["type"] == "array":
        return _same_type(where, avro["items"], typing.get_args(python)[0])
    if isinstance(avro, dict) and avro["type"] == "enum":
        wrong = []
        if avro["symbols"][0] != FORWARD or avro["default"] != FORWARD:
            wrong.append(f"{where}: an enum's default is its first symbol {FORWARD}")
        if set(typing.get_args(python)) != set(avro["symbols"]):
            wrong.append(f"{where}: symbols differ")
        return wrong
    if isinstance(avro, dict):
        return _avro_and_python(avro, python)
    if avro in plain:
        return [] if python is plain[avro] else [f"{where}: {avro} is not {python}"]
    ours = getattr(records, avro, None) or getattr(acts, avro)
    return [] if ours == python else [f"{where}: {avro} is not {python}"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_every_record_is_the_same_in_avro_and_in_python(record: type[msgspec.Struct]) -> None:
    assert _avro_and_python(schema_of(record), record) == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.__name__)
def test_every_schema_loads_and_names_no_type_twice(record: type[msgspec.Struct]) -> None:
    fastavro.parse_schema(json.loads(schema_text(record)), named_schemas={})


def test_a_shared_type_is_the_same_in_every_schema_that_holds_it() -> None:
    seen: dict[str, tuple[str, Any]] = {}

    def walk(node: Any, owner: str) -> None:
        if isinstance(node, dict):
            if node.get("type") in ("record", "enum") and node["name"] != owner:
                known = seen.setdefault(node["name"], (owner, _shape(node)))
                assert known[1] == _shape(node), f"{node['name']} differs between {known[0]} and {owner}"
            for value in node.values():
                walk(value, owner)
        elif isinstance(node, list):
            for value in node:
                walk(value, owner)

    for record in RECORDS:
        walk(schema_of(record), record.__name__)
    assert len(seen) > 20


def _shape(node: Any) -> Any:
    """A schema with nested definitions replaced by their names: where a type is defined first does not matter."""
    if isinstance(node, dict) and node.get("type") == "record":
        return {"name": node["name"], "fields": [{**f, "type": _named(f["type"])} for f in node["fields"]]}
    return node


def _named(node: Any) -> Any:
    if isinstance(node, dict) and node.get("type") in ("record", "enum"):
        return node["name"]
    if isinstance(node, dict):
        return {key: _named(value) for key, value in node.items()}
    return [_named(item) for item in node] if isinstance(node, list) else node


def test_a_record_comes_back_as_it_went() -> None:
    codec = Codec(MemoryRegistry())
    update = a_track_update()
    assert codec.decode(codec.encode(update), records.TrackUpdate) == update


def test_given_a_writer_with_a_new_enum_symbol_when_we_read_then_it_is_unrecognised() -> None:
    newer = copy.deepcopy(schema_of(records.TrackUpdate))
    state = next(f for f in newer["fields"] if f["name"] == "stream_state")
    state["type"]["symbols"].append("FROZEN")
    registry = MemoryRegistry()
    theirs = registry.register("track-updates-value", json.dumps(newer))
    codec = Codec(registry)
    body = msgspec.to_builtins(a_track_update()) | {"stream_state": "FROZEN"}

    decoded = codec.decode(_wire(theirs, newer, body), records.TrackUpdate)

    assert decoded.stream_state == FORWARD


def test_given_an_older_writer_without_a_field_when_we_read_then_its_default_stands() -> None:
    older = copy.deepcopy(schema_of(records.TrackUpdate))
    older["fields"] = [f for f in older["fields"] if f["name"] != "skipped"]
    registry = MemoryRegistry()
    theirs = registry.register("track-updates-value", json.dumps(older))
    body = {k: v for k, v in msgspec.to_builtins(a_track_update()).items() if k != "skipped"}

    decoded = Codec(registry).decode(_wire(theirs, older, body), records.TrackUpdate)

    assert decoded.skipped is False


def _wire(schema_id: int, schema: dict[str, Any], body: dict[str, Any]) -> bytes:
    import io
    import struct

    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema, named_schemas={}), body)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [None, b"", b"\x00\x00", b"hello world", b"\x00\x00\x00\x00\x63abc", b"\x01\x00\x00\x00\x01abc"],
    ids=["a tombstone", "nothing", "too short", "text", "an unknown schema", "another magic byte"],
)
def test_bytes_that_are_no_record_are_undecodable(data: bytes | None) -> None:
    codec = Codec(MemoryRegistry())
    codec.encode(a_track_update())
    with pytest.raises(UndecodableError):
        codec.decode(data, records.TrackUpdate)


@pytest.mark.parametrize("change", ["cut", "longer"])
def test_a_record_that_is_cut_or_has_bytes_left_over_is_undecodable(change: str) -> None:
    codec = Codec(MemoryRegistry())
    data = codec.encode(a_track_update())
    with pytest.raises(UndecodableError):
        codec.decode(data[:-3] if change == "cut" else data + b"x", records.TrackUpdate)


def test_a_registry_that_does_not_answer_is_no_fault_of_the_record() -> None:
    class Down(MemoryRegistry):
        def schema(self, schema_id: int) -> str:
            raise RegistryUnavailable("down")

    with pytest.raises(RegistryUnavailable):
        Codec(Down()).decode(b"\x00\x00\x00\x00\x07abc", records.TrackUpdate)


def test_the_hash_leaves_out_what_was_only_observed() -> None:
    one = sealed(_an_incident(reported_at=1, attempts=1, http_status=200))
    other = sealed(_an_incident(reported_at=2, attempts=5, http_status=None))
    assert one.hash == other.hash


def test_the_hash_changes_with_every_fact() -> None:
    base = _an_incident()
    for field in ("incident_id", "episode_id", "status", "image", "payload_sha256", "previous_hash"):
        changed = msgspec.structs.replace(base, **{field: "failed" if field == "status" else "other"})
        assert hash_of(changed) != hash_of(base), field


def test_only_fields_that_tell_how_it_went_are_observed() -> None:
    assert observed_fields(records.InteractionEvent) == frozenset()
    assert observed_fields(records.IncidentReported) == {
        "external_incident_id",
        "http_status",
        "reported_at",
        "attempts",
    }


def _an_incident(**change: Any) -> records.IncidentReported:
    base = records.IncidentReported(
        incident_id="incident_000000000001",
        episode_id="e",
        occurrence_id="e",
        site_id="shop",
        camera_id="door",
        lane="live",
        business_day="2026-03-02",
        facet_revision=1,
        status="reported",
        image="a.mp4",
        payload_sha256="00",
        reported_at=1,
        attempts=1,
        hash="",
    )
    return msgspec.structs.replace(base, **change)


def test_co_partitioned_topics_have_equal_partitions_and_the_brokers_time() -> None:
    assert {t.partitions for t in topics.ALL} == {topics.PARTITIONS}
    assert {t.settings()["message.timestamp.type"] for t in topics.ALL} == {"LogAppendTime"}


def test_every_topic_of_the_catalogue_has_one_name_and_a_reason() -> None:
    names = [t.name for t in topics.ALL]
    assert len(names) == len(set(names))
    assert all(t.why for t in topics.ALL)
    assert all(t.compacted != (t.retention_ms is not None) for t in topics.ALL)
