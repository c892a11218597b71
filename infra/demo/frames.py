"""Pictures to train and test the detector with: half in the demo's two rooms with other goods, half in rooms that never
were; the people are made up anew for every picture and are never the demo's.

Written as JPEG beside one label file each (class, centre and size of the visible part, as shares of the picture), and
`truth.json` with everybody's visible share.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import hypot, pi
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from infra.demo.camera import Image, Pinhole
from infra.demo.counter import burn_counter
from infra.demo.figures import Colour, Gesture, Look, Pose
from infra.demo.looks import TRAINING, Role, make_look
from infra.demo.painter import Drawn, Grain, paint
from infra.demo.shop import Box, Shop, counter, picture, shelf, table
from infra.demo.views import view

CLASSES = ("customer", "staff")
FRAMES_PER_SHOP = 40
LABELLED_FROM = 0.30
"""Who is seen less is not labelled: the detector shall not guess."""
SEEDS_BEGIN = 1_000_000_000
"""Training draws from seeds above this one, the demo from those below."""

Person = tuple[Role, Look, Pose]
_GESTURES: tuple[Gesture, ...] = ("idle", "talk", "serve", "browse", "phone")


@dataclass(frozen=True, slots=True)
class Place:
    """A shop at random with its camera, and where the staff stand behind a counter, if there is one."""

    shop: Shop
    camera: Pinhole
    behind: tuple[float, float, float, float] | None
    """x from, to, y from, to."""


def write_frames(folder: Path, count: int, seed: int, workers: int = 0) -> None:
    """Make count pictures in folder/images and folder/labels. seed: 0, 1, ... for sets that share nobody."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(exist_ok=True)
    shops = range(-(-count // FRAMES_PER_SHOP))
    jobs = [(folder, count, SEEDS_BEGIN + seed * 1_000_000 + number, number, len(shops)) for number in shops]
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        truth = {name: people for part in pool.map(_one_shop, jobs) for name, people in part.items()}
    (folder / "truth.json").write_text(json.dumps(truth))


def _one_shop(job: tuple[Path, int, int, int, int]) -> dict[str, list[list[float]]]:
    """The pictures of one shop; they are numbered so that neighbours in the folder come from different shops."""
    folder, count, seed, number, shops = job
    cv2.setNumThreads(1)
    random = np.random.default_rng(seed)
    place = (_made_up, _counter_room, _made_up, _floor_room)[number % 4](random, seed)
    still = picture(place.shop, place.camera, supersample=1)
    grain = Grain(random, place.camera.width_px, place.camera.height_px, float(random.uniform(1.0, 4.0)))
    truth = {}
    for index in range(number, count, shops):
        people = _people(random, place)
        image, drawn = paint(still, place.camera, [(look, pose) for _, look, pose in people])
        image = _develop(random, grain.over(image, int(random.integers(1000))))
        name = f"{index:06d}"
        quality = int(random.integers(60, 96))
        if not cv2.imwrite(str(folder / "images" / f"{name}.jpg"), image, (cv2.IMWRITE_JPEG_QUALITY, quality)):
            raise OSError(f"{folder / 'images'}: cannot write pictures there")
        seen = [
            (CLASSES.index(role), d.visible, *d.box)
            for (role, _, _), d in zip(people, drawn, strict=True)
            if _sees(d) and d
        ]
        truth[name] = [[round(float(value), 3) for value in person] for person in seen]
        lines = [_label(place.camera, *person) for person in seen if person[1] >= LABELLED_FROM]
        (folder / "labels" / f"{name}.txt").write_text("".join(lines))
    return truth


def _sees(drawn: Drawn | None) -> bool:
    return drawn is not None and drawn.box[2] - drawn.box[0] >= 4 and drawn.box[3] - drawn.box[1] >= 8


def _label(camera: Pinhole, kind: float, _: float, x1: float, y1: float, x2: float, y2: float) -> str:
    wide, high = 2 * camera.width_px, 2 * camera.height_px
    shares = ((x1 + x2) / wide, (y1 + y2) / high, 2 * (x2 - x1) / wide, 2 * (y2 - y1) / high)
    return f"{int(kind)} {' '.join(f'{share:.5f}' for share in shares)}\n"


def _develop(random: np.random.Generator, image: Image) -> Image:
    """Exposure, colour cast and the burnt-in counter."""
    cast = random.uniform(0.86, 1.12) * random.uniform(0.96, 1.04, 3)
    exposed = np.clip(image * cast, 0, 255).astype(np.uint8)
    if random.random() < 0.8:
        burn_counter(
            exposed, int(random.integers(4000)), f"{('counter', 'floor', 'door')[int(random.integers(3))]} 10:00:00.0"
        )
    return exposed


def _counter_room(_: np.random.Generator, seed: int) -> Place:
    """The demo's till with other goods."""
    room = view("counter", seed)
    point = room.counters[0]
    (x0, x1), (y0, y1) = point.staff.x, point.staff.y
    return Place(room.shop, room.camera, (x0 + 0.2, x1 - 0.2, y0 + 0.3, y1 - 0.2))


def _floor_room(_: np.random.Generator, seed: int) -> Place:
    """The demo's sales floor with other goods."""
    room = view("floor", seed)
    return Place(room.shop, room.camera, None)


def _made_up(random: np.random.Generator, _: int) -> Place:
    """A room that never was, seen from anywhere under its ceiling."""

    def about(low: float, high: float) -> float:
        return float(random.uniform(low, high))

    camera = Pinhole(about(2.7, 3.2), about(23, 31), about(380, 480))
    wall, aside = about(7.0, 11.0), about(3.6, 6.5)
    boxes: list[Box] = []
    behind = None
    if about(0, 1) < 0.6:
        middle, half, near = about(-1.5, 1.5), about(1.0, 2.6), about(4.4, min(6.6, wall - 2.0))
        x, y = (middle - half, middle + half), (near, near + about(0.45, 0.7))
        boxes += counter(x, y, about(0.95, 1.12), _any_colour(random, 60, 200), till=about(0, 1) < 0.8)
        behind = (x[0] + 0.2, x[1] - 0.2, y[1] + 0.3, min(y[1] + 1.1, wall - 0.7))
    at = -aside + about(0.2, 1.0)
    while at < aside - 1.0:
        wide = about(0.9, 2.4)
        if about(0, 1) < 0.75:
            boxes += shelf(random, (at, min(at + wide, aside - 0.1)), (wall - 0.42, wall), "near")
        at += wide + about(0.05, 1.0)
    if about(0, 1) < 0.6:
        boxes += shelf(random, (-aside, -aside + 0.42), (about(2.5, 4), about(5, wall - 1)), "right")
    if about(0, 1) < 0.6:
        boxes += shelf(random, (aside - 0.42, aside), (about(2.5, 4), about(5, wall - 1)), "left")
    for _table in range(int(random.integers(0, 4))):
        x0, y0 = about(-4, 3), about(3, wall - 2)
        boxes += table(random, (x0, x0 + about(0.8, 1.8)), (y0, y0 + about(0.6, 1.0)), 0.8)
    shop = Shop(
        boxes=tuple(boxes),
        wall_ahead_m=wall,
        walls_aside_m=aside,
        floor="planks" if about(0, 1) < 0.5 else "tiles",
        floor_colour=_any_colour(random, 90, 190),
        wall_colour=_any_colour(random, 150, 225),
        band_colour=_any_colour(random, 40, 200),
    )
    return Place(shop, camera, behind)


def _any_colour(random: np.random.Generator, low: float, high: float) -> Colour:
    """A greyish one: its channels lie within 40 of one another."""
    grey = float(random.uniform(low, high))
    b, g, r = (float(grey + shift) for shift in random.uniform(-20, 20, 3))
    return b, g, r


def _people(random: np.random.Generator, place: Place) -> list[Person]:
    """None to seven people: alone, in pairs that talk, in a queue, behind the counter."""
    people: list[Person] = []
    wanted = int(random.choice(8, p=(0.04, 0.08, 0.12, 0.18, 0.2, 0.16, 0.12, 0.1)))
    if place.behind is not None and wanted:
        for _ in range(int(random.integers(0, 3))):
            x0, x1, y0, y1 = place.behind
            role: Role = "staff" if random.random() < 0.85 else "customer"
            _add(random, place, people, role, float(random.uniform(x0, x1)), float(random.uniform(y0, y1)), -pi / 2)
    for x, y, heading in _spots(random, wanted):
        _add(random, place, people, "staff" if random.random() < 0.4 else "customer", x, y, heading)
    return people


def _spots(random: np.random.Generator, wanted: int) -> Iterator[tuple[float, float, float]]:
    """Places on the floor and where people there look."""
    while wanted > 0:
        y = float(random.uniform(2.8, 9.0))
        x, heading = float(random.uniform(-0.85, 0.85) * y), float(random.uniform(-pi, pi))
        yield x, y, heading
        wanted -= 1
        company = random.random()
        if wanted and company < 0.45:  # somebody to talk with
            far, towards = random.uniform(0.55, 1.4), random.uniform(-pi, pi)
            yield float(x + far * np.cos(towards)), float(y + far * np.sin(towards)), float(towards + pi)
            wanted -= 1
        elif company < 0.6:  # a queue
            step, towards = random.uniform(0.55, 0.9), random.uniform(-pi, pi)
            for place in range(1, int(random.integers(2, 4))):
                yield (
                    float(x + place * step * np.cos(towards)),
                    float(y + place * step * np.sin(towards)),
                    float(towards + pi),
                )
                wanted -= 1


def _add(
    random: np.random.Generator, place: Place, people: list[Person], role: Role, x: float, y: float, heading: float
) -> None:
    """One more person, unless the spot is taken, in a wall or in furniture."""
    if not 2.0 < y < place.shop.wall_ahead_m - 0.3 or abs(x) > place.shop.walls_aside_m - 0.3:
        return
    if any(hypot(x - pose.x_m, y - pose.y_m) < 0.42 for _, _, pose in people):
        return
    if any(b.x[0] - 0.2 < x < b.x[1] + 0.2 and b.y[0] - 0.2 < y < b.y[1] + 0.2 for b in place.shop.boxes):
        return
    gesture = _GESTURES[int(random.integers(len(_GESTURES)))]
    walking = float(random.random() < 0.4)
    pose = Pose(
        x,
        y,
        heading + float(random.normal(0, 0.4)),
        float(random.uniform(0, 2 * pi)),
        walking,
        gesture,
        float(random.uniform(0, 100)),
    )
    people.append((role, make_look(random, role, TRAINING), pose))
