"""Names, records and answers of somebody who wishes us ill: refused in little memory, and nothing leaves its folder."""

import contextlib
import io
import string
import tracemalloc
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.incident.plan import external_id, says_no
from connectors.upload.answer import NoName, stored_name
from connectors.upload.plan import object_name
from infra.recordings import camera_folder, lane_root
from schemas import writers
from schemas.avro import schema_of, schema_text
from schemas.codec import HEADER, RECORD_BYTES_MAX, Codec, MemoryRegistry, UndecodableError
from schemas.ids import safe_name
from schemas.records import ClipCut, ClipUploaded, Day, Episode, InteractionEvent, Name, Time
from schemas.site import Camera
from schemas.topics import ASIDE_BYTES_MAX, PUBLIC, kept_aside
from tests.connector_records import T0, clip, event, upload

WICKED = st.sampled_from(
    ["..", "/", "\\", "\0", "\n", "%2f", "%2e%2e", "~", "$(id)", ":", " ", "\u202e", "a", "é", ".mp4"]
)
names = st.one_of(
    st.lists(WICKED, min_size=1, max_size=6).map("".join),
    st.text(min_size=1, max_size=300),
    st.sampled_from(["../../etc/passwd", "/etc/passwd", "a/../../b", "..", ".", "", "a" * 256, "-rf", "a\n", "a..b"]),
)
FOLDER = Path("/srv/trackfold")
EVENT, CLIP, UPLOAD = event(), msgspec.structs.replace(clip(), covered_from=T0), upload()
NAMED = ("site_id", "camera_id", "lane", "episode_id", "occurrence_id")
MEMORY_MAX = 64 * 1024 * 1024


def stays_inside(path: Path, folder: Path) -> bool:
    """One step below the folder and nowhere else."""
    return path.parent == folder and path.name not in ("", ".", "..") and "\0" not in str(path)


@settings(deadline=None)
@given(names)
def test_a_name_is_one_component_of_a_path_or_it_is_refused(name: str) -> None:
    for make in (lambda: FOLDER / safe_name(name), lambda: camera_folder(FOLDER, name)):
        try:
            path = make()
        except ValueError:
            continue
        assert stays_inside(path, FOLDER)
    if name != "live":
        with contextlib.suppress(ValueError):
            assert stays_inside(lane_root(FOLDER, name), FOLDER / ".lanes")


@settings(deadline=None)
@given(names, st.sampled_from(NAMED), st.sampled_from([EVENT, CLIP, UPLOAD]))
def test_a_record_with_a_name_that_can_be_none_is_undecodable(name: str, field: str, record: Any) -> None:
    codec = Codec(MemoryRegistry())
    try:
        safe_name(name)
        return
    except ValueError:
        pass
    with pytest.raises(UndecodableError, match=r"regex|utf"):
        codec.decode(codec.encode(msgspec.structs.replace(record, **{field: name})), type(record))


@pytest.mark.parametrize(
    "day", ["../../x", "2026-02-30", "2026-13-01", "0001-01-01", "9999-12-31", "2026-1-1", "2026-01-01\n"]
)
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(day, Day)


@pytest.mark.parametrize("at", [-1, 7_258_118_400_001, 2**63 - 1])
def test_a_time_that_no_store_takes_is_refused(at: int) -> None:
    codec = Codec(MemoryRegistry())
    with pytest.raises(UndecodableError):
        codec.decode(codec.encode(msgspec.structs.replace(EVENT, started_at=at)), InteractionEvent)
    assert msgspec.convert(7_258_118_400_000, Time)


def test_the_names_of_a_site_are_names_of_records() -> None:
    for name in ("counter-1", "a" * 64, "0_x"):
        assert Camera.model_validate({"camera_id": name, "name": "x"}).camera_id == msgspec.convert(name, Name)


@settings(deadline=None)
@given(st.text(alphabet=string.hexdigits + "-", min_size=1, max_size=36).filter(lambda t: t[0] != "-"))
def test_an_objects_name_has_no_folder_in_it(episode_id: str) -> None:
    name = object_name(msgspec.structs.replace(CLIP, episode_id=episode_id))
    assert stays_inside(FOLDER / name, FOLDER)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["filename", "data", "result", "url", "id", "file", "success"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_whatever_an_api_answers_its_name_is_a_plain_one(answer: Any) -> None:
    try:
        body = msgspec.json.encode(answer)
    except (ValueError, OverflowError):
        return
    with contextlib.suppress(NoName):
        assert stays_inside(FOLDER / stored_name(body), FOLDER)
    found = external_id(body)
    assert found is None or (len(found) <= 200 and found.isprintable()) or found.lstrip("-").isdigit()
    says_no(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 32_000 + b"]" * 32_000,
        b'{"data":' * 8_000 + b"1" + b"}" * 8_000,
        b"\xff" * 65_536,
        b"9" * 65_536,
        b'{"id":' + b"9" * 60_000 + b"}",
    ],
    ids=["deep list", "deep object", "no text", "long number", "long id"],
)
def test_an_answer_that_is_built_to_hurt_names_nothing(body: bytes) -> None:
    with pytest.raises(NoName):
        stored_name(body)
    found = external_id(body)
    assert found is None or len(found) <= 200


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutilated_record_is_decoded_or_undecodable_in_little_memory(data: st.DataObject) -> None:
    codec = Codec(MemoryRegistry())
    good = bytearray(codec.encode(data.draw(st.sampled_from([EVENT, CLIP, UPLOAD]))))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(HEADER.size, len(good) - 1))
        good[at : at + 1] = data.draw(
            st.sampled_from([b"", b"\xff", b"\x00", b"\xfe\xff\xff\xff\xff\xff\x07", b"\x01"])
        )
    tracemalloc.start()
    try:
        for kind in (InteractionEvent, ClipCut, ClipUploaded, Episode):
            with contextlib.suppress(UndecodableError):
                codec.decode(bytes(good), kind)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX
    finally:
        tracemalloc.stop()


SELF = {"type": "record", "name": "N", "fields": [{"name": "n", "type": ["null", "N"]}]}
EMPTY = {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}


def with_field(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "InteractionEvent", "fields": [{"name": "x", "type": kind}]}


def nested(depth: int) -> Any:
    return "long" if depth == 0 else {"type": "array", "items": nested(depth - 1)}


@pytest.mark.parametrize(
    "schema",
    [
        SELF,
        with_field(SELF),
        with_field({"type": "array", "items": SELF}),
        with_field({"type": "array", "items": "null"}),
        with_field({"type": "array", "items": EMPTY}),
        with_field({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}),
        with_field({"type": "map", "values": {"type": "array", "items": "null"}}),
        with_field(nested(40)),
    ],
    ids=[
        "itself",
        "field of itself",
        "array of itself",
        "nulls",
        "empty records",
        "empty bytes",
        "map of nulls",
        "deep",
    ],
)
def test_a_writers_schema_that_is_a_bomb_is_refused_before_its_record_is_read(schema: Any) -> None:
    registry = MemoryRegistry()
    number = registry.register("x", msgspec.json.encode(schema).decode())
    with pytest.raises(UndecodableError, match="UnsafeSchema"):
        Codec(registry).decode(HEADER.pack(0, number) + b"\x02" * 900_000, InteractionEvent)


def test_our_own_schemas_are_none() -> None:
    for topic in PUBLIC:
        if topic.value is not None:
            writers.check(msgspec.json.decode(schema_text(topic.value)))


def test_a_huge_record_is_undecodable_and_what_is_kept_of_it_fits_into_any_broker() -> None:
    codec = Codec(MemoryRegistry())
    head = codec.encode(EVENT)
    huge = head + b"\0" * (50_000_000 - len(head))
    tracemalloc.start()
    with pytest.raises(UndecodableError, match=f"50000000 bytes: .* at most {RECORD_BYTES_MAX}"):
        codec.decode(huge, InteractionEvent)
    value, headers = kept_aside(huge)
    assert tracemalloc.get_traced_memory()[1] < 2 * ASIDE_BYTES_MAX
    tracemalloc.stop()
    assert value is not None
    assert (len(value), dict(headers)["cut.size_bytes"]) == (ASIDE_BYTES_MAX, b"50000000")
    assert kept_aside(head) == (head, [])


def test_a_schema_of_ours_with_another_writers_field_still_reads() -> None:
    newer = {**schema_of(InteractionEvent)}
    newer["fields"] = [*newer["fields"], {"name": "new", "type": {"type": "array", "items": "string"}, "default": []}]
    registry = MemoryRegistry()
    number = registry.register("x", msgspec.json.encode(newer).decode())
    out = io.BytesIO(HEADER.pack(0, number))
    out.seek(HEADER.size)
    fastavro.schemaless_writer(out, fastavro.parse_schema(newer), {**msgspec.to_builtins(EVENT), "new": ["a"]})
    assert Codec(registry).decode(out.getvalue(), InteractionEvent) == EVENT
