"""Live: the loop turns. Ready: what waits makes progress. Time is told to it."""

import pytest

from infra.health import LIVE_S, STUCK_S, Health

PART = "track-updates[3]"


class Told:
    """A process' health and its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.health = Health("streams", clock=lambda: self.now)
        self.health.holds(1)

    def pass_s(self, seconds: float, *, turns: bool = True) -> None:
        self.now += seconds
        if turns:
            self.health.turned()


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_process_is_live_while_its_loop_turns_and_no_longer(told: Told) -> None:
    told.pass_s(LIVE_S, turns=False)
    assert told.health.live().ok
    told.pass_s(1, turns=False)
    assert not told.health.live().ok
    assert told.health.live().reason == "the loop turned 121 s ago, at most 120 s are normal"
    assert not told.health.ready().ok


def test_an_idle_process_stays_ready(told: Told) -> None:
    for _ in range(10):
        told.health.told(PART, done=7, backlog=0)
        told.pass_s(STUCK_S)
    assert told.health.ready().ok
    assert told.health.ready().reason == "nothing waits"


def test_a_backlog_that_moves_is_ready_however_long_it_is(told: Told) -> None:
    for done in range(10):
        told.health.told(PART, done, backlog=1_000_000 + done)
        told.pass_s(STUCK_S)
    assert told.health.ready().ok


def test_a_backlog_that_does_not_move_is_not_ready_though_the_loop_turns(told: Told) -> None:
    # given 12 records that wait, told of every second
    for _ in range(round(STUCK_S)):
        told.health.told(PART, done=7, backlog=12)
        told.pass_s(1)
    assert told.health.ready().ok

    told.health.told(PART, done=7, backlog=12)
    told.pass_s(1)
    answer = told.health.ready()

    # then it says so with the place, and is live; one record later it is ready again
    assert (answer.ok, answer.reason) == (False, f"{PART}: 12 waiting and none done for 61 s")
    assert answer.facts == {"assigned": 1, "waiting": 12}
    assert told.health.live().ok
    told.health.told(PART, done=8, backlog=11)
    assert told.health.ready().ok


def test_one_stuck_partition_is_not_hidden_by_the_others(told: Told) -> None:
    for done in range(70):
        told.health.told(PART, 7, backlog=1)
        told.health.told("track-updates[4]", done, backlog=1)
        told.pass_s(1)
    assert told.health.ready().reason == f"{PART}: 1 waiting and none done for 70 s"


def test_a_backlog_that_comes_after_an_idle_hour_has_its_time(told: Told) -> None:
    told.health.told(PART, 7, backlog=0)
    told.pass_s(3600)
    told.health.told(PART, 7, backlog=5)
    told.pass_s(STUCK_S - 1)
    told.health.told(PART, 7, backlog=5)
    assert told.health.ready().ok
    told.pass_s(2)
    told.health.told(PART, 7, backlog=5)
    assert not told.health.ready().ok


def test_who_cannot_ask_how_far_it_is_is_not_ready_and_says_what_stands_in_the_way(told: Told) -> None:
    told.health.told(PART, 7, backlog=0)
    told.pass_s(STUCK_S + 1)
    told.health.trouble("no answer from Kafka")
    assert told.health.ready().reason == f"{PART}: nothing heard for 61 s; no answer from Kafka"


def test_without_an_assignment_nobody_is_ready() -> None:
    health = Health("clip")
    assert health.ready().reason == "nothing is assigned to it yet"
    health.holds(0)
    assert health.ready().reason == "nothing is assigned to it"
    health.holds(12)
    assert health.ready().ok


def test_partitions_that_went_to_another_worker_are_forgotten(told: Told) -> None:
    told.health.told(PART, 7, backlog=12)
    told.pass_s(STUCK_S + 1)
    assert not told.health.ready().ok
    told.health.has({"track-updates[5]"})
    assert told.health.ready().ok


def test_a_new_partition_of_which_nothing_is_heard_is_not_ready_for_long(told: Told) -> None:
    told.health.has({PART})
    told.pass_s(STUCK_S)
    told.health.has({PART})
    assert told.health.ready().ok
    told.pass_s(1)
    assert told.health.ready().reason == f"{PART}: nothing heard for 61 s"
