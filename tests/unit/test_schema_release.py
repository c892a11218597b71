"""A schema may grow and not break: every release's consumers read on."""

import copy
import io
import json
from importlib import resources
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from schemas import release
from schemas.codec import HEADER, Codec, MemoryRegistry
from schemas.compatibility import Schema, additions, breaks
from schemas.records import ClipCut
from schemas.topics import CLIPS, PUBLIC

CHANGES = Path(__file__).parents[2] / "docs" / "schema-changes.md"
EPISODE = release.current()["Episode"]
EXAMPLES = json.loads(resources.files("schemas").joinpath("examples.json").read_text(encoding="utf-8"))


def field(schema: Schema, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in schema["fields"] if one["name"] == name)
    return found


def edited() -> tuple[Schema, Schema]:
    """A schema, and a copy to edit."""
    return EPISODE, copy.deepcopy(EPISODE)


def test_today_s_schemas_break_nobody_who_was_written_for_a_release() -> None:
    assert list(release.broken(release.current())) == []


def test_what_is_new_since_the_last_release_is_named_in_the_changes() -> None:
    following = CHANGES.read_text().partition("## Next")[2].partition("\n## ")[0]
    assert [name for name in release.new(release.current()) if f"`{name}`" not in following] == []


def test_each_release_has_its_heading_in_the_changes() -> None:
    headings = [line[3:] for line in CHANGES.read_text().splitlines() if line.startswith("## ")]
    assert headings == ["Next", *reversed(release.released())]


def read(body: bytes, writer: Schema, reader: Schema) -> Any:
    """As any consumer reads it: with the writer's schema, resolved to its own."""
    theirs, its = (fastavro.parse_schema(copy.deepcopy(one), named_schemas={}) for one in (writer, reader))
    return fastavro.schemaless_reader(io.BytesIO(body), theirs, its)


@pytest.mark.parametrize("version", release.released())
def test_what_a_release_wrote_is_read_today_and_what_is_written_today_is_read_by_that_release(version: str) -> None:
    schemas = release.released()[version]
    for topic in (topic for topic in PUBLIC if topic.value is not None and topic.value.__name__ in schemas):
        assert topic.value is not None
        old = schemas[topic.value.__name__]
        example = msgspec.convert(EXAMPLES[topic.name], topic.value)

        # given a record in the topic that the release wrote, we read it
        registry, out = MemoryRegistry(), io.BytesIO()
        written_as = fastavro.parse_schema(copy.deepcopy(old), named_schemas={})
        fastavro.schemaless_writer(out, written_as, msgspec.to_builtins(example))
        wire = HEADER.pack(0, registry.register(topic.subject, json.dumps(old))) + out.getvalue()
        assert Codec(registry).decode(wire, topic.value) == example, topic.name

        # and its consumers read what we write, as far as they know it
        seen = read(Codec(registry).body(example), release.current()[topic.value.__name__], old)
        assert seen == read(out.getvalue(), old, old), topic.name


def test_a_reader_of_the_first_release_passes_over_what_came_later() -> None:
    clip = msgspec.convert(EXAMPLES[CLIPS.name], ClipCut)
    blurred = Codec(MemoryRegistry()).body(msgspec.structs.replace(clip, blur="people"))
    seen = read(blurred, release.current()["ClipCut"], release.released()["0.1.0"]["ClipCut"])
    assert seen == {name: value for name, value in msgspec.to_builtins(clip).items() if name != "blur"}


def test_a_field_with_a_default_a_symbol_and_other_words_may_come() -> None:
    old, new = edited()
    new["fields"].insert(3, {"name": "till", "type": ["null", "string"], "default": None, "doc": "New."})
    field(new, "kind")["type"]["symbols"].append("queue")
    field(new, "camera_id")["doc"] = "Said better."

    assert breaks(old, new) == []
    assert set(additions(old, new)) == {"Episode.till", "Episode.kind=queue"}


def without(schema: Schema, name: str) -> None:
    schema["fields"].remove(field(schema, name))


def give(schema: Schema, name: str, **change: Any) -> None:
    field(schema, name).update(change)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda s: without(s, "camera_id"), "Episode.camera_id: gone"),
        (lambda s: without(s, "zone_id"), "Episode.zone_id: gone"),  # has a default: the registry lets it pass
        (lambda s: s["fields"].append({"name": "till", "type": "string"}), "Episode.till: new and without a default"),
        (lambda s: give(s, "confidence", type="string"), "Episode.confidence: was double and is string"),
        (lambda s: give(s, "zone_id", default="none"), "Episode.zone_id: default was None and is 'none'"),
        (lambda s: give(s, "episode_id", observed=True), "Episode.episode_id: observed was not there and is True"),
        (
            lambda s: field(s, "kind")["type"]["symbols"].remove("unattended"),
            "Episode.kind: the symbol unattended is gone",
        ),
        (lambda s: without(field(s, "evidence")["type"], "video_url"), "Episode.evidence.video_url: gone"),
        (lambda s: s.update(name="Event"), "Episode: renamed to Event"),
    ],
    ids=[
        "a field is gone",
        "a field with a default is gone",
        "a new field has no default",
        "another type",
        "another default",
        "a field does not count for the hash any more",
        "a symbol is gone",
        "a field of a nested record is gone",
        "a new name",
    ],
)
def test_what_breaks_readers_is_said_by_the_name_of_the_field(change: Any, names: str) -> None:
    old, new = edited()
    change(new)

    (line,) = breaks(old, new)

    assert line.startswith(names)


def test_where_a_shared_type_is_defined_first_is_of_no_account() -> None:
    point = {"type": "record", "name": "Point", "fields": [{"name": "x", "type": "double"}]}
    old = {"name": "R", "type": "record", "fields": [{"name": "a", "type": point}, {"name": "b", "type": "Point"}]}
    more = [{"name": "new", "type": ["null", point], "default": None}, {"name": "a", "type": "Point"}]
    new = {"name": "R", "type": "record", "fields": [*more, {"name": "b", "type": "Point"}]}

    assert breaks(old, new) == []
