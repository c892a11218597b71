"""What is drawn on a camera's image: as the editor has it, and whether it makes sense (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from shlex import join, quote
from typing import Annotated, Any

from pydantic import Field, ValidationError

from schemas.errors import InputError
from schemas.geometry import Point, crosses_itself, polygon_area
from schemas.rules import FloorPlan, Frozen, Polygon, ServicePoint, Zone
from schemas.site import Camera

SHAPES_MAX, POINTS_MAX = 200, 400
NAME_MAX = 80
AREA_MIN_PX = 1.0
KEYS = ("zones", "service_points", "staff_areas", "ignore_areas", "floor")
"""What of a camera is drawn, as the site file calls it."""


class Drawing(Frozen):
    """All that is drawn on one camera's image, in the pixels of its tracks."""

    zones: Annotated[tuple[Zone, ...], Field(max_length=SHAPES_MAX)] = ()
    service_points: Annotated[tuple[ServicePoint, ...], Field(max_length=SHAPES_MAX)] = ()
    staff_areas: Annotated[tuple[Polygon, ...], Field(max_length=SHAPES_MAX)] = ()
    ignore_areas: Annotated[tuple[Polygon, ...], Field(max_length=SHAPES_MAX)] = ()
    floor: FloorPlan | None = None

    def plain(self) -> dict[str, Any]:
        """As lists, numbers and text; what is not said is left out."""
        return self.model_dump(mode="json", exclude_none=True)


def drawn(camera: Camera) -> Drawing:
    """What the site file has of a camera."""
    return Drawing(**{key: getattr(camera, key) for key in KEYS})


@dataclass(frozen=True)
class Wrong:
    """Something that cannot be saved: where in the drawing, and what."""

    key: str
    """Of KEYS; empty: the whole."""
    index: int | None
    """Of the shape, or of the floor's point."""
    text: str


class BadDrawing(InputError):
    """A drawing that cannot be saved; `wrongs` says where."""

    def __init__(self, wrongs: Sequence[Wrong]) -> None:
        super().__init__("\n".join(wrong.text for wrong in wrongs))
        self.wrongs = tuple(wrongs)


def read_drawing(data: object, size: tuple[int, int]) -> Drawing:
    """The drawing that the editor sent, for an image of that size in pixels. Raises BadDrawing."""
    wrongs = list(_out_of_bounds(data))
    if wrongs:
        raise BadDrawing(wrongs)
    try:
        drawing = Drawing.model_validate(data)
    except ValidationError as error:
        raise BadDrawing([_located(e["loc"], e["msg"]) for e in error.errors()]) from error
    wrongs = [*_wrong_shapes(drawing, size), *_wrong_names(drawing)]
    if wrongs:
        raise BadDrawing(wrongs)
    return drawing


def _out_of_bounds(data: object) -> Iterator[Wrong]:
    """JSON as Python reads it knows NaN, and any length."""
    if isinstance(data, float) and not isfinite(data):
        yield Wrong("", None, "a number is not a number")
    elif isinstance(data, list):
        if len(data) > POINTS_MAX:
            yield Wrong("", None, f"{len(data)} points or shapes in one list; {POINTS_MAX} are the most")
        else:
            for value in data:
                yield from _out_of_bounds(value)
    elif isinstance(data, dict):
        for value in data.values():
            yield from _out_of_bounds(value)


def _located(loc: tuple[int | str, ...], message: str) -> Wrong:
    key = str(loc[0]) if loc and loc[0] in KEYS else ""
    index = next((part for part in loc if isinstance(part, int)), None)
    inner = ".".join(part for part in loc if isinstance(part, str) and part not in (*KEYS, "points"))
    text = message.removeprefix("Value error, ")
    return Wrong(key, index, f"{inner}: {text}" if inner else text)


def _areas(drawing: Drawing) -> Iterator[tuple[str, int, str, Polygon]]:
    for index, zone in enumerate(drawing.zones):
        yield "zones", index, "the zone", zone.polygon
    for index, point in enumerate(drawing.service_points):
        yield "service_points", index, "the staff area", point.staff_area
        yield "service_points", index, "the customer strip", point.customer_strip
    for index, area in enumerate(drawing.staff_areas):
        yield "staff_areas", index, "the area", area
    for index, area in enumerate(drawing.ignore_areas):
        yield "ignore_areas", index, "the area", area


def _wrong_shapes(drawing: Drawing, size: tuple[int, int]) -> Iterator[Wrong]:
    for key, index, what, polygon in _areas(drawing):
        yield from _outside(key, index, what, polygon, size)
        if crosses_itself(polygon):
            yield Wrong(key, index, f"{what} crosses itself: move a point so that no two of its sides meet")
        elif polygon_area(polygon) < AREA_MIN_PX:
            yield Wrong(key, index, f"{what} covers nothing: its points lie on one line")
    for index, point in enumerate(drawing.service_points):
        yield from _outside("service_points", index, "the counter line", point.counter_line, size)
        if point.counter_line[0] == point.counter_line[1]:
            yield Wrong("service_points", index, "the counter line has both ends at one place")
    for index, spot in enumerate(() if drawing.floor is None else drawing.floor.points):
        yield from _outside("floor", index, "the point", [spot.pixel], size)


def _outside(key: str, index: int, what: str, points: Iterable[Point], size: tuple[int, int]) -> Iterator[Wrong]:
    for x, y in points:
        if not (0 <= x <= size[0] and 0 <= y <= size[1]):
            yield Wrong(key, index, f"{what}: ({x:g}, {y:g}) is outside the image of {size[0]}x{size[1]}")
            return


def _wrong_names(drawing: Drawing) -> Iterator[Wrong]:
    named: list[tuple[str, list[tuple[str, str]]]] = [
        ("zones", [(zone.zone_id, zone.name) for zone in drawing.zones]),
        ("service_points", [(point.service_point_id, point.name) for point in drawing.service_points]),
    ]
    for key, names in named:
        seen: set[str] = set()
        for index, (given, name) in enumerate(names):
            if given in seen:
                yield Wrong(key, index, f"{given!r} is there twice")
            seen.add(given)
            if len(name) > NAME_MAX or not name.isprintable():
                yield Wrong(key, index, f"name: at most {NAME_MAX} characters, none of them a control character")
    points = {point.service_point_id for point in drawing.service_points}
    for index, zone in enumerate(drawing.zones):
        if zone.service_point is not None and zone.service_point not in points:
            there = ", ".join(sorted(points)) or "none; draw one first"
            yield Wrong("zones", index, f"the queue's service point {zone.service_point!r} is not there: {there}")


def commands(
    data_dir: Path, live: Path, version: Path, rules_version: str, camera_id: str, day: str
) -> list[tuple[str, str]]:
    """What to do with a version that was saved: (in words, as typed). day: a business day to try it on."""
    ours = ["trackfold", *([] if data_dir == Path("var") else ["--data-dir", str(data_dir)])]
    trial = f"trial-{rules_version[:8]}"
    tried = [*ours, "replay", "--day", day, "--camera", camera_id, "--version", trial, "--site", str(version)]
    return [
        ("See what it changes in the file", join(["diff", str(live), str(version)])),
        ("Try it on a day that is over", join(tried)),
        ("See what it would have found there", join([*ours, "diff", "--version", trial, "--site", str(live)])),
        (
            "Take it live: a copy of the old file stays; start the processes again, it counts from the next business "
            "day on",
            f"cp {quote(str(live))} {quote(f'{live}.before')} && cp {quote(str(version))} {quote(str(live))}",
        ),
    ]
