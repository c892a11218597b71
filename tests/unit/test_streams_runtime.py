"""What Faust is not trusted with: committing, and bringing everything."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from faust.types import TP

from infra.config import Settings
from schemas.topics import TRACK_UPDATES
from streams import reread
from streams.ports import Record
from streams.runtime import PATIENCE, App
from streams.store import KeptTable, changelog
from tests.streams_fakes import in_a_loop

TOPIC = "track-updates"
GENERATION = 7


class Taken:
    """An app that has a generation, without Kafka, and what it was given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app = App(Settings(data_dir=folder))
        self.app.consumer_generation_id = GENERATION
        self.app.ready({0, 1})
        self.offsets: list[tuple[int, int]] = []
        self.answer = True
        self.standing: dict[TP, tuple[int, int]] = {}
        self.app.consume("cameras", [TOPIC], self._take)
        monkeypatch.setattr(
            reread, "standing", lambda settings, group, wanted: {tp: self.standing[tp] for tp in wanted}
        )
        monkeypatch.setattr(reread, "read_between", self._between)

    async def _take(self, record: Record, generation: int) -> bool:
        self.offsets.append((record.partition, record.offset))
        return self.answer

    def _between(self, settings: Any, topic: str, partition: int, first: int, beyond: int) -> list[Record]:
        return [Record(topic, partition, offset, b"k", b"v") for offset in range(first, beyond)]

    async def look(self, **standing: tuple[int, int]) -> None:
        """p0=(committed, end), p1=..."""
        self.standing = {TP(TOPIC, int(name[1:])): at for name, at in standing.items()}
        await self.app.read_stalled(list(self.standing))


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Taken:
    return Taken(tmp_path, monkeypatch)


@in_a_loop
async def _stalls(taken: Taken) -> None:
    # given one partition that has more and stands still between two looks, and two that are at their end
    await taken.look(p0=(5, 8), p1=(7, 7))
    assert taken.offsets == []
    await taken.look(p0=(5, 8), p1=(7, 7), p2=(9, 9))

    # then what the first one has is read beside the stream, and may be committed
    assert taken.offsets == [(0, 5), (0, 6), (0, 7)]
    assert taken.app._done == {TP(TOPIC, 0): 8}


def test_a_partition_that_has_more_and_brings_nothing_is_read_beside_the_stream(taken: Taken) -> None:
    _stalls(taken)


@in_a_loop
async def _waits_for_its_turn(taken: Taken) -> None:
    # given one that has more and stands still while another one's backlog is handed out
    for looks in range(PATIENCE):
        await taken.look(p0=(5, 8), p1=(1000 * looks, 100_000))
    assert taken.offsets == []

    # then it is read when that has taken too long
    await taken.look(p0=(5, 8), p1=(1000 * PATIENCE, 100_000))
    assert taken.offsets == [(0, 5), (0, 6), (0, 7)]


def test_a_partition_has_time_to_wait_for_its_turn_while_others_move(taken: Taken) -> None:
    _waits_for_its_turn(taken)


def test_what_was_not_taken_is_not_committed(taken: Taken) -> None:
    taken.answer = False
    with pytest.raises(AssertionError):
        _stalls(taken)
    assert taken.offsets == [(0, 5), (0, 6), (0, 7)]
    assert taken.app._done == {}


@in_a_loop
async def _moves_on(taken: Taken) -> None:
    await taken.look(p0=(5, 8))
    taken.app._settled = False
    await taken.look(p0=(5, 8))
    assert taken.offsets == []
    assert not taken.app.holds(0, GENERATION)


def test_while_partitions_move_nothing_is_read_and_nothing_is_ours(taken: Taken) -> None:
    _moves_on(taken)


def test_another_generation_is_not_ours(taken: Taken) -> None:
    assert taken.app.holds(0, GENERATION)
    assert not taken.app.holds(0, GENERATION - 1)


def test_faust_is_asked_to_commit_and_to_declare_nothing(taken: Taken) -> None:
    topic = taken.app.raw(TOPIC)
    assert topic.acks is False
    assert taken.app.conf.topic_allow_declare is False
    assert taken.app.conf.table_standby_replicas == 0


def test_the_brokers_and_the_credentials_come_from_the_settings(tmp_path: Path) -> None:
    kafka = {
        "bootstrap_servers": "one:9092, two:9093",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "username": "shop",
        "password": "hidden",
    }
    app = App(Settings(data_dir=tmp_path, kafka=kafka))

    assert [str(url) for url in app.conf.broker] == ["kafka://one:9092", "kafka://two:9093"]
    assert (app.conf.broker_credentials.username, app.conf.broker_credentials.password) == ("shop", "hidden")
    assert app.conf.broker_credentials.ssl_context is not None
    assert "hidden" not in repr(app.conf.broker_credentials)


class Written(NamedTuple):
    """A write as a changelog gives it back."""

    key: bytes
    value: bytes | None
    partition: int


def recovered(table: KeptTable, *writes: Written) -> dict[bytes, bytes]:
    """What the table holds after recovery read these writes."""
    table.apply_changelog_batch([SimpleNamespace(message=written) for written in writes])
    return {key: value for partition in range(12) for key, value in table.held_in(partition)}


def longer(held: bytes | None, written: bytes) -> bytes:
    return written if held is None or len(written) > len(held) else held


def test_recovery_resolves_the_writes_of_a_key_by_what_they_say(tmp_path: Path) -> None:
    table = KeptTable(App(Settings(data_dir=tmp_path)), name="t", resolve=longer)

    assert recovered(table, Written(b"k", b"longest", 1), Written(b"k", b"late", 1)) == {b"k": b"longest"}
    assert recovered(table, Written(b"k", None, 1), Written(b"other", b"x", 2)) == {b"other": b"x"}


@in_a_loop
async def _forgets(folder: Path) -> None:
    told: list[set[int]] = []
    table = KeptTable(App(Settings(data_dir=folder)), name="t", resolve=longer)
    table.on_ready.append(told.append)
    recovered(table, Written(b"ours", b"1", 1), Written(b"theirs", b"2", 2))

    await table.on_recovery_completed({TP("t-changelog", 1)}, set())

    assert (table.held(b"ours"), table.held(b"theirs")) == (b"1", None)
    assert told == [{1}]


def test_a_table_forgets_what_has_become_another_workers(tmp_path: Path) -> None:
    _forgets(tmp_path)


@in_a_loop
async def _sends(folder: Path) -> None:
    table = KeptTable(App(Settings(data_dir=folder)), name="t", resolve=longer)
    sent: list[tuple[bytes, bytes | None]] = []

    class Changelog:
        async def send(self, *, key: bytes, value: bytes | None, **_: Any) -> "asyncio.Future[None]":
            sent.append((key, value))
            ack = asyncio.get_running_loop().create_future()
            ack.set_result(None)
            return ack

    table.changelog_topic = Changelog()  # type: ignore[assignment]

    # given a fact, the offset behind it, then another fact of the same entry with the next offset
    for key, value in ((b"entry", b"1"), (b"offset", b"1"), (b"entry", b"12"), (b"offset", b"12"), (b"gone", None)):
        await table.keep(key, value, 1)
    assert sent == []

    # when it is sent, then the newest of each, and no offset before what it stands for
    await table.send()
    assert sent == [(b"entry", b"12"), (b"offset", b"12"), (b"gone", None)]

    # and only once; nor what has become another worker's
    await table.keep(b"theirs", b"1", 2)
    await table.on_recovery_completed({TP("t-changelog", 1)}, set())
    await table.send()
    assert len(sent) == 3


def test_a_table_sends_the_newest_of_each_key_in_the_order_of_keeping(tmp_path: Path) -> None:
    _sends(tmp_path)


def test_a_changelog_is_compacted_after_a_day_and_has_as_many_partitions_as_the_log() -> None:
    topic = changelog("shop-streams", "cameras")

    assert topic.name == "shop-streams-cameras-changelog"
    assert topic.partitions == TRACK_UPDATES.partitions
    assert topic.settings()["min.compaction.lag.ms"] == str(24 * 3600 * 1000)
