"""The Avro schemas as they are registered: one file per record, and which record belongs to which."""

import functools
import json
import re
from importlib import resources
from typing import Any

import msgspec


def file_name(record: type[msgspec.Struct]) -> str:
    """TrackUpdate -> track_update.avsc."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower() + ".avsc"


@functools.cache
def schema_text(record: type[msgspec.Struct]) -> str:
    """The .avsc file of a record, as text."""
    return (resources.files("schemas.avro") / file_name(record)).read_text(encoding="utf-8")


@functools.cache
def schema_of(record: type[msgspec.Struct]) -> dict[str, Any]:
    """The .avsc file of a record, parsed as JSON."""
    schema: dict[str, Any] = json.loads(schema_text(record))
    return schema
