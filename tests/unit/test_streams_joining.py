"""The shell around the evidence join: nothing that the stream passes by is missing from an Episode."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.promotions import Active, CameraDay
from schemas.records import Episode
from schemas.topics import INTERACTION_EVENTS, topic_of
from streams.evidence import Fact
from streams.joining import SOURCES, EvidenceJoining, both
from streams.ports import Record
from tests.streams_fakes import FakeOutbox, FakeOwner, FakeTable, World, in_a_loop
from tests.unit.test_evidence import STORY, event, told


class Facts:
    """A world with the facts in their topics, and a worker that joins them."""

    def __init__(self, facts: Sequence[Fact], world: World | None = None) -> None:
        self.world = world or World()
        self.topics: dict[str, list[Record]] = {topic.name: [] for topic in SOURCES}
        self.active: dict[CameraDay, Active] = {}
        self.order = [self._append(fact) for fact in facts]
        self.start()

    def _append(self, fact: Fact | bytes, topic: str = "") -> Record:
        name = topic or topic_of(type(fact)).name
        value = fact if isinstance(fact, bytes) else self.world.codec.encode(fact)
        record = Record(name, 0, len(self.topics[name]), b"till", value)
        self.topics[name].append(record)
        return record

    def start(self) -> None:
        self.owner = FakeOwner()
        self.table = FakeTable(self.world, both, at_once=False)
        self.outbox = FakeOutbox(self.world)
        self.joining = EvidenceJoining(
            table=self.table,
            outbox=self.outbox,
            owner=self.owner,
            between=lambda topic, partition, first, beyond: self.topics[topic][first:beyond],
            read_active=lambda: self.active,
        )

    async def deliver(self, records: Sequence[Record]) -> None:
        for record in records:
            assert await self.joining.take(record, self.owner.generation)

    def episodes(self) -> dict[str, Episode]:
        """The last published of each."""
        return {e.episode_id: e for e in self.world.decoded(Episode)}


IN_ORDER = {e.episode_id: e for e in told(STORY)[1]}


@in_a_loop
async def test_facts_become_episodes() -> None:
    facts = Facts(STORY)

    await facts.deliver(facts.order)

    assert facts.episodes() == IN_ORDER


@in_a_loop
async def test_a_fact_that_comes_again_publishes_nothing() -> None:
    facts = Facts(STORY)
    await facts.deliver(facts.order)
    published = len(facts.world.published)

    await facts.deliver(facts.order)

    assert len(facts.world.published) == published


@in_a_loop
async def test_facts_that_the_stream_lost_are_read_from_their_topic() -> None:
    # given a stream that loses every second fact but those at the ends of the topics
    facts = Facts(STORY)
    last = {records[-1] for records in facts.topics.values() if records}

    await facts.deliver([r for i, r in enumerate(facts.order) if i % 2 or r in last])

    assert facts.episodes() == IN_ORDER
    assert facts.joining.counts["fetched"] > 0


@in_a_loop
async def test_what_is_undecodable_is_put_aside_once_and_passed() -> None:
    facts = Facts([])
    junk = facts._append(b"junk", INTERACTION_EVENTS.name)
    known = facts._append(event("opener", "confirmed"))

    await facts.deliver([junk, junk, known])

    assert len(facts.world.aside) == 1
    assert set(facts.episodes()) == {"opener"}


@in_a_loop
async def test_entries_that_are_over_are_dropped_when_the_cameras_day_goes_on() -> None:
    # given an episode that was never finished, and one a month later
    later = msgspec.structs.replace(event("later", "confirmed"), occurrence_id="later", business_day="2023-12-15")
    facts = Facts([event("opener", "confirmed"), later])

    await facts.deliver(facts.order)

    assert facts.table.held(b"till|live|opener") is None
    assert facts.table.held(b"till|live|later") is not None


@in_a_loop
async def test_a_worker_that_lost_its_partition_publishes_nothing_and_the_next_one_does() -> None:
    # given a worker whose partition goes while it stores the fact
    facts = Facts([event("opener", "confirmed")])
    taking = asyncio.create_task(facts.joining.take(facts.order[0], facts.owner.generation))
    await asyncio.sleep(0)
    facts.owner.generation += 1
    assert await taking is False
    assert facts.episodes() == {}

    # when the next one is brought it again, which changes nothing in what is stored
    facts.start()
    await facts.deliver(facts.order)

    # then it is published
    assert set(facts.episodes()) == {"opener"}


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("deliver"), st.integers(1, 6)),
        st.tuples(st.just("lose"), st.integers(1, 3)),
        st.tuples(st.just("again"), st.integers(1, 6)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 4)),
        st.tuples(st.just("crash at publishing"), st.integers(0, 4)),
    ),
    min_size=3,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(st.permutations(STORY), ACTIONS, st.randoms(use_true_random=False))
def test_whatever_happens_the_last_episodes_are_the_same_and_a_revision_has_one_content(
    order: list[Fact], actions: list[tuple[str, int]], random: Random
) -> None:
    asyncio.run(_survive(order, actions, random))


async def _survive(order: list[Fact], actions: list[tuple[str, int]], random: Random) -> None:
    # given facts in any order, and a consumer that may stand anywhere
    facts, at, committed = Facts(order), 0, 0

    async def give(count: int) -> None:
        nonlocal at
        for _ in range(min(count, len(facts.order) - at)):
            await facts.deliver([facts.order[at]])
            at += 1

    # when records are lost and repeated, and workers die and the next one is brought the topics in another order
    for action, number in actions:
        match action:
            case "deliver":
                await give(number)
            case "lose":
                at = min(at + number, len(order))  # but a topic's last fact is never lost for ever
            case "again":
                at = max(at - number, 0)
            case "commit":
                await facts.table.send()
                committed = at
            case _:
                if action == "crash at publishing" and at < len(order):
                    facts.outbox.refuse = ConnectionError()
                    with suppress(ConnectionError):
                        await facts.deliver([facts.order[at]])
                at = max(min(at, committed) - number, 0)
                rest = facts.order[at:]
                random.shuffle(rest)
                facts.order[at:] = rest
                facts.start()
    await give(len(order))
    await facts.deliver([records[-1] for records in facts.topics.values() if records])

    # then the last Episode of each id is that of an undisturbed run, and no revision was stated in two ways
    assert facts.episodes() == IN_ORDER
    stated: dict[tuple[str, int], Episode] = {}
    for episode in facts.world.decoded(Episode):
        assert stated.setdefault((episode.episode_id, episode.revision), episode) == episode


@pytest.mark.parametrize(("held", "written"), [((5).to_bytes(8), (9).to_bytes(8)), ((9).to_bytes(8), (5).to_bytes(8))])
def test_of_two_offsets_the_table_holds_the_higher(held: bytes, written: bytes) -> None:
    assert both(held, written) == (9).to_bytes(8)


def test_of_two_entries_the_table_holds_the_facts_of_both() -> None:
    def stored(facts: list[Fact]) -> bytes:
        return msgspec.msgpack.encode(told(facts)[0])

    one, other, all_of_them = stored(STORY[:6]), stored(STORY[:1] + STORY[6:]), stored(STORY)

    merged: Any = msgspec.msgpack.decode(both(one, other))
    assert merged == msgspec.msgpack.decode(all_of_them)


@in_a_loop
async def test_while_a_replay_counts_nothing_is_said_of_its_day_and_after_a_rollback_with_its_activation() -> None:
    # given a day for which a replay counts
    facts = Facts(STORY)
    day = STORY[0].camera_id, STORY[0].business_day
    facts.active[day] = Active("trial", 1)

    # then what comes late of the live version is joined and not published
    await facts.deliver(facts.order)
    assert facts.episodes() == {}

    # when live counts again, the next of it says since which decision
    facts.active[day] = Active("live", 2)
    again = Facts(STORY)
    again.active = facts.active
    await again.deliver(again.order)
    assert {e.activation for e in again.episodes().values()} == {2}
    assert {i: msgspec.structs.replace(e, activation=0) for i, e in again.episodes().items()} == IN_ORDER


@in_a_loop
async def test_what_a_promotion_made_is_not_joined_to_live() -> None:
    facts = Facts([msgspec.structs.replace(fact, lane="trial") for fact in STORY])
    await facts.deliver(facts.order)
    assert facts.episodes() == {}
