"""Shops at random: cameras, counters and floors that differ, and people who wait, are served, pass by and stand about.

The demo's script is made to be shown, before two fixed cameras; here every seed has cameras of its own and what makes
rules fail: people who walk past staff, who stand right before staff in the picture though three metres away, who browse
beside the counter, who hide each other, who queue for two minutes while others are served, who come in twos; and
mannequins, which stand among them. What really happens says `truth.judge`; a draw with something near a threshold,
or with one customer between two members of staff, is thrown away.
"""

from dataclasses import replace
from itertools import combinations
from math import atan2, hypot, pi

import numpy as np

from infra.demo.actors import Actor, Timetable, Waypoint
from infra.demo.camera import Pinhole
from infra.demo.looks import DEMO, Role, make_look
from infra.demo.script import Part
from infra.demo.shop import Box, Shop, counter, shelf
from infra.demo.truth import Happened, judge
from infra.demo.views import CAMERAS, Area, CameraId, Counter, Place, View

SECONDS = 180
TALK_MARGIN_S, WAIT_MARGIN_S = (12.0, 18.0), (54.0, 66.0)
ATTEMPTS = 200
COMPANION_M = 0.6
"""People who came together stand at arm's length."""
MARKS = tuple((share * y, y) for y in (3.2, 5.5, 9.0) for share in (-0.55, 0.0, 0.55))
"""Measured spots of floor, as shares of the distance sideways: the cameras are calibrated."""
Spot = tuple[float, float]
"""x, y on the floor in metres."""


def make_shop(seed: int) -> dict[CameraId, Part]:
    """A counter and a sales floor with their people. Raises ValueError when no draw of the seed is clear."""
    return {camera_id: _part(camera_id, seed) for camera_id in CAMERAS}


def _part(camera_id: CameraId, seed: int) -> Part:
    for attempt in range(ATTEMPTS):
        cast = _Cast(np.random.default_rng((seed, CAMERAS.index(camera_id), attempt, 99)))
        try:
            view = _counter(cast) if camera_id == "counter" else _floor(cast)
        except ValueError:  # a timetable that does not fit
            continue
        happened = judge(view, cast.actors, SECONDS)
        if _clear(happened):
            return Part(view, tuple(cast.actors), tuple(happened))
    raise ValueError(f"seed {seed}, camera {camera_id}: nothing clear in {ATTEMPTS} draws")


def _clear(happened: list[Happened]) -> bool:
    """Nothing is near a threshold, and nobody is served by two at once."""
    for h in happened:
        low, high = TALK_MARGIN_S if h.kind == "interaction" else WAIT_MARGIN_S
        if low < h.end_s - h.start_s < high or (h.confirmed and h.end_s > SECONDS - 3):
            return False
    talks = [h for h in happened if h.kind == "interaction"]
    return not any(a.customer == b.customer and a.start_s < b.end_s and b.start_s < a.end_s
                   for a, b in combinations(talks, 2))  # fmt: skip


class _Cast:
    """The draw, and the people it made."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.actors: list[Actor] = []
        self.known = 0

    def about(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def perhaps(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def person(self, role: Role, at_s: float, place: Spot) -> Timetable:
        self.known += 1
        look = make_look(self.random, role, DEMO, (1.58, 1.88))
        return Timetable(f"{role[0]}{self.known}", role, look, at_s, *place, speed_m_s=self.about(1.05, 1.35))

    def enter(self, person: Timetable) -> None:
        self.actors.append(person.actor())

    def camera(self) -> Pinhole:
        return Pinhole(self.about(2.7, 3.4), self.about(23, 31), self.about(380, 480))

    def passes(self, role: Role, at_s: float, *places: Spot) -> None:
        """Somebody who walks through."""
        person = self.person(role, at_s, places[0])
        person.go(*places[1:])
        self.enter(person)

    def stands(self, at_s: float, comes: Spot, spot: Spot, lasts_s: float) -> None:
        """A customer who comes, stands and goes back."""
        person = self.person("customer", at_s, comes).go(spot)
        person.stay(person.now_s + lasts_s, self.about(0, 2 * pi), "browse").go(comes)
        self.enter(person)

    def enter_two(self, person: Timetable, apart: Spot) -> None:
        """Somebody and a companion who stays beside them, apart metres away."""
        one, other = person.actor(), self.person("customer", 0.0, (0.0, 0.0)).actor()
        path = tuple(Waypoint(at.time_s, at.x_m + apart[0], at.y_m + apart[1]) for at in one.path)
        self.actors += [one, replace(other, path=path, stays=one.stays)]

    def mannequin(self, spot: Spot) -> None:
        """Dressed like a customer, and there all the time."""
        stands = self.person("customer", -1.0, spot).stay(SECONDS + 20, self.about(-2.0, -1.2))
        self.actors.append(replace(stands.actor(), alive=False))


def _counter(cast: _Cast) -> View:
    """Somebody serves at a counter with a queue; others browse before it and pass; at the end the counter is left."""
    about = cast.about
    camera = cast.camera()
    near = about(4.3, 6.0)
    x = (about(-2.2, -1.2), about(1.6, 2.6))
    point = Counter(
        service_point_id="till",
        name="Till",
        x=x,
        line_y_m=near,
        far_y_m=near + 0.5,
        high_m=1.05,
        staff=Area(x, (near + 0.5, near + 2.0)),
        strip=Area(x, (near - 1.0, near)),
    )
    side = 1 if cast.perhaps(0.5) else -1
    edge = x[1] if side > 0 else x[0]
    beside = _between(edge + side * 0.1, edge + side * 1.9)
    queue = Place("queue", "Queue", "queue", Area(beside, (near - 1.9, near - 0.4)), "till")
    door, out, back = (edge + side * 4.5, near - 1.0), (0.0, 1.6), (edge + side * 3.5, near + 2.5)

    till = (about(x[0] + 0.5, x[1] - 0.5), near + about(0.9, 1.2))
    staff = cast.person("staff", -1.0, till)
    spot = (till[0] + about(-0.3, 0.3), near - about(0.45, 0.7))
    waits = [(edge + side * 0.55, near - 1.1), (edge + side * 1.3, near - 1.3)]
    free_s = about(2, 6)
    for number in range(int(cast.random.integers(2, 5))):
        lasts = about(24, 45) if cast.perhaps(0.75) else about(4, 9)
        queues = about(8, 16) if number == 0 or cast.perhaps(0.4) else about(35, 120)
        customer = cast.person("customer", free_s - queues, door).go(waits[number % 2])
        customer.stay(max(free_s, customer.now_s + 0.5), 0.0).go(spot)
        goes = customer.now_s + lasts
        cast.enter(customer.stay(goes, pi / 2, "talk").go(out))
        free_s = goes + about(2, 6)
    staff.stay(free_s, -pi / 2, "serve").go(back)
    if cast.perhaps(0.7):  # somebody comes to a deserted counter
        lasts = about(68, 80) if cast.perhaps(0.7) else about(25, 45)
        cast.stands(free_s + about(1, 4), door, waits[0], lasts)
    cast.enter(staff.stay(SECONDS + 20, -pi / 2))
    if cast.perhaps(0.4):  # a figure that shows what there is to buy
        cast.mannequin((edge + side * about(1.3, 1.7), near - about(0.5, 0.8)))
    # browses before the counter, out of the strip, where the picture puts them close to the staff
    browses = (till[0] + about(-0.4, 0.4), near - about(1.7, 2.2))
    cast.stands(about(2, 60), (-side * 5.0, near - 2.0), browses, about(25, 60))
    for _ in range(3):
        y = near - about(0.4, 0.8)
        cast.passes("customer", about(5, 140), (-side * 6.0, y), (side * 6.0, y))
    y = near - about(0.8, 1.4)
    cast.passes("staff", about(20, 150), (side * 6.0, y), (-side * 6.0, y))
    return View("counter", "Till", camera, _room(cast, near + 3.2, point), (queue,), (point,), MARKS)


def _floor(cast: _Cast) -> View:
    """Two of the staff, each on one side, who serve customers in zones, tidy in between, and are passed by others."""
    about = cast.about
    camera = cast.camera()
    zones: list[Place] = []
    for side, name in ((-1, "left"), (1, "right")):
        y = about(4.6, 6.8)
        area = Area(_between(side * 1.6, side * 3.4), (y - 0.9, y + 0.9))
        zones.append(Place(name, name.title(), "service", area))
        if cast.perhaps(0.4):  # a figure that shows what there is to buy
            cast.mannequin((side * about(2.9, 3.3), y + about(0.5, 0.8)))
        _one_side(cast, side, y)
    for _ in range(4):
        y, side = about(3.6, 8.0), 1 if cast.perhaps(0.5) else -1
        cast.passes("customer", about(3, 150), (-side * 7.5, y), (side * 7.5, y))
    for zone in zones * 2:  # staff on their way to somewhere else
        y, side = sum(zone.area.y) / 2 + about(-0.8, 0.8), 1 if cast.perhaps(0.5) else -1
        cast.passes("staff", about(20, 150), (-side * 7.5, y), (side * 7.5, y))
    return View("floor", "Sales floor", camera, _room(cast, 10.0, None), tuple(zones), (), MARKS)


def _one_side(cast: _Cast, side: int, y: float) -> None:
    about = cast.about
    home = (side * about(0.4, 0.8), y + about(2.2, 2.8))
    staff = cast.person("staff", -1.0, home)
    free_s = about(1, 6)
    while free_s < 120:
        spot = (side * about(2.0, 3.0), y + about(-0.5, 0.5))
        comes = (side * 7.0, about(y - 1, y + 1))
        customer = cast.person("customer", free_s, comes).go(spot)
        arrives = customer.now_s
        if cast.perhaps(0.25):  # goes unserved
            lasts = about(20, 45) if cast.perhaps(0.4) else about(68, 82)
            if cast.perhaps(0.5):  # takes a step out of the zone and comes back
                customer.stay(arrives + lasts / 2, pi / 2, "browse").go((side * 3.9, spot[1]))
                customer.stay(customer.now_s + about(2, 5), 0.0, "browse").go(spot)
            customer.stay(arrives + lasts, pi / 2, "browse").go(comes)
            if cast.perhaps(0.3):
                cast.enter_two(customer, (COMPANION_M, 0.0))
            else:
                cast.enter(customer)
            free_s = arrives + lasts + about(4, 10)
            continue
        meets = arrives + (about(6, 25) if cast.perhaps(0.75) else about(68, 80))
        lasts = about(20, 40) if cast.perhaps(0.75) else about(5, 9)
        apart, angle = about(0.6, 1.2), about(0, 2 * pi)
        beside = (spot[0] + apart * np.cos(angle), spot[1] + apart * np.sin(angle))
        beside = (float(beside[0]), float(beside[1]))
        staff.arrive(meets, beside, facing_rad=-pi / 2, gesture="browse")
        staff.stay(meets + lasts, atan2(spot[1] - beside[1], spot[0] - beside[0]), "talk").go(home)
        customer.stay(meets + lasts, pi, "talk").go(comes)
        if cast.perhaps(0.3):  # both face the member of staff
            cast.enter_two(customer, (-COMPANION_M * float(np.sin(angle)), COMPANION_M * float(np.cos(angle))))
        else:
            cast.enter(customer)
        free_s = max(staff.now_s, meets + lasts) + about(4, 12)
    cast.enter(staff.stay(max(SECONDS + 20, staff.now_s + 1), -pi / 2, "browse"))
    # stands in line with the staff as the camera sees it, three metres nearer
    before = (home[0] * (home[1] - 3.0) / home[1], home[1] - about(2.7, 3.3))
    if hypot(before[0] - home[0], before[1] - home[1]) > 2.5:
        cast.stands(about(2, 90), (side * 0.3, 1.6), before, about(20, 50))


def _between(one: float, other: float) -> tuple[float, float]:
    return min(one, other), max(one, other)


def _room(cast: _Cast, wall_m: float, point: Counter | None) -> Shop:
    boxes: list[Box] = []
    if point is not None:
        boxes += counter(point.x, (point.line_y_m, point.far_y_m), point.high_m, (150, 122, 78))
    for left in np.arange(-5.0, 4.5, 2.3):
        if cast.perhaps(0.8):
            boxes += shelf(cast.random, (float(left), float(left) + 2.0), (wall_m - 0.4, wall_m), "near")
    floor, wall, band = ((118, 140, 160), (200, 208, 214), (96, 122, 52))
    return Shop(tuple(boxes), wall_m, 7.5, "planks" if cast.perhaps(0.5) else "tiles", floor, wall, band)
