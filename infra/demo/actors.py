"""People on a timetable: where everybody of the demo is at every moment, how they stand and what their hands do."""

from bisect import bisect_right
from dataclasses import dataclass
from math import atan2, cos, floor, hypot, pi, sin

from infra.demo.figures import Gesture, Look, Pose
from infra.demo.looks import Role

IDLE_HZ = 5
"""How often the hands of those who stand move: half of their pictures can be used twice."""


@dataclass(frozen=True, slots=True)
class Waypoint:
    """Here at this time; between two waypoints people walk straight and evenly."""

    time_s: float
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Stay:
    """What somebody does while standing."""

    from_s: float
    to_s: float
    facing_rad: float
    gesture: Gesture


@dataclass(frozen=True, slots=True)
class Actor:
    """A person of the demo. Before the first waypoint and after the last they are not there."""

    name: str
    role: Role
    look: Look
    path: tuple[Waypoint, ...]
    stays: tuple[Stay, ...]
    alive: bool = True
    """False: a mannequin, which looks like a person, stands still for ever, and to which nothing happens."""

    def there(self, time_s: float) -> bool:
        """True while the person is in the shop, seen or not."""
        return self.path[0].time_s <= time_s <= self.path[-1].time_s

    def position(self, time_s: float) -> tuple[float, float]:
        """x, y in metres; the first or last place outside of the time in the shop."""
        after = bisect_right(self.path, time_s, key=lambda w: w.time_s)
        if after == 0 or after == len(self.path):
            end = self.path[0 if after == 0 else -1]
            return end.x_m, end.y_m
        a, b = self.path[after - 1], self.path[after]
        share = (time_s - a.time_s) / (b.time_s - a.time_s)
        return a.x_m + share * (b.x_m - a.x_m), a.y_m + share * (b.y_m - a.y_m)

    def pose(self, time_s: float) -> Pose:
        """How to draw the person at this moment."""
        x, y = self.position(time_s)
        recent = [self._heading(time_s - back) for back in (0.0, 0.1, 0.2, 0.3, 0.4)]
        heading = atan2(sum(map(sin, recent)), sum(map(cos, recent)))
        steps = [
            hypot(*_between(self.position(t), self.position(t + 0.1)))
            for t in (time_s - 0.2, time_s - 0.1, time_s, time_s + 0.1)
        ]
        stay, walking = self._stay(time_s), min(1.0, sum(steps) / 4 / 0.1)
        return Pose(
            x_m=x,
            y_m=y,
            heading_rad=heading,
            gait_rad=self._walked(time_s) / (0.82 * self.look.height_m) * 2 * pi,
            walking=walking,
            gesture=stay.gesture if stay else "idle",
            time_s=0.0 if not self.alive else time_s if walking else floor(time_s * IDLE_HZ) / IDLE_HZ,
        )

    def _stay(self, time_s: float) -> Stay | None:
        return next((s for s in self.stays if s.from_s <= time_s < s.to_s), None)

    def _heading(self, time_s: float) -> float:
        stay = self._stay(time_s)
        if stay is not None:
            return stay.facing_rad
        dx, dy = _between(self.position(time_s), self.position(time_s + 0.05))
        if dx == dy == 0.0:
            dx, dy = _between(self.position(time_s - 0.05), self.position(time_s))
        return atan2(dy, dx)

    def _walked(self, time_s: float) -> float:
        """Metres since the first waypoint."""
        far = 0.0
        for a, b in zip(self.path, self.path[1:], strict=False):
            if time_s <= a.time_s:
                break
            step = hypot(b.x_m - a.x_m, b.y_m - a.y_m)
            far += step * min(1.0, (time_s - a.time_s) / (b.time_s - a.time_s))
        return far


def _between(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return b[0] - a[0], b[1] - a[1]


class Timetable:
    """Builds one actor's path step by step: go there, stay until then."""

    def __init__(
        self, name: str, role: Role, look: Look, at_s: float, x_m: float, y_m: float, speed_m_s: float
    ) -> None:
        self.name, self._role, self._look, self._speed = name, role, look, speed_m_s
        self._path = [Waypoint(at_s, x_m, y_m)]
        self._stays: list[Stay] = []

    @property
    def now_s(self) -> float:
        """When the last step so far ends."""
        return self._path[-1].time_s

    def go(self, *places: tuple[float, float]) -> "Timetable":
        """Walk to one place after the other at the person's own speed."""
        for x, y in places:
            last = self._path[-1]
            self._path.append(Waypoint(last.time_s + hypot(x - last.x_m, y - last.y_m) / self._speed, x, y))
        return self

    def stay(self, until_s: float, facing_rad: float, gesture: Gesture = "idle") -> "Timetable":
        """Stand until then. Raises ValueError when that is already past: the script's times do not fit."""
        last = self._path[-1]
        if until_s <= last.time_s:
            raise ValueError(f"{self.name} shall stay until {until_s:.1f} s but arrives at {last.time_s:.1f} s")
        self._stays.append(Stay(last.time_s, until_s, facing_rad, gesture))
        self._path.append(Waypoint(until_s, last.x_m, last.y_m))
        return self

    def arrive(
        self, at_s: float, *places: tuple[float, float], facing_rad: float, gesture: Gesture = "idle"
    ) -> "Timetable":
        """Stand until the walk over these places must begin to reach the last of them at this time."""
        last, far = self._path[-1], 0.0
        x, y = last.x_m, last.y_m
        for to_x, to_y in places:
            far, x, y = far + hypot(to_x - x, to_y - y), to_x, to_y
        return self.stay(at_s - far / self._speed, facing_rad, gesture).go(*places)

    def actor(self) -> Actor:
        """The finished person."""
        return Actor(self.name, self._role, self._look, tuple(self._path), tuple(self._stays))
