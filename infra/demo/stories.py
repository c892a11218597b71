"""The two stories of the demo: what happens before each of its cameras, as timetables drawn at random within bounds.

Times are seconds since the first frame, places metres on the floor before the camera, angles radians counter-clockwise
from +x.
"""

from collections.abc import Callable
from dataclasses import replace
from math import hypot, pi
from typing import Any

import numpy as np

from infra.demo.actors import Actor, Timetable
from infra.demo.figures import Look
from infra.demo.looks import DEMO, Role, make_look
from infra.demo.views import MANNEQUIN_M

Planned = tuple[str, str | None, str, bool]
"""kind, staff, customer, confirmed."""
_AHEAD, _BACK = pi / 2, -pi / 2
_PLASTIC: dict[str, Any] = {"skin": (206.0, 212.0, 216.0), "hair_style": "bald", "bag": None, "bag_kind": "none"}


class Cast:
    """People and plans of one camera, and the draw they come from."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.actors: list[Actor] = []
        self.planned: list[Planned] = []
        self.hidden: set[str] = set()
        """Who is hidden by somebody for some seconds, as the story wants it."""

    def about(self, low: float, high: float) -> float:
        """Any number between."""
        return float(self.random.uniform(low, high))

    def customer(self, name: str, at_s: float, place: tuple[float, float]) -> Timetable:
        """Comes at this time."""
        return self._person(name, "customer", at_s, place, make_look(self.random, "customer", DEMO, (1.60, 1.84)))

    def staff(self, name: str, place: tuple[float, float]) -> Timetable:
        """Is there from the beginning."""
        return self._person(name, "staff", -1.0, place, make_look(self.random, "staff", DEMO, (1.70, 1.84)))

    def mannequin(self, name: str, place: tuple[float, float]) -> None:
        """Somebody who is none: dressed like a customer, there from before the first frame to after the last."""
        look = replace(make_look(self.random, "customer", DEMO, (1.70, 1.80)), **_PLASTIC)
        stands = Timetable(name, "customer", look, -1.0, *place, speed_m_s=1.0).stay(400.0, self.about(-2.0, -1.2))
        self.actors.append(replace(stands.actor(), alive=False))

    def _person(self, name: str, role: Role, at_s: float, place: tuple[float, float], look: Look) -> Timetable:
        return Timetable(name, role, look, at_s, *place, speed_m_s=self.about(1.15, 1.3))

    def enter(self, *people: Timetable) -> None:
        """Their timetables are finished."""
        self.actors += [person.actor() for person in people]


def at_the_counter(cast: Cast) -> None:
    """Two members of staff serve a queue and people who come from the right; then both go, and two wait for nobody."""
    about = cast.about
    first = (about(-0.1, 0.1), about(4.63, 4.77))
    second = (about(2.4, 2.6), about(4.63, 4.77))
    till_1, till_2 = (first[0] + 0.5, about(6.35, 6.45)), (second[0] - 0.2, about(6.35, 6.45))
    queue_1, queue_2 = (-1.75, 4.35), (-2.45, 3.95)
    left, right, door = (-5.4, 4.4), (5.8, 4.3), (6.4, 6.5)
    anna, ben = cast.staff("anna", till_1), cast.staff("ben", till_2)

    def out(spot: tuple[float, float]) -> tuple[float, float]:
        return spot[0] + about(0.4, 0.8), 1.2

    def serve(customer: Timetable, staff: str, spot: tuple[float, float], away: tuple[float, float]) -> float:
        """Walks to the spot, is served, goes; returns when the serving ends."""
        until = customer.go(spot).now_s + about(18.3, 20.3)
        customer.stay(until, _AHEAD - 0.2 if spot is first else _AHEAD + 0.1, "talk").go(away)
        cast.planned.append(("interaction", staff, customer.name, True))
        cast.enter(customer)
        return until

    c1 = cast.customer("c1", about(0.3, 1.5), left).go((-1.4, 4.5))
    begins = c1.now_s
    ends = serve(c1, "anna", first, out(first))
    c2 = cast.customer("c2", begins + about(1.0, 3.0), left).go(queue_1)
    c3 = cast.customer("c3", begins + about(8.0, 13.0), left).go(queue_2)
    moves_up = ends + about(1.2, 2.0)
    c2.stay(moves_up, 0.2, "phone" if about(0, 1) < 0.5 else "idle")
    ends = serve(c2, "anna", first, out(first))
    c3.stay(moves_up + about(0.8, 1.4), 0.6).go(queue_1).stay(ends + about(1.2, 2.0), 0.2)
    anna_goes = serve(c3, "anna", first, out(first)) + about(1.0, 1.6)

    ends = serve(cast.customer("c4", about(4.0, 9.0), right), "ben", second, right)
    _hide(cast, "c4", second, "p1", ends - about(10.0, 12.0), (1.0, 1.2), (4.6, 3.2))
    if about(0, 1) < 0.75:
        ends = serve(cast.customer("c5", ends + about(4.5, 7.0), right), "ben", second, right)
    ben.stay(ends + about(2.5, 4.0), _BACK, "serve").go(door)

    # nobody is behind the counter now: d1 gives up, d2 is served when anna comes back
    d1 = cast.customer("d1", anna_goes + about(0.5, 1.5), left)
    comes = d1.go(queue_1).now_s
    gives_up = comes + about(66.0, 69.0)
    d1.stay(gives_up, 0.2, "phone").go((-1.15, 1.2))
    back = gives_up + about(1.5, 2.5)
    d2 = cast.customer("d2", comes + about(-1.0, 1.0), left).go(queue_2)
    d2.stay(gives_up + about(0.8, 1.2), 0.6).go(queue_1).stay(back + about(0.6, 1.2), 0.2)
    anna.stay(anna_goes, _BACK, "serve").go(door).arrive(back, till_1, facing_rad=pi)
    anna_ends = serve(d2, "anna", first, out(first))
    anna.stay(anna_ends + 60, _BACK, "serve")
    cast.enter(anna, ben, d1)
    cast.planned += [("unattended", None, "d1", True), ("unattended", None, "d2", True)]
    cast.planned += [("unattended", None, "c2", False), ("unattended", None, "c3", False)]


def on_the_floor(cast: Cast) -> None:
    """Two zones at the sides and an aisle between them; the two members of staff tidy shelves until they are needed."""
    about = cast.about
    side = 1 if about(0, 1) < 0.5 else -1

    def at(x: float, y: float) -> tuple[float, float]:
        return side * x, y

    def facing(angle: float) -> float:
        return angle if side > 0 else pi - angle

    right, left = at(about(3.62, 3.78), about(6.1, 6.3)), at(about(-3.78, -3.62), about(6.1, 6.3))
    home_c, home_d = at(-1.3, 8.4), at(1.3, 8.4)
    outside = {right: at(6.6, 6.1), left: at(-6.6, 6.1)}
    cara, dan = cast.staff("cara", home_c), cast.staff("dan", home_d)
    homes: dict[int, tuple[float, float]] = {id(cara): home_c, id(dan): home_d}

    def meet(staff: Timetable, customer: Timetable, spot: tuple[float, float], away: tuple[float, float],
             at_s: float, lasts_s: float) -> float:  # fmt: skip
        """The staff member walks up to the customer, they talk, both go; returns when they part."""
        inward = -1 if spot[0] > 0 else 1
        if spot not in outside:
            inward = 1 if homes[id(staff)][0] > 0 else -1
        beside = (spot[0] + inward * about(0.85, 0.95), spot[1])
        staff.arrive(at_s, beside, facing_rad=_AHEAD, gesture="browse")
        parts = at_s + lasts_s
        staff.stay(parts, 0.0 if inward < 0 else pi, "talk").go(homes[id(staff)])
        customer.stay(at_s, _AHEAD, "browse").stay(parts, pi if inward < 0 else 0.0, "talk").go(away)
        cast.planned.append(("interaction", staff.name, customer.name, lasts_s > 15))
        cast.enter(customer)
        return parts

    def wait(customer: Timetable, spot: tuple[float, float], lasts_s: float) -> float:
        """Nobody comes; returns when the customer goes."""
        goes = customer.now_s + lasts_s
        customer.stay(goes, _AHEAD, "browse" if about(0, 1) < 0.5 else "idle").go(outside[spot])
        cast.planned.append(("unattended", None, customer.name, lasts_s > 60))
        cast.enter(customer)
        return goes

    def arrives(name: str, at_s: float, spot: tuple[float, float]) -> Timetable:
        return cast.customer(name, at_s, (spot[0] * (0.6 if spot in outside else 1.0), 1.2)).go(spot)

    def aisle(staff: Timetable) -> tuple[float, float]:
        """Where the customer of a talk in the aisle stands: on the other half than the staff's home."""
        return -0.38 if homes[id(staff)][0] > 0 else 0.38, about(4.75, 4.9)

    def talk() -> float:
        return about(18.3, 21.0)

    def family(staff: Timetable, at_s: float) -> None:
        """Two come together, stand together in the aisle, and are served together by one who steps before them."""
        y = about(4.9, 5.1)
        two = [
            cast.customer(name, at_s + about(0.0, 0.3), (x, 1.2)).go((x, y))
            for name, x in (("f1", -0.47), ("f2", 0.47))
        ]
        met = max(one.now_s for one in two) + about(12.0, 13.0)
        parts = met + talk()
        staff.arrive(met, (0.0, y + 0.78), facing_rad=_AHEAD, gesture="browse")
        staff.stay(parts, _BACK, "talk").go(homes[id(staff)])
        for one, turned, x in zip(two, (-0.5, 0.5), (-0.47, 0.47), strict=True):
            one.stay(met, _AHEAD + turned, "idle").stay(parts, _AHEAD + turned / 2, "talk").go((x, 1.2))
            cast.planned.append(("interaction", staff.name, one.name, True))
        cast.enter(*two)

    # dan: two talks at the right, a family in the aisle, then he walks out past somebody who waits
    r1 = arrives("r1", about(0.3, 2.0), right)
    parts = meet(dan, r1, right, outside[right], r1.now_s + about(4.0, 7.0), talk())
    r2 = arrives("r2", parts + about(5.0, 8.0), right)
    parts = meet(dan, r2, right, outside[right], r2.now_s + about(4.0, 7.0), talk())
    r3 = arrives("r3", parts + about(5.0, 7.0), right)
    family(dan, parts + about(1.0, 3.0))
    goes = wait(r3, right, about(67.0, 72.0))
    dan.stay(dan.now_s + about(2.0, 5.0), _AHEAD, "browse").go(at(2.8, 7.3), at(2.8, 4.8), at(2.0, 1.2))
    _hide(cast, "r3", right, "w1", goes - about(9.0, 11.0), at(2.0, 1.2), at(5.4, 4.4))

    # cara: a talk in the aisle while l1 waits, l1, a talk that is too short, another one in the aisle
    l1 = arrives("l1", about(0.5, 3.0), left)
    spot = aisle(cara)
    m2 = arrives("m2", about(8.0, 14.0), spot)
    meet(cara, m2, spot, (spot[0], 1.2), m2.now_s + about(2.5, 4.0), talk())
    cast.planned.append(("unattended", None, "l1", True))
    parts = meet(cara, l1, left, outside[left], l1.now_s + about(67.0, 71.0), talk())
    l2 = arrives("l2", parts + about(6.0, 10.0), left)
    parts = meet(cara, l2, left, outside[left], l2.now_s + about(2.5, 4.0), about(6.3, 8.5))
    l3 = arrives("l3", parts + about(6.0, 10.0), left)
    spot = aisle(cara)
    m3 = arrives("m3", parts + about(6.0, 12.0), spot)
    meet(cara, m3, spot, (spot[0], 1.2), m3.now_s + about(2.5, 4.0), talk())
    wait(l3, left, about(30.0, 38.0))
    cara.stay(400.0, _AHEAD, "browse")
    cast.enter(cara, dan)

    # a third member of staff crosses the shop and serves nobody; a mannequin stands in a zone, near one who tidies
    cast.enter(cast.staff("eve", at(-5.6, 3.9)).stay(about(42.0, 58.0), 0.0).go(at(5.6, 3.9)))
    cast.mannequin("mannequin", MANNEQUIN_M)

    # people at the shelves at the back, whom nobody counts
    corners: list[Callable[[], tuple[float, float]]] = [
        lambda: (5.75, about(8.3, 8.6)),
        lambda: (-5.75, about(8.3, 8.6)),
    ]
    for number, corner in enumerate(corners):
        if about(0, 1) < 0.6:
            place = corner()
            browser = cast.customer(f"b{number + 1}", about(2, 70), (8.2 if place[0] > 0 else -8.2, place[1]))
            browser.go(place)
            browser.stay(browser.now_s + about(30, 90), _AHEAD, "browse").go((8.2 if place[0] > 0 else -8.2, place[1]))
            cast.enter(browser)


def _hide(cast: Cast, whom: str, spot: tuple[float, float], by: str, at_s: float,
          come: tuple[float, float], go: tuple[float, float]) -> None:  # fmt: skip
    """A passer-by stops for some seconds on the line from the camera to the spot where somebody stands."""
    before = spot[0] * 0.76, spot[1] * 0.76
    passer = cast.customer(by, at_s - hypot(before[0] - come[0], before[1] - come[1]) / 1.2, come).go(before)
    cast.enter(passer.stay(passer.now_s + cast.about(3.5, 5.5), _AHEAD, "phone").go(go))
    cast.hidden.add(whom)
