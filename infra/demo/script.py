"""What happens in the demo: who comes when, who serves whom, who is left waiting. One seed, one script.

Two timetables are drawn at random within bounds that leave every threshold a clear margin; `truth.judge` then says what
really happens. A draw whose judgement is not what was planned, or where somebody hides somebody else, is thrown away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np

from infra.demo.actors import Actor, Timetable
from infra.demo.figures import Look
from infra.demo.looks import DEMO, Role, make_look
from infra.demo.truth import Happened, judge
from infra.demo.views import CAMERAS, CameraId, View, view
from infra.demo.visibility import check_visible

SECONDS = 190
QUIET_END_S = 12.0
"""Nothing ends later than this before the end of the recording, so that every end is seen."""
SEEDS_END = 1_000_000_000
_AHEAD, _BACK = pi / 2, -pi / 2
Planned = tuple[str, str | None, str, bool]
"""kind, staff, customer, confirmed."""


class ScriptError(ValueError):
    """No script can be made from this seed or length; take another one."""


@dataclass(frozen=True, slots=True)
class Part:
    """One camera's share of the script."""

    view: View
    actors: tuple[Actor, ...]
    happened: tuple[Happened, ...]
    """Everything scripted on this camera: the episodes (confirmed) and the near-misses."""

    @property
    def episodes(self) -> tuple[Happened, ...]:
        """What the pipeline must find, and nothing else."""
        return tuple(h for h in self.happened if h.confirmed)


@dataclass(frozen=True, slots=True)
class Script:
    """The whole demo."""

    seed: int
    seconds: int
    parts: dict[CameraId, Part]

    @property
    def episodes(self) -> tuple[Happened, ...]:
        """Of both cameras."""
        return tuple(h for part in self.parts.values() for h in part.episodes)


def make_script(seed: int, seconds: int = SECONDS) -> Script:
    """The script of a seed (0 to 999,999,999). Raises ScriptError: seconds too few, or nothing valid found."""
    if not 0 <= seed < SEEDS_END:
        raise ScriptError(f"seed {seed} is not between 0 and {SEEDS_END - 1}")
    if seconds < SECONDS:
        raise ScriptError(f"the script needs {SECONDS} s, not {seconds}")
    return Script(seed, seconds, {camera_id: _part(camera_id, seed, seconds) for camera_id in CAMERAS})


def _part(camera_id: CameraId, seed: int, seconds: int) -> Part:
    what = view(camera_id, seed)
    wrong: list[str] = []
    for attempt in range(40):
        cast = _Cast(np.random.default_rng((seed, CAMERAS.index(camera_id), attempt)))
        (_counter if camera_id == "counter" else _floor)(cast)
        actors = tuple(cast.actors)
        happened = judge(what, actors, seconds)
        wrong = [*_differences(cast.planned, happened, seconds), *check_visible(what, actors, seconds)]
        if not wrong:
            return Part(what, actors, tuple(happened))
    raise ScriptError(f"seed {seed}, camera {camera_id}: no valid script in 40 draws; the last failed by: {wrong[0]}")


def _differences(planned: list[Planned], happened: list[Happened], seconds: int) -> list[str]:
    """What the judge sees beside the plan, or the plan beside the judge; ends too close to the end of the recording."""
    judged = [(h.kind, h.staff, h.customer, h.confirmed) for h in happened]
    return (
        [f"planned and not there: {p}" for p in planned if p not in judged]
        + [f"not planned: {j}" for j in judged if j[3] and j not in planned]
        + [f"too late: {h}" for h in happened if h.end_s > seconds - QUIET_END_S]
    )


class _Cast:
    """People and plans of one camera, and the draw they come from."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.actors: list[Actor] = []
        self.planned: list[Planned] = []

    def about(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def customer(self, name: str, at_s: float, place: tuple[float, float]) -> Timetable:
        return self._person(name, "customer", at_s, place, make_look(self.random, "customer", DEMO, (1.60, 1.84)))

    def staff(self, name: str, place: tuple[float, float]) -> Timetable:
        return self._person(name, "staff", -1.0, place, make_look(self.random, "staff", DEMO, (1.70, 1.84)))

    def _person(self, name: str, role: Role, at_s: float, place: tuple[float, float], look: Look) -> Timetable:
        return Timetable(name, role, look, at_s, *place, speed_m_s=self.about(1.15, 1.3))

    def enter(self, *people: Timetable) -> None:
        self.actors += [person.actor() for person in people]


def _counter(cast: _Cast) -> None:
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


def _floor(cast: _Cast) -> None:
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
        start = outside.get(spot, (spot[0], 1.2))
        return cast.customer(name, at_s, start).go(spot)

    def aisle(staff: Timetable) -> tuple[float, float]:
        """Where the customer of a talk in the aisle stands: on the other half than the staff's home."""
        return -0.38 if homes[id(staff)][0] > 0 else 0.38, about(4.75, 4.9)

    def talk() -> float:
        return about(18.3, 21.0)

    # dan: two talks at the right, one in the aisle, then he walks out past somebody who waits
    r1 = arrives("r1", about(0.3, 2.0), right)
    parts = meet(dan, r1, right, outside[right], r1.now_s + about(4.0, 7.0), talk())
    r2 = arrives("r2", parts + about(5.0, 8.0), right)
    parts = meet(dan, r2, right, outside[right], r2.now_s + about(4.0, 7.0), talk())
    r3 = arrives("r3", parts + about(5.0, 7.0), right)
    spot = aisle(dan)
    m1 = arrives("m1", parts + about(3.0, 6.0), spot)
    parts = meet(dan, m1, spot, (spot[0], 1.2), m1.now_s + about(2.5, 4.0), talk())
    wait(r3, right, about(67.0, 72.0))
    dan.stay(dan.now_s + about(4.0, 9.0), _AHEAD, "browse").go(at(2.8, 7.3), at(2.8, 4.8), at(2.0, 1.2))

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
