"""The shell around the fold of each camera: take a record, step, publish, wait for the acks, store, acknowledge.

The stream may pass records by: Faust acknowledges what it drops when it stops and when partitions move. A few are read
from the log on the spot. A camera that is far from its log, or whose fold had halted, is caught up beside the stream: a
task reads the log from the stored offset on, and until it has come to the end the stream acknowledges that camera's
records without folding them. Its neighbours notice nothing.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, NoReturn

import msgspec

from infra.clock import Clock
from infra.failpoint import failpoint
from infra.log import about
from schemas.errors import ExplainedError
from schemas.records import FoldHalt, TrackUpdate
from schemas.topics import FOLD_HALTS, Topic, topic_of
from streams import figures
from streams.book import RulesBook
from streams.ports import Log, Owner, Post, Record, Table
from streams.progress import CameraEntry, Fold, Halt, Place, S, advance, dump_entry, entry_key, load_entry

log = logging.getLogger(__name__)

STATE_BYTES_MAX = 512 * 1024
"""The fold bounds its state at 64 KB; one that Kafka would refuse must halt its camera and not end every start."""


ERROR_CHARACTERS_MAX = 2000
Said = tuple[Topic, str, bytes | None]
"""What is published: topic, key, value."""

NEAR = 2000
"""As many offsets are read on the spot, in a moment; for more the neighbours would have to wait."""


@dataclass
class CatchUp:
    """A camera that is being caught up: up to which offset the stream has left its records to us."""

    generation: int
    upto: int = -1


Outcome = Literal["done", "behind", "halted", "lost"]
"""behind: records before it are not folded yet; halted: the fold cannot take it; lost: the partition is not ours."""


class CameraFolding(Generic[S]):
    """Folds the records of all cameras of this worker, one at a time."""

    def __init__(
        self,
        fold: Fold[S],
        book: RulesBook,
        skips: set[Place],
        *,
        table: Table,
        outbox: Post,
        owner: Owner,
        source: Log,
        clock: Clock,
        read_skips: Callable[[], set[Place]],
        fatal: Callable[[BaseException], NoReturn],
        near: int = NEAR,
    ) -> None:
        self._fold, self._book, self._skips = fold, book, skips
        self._table, self._outbox, self._owner, self._source = table, outbox, owner, source
        self._clock, self._read_skips, self._fatal, self._near = clock, read_skips, fatal, near
        self._catching_up: dict[bytes, CatchUp] = {}
        self._halted: dict[bytes, tuple[int, Halt]] = {}
        self._alarmed: set[tuple[bytes, int]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.heard: dict[bytes, tuple[int, int]] = {}
        """Partition of each camera, and when its last record came, ms UTC of our clock."""
        self._next: dict[int, int] = {}
        self.counts: Counter[str] = Counter()
        """folded, missing, halted."""

    def ready(self, partitions: set[int]) -> None:
        """These partitions are ours, their entries complete: resume who is behind, or halted (it may be mended)."""
        self._catching_up.clear()
        self._halted.clear()
        figures.anew()
        now = self._clock.now_ms()
        self._taken = dict.fromkeys(partitions, (-1, now))
        self.heard.clear()
        for partition in partitions:
            for key, value in self._table.held_in(partition):
                self.heard[key] = partition, now
                entry = load_entry(value)
                if entry.behind or entry.halt is not None:
                    self._start(key, partition)

    async def take(self, record: Record, generation: int) -> bool:
        """Fold one record that the stream brought. True: acknowledge it; False: it is another worker's now."""
        update = await self._outbox.decode(record, TrackUpdate)
        if update is None:
            mine = True
        else:
            with about(camera=update.camera_id):
                mine = await self._take(update, record, generation)
        self._next[record.partition] = record.offset + 1
        return mine

    async def _take(self, update: TrackUpdate, record: Record, generation: int) -> bool:
        key = entry_key(update)
        self.heard[key] = record.partition, self._clock.now_ms()
        if key in self._catching_up:
            self._catching_up[key].upto = max(self._catching_up[key].upto, record.offset)
            return True
        entry = self.entry(key)
        if entry.halt is not None:
            return True
        outcome = await self._advance(key, entry, update, record, generation)
        if outcome == "behind":
            log.warning("camera %s: offset %d does not follow the last record folded", key.decode(), record.offset)
            if record.offset - entry.offset <= self._near:
                outcome = await self._fetch_before(key, entry.offset + 1, update, record, generation)
            elif not self._owner.holds(record.partition, generation):
                outcome = "lost"
            else:
                await self.fall_behind(key, record.partition, record.offset)
        return outcome != "lost"

    def next_offset(self, partition: int) -> int | None:
        """The offset behind the last one that the stream brought, if it has brought any."""
        return self._next.get(partition)

    def entry(self, key: bytes) -> CameraEntry:
        """What is stored of the camera."""
        value = self._table.held(key)
        return CameraEntry() if value is None else load_entry(value)

    async def fall_behind(self, key: bytes, partition: int, upto: int) -> None:
        """Leave the camera's records up to an offset to a task that reads them from the log."""
        entry = self.entry(key)
        entry.behind = True
        await self._keep(key, entry, partition)
        self._start(key, partition, upto)

    async def resume_skipped(self) -> None:
        """Go on with the halted cameras whose record somebody has told us to pass over meanwhile."""
        if not self._halted:
            return
        self._skips |= await asyncio.to_thread(self._read_skips)
        for key, (partition, halt) in list(self._halted.items()):
            camera_id, lane = key.decode().split("|")
            if (camera_id, lane, halt.stream_epoch, halt.sequence) in self._skips:
                log.info("camera %s: record %d:%d is to be skipped", camera_id, halt.stream_epoch, halt.sequence)
                del self._halted[key]
                self._start(key, partition)

    async def _advance(
        self,
        key: bytes,
        entry: CameraEntry,
        update: TrackUpdate,
        record: Record,
        generation: int,
        *,
        complete: bool = False,
        behind: bool = False,
    ) -> Outcome:
        """Fold one record. behind: more of its log is to be fetched, and the stream does not fold this camera."""
        try:
            before = None if entry.state is None else self._fold.load(entry.state)
            outcome = advance(self._fold, before, update, self._book, self._skips, complete=complete)
            if isinstance(outcome, tuple):
                state = self._fold.dump(outcome[0])
                if len(state) > STATE_BYTES_MAX:
                    raise ValueError(
                        f"the state has grown to {len(state)} bytes, at most {STATE_BYTES_MAX} can be kept"
                    )
                events: list[Said] = [(topic_of(type(e)), e.camera_id, self._outbox.encode(e)) for e in outcome[1]]
        except Exception as error:  # noqa: BLE001  whatever it is, it is this camera's alone
            return await self._halt(key, entry, update, record, generation, error)
        if outcome == "pass":
            return "done"
        if outcome == "rewind":
            return "behind"
        failpoint("streams.before_publish")
        await self._outbox.publish(events + self._goes_on(key, entry))
        failpoint("streams.after_ack")
        if not self._owner.holds(record.partition, generation):
            return "lost"
        last = entry.last if update.control is not None else msgspec.structs.replace(update, tracks=[])
        stored = CameraEntry(state=state, offset=record.offset, writes=entry.writes, last=last, behind=behind)
        await self._keep(key, stored, record.partition)
        failpoint("streams.after_state")
        self.counts["folded"] += 1
        figures.folded(update, outcome[1])
        return "done"

    async def _keep(self, key: bytes, entry: CameraEntry, partition: int) -> None:
        entry.writes += 1
        await self._table.keep(key, dump_entry(entry), partition)

    def _goes_on(self, key: bytes, entry: CameraEntry) -> list[Said]:
        """That a camera is not halted any more, where that was said; before the entry is stored without its halt."""
        return [] if entry.halt is None else [(FOLD_HALTS, _slashed(key), None)]

    async def _halt(
        self, key: bytes, entry: CameraEntry, update: TrackUpdate, record: Record, generation: int, error: Exception
    ) -> Outcome:
        if not self._owner.holds(record.partition, generation):
            return "lost"
        halt = Halt(update.stream_epoch, update.sequence, record.offset, f"{type(error).__name__}: {error}")
        if entry.halt != halt:  # else it was said before, and since when
            said = self._outbox.encode(_said(update, halt, self._clock.now_ms()))
            await self._outbox.publish([(FOLD_HALTS, _slashed(key), said)])
        entry.halt = halt
        await self._keep(key, entry, record.partition)
        self._halted[key] = record.partition, halt
        self.counts["halted"] += 1
        figures.halted(update.camera_id)
        if (key, record.offset) not in self._alarmed:
            self._alarmed.add((key, record.offset))
            log.error(
                "camera %s HALTED: its fold cannot take record %d:%d (offset %d of partition %d): %s. Mend the cause "
                "and start the worker again, or pass over it with `trackfold skip`. The other cameras go on.",
                *(update.camera_id, update.stream_epoch, update.sequence, record.offset, record.partition, halt.error),
                exc_info=None if isinstance(error, ExplainedError) else error,
            )
        return "halted"

    def _start(self, key: bytes, partition: int, upto: int = -1) -> None:
        if key in self._catching_up:
            return
        mine = self._catching_up[key] = CatchUp(self._owner.generation, upto)
        task = asyncio.create_task(self._catch_up(key, partition, mine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _catch_up(self, key: bytes, partition: int, mine: CatchUp) -> None:
        try:
            await self._follow(key, partition, mine)
        except Exception as error:  # noqa: BLE001  between step and store, or the log cannot be read
            self._fatal(error)
        finally:
            if self._catching_up.get(key) is mine:
                del self._catching_up[key]

    async def _follow(self, key: bytes, partition: int, mine: CatchUp) -> None:
        end = await asyncio.to_thread(self._source.high, partition) - 1
        mine.upto = max(mine.upto, end)
        reader = await asyncio.to_thread(self._source.reader, partition, self.entry(key).offset + 1)
        with reader:
            while True:
                if reader.position > mine.upto:
                    entry = self.entry(key)
                    await self._outbox.publish(self._goes_on(key, entry))
                    entry.behind, entry.halt = False, None
                    await self._keep(key, entry, partition)
                    if reader.position > mine.upto:  # nothing was left to us meanwhile: from here on the stream folds
                        del self._catching_up[key]
                        log.info("camera %s is in step with its log again", key.decode())
                        return
                for record in await asyncio.to_thread(reader.read):
                    if self._catching_up.get(key) is not mine or not self._owner.holds(partition, mine.generation):
                        return
                    if await self._fetch(key, record, mine.generation, behind=True) != "done":
                        return

    async def _fetch_before(
        self, key: bytes, first: int, update: TrackUpdate, record: Record, generation: int
    ) -> Outcome:
        """Fold what the log has from an offset on, and then the record."""
        for earlier in await asyncio.to_thread(self._source.between, record.partition, first, record.offset):
            outcome = await self._fetch(key, earlier, generation)
            if outcome != "done":
                return outcome
        return await self._advance(key, self.entry(key), update, record, generation, complete=True)

    async def _fetch(self, key: bytes, record: Record, generation: int, *, behind: bool = False) -> Outcome:
        """Fold a record that was read from the log, if it is the camera's."""
        if record.key != key.partition(b"|")[0]:
            return "done"
        update = await self._outbox.decode(record, TrackUpdate)
        if update is None or entry_key(update) != key:
            return "done"
        return await self._advance(key, self.entry(key), update, record, generation, complete=True, behind=behind)


def _slashed(key: bytes) -> str:
    """camera/lane, as the topics write it."""
    return key.decode().replace("|", "/")


def _said(update: TrackUpdate, halt: Halt, now_ms: int) -> FoldHalt:
    return FoldHalt(
        site_id=update.site_id,
        camera_id=update.camera_id,
        lane=update.lane,
        stream_epoch=halt.stream_epoch,
        sequence=halt.sequence,
        captured_at=update.captured_at,
        error=halt.error[:ERROR_CHARACTERS_MAX],
        halted_at=now_ms,
    )
