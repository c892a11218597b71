"""The streams worker: Faust carries the records and the state, and decides nothing.

Two agents, one record at a time each: the fold of every camera, and the evidence join. Both publish, wait for the acks,
store, and only then acknowledge; Faust's producer is flushed before Faust commits. We acknowledge ourselves, for Faust
would also acknowledge a record whose handling was broken off.
"""

import logging
import os
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, NoReturn

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.sensors import Monitor
from faust.types import TP, StreamT

from infra.clock import WallClock
from infra.config import Settings
from infra.failpoint import failpoint
from infra.kafka import connect_codec, ensure_topics
from schemas import topics
from schemas.codec import Codec
from schemas.site import Site
from schemas.topics import PARTITIONS, TRACK_UPDATES
from streams import reread
from streams.book import RulesBook
from streams.folding import CameraFolding
from streams.joining import SOURCES, EvidenceJoining, both
from streams.outbox import Outbox, raw
from streams.ports import Record
from streams.progress import CAMERA_FOLD, Fold, Place, further
from streams.published import publish_rules, read_skips
from streams.reread import LogReader
from streams.store import KeptTable, changelog
from streams.watchdog import LOOK_EVERY_S, Watchdog

log = logging.getLogger(__name__)

SKIPS_EVERY_S = 5.0
QUIET = ("faust", "mode", "aiokafka")


def run(settings: Settings, site: Site, *, fold: Fold[Any] = CAMERA_FOLD) -> None:
    """Fold and join until SIGTERM or SIGINT. Raises ServerErrors and TopicMismatch at the start."""
    codec = connect_codec(settings)
    app_id = f"{settings.consumer_group}-streams"
    ensure_topics(settings, (*topics.ALL, changelog(app_id, "cameras"), changelog(app_id, "occurrences")))
    book = publish_rules(settings, codec, site)
    skips = read_skips(settings, codec)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    worker = Worker(build(settings, codec, book, skips, fold))
    log.info("streams worker %s: %d cameras of site %s", app_id, len(site.cameras), site.site_id)
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            raise
    log.info("streams worker %s stopped", app_id)


def build(settings: Settings, codec: Codec, book: RulesBook, skips: set[Place], fold: Fold[Any]) -> faust.App:
    """The Faust app with its two agents; nothing is started."""
    app = _app(settings)
    outbox = Outbox(app, codec)
    owner = _Owner(app)
    clock = WallClock()

    def table(name: str, resolve: Callable[[bytes | None, bytes], bytes]) -> KeptTable:
        kept = KeptTable(app, name=name, resolve=resolve, on_lost_write=end_process)
        app.tables.add(kept)
        return kept

    def read_between(topic: str, partition: int, first: int, beyond: int) -> list[Record]:
        return reread.read_between(settings, topic, partition, first, beyond)

    def committed(wanted: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return reread.committed(settings, app.conf.id, wanted)

    cameras, occurrences = table("cameras", further), table("occurrences", both)
    source = _Log(settings)
    folding = CameraFolding(
        fold,
        book,
        skips,
        table=cameras,
        outbox=outbox,
        owner=owner,
        source=source,
        clock=clock,
        read_skips=lambda: read_skips(settings, codec),
        fatal=end_process,
    )
    joining = EvidenceJoining(
        table=occurrences, outbox=outbox, owner=owner, read_between=read_between, committed=committed
    )
    watchdog = Watchdog(
        folding,
        book,
        outbox=outbox,
        owner=owner,
        clock=clock,
        high=source.high,
        committed=committed,
        read_between=read_between,
    )
    cameras.on_ready += [owner.ready, folding.ready]

    @occurrences.on_ready.append
    def look_back(partitions: set[int]) -> None:
        log.info("partitions %s are ours", ", ".join(map(str, sorted(partitions))) or "(none)")
        app.add_future(_or_end(app, joining.look_back, partitions, owner.generation))

    @app.agent(raw(app, TRACK_UPDATES.name), name="cameras", concurrency=1)
    async def fold_cameras(stream: StreamT[bytes]) -> None:
        await _consume(app, stream, folding.take)

    facts = [topic.name for topic in SOURCES]

    @app.agent(raw(app, *facts), name="evidence", concurrency=1)
    async def join_evidence(stream: StreamT[bytes]) -> None:
        await _consume(app, stream, joining.take)

    async def look() -> None:
        await _or_end(app, watchdog.look)

    async def resume_skipped() -> None:
        await _or_end(app, folding.resume_skipped)

    app.timer(LOOK_EVERY_S)(look)
    app.timer(SKIPS_EVERY_S)(resume_skipped)
    return app


class Worker(faust.Worker):
    """Faust's worker without its banner, its logging, and its name in the process table."""

    logger = logging.getLogger("faust.worker")

    def __init__(self, app: faust.App) -> None:
        super().__init__(app, quiet=True, redirect_stdouts=False, override_logging=False)
        self.spinner = None

    def _setproctitle(self, info: str, *, ident: str = "") -> None:
        pass


class _Monitor(Monitor):
    """Faust's measurements, and a place to be killed at right after a commit."""

    logger = logging.getLogger("faust.sensors")

    def on_tp_commit(self, tp_offsets: MutableMapping[TP, int]) -> None:
        super().on_tp_commit(tp_offsets)
        failpoint("streams.after_commit")


class _Owner:
    """Whose the partitions are, as far as we have been told."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._settled = False
        app.on_partitions_revoked.connect(self._revoked)

    async def _revoked(self, app: Any, *revoked: Any, **more: Any) -> None:
        self._settled = False

    def ready(self, partitions: set[int]) -> None:
        """The tables are complete; records come from here on, even before Faust says that the rebalance is over."""
        self._settled = True

    @property
    def generation(self) -> int:
        return self._app.consumer_generation_id

    def holds(self, partition: int, generation: int) -> bool:
        return self._settled and generation == self._app.consumer_generation_id


@dataclass(frozen=True)
class _Log:
    """track-updates, read beside Faust."""

    settings: Settings

    def reader(self, partition: int, offset: int) -> LogReader:
        return LogReader(self.settings, TRACK_UPDATES.name, partition, offset)

    def between(self, partition: int, first: int, beyond: int) -> list[Record]:
        return reread.read_between(self.settings, TRACK_UPDATES.name, partition, first, beyond)

    def high(self, partition: int) -> int:
        return reread.watermarks(self.settings, TRACK_UPDATES.name, partition)[1]


async def _consume(app: faust.App, stream: StreamT[bytes], take: Callable[[Record, int], Awaitable[bool]]) -> None:
    """Give each record to take() and acknowledge it if it says so."""
    stream.enable_acks = False
    async for event in stream.events():
        message = event.message
        record = Record(message.topic, message.partition, message.offset, message.key, message.value)
        if await _or_end(app, take, record, message.generation_id):
            await stream.ack(event)


async def _or_end(app: faust.App, do: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """What do() raises ends the process, where Faust would log it and go on. While we stop, Faust's parts are gone."""
    try:
        return await do(*arguments)
    except Exception as error:  # noqa: BLE001
        if not app.should_stop:
            end_process(error)
        log.debug("broken off by the stop: %s", error)
        return None


def end_process(error: BaseException) -> NoReturn:
    """End at once and store nothing more: the next start takes up from what was stored."""
    log.critical("the worker ends: %s: %s; start it again", type(error).__name__, error, exc_info=error)
    logging.shutdown()
    os._exit(1)


def _app(settings: Settings) -> faust.App:
    """Measured: exact under kill -9 with at_least_once, per-record consumption and no waiting for empty streams."""
    folder = settings.data_dir / "faust"
    folder.mkdir(parents=True, exist_ok=True)
    return faust.App(
        f"{settings.consumer_group}-streams",
        broker=";".join(f"kafka://{server.strip()}" for server in settings.kafka.bootstrap_servers.split(",")),
        broker_credentials=_credentials(settings),
        broker_commit_interval=1.0,
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
        Monitor=_Monitor,
    )


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = None
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(
            cafile=None if kafka.ssl_ca_location is None else str(kafka.ssl_ca_location)
        )
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.password.get_secret_value() if kafka.password else ""
        return SASLCredentials(
            username=kafka.username or "", password=password, mechanism=kafka.sasl_mechanism, ssl_context=context
        )
    return None if context is None else SSLCredentials(context)
