"""One frame of a camera: from its source, or from a picture that somebody saved."""

import itertools
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from inference.errors import SourceError
from inference.probe import open_file
from inference.source import Address

Image = npt.NDArray[np.uint8]
TIMEOUT_S = (10.0, 10.0)
"""Opening, reading: a camera that gives no frame by then is not there."""
LIVE_SKIPPED = 5
"""The first frames of a stream are often grey until a key frame was there."""


def frame_of(source: str, base: Path, at_s: float = 0.0) -> Image:
    """The frame at_s seconds into a file (a picture has one), or a live one of an address: (height, width, 3) BGR.

    base: the folder that relative paths start from. Raises SourceError.
    """
    address = Address(source, base)
    if not address.is_url:
        return _picture(_frame_in(open_file(address.path), at_s, address))
    try:
        container = av.open(
            address.url(),
            options={"rtsp_transport": "tcp"} if address.url().startswith("rtsp") else {},
            timeout=TIMEOUT_S,
        )
        with container:
            frames = itertools.islice(container.decode(video=0), LIVE_SKIPPED, None)
            return _picture(next(frames))
    except (av.error.FFmpegError, StopIteration, IndexError) as error:
        raise SourceError(
            f"{address}: no frame ({error}); check the address and the camera, or give --image FILE"
        ) from error


def _frame_in(container: Any, at_s: float, address: Address) -> Any:
    with container:
        stream = container.streams.video[0]
        begin = stream.start_time or 0
        if at_s > 0:
            container.seek(begin + int(at_s / stream.time_base), stream=stream)
        last = None
        try:
            for last in container.decode(stream):
                if last.pts is None or (last.pts - begin) * stream.time_base >= at_s:
                    return last
        except av.error.FFmpegError as error:
            raise SourceError(f"{address}: no frame at {at_s:g} s ({error}); try another --at") from error
        if last is None:
            raise SourceError(f"{address}: no frame at {at_s:g} s; try a smaller --at")
        return last


def _picture(frame: Any) -> Image:
    image: Image = frame.to_ndarray(format="bgr24")
    return image
