"""The hash chain: every record that states a fact carries its own hash and that of the record that caused it.

It detects accidents and edits of one store, no more: whoever can rewrite all stores can rewrite all hashes.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from schemas.avro import schema_of

R = TypeVar("R", bound=msgspec.Struct)


@functools.cache
def observed_fields(record: type[msgspec.Struct]) -> frozenset[str]:
    """Fields that tell how it went and not what is so: outside the hash and outside comparisons."""
    return frozenset(f["name"] for f in schema_of(record)["fields"] if f.get("observed"))


def canonical(record: msgspec.Struct) -> bytes:
    """The record as canonical JSON: sorted keys, no blanks; without nulls, observed fields and `hash`."""
    body: dict[str, Any] = msgspec.to_builtins(record)
    left_out = observed_fields(type(record)) | {"hash"}
    kept = {key: value for key, value in body.items() if key not in left_out}
    return json.dumps(_without_nulls(kept), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def hash_of(record: msgspec.Struct) -> str:
    """SHA-256 of canonical(record), hex."""
    return hashlib.sha256(canonical(record)).hexdigest()


def sealed(record: R) -> R:
    """The record with its `hash` set."""
    return msgspec.structs.replace(record, hash=hash_of(record))


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
