"""Whose pictures were removed for good, read from the topic: of these nothing is made any more."""

from collections.abc import Iterator, Sequence

from connectors.sink import decoded
from infra.config import Settings
from infra.kafka import read_to_end
from schemas.acts import EvidenceRemoved
from schemas.codec import Codec
from schemas.topics import EVIDENCE_REMOVALS


def read(
    settings: Settings, codec: Codec, partitions: Sequence[int] | None = None
) -> Iterator[tuple[int, EvidenceRemoved]]:
    """(partition, removal) in order; partitions None: all. Raises KafkaUnavailable, RegistryUnavailable."""
    for message, record in decoded(read_to_end(settings, EVIDENCE_REMOVALS, partitions), codec, None):
        if isinstance(record, EvidenceRemoved):
            yield message.partition() or 0, record
