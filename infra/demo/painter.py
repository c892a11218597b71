"""Draws people over a shop that stands still, and says which pixels are whose.

People are painted from the farthest to the nearest. What of the shop stands nearer than a person hides that person: for
every pixel the still picture knows how far ahead (`ahead_m`, along y) its surface lies; open floor hides nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from infra.demo.camera import Floats, Image, Pinhole
from infra.demo.figures import Look, Pose, mesh

SUPERSAMPLE = 3
_LIGHT = np.array((-0.35, -0.55, 0.76)) / np.linalg.norm((-0.35, -0.55, 0.76))


@dataclass(frozen=True, slots=True)
class Still:
    """The shop without people. picture: (rows, columns, 3) BGR; ahead_m: (rows, columns), inf on floor and walls."""

    picture: Image
    ahead_m: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A person in a picture. box: x1, y1, x2, y2 px of the visible part; visible: share of the figure's pixels."""

    box: tuple[float, float, float, float]
    visible: float


def _blob() -> npt.NDArray[np.float32]:
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    shade: npt.NDArray[np.float32] = np.clip(1 - np.hypot(x, y), 0, 1).astype(np.float32)
    return shade * shade * (3 - 2 * shade)


_SHADOW = _blob()


def paint(still: Still, camera: Pinhole, people: Sequence[tuple[Look, Pose]]) -> tuple[Image, list[Drawn | None]]:
    """The picture with people in it, and what is seen of each (in the given order; None = nothing)."""
    picture = still.picture.copy()
    order = sorted(range(len(people)), key=lambda i: -people[i][1].y_m)
    for i in order:
        _shadow(picture, still, camera, people[i])
    masks: list[tuple[int, int, npt.NDArray[np.bool_], int] | None] = [None] * len(people)
    for i in order:
        look, pose = people[i]
        figure = _figure(camera, look, pose)
        if figure is None:
            continue
        left, top, bgra, whole = figure
        rows, columns = slice(top, top + bgra.shape[0]), slice(left, left + bgra.shape[1])
        seen = still.ahead_m[rows, columns] > pose.y_m - 0.05
        alpha = bgra[:, :, 3] * seen
        share = alpha.astype(np.uint16)[:, :, None]
        colour = bgra[:, :, :3].astype(np.uint16) * seen[:, :, None]
        part = picture[rows, columns]
        part[:] = ((part * (255 - share) + 127) // 255 + colour).clip(0, 255).astype(np.uint8)
        mask = alpha > 127
        for other in masks:
            if other is not None:
                _erase(other, left, top, mask)
        masks[i] = (left, top, mask, whole)
    return picture, [_seen(m) for m in masks]


def _erase(
    other: tuple[int, int, npt.NDArray[np.bool_], int], left: int, top: int, mask: npt.NDArray[np.bool_]
) -> None:
    """Take the pixels under a nearer person's mask from another's."""
    x0, y0, theirs, _ = other
    x1, y1 = max(left, x0), max(top, y0)
    x2, y2 = min(left + mask.shape[1], x0 + theirs.shape[1]), min(top + mask.shape[0], y0 + theirs.shape[0])
    if x1 < x2 and y1 < y2:
        theirs[y1 - y0 : y2 - y0, x1 - x0 : x2 - x0] &= ~mask[y1 - top : y2 - top, x1 - left : x2 - left]


def _seen(mask: tuple[int, int, npt.NDArray[np.bool_], int] | None) -> Drawn | None:
    if mask is None:
        return None
    left, top, pixels, whole = mask
    columns, rows = np.flatnonzero(pixels.any(axis=0)), np.flatnonzero(pixels.any(axis=1))
    if columns.size == 0:
        return None
    box = (left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1)
    return Drawn((float(box[0]), float(box[1]), float(box[2]), float(box[3])), int(pixels.sum()) / max(whole, 1))


@lru_cache(maxsize=64)
def _figure(camera: Pinhole, look: Look, pose: Pose) -> tuple[int, int, Image, int] | None:
    """Left, top and the premultiplied BGRA picture of one body within the image, and how many pixels the whole body
    has, in the image or not; None when none lie in the image. Kept for those who stand still."""
    body = mesh(look, pose)
    facing = (body.normals * (np.array((0.0, 0.0, camera.height_m)) - body.corners[:, 0])).sum(axis=1) > 0
    corners, normals, colours = body.corners[facing], body.normals[facing], body.colours[facing]
    points = camera.project(corners)
    low, high = np.floor(points.min(axis=(0, 1))).astype(int), np.ceil(points.max(axis=(0, 1))).astype(int) + 1
    left, top = max(int(low[0]), 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), camera.width_px), min(int(high[1]), camera.height_px)
    if left >= right or top >= bottom:
        return None
    light = 0.62 + 0.42 * np.maximum(normals @ _LIGHT, 0) + 0.10 * normals[:, 2]
    light *= 0.80 + 0.20 * np.clip(corners[:, :, 2].mean(axis=1) / 0.9, 0, 1)
    shaded = np.clip(colours * light[:, None], 0, 255)
    order = np.argsort(-camera.depth_m(corners.mean(axis=1)))
    canvas = np.zeros((int(high[1] - low[1]) * SUPERSAMPLE, int(high[0] - low[0]) * SUPERSAMPLE, 4), np.uint8)
    fixed = np.round((points[order] - low) * (SUPERSAMPLE * 16) - 8).astype(np.int32)
    for face, (b, g, r) in zip(fixed, shaded[order].tolist(), strict=True):
        cv2.fillConvexPoly(canvas, face, (b, g, r, 255), cv2.LINE_8, 4)
    small = cv2.resize(canvas, (int(high[0] - low[0]), int(high[1] - low[1])), interpolation=cv2.INTER_AREA)
    whole = int((small[:, :, 3] > 127).sum())
    part = small[top - low[1] : bottom - low[1], left - low[0] : right - low[0]]
    return left, top, part.astype(np.uint8, copy=False), whole


def _shadow(picture: Image, still: Still, camera: Pinhole, person: tuple[Look, Pose]) -> None:
    """A soft shadow on the floor around the feet."""
    _, pose = person
    reach = 0.48
    corners = np.array([(pose.x_m + dx, pose.y_m + dy, 0.0) for dx in (-reach, reach) for dy in (-reach, reach)])
    points: Floats = camera.project(corners)
    x1, y1 = (int(v) for v in np.floor(points.min(axis=0)))
    x2, y2 = (int(v) for v in np.ceil(points.max(axis=0)))
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, camera.width_px), min(y2, camera.height_px)
    if left >= right or top >= bottom:
        return
    shade = cv2.resize(_SHADOW, (x2 - x1, y2 - y1))[top - y1 : bottom - y1, left - x1 : right - x1]
    shade = np.where(np.isinf(still.ahead_m[top:bottom, left:right]), shade, 0)
    part = picture[top:bottom, left:right]
    part[:] = (part * (1 - 0.42 * shade[:, :, None])).astype(np.uint8)


class Grain:
    """The sensor's noise: a few tiles made once, laid over every picture at another place."""

    def __init__(self, random: np.random.Generator, width_px: int, height_px: int, strength: float = 1.8) -> None:
        tiles = random.normal(0, strength, (2, height_px + 64, width_px + 64)).round().clip(-12, 12)
        self._lighter = np.repeat(tiles.clip(0, None).astype(np.uint8)[..., None], 3, axis=-1)
        self._darker = np.repeat((-tiles).clip(0, None).astype(np.uint8)[..., None], 3, axis=-1)

    def over(self, image: Image, number: int) -> Image:
        """image with the noise of frame `number`."""
        tile, right, down = number % 2, number * 37 % 64, number * 23 % 64
        rows, columns = slice(down, down + image.shape[0]), slice(right, right + image.shape[1])
        lighter = cv2.add(image, self._lighter[tile, rows, columns])
        return cv2.subtract(lighter, self._darker[tile, rows, columns]).astype(np.uint8, copy=False)
