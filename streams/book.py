"""The rules as the fold reads them: looked up by version, numbers in ms, polygons with their bounding boxes."""

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import InputError
from schemas.geometry import inside
from schemas.rules import CameraRules, Polygon


class UnknownRules(InputError):
    """The fold has no such rules: add the camera to the site file or publish the rules set, then fold again."""


class Area(NamedTuple):
    """A polygon and the box around it, in pixels."""

    polygon: Polygon
    x1: float
    y1: float
    x2: float
    y2: float

    @classmethod
    def around(cls, polygon: Polygon) -> "Area":
        """The polygon with its bounding box."""
        xs, ys = [x for x, _ in polygon], [y for _, y in polygon]
        return cls(polygon, min(xs), min(ys), max(xs), max(ys))

    def holds(self, x: float, y: float) -> bool:
        """True when (x, y) lies inside; cheap for points that are far away."""
        return self.x1 <= x <= self.x2 and self.y1 <= y <= self.y2 and inside((x, y), self.polygon)


class Counter(NamedTuple):
    """A service point."""

    service_point_id: str
    name: str
    staff_area: Area
    strip: Area
    x: float
    y: float
    """One end of the counter line, pixels."""
    along_x: float
    along_y: float
    """Metres along the line = (point - end) . (along_x, along_y)."""


class Waiting(NamedTuple):
    """A service or queue zone; `place` says whose customers wait together: the queue's service point, else the zone."""

    zone_id: str
    name: str
    area: Area
    queue: bool
    point: int
    """Index of the queue's service point; -1 for a service zone."""
    place: str


@dataclass(frozen=True, slots=True)
class Law:
    """One camera's effective rules, ready to be applied: times in ms, lengths in metres."""

    rules: CameraRules
    version: str
    any_pair: bool
    staff_classes: frozenset[str]
    customer_classes: frozenset[str]
    counters: tuple[Counter, ...]
    staff_areas: tuple[Area, ...]
    ignore_areas: tuple[Area, ...]
    zones: tuple[Waiting, ...]
    unknown_ms: int
    stitch_gap_ms: int
    forget_ms: int
    staff_area_ms: int
    stable_ms: int
    start_ms: int
    far_ms: int
    apart_ms: int
    confirm_ms: int
    sample_max_ms: int
    roll_ms: int
    change_ms: int
    wait_start_ms: int
    wait_confirm_ms: int
    busy_ms: int
    served_ms: int
    contact_gap_ms: int
    outside_ms: int
    occurrence_max_ms: int


def law_of(rules: CameraRules, version: str) -> Law:
    """The rules ready to be applied."""
    numbers = rules.thresholds
    counters = tuple(
        Counter(
            point.service_point_id,
            point.name or point.service_point_id,
            Area.around(point.staff_area),
            Area.around(point.customer_strip),
            *point.counter_line[0],
            *_along(point.counter_line, point.counter_length_m),
        )
        for point in rules.service_points
    )
    index = {counter.service_point_id: at for at, counter in enumerate(counters)}
    zones = tuple(
        Waiting(
            zone.zone_id,
            zone.name or zone.zone_id,
            Area.around(zone.polygon),
            zone.kind == "queue",
            -1 if zone.service_point is None else index[zone.service_point],
            f"zone {zone.zone_id}" if zone.service_point is None else f"service point {zone.service_point}",
        )
        for zone in rules.zones
    )
    person, role, talk, wait, time = (
        numbers.person,
        numbers.role,
        numbers.interaction,
        numbers.unattended,
        numbers.time,
    )
    return Law(
        rules=rules,
        version=version,
        any_pair=rules.pairs == "any",
        staff_classes=frozenset(role.staff_classes),
        customer_classes=frozenset(role.customer_classes),
        counters=counters,
        staff_areas=tuple(Area.around(area) for area in rules.staff_areas),
        ignore_areas=tuple(Area.around(area) for area in rules.ignore_areas),
        zones=tuple(zone for zone in zones if zone.queue) + tuple(zone for zone in zones if not zone.queue),
        unknown_ms=_ms(time.unknown_s),
        stitch_gap_ms=_ms(person.stitch_gap_s),
        forget_ms=_ms(person.forget_s),
        staff_area_ms=_ms(role.staff_area_s),
        stable_ms=_ms(role.stable_s),
        start_ms=_ms(talk.start_s),
        far_ms=_ms(talk.far_s),
        apart_ms=_ms(talk.unknown_s),
        confirm_ms=_ms(talk.confirm_s),
        sample_max_ms=_ms(talk.sample_max_s),
        roll_ms=_ms(talk.roll_s),
        change_ms=_ms(talk.change_s),
        wait_start_ms=_ms(wait.start_s),
        wait_confirm_ms=_ms(wait.confirm_s),
        busy_ms=_ms(wait.busy_s),
        served_ms=_ms(wait.served_s),
        contact_gap_ms=_ms(wait.contact_gap_s),
        outside_ms=_ms(wait.outside_s),
        occurrence_max_ms=_ms(time.occurrence_max_s),
    )


@dataclass(frozen=True)
class RulesBook:
    """The rules of every camera now (`current`, by camera_id) and every set that a log may name (`by_version`)."""

    current: dict[str, CameraRules]
    by_version: dict[str, CameraRules] = field(default_factory=dict)
    _versions: dict[str, str] = field(init=False, repr=False, compare=False)
    _laws: dict[str, Law] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_versions", {camera: rules.version for camera, rules in self.current.items()})

    def version_of(self, camera_id: str) -> str:
        """rules_version of the camera's rules now. Raises UnknownRules."""
        if camera_id not in self._versions:
            raise UnknownRules(f"camera {camera_id}: no rules; add it to the site file, then start the worker again")
        return self._versions[camera_id]

    def law(self, version: str) -> Law:
        """The rules under that hash, compiled once. Raises UnknownRules."""
        law = self._laws.get(version)
        if law is None:
            law = self._laws[version] = law_of(self._rules(version), version)
        return law

    def _rules(self, version: str) -> CameraRules:
        if version in self.by_version:
            return self.by_version[version]
        for camera_id, known in self._versions.items():
            if known == version:
                return self.current[camera_id]
        raise UnknownRules(f"rules_version {version}: not among the published rules; publish that set, then fold again")


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _along(line: tuple[tuple[float, float], tuple[float, float]], length_m: float) -> tuple[float, float]:
    """The vector whose product with (point - first end) is metres along the line."""
    dx, dy = line[1][0] - line[0][0], line[1][1] - line[0][1]
    per = length_m / (dx * dx + dy * dy)
    return dx * per, dy * per
