"""Does a camera still see what it was set up for? Moved, covered or black, told from small grey pictures. Pure.

Compared is the direction of edges (orientation correlation: Fitch et al., BMVC 2002): it does not mind how bright the
picture is, and people in it are only a part of it. The numbers are from three public films, see docs/decisions/0017.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.records import Impairment

Grey = npt.NDArray[np.floating[Any]]
Edges = npt.NDArray[np.complexfloating[Any, Any]]

WIDTH_PX = 160
"""Pictures are compared at this width."""
EVERY_MS = 500
HOLD_MS = 3000
"""What is seen counts when it was seen for so long: nobody who walks past the lens is an outage."""
BLACK = 0.5
"""Mean step between neighbouring pixels (of 255): with less there is no picture. Noise in the dark gives 0.2."""
COVERED = 0.25
"""With less than this share of the reference's steps, and none in its place, the lens is covered or out of focus."""
SAME = 0.35
"""Agreement with the reference, 0 to 1, below which it is another view. The same camera gives 0.73 to 0.98, in a tenth
of the light or with somebody over 60 % of the picture 0.5; elsewhere 0 to 0.3."""
SHIFT_PX = 3
"""Moved by so much, 2 % of the width: what is drawn no longer fits."""
SHIFT_GAIN = 0.15
"""So much better does a moved camera's picture agree at the place where it went."""
SOFT = 2.0
"""Edges below so many steps count less."""


@dataclass(frozen=True)
class Look:
    """What one picture says."""

    impairment: Impairment | None
    moved: tuple[float, float] | None = None
    """By how much, right and down, as shares of the picture's width; None when it cannot be told."""


class Sight:
    """Judges a camera's pictures one after the other."""

    def __init__(self, reference: Grey | None) -> None:
        """reference: (height, WIDTH_PX) grey picture of what the camera is to see; None: only black is noticed."""
        self._reference = None if reference is None else edges(reference)
        self._size = None if reference is None else reference.shape
        self._looked_at: int | None = None
        self._impaired = False
        self._since = 0
        self.said = Look(None)
        """What counts at present."""

    def is_due(self, at: int) -> bool:
        """Is another picture wanted at `at` (ms UTC)?"""
        return self._looked_at is None or at - self._looked_at >= EVERY_MS

    def look(self, at: int, grey: Grey) -> Look:
        """What counts from `at` (ms UTC) on, with this picture."""
        self._looked_at = at
        seen = self._compare(grey)
        impaired = seen.impairment is not None
        if impaired != self._impaired:
            self._impaired, self._since = impaired, at
        elif at - self._since >= HOLD_MS:
            self.said = seen
        return self.said

    def _compare(self, grey: Grey) -> Look:
        now, detail = edges(grey)
        if detail < BLACK:
            return Look("blind")
        if self._reference is None:
            return Look(None)
        if grey.shape != self._size:
            return Look("displaced")
        reference, reference_detail = self._reference
        here, best, (right, down) = agreement(reference, now)
        if best >= here + SHIFT_GAIN and best >= SAME and max(abs(right), abs(down)) >= SHIFT_PX:
            return Look("displaced", (right / WIDTH_PX, down / WIDTH_PX))
        if here >= SAME:
            return Look(None)
        return Look("blind" if detail < COVERED * reference_detail else "displaced")


def edges(grey: Grey) -> tuple[Edges, float]:
    """Direction (doubled, so that light on dark equals dark on light) and strength of the edges; mean step."""
    soft = grey
    for axis in (0, 1):
        soft = (np.roll(soft, 1, axis) + 2 * soft + np.roll(soft, -1, axis)) / 4
    down, right = np.gradient(soft, axis=0), np.gradient(soft, axis=1)
    gradient: Edges = (right + 1j * down)[2:-2, 2:-2]
    squared = gradient * gradient
    return squared / (np.abs(squared) + SOFT**2), float(np.abs(gradient).mean())


def agreement(reference: Edges, now: Edges) -> tuple[float, float, tuple[int, int]]:
    """How well they agree, 0 to 1: in place (give or take 1 %), at the best place, and where it is (px right, down)."""
    found = np.fft.ifft2(np.fft.fft2(now) * np.conj(np.fft.fft2(reference))).real
    found /= np.sqrt(float((np.abs(reference) ** 2).sum() * (np.abs(now) ** 2).sum())) + 1e-9
    near = SHIFT_PX - 1
    rows, columns = (np.arange(-near, near + 1) for _ in range(2))
    here = float(found[np.ix_(rows, columns)].max())
    row, column = (int(n) for n in np.unravel_index(int(found.argmax()), found.shape))
    height, width = found.shape
    right, down = column - width * (column > width // 2), row - height * (row > height // 2)
    return here, float(found.max()), (right, down)


def grey_of(picture: Any) -> Grey:
    """A small grey picture of an av.VideoFrame: (height, WIDTH_PX) float32, 0 to 255."""
    height = max(8, round(WIDTH_PX * picture.height / picture.width))
    small = picture.reformat(width=WIDTH_PX, height=height, format="gray", interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.float32)
