"""The shell around the fold: whatever is delivered, lost, repeated or broken off, every record is folded once."""

import asyncio
import dataclasses

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import CustomerVisit, TrackUpdate
from tests.streams_fakes import Ended, Worker, World, in_a_loop, stored, updates
from tests.streams_worker import POISON


def poisoned(update: TrackUpdate) -> TrackUpdate:
    return msgspec.structs.replace(update, image_width=POISON)


def interleaved(*logs: list[TrackUpdate]) -> list[TrackUpdate]:
    return [update for together in zip(*logs, strict=True) for update in together]


@in_a_loop
async def test_records_are_published_stored_and_acknowledged_in_that_order() -> None:
    # given a log of fifty records, the last of which is stated
    world = World()
    world.append(*updates("a", 50))
    worker = Worker(world, "a")

    # when they are delivered
    acknowledged = await worker.deliver(*range(50))

    # then all are acknowledged, the state stands at the last one, and one count was published
    assert all(acknowledged)
    assert (worker.count("a"), stored(world, b"a|live").offset) == ((50, 0), 49)
    assert [v.customer_id for v in world.decoded(CustomerVisit)] == [50]


@in_a_loop
async def test_a_refused_event_leaves_the_state_as_it_was() -> None:
    # given a worker whose next event the broker refuses
    world = World()
    world.append(*updates("a", 50))
    worker = Worker(world, "a")
    await worker.deliver(*range(49))
    worker.outbox.refuse = ConnectionError("the broker is gone")

    # when that event is to be published, then the failure comes through, which ends the process
    with pytest.raises(ConnectionError):
        await worker.deliver(49)

    # and whoever starts next finds the state before the record
    assert stored(world, b"a|live").offset == 48


@in_a_loop
async def test_a_record_that_comes_again_is_acknowledged_and_nothing_else() -> None:
    world = World()
    world.append(*updates("a", 50))
    worker = Worker(world, "a")
    await worker.deliver(*range(50))
    written = len(world.changelog)

    assert all(await worker.deliver(*range(50)))

    assert (worker.count("a"), len(world.published), len(world.changelog)) == ((50, 0), 1, written)


@pytest.mark.parametrize("near", [0, 1000])
@in_a_loop
async def test_records_that_the_stream_lost_are_fetched_from_the_log(near: int) -> None:
    # given a stream that brings the neighbours in full, and of camera a not the records 10 to 29
    world = World()
    world.append(*interleaved(updates("a", 60), updates("b", 60)))
    worker = Worker(world, "a", "b", near=near)
    lost = {2 * sequence for sequence in range(10, 30)}

    # when the rest is delivered
    assert all(await worker.deliver(*[offset for offset in range(120) if offset not in lost]))
    await worker.settle()

    # then both cameras have folded everything once
    assert (worker.count("a"), worker.count("b")) == ((60, 0), (60, 0))
    assert not stored(world, b"a|live").behind


@in_a_loop
async def test_the_first_records_of_a_camera_may_be_lost_too() -> None:
    world = World()
    world.append(*updates("a", 60))
    worker = Worker(world, "a")

    await worker.deliver(*range(20, 60))
    await worker.settle()

    assert worker.count("a") == (60, 0)


@in_a_loop
async def test_what_is_not_in_the_log_either_is_folded_as_missing() -> None:
    # given a log in which the records 10 to 19 are not
    world = World()
    world.append(*updates("a", 10), *updates("a", 40, first=20))
    worker = Worker(world, "a")

    await worker.deliver(*range(50))
    await worker.settle()

    assert worker.count("a") == (50, 1)


@in_a_loop
async def test_a_camera_that_is_behind_is_caught_up_by_the_next_worker() -> None:
    # given a worker that ends while it catches camera a up
    world = World()
    world.append(*updates("a", 60))
    worker = Worker(world, "a")
    await worker.deliver(*range(10), 30)
    worker.owner.ours = False
    await worker.settle()
    assert stored(world, b"a|live").behind

    # when another one starts, and the stream goes on behind what was acknowledged
    second = Worker(world, "a")
    await second.deliver(*range(31, 60))
    await second.settle()

    assert second.count("a") == (60, 0)


@in_a_loop
async def test_a_worker_that_lost_its_partition_neither_stores_nor_acknowledges() -> None:
    # given a worker whose partition moves on while it waits for an ack
    world = World()
    world.append(*updates("a", 50))
    worker = Worker(world, "a")
    await worker.deliver(*range(49))
    written = len(world.changelog)
    taking = asyncio.create_task(worker.folding.take(world.log[49], worker.owner.generation))
    await asyncio.sleep(0)
    worker.owner.generation += 1

    assert await taking is False
    assert len(world.changelog) == written


@in_a_loop
async def test_a_stalled_workers_late_write_does_not_move_a_camera_back() -> None:
    # given a successor that has gone on, and the write of a worker that was stalled before it
    world = World()
    world.append(*updates("a", 40))
    stalled = Worker(world, "a")
    await stalled.deliver(*range(10))
    successor = Worker(world, "a")
    await successor.deliver(*range(10, 40))
    stale = stalled.table.data[b"a|live"]
    world.changelog.append((b"a|live", stale))

    # then recovery stands where the successor was
    assert Worker(world, "a").count("a") == (40, 0)


@in_a_loop
async def test_an_exception_in_the_fold_halts_that_camera_alone(caplog: pytest.LogCaptureFixture) -> None:
    # given a record of camera a that the fold cannot take
    world = World()
    log = interleaved(updates("a", 40), updates("b", 40))
    log[20] = poisoned(log[20])
    world.append(*log)
    worker = Worker(world, "a", "b")

    # when all is delivered
    assert all(await worker.deliver(*range(80)))

    # then b goes on, a keeps its last stored state, and there was one alarm that says what to do
    assert (worker.count("a"), worker.count("b")) == ((10, 0), (40, 0))
    halt = stored(world, b"a|live").halt
    assert halt is not None
    assert (halt.sequence, halt.offset) == (10, 20)
    alarms = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(alarms) == 1
    assert "camera a HALTED" in alarms[0]
    assert "start the worker again" in alarms[0]


@in_a_loop
async def test_a_halted_camera_goes_back_to_its_record_when_it_is_skipped() -> None:
    # given a halted camera
    world = World()
    log = updates("a", 60)
    log[10] = poisoned(log[10])
    world.append(*log)
    worker = Worker(world, "a")
    await worker.deliver(*range(60))
    await worker.folding.resume_skipped()
    await worker.settle()
    assert worker.count("a") == (10, 0)
    # and everybody can see it, since when, also after a restart that mends nothing
    said = world.halts["a/live"]
    assert said is not None
    assert (said.stream_epoch, said.sequence, said.captured_at) == (log[10].stream_epoch, 10, log[10].captured_at)
    assert said.halted_at == worker.clock.at
    worker.clock.at += 60_000
    worker.folding.ready({0})
    await worker.settle()
    assert world.halts["a/live"] == said

    # when a person has the record skipped
    world.skips = {("a", "live", log[10].stream_epoch, 10)}
    await worker.folding.resume_skipped()
    await worker.settle()

    # then everything but that record is folded, and the gap is a recorded one
    assert worker.count("a") == (59, 1)
    entry = stored(world, b"a|live")
    assert (entry.halt, entry.behind) == (None, False)
    assert world.halts["a/live"] is None


@in_a_loop
async def test_a_halted_camera_goes_on_after_a_fix() -> None:
    # given a camera that halted under a worker whose fold had an error
    world = World()
    log = updates("a", 60)
    world.append(*log[:10], poisoned(log[10]), *log[11:])
    worker = Worker(world, "a")
    await worker.deliver(*range(60))

    # when a worker starts that can take the record
    world.log[10] = dataclasses.replace(world.log[10], value=world.codec.encode(log[10]))
    fixed = Worker(world, "a")
    await fixed.settle()

    assert fixed.count("a") == (60, 0)
    assert world.halts == {"a/live": None}


@in_a_loop
async def test_what_is_undecodable_is_put_aside_and_acknowledged() -> None:
    world = World()
    world.append(*updates("a", 3))
    world.append(b"junk", key=b"a")
    world.append(*updates("a", 2, first=3))
    worker = Worker(world, "a")

    assert all(await worker.deliver(*range(6)))

    assert ([record.offset for record in world.aside], worker.count("a")) == ([3], (5, 0))


@in_a_loop
async def test_a_failure_while_catching_up_ends_the_process() -> None:
    world = World()
    world.append(*updates("a", 60))
    worker = Worker(world, "a")
    await worker.deliver(*range(10))
    worker.outbox.refuse = ConnectionError("the broker is gone")

    await worker.deliver(30)
    with pytest.raises(Ended):
        await worker.settle()


@in_a_loop
async def test_what_comes_while_a_camera_is_caught_up_is_left_to_the_catching_up() -> None:
    # given a camera that is being caught up while its log goes on
    world = World()
    log = updates("a", 60)
    world.append(*log[:31])
    worker = Worker(world, "a")
    await worker.deliver(*range(10), 30)

    # when its last records come one by one, and nothing after them
    for offset in range(31, 60):
        world.append(log[offset])
        assert await worker.deliver(offset) == [True]
        await asyncio.sleep(0)
    await worker.settle()

    # then none of them is left behind
    assert worker.count("a") == (60, 0)
    assert not stored(world, b"a|live").behind


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(1, 30)),
        st.tuples(st.just("lose"), st.integers(1, 10)),
        st.tuples(st.just("again"), st.integers(1, 20)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 3)),
        st.tuples(st.just("lose partition"), st.integers(0, 3)),
    ),
    min_size=4,
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(ACTIONS, st.sampled_from([0, 10, 1000]))
def test_whatever_happens_every_record_is_folded_once(actions: list[tuple[str, int]], near: int) -> None:
    """Crashes before or after the state is stored, losses that were acknowledged, redeliveries, and rebalances."""
    asyncio.run(_survive(actions, near))


async def _survive(actions: list[tuple[str, int]], near: int) -> None:
    # given three cameras whose log grows, and a consumer whose offsets may be committed anywhere
    world = World()
    cameras = ("a", "b", "c")
    everything = interleaved(*(updates(camera, 60, ended=True) for camera in cameras))
    worker, at = Worker(world, *cameras, near=near), 0
    written: dict[int, int] = {}

    def grow(to: int) -> None:
        world.append(*everything[len(world.log) : to])

    async def give(count: int) -> None:
        nonlocal at
        for _ in range(min(count, len(everything) - at)):
            grow(at + 1)
            written[at] = len(world.changelog)
            assert await worker.deliver(at) == [True]
            at += 1

    # when anything happens to it
    for action, number in actions:
        match action:
            case "deliver":
                await give(number)
            case "lose":
                at = min(at + number, len(everything) - 3)
            case "again":
                at = max(at - number, 0)
            case "settle":
                grow(at)
                await worker.settle()
            case "crash":
                worker.owner.ours = False
                at = max(at - number, 0)
                del world.changelog[written.get(at, len(world.changelog)) :]  # what is committed was stored before
                worker = Worker(world, *cameras, near=near)
            case "lose partition" if at < len(everything):
                grow(at + 1)
                taking = asyncio.create_task(worker.folding.take(world.log[at], worker.owner.generation))
                for _ in range(number):
                    await asyncio.sleep(0)
                worker.owner.generation += 1
                await taking
                worker.folding.ready({0})
    await give(len(everything))
    await worker.settle()

    # then the end is that of an undisturbed run, and repeated events have the same bytes
    for camera in cameras:
        assert worker.count(camera) == (60, 0)
    calm = World()
    calm.append(*everything)
    undisturbed = Worker(calm, *cameras)
    await undisturbed.deliver(*range(180))
    assert set(world.published) == set(calm.published)
