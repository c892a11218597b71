"""The demo shop's two cameras: what each sees, and which floor belongs to which zone.

All positions are metres on the floor in front of that camera. `site_file` draws the zones on the image for the
pipeline, `truth` judges by the floor itself.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from infra.demo.camera import Pinhole
from infra.demo.figures import Colour
from infra.demo.shop import Box, Shop, counter, shelf, table

CameraId = Literal["counter", "floor"]
CAMERAS: tuple[CameraId, ...] = ("counter", "floor")


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of floor, in metres."""

    x: tuple[float, float]
    y: tuple[float, float]

    def holds(self, x: float, y: float) -> bool:
        """True when the point lies inside."""
        return self.x[0] <= x <= self.x[1] and self.y[0] <= y <= self.y[1]

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """From the far left one clockwise, as seen from above."""
        (x0, x1), (y0, y1) = self.x, self.y
        return (x0, y1), (x1, y1), (x1, y0), (x0, y0)


@dataclass(frozen=True, slots=True)
class Counter:
    """A service point on the floor."""

    service_point_id: str
    name: str
    x: tuple[float, float]
    line_y_m: float
    """The customers' edge."""
    far_y_m: float
    """The staff's edge."""
    high_m: float
    staff: Area
    strip: Area


@dataclass(frozen=True, slots=True)
class Place:
    """A zone where customers wait."""

    zone_id: str
    name: str
    kind: Literal["service", "queue"]
    area: Area
    service_point: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One camera of the demo."""

    camera_id: CameraId
    name: str
    camera: Pinhole
    shop: Shop
    zones: tuple[Place, ...]
    counters: tuple[Counter, ...]
    floor_marks_m: tuple[tuple[float, float], ...]
    """Spots of floor that are marked and measured, so that distances in the image are known."""


MANNEQUIN_M = (-2.45, 8.45)
"""Where one stands on the sales floor, on a plinth."""

_PLANKS: Colour = (122, 154, 184)
_TILES: Colour = (178, 186, 190)
_WALL: Colour = (205, 213, 217)
_BAND: Colour = (96, 122, 52)


def view(camera_id: CameraId, seed: int) -> View:
    """The camera's view; the seed changes the goods on the shelves and, for the floor, nothing of the geometry."""
    random = np.random.default_rng((seed, CAMERAS.index(camera_id), 7))
    return _counter_view(random) if camera_id == "counter" else _floor_view(random)


def _counter_view(random: np.random.Generator) -> View:
    x, y, high = (-1.2, 3.4), (5.2, 5.7), 1.05
    boxes: list[Box] = [*counter(x, y, high, (150, 122, 78))]
    for left, right in ((-4.6, -3.0), (-2.7, -0.7), (-0.5, 1.5), (1.7, 3.7)):
        boxes += shelf(random, (left, right), (7.6, 8.0), "near")
    boxes += shelf(random, (4.9, 5.3), (2.6, 5.0), "left")
    point = Counter(
        service_point_id="till",
        name="Till",
        x=x,
        line_y_m=y[0],
        far_y_m=y[1],
        high_m=high,
        staff=Area((x[0], x[1]), (y[1], 7.4)),
        strip=Area((-0.75, x[1]), (y[0] - 1.0, y[0])),
    )
    marks = ((-1.6, 2.9), (1.6, 2.9), (-3.4, 4.6), (3.4, 4.6), (0.0, 4.6), (-4.4, 7.2))
    queue = Place("queue", "Queue at the till", "queue", Area((-3.0, -1.25), (3.4, 4.8)), "till")
    shop = Shop(tuple(boxes), 8.0, 6.0, "planks", _PLANKS, _WALL, _BAND)
    return View("counter", "Till", Pinhole(3.0, 27.0, 420.0), shop, (queue,), (point,), marks)


def _floor_view(random: np.random.Generator) -> View:
    boxes: list[Box] = []
    for left, right in ((-6.6, -4.6), (-4.4, -2.4), (-2.2, -0.2), (0.2, 2.2), (2.4, 4.4), (4.6, 6.6)):
        boxes += shelf(random, (left, right), (9.2, 9.6), "near")
    for left, right in ((-4.6, -3.1), (3.1, 4.6)):
        boxes += table(random, (left, right), (7.5, 8.1), 0.75)
    x, y = MANNEQUIN_M
    boxes.append(Box((x - 0.3, x + 0.3), (y - 0.3, y + 0.3), (0.0, 0.05), (92, 96, 104)))
    zones = (
        Place("shoes", "Shoes", "service", Area((-4.5, -2.9), (5.3, 7.1))),
        Place("phones", "Phones", "service", Area((2.9, 4.5), (5.3, 7.1))),
        Place("coats", "Coats", "service", Area((-3.0, -1.95), (7.9, 9.1))),
    )
    marks = ((-1.6, 2.9), (1.6, 2.9), (-4.2, 6.0), (4.2, 6.0), (0.0, 6.0), (-5.6, 8.8), (5.6, 8.8))
    shop = Shop(tuple(boxes), 9.6, 7.4, "tiles", _TILES, _WALL, _BAND)
    return View("floor", "Sales floor", Pinhole(2.9, 27.0, 420.0), shop, zones, (), marks)
