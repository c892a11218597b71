"""A frame with everything that was drawn on it: what the fold will believe of this camera, for a person to look at.

Shaded is where the distance of two people would not be known: the fold's own function is asked for every few pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, hypot
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from schemas.floor import Floor
from schemas.geometry import Point
from schemas.rules import CameraRules

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Blue, green, red."""
Shape = Literal["area", "line", "ring"]

STAFF: Colour = (235, 145, 60)
CUSTOMER: Colour = (80, 200, 110)
SERVICE: Colour = (170, 190, 40)
QUEUE: Colour = (50, 180, 245)
IGNORED: Colour = (150, 150, 150)
COUNTER: Colour = (70, 90, 250)
GRID: Colour = (255, 255, 255)
POINT: Colour = (235, 90, 230)
BAD: Colour = (60, 60, 255)
UNKNOWN: Colour = (95, 95, 95)
PAPER: Colour = (38, 33, 30)
INK: Colour = (240, 240, 238)
FAINT: Colour = (165, 160, 155)

WIDTH_PX = 1280
"""Smaller frames are enlarged to about this, so that lines and letters are fine."""
CELLS = 640
FILL = 0.22
LINES_MAX = 60


@dataclass
class Marks:
    """What `calibrate` found, to be shown with it: (pixel, text, is it bad)."""

    points: list[tuple[Point, str, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def draw(frame: Image, rules: CameraRules, marks: Marks | None = None) -> Image:
    """The picture of a camera's rules over its frame ((height, width, 3) uint8, BGR)."""
    known = None if rules.floor is None else rules.floor.floor(rules.thresholds.near)
    scale = max(1.0, WIDTH_PX / frame.shape[1])
    board = _Board(frame, scale)
    if known is not None:
        board.shade(_unknown(known, frame.shape[1], frame.shape[0]))
        _draw_grid(board, known)
    for area in rules.ignore_areas:
        board.area(area, IGNORED, "ignored", hatched=True)
    for area in rules.staff_areas:
        board.area(area, STAFF, "staff only")
    for zone in rules.zones:
        colour = QUEUE if zone.kind == "queue" else SERVICE
        board.area(zone.polygon, colour, zone.name or zone.zone_id)
    for point in rules.service_points:
        board.area(point.staff_area, STAFF, "staff")
        board.area(point.customer_strip, CUSTOMER, "customers")
        board.line(*point.counter_line, COUNTER, 3.0, ends=True)
        (x1, y1), (x2, y2) = point.counter_line
        label = f"{point.name or point.service_point_id}, {point.counter_length_m:g} m"
        board.label((x1 + (x2 - x1) * 0.12, y1 + (y2 - y1) * 0.12 - 9), label, COUNTER)
    if known is not None and known.lens is not None:
        _draw_bodies(board, known, rules.thresholds.near.body_height_m)
    for at, text, bad in (marks or Marks()).points:
        board.cross(at, BAD if bad else POINT)
        board.label((at[0], at[1] - 9), text, BAD if bad else POINT)
    return _with_legend(board.image, rules, known, marks or Marks())


def _unknown(known: Floor, width: int, height: int) -> Image:
    """(height, width) uint8: 255 where nobody's foot has a place on the floor."""
    step = max(1, width // CELLS)
    cells = [
        [known.look(x, y, 0.0)[0] is None for x in range(step // 2, width, step)]
        for y in range(step // 2, height, step)
    ]
    coarse = np.array(cells, np.uint8) * 255
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _draw_grid(board: "_Board", known: Floor) -> None:
    """Lines every metre (or every so many, on a large floor), stronger ones every five."""
    xs, ys = [c[0] for c in known.hull], [c[1] for c in known.hull]
    size = max(max(xs) - min(xs), max(ys) - min(ys))
    step = next((s for s in (1, 2, 5, 10, 20, 50) if size / s <= LINES_MAX / 2), 100)
    for first, last, along in ((min(xs), max(xs), 0), (min(ys), max(ys), 1)):
        for at in range(ceil(first / step) * step, floor(last) + 1, step):
            spots = _on_line(known, at, along, (min(ys), max(ys)) if along == 0 else (min(xs), max(xs)))
            strong = at % (5 * step) == 0
            for run in spots:
                board.path(run, GRID, 1.6 if strong else 0.9, 0.85 if strong else 0.45)
            if spots and (strong or along == 1 or at % (2 * step) == 0):
                board.tiny(spots[0][0] if along == 0 else spots[-1][-1], f"{at}")


def _on_line(known: Floor, at: float, along: int, span: tuple[float, float]) -> list[list[Point]]:
    """The known stretches of one grid line, in pixels."""
    runs: list[list[Point]] = [[]]
    for other in np.linspace(*span, 160):
        spot = known.pixel(at, float(other)) if along == 0 else known.pixel(float(other), at)
        if spot is not None and known.look(*spot, 0.0)[0] is not None:
            runs[-1].append(spot)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _draw_bodies(board: "_Board", known: Floor, tall_m: float) -> None:
    """People of mean height on the floor: they look right where the camera's place is right."""
    x = sum(c[0] for c in known.hull) / len(known.hull)
    y = sum(c[1] for c in known.hull) / len(known.hull)
    for part in (0.0, 0.62):
        for corner in known.hull if part else known.hull[:1]:
            at = x + (corner[0] - x) * part, y + (corner[1] - y) * part
            foot, head = known.pixel(*at), known.pixel(*at, tall_m)
            if foot is not None and head is not None:
                board.figure(foot, head)


def _with_legend(image: Image, rules: CameraRules, known: Floor | None, marks: Marks) -> Image:
    """A strip below the picture: what the colours mean, and how near is measured."""
    items: list[tuple[Colour, str, Shape]] = []
    if rules.service_points:
        items += [(COUNTER, "counter line", "line"), (STAFF, "staff stand here", "area")]
        items.append((CUSTOMER, "served here", "area"))
    elif rules.staff_areas:
        items.append((STAFF, "staff only", "area"))
    kinds = {zone.kind for zone in rules.zones}
    items += [(SERVICE, "service zone", "area")] if "service" in kinds else []
    items += [(QUEUE, "queue", "area")] if "queue" in kinds else []
    items += [(IGNORED, "ignored", "area")] if rules.ignore_areas else []
    if known is not None:
        items.append((GRID, "floor, metres", "line"))
        items += [(INK, f"{rules.thresholds.near.body_height_m:g} m tall", "ring")] if known.lens is not None else []
        items.append((UNKNOWN, "shaded: distance unknown", "area"))
    measured = "by feet on the floor" if known is not None else "by body heights (floor not measured)"
    pairs = "staff with customer" if rules.pairs == "roles" else "every two people"
    notes = [f"near is measured {measured}; pairs: {pairs}", *marks.notes]
    unit = max(1.0, image.shape[1] / WIDTH_PX)
    strip = np.full((round((84 + 24 * len(notes)) * unit), image.shape[1], 3), PAPER, np.uint8)
    _text(strip, (20 * unit, 34 * unit), rules.camera_name, INK, 22 * unit, 600)
    at = 20 * unit
    for colour, label, shape in items:
        left, right, middle = round(at), round(at + 22 * unit), round(59 * unit)
        if shape == "area":
            cv2.rectangle(strip, (left, round(52 * unit)), (right, round(66 * unit)), colour, -1, cv2.LINE_AA)
        elif shape == "line":
            cv2.line(strip, (left, middle), (right, middle), colour, max(2, round(3 * unit)), cv2.LINE_AA)
        else:
            cv2.circle(strip, ((left + right) // 2, middle), round(7 * unit), colour, max(1, round(unit)), cv2.LINE_AA)
        at = _text(strip, (at + 30 * unit, 66 * unit), label, INK, 17 * unit) + 26 * unit
    for row, note in enumerate(notes):
        _text(strip, (20 * unit, (96 + 24 * row) * unit), note, FAINT, 16 * unit)
    return np.vstack((image, strip))


def _text(image: Image, at: Point, text: str, colour: Colour, size: float, weight: int = 400) -> float:
    """Write from at (left, base line) on; returns where it ends."""
    end, _ = cv2.putText(image, text, (round(at[0]), round(at[1])), colour, _face(), round(size), weight)
    return float(end[0])


def _face() -> Any:
    return cv2.FontFace("sans")


class _Board:
    """A frame, enlarged, that is drawn on in the frame's own pixels."""

    def __init__(self, frame: Image, scale: float) -> None:
        size = (round(frame.shape[1] * scale), round(frame.shape[0] * scale))
        self.image: Image = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        self._scale, self._unit = scale, max(1.0, size[0] / WIDTH_PX)
        self._numbers: list[tuple[float, float]] = []

    def shade(self, unknown: Image) -> None:
        """Darken, and hatch, what is not known."""
        height, width = self.image.shape[:2]
        there = np.asarray(cv2.resize(unknown, (width, height), interpolation=cv2.INTER_LINEAR), np.float32) / 255
        rows, columns = np.mgrid[0:height, 0:width]
        stripes = 0.42 + 0.10 * (((rows + columns) // round(7 * self._unit)) % 2)
        light = 1 - there * (1 - stripes)
        self.image = (self.image * light[..., None]).astype(np.uint8)

    def area(self, corners: Sequence[Point], colour: Colour, label: str, hatched: bool = False) -> None:
        """A filled polygon with its name in it."""
        outline = self._pixels(corners)
        height, width = self.image.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [outline], 255)
        if hatched:
            rows, columns = np.mgrid[0:height, 0:width]
            mask[((rows - columns) // round(6 * self._unit)) % 3 != 0] = 0
        self._blend(lambda layer: layer.__setitem__(mask > 0, colour), 0.5 if hatched else FILL)
        cv2.polylines(self.image, [outline], True, colour, max(1, round(2 * self._unit)), cv2.LINE_AA)
        x, y = np.mean(outline, axis=0) / self._scale
        self.label((float(x), float(y)), label, colour)

    def line(self, a: Point, b: Point, colour: Colour, thick: float, ends: bool = False) -> None:
        """A straight line, with marks at its ends if wanted."""
        pair = self._pixels([a, b])
        cv2.line(self.image, pair[0], pair[1], colour, max(1, round(thick * self._unit)), cv2.LINE_AA)
        for end in pair if ends else []:
            cv2.circle(self.image, end, round(5 * self._unit), colour, -1, cv2.LINE_AA)

    def path(self, spots: Sequence[Point], colour: Colour, thick: float, strength: float) -> None:
        """A faint line through many points."""
        outline = self._pixels(spots)

        def paint(layer: Image) -> None:
            cv2.polylines(layer, [outline], False, colour, max(1, round(thick * self._unit)), cv2.LINE_AA)

        self._blend(paint, strength)

    def figure(self, foot: Point, head: Point) -> None:
        """Somebody of mean height."""
        low, high = self._pixels([foot, head])
        tall = hypot(float(low[0] - high[0]), float(low[1] - high[1]))

        def paint(layer: Image) -> None:
            thick = max(1, round(self._unit))
            cv2.line(layer, low, (high + (low - high) * 0.14).astype(int), INK, thick, cv2.LINE_AA)
            cv2.circle(
                layer, (high + (low - high) * 0.07).astype(int), max(2, round(tall * 0.07)), INK, thick, cv2.LINE_AA
            )
            cv2.ellipse(
                layer, low, (max(2, round(tall * 0.12)), max(1, round(tall * 0.04))), 0, 0, 360, INK, thick, cv2.LINE_AA
            )

        self._blend(paint, 0.65)

    def cross(self, at: Point, colour: Colour) -> None:
        """Where somebody measured."""
        (x, y), arm = self._pixels([at])[0], round(8 * self._unit)
        for thick, shade in ((4, PAPER), (2, colour)):
            for a, b in (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))):
                cv2.line(
                    self.image,
                    (int(a[0]), int(a[1])),
                    (int(b[0]), int(b[1])),
                    shade,
                    round(thick * self._unit),
                    cv2.LINE_AA,
                )

    def label(self, at: Point, text: str, colour: Colour) -> None:
        """Words on a dark plate, the middle of which is at."""
        size, pad = 16 * self._unit, 5 * self._unit
        box: Any = cv2.getTextSize(self.image.shape[1::-1], text, (0, 0), _face(), round(size), 500)
        (x, y), wide = self._pixels([at])[0], box[2]
        left = min(max(x - wide / 2, pad), self.image.shape[1] - wide - pad)
        base = min(max(y + size * 0.35, size + pad), self.image.shape[0] - 2 * pad)
        corners = (round(left - pad), round(base - size)), (round(left + wide + pad), round(base + pad))
        self._blend(lambda layer: cv2.rectangle(layer, *corners, PAPER, -1, cv2.LINE_AA), 0.72)
        _text(self.image, (left, base), text, colour, size, 500)

    def tiny(self, at: Point, text: str) -> None:
        """A number beside a grid line."""
        x, y = (float(v) for v in self._pixels([at])[0])
        if any(hypot(x - a, y - b) < 26 * self._unit for a, b in self._numbers):
            return
        self._numbers.append((x, y))
        _text(self.image, (x + 4 * self._unit, y - 3 * self._unit), text, INK, 13 * self._unit)

    def _blend(self, paint: Callable[[Image], object], strength: float) -> None:
        layer = self.image.copy()
        paint(layer)
        cv2.addWeighted(layer, strength, self.image, 1 - strength, 0, dst=self.image)

    def _pixels(self, spots: Sequence[Point]) -> npt.NDArray[np.int32]:
        return np.round(np.asarray(spots, np.float64) * self._scale).astype(np.int32)
