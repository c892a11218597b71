"""Records to bytes and back: Confluent wire format (0, four bytes of schema id, Avro body)."""

import io
import struct
from typing import Protocol, TypeVar

import fastavro
import msgspec
from fastavro.types import Schema as AvroSchema

from schemas import writers
from schemas.avro import schema_of, schema_text
from schemas.errors import InputError, ServerError
from schemas.topics import topic_of

R = TypeVar("R", bound=msgspec.Struct)
HEADER = struct.Struct(">bI")
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""Brokers refuse more than 1 MB unless told otherwise; a frame with 200 people takes 30 kB."""


class UndecodableError(ValueError):
    """These bytes are no record of this topic, now or later: dead-letter them."""


class SchemaNotRegistered(LookupError):
    """The registry answered, and has no such schema: the record is undecodable."""


class SchemaRefused(InputError, ValueError):
    """The registry has an older schema that this one is incompatible with: mend the .avsc file."""


class RegistryUnavailable(ServerError):
    """The registry does not answer: wait and try again, the record is not at fault."""


class Registry(Protocol):
    """What the codec needs of a schema registry."""

    def register(self, subject: str, schema: str) -> int:
        """Id of the schema under subject. Raises RegistryUnavailable, SchemaRefused."""

    def schema(self, schema_id: int) -> str:
        """The schema's text. Raises RegistryUnavailable or SchemaNotRegistered."""


class MemoryRegistry:
    """A registry for unit tests and for reading without one."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def register(self, subject: str, schema: str) -> int:
        """The same text gives the same id."""
        return self._ids.setdefault(schema, len(self._ids) + 1)

    def schema(self, schema_id: int) -> str:
        """The text registered under schema_id."""
        for text, known in self._ids.items():
            if known == schema_id:
                return text
        raise SchemaNotRegistered(f"no schema {schema_id}")


class Codec:
    """Encodes and decodes the records of all topics.

    A record written with our schema is read plainly; one written with another is resolved to ours, so that defaults
    and unknown enum symbols are handled.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._ours: dict[type[msgspec.Struct], AvroSchema] = {}
        self._ids: dict[type[msgspec.Struct], int] = {}
        self._writers: dict[int, AvroSchema] = {}

    def encode(self, record: msgspec.Struct) -> bytes:
        """The record in wire format. Raises RegistryUnavailable the first time when the registry does not answer."""
        kind = type(record)
        out = io.BytesIO()
        out.write(HEADER.pack(0, self._id(kind)))
        fastavro.schemaless_writer(out, self._schema(kind), msgspec.to_builtins(record))
        return out.getvalue()

    def body(self, record: msgspec.Struct) -> bytes:
        """The Avro body alone, which no registry's numbering can change: what comparisons compare."""
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self._schema(type(record)), msgspec.to_builtins(record))
        return out.getvalue()

    def knows(self, data: bytes) -> bool:
        """Can data be decoded, or be found undecodable, without asking the registry?"""
        return len(data) < HEADER.size or HEADER.unpack_from(data)[1] in self._writers

    def decode(self, data: bytes | None, kind: type[R]) -> R:
        """The record in data. Raises UndecodableError, or RegistryUnavailable (then wait)."""
        if data is None or len(data) < HEADER.size:
            raise UndecodableError(f"{0 if data is None else len(data)} bytes are no {kind.__name__}")
        if len(data) > RECORD_BYTES_MAX:
            raise UndecodableError(f"{len(data)} bytes: a {kind.__name__} has at most {RECORD_BYTES_MAX}")
        magic, schema_id = HEADER.unpack_from(data)
        if magic != 0:
            raise UndecodableError(f"not in wire format: begins with byte {magic}, not 0")
        try:
            writer = self._writer(schema_id)
            ours = self._schema(kind)
            stream = io.BytesIO(data)
            stream.seek(HEADER.size)
            reader = None if writer is ours or schema_id == self._ids.get(kind) else ours
            body = fastavro.schemaless_reader(stream, writer, reader)
            if stream.read(1):
                raise ValueError("bytes are left over")
            return msgspec.convert(body, kind)
        except RegistryUnavailable:
            raise
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise UndecodableError(
                f"schema {schema_id}: no {kind.__name__}: {type(error).__name__}: {error}"
            ) from error

    def register_all(self, kinds: list[type[msgspec.Struct]]) -> None:
        """Register these records' schemas now, so that a wrong one is found at start."""
        for kind in kinds:
            self._id(kind)

    def _schema(self, kind: type[msgspec.Struct]) -> AvroSchema:
        if kind not in self._ours:
            self._ours[kind] = fastavro.parse_schema(schema_of(kind), named_schemas={})
        return self._ours[kind]

    def _id(self, kind: type[msgspec.Struct]) -> int:
        if kind not in self._ids:
            self._ids[kind] = self._registry.register(topic_of(kind).subject, schema_text(kind))
            self._writers[self._ids[kind]] = self._schema(kind)
        return self._ids[kind]

    def _writer(self, schema_id: int) -> AvroSchema:
        if schema_id not in self._writers:
            schema = msgspec.json.decode(self._registry.schema(schema_id))
            writers.check(schema)
            self._writers[schema_id] = fastavro.parse_schema(schema, named_schemas={})
        return self._writers[schema_id]
