"""Faust as we use it: it delivers records, keeps the tables' changelogs, and shares out the partitions.

It does not commit. Faust acknowledges by itself what it drops when it stops or when partitions move, and takes a gap in
what it delivers as acknowledged; so its topics are set to acks=False, and we commit what was really done. And it passes
records by (measured: at most joins and leaves under backlog). A gap is seen by the positions that are stored; a
partition that has more and brings nothing is read beside Faust.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, cast

import faust
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TP, StreamT, TopicT

from infra import standing as how_far
from infra.config import Settings
from infra.failpoint import failpoint
from infra.health import Health
from infra.kafka import KafkaUnavailable
from schemas.topics import PARTITIONS
from streams import reread
from streams.ports import Record

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 1.0
TURN_S = 1.0
STALLED_S = 5.0
"""A partition that has more and whose commit stands still for so long may never bring it; to read twice is harmless."""
PATIENCE = 6
"""As many times as long while the topic's other partitions move: what was fetched of one is handed out whole before the
next has its turn."""
CHUNK = 2000

Take = Callable[[Record, int], Awaitable[bool]]
"""Handle a record of a generation; may it be committed?"""


def end_process(error: BaseException) -> NoReturn:
    """End at once and store nothing more: the next start takes up from what was stored."""
    log.critical("the worker ends: %s: %s; start it again", type(error).__name__, error, exc_info=error)
    logging.shutdown()
    os._exit(1)


class App(faust.App):
    """A Faust app that consumes raw records, one at a time, and commits what is done."""

    logger = logging.getLogger("faust.app")

    def __init__(self, settings: Settings, health: Health | None = None) -> None:
        folder = settings.data_dir / "faust"
        folder.mkdir(parents=True, exist_ok=True)
        servers = settings.kafka.bootstrap_servers.split(",")
        super().__init__(
            f"{settings.consumer_group}-streams",
            broker=";".join(f"kafka://{server.strip()}" for server in servers),
            broker_credentials=_credentials(settings),
            broker_session_timeout=10.0,
            broker_rebalance_timeout=30.0,
            datadir=str(folder),
            store="memory://",
            table_standby_replicas=0,
            topic_allow_declare=False,
            topic_disable_leader=True,
            topic_partitions=PARTITIONS,
            producer_linger=0.005,
            stream_wait_empty=False,
            web_enabled=False,
            worker_redirect_stdouts=False,
        )
        self._settings = settings
        self._health = health or Health("streams")
        self._settled = False
        self._done: dict[TP, int] = {}
        self._takes: dict[str, tuple[Take, asyncio.Lock]] = {}
        self._looked: dict[TP, tuple[int, int]] = {}
        """Committed offset, and at how many looks it stood there with more behind it."""
        self.before_commit: list[Callable[[], Awaitable[None]]] = []
        """Send what is kept, so that no offset is committed whose state is not at the broker."""
        self.on_partitions_revoked.connect(self._revoked)
        self.timer(COMMIT_EVERY_S)(self._commit_in_time)
        self.timer(STALLED_S)(self._look_at_stalled)
        self.timer(TURN_S)(self._turned)

    @property
    def generation(self) -> int:
        """Of the group's assignment."""
        return self.consumer_generation_id

    def holds(self, partition: int, generation: int) -> bool:
        """Is the partition ours since that generation, as far as we have been told?"""
        return self._settled and generation == self.consumer_generation_id

    def ready(self, partitions: set[int]) -> None:
        """The tables are complete: records come from here on, even before Faust says that the rebalance is over."""
        self._settled = True
        self._done.clear()
        self._looked.clear()

    def raw(self, *names: str) -> TopicT:
        """Topics as bytes that Faust neither encodes, decodes nor commits."""
        return self.topic(
            *names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", acks=False
        )

    def consume(self, name: str, topics: Sequence[str], take: Take) -> None:
        """Give each record of the topics to take(), one at a time, and commit it in time if take() says so."""
        lock = asyncio.Lock()
        self._takes |= dict.fromkeys(topics, (take, lock))

        async def consuming(stream: StreamT[bytes]) -> None:
            async for event in stream.events():
                at = event.message
                record = Record(at.topic, at.partition, at.offset, at.key, at.value)
                await self._give(record, at.generation_id)

        self.agent(self.raw(*topics), name=name, concurrency=1)(consuming)

    async def _give(self, record: Record, generation: int) -> None:
        take, lock = self._takes[record.topic]
        async with lock:
            taken = await self.or_end(take, record, generation)
            if taken and self.holds(record.partition, generation):
                place = TP(record.topic, record.partition)
                self._done[place] = max(record.offset + 1, self._done.get(place, 0))

    async def or_end(self, do: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        """What do() raises ends the process, where Faust would log it and go on. While we stop, Faust's parts go."""
        try:
            return await do(*arguments)
        except Exception as error:  # noqa: BLE001
            if not self.should_stop:
                end_process(error)
            log.debug("broken off by the stop: %s", error)
            return None

    async def on_stop(self) -> None:
        """Commit what is done before the consumer goes."""
        await self.or_end(self._commit)
        await super().on_stop()

    async def _commit_in_time(self) -> None:
        await self.or_end(self._commit)

    async def _commit(self) -> None:
        """Commit what was done up to now, after every write that it rests on is acknowledged."""
        due, self._done = self._done, {}
        for send in self.before_commit:
            await send()
        if due:
            thread = cast(Any, self.consumer)._thread
            await thread.call_thread(_commit, thread, due)
            failpoint("streams.after_commit")

    async def _turned(self) -> None:
        self._health.turned()

    async def _look_at_stalled(self) -> None:
        if self._settled:
            ours = [tp for tp in self.consumer.assignment() if tp.topic in self._takes]
            self._health.holds(len({tp.partition for tp in ours}))
            self._health.has({f"{tp.topic}[{tp.partition}]" for tp in ours})
            await self.or_end(self.read_stalled, ours)

    async def read_stalled(self, wanted: Sequence[TP]) -> None:
        """Read what the stream should have brought of these partitions, and has not since the last look."""
        generation, before = self.consumer_generation_id, self._looked
        try:
            standing = await asyncio.to_thread(reread.standing, self._settings, self.conf.id, wanted)
            how_far.tell(self._health, standing)
            self._looked = {
                tp: (at, before[tp][1] + 1 if tp in before and before[tp][0] == at < end else 0)
                for tp, (at, end) in standing.items()
            }
            moving = {tp.topic for tp, (at, _) in self._looked.items() if tp in before and before[tp][0] != at}
            for tp, (at, looks) in list(self._looked.items()):
                if looks >= (PATIENCE if tp.topic in moving else 1):
                    log.warning("%s[%d] brings nothing from offset %d on; reading it", tp.topic, tp.partition, at)
                    end = min(standing[tp][1], at + CHUNK)
                    found = await asyncio.to_thread(reread.read_between, self._settings, *tp, at, end)
                    for record in found:
                        if self.holds(tp.partition, generation):
                            await self._give(record, generation)
        except KafkaUnavailable as error:
            log.warning("cannot look at the log now: %s", error)

    async def _revoked(self, app: Any, /, *revoked: Any, signal: Any, **more: Any) -> None:
        self._settled = False


async def _commit(thread: Any, due: dict[TP, int]) -> None:
    """In the consumer's thread: commit what is still assigned; the rest comes again, to us or to another worker."""
    consumer = thread._ensure_consumer()
    assigned = consumer.assignment()
    ours = {at: offset for tp, offset in due.items() if (at := TopicPartition(tp.topic, tp.partition)) in assigned}
    if ours:
        try:
            await consumer.commit(ours)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("partitions moved before a commit: %s", error)


class Worker(faust.Worker):
    """Faust's worker without its banner, its logging, and its name in the process table."""

    logger = logging.getLogger("faust.worker")

    def __init__(self, app: faust.App) -> None:
        super().__init__(app, quiet=True, redirect_stdouts=False, override_logging=False)
        self.spinner = None

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        pass


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = None
    if kafka.security_protocol.endswith("SSL"):
        authorities = None if kafka.ssl_ca_location is None else str(kafka.ssl_ca_location)
        context = ssl.create_default_context(cafile=authorities)
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.password.get_secret_value() if kafka.password else ""
        return SASLCredentials(
            username=kafka.username or "", password=password, mechanism=kafka.sasl_mechanism, ssl_context=context
        )
    return None if context is None else SSLCredentials(context)
