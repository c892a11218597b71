"""State in Kafka: tables kept in changelogs, of which recovery and stale writers can only ever move forward.

Kafka's compaction keeps the newest write of a key, and a worker that was stalled while its partition moved on may still
write after its successor. So the changelogs are not compacted for a day, and whoever reads one resolves the writes of
a key by what they say and not by their order.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import faust
from faust.types import TP, EventT

from schemas.topics import Topic

Resolve = Callable[[bytes | None, bytes], bytes]
"""(held, written) -> the one to hold."""


def changelog(app_id: str, table: str) -> Topic:
    """The topic that Faust expects for a table. We create it, for Faust would declare it without the compaction lag."""
    return Topic(
        f"{app_id}-{table}-changelog", "none", None, f"State of {table}: highest write per key.", compacted=True
    )


class KeptTable(faust.Table[bytes, bytes]):
    """Bytes by key. Written by keep() alone; send() brings the newest of each key to the changelog before each commit.

    Faust's own assignment goes through a buffer whose flush gives up after 0.1 s, so that an offset could be committed
    before the state is at the broker. Here whoever commits calls send() first; what a killed worker had not sent it
    had not committed, and folds again to the same bytes.
    """

    logger = logging.getLogger("faust.tables")

    def __init__(self, app: faust.App, *, name: str, resolve: Resolve):
        super().__init__(app, name=name, key_type=bytes, value_type=bytes)
        self._resolve = resolve
        self._partition_of: dict[bytes, int] = {}
        self._unsent: dict[bytes, tuple[bytes | None, int]] = {}
        """Value and partition by key, in the order in which they were last kept: what rests on others goes last."""
        self._sending = asyncio.Lock()
        self.on_ready: list[Callable[[set[int]], None]] = []
        """Called with the partitions that are ours, each time that the table is complete for them."""

    def held(self, key: bytes) -> bytes | None:
        """The value, or None."""
        value: bytes | None = self.data.get(key)
        return value

    def held_in(self, partition: int) -> list[tuple[bytes, bytes]]:
        """All keys with their values in one partition."""
        return [(key, self.data[key]) for key, number in self._partition_of.items() if number == partition]

    async def keep(self, key: bytes, value: bytes | None, partition: int) -> None:
        """Hold a value; None: forget the key."""
        if value is None:
            self.data.pop(key, None)
            self._partition_of.pop(key, None)
        else:
            value = self._resolve(self.held(key), value)
            self.data[key] = value
            self._partition_of[key] = partition
        self._unsent.pop(key, None)
        self._unsent[key] = value, partition

    async def send(self) -> None:
        """Bring what was kept since to the changelog; returns when the broker has it. Raises KafkaError."""
        async with self._sending:  # who comes second waits for what the first has taken along
            unsent, self._unsent = self._unsent, {}
            acks = [
                await self.changelog_topic.send(
                    key=key, value=value, partition=partition, key_serializer="raw", value_serializer="raw"
                )
                for key, (value, partition) in unsent.items()
            ]
            for ack in acks:
                await ack

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Recovery: take in what the changelog says, in any order."""
        for event in batch:
            key, value = event.message.key, event.message.value
            if key is None:
                continue  # not a write of ours
            if value is None:
                self.data.pop(key, None)
                self._partition_of.pop(key, None)
            else:
                self.data[key] = self._resolve(self.held(key), value)
                self._partition_of[key] = event.message.partition

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Forget what is another worker's now, and say that the rest is complete."""
        ours = {tp.partition for tp in active_tps}
        for key in [key for key, partition in self._partition_of.items() if partition not in ours]:
            self.data.pop(key, None)
            del self._partition_of[key]
        self._unsent = {key: kept for key, kept in self._unsent.items() if kept[1] in ours}
        await super().on_recovery_completed(active_tps, standby_tps)
        for ready in self.on_ready:
            ready(ours)
