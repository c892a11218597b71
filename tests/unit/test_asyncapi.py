"""What other teams build on says what the catalogue says."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from schemas import asyncapi, topics_page
from schemas.avro import schema_of
from schemas.topics import PUBLIC, Topic

DOCS = Path(__file__).parents[2] / "docs"


def test_the_asyncapi_document_is_that_of_today_s_catalogue() -> None:
    assert asyncapi.FILE.read_text(encoding="utf-8") == asyncapi.text(), "write it anew: python -m schemas.asyncapi"


def test_every_reference_in_it_leads_somewhere_and_every_payload_is_an_avro_schema() -> None:
    document = json.loads(asyncapi.FILE.read_text(encoding="utf-8"))

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found: Any = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
                assert found
            if "schemaFormat" in node:
                fastavro.parse_schema(node["schema"], named_schemas={})
            for key, value in node.items():
                if key != "schema":
                    walk(value)

    walk(document)
    assert set(document["channels"]) == {topic.name for topic in PUBLIC}
    assert {op["channel"]["$ref"] for op in document["operations"].values()} == {f"#/channels/{t.name}" for t in PUBLIC}


def test_the_page_about_topics_is_that_of_today_s_catalogue() -> None:
    assert topics_page.FILE.read_text(encoding="utf-8") == topics_page.text(), "write it: python -m schemas.topics_page"


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_its_example_is_a_record_and_what_tells_records_apart_is_in_it(topic: Topic) -> None:
    assert topic.value is not None
    record = msgspec.convert(topics_page.examples()[topic.name], topic.value, strict=True)
    schema = fastavro.parse_schema(schema_of(topic.value), named_schemas={})
    written = io.BytesIO()
    fastavro.schemaless_writer(written, schema, msgspec.to_builtins(record))
    written.seek(0)
    assert msgspec.convert(fastavro.schemaless_reader(written, schema, schema), topic.value) == record
    assert topic.identity
    assert set(topic.identity) <= set(topic.value.__struct_fields__)
