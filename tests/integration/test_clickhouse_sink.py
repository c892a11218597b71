"""The analytics sink on real servers: what is in the topics is in the tables, once, whatever happens on the way."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from pydantic import SecretStr

from connectors.audit.settled import FLOW, not_taken
from connectors.clickhouse import schema, service
from connectors.clickhouse.client import ClickHouseRefuses, ClickHouseUnavailable, SqlError, query
from infra.config import Settings
from infra.kafka import read_to_end
from schemas.records import CloseReason, Episode
from schemas.topics import DEAD_LETTERS, EPISODES
from tests import world, world_servers
from tests.connector_stack import Topics, running, wait_for
from tests.world import World


@pytest.fixture
def shop() -> World:
    """A world of its own site."""
    return world.make(f"c{uuid.uuid4().hex[:8]}")


def rows(settings: Settings, shop: World, columns: str, table: str) -> list[tuple[Any, ...]]:
    """Sorted rows of the shop; none while there is no such table."""
    try:
        result = query(settings, f"SELECT {columns} FROM {table} WHERE site_id = '{shop.site.site_id}' ORDER BY ALL")
        return list(result.rows)
    except SqlError:
        return []


def newest(shop: World) -> list[tuple[str, int, str]]:
    return sorted((e.episode_id, e.revision, e.phase) for e in shop.episodes.values())


SHOWN = "episode_id, revision, phase"


def test_everything_in_the_topics_is_in_the_tables_and_the_group_has_nothing_left(
    settings: Settings, shop: World
) -> None:
    # given a database that nobody has made yet, and a world in the topics
    settings = world_servers.with_database(settings, f"sink_{uuid.uuid4().hex[:8]}")
    world_servers.publish(settings, shop.records)

    # when the service runs
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: rows(settings, shop, SHOWN, "episodes") == newest(shop))
        wait_for(lambda: len(rows(settings, shop, "visit_id", "current_visits")) == 2)
        wait_for(lambda: rows(settings, shop, "to_at IS NULL", "current_outages") == [(False,)])
        # then it has committed all of it
        wait_for(lambda: not list(not_taken(settings, "clickhouse", dict(FLOW)["clickhouse"])))


def test_loading_everything_again_changes_nothing(settings: Settings, shop: World) -> None:
    # given a world that was loaded
    schema.apply(settings)
    world_servers.fill_rows(settings, shop)
    before = [rows(settings, shop, "*", f"{table} FINAL") for table in ("episode_log", "visits", "outages")]

    # when it is loaded again, in the order in which a restart would
    world_servers.fill_rows(settings, shop)
    world_servers.fill_rows(settings, World(shop.site, "here", shop.facts, shop.stated[:3]))

    # then the same rows are there, and each episode is shown once
    assert [rows(settings, shop, "*", f"{table} FINAL") for table in ("episode_log", "visits", "outages")] == before
    assert rows(settings, shop, SHOWN, "episodes") == newest(shop)


def test_an_interaction_that_was_rolled_is_one_row_and_counts_once(settings: Settings, shop: World) -> None:
    # given an interaction that was cut twice, and another one
    settings = world_servers.with_database(settings, f"sink_{uuid.uuid4().hex[:8]}")
    schema.apply(settings)
    first = next(e for e in shop.episodes.values() if e.kind == "interaction")
    began_at, half_an_hour_ms = first.started_at, 1_800_000

    def part(number: int, close_reason: CloseReason, **more: object) -> Episode:
        from_at = began_at + number * half_an_hour_ms
        times = {"started_at": from_at, "confirmed_at": from_at + 15_000, "ended_at": from_at + half_an_hour_ms}
        changed = {"episode_id": f"part-{number}", "close_reason": close_reason, "duration_s": 1800.0, **times, **more}
        return msgspec.structs.replace(first, **changed)  # type: ignore[arg-type]

    chain = [part(0, "rolled"), part(1, "rolled", continues="part-0"), part(2, "left", continues="part-1")]
    alone = part(4, "left", continues=None)
    world_servers.fill_rows(settings, World(shop.site, "here", [], [*chain, alone]))

    # then the view puts it together, and hours and days count it once
    found = rows(settings, shop, "first_episode_id, episodes, duration_s", "interactions")
    assert found == [("part-0", 3, 5400.0), ("part-4", 1, 1800.0)]
    assert rows(settings, shop, "sum(interactions), sum(duration_s_total)", "interactions_hourly") == [(2, 7200.0)]
    assert rows(settings, shop, "interactions, duration_s_total", "staff_daily") == [(2, 7200.0)]


def test_one_insert_promotes_a_replay_and_another_rolls_it_back(settings: Settings, shop: World) -> None:
    # given a live day, and a replay of it in which one episode is longer and another does not exist
    schema.apply(settings)
    world_servers.fill_rows(settings, shop)
    first, second, wait = shop.episodes.values()
    camera = first.camera_id
    replayed = [
        msgspec.structs.replace(first, version="trial", activation=1, revision=3, duration_s=99.0),
        msgspec.structs.replace(second, version="trial", activation=1, revision=4, phase="retracted"),
    ]
    live = rows(settings, shop, "episode_id, duration_s, version", "episodes")

    def load(episodes: list[Episode]) -> None:
        world_servers.fill_rows(settings, World(shop.site, "here", [], episodes))

    def activate(version: str, activation: int) -> None:
        values = f"('{shop.site.site_id}', '{camera}', '2026-03-02', '{version}', {activation}, now64(3))"
        world_servers.command(settings, f"INSERT INTO active_versions VALUES {values}")

    # when its rows are there, nothing changes yet
    load(replayed)
    assert rows(settings, shop, "episode_id, duration_s, version", "episodes") == live

    # when it is promoted, it alone counts on that camera and day
    activate("trial", 1)
    assert rows(settings, shop, "episode_id, duration_s, version", "episodes") == sorted(
        [(first.episode_id, 99.0, "trial"), (wait.episode_id, 60.0, "live")]
    )

    # when it is rolled back, the day is as it was, also where the retraction had been stated for live
    activate("live", 2)
    load([msgspec.structs.replace(e, activation=2) for e in (first, second)])
    load([msgspec.structs.replace(second, activation=1, revision=second.revision + 1, phase="retracted")])
    assert rows(settings, shop, "episode_id, duration_s, version", "episodes") == live


def test_an_undecodable_record_is_put_aside_and_those_around_it_are_loaded(settings: Settings, shop: World) -> None:
    # given rubbish between two records
    topics = Topics(settings, shop.site.cameras[0].camera_id)
    rubbish = f"no avro {uuid.uuid4().hex}".encode()
    world_servers.publish(settings, shop.stated[:1])
    topics.publish(EPISODES, rubbish)
    world_servers.publish(settings, shop.stated[1:])

    # when the service runs
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: rows(settings, shop, SHOWN, "episodes") == newest(shop))

    # then the rubbish lies among the dead letters, raw, and says where it came from
    letters = next(topic for topic in DEAD_LETTERS if topic.name == EPISODES.dead_letters)
    found = next(m for m in read_to_end(settings, letters) if m.value() == rubbish)
    headers = dict(found.headers() or [])
    assert headers["source.topic"] == b"episodes"
    assert b"not in wire format" in bytes(headers["error"])


class Door:
    """A way to ClickHouse that can be shut: a TCP forwarder on a port of its own."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._target = (place.hostname, place.port)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._open: list[socket.socket] = []

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let connections through while this lasts; then cut those there are."""
        with socket.create_server(("127.0.0.1", self._port)) as server:
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()
            yield
            for connection in (server, *self._open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _serve(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                inside, _ = server.accept()
                outside = socket.create_connection(self._target)
                self._open += [inside, outside]
                for one, other in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


def test_while_clickhouse_is_away_the_service_waits_and_nothing_is_lost(
    settings: Settings, shop: World, caplog: pytest.LogCaptureFixture
) -> None:
    # given a service whose ClickHouse cannot be reached, and records
    door = Door(settings.clickhouse.url)
    behind = settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"url": door.url})})
    half = len(shop.stated) // 2

    def waits() -> int:
        return sum("nothing is lost, next try in" in record.getMessage() for record in caplog.records)

    world_servers.publish(settings, shop.stated[:half])
    with running((service.run, (behind, shop.site))):
        wait_for(waits)

        # when it can be reached, they are loaded
        with door.opened():
            last = shop.stated[half - 1]
            wait_for(lambda: (last.episode_id, last.revision, last.phase) in rows(settings, shop, SHOWN, "episodes"))

        # when it goes away again and more comes, it waits again
        before = waits()
        world_servers.publish(settings, shop.stated[half:])
        wait_for(lambda: waits() > before)

        # then, when it is back, everything is there
        with door.opened():
            wait_for(lambda: rows(settings, shop, SHOWN, "episodes") == newest(shop))


def test_a_wrong_password_ends_the_service_with_one_clear_line(settings: Settings, shop: World) -> None:
    wrong = settings.clickhouse.model_copy(update={"password": SecretStr("not-this-one")})
    with pytest.raises(ClickHouseRefuses) as refused:
        service.run(settings.model_copy(update={"clickhouse": wrong}), shop.site)
    assert "correct the login" in str(refused.value)
    assert "not-this-one" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_query_may_only_read_and_says_what_is_wrong_with_it(settings: Settings) -> None:
    schema.apply(settings)
    for statement in ("DROP TABLE visits", "INSERT INTO visits VALUES (1)", "CREATE TABLE x (a Int8) ENGINE = Memory"):
        with pytest.raises(SqlError, match="READONLY"):
            query(settings, statement)
    with pytest.raises(SqlError, match="nope"):
        query(settings, "SELECT nope FROM episodes")
    closed = settings.clickhouse.model_copy(update={"url": "http://127.0.0.1:1"})
    with pytest.raises(ClickHouseUnavailable, match=r"127\.0\.0\.1:1"):
        query(settings.model_copy(update={"clickhouse": closed}), "SELECT 1")
