"""A clip with people made unrecognisable: decoded, pixelated where the tracks say that somebody is, encoded again.

A cell is a third of a region's width, so that a face is one or two cells, each of one of 16 levels of brightness. Finer
mosaics were recognised by networks trained on the very people (McPherson, Shokri, Shmatikov, 2016), hence so few cells.
It hides faces and bodies, not that somebody is there, nor gait and place; whom the detector never saw is not hidden,
and nothing is proven against a combination of all pictures of a clip.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from connectors.clip.covers import Person, Region, regions
from connectors.clip.remux import CutError
from schemas.site import Blur

CELLS_ACROSS = 3
CELL_PX_MIN = 12
LEVEL = 16
TICKS_PER_S = 90_000
ENCODER = {"crf": "23", "preset": "veryfast", "bf": "0", "g": "50"}
Plane = NDArray[np.uint8]


def blurred(
    clip: Path,
    out: Path,
    everybody: Sequence[Person],
    what: Blur,
    *,
    zero_at: int,
    boxes_of: tuple[int, int],
    comment: str,
) -> None:
    """Write `clip` to `out` as H.264 with everybody covered, each picture shown when it was.

    zero_at: captured_at of its first picture (ms UTC); boxes_of: width and height of the picture that the boxes refer
    to. One thread, so that it is the same file each time. Raises CutError: there is never one with people in it.
    """
    try:
        with av.open(str(clip)) as source, av.open(str(out), "w", format="mp4", options=_FAST) as made:
            made.metadata["comment"] = comment
            shown = source.streams.video[0]
            shown.thread_count = 1
            size = shown.width - shown.width % 2, shown.height - shown.height % 2
            stream = made.add_stream("libx264", rate=25, options=ENCODER)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.time_base = Fraction(1, TICKS_PER_S)
            stream.codec_context.thread_count = 1
            scale = size[0] / boxes_of[0], size[1] / boxes_of[1]
            for frame in source.decode(shown):
                assert frame.time is not None
                planes: Plane = frame.reformat(*size, format="yuv420p").to_ndarray().astype(np.uint8, copy=False)
                cover(planes, size, regions(everybody, zero_at + frame.time * 1000, what, size, scale))
                covered = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                covered.pts, covered.time_base = round(frame.time * TICKS_PER_S), Fraction(1, TICKS_PER_S)
                made.mux(stream.encode(covered))
            made.mux(stream.encode(None))
    except (av.error.FFmpegError, IndexError) as error:
        raise CutError(f"{clip}: cannot be blurred: {error}") from error


_FAST = {"movflags": "+faststart"}


def cover(planes: Plane, size: tuple[int, int], there: Iterable[Region]) -> None:
    """Pixelate these regions of a yuv420p picture: (height * 3 / 2, width), changed in place."""
    width, height = size
    luma, chroma = planes[:height], planes[height:].reshape(2, height // 2, width // 2)
    for x1, y1, x2, y2 in there:
        cell = max(CELL_PX_MIN, -(-(x2 - x1) // CELLS_ACROSS)) // 2 * 2
        x1, y1, x2, y2 = x1 // 2 * 2, y1 // 2 * 2, x2 + x2 % 2, y2 + y2 % 2
        _pixelate(luma[y1:y2, x1:x2], cell)
        for plane in chroma:
            _pixelate(plane[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2], cell // 2)


def _pixelate(area: Plane, cell: int) -> None:
    """Each cell becomes its mean, in few levels."""
    rows, columns = np.arange(0, area.shape[0], cell), np.arange(0, area.shape[1], cell)
    heights, widths = (np.diff(np.append(at, end)) for at, end in zip((rows, columns), area.shape, strict=True))
    sums = np.add.reduceat(np.add.reduceat(area.astype(np.uint32), rows, axis=0), columns, axis=1)
    means = sums // np.outer(heights, widths) // LEVEL * LEVEL + LEVEL // 2
    area[:] = np.repeat(np.repeat(means, heights, axis=0), widths, axis=1)
