"""A frame with everything that was drawn on it: what the fold will believe of this camera, for a person to look at.

Shaded is where the distance of two people would not be known: the fold's own function is asked for every few pixels.
"""

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

from inference.calibrate.board import INK, PAPER, WIDTH_PX, Board, Colour, Image, write
from schemas.floor import Floor
from schemas.floor_grid import lines, unknown
from schemas.geometry import Point
from schemas.rules import CameraRules

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
FAINT: Colour = (165, 160, 155)

CELLS = 640
"""The known floor is asked for at so many places a row."""


@dataclass
class Marks:
    """What `calibrate` found, to be shown with it: (pixel, text, is it bad)."""

    points: list[tuple[Point, str, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def draw(frame: Image, rules: CameraRules, marks: Marks | None = None) -> Image:
    """The picture of a camera's rules over its frame ((height, width, 3) uint8, BGR)."""
    known = None if rules.floor is None else rules.floor.floor(rules.thresholds.near)
    scale = max(1.0, WIDTH_PX / frame.shape[1])
    board = Board(frame, scale)
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
    board.rulers()
    return _with_legend(board.image, rules, known, marks or Marks())


def _unknown(known: Floor, width: int, height: int) -> Image:
    """(height, width) uint8: 255 where nobody's foot has a place on the floor."""
    cells = unknown(known, width, height, max(1, width // CELLS))
    coarse = np.array(cells, np.uint8) * 255
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _draw_grid(board: "Board", known: Floor) -> None:
    """Lines every metre (or every so many, on a large floor), stronger ones every five."""
    for line in lines(known):
        for run in line.runs:
            board.path(run, GRID, 1.6 if line.strong else 0.9, 0.85 if line.strong else 0.45)
        if line.named:
            board.tiny(line.runs[0][0] if line.along == 0 else line.runs[-1][-1], f"{line.at_m}")


def _draw_bodies(board: "Board", known: Floor, tall_m: float) -> None:
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
    notes = [f"near is measured {measured}; pairs: {pairs}; the rulers count the frame's own pixels", *marks.notes]
    unit = max(1.0, image.shape[1] / WIDTH_PX)
    strip = np.full((round((84 + 24 * len(notes)) * unit), image.shape[1], 3), PAPER, np.uint8)
    write(strip, (20 * unit, 34 * unit), rules.camera_name, INK, 22 * unit, 600)
    at = 20 * unit
    for colour, label, shape in items:
        left, right, middle = round(at), round(at + 22 * unit), round(59 * unit)
        if shape == "area":
            cv2.rectangle(strip, (left, round(52 * unit)), (right, round(66 * unit)), colour, -1, cv2.LINE_AA)
        elif shape == "line":
            cv2.line(strip, (left, middle), (right, middle), colour, max(2, round(3 * unit)), cv2.LINE_AA)
        else:
            cv2.circle(strip, ((left + right) // 2, middle), round(7 * unit), colour, max(1, round(unit)), cv2.LINE_AA)
        at = write(strip, (at + 30 * unit, 66 * unit), label, INK, 17 * unit) + 26 * unit
    for row, note in enumerate(notes):
        write(strip, (20 * unit, (96 + 24 * row) * unit), note, FAINT, 16 * unit)
    return np.vstack((image, strip))
