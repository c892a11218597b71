"""The judge, on people whose every step is known."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from infra.demo.actors import Actor, Timetable
from infra.demo.looks import DEMO, Role, make_look
from infra.demo.truth import Happened, judge
from infra.demo.views import View, view


def person(name: str, role: Role, at_s: float, x: float, y: float) -> Timetable:
    return Timetable(name, role, make_look(np.random.default_rng(3), role, DEMO), at_s, x, y, speed_m_s=1.25)


def floor() -> View:
    return view("floor", 1)


def till() -> View:
    return view("counter", 1)


def only(happened: list[Happened], kind: str) -> Happened:
    (one,) = [h for h in happened if h.kind == kind]
    return one


def talk(seconds: float) -> list[Happened]:
    """A customer stands in the aisle; staff walks up to 0.9 m at 10 s, and goes again after these seconds."""
    customer = person("c", "customer", 0, 0.0, 5.0).stay(120, 0).actor()
    staff = (
        person("s", "staff", 0, 5.0, 5.0).arrive(10, (0.9, 5.0), facing_rad=pi).stay(10 + seconds, pi).go((5.0, 5.0))
    )
    return judge(floor(), [customer, staff.stay(120, pi).actor()], 120)


def test_a_talk_is_an_interaction_from_standing_together_to_the_last_moment_nearby() -> None:
    found = only(talk(20), "interaction")
    assert found.confirmed
    assert (found.staff, found.customer) == ("s", "c")
    assert found.start_s == pytest.approx(10.0, abs=0.25)
    # 2.25 m are reached 1.35 m after leaving, at 1.25 m/s
    assert found.end_s == pytest.approx(30 + 1.35 / 1.25, abs=0.11)


def test_a_talk_that_is_too_short_is_a_near_miss() -> None:
    assert not only(talk(8), "interaction").confirmed


def test_walking_past_is_nothing() -> None:
    # given staff who pass within 0.8 m without slowing down
    customer = person("c", "customer", 0, 0.0, 5.0).stay(60, 0).actor()
    staff = person("s", "staff", 10, -5.0, 5.8).go((5.0, 5.8)).actor()
    # then nothing happened
    assert judge(floor(), [customer, staff], 60) == []


def waits(seconds: float) -> Timetable:
    """A customer comes from outside the zone `phones`, stays in it, and walks out."""
    return person("c", "customer", 0, 6.2, 6.2).go((3.7, 6.2)).stay(seconds, pi / 2).go((6.2, 6.2))


def test_waiting_lasts_from_entering_to_leaving_the_zone() -> None:
    found = only(judge(floor(), [waits(80).actor()], 120), "unattended")
    assert found.confirmed
    assert found.reason == "left"
    # the zone's edge lies at 4.5 m
    assert found.start_s == pytest.approx(1.7 / 1.25, abs=0.11)
    assert found.end_s == pytest.approx(80 + 0.8 / 1.25, abs=0.11)


def test_forty_seconds_of_waiting_are_a_near_miss() -> None:
    assert not only(judge(floor(), [waits(42).actor()], 120), "unattended").confirmed


def test_waiting_ends_when_staff_comes() -> None:
    staff = person("s", "staff", 0, 0.0, 6.2).arrive(75, (2.8, 6.2), facing_rad=0).stay(96, 0).go((0.0, 6.2))
    happened = judge(floor(), [waits(96).actor(), staff.stay(150, 0).actor()], 150)
    waited, served = only(happened, "unattended"), only(happened, "interaction")
    assert waited.confirmed
    assert waited.reason == "served"
    assert served.confirmed
    assert waited.end_s == served.start_s == pytest.approx(75, abs=0.25)


@pytest.mark.parametrize(("away_s", "one_wait"), [(8.0, True), (14.0, False)])
def test_stepping_out_for_ten_seconds_does_not_end_the_waiting(away_s: float, one_wait: bool) -> None:
    # given somebody who steps out of the zone after 35 s, 1 m beyond its edge, and comes back
    customer = person("c", "customer", 0, 3.7, 6.2).stay(35, 0).go((5.5, 6.2))
    customer.stay(customer.now_s + away_s - 1.6, 0).go((3.7, 6.2))
    actor: Actor = customer.stay(80, 0).actor()
    # then it is one wait of 80 s, or two of less than a minute
    found = [h for h in judge(floor(), [actor], 100) if h.kind == "unattended"]
    assert [h.confirmed for h in found] == ([True] if one_wait else [False, False])


def queue_with(staff_until_s: float) -> list[Happened]:
    """One customer is served until then, another stands in the queue from 3 s to 90 s."""
    staff = person("s", "staff", -1, 0.5, 6.4).stay(staff_until_s, 0).go((6.4, 6.4)).stay(120, 0).actor()
    served = person("c1", "customer", -1, 0.0, 4.7).stay(staff_until_s, 0).go((0.0, 1.0)).actor()
    queued = person("c2", "customer", 0, -5.0, 4.35).go((-1.75, 4.35)).stay(90, 0).go((-5.0, 4.35)).actor()
    return judge(till(), [staff, served, queued], 110)


def test_nobody_is_unattended_in_a_queue_while_the_till_is_busy() -> None:
    waited = only(queue_with(88.0), "unattended")
    assert waited.customer == "c2"
    assert not waited.confirmed


def test_a_queue_at_an_empty_till_is_unattended() -> None:
    waited = only(queue_with(15.0), "unattended")
    assert waited.customer == "c2"
    assert waited.confirmed
    assert waited.reason == "left"


def test_at_the_till_the_neighbour_is_not_served() -> None:
    # given staff opposite the first customer and another one 2.5 m along the counter
    staff = person("s", "staff", -1, 0.5, 6.4).stay(60, 0).actor()
    mine = person("c1", "customer", -1, 0.0, 4.7).stay(60, 0).actor()
    neighbour = person("c2", "customer", -1, 2.5, 4.7).stay(60, 0).actor()
    # then only the first is served
    assert [h.customer for h in judge(till(), [staff, mine, neighbour], 50)] == ["c1"]


@pytest.mark.parametrize(("together_s", "one"), [(14.0, True), (7.0, False)])
def test_who_stood_together_before_and_is_served_together_is_one_incident(together_s: float, one: bool) -> None:
    # given two who stand 0.9 m apart in the aisle, and staff who steps up to both after these seconds
    pair = [person(name, "customer", 0, x, 5.0).stay(100, pi / 2).actor() for name, x in (("c1", -0.45), ("c2", 0.45))]
    staff = person("s", "staff", -1, 0.0, 8.6).arrive(together_s, (0.0, 5.8), facing_rad=0).stay(60, 0).go((0.0, 8.6))
    happened = judge(floor(), [*pair, staff.stay(120, 0).actor()], 120)
    assert [h.customer for h in happened] == ["c1", "c2"]
    assert len({h.occurrence for h in happened}) == (1 if one else 2)


def test_nothing_happens_to_a_mannequin() -> None:
    # given one in the zone `phones` whom staff stands beside for a minute
    mannequin = replace(person("m", "customer", -1, 3.7, 6.2).stay(150, 0).actor(), alive=False)
    staff = person("s", "staff", -1, 2.8, 6.2).stay(60, 0).go((-5.0, 6.2)).actor()
    assert judge(floor(), [mannequin, staff], 120) == []
