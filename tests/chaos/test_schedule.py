"""The plan of a fault run comes from its seed alone, and has everything in it."""

from collections import Counter

import pytest

from tests.chaos import schedule
from tests.chaos.schedule import Fault


def count(plan: list[Fault]) -> Counter[str]:
    return Counter(f"{fault.kind} {fault.target}" for fault in plan)


@pytest.mark.parametrize("plan", [schedule.honoured, schedule.ignored, schedule.short])
def test_the_same_seed_gives_the_same_plan_and_another_seed_another(plan) -> None:  # type: ignore[no-untyped-def]
    assert plan(7) == plan(7)
    assert plan(7) != plan(8)
    assert plan(7) == sorted(plan(7))


@pytest.mark.parametrize("seed", range(20))
def test_every_plan_has_everything_within_the_feed(seed: int) -> None:
    both = [*schedule.honoured(seed), *schedule.ignored(seed)]
    assert all(0 <= fault.at < 1 for fault in both)
    found = count(schedule.honoured(seed))
    assert all(found[f"kill {process}"] == schedule.KILLS for process in schedule.PROCESSES)
    assert all(found[f"{kind} {server}"] == 1 for kind, server, _ in schedule.SERVERS)
    assert all(found[f"join and leave {part}"] == 1 for part in schedule.SHARED)
    found = count(schedule.ignored(seed))
    assert all(found[f"{fault} upload API"] == 1 for fault in schedule.UPLOAD_FAULTS)
    assert all(found[f"{fault} incident API"] == 1 for fault in schedule.INCIDENT_FAULTS)


def test_every_rule_that_can_be_broken_has_faults_of_its_own() -> None:
    assert all(isinstance(schedule.for_break(rule), list) for rule in schedule.RULES)
