"""The streams worker: two agents, one record at a time each: the fold of every camera, and the evidence join.

Both publish, wait for the acks, store, and only then is the record committed. Nothing is decided here.
"""

import logging
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from infra import probes
from infra.clock import WallClock
from infra.config import Settings
from infra.health import Health
from infra.kafka import connect_codec, ensure_topics
from schemas import topics
from schemas.codec import Codec
from schemas.site import Site
from schemas.topics import TRACK_UPDATES
from streams import reread
from streams.book import RulesBook
from streams.folding import CameraFolding
from streams.joining import SOURCES, EvidenceJoining, both
from streams.outbox import Outbox
from streams.ports import Record
from streams.progress import CAMERA_FOLD, Fold, Place, further
from streams.published import publish_rules, read_active, read_skips
from streams.reread import LogReader
from streams.runtime import App, Worker, end_process
from streams.store import KeptTable, Resolve, changelog
from streams.watchdog import LOOK_EVERY_S, Watchdog

log = logging.getLogger(__name__)

SKIPS_EVERY_S = 5.0
QUIET = {"faust": logging.WARNING, "mode": logging.WARNING, "mode.timers": logging.ERROR, "aiokafka": logging.WARNING}


def run(settings: Settings, site: Site, *, fold: Fold[Any] = CAMERA_FOLD) -> None:
    """Fold and join until SIGTERM or SIGINT. Raises ServerErrors and TopicMismatch at the start."""
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    with probes.serving(settings, "streams") as health:
        _run(settings, site, fold, health)


def _run(settings: Settings, site: Site, fold: Fold[Any], health: Health) -> None:
    codec = connect_codec(settings)
    app = App(settings, health)
    tables = tuple(changelog(app.conf.id, table) for table in ("cameras", "occurrences"))
    ensure_topics(settings, (*topics.ALL, *tables))
    book = publish_rules(settings, codec, site)
    build(app, settings, codec, book, read_skips(settings, codec), fold)
    log.info("streams worker %s: %d cameras of site %s", app.conf.id, len(site.cameras), site.site_id)
    try:
        Worker(app).execute_from_commandline()
    except SystemExit as end:
        if end.code:
            raise
    log.info("streams worker %s stopped", app.conf.id)


def build(
    app: App, settings: Settings, codec: Codec, book: RulesBook, skips: set[Place], fold: Fold[Any]
) -> tuple[CameraFolding[Any], EvidenceJoining]:
    """Give the app its tables, agents and timers; nothing is started."""
    outbox, source, clock = Outbox(app, codec), _Log(settings, app.conf.id), WallClock()

    def table(name: str, resolve: Resolve) -> KeptTable:
        kept = KeptTable(app, name=name, resolve=resolve)
        app.tables.add(kept)
        app.before_commit.append(kept.send)
        return kept

    cameras, occurrences = table("cameras", further), table("occurrences", both)
    folding = CameraFolding(
        fold,
        book,
        skips,
        table=cameras,
        outbox=outbox,
        owner=app,
        source=source,
        clock=clock,
        read_skips=lambda: read_skips(settings, codec),
        fatal=end_process,
    )
    joining = EvidenceJoining(
        table=occurrences,
        outbox=outbox,
        owner=app,
        between=source.of,
        read_active=lambda: read_active(settings, codec),
    )
    watchdog = Watchdog(
        folding, book, outbox=outbox, owner=app, clock=clock, source=source, lost_after_s=settings.lost_after_s
    )
    cameras.on_ready += [app.ready, folding.ready, _tell]

    async def look() -> None:
        await app.or_end(watchdog.look)

    async def resume_skipped() -> None:
        await app.or_end(folding.resume_skipped)

    app.consume("cameras", [TRACK_UPDATES.name], folding.take)
    app.consume("evidence", [topic.name for topic in SOURCES], joining.take)
    app.timer(LOOK_EVERY_S)(look)
    app.timer(SKIPS_EVERY_S)(resume_skipped)
    return folding, joining


def _tell(partitions: set[int]) -> None:
    log.info("partitions %s are ours", ", ".join(map(str, sorted(partitions))) or "(none)")


@dataclass(frozen=True)
class _Log:
    """Topics read beside Faust; track-updates unless another is named."""

    settings: Settings
    group: str

    def reader(self, partition: int, offset: int) -> LogReader:
        return LogReader(self.settings, TRACK_UPDATES.name, partition, offset)

    def between(self, partition: int, first: int, beyond: int) -> list[Record]:
        return self.of(TRACK_UPDATES.name, partition, first, beyond)

    def standing(self, partition: int) -> tuple[int, int]:
        at = TP(TRACK_UPDATES.name, partition)
        return reread.standing(self.settings, self.group, [at])[at]

    def high(self, partition: int) -> int:
        return reread.watermarks(self.settings, TRACK_UPDATES.name, partition)[1]

    def of(self, topic: str, partition: int, first: int, beyond: int) -> list[Record]:
        return reread.read_between(self.settings, topic, partition, first, beyond)
