"""The shop without people: furniture as boxes on a floor in metres, and the still picture a camera has of it.

The picture is made once per camera by casting a ray through every pixel; drawing people over it is `painter`'s work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from infra.demo.camera import Floats, Image, Pinhole
from infra.demo.figures import Colour
from infra.demo.painter import Still

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Box:
    """Anything with six sides. x, y, z: from and to, in metres."""

    x: tuple[float, float]
    y: tuple[float, float]
    z: tuple[float, float]
    colour: Colour
    grain: bool = False
    """Wood."""


@dataclass(frozen=True, slots=True)
class Shop:
    """One room, seen from the origin of its floor."""

    boxes: tuple[Box, ...]
    wall_ahead_m: float
    walls_aside_m: float
    floor: Literal["planks", "tiles"]
    floor_colour: Colour
    wall_colour: Colour
    band_colour: Colour
    """A stripe on the wall, 1.2 to 1.3 m up."""


def shelf(
    random: np.random.Generator, x: tuple[float, float], y: tuple[float, float], faces: Literal["near", "left", "right"]
) -> Iterator[Box]:
    """A shelf unit full of goods, 1.9 m high, open to one side."""
    wood = _vary(random, (95, 135, 170), 14)
    high, step = 1.9, 0.38
    yield Box(x, y, (0.0, 0.10), wood, grain=True)
    back = {"near": (x, (y[1] - 0.04, y[1])), "right": ((x[0], x[0] + 0.04), y), "left": ((x[1] - 0.04, x[1]), y)}[
        faces
    ]
    yield Box(*back, (0.0, high), _dim(wood, 0.75))
    for level in np.arange(0.10, high + 0.01, step):
        yield Box(x, y, (float(level), float(level) + 0.03), wood, grain=True)
        if level + step > high:
            break
        along = y if faces != "near" else x
        at = along[0] + 0.03
        while at < along[1] - 0.12:
            wide, tall = float(random.uniform(0.07, 0.17)), float(random.uniform(0.14, step - 0.07))
            many, colour = int(random.integers(1, 4)), _goods(random)
            for _ in range(many):
                if at + wide > along[1] - 0.02:
                    break
                z = (float(level) + 0.03, float(level) + 0.03 + tall)
                if faces == "near":
                    yield Box((at, at + wide), (y[0] + 0.04, y[1] - 0.06), z, colour)
                elif faces == "right":
                    yield Box((x[0] + 0.06, x[1] - 0.04), (at, at + wide), z, colour)
                else:
                    yield Box((x[0] + 0.04, x[1] - 0.06), (at, at + wide), z, colour)
                at += wide + 0.012
            at += float(random.uniform(0.01, 0.06))


def table(random: np.random.Generator, x: tuple[float, float], y: tuple[float, float], high_m: float) -> Iterator[Box]:
    """A display table with goods on it."""
    wood = _vary(random, (120, 165, 200), 16)
    yield Box(x, y, (high_m - 0.05, high_m), wood, grain=True)
    for leg_x in (x[0] + 0.03, x[1] - 0.09):
        for leg_y in (y[0] + 0.03, y[1] - 0.09):
            yield Box((leg_x, leg_x + 0.06), (leg_y, leg_y + 0.06), (0.0, high_m - 0.05), _dim(wood, 0.7))
    at = x[0] + 0.08
    while at < x[1] - 0.2:
        wide, tall, colour = float(random.uniform(0.1, 0.2)), float(random.uniform(0.04, 0.16)), _goods(random)
        yield Box((at, at + wide), (y[0] + 0.08, (y[0] + y[1]) / 2 - 0.03), (high_m, high_m + tall), colour)
        yield Box((at, at + wide), ((y[0] + y[1]) / 2 + 0.03, y[1] - 0.08), (high_m, high_m + tall * 1.2), colour)
        at += wide + float(random.uniform(0.03, 0.12))


def counter(
    x: tuple[float, float], y: tuple[float, float], high_m: float, panel: Colour, till: bool = True
) -> Iterator[Box]:
    """A counter with a wooden top; customers stand at its near side, staff behind."""
    yield Box((x[0] + 0.03, x[1] - 0.03), (y[0] + 0.04, y[1] - 0.04), (0.08, high_m - 0.05), panel)
    yield Box((x[0] + 0.05, x[1] - 0.05), (y[0] + 0.08, y[1] - 0.08), (0.0, 0.08), _dim(panel, 0.4))
    at = x[0] + 0.06
    while at < x[1] - 0.5:  # a front of panels
        yield Box((at, at + 0.62), (y[0] + 0.03, y[0] + 0.05), (0.18, high_m - 0.16), _dim(panel, 1.12))
        at += 0.7
    yield Box(x, y, (high_m - 0.05, high_m), (110, 150, 185), grain=True)
    if till:
        middle = (x[0] + x[1]) / 2
        yield Box((middle - 0.14, middle + 0.14), (y[0] + 0.22, y[0] + 0.46), (high_m, high_m + 0.09), (70, 66, 64))
        yield Box(
            (middle - 0.13, middle + 0.13), (y[0] + 0.28, y[0] + 0.32), (high_m + 0.09, high_m + 0.26), (48, 46, 45)
        )


def picture(shop: Shop, camera: Pinhole, supersample: int = 2) -> Still:
    """What the camera sees of the empty shop."""
    rays = camera.rays(supersample).astype(np.float32)
    size = rays.shape[:2]
    nearest, ahead = np.full(size, np.inf, np.float32), np.full(size, np.inf, np.float32)
    colours = np.zeros((*size, 3), np.float32)
    _room(shop, camera, rays, nearest, colours)
    for box in shop.boxes:
        _cast(box, camera, rays, supersample, nearest, ahead, colours)
    rows, columns = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j].astype(np.float32)
    colours *= (1.03 - 0.16 * (rows**2 + columns**2) / 2)[:, :, None]  # a lens is darker at its corners
    image: Image = np.clip(colours, 0, 255).astype(np.uint8)
    image = cv2.resize(image, (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return Still(image, ahead[supersample // 2 :: supersample, supersample // 2 :: supersample].copy())


def _room(shop: Shop, camera: Pinhole, rays: Singles, nearest: Singles, colours: Singles) -> None:
    """Floor and walls."""
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(rays[..., 2] < 0, -camera.height_m / rays[..., 2], np.inf)
        ahead = np.where(rays[..., 1] > 0, shop.wall_ahead_m / rays[..., 1], np.inf)
        aside = shop.walls_aside_m / np.abs(rays[..., 0])
    nearest[:] = np.minimum(np.minimum(floor, ahead), aside)
    x, y = rays[..., 0] * nearest, rays[..., 1] * nearest
    z = camera.height_m + rays[..., 2] * nearest
    on_floor = floor <= nearest
    texture = _planks(x, y) if shop.floor == "planks" else _tiles(x, y)
    shade = np.ones_like(x)
    for box in shop.boxes:
        if box.z[0] <= 0.1 and (box.x[1] - box.x[0]) * (box.y[1] - box.y[0]) > 0.05:
            gap = np.hypot(
                np.maximum(np.maximum(box.x[0] - x, x - box.x[1]), 0),
                np.maximum(np.maximum(box.y[0] - y, y - box.y[1]), 0),
            )
            shade *= 1 - 0.38 * np.exp(-gap / 0.16)
    corner = np.minimum(shop.wall_ahead_m - y, shop.walls_aside_m - np.abs(x))
    shade *= 1 - 0.3 * np.exp(-corner / 0.3)
    lamps = 0.92 + 0.10 * np.cos(x * 2.1) * np.cos((y - 1.0) * 1.7)
    colours[on_floor] = (np.asarray(shop.floor_colour) * (texture * shade * lamps)[..., None])[on_floor]
    wall = np.where(ahead < aside, 1.0, 0.88) * (0.80 + 0.08 * z) * np.where(z < 0.10, 0.7, 1.0)
    band = (z > 1.95) & (z < 2.12)
    paint = np.where(band[..., None], np.asarray(shop.band_colour), np.asarray(shop.wall_colour))
    colours[~on_floor] = (paint * wall[..., None])[~on_floor]


def _planks(x: Singles, y: Singles) -> Singles:
    """Boards 0.14 m wide that run away from the camera, each with its own tone and joints."""
    board = np.floor(x / 0.14)
    length = y + _noise(board) * 3.0
    tone = 0.90 + 0.16 * _noise(board * 7.0 + np.floor(length / 1.6) * 31.0)
    grain = 0.02 * np.sin(x * 190 + 6 * np.sin(length * 3 + board))
    joint = ((x / 0.14 - board) < 0.045) | ((length / 1.6 - np.floor(length / 1.6)) < 0.006)
    return np.where(joint, tone * 0.80, tone + grain).astype(np.float32)


def _tiles(x: Singles, y: Singles) -> Singles:
    """Square tiles of 0.45 m with joints."""
    column, row = np.floor(x / 0.45), np.floor(y / 0.45)
    tone = 0.96 + 0.06 * _noise(column * 13.0 + row * 57.0)
    joint = ((x / 0.45 - column) < 0.03) | ((y / 0.45 - row) < 0.03)
    return np.where(joint, tone * 0.86, tone).astype(np.float32)


def _noise(of: Singles) -> Singles:
    """A fixed value from 0 to 1 for every number."""
    wave = np.sin(of * 12.9898 + 4.1) * 43758.5453
    return np.asarray(wave - np.floor(wave), dtype=np.float32)


def _cast(
    box: Box, camera: Pinhole, rays: Singles, supersample: int, nearest: Singles, ahead: Singles, colours: Singles
) -> None:
    """Put one box into the picture where it is nearer than what is there."""
    low, high = np.array([side[0] for side in (box.x, box.y, box.z)]), np.array([s[1] for s in (box.x, box.y, box.z)])
    corners: Floats = np.array([(x, y, z) for x in box.x for y in box.y for z in box.z])
    if camera.depth_m(corners).min() < 0.3:
        return
    points = camera.project(corners) * supersample
    (left, top), (right, bottom) = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int) + 1
    rows, columns = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    part = rays[rows, columns]
    if part.size == 0:
        return
    eye = np.array((0.0, 0.0, camera.height_m))
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (low - eye) / part, (high - eye) / part
    enters, leaves = np.minimum(to_low, to_high), np.maximum(to_low, to_high)
    side, distance = enters.argmax(axis=-1), enters.max(axis=-1)
    hit = (distance < leaves.min(axis=-1)) & (distance > 0) & (distance < nearest[rows, columns])
    if not hit.any():
        return
    at = eye + part[hit] * distance[hit][:, None]
    side = side[hit]
    light = np.array((0.72, 0.88, 1.06))[side]
    edge = np.sort(np.minimum(at - low, high - at), axis=1)[:, 1]  # the face's own axis is 0 away from its plane
    light = np.where(edge < 0.008, light * 0.80, light)
    light *= 0.86 + 0.14 * np.clip(at[:, 2] / 1.2, 0, 1)
    if box.grain:
        light *= 1 + 0.05 * np.sin(at[:, 1] * 55 + 3 * np.sin(at[:, 0] * 5)) * (side == 2)
    nearest[rows, columns][hit] = distance[hit]
    ahead[rows, columns][hit] = at[:, 1]
    colours[rows, columns][hit] = np.asarray(box.colour) * light[:, None]


def _dim(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by


def _vary(random: np.random.Generator, colour: Colour, by: float) -> Colour:
    shift = float(random.uniform(-by, by))
    return colour[0] + shift, colour[1] + shift, colour[2] + shift


def _goods(random: np.random.Generator) -> Colour:
    """The colour of a product: bright, but less so than clothes."""
    hue, saturation, value = random.uniform(0, 180), random.uniform(40, 170), random.uniform(110, 235)
    b, g, r = cv2.cvtColor(np.array([[(hue, saturation, value)]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return float(b), float(g), float(r)
