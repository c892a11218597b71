"""The topics as an AsyncAPI 3 document, made from the catalogue and the Avro files.

python -m schemas.asyncapi         write docs/asyncapi.json anew
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from schemas.avro import schema_of
from schemas.topics import PUBLIC, Topic
from schemas.topics_page import examples

FILE = Path(__file__).parents[1] / "docs" / "asyncapi.json"
KAFKA = {"bindingVersion": "0.5.0"}
AVRO = "application/vnd.apache.avro;version=1.9.0"
ABOUT = (
    "Cameras become a log of who was where; the log is folded into episodes with video evidence. Values are Avro in "
    "the Confluent wire format, subject <topic>-value, compatibility FULL_TRANSITIVE. Records come at least once: a "
    "repetition has the same id, revision and bytes. docs/topics.md says what else holds."
)


def document() -> dict[str, Any]:
    """The whole document; the same catalogue gives the same text."""
    records = {topic.value: topic for topic in PUBLIC if topic.value is not None}
    return {
        "asyncapi": "3.0.0",
        "id": "urn:trackfold",
        "info": {
            "title": "trackfold",
            "version": version("trackfold"),
            "description": ABOUT,
            "license": {"name": "AGPL-3.0-or-later", "url": "https://www.gnu.org/licenses/agpl-3.0.html"},
        },
        "defaultContentType": "application/octet-stream",
        "servers": {
            "local": {
                "host": "127.0.0.1:9092",
                "protocol": "kafka",
                "description": "`trackfold status` says the ports; the registry is under /apis/ccompat/v7.",
                "bindings": {"kafka": {"schemaRegistryVendor": "apicurio", **KAFKA}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in PUBLIC},
        "operations": {
            f"send-{topic.name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{topic.name}"},
                "summary": topic.why,
            }
            for topic in PUBLIC
        },
        "components": {"messages": {record.__name__: _message(record, topic) for record, topic in records.items()}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    assert topic.value is not None
    name = topic.value.__name__
    settings = topic.settings()
    kept: dict[str, Any] = {"cleanup.policy": [settings["cleanup.policy"]]}
    if topic.retention_ms is not None:
        kept["retention.ms"] = topic.retention_ms
    return {
        "address": topic.name,
        "description": f"{topic.why} Key: {topic.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": kept, **KAFKA}
        },
    }


def _message(record: type[msgspec.Struct], topic: Topic) -> dict[str, Any]:
    schema = schema_of(record)
    return {
        "name": record.__name__,
        "title": record.__name__,
        "summary": schema["doc"],
        "contentType": "application/octet-stream",
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "examples": [{"name": topic.name, "payload": examples()[topic.name]}],
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topic.key},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                **KAFKA,
            }
        },
    }


def text() -> str:
    """As it is kept in docs."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"written: {FILE}")
