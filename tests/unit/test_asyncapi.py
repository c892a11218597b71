"""What other teams build on says what the catalogue says."""

import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas import asyncapi
from schemas.topics import DAY_MS, PUBLIC, Topic

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


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_the_page_about_topics_says_of_each_its_key_its_record_and_how_long_it_is_kept(topic: Topic) -> None:
    rows = [line.split("|") for line in (DOCS / "topics.md").read_text(encoding="utf-8").splitlines()]
    (row,) = [[cell.strip() for cell in row] for row in rows if len(row) > 5 and row[1].strip() == f"`{topic.name}`"]
    kept = "for ever, compacted" if topic.compacted else f"{(topic.retention_ms or 0) // DAY_MS} days"
    assert topic.value is not None
    assert row[2].replace("camera/", "camera_id/").replace("site/", "site_id/") == topic.key
    assert row[3:5] == [topic.value.__name__, kept]
