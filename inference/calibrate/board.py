"""A frame that can be drawn on: areas, lines, figures and words, in the frame's own pixels."""

from collections.abc import Callable, Sequence
from math import hypot
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from schemas.geometry import Point

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
"""Blue, green, red."""
PAPER: Colour = (38, 33, 30)
INK: Colour = (240, 240, 238)
WIDTH_PX = 1280
"""Smaller frames are enlarged to about this, so that lines and letters are fine."""
FILL = 0.22
RULER_PX = 100


def write(image: Image, at: Point, text: str, colour: Colour, size: float, weight: int = 400) -> float:
    """Write from at (left, base line) on; returns where it ends."""
    end, _ = cv2.putText(image, text, (round(at[0]), round(at[1])), colour, _face(), round(size), weight)
    return float(end[0])


def _face() -> Any:
    return cv2.FontFace("sans")


class Board:
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
        write(self.image, (left, base), text, colour, size, 500)

    def rulers(self) -> None:
        """The frame's own pixels along its upper and left edges: what polygons in the site file are written in."""
        height, width = self.image.shape[:2]
        for along in range(0, round(max(height, width) / self._scale), RULER_PX // 5):
            at, strong = round(along * self._scale), along % RULER_PX == 0
            tick = round((9 if strong else 4) * self._unit)
            for end, corner in (((at, tick), (at, 0)), ((tick, at), (0, at))):
                cv2.line(self.image, corner, end, PAPER, round(3 * self._unit), cv2.LINE_AA)
                cv2.line(self.image, corner, end, INK, max(1, round(self._unit)), cv2.LINE_AA)
            if strong and along:
                size = 12 * self._unit
                self._number((at - size, tick + size), f"{along}", size)
                self._number((tick + 3 * self._unit, at + size * 0.35), f"{along}", size)

    def tiny(self, at: Point, text: str) -> None:
        """A number beside a grid line."""
        x, y = (float(v) for v in self._pixels([at])[0])
        if any(hypot(x - a, y - b) < 26 * self._unit for a, b in self._numbers):
            return
        self._numbers.append((x, y))
        self._number((x + 4 * self._unit, y - 3 * self._unit), text, 13 * self._unit)

    def _number(self, at: Point, text: str, size: float) -> None:
        """Readable on anything."""
        for step, colour in ((1.3 * self._unit, PAPER), (0.0, INK)):
            write(self.image, (at[0] + step, at[1] + step), text, colour, size, 500)

    def _blend(self, paint: Callable[[Image], object], strength: float) -> None:
        layer = self.image.copy()
        paint(layer)
        cv2.addWeighted(layer, strength, self.image, 1 - strength, 0, dst=self.image)

    def _pixels(self, spots: Sequence[Point]) -> npt.NDArray[np.int32]:
        return np.round(np.asarray(spots, np.float64) * self._scale).astype(np.int32)
