"""Bytes and records: what is asked of the registry, and what not."""

import pytest

from schemas.acts import FoldSkip
from schemas.codec import Codec, MemoryRegistry, RegistryUnavailable, SchemaNotRegistered
from schemas.records import InteractionEvent
from tests.connector_records import event

RECORD = event()


class Forgetful(MemoryRegistry):
    """Takes schemas and is not there when it is asked for one."""

    def schema(self, schema_id: int) -> str:
        raise RegistryUnavailable("away")


def test_what_we_wrote_ourselves_is_read_without_asking_the_registry() -> None:
    codec = Codec(Forgetful())
    assert codec.decode(codec.encode(RECORD), InteractionEvent) == RECORD


def test_a_schema_that_we_do_not_know_is_asked_for_once() -> None:
    registry = MemoryRegistry()
    data = Codec(registry).encode(RECORD)
    reader = Codec(registry)
    assert not reader.knows(data)
    assert reader.decode(data, InteractionEvent) == RECORD
    assert reader.knows(data)
    with pytest.raises(RegistryUnavailable):
        Codec(Forgetful()).decode(data, InteractionEvent)


def test_what_is_too_short_for_a_schema_id_is_known_to_be_nothing() -> None:
    codec = Codec(MemoryRegistry())
    assert codec.knows(b"\x00\x00\x00\x01")
    assert not codec.knows(b"\x00\x00\x00\x00\x01")


def test_the_body_is_what_follows_the_five_bytes_of_the_wire_format() -> None:
    codec = Codec(MemoryRegistry())
    data = codec.encode(RECORD)
    assert data[:5] == b"\x00\x00\x00\x00\x01"
    assert codec.body(RECORD) == data[5:]


def test_registering_at_start_takes_every_record() -> None:
    registry = MemoryRegistry()
    Codec(registry).register_all([InteractionEvent, FoldSkip])
    assert '"InteractionEvent"' in registry.schema(1)
    assert '"FoldSkip"' in registry.schema(2)
    with pytest.raises(SchemaNotRegistered, match="no schema 3"):
        registry.schema(3)
