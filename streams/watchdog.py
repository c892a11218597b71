"""The watchdog: when a live camera falls silent without saying so, the worker that owns its partition says LOST for it.

LOST stands outside the sequence: it repeats the position, has no tracks, and goes into the log like any record, so that
a replay sees what the live fold saw.
"""

import asyncio
import logging
from typing import Any

import msgspec

from infra.clock import Clock
from infra.kafka import KafkaUnavailable
from schemas.records import TrackUpdate
from schemas.topics import TRACK_UPDATES
from streams.book import RulesBook
from streams.folding import CameraFolding
from streams.ports import Log, Owner, Post
from streams.progress import CameraEntry

log = logging.getLogger(__name__)

LOOK_EVERY_S = 3.0
BACKLOG = 1000
"""More records than that to be read: not the end of the log, where neighbours go on while a camera is silent."""


def is_silent(entry: CameraEntry) -> bool:
    """Does somebody have to say that this camera is blind? Not when it ended, is known as lost, or is not in step.

    An interrupted one said that it stops, not that it stays away: its episodes are open until time goes on. A file
    (its times are its container's) misses nothing while nobody reads it: whoever starts again goes on where it was.
    """
    last = entry.last
    if last is None or last.lane != "live" or last.clock_source == "pts":
        return False
    return last.stream_state in ("LIVE", "INTERRUPTED") and not entry.behind and entry.halt is None


def lost(last: TrackUpdate, now: int) -> TrackUpdate:
    """The record that says so: the position and time of the last one, published now (ms UTC)."""
    return msgspec.structs.replace(
        last, stream_state="LOST", published_at=now, tracks=[], skipped=False, previous=None, control=None
    )


class Watchdog:
    """Looks at the silent cameras of the partitions that are ours."""

    def __init__(
        self,
        folding: CameraFolding[Any],
        book: RulesBook,
        *,
        outbox: Post,
        owner: Owner,
        clock: Clock,
        source: Log,
        lost_after_s: float,
    ) -> None:
        self._folding, self._book, self._outbox, self._owner, self._clock = folding, book, outbox, owner, clock
        self._source, self._lost_after_ms = source, lost_after_s * 1000
        self._said: set[tuple[bytes, int]] = set()

    async def look(self) -> None:
        """Say LOST for every camera that is; waits for the acks. A broker that does not answer now is asked again."""
        now = self._clock.now_ms()
        try:
            for key, (partition, heard_at) in list(self._folding.heard.items()):
                known = key.partition(b"|")[0].decode() in self._book.current
                if not known or now - heard_at < self._lost_after_ms:
                    continue
                entry = self._folding.entry(key)
                if is_silent(entry) and (key, entry.offset) not in self._said:
                    await self._inquire(partition, key, entry)
        except KafkaUnavailable as error:
            log.warning("the watchdog cannot look at the log now: %s", error)

    async def _inquire(self, partition: int, key: bytes, entry: CameraEntry) -> None:
        """Silence is the camera's only when its log, too, has nothing after what was folded."""
        generation = self._owner.generation
        committed, end = await asyncio.to_thread(self._source.standing, partition)
        reached = max(committed, self._folding.next_offset(partition) or 0)
        if end - reached > BACKLOG:
            return  # it is we who are late
        after = await asyncio.to_thread(self._source.between, partition, entry.offset + 1, end)
        mine = [record.offset for record in after if record.key == key.partition(b"|")[0]]
        if not self._owner.holds(partition, generation) or entry.last is None:
            return
        if mine and mine[0] < reached:
            log.warning("camera %s: the stream has passed by the end of its log; reading it", key.decode())
            await self._folding.fall_behind(key, partition, end - 1)
        if mine:
            return
        record = lost(entry.last, self._clock.now_ms())
        log.warning("camera %s: nothing came for too long; recorded as lost", record.camera_id)
        self._said.add((key, entry.offset))
        await self._outbox.publish([(TRACK_UPDATES, record.camera_id, self._outbox.encode(record))])
