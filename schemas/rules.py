"""A camera's effective rules: every number and polygon that the fold applies, as versioned data.

Where a number has a source it stands beside it; all are physical and can be set per site and per camera.
Polygons and points are pixels of the camera's image, origin top-left.
"""

import hashlib
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.floor import Floor
from schemas.geometry import Point
from schemas.hours import OpeningHours

Polygon = Annotated[tuple[Point, ...], Field(min_length=3)]
Seconds = Annotated[float, Field(ge=0)]
Metres = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Frozen(BaseModel):
    """Validated, immutable, and a word that we do not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServicePoint(Frozen):
    """A counter drawn on the image; contact there = staff in its area, customer in its strip, close along the line."""

    service_point_id: Name
    name: str = ""
    counter_line: tuple[Point, Point]
    """The counter's edge in the image, from one end to the other."""
    counter_length_m: Metres
    staff_area: Polygon
    """Where the lower edge of a visible staff body ends."""
    customer_strip: Polygon
    """Floor within about 1 m of the counter, where the feet of somebody served stand."""


class Zone(Frozen):
    """An area of floor where customers wait: to be served there, or in the queue of a service point."""

    zone_id: Name
    name: str = ""
    kind: Literal["service", "queue"]
    polygon: Polygon
    service_point: Name | None = None

    @model_validator(mode="after")
    def _a_queue_names_its_point(self) -> "Zone":
        if (self.kind == "queue") != (self.service_point is not None):
            raise ValueError("a queue zone names its service_point, a service zone does not")
        return self


class FloorPoint(Frozen):
    """One spot of floor: where it is in the image, and where in the room."""

    pixel: Point
    floor_m: Point
    """Metres, in any frame that is the same for all points of the camera."""


class FloorPlan(Frozen):
    """What makes distances on a camera's floor known."""

    points: Annotated[tuple[FloorPoint, ...], Field(min_length=4)]
    """Spread over the floor that matters: distances are known there and a little beyond."""
    lens_m: tuple[float, float, Metres] | None = None
    """Above which spot of floor the camera hangs, and how high: tells how tall people are (`trackfold calibrate`
    reckons it from the points)."""

    @model_validator(mode="after")
    def _the_points_make_a_floor(self) -> "FloorPlan":
        self.floor()
        return self

    def floor(self, near: "NearRules | None" = None) -> Floor:
        """The floor, known as far as `near` says."""
        limits = {} if near is None else {"pixel_max_m": near.pixel_max_m, "growth": near.hull_growth}
        return Floor([(point.pixel, point.floor_m) for point in self.points], self.lens_m, **limits)


class PersonRules(Frozen):
    """Who is a person, and when two tracklets are one (`stitching`)."""

    confidence_min: Share = 0.3
    speed_max_m_s: Metres = 3.0
    stitch_gap_s: Seconds = 3.0
    stitch_distance_m: Metres = 0.75
    stitch_size_ratio_min: Share = 0.7
    cut_class_s: Seconds = 1.0
    """A class that contradicts the role for so long is somebody else's: detectors err for frames, not for a second."""
    cut_confidence_min: Share = 0.7
    hidden_s: Seconds = 60.0
    """How long one may stand behind somebody, or bend down at a counter."""
    hidden_covered_min: Share = 0.5
    """Detectors lose bodies of which half is covered (measured: found of those seen by 30 to 60 %: two thirds)."""
    hidden_distance_m: Metres = 0.5
    """Who did not walk is found again within a step."""
    life_s: Seconds = 120.0
    """People who sit or stand move their heads within that time."""
    life_edge_share: Share = 0.03
    """Of a sitting body 4 cm: a head that leans or turns, held for seconds."""
    life_edge_min_px: float = Field(default=4.0, ge=0)
    """Twice what the edge of a thing's box wanders (1 to 2 px)."""
    child_max_m: float = Field(default=1.3, ge=0)
    """Up to about eight years of age; who sits is taller (measured on a calibrated floor alone)."""


class RoleRules(Frozen):
    """Class beats zone; a role is acted on only once it is stable."""

    staff_classes: tuple[str, ...] = ("staff",)
    customer_classes: tuple[str, ...] = ("customer",)
    staff_area_s: Seconds = 20.0
    stable_s: Seconds = 10.0
    stable_share: Share = 0.8


class NearRules(Frozen):
    """How far apart two people are: on a calibrated floor, else by what the image says of their bodies."""

    body_height_m: Metres = 1.7
    foot_share_min: Share = 0.75
    """Who is less tall than this part of body_height_m has hidden legs, so the box's lower edge is no foot."""
    depth_factor: float = Field(default=2.2, ge=1)
    """k = 1 / sin(camera tilt below the horizon): vertical pixels are k times as long on the floor."""
    height_ratio_max: float = Field(default=1.25, ge=1)
    pixel_max_m: Metres = 0.10
    """Where one pixel is more floor than this, a distance is unknown."""
    hull_growth: Share = 0.2
    """A calibrated floor is known this much beyond its outermost points."""
    counter_reach_m: Metres = 1.2
    facing_weight: float = Field(default=0.6, ge=0, le=2)
    """Where headings are known, a distance counts 1 + 2 x this times as far back to back (measured on SALSA and
    CocktailParty: hysteresis with facing beats a plain 1.8 m by 0.19 and 0.06 F1). Never at a service point."""


class InteractionRules(Frozen):
    """Two people together."""

    near_m: Metres = 1.5
    stay_m: Metres = 2.25
    start_s: Seconds = 1.0
    start_support: Share = 0.6
    far_s: Seconds = 5.0
    unknown_s: Seconds = 10.0
    confirm_s: Seconds = 15.0
    relative_speed_max_m_s: Metres = 0.5
    change_s: Seconds = 2.0
    """A customer belongs to one staff member; to belong to another takes this long."""
    party_m: Metres = 1.2
    """Customers at most this far apart for party_s before the first contact came together: an arm's length, as couples
    and families stand (intimate and personal distance, E. T. Hall, The Hidden Dimension, 1966)."""
    party_s: Seconds = 10.0


class UnattendedRules(Frozen):
    """A customer without staff."""

    start_s: Seconds = 5.0
    confirm_s: Seconds = 60.0
    busy_s: Seconds = 300.0
    served_s: Seconds = 3.0
    contact_gap_s: Seconds = 1.0
    """A shorter break does not end a contact."""
    outside_s: Seconds = 10.0


class TimeRules(Frozen):
    """When time is unknown and when the camera was blind."""

    unknown_s: Seconds = 3.0
    """Longer without a frame, and two may have parted and met again."""


class Thresholds(Frozen):
    """All numbers of the fold."""

    person: PersonRules = PersonRules()
    role: RoleRules = RoleRules()
    near: NearRules = NearRules()
    interaction: InteractionRules = InteractionRules()
    unattended: UnattendedRules = UnattendedRules()
    time: TimeRules = TimeRules()


class CameraRules(Frozen):
    """One camera's effective rules: what the fold is given, and all that it is given beside the log."""

    site_id: Name
    camera_id: Name
    camera_name: str
    timezone: str
    day_starts_min: int
    """The business day's cut, minutes after local midnight."""
    pairs: Literal["roles", "any"]
    zones: tuple[Zone, ...]
    service_points: tuple[ServicePoint, ...]
    staff_areas: tuple[Polygon, ...]
    ignore_areas: tuple[Polygon, ...]
    opening_hours: OpeningHours | None = None
    """No episode begins outside them; None: always open."""
    floor: FloorPlan | None = None
    thresholds: Thresholds

    def body(self) -> str:
        """The rules as canonical JSON: sorted keys, no blanks."""
        return msgspec.json.encode(self.model_dump(mode="json"), order="deterministic").decode()

    @property
    def version(self) -> str:
        """rules_version: the first 16 hex digits of the SHA-256 of body()."""
        return hashlib.sha256(self.body().encode()).hexdigest()[:16]
