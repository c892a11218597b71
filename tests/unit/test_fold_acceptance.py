"""What a shop expects, told as it would tell it."""

import pytest

from schemas.records import UnattendedEvent
from tests.scenario import Scenario, counter, ended, fold, interactions, phases, rules, waits, zone

LINE = zone(-2, 2.9, 2, 4.95, zone_id="line", kind="queue", service_point="till")
TILL = rules(zones=[LINE], service_points=[counter()])
FLOOR = rules(zones=[zone(-2, 4, 2, 7)])


def shop(seconds: float, hz: float = 10.0) -> Scenario:
    """A camera as it is: boxes tremble by a pixel and a half, one in twenty is missing."""
    return Scenario(seconds=seconds, hz=hz, jitter_px=1.5, missed=0.05)


def queue(scene: Scenario, many: int, each_s: float | None = None) -> None:
    """Customers who came together stand in two rows; the first goes to the till every each_s, the others wait on."""
    for number in range(many):
        x, y = -1.2 + 0.8 * (number % 3), 4.5 - 0.8 * (number // 3)
        customer = scene.customer((0, x, y))
        if each_s is not None:
            turn_s = number * each_s
            customer.path += [(turn_s, x, y), (turn_s + 2, 0.2, 5.5), (turn_s + each_s - 2, 0.2, 5.5)]
            customer.path += [(turn_s + each_s, 3.0, 5.0), (turn_s + each_s + 2, 6.0, 5.0)]


def unattended(scene: Scenario) -> list[UnattendedEvent]:
    """Confirmed waits at the till."""
    return [event for event in waits(fold(ended(scene.log()), TILL)) if event.phase == "confirmed"]


@pytest.mark.parametrize("hz", [5.0, 10.0])
def test_of_five_people_who_queue_while_staff_serve_none_is_unattended(hz: float) -> None:
    # given five who queue, each served for some forty seconds in turn
    scene = shop(230, hz)
    scene.staff((0, 0.0, 6.6))
    queue(scene, 5, each_s=45)
    # when folded, then nobody is unattended, and all five were served
    events = fold(ended(scene.log()), TILL)
    assert [event for event in waits(events) if event.phase == "confirmed"] == []
    served = [event for event in interactions(events) if event.phase == "ended"]
    assert {event.lineage.customer[0].track_id for event in served} == {2, 3, 4, 5, 6}


@pytest.mark.parametrize(("gone_s", "many"), [(57, 0), (59, 0), (61, 5), (75, 5)])
def test_five_who_queue_while_staff_are_gone_for_a_minute_are_one_occurrence(gone_s: float, many: int) -> None:
    # given staff who serve the first at the till, go away, and come back to the till
    scene = Scenario(seconds=180)
    scene.customer((0, 0.2, 5.5))
    scene.staff((0, 0.0, 6.6)).hidden(40, 40 + gone_s)
    queue(scene, 5)
    # when folded
    told = unattended(scene)
    # then all five waited too long for want of staff, which is one occurrence; up to a minute it is none
    assert len(told) == many
    assert {event.reason for event in told} == ({"no_staff"} if many else set())
    assert [event.opens for event in told] == [True, *[False] * (many - 1)][:many]
    assert len({event.occurrence_id for event in told}) == min(many, 1)


@pytest.mark.parametrize("hz", [5.0, 10.0, 25.0])
def test_while_staff_walk_past_at_a_metre_per_second_waiting_goes_on(hz: float) -> None:
    # given a customer whom staff pass at arm's length every ten seconds
    scene = shop(75, hz)
    scene.customer((0, 0.0, 5.0))
    walk = [(10.0 * n, 5.0 if n % 2 else -5.0, 5.5) for n in range(8)]
    scene.staff(*walk)
    # when folded, then the customer is unattended after a minute, since the entry
    events = waits(fold(ended(scene.log()), FLOOR))
    assert phases(events) == ["started", "confirmed", "ended"]
    assert events[1].started_at == pytest.approx(scene.at(0), abs=1000)
    assert events[1].confirmed_at == pytest.approx(scene.at(60), abs=4000)
    assert interactions(fold(ended(scene.log()), FLOOR)) == []


def test_a_couple_at_the_counter_is_one_incident() -> None:
    # given two who came together and stand at the till side by side
    scene = shop(90)
    for x in (-0.4, 0.5):
        scene.customer((0, x, 4.3), (20, x, 4.3), (22, x, 5.5), (70, x, 5.5), (72, 5.0, 5.0))
    scene.staff((0, 0.0, 6.6))
    told = [event for event in interactions(fold(ended(scene.log()), TILL)) if event.phase == "confirmed"]
    assert [event.opens for event in told] == [True, False]
    assert len({event.customer_id for event in told}) == 2
