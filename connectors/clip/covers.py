"""Where people are in a picture, so that they can be made unrecognisable: from the boxes of all tracks (pure)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from infra.recordings import FrameTracks
from schemas.site import Blur

HOLD_MS = 1_500
"""So long a box stands before it was first and after it was last seen: a person whom the detector loses for up to 3 s,
which the fold joins over, never flashes through."""
MARGIN = 0.15
"""How much wider and higher than the tracked box, on each side, by its width and height: hair, arms, a late box."""
HEAD = 0.35
"""Which upper part of a tracked box is taken for the head: of somebody upright it is a seventh of the height, of
somebody who bends down or of whom a counter hides the legs more."""

Region = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels of the picture, within it."""
Box = tuple[float, float, float, float]


@dataclass
class Person:
    """One track's boxes, rising by time."""

    at: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def around(self, at_ms: float) -> Box | None:
        """The box that holds the ones before and after; None when the person is not near in time."""
        place = bisect_right(self.at, at_ms)
        near = [n for n in (place - 1, place) if 0 <= n < len(self.at) and abs(self.at[n] - at_ms) <= HOLD_MS]
        if not near:
            return None
        x1, y1, x2, y2 = zip(*(self.boxes[n] for n in near), strict=True)
        return min(x1), min(y1), max(x2), max(y2)


def people(frames: Mapping[int, Iterable[FrameTracks]]) -> list[Person]:
    """Everybody who was tracked. frames: stream_epoch -> published boxes, in order."""
    found: dict[tuple[int, int], Person] = {}
    for epoch, of_epoch in frames.items():
        for frame in of_epoch:
            for track_id, *box in frame.tracks:
                person = found.setdefault((epoch, track_id), Person())
                person.at.append(frame.at)
                person.boxes.append((box[0], box[1], box[2], box[3]))
    return list(found.values())


def regions(
    everybody: Iterable[Person], at_ms: float, what: Blur, size: tuple[int, int], scale: tuple[float, float]
) -> Iterator[Region]:
    """What is to be covered in the picture captured at at_ms (ms UTC).

    size: width and height of the picture; scale: picture pixels per pixel of the boxes, across and down.
    """
    for person in everybody:
        box = person.around(at_ms)
        if box is not None:
            region = _region(box, what, size, scale)
            if region[0] < region[2] and region[1] < region[3]:
                yield region


def _region(box: Box, what: Blur, size: tuple[int, int], scale: tuple[float, float]) -> Region:
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    bottom = y2 + MARGIN * height if what == "people" else y1 + HEAD * height
    whole = (x1 - MARGIN * width, y1 - MARGIN * height, x2 + MARGIN * width, bottom)
    left, top, right, below = (value * scale[n % 2] for n, value in enumerate(whole))
    return max(0, int(left)), max(0, int(top)), min(size[0], int(right) + 1), min(size[1], int(below) + 1)
