"""The analytics sink: episodes, visits and outages become rows in ClickHouse.

A batch is committed once its rows are stored. A crash between the two loads it again, and the same rows replace
themselves.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable

from clickhouse_connect.driver.client import Client

from connectors.clickhouse import schema
from connectors.clickhouse.client import connected, insert
from connectors.clickhouse.plan import TABLES, Row, by_table
from connectors.sink import after, commit, decoded, keep_going, stopped_by_signals, take
from infra import metrics, probes
from infra.config import Settings
from infra.failpoint import failpoint
from infra.health import Health
from infra.kafka import Publisher, connect_codec, consumer, ensure_topics, read_to_end
from infra.standing import Standing
from schemas import topics
from schemas.site import Site

log = logging.getLogger(__name__)

GROUP = "clickhouse"
BATCH_ROWS_MAX = 10_000
BATCH_S = 1.0


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Load the site's records until SIGTERM, SIGINT or `stop`. While Kafka, the registry or ClickHouse is away: waits.

    Raises ClickHouseRefuses for a wrong login and SqlError when a table is not as sql/*.sql says.
    """
    with stopped_by_signals(stop) as stop, probes.serving(settings, GROUP) as health:
        keep_going(stop, health, lambda progressed: follow(settings, site, stop, progressed, health))
    log.info("stopped")


def follow(
    settings: Settings, site: Site, stop: threading.Event, progressed: Callable[[], None], health: Health
) -> None:
    """Load from the last commit on until stop is set. Raises ServerErrors, after which following anew loses nothing."""
    schema.apply(settings)
    ensure_topics(settings)
    codec = connect_codec(settings)
    publisher = Publisher(settings, codec)
    reader = consumer(settings, GROUP)
    standing = Standing(health)
    try:
        with connected(settings) as client:
            reader.subscribe(list(TABLES))
            log.info("loading %s into %s", ", ".join(TABLES), settings.clickhouse.database)
            while not stop.is_set():
                messages = take(reader, BATCH_ROWS_MAX, BATCH_S)
                standing.look(reader)
                if not messages:
                    continue
                batch = by_table((record for _, record in decoded(messages, codec, publisher)), site)
                failpoint("clickhouse.after_attempting")
                store(client, batch)
                publisher.flush()
                failpoint("clickhouse.after_result_stored")
                commit(reader, after(messages))
                progressed()
    finally:
        reader.close()


def rebuild(settings: Settings, site: Site) -> dict[str, int]:
    """Load the site's records from the beginning of the topics to their end; rows that are there replace themselves.

    Gives table -> records read. May run beside the service. Raises what connected() raises, KafkaUnavailable and
    RegistryUnavailable.
    """
    schema.apply(settings)
    ensure_topics(settings)
    codec = connect_codec(settings)
    counts = dict.fromkeys(TABLES.values(), 0)
    with connected(settings) as client:
        for topic in (topic for topic in topics.PUBLIC if topic.name in TABLES):
            records = (record for _, record in decoded(read_to_end(settings, topic), codec, None))
            while batch := list(itertools.islice(records, BATCH_ROWS_MAX)):
                rows = by_table(batch, site)
                store(client, rows)
                for table, of_table in rows.items():
                    counts[table] += len(of_table)
    return counts


def store(client: Client, batch: dict[str, list[Row]]) -> None:
    """Insert the rows of each table; when this returns all are stored. To be used within connected()."""
    began = time.monotonic()
    for table, rows in batch.items():
        insert(client, table, rows)
        metrics.SINK_ROWS.add(table, by=len(rows))
        log.info("%s: %d rows", table, len(rows))
    metrics.SINK_BATCH_SECONDS.observe(time.monotonic() - began, GROUP)
