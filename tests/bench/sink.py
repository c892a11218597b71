"""Rows per second from the topic `episodes` into ClickHouse, beside a bare insert of the same rows.

    python -m tests.bench.sink --rows 50000

Both insert batches of 10,000 into the same table over the same HTTP, acknowledged once stored; ours takes them from
Kafka, decodes them, makes the rows and commits as well. The first batch of a round is not counted: it waits for the
group to form.
"""

import argparse
import itertools
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from connectors.clickhouse import schema, service
from connectors.clickhouse.client import connected, insert
from connectors.clickhouse.plan import Row, by_table
from infra.config import Settings, load_settings
from infra.local.stack import down, up
from schemas.records import Episode
from tests import world, world_servers
from tests.bench.report import ROUNDS, Report, paired

WORLD = world.make("bench")


def episodes(count: int) -> list[Episode]:
    """So many episodes that nobody has seen before."""
    tag, kinds = uuid.uuid4().hex[:12], itertools.cycle(WORLD.episodes.values())
    return [msgspec.structs.replace(next(kinds), episode_id=f"{tag}-{number:08d}") for number in range(count)]


def per_second(stored: list[tuple[float, int]]) -> float:
    """Of (when, rows) of each batch: rows per second, from the first batch's end to the last's."""
    assert len(stored) > 1
    return sum(rows for _, rows in stored[1:]) / (stored[-1][0] - stored[0][0])


def batches(records: list[Episode]) -> Iterator[list[Row]]:
    """The rows, as many at a time as the service takes."""
    rows = by_table(records, WORLD.site)["episode_log"]
    for first in range(0, len(rows), service.BATCH_ROWS_MAX):
        yield rows[first : first + service.BATCH_ROWS_MAX]


def through_the_service(settings: Settings, count: int) -> float:
    """Publish, then let the service load; rows per second of the service."""
    world_servers.publish(settings, episodes(count))
    stored: list[tuple[float, int]] = []
    stop, store = threading.Event(), service.store

    def counted(client: object, batch: dict[str, list[Row]]) -> None:
        store(client, batch)  # type: ignore[arg-type]
        stored.append((time.perf_counter(), len(batch.get("episode_log", []))))
        if sum(rows for _, rows in stored) == count:
            stop.set()

    service.store = counted
    try:
        service.run(settings, WORLD.site, stop=stop)
    finally:
        service.store = store
    return per_second(stored)


def bare(settings: Settings, count: int) -> float:
    """Insert the same rows; nothing else."""
    stored: list[tuple[float, int]] = []
    ready = list(batches(episodes(count)))
    with connected(settings) as client:
        for rows in ready:
            insert(client, "episode_log", rows)
            stored.append((time.perf_counter(), len(rows)))
    return per_second(stored)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sink", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000, help="a round (default: 50000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trackfold-sink-") as name:
        folder = Path(name).resolve()
        up(folder / "stack", say=print)
        try:
            settings = load_settings(stack_dir=folder / "stack", data_dir=folder / "data")
            schema.apply(settings)
            found = paired(
                {
                    "our sink": lambda: through_the_service(settings, given.rows),
                    "bare insert": lambda: bare(settings, given.rows),
                }
            )
        finally:
            down(folder / "stack", say=print)
    report = Report("sink", "Rows per second into ClickHouse")
    report.text(
        f"{given.rows:,} episodes a round in batches of {service.BATCH_ROWS_MAX:,}, the median of {ROUNDS} rounds "
        "(lowest to highest). Our sink: Kafka to ClickHouse, decoded, stored, committed. Bare insert: rows that "
        "are ready, by clickhouse-connect into the same table. Kafka, registry and engine share the machine."
    )
    report.table(
        ("what", "rows/s", "of a bare insert"),
        [(name, figure.shown(), figure.times(found["bare insert"])) for name, figure in found.items()],
    )
    report.bars("rows per second", found)
    report.write()


if __name__ == "__main__":
    main()
