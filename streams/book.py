"""The rules as the fold reads them: looked up by version, numbers in ms, areas looked up by cell."""

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.errors import InputError
from schemas.floor import Floor
from schemas.rules import CameraRules
from streams.bounds import BOUNDS, Bounds
from streams.ground import Ground
from streams.hours import Hours


class UnknownRules(InputError):
    """The fold has no such rules: add the camera to the site file or publish the rules set, then fold again."""


class Counter(NamedTuple):
    """A service point."""

    service_point_id: str
    name: str
    along_x: float
    along_y: float
    """Metres along the counter line between two points = their difference in pixels . (along_x, along_y)."""


class Waiting(NamedTuple):
    """A service or queue zone; `place` says whose customers wait together: the queue's service point, else the zone."""

    zone_id: str
    name: str
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
    zones: tuple[Waiting, ...]
    ground: Ground
    hours: Hours
    ignores: bool
    """Something is drawn to be ignored."""
    floor: Floor | None
    tall_min_m: float
    """Who is less tall has hidden legs."""
    confidence_min: float
    speed_max_m_s: float
    stitch_distance_m: float
    stitch_size_ratio_min: float
    people_max: int
    against: dict[str, frozenset[str]]
    """By role: the classes of the other side; nothing speaks against anybody in pairs `any`."""
    cut_confidence_min: float
    hidden_covered_min: float
    hidden_distance_m: float
    child_max_m: float
    life_edge_share: float
    life_edge_min_px: float
    stable_share: float
    body_height_m: float
    depth_factor: float
    reach: float
    """Half of near_m in body heights: how far "near" is on one person's side."""
    height_ratio_max: float
    pixel_max_m: float
    counter_reach_m: float
    facing_weight: float
    near_m: float
    stay_m: float
    start_support: float
    speed_apart_m_s: float
    pairs_max: int
    unknown_ms: int
    stitch_gap_ms: int
    forget_ms: int
    """Nobody is taken up again later, and nothing of theirs is open."""
    cut_class_ms: int
    hidden_ms: int
    life_ms: int
    staff_area_ms: int
    stable_ms: int
    start_ms: int
    far_ms: int
    apart_ms: int
    confirm_ms: int
    sample_max_ms: int
    roll_ms: int
    change_ms: int
    party_m: float
    party_ms: int
    wait_start_ms: int
    wait_confirm_ms: int
    busy_ms: int
    served_ms: int
    contact_gap_ms: int
    outside_ms: int
    occurrence_max_ms: int


def law_of(rules: CameraRules, version: str, bounds: Bounds = BOUNDS) -> Law:
    """The rules ready to be applied."""
    numbers = rules.thresholds
    counters = tuple(
        Counter(
            point.service_point_id,
            point.name or point.service_point_id,
            *_along(point.counter_line, point.counter_length_m),
        )
        for point in rules.service_points
    )
    index = {counter.service_point_id: at for at, counter in enumerate(counters)}
    drawn = sorted(rules.zones, key=lambda zone: zone.kind != "queue")
    zones = tuple(
        Waiting(
            zone.zone_id,
            zone.name or zone.zone_id,
            zone.kind == "queue",
            -1 if zone.service_point is None else index[zone.service_point],
            f"zone {zone.zone_id}" if zone.service_point is None else f"service point {zone.service_point}",
        )
        for zone in drawn
    )
    person, role, near = numbers.person, numbers.role, numbers.near
    talk, wait = numbers.interaction, numbers.unattended
    return Law(
        rules=rules,
        version=version,
        any_pair=rules.pairs == "any",
        staff_classes=frozenset(role.staff_classes),
        customer_classes=frozenset(role.customer_classes),
        counters=counters,
        zones=zones,
        ground=Ground(rules, drawn),
        hours=Hours(rules),
        ignores=bool(rules.ignore_areas),
        floor=None if rules.floor is None else rules.floor.floor(near),
        tall_min_m=near.foot_share_min * near.body_height_m,
        confidence_min=person.confidence_min,
        speed_max_m_s=person.speed_max_m_s,
        stitch_distance_m=person.stitch_distance_m,
        stitch_size_ratio_min=person.stitch_size_ratio_min,
        people_max=bounds.people_max,
        against=_against(rules),
        cut_confidence_min=person.cut_confidence_min,
        hidden_covered_min=person.hidden_covered_min,
        hidden_distance_m=person.hidden_distance_m,
        child_max_m=person.child_max_m,
        life_edge_share=person.life_edge_share,
        life_edge_min_px=person.life_edge_min_px,
        stable_share=role.stable_share,
        body_height_m=near.body_height_m,
        depth_factor=near.depth_factor,
        reach=talk.near_m / 2 / near.body_height_m,
        height_ratio_max=near.height_ratio_max,
        pixel_max_m=near.pixel_max_m,
        counter_reach_m=near.counter_reach_m,
        facing_weight=near.facing_weight,
        near_m=talk.near_m,
        stay_m=talk.stay_m,
        start_support=talk.start_support,
        speed_apart_m_s=talk.relative_speed_max_m_s,
        pairs_max=bounds.pairs_max,
        unknown_ms=_ms(numbers.time.unknown_s),
        stitch_gap_ms=_ms(person.stitch_gap_s),
        forget_ms=_ms(max(person.hidden_s, person.stitch_gap_s, talk.unknown_s, wait.outside_s)),
        cut_class_ms=_ms(person.cut_class_s),
        hidden_ms=_ms(person.hidden_s),
        life_ms=_ms(person.life_s),
        staff_area_ms=_ms(role.staff_area_s),
        stable_ms=_ms(role.stable_s),
        start_ms=_ms(talk.start_s),
        far_ms=_ms(talk.far_s),
        apart_ms=_ms(talk.unknown_s),
        confirm_ms=_ms(talk.confirm_s),
        sample_max_ms=bounds.sample_max_ms,
        roll_ms=bounds.roll_ms,
        change_ms=_ms(talk.change_s),
        party_m=talk.party_m,
        party_ms=_ms(talk.party_s),
        wait_start_ms=_ms(wait.start_s),
        wait_confirm_ms=_ms(wait.confirm_s),
        busy_ms=_ms(wait.busy_s),
        served_ms=_ms(wait.served_s),
        contact_gap_ms=_ms(wait.contact_gap_s),
        outside_ms=_ms(wait.outside_s),
        occurrence_max_ms=bounds.occurrence_max_ms,
    )


@dataclass(frozen=True)
class RulesBook:
    """The rules of every camera now (`current`, by camera_id) and every set that a log may name (`by_version`)."""

    current: dict[str, CameraRules]
    by_version: dict[str, CameraRules] = field(default_factory=dict)
    bounds: Bounds = BOUNDS
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
            law = self._laws[version] = law_of(self._rules(version), version, self.bounds)
        return law

    def _rules(self, version: str) -> CameraRules:
        if version in self.by_version:
            return self.by_version[version]
        for camera_id, known in self._versions.items():
            if known == version:
                return self.current[camera_id]
        raise UnknownRules(f"rules_version {version}: not among the published rules; publish that set, then fold again")


def _against(rules: CameraRules) -> dict[str, frozenset[str]]:
    if rules.pairs == "any":
        return {}
    role = rules.thresholds.role
    return {"staff": frozenset(role.customer_classes), "customer": frozenset(role.staff_classes)}


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _along(line: tuple[tuple[float, float], tuple[float, float]], length_m: float) -> tuple[float, float]:
    """The vector whose product with (point - first end) is metres along the line."""
    dx, dy = line[1][0] - line[0][0], line[1][1] - line[0][1]
    per = length_m / (dx * dx + dy * dy)
    return dx * per, dy * per
