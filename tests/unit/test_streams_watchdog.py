"""The watchdog: LOST is said once, for a live camera that fell silent, and only when the silence is the camera's."""

import msgspec
import pytest

from schemas.records import TrackUpdate
from streams.watchdog import Watchdog, is_silent, lost
from tests.streams_fakes import PARTITION, FakeLog, HeldClock, Worker, World, in_a_loop, updates


class Kennel:
    """A worker with its watchdog."""

    def __init__(self, number: int = 10, ended: bool = False) -> None:
        self.world, self.clock = World(), HeldClock()
        self.world.append(*updates("a", number, ended=ended))
        self.worker = Worker(self.world, "a", "b", clock=self.clock)
        self.watchdog = self._watchdog()

    def _watchdog(self) -> Watchdog:
        worker = self.worker
        return Watchdog(
            worker.folding,
            worker.book,
            outbox=worker.outbox,
            owner=worker.owner,
            clock=self.clock,
            source=FakeLog(self.world),
            lost_after_s=15.0,
        )

    def lost(self) -> list[TrackUpdate]:
        """What the watchdog wrote."""
        return self.world.decoded(TrackUpdate)


@in_a_loop
async def test_a_camera_that_falls_silent_is_recorded_as_lost_once() -> None:
    # given a live camera, read to the end
    kennel = Kennel()
    await kennel.worker.deliver(*range(10))

    # when nothing comes for 15 s
    kennel.clock.at += 14_999
    await kennel.watchdog.look()
    assert kennel.lost() == []
    kennel.clock.at += 1
    await kennel.watchdog.look()
    await kennel.watchdog.look()

    # then one record says so, at the camera's last position
    last = updates("a", 10)[-1]
    [record] = kennel.lost()
    assert record == msgspec.structs.replace(last, stream_state="LOST", tracks=[], published_at=kennel.clock.at)


@in_a_loop
async def test_after_lost_was_folded_the_watchdog_is_quiet() -> None:
    kennel = Kennel()
    kennel.world.append(lost(updates("a", 10)[-1], 1))
    kennel.worker = Worker(kennel.world, "a", clock=kennel.clock)
    await kennel.worker.deliver(*range(11))

    assert kennel.worker.entry("a").last is not None
    assert not is_silent(kennel.worker.entry("a"))


@in_a_loop
async def test_a_camera_that_ended_is_not_lost() -> None:
    kennel = Kennel(ended=True)
    await kennel.worker.deliver(*range(10))
    kennel.clock.at += 60_000

    await kennel.watchdog.look()

    assert kennel.lost() == []


@in_a_loop
async def test_a_camera_whose_records_are_still_to_be_read_is_not_silent() -> None:
    # given a worker that has not come to the end of the partition
    kennel = Kennel()
    await kennel.worker.deliver(*range(5))
    kennel.clock.at += 60_000

    await kennel.watchdog.look()

    assert kennel.lost() == []
    assert not kennel.worker.entry("a").behind


@in_a_loop
async def test_a_worker_that_is_late_looks_at_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a silent camera, and many records of a neighbour that were not brought yet
    kennel = Kennel()
    await kennel.worker.deliver(*range(10))
    kennel.world.append(*updates("b", 5))
    monkeypatch.setattr("streams.watchdog.BACKLOG", 4)
    kennel.clock.at += 60_000

    await kennel.watchdog.look()

    assert kennel.lost() == []


@in_a_loop
async def test_records_that_the_stream_passed_by_are_fetched_before_a_camera_is_called_lost() -> None:
    # given a stream that brought a neighbour's later record and not the last ones of a
    kennel = Kennel(ended=True)
    kennel.world.append(*updates("b", 1))
    await kennel.worker.deliver(*range(5), 10)
    kennel.clock.at += 15_000

    await kennel.watchdog.look()
    await kennel.worker.settle()

    assert [record.camera_id for record in kennel.lost()] == ["b"]
    assert kennel.worker.count("a") == (10, 0)


@in_a_loop
async def test_nothing_is_written_for_a_partition_that_is_not_ours_any_more() -> None:
    kennel = Kennel()
    await kennel.worker.deliver(*range(10))
    kennel.clock.at += 60_000
    kennel.worker.owner.ours = False

    await kennel.watchdog.look()

    assert kennel.lost() == []


@in_a_loop
async def test_after_a_start_a_camera_has_15_s_to_be_heard() -> None:
    kennel = Kennel()
    await kennel.worker.deliver(*range(10))
    kennel.clock.at += 60_000

    kennel.worker.folding.ready({PARTITION})
    await kennel.watchdog.look()

    assert kennel.lost() == []


def test_an_interrupted_stream_that_stays_away_is_silent_because_its_episodes_are_open() -> None:
    from streams.progress import CameraEntry

    assert is_silent(CameraEntry(last=msgspec.structs.replace(updates("a", 1)[0], stream_state="INTERRUPTED")))


def test_a_file_that_nobody_reads_for_a_while_is_not_lost() -> None:
    from streams.progress import CameraEntry

    last = updates("a", 1)[0]
    assert is_silent(CameraEntry(last=last))
    assert not is_silent(CameraEntry(last=msgspec.structs.replace(last, clock_source="pts")))


@pytest.mark.parametrize("state", ["ENDED", "LOST"])
def test_a_stream_that_ended_or_is_known_as_lost_is_not_silent(state: str) -> None:
    from streams.progress import CameraEntry

    last = msgspec.structs.replace(updates("a", 1)[0], stream_state=state)
    assert not is_silent(CameraEntry(last=last))
    assert is_silent(CameraEntry(last=msgspec.structs.replace(last, stream_state="LIVE")))
    assert not is_silent(CameraEntry(last=msgspec.structs.replace(last, stream_state="LIVE", lane="may")))
    assert not is_silent(CameraEntry())
