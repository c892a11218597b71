"""How long each query of docs/sql.md takes at ten million episodes, over the last 30 days and over everything.

    python -m tests.bench.queries                       makes the rows, which takes some minutes, then asks
    python -m tests.bench.queries --folder /tmp/rows    keeps them there, and takes them from there the next time

The embedded engine in its process, asked through `trackfold sql`'s own client. The peer is one GROUP BY over the bare
table: no revisions, no versions, no view.
"""

import argparse
import functools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
from pydantic import SecretStr

from connectors.clickhouse import schema
from connectors.clickhouse.client import connected, query
from infra.config import ClickHouseSettings, Settings
from infra.local import clickhouse as local
from infra.local.ports import choose
from tests.bench.history import FIRST_DAY, History
from tests.bench.report import ROUNDS, Figure, Report, paired

DOC = Path(__file__).parents[2] / "docs" / "sql.md"
LIMITS_S = {"last 30 days": 0.3, "everything": 1.5}
PEER = "a bare GROUP BY"
PEER_SQL = (
    "SELECT camera_id, local_hour, count() AS n, sum(duration_s) FROM episode_log WHERE business_day >= '2026-03-01' "
    "GROUP BY camera_id, local_hour ORDER BY n DESC LIMIT 20"
)


def documented() -> dict[str, str]:
    """What docs/sql.md asks: a name for each query, and the query."""
    found: dict[str, str] = {}
    for part in re.split(r"^## ", DOC.read_text(encoding="utf-8"), flags=re.M):
        heading = part.partition("\n")[0]
        for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", part, re.S), 1):
            name = heading if re.fullmatch(r"[a-z_]+", heading) else f"{heading.lower()} {number}"
            found[name] = sql
    return found


def since(sql: str, day: str) -> str:
    """The query over all days from this one on, whatever days it asks for."""
    changed, count = re.subn(r"business_day (>=|=) '[\d-]+'", f"business_day >= '{day}'", sql)
    assert count == 1, f"this query should name its days once:\n{sql}"
    return changed


@contextmanager
def embedded(folder: Path) -> Iterator[tuple[Settings, psutil.Process]]:
    """The embedded engine over this folder, and its process."""
    port = choose(local.PORTS, {}, set())[local.PORTS[0]]
    login = {"CLICKHOUSE_USER": local.USER, "CLICKHOUSE_PASSWORD": "bench", "TZ": "UTC"}
    argv = [sys.executable, "-m", "infra.local.clickhouse_front", str(folder), str(port)]
    process = subprocess.Popen(argv, env=os.environ | login)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                local.check(port, "bench")
                break
            except OSError:
                assert time.monotonic() < deadline, "the embedded engine does not start"
                time.sleep(0.2)
        clickhouse = ClickHouseSettings(url=local.url(port), username=local.USER, password=SecretStr("bench"))
        yield Settings(clickhouse=clickhouse), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def fill(settings: Settings, history: History) -> None:
    """Make the tables, and their rows."""
    schema.apply(settings)
    began = time.monotonic()
    with connected(settings) as client:
        client.timeout = client.timeout.__class__(connect=10, read=900)
        for statement in history.statements():
            client.command(statement, settings={"max_execution_time": 900})
    print(f"  rows made in {time.monotonic() - began:.0f} s", flush=True)


class Clock:
    """Measures one query: seconds on the wall; beside it, those of all cores together in the engine's process."""

    def __init__(self, settings: Settings, engine: psutil.Process) -> None:
        self._settings, self._engine = settings, engine
        self.cpu_s: dict[str, list[float]] = {}

    def ask(self, name: str, sql: str) -> float:
        """Ask once; the seconds until the answer was here."""
        before, began = self._cpu_s(), time.perf_counter()
        query(self._settings, sql)
        took_s = time.perf_counter() - began
        self.cpu_s.setdefault(name, []).append(self._cpu_s() - before)
        return took_s

    def _cpu_s(self) -> float:
        spent = self._engine.cpu_times()
        return float(spent.user + spent.system)


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.queries", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--episodes", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the rows here (default: gone afterwards)")
    given = parser.parse_args()
    history = History(given.episodes)
    asked = {PEER: PEER_SQL} | documented()
    from_day = {"last 30 days": history.last_day - timedelta(days=29), "everything": FIRST_DAY}
    wall: dict[str, dict[str, Figure]] = {}
    cpu: dict[str, dict[str, Figure]] = {}
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackfold-queries-")))
        is_there = (folder / "data").exists()
        settings, engine = stack.enter_context(embedded(folder / "data"))
        if not is_there:
            fill(settings, history)
        schema.apply(settings)
        for span, day in from_day.items():
            clock = Clock(settings, engine)
            print(span, flush=True)
            for sql in asked.values():
                query(settings, since(sql, str(day)))
            wall[span] = paired(
                {name: functools.partial(clock.ask, name, since(sql, str(day))) for name, sql in asked.items()}
            )
            cpu[span] = {name: Figure(tuple(values)) for name, values in clock.cpu_s.items()}
        stored = query(
            settings,
            "SELECT table, sum(rows) AS rows, count() AS parts, sum(bytes_on_disk) AS bytes FROM system.parts "
            "WHERE active AND database = currentDatabase() GROUP BY table ORDER BY rows DESC",
        ).as_dicts()
    write(history, wall, cpu, stored)


def write(
    history: History,
    wall: dict[str, dict[str, Figure]],
    cpu: dict[str, dict[str, Figure]],
    stored: list[dict[str, int]],
) -> None:
    """The page and its pictures."""
    report = Report("queries", f"Queries at {history.episodes:,} episodes")
    report.text(
        f"{history.episodes:,} episodes of 200 cameras in {history.days} days, three visits to five episodes, one "
        "camera-day in twenty with a replay; the last two days came in batches as the sink loads them, unmerged. "
        "Each query of `docs/sql.md` was asked through the client of `trackfold sql`, over the last 30 days and over "
        f"everything: seconds until the whole answer was there, the median of {ROUNDS} rounds (lowest to highest), and "
        "CPU seconds of the engine, both cores together. Bound: "
        + ", ".join(f"{span} {limit} s" for span, limit in LIMITS_S.items())
        + "."
    )
    names = list(wall["everything"])
    report.table(
        ("query", *(f"{span}: {what}" for span in wall for what in ("s", "CPU s"))),
        [
            (name, *(text for span in wall for text in (wall[span][name].shown(".3f"), cpu[span][name].shown(".2f"))))
            for name in names
        ],
    )
    for what, figures in (("on the wall", wall), ("by CPU seconds over two cores", cpu)):
        cores = 1 if figures is wall else 2
        over = [
            f"{name} ({span}: {figures[span][name].median / cores:.2f} s)"
            for span, limit in LIMITS_S.items()
            for name in names
            if figures[span][name].median / cores > limit
        ]
        report.text(f"Over its bound {what}: {', '.join(over) or 'none'}.")
    for span, figures in wall.items():
        report.bars(f"seconds, {span}; the line is the bound", figures, limit=LIMITS_S[span])
    report.text("What lies on the disk:")
    report.table(
        ("table", "rows", "parts", "MiB", "bytes a row"),
        [
            (
                r["table"],
                f"{r['rows']:,}",
                str(r["parts"]),
                f"{r['bytes'] / 2**20:,.0f}",
                f"{r['bytes'] / r['rows']:.0f}",
            )
            for r in stored
        ],  # type: ignore[misc]
    )
    report.write()


if __name__ == "__main__":
    main()
