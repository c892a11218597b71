"""What the shells of the folds are given: records, and what stands around them in Kafka or in a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import msgspec

from schemas.codec import R
from schemas.topics import Topic


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it lies in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Table(Protocol):
    """Bytes by key; see KeptTable."""

    def held(self, key: bytes) -> bytes | None:
        """The value."""

    def held_in(self, partition: int) -> list[tuple[bytes, bytes]]:
        """Keys and values of one partition."""

    async def keep(self, key: bytes, value: bytes | None, partition: int) -> None:
        """Hold it; it is sent before the next commit."""

    async def send(self) -> None:
        """Send what is held; return when it is acknowledged."""


class Post(Protocol):
    """Publishing and decoding; see Outbox."""

    def encode(self, record: msgspec.Struct) -> bytes:
        """In wire format."""

    async def publish(self, records: Sequence[tuple[Topic, str, bytes | None]]) -> None:
        """Return when all is acknowledged. None: a tombstone."""

    async def decode(self, record: Record, kind: type[R]) -> R | None:
        """None: put aside."""


class Owner(Protocol):
    """Whose the partitions are."""

    @property
    def generation(self) -> int:
        """Of the group's assignment; another one means that anybody may have written meanwhile."""

    def holds(self, partition: int, generation: int) -> bool:
        """Is the partition ours, and has it been since that generation?"""


class Reader(Protocol):
    """Reads one partition; see LogReader. Blocks."""

    position: int

    def read(self) -> list[Record]:
        """The next records."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> None: ...


class Log(Protocol):
    """The topic track-updates. Blocks."""

    def reader(self, partition: int, offset: int) -> Reader:
        """Reads from offset on."""

    def between(self, partition: int, first: int, beyond: int) -> list[Record]:
        """What is still there of the offsets from first on, before beyond."""

    def standing(self, partition: int) -> tuple[int, int]:
        """(first offset that is not committed, offset behind the last record)."""

    def high(self, partition: int) -> int:
        """The offset behind the last record."""
