"""The shell around the evidence join: take a fact, join, store, publish the Episodes that changed, acknowledge.

Stored first, for facts come from several topics, and after a crash in another order: were what was published of one
revision lost, the next worker would publish another content under it. The offset up to which each topic's partition has
been joined is stored with the entries. Facts carry no sequence, so it is this that shows when the stream has passed one
by; what is missing is then read from the topic itself.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import cast

import msgspec

from infra import metrics
from infra.failpoint import failpoint
from infra.kafka import KafkaUnavailable
from schemas.promotions import LIVE, Active, CameraDay
from schemas.records import Episode
from schemas.topics import (
    CLIPS,
    EPISODES,
    EVIDENCE_REMOVALS,
    INCIDENTS,
    INTERACTION_EVENTS,
    UNATTENDED_EVENTS,
    UPLOADS,
)
from streams.evidence import Fact, OccurrenceEntry, entry_key, episodes, is_over, join, merge
from streams.ports import Owner, Post, Record, Table

log = logging.getLogger(__name__)

SOURCES = (INTERACTION_EVENTS, UNATTENDED_EVENTS, CLIPS, UPLOADS, INCIDENTS, EVIDENCE_REMOVALS)
FETCHED_AT_ONCE = 5000
OFFSET_BYTES = 8
LOOK_EVERY_S = 5.0
"""How soon a decision of a person, about a day that is long over, is known here."""
_KIND = {topic.name: topic.value for topic in SOURCES if topic.value is not None}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(OccurrenceEntry).decode


def both(held: bytes | None, written: bytes) -> bytes:
    """What a table holds after two writes of one key: the facts of both, or the higher of two offsets."""
    if held is None or held == written:
        return written
    if len(held) == len(written) == OFFSET_BYTES:  # no entry is as short as that
        return max(held, written)
    return _encode(merge(_decode(held), _decode(written)))


class EvidenceJoining:
    """Joins the facts of all cameras of this worker, one at a time."""

    def __init__(
        self,
        *,
        table: Table,
        outbox: Post,
        owner: Owner,
        between: Callable[[str, int, int, int], list[Record]],
        read_active: Callable[[], dict[CameraDay, Active]],
    ) -> None:
        self._table, self._outbox, self._owner = table, outbox, owner
        self._between, self._read_active = between, read_active
        self._active: dict[CameraDay, Active] = {}
        self._looked_at = float("-inf")
        self._swept: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        """joined, fetched, dropped."""

    async def take(self, record: Record, generation: int) -> bool:
        """Join one fact that the stream brought. True: acknowledge it; False: it is another worker's now."""
        joined = self._joined(record.topic, record.partition)
        if record.offset < joined:
            return True
        if record.offset > joined:
            missing = (record.topic, record.partition, joined, record.offset)
            if not await self._fetch(*missing, generation):
                return False
        return await self._join(record, generation)

    async def _fetch(self, topic: str, partition: int, first: int, beyond: int, generation: int) -> bool:
        for start in range(first, beyond, FETCHED_AT_ONCE):
            end = min(start + FETCHED_AT_ONCE, beyond)
            missing = await asyncio.to_thread(self._between, topic, partition, start, end)
            if missing:
                log.info("%s[%d]: %d facts read again from offset %d", topic, partition, len(missing), start)
            for record in missing:
                if not await self._join(record, generation):
                    return False
                self.counts["fetched"] += 1
        return True

    async def _join(self, record: Record, generation: int) -> bool:
        """Join one record and remember its offset. False: not ours any more."""
        fact = cast("Fact | None", await self._outbox.decode(record, _KIND[record.topic]))
        # what a promotion made has its version as lane, and the promotion itself joins it
        key = entry_key(fact) if fact is not None and fact.lane == "live" else None
        if fact is not None and key is not None:
            held = self._table.held(key.encode())
            entry, changed = join(None if held is None else _decode(held), fact)
            if not self._owner.holds(record.partition, generation):
                return False
            await self._table.keep(key.encode(), _encode(entry), record.partition)
            await self._table.send()
            if not self._owner.holds(record.partition, generation):
                return False
            failpoint("streams.before_publish")
            # a fact that changes nothing may be one that was stored and not published
            stated = await self._counting(changed or list(episodes(entry)))
            await self._outbox.publish([(EPISODES, e.episode_id, self._outbox.encode(e)) for e in stated])
            failpoint("streams.after_ack")
            await self._sweep(fact, record.partition)
            self.counts["joined"] += 1
            metrics.FACTS_JOINED.add(record.topic)
        if not self._owner.holds(record.partition, generation):
            return False
        await self._table.keep(
            _offset_key(record.topic, record.partition), _offset(record.offset + 1), record.partition
        )
        failpoint("streams.after_state")
        return True

    async def _counting(self, stated: list[Episode]) -> list[Episode]:
        """Those of a camera's day for which the live version counts, stamped with the decision that says so."""
        now = asyncio.get_running_loop().time()
        if stated and now - self._looked_at > LOOK_EVERY_S:
            try:
                self._active, self._looked_at = await asyncio.to_thread(self._read_active), now
            except KafkaUnavailable as error:
                log.warning("cannot look which versions count: %s", error)
        of = [self._active.get((e.camera_id, e.business_day), LIVE) for e in stated]
        return [
            msgspec.structs.replace(episode, activation=active.activation)
            for episode, active in zip(stated, of, strict=True)
            if active.version == "live"
        ]

    async def _sweep(self, fact: Fact, partition: int) -> None:
        """When the camera's facts reach a new business day, drop the entries that are over."""
        camera = f"{fact.camera_id}|{fact.lane}|"
        if self._swept.get(camera, "") >= fact.business_day:
            return
        self._swept[camera] = fact.business_day
        for key, value in self._table.held_in(partition):
            if key.startswith(camera.encode()) and is_over(_decode(value), fact.business_day):
                await self._table.keep(key, None, partition)
                self.counts["dropped"] += 1

    def _joined(self, topic: str, partition: int) -> int:
        """The first offset that has not been joined."""
        held = self._table.held(_offset_key(topic, partition))
        return 0 if held is None else int.from_bytes(held)


def _offset_key(topic: str, partition: int) -> bytes:
    return f"{topic}/{partition}".encode()


def _offset(offset: int) -> bytes:
    return offset.to_bytes(OFFSET_BYTES)
