"""A sink is killed where it hurts most and started again: the same rows and the same files as if it never was."""

import random
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from connectors.audit.settled import FLOW, not_taken
from connectors.clickhouse import schema
from connectors.clickhouse.client import query
from connectors.snapshots.service import folder_of
from infra.config import Settings
from tests import world, world_servers
from tests.connector_stack import Process, wait_for
from tests.world import World

pytestmark = pytest.mark.timeout(600)
PATIENCE_S = 150.0
"""A killed member is missed by its group after ten seconds; the rest is for a machine that is busy."""
TABLES = ("episode_log", "visits", "outages")


@pytest.fixture
def shop() -> World:
    """A world of its own site."""
    return world.make(f"k{uuid.uuid4().hex[:8]}")


@pytest.fixture
def start(settings: Settings, stack_dir: Path, shop: World, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a sink of the shop as a process; nothing is left running."""
    site = tmp_path / "site.yaml"
    told = shop.site.model_dump(mode="json", include={"site_id", "branch_id", "timezone"})
    site.write_text(yaml.safe_dump(told | {"cameras": [{"camera_id": c.camera_id} for c in shop.site.cameras]}))
    settings.data_dir.mkdir(parents=True)
    processes: list[Process] = []

    def started(name: str, **environment: str) -> Process:
        log = settings.data_dir.parent / f"{name}.log"
        said = len(log.read_text()) if log.exists() else 0
        processes.append(Process(settings, stack_dir, name, site, **environment))
        # it may have nothing to take: then being idle does not tell that it listens to signals yet
        listens = ("loading ", "following ")
        wait_for(lambda: processes[-1].has_ended() or any(word in log.read_text()[said:] for word in listens))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()


def idle(settings: Settings, name: str) -> bool:
    """The sink has committed everything."""
    return not list(not_taken(settings, name, dict(FLOW)[name]))


def tables(settings: Settings, shop: World) -> list[list[tuple[Any, ...]]]:
    """All rows of the shop, as every query sees them."""
    where = f"WHERE site_id = '{shop.site.site_id}' ORDER BY ALL"
    return [list(query(settings, f"SELECT * FROM {table} FINAL {where}").rows) for table in TABLES]


@pytest.mark.parametrize("point", ["after_attempting", "after_result_stored"])
def test_a_killed_clickhouse_sink_leaves_the_same_rows(
    settings: Settings, shop: World, start: Callable[..., Process], tmp_path: Path, point: str
) -> None:
    # given the rows of a run without accident
    untouched = world_servers.with_database(settings, f"kill_{uuid.uuid4().hex[:8]}")
    schema.apply(untouched)
    world_servers.fill_rows(untouched, shop)
    wanted = tables(untouched, shop)
    assert [len(rows) for rows in wanted] == [3, 2, 1]

    # and a sink that has loaded the first half
    half = len(shop.records) // 2
    world_servers.publish(settings, shop.records[:half])
    first = start("clickhouse")
    wait_for(lambda: idle(settings, "clickhouse"), PATIENCE_S)
    assert first.stop() == 0

    # when it is killed over the second half, before or after the rows are stored, and starts again
    world_servers.publish(settings, shop.records[half:])
    victim = start("clickhouse", TRACKFOLD_FAILPOINT=f"clickhouse.{point}:1:{tmp_path / 'killed'}")
    assert victim.wait(PATIENCE_S) == -signal.SIGKILL
    assert not idle(settings, "clickhouse")
    last = start("clickhouse")
    wait_for(lambda: idle(settings, "clickhouse"), PATIENCE_S)

    # then the rows are the same, and it ends cleanly when told to
    assert tables(settings, shop) == wanted
    assert last.stop() == 0


def test_loading_is_exact_after_five_kills_at_random_moments(
    settings: Settings, shop: World, start: Callable[..., Process], tmp_path: Path
) -> None:
    # given two hundred shops' worth of revisions, in an order of their own, and their rows without accident
    order = random.Random(5)
    many = [
        msgspec.structs.replace(episode, episode_id=f"{number:03d}-{episode.episode_id}")
        for number in range(200)
        for episode in shop.stated
    ]
    order.shuffle(many)
    records = [*shop.facts, *many]
    untouched = world_servers.with_database(settings, f"kill_{uuid.uuid4().hex[:8]}")
    schema.apply(untouched)
    world_servers.fill_rows(untouched, World(shop.site, shop.host, shop.facts, many))
    wanted = tables(untouched, shop)
    assert [len(rows) for rows in wanted] == [600, 2, 1]

    def batches() -> int:
        """How many batches of episodes were stored, by the sinks' own words."""
        log = settings.data_dir.parent / "clickhouse.log"
        return log.read_text().count("episode_log:") if log.exists() else 0

    # when a sink is killed five times while it loads: before rows are stored, before they are committed, and whenever
    points = ["after_attempting", "after_result_stored", None, None, order.choice(["after_attempting", None])]
    order.shuffle(points)
    for number, point in enumerate(points):
        world_servers.publish(settings, records[number::5])
        before = batches()
        if point is None:
            victim = start("clickhouse")
            wait_for(lambda before=before: batches() > before, PATIENCE_S)
            victim.kill()
        else:
            victim = start("clickhouse", TRACKFOLD_FAILPOINT=f"clickhouse.{point}:1:{tmp_path / f'killed-{number}'}")
            assert victim.wait(PATIENCE_S) == -signal.SIGKILL

    # then the next one loads what is left, and every row is there once, as if nothing had happened
    last = start("clickhouse")
    wait_for(lambda: idle(settings, "clickhouse"), PATIENCE_S)
    assert tables(settings, shop) == wanted
    assert last.stop() == 0


@pytest.mark.parametrize("point", ["after_attempting", "after_result_stored"])
def test_a_killed_snapshot_sink_leaves_the_same_files(
    settings: Settings, shop: World, start: Callable[..., Process], tmp_path: Path, point: str
) -> None:
    def on_disk() -> dict[str, bytes]:
        folder = folder_of(settings, shop.site)
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}

    # given a sink that has written the first half
    half = len(shop.stated) // 2
    world_servers.publish(settings, shop.stated[:half])
    first = start("snapshots")
    wait_for(lambda: idle(settings, "snapshots"), PATIENCE_S)
    assert first.stop() == 0
    before = on_disk()
    assert before

    # when it is killed over the second half, before or after the files are written, and starts again
    world_servers.publish(settings, shop.stated[half:])
    victim = start("snapshots", TRACKFOLD_FAILPOINT=f"snapshots.{point}:1:{tmp_path / 'killed'}")
    assert victim.wait(PATIENCE_S) == -signal.SIGKILL
    assert on_disk() in (before, world.planned(shop))
    assert not idle(settings, "snapshots")
    last = start("snapshots")
    wait_for(lambda: idle(settings, "snapshots"), PATIENCE_S)

    # then the files are the same, nothing else lies beside them, and it ends cleanly when told to
    assert on_disk() == world.planned(shop) != before
    assert last.stop() == 0
