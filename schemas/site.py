"""The site file: one YAML file with a shop's cameras, zones and rules, validated with the line of every error."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AwareDatetime, Field, ValidationError, field_validator, model_validator

from schemas.errors import InputError
from schemas.geometry import Point
from schemas.hours import HoursByDay, opening_hours
from schemas.rules import CameraRules, FloorPlan, Frozen, Name, Polygon, ServicePoint, Share, Thresholds, Zone


class SiteError(InputError):
    """The site file cannot be used. Each line of the text names file, line, key and what is wrong; correct it there."""


Blur = Literal["none", "faces", "people"]
"""What is made unrecognisable in clips: nothing, the upper part of everybody's tracked box, or all of it."""


class Detector(Frozen):
    """What finds people in this camera's frames, and how often."""

    weights: str = ""
    """.pt, an OpenVINO folder or .onnx; relative to the site file."""
    kind: Literal["yolo", "recorded"] = "yolo"
    recorded: str = ""
    """Detections kept earlier (kind: recorded); relative to the site file."""
    classes: dict[str, str] = Field(
        default_factory=lambda: {"person": "person", "customer": "customer", "staff": "staff"}
    )
    """The model's class name -> the class_name we publish; others are dropped."""
    confidence: Share = 0.35
    image_size_px: int = Field(default=640, ge=64, le=4096)
    rate_hz: float = Field(default=10.0, gt=0, le=60)
    pose: bool = False
    """The weights are a pose model's: its 17 joints tell where people look (4 times as many bytes in the log)."""


class Camera(Frozen):
    """One camera: its source, and what is drawn on its image."""

    camera_id: Name
    name: str = ""
    source: str = ""
    """A video file (relative to the site file) or an rtsp:// or http:// address; user and password come from the
    environment, written as ${NAME}."""
    detect_source: str = ""
    """Another stream of the same camera for detection, smaller as a rule: then `source` is only recorded. All that is
    drawn, and `image_width` and `image_height`, are of this one."""
    start_time: AwareDatetime | None = None
    """When the file's first frame was taken; else the container's creation time."""
    image_width: int | None = Field(default=None, gt=0)
    image_height: int | None = Field(default=None, gt=0)
    reference: str = ""
    """A picture of what the camera is to see (relative to the site file), by which one that was moved or covered is
    noticed; `trackfold calibrate CAMERA --reference FILE` makes one. Without it only a black picture is noticed."""
    detector: Detector = Detector()
    zones: tuple[Zone, ...] = ()
    service_points: tuple[ServicePoint, ...] = ()
    staff_areas: tuple[Polygon, ...] = ()
    """Areas where only staff stay: whoever spends `role.staff_area_s` there is staff."""
    ignore_areas: tuple[Polygon, ...] = ()
    """Whose foot point lies here is nobody (a mirror, a screen, the street)."""
    floor: FloorPlan | None = None
    """Spots of floor with their place in the room: distances in metres instead of body heights."""
    opening_hours: HoursByDay | None = None
    """Where they differ from the site's; all of them."""
    rules: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Thresholds that differ from the site's."""
    blur: Blur | None = None
    """Where it differs from the site's."""

    @property
    def detected_source(self) -> str:
        """What is detected on."""
        return self.detect_source or self.source

    @model_validator(mode="after")
    def _two_streams_are_live(self) -> "Camera":
        if self.detect_source and not ("://" in self.source and "://" in self.detect_source):
            raise ValueError("detect_source goes with a live source: write both as rtsp:// or http:// addresses")
        return self

    @model_validator(mode="after")
    def _what_is_drawn_fits(self) -> "Camera":
        known = {p.service_point_id for p in self.service_points}
        for zone in self.zones:
            if zone.service_point is not None and zone.service_point not in known:
                raise ValueError(f"zone {zone.zone_id}: no service point {zone.service_point!r} on this camera")
        if self.image_width and self.image_height:
            for error in self._outside(self.image_width, self.image_height):
                raise ValueError(f"{error} the image of {self.image_width}x{self.image_height}")
        return self

    def _points(self) -> list[tuple[str, float, float]]:
        drawn: list[tuple[str, tuple[Point, ...]]] = [(f"zone {z.zone_id}", z.polygon) for z in self.zones]
        for point in self.service_points:
            drawn.append((f"service point {point.service_point_id}", point.staff_area + point.customer_strip))
            drawn.append((f"service point {point.service_point_id}", point.counter_line))
        drawn += [("staff area", p) for p in self.staff_areas] + [("ignore area", p) for p in self.ignore_areas]
        if self.floor is not None:
            drawn.append(("floor", tuple(point.pixel for point in self.floor.points)))
        return [(what, x, y) for what, points in drawn for x, y in points]

    def _outside(self, width: int, height: int) -> Iterator[str]:
        for what, x, y in self._points():
            if not (0 <= x <= width and 0 <= y <= height):
                yield f"{what}: point ({x:g}, {y:g}) is outside"

    @property
    def is_drawn_on(self) -> bool:
        """Does anything stand at pixels of its image?"""
        return bool(self._points())

    def check_image(self, width: int, height: int) -> None:
        """Raise SiteError when something is drawn outside a width x height image (pixels)."""
        for error in self._outside(width, height):
            raise SiteError(
                f"camera {self.camera_id}: {error} its image of {width}x{height}; correct it in the site file"
            )


class Retention(Frozen):
    """How long pictures are kept. What is not said is kept for ever, or by the settings."""

    clips_days: int | None = Field(default=None, ge=1)
    """Clips and stored objects of business days longer ago go; the episodes stay, as `expired`."""
    recordings_h: float | None = Field(default=None, gt=0)
    """The continuous recording; the setting `recording.max_age_h` where that is less."""


class Site(Frozen):
    """A shop."""

    site_id: Name
    name: str = ""
    branch_id: str = ""
    timezone: str = "UTC"
    business_day_starts: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "04:00"
    opening_hours: HoursByDay | None = None
    """Outside them no episode begins; a day that is not named is closed (`schemas/hours.py`). None: always open."""
    paths_from: str = ""
    """The folder that relative paths start from, where it is not the site file's own: in the versions that the console
    keeps elsewhere."""
    blur: Blur = "none"
    """Who is made unrecognisable in clips; the recording stays as it is."""
    retention: Retention = Retention()
    pairs: Literal["roles", "any"] = "roles"
    """roles = staff with customer; any = every two people."""
    rules: Thresholds = Thresholds()
    cameras: Annotated[tuple[Camera, ...], Field(min_length=1)]

    @field_validator("timezone")
    @classmethod
    def _a_real_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is not a time zone; write one like Europe/Berlin")
        return value

    @model_validator(mode="after")
    def _cameras_fit(self) -> "Site":
        seen: set[str] = set()
        for camera in self.cameras:
            if camera.camera_id in seen:
                raise ValueError(f"camera_id {camera.camera_id!r} is there twice")
            seen.add(camera.camera_id)
            self.effective_rules(camera.camera_id)
            if camera.detect_source and self.blur_of(camera.camera_id) != "none" and not camera.image_width:
                raise ValueError(
                    f"camera {camera.camera_id}: blur with a detect_source needs its image_width and image_height: "
                    "the boxes are of that picture, the clip is of another"
                )
        return self

    def blur_of(self, camera_id: str) -> Blur:
        """What is made unrecognisable in a camera's clips."""
        return self.camera(camera_id).blur or self.blur

    @property
    def day_starts_min(self) -> int:
        """The business day's cut, minutes after local midnight."""
        hours, minutes = self.business_day_starts.split(":")
        return int(hours) * 60 + int(minutes)

    def camera(self, camera_id: str) -> Camera:
        """The camera, or SiteError that names those there are."""
        for camera in self.cameras:
            if camera.camera_id == camera_id:
                return camera
        there = ", ".join(c.camera_id for c in self.cameras)
        raise SiteError(f"no camera {camera_id!r} in site {self.site_id!r}; there are: {there}")

    def base(self, path: Path) -> Path:
        """The folder that relative paths start from in this site, read from the file `path`."""
        return path.resolve().parent / Path(self.paths_from).expanduser()

    def effective_rules(self, camera_id: str) -> CameraRules:
        """What the fold applies to one camera: the site's thresholds, the camera's own over them, what is drawn."""
        camera = self.camera(camera_id)
        thresholds = self.rules.model_dump()
        for group, values in camera.rules.items():
            if group not in thresholds:
                raise ValueError(
                    f"camera {camera_id}: rules: unknown group {group!r}; there are: {', '.join(thresholds)}"
                )
            thresholds[group].update(values)
        open_by_day = self.opening_hours if camera.opening_hours is None else camera.opening_hours
        return CameraRules(
            site_id=self.site_id,
            camera_id=camera_id,
            camera_name=camera.name or camera_id,
            timezone=self.timezone,
            day_starts_min=self.day_starts_min,
            pairs=self.pairs,
            zones=camera.zones,
            service_points=camera.service_points,
            staff_areas=camera.staff_areas,
            ignore_areas=camera.ignore_areas,
            opening_hours=None if open_by_day is None else opening_hours(open_by_day),
            floor=camera.floor,
            thresholds=Thresholds.model_validate(thresholds),
        )

    def local_time(self, at_ms: int) -> datetime:
        """at_ms (ms UTC) on the shop's clock."""
        return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(self.timezone))


class _Loader(yaml.SafeLoader):
    """Dates and times stay text: the model reads them, and a wrong one is named with its line."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (the class has it so)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def plain_data(text: str) -> Any:
    """What a site file says before it is validated: lists, numbers, text. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_Loader)


def load_site(path: Path) -> Site:
    """Read and validate a site file. Raises SiteError with one line per error: file:line: key: what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SiteError(f"{path}: cannot read the site file: {error.strerror}; name one with --site FILE") from error
    return read_site(text, path)


def read_site(text: str, path: Path) -> Site:
    """The site in a text; path is what its errors call it. Raises SiteError as load_site does."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        data = plain_data(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SiteError(f"{path}:{line}: not YAML: {error.problem}") from error
    if not isinstance(data, dict):
        raise SiteError(f"{path}:1: a site file is a mapping that begins with site_id: NAME")
    try:
        return Site.model_validate(data)
    except ValidationError as error:
        lines = [_explain(path, root, e["loc"], e["msg"]) for e in error.errors()]
        raise SiteError("\n".join(lines)) from error


def _explain(path: Path, node: yaml.Node | None, loc: tuple[int | str, ...], message: str) -> str:
    """One line for one error; the line number is that of the nearest key that is really in the file."""
    line, named = 1, [str(part) for part in loc]
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return f"{path}:{line}: {'.'.join(named) or 'site'}: {message.removeprefix('Value error, ')}"
