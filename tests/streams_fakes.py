"""Stand-ins for Kafka around the streams shells: one partition, a changelog, what was published. Nothing sleeps."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, ParamSpec, Self

import msgspec

from schemas.codec import Codec, MemoryRegistry, R, UndecodableError
from schemas.records import FoldHalt, Track, TrackUpdate
from schemas.topics import FOLD_HALTS, TRACK_UPDATES, Topic, topic_of
from streams.folding import CameraFolding
from streams.ports import Record
from streams.progress import CameraEntry, Fold, Place, further, load_entry
from tests.scenario import book_of, record, rules
from tests.streams_worker import COUNTING_FOLD, Count

PARTITION = 0
P = ParamSpec("P")


def in_a_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """An async test as pytest runs it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class HeldClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1_000_000

    def now_ms(self) -> int:
        return self.at


class Ended(Exception):
    """The process would have ended."""


@dataclass
class World:
    """What outlives a worker."""

    codec: Codec = field(default_factory=lambda: Codec(MemoryRegistry()))
    log: list[Record] = field(default_factory=list)
    changelog: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    published: list[tuple[str, bytes]] = field(default_factory=list)
    halts: dict[str, FoldHalt | None] = field(default_factory=dict)
    aside: list[Record] = field(default_factory=list)
    skips: set[Place] = field(default_factory=set)

    def append(self, *updates: TrackUpdate | bytes, key: bytes | None = None) -> None:
        """Records at the end of the log."""
        for update in updates:
            value = update if isinstance(update, bytes) else self.codec.encode(update)
            name = key if isinstance(update, bytes) else update.camera_id.encode()
            self.log.append(Record(TRACK_UPDATES.name, PARTITION, len(self.log), name, value))

    def decoded(self, kind: type[R]) -> list[R]:
        """What was published of one kind."""
        name = topic_of(kind).name
        return [self.codec.decode(value, kind) for topic, value in self.published if topic == name]


class FakeTable:
    """A table as one worker has it: recovered from the changelog. at_once: it sends what it keeps."""

    def __init__(self, world: World, resolve: Callable[[bytes | None, bytes], bytes], *, at_once: bool = True) -> None:
        self._world, self._resolve, self._at_once = world, resolve, at_once
        self._unsent: list[tuple[bytes, bytes | None]] = []
        self.data: dict[bytes, bytes] = {}
        for key, value in world.changelog:
            self._apply(key, value)

    def _apply(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.data.pop(key, None)
        else:
            self.data[key] = self._resolve(self.data.get(key), value)

    def held(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    def held_in(self, partition: int) -> list[tuple[bytes, bytes]]:
        return list(self.data.items()) if partition == PARTITION else []

    async def keep(self, key: bytes, value: bytes | None, partition: int) -> None:
        self._apply(key, value)
        self._unsent.append((key, value))
        if self._at_once:
            await self.send()

    async def send(self) -> None:
        unsent, self._unsent = self._unsent, []
        self._world.changelog += unsent
        await asyncio.sleep(0)


class FakeOutbox:
    """Publishes into the world; every send gives way to other tasks."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.refuse: Exception | None = None

    def encode(self, record: msgspec.Struct) -> bytes:
        return self._world.codec.encode(record)

    async def publish(self, records: Sequence[tuple[Topic, str, bytes | None]]) -> None:
        await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse
        for topic, key, value in records:
            if topic is FOLD_HALTS:
                self._world.halts[key] = None if value is None else self._world.codec.decode(value, FoldHalt)
            elif value is not None:
                self._world.published.append((topic.name, value))
        await asyncio.sleep(0)

    async def decode(self, record: Record, kind: type[R]) -> R | None:
        try:
            return self._world.codec.decode(record.value, kind)
        except UndecodableError:
            self._world.aside.append(record)
            return None


@dataclass
class FakeOwner:
    """Says whose the partition is."""

    generation: int = 1
    ours: bool = True

    def holds(self, partition: int, generation: int) -> bool:
        return self.ours and generation == self.generation


@dataclass
class FakeReader:
    """Reads the world's log, a few records at a time."""

    world: World
    position: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def read(self) -> list[Record]:
        found = self.world.log[self.position : self.position + 3]
        self.position += len(found)
        return found


@dataclass
class FakeLog:
    """The world's log."""

    world: World
    committed: int = 0

    def standing(self, partition: int) -> tuple[int, int]:
        return self.committed, len(self.world.log)

    def reader(self, partition: int, offset: int) -> FakeReader:
        return FakeReader(self.world, offset)

    def between(self, partition: int, first: int, beyond: int) -> list[Record]:
        return self.world.log[first:beyond]

    def high(self, partition: int) -> int:
        return len(self.world.log)


def end(error: BaseException) -> NoReturn:
    """Instead of ending the process."""
    raise Ended(str(error)) from error


class Worker:
    """One worker over the world. near: how many offsets it reads on the spot when records were lost."""

    def __init__(
        self,
        world: World,
        *cameras: str,
        fold: Fold[Any] = COUNTING_FOLD,
        clock: HeldClock | None = None,
        near: int = 0,
    ) -> None:
        self.world, self.owner, self.outbox = world, FakeOwner(), FakeOutbox(world)
        self.table = FakeTable(world, further)
        self.clock = clock or HeldClock()
        self.book = book_of(*(rules(camera_id=camera) for camera in cameras))
        self.folding: CameraFolding[Any] = CameraFolding(
            fold,
            self.book,
            set(world.skips),
            table=self.table,
            outbox=self.outbox,
            owner=self.owner,
            source=FakeLog(world),
            clock=self.clock,
            read_skips=lambda: world.skips,
            fatal=end,
            near=near,
        )
        self.folding.ready({PARTITION})

    async def deliver(self, *offsets: int) -> list[bool]:
        """Give these records to the worker; which of them it acknowledges."""
        return [await self.folding.take(self.world.log[offset], self.owner.generation) for offset in offsets]

    async def settle(self) -> None:
        """Until nothing is being caught up."""
        while tasks := list(self.folding._tasks):
            await asyncio.gather(*tasks)

    def entry(self, camera: str) -> CameraEntry:
        return self.folding.entry(f"{camera}|live".encode())

    def count(self, camera: str) -> tuple[int, int]:
        """(folded, missing) of a camera, as stored."""
        state = self.entry(camera).state
        counted = Count() if state is None else msgspec.msgpack.decode(state, type=Count)
        return counted.folded, counted.missing


def updates(camera: str, number: int, *, first: int = 0, ended: bool = False) -> list[TrackUpdate]:
    """Contiguous records of one live camera."""
    tracks = [Track(track_id=1, class_name="person", confidence=0.9, x1=1.0, y1=1.0, x2=9.0, y2=20.0)]
    start = record(1_772_445_600_000, 0, tracks, camera_id=camera)
    made = [
        msgspec.structs.replace(
            start,
            stream_epoch=start.captured_at,
            sequence=sequence,
            frame_index=sequence,
            captured_at=start.captured_at + 100 * sequence,
            clock_source="wall",
        )
        for sequence in range(first, first + number)
    ]
    if ended:
        made[-1] = msgspec.structs.replace(made[-1], stream_state="ENDED", tracks=[])
    return made


def stored(world: World, key: bytes) -> CameraEntry:
    """What somebody who reads the changelog finds."""
    held = None
    for written, value in world.changelog:
        if written == key and value is not None:
            held = further(held, value)
    assert held is not None
    return load_entry(held)
