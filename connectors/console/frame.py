"""A frame of a camera to draw on: its reference picture, else the newest that was recorded on this machine."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from infra.recordings import Gop, SegmentIndex, camera_folder, read_index
from schemas.site import Camera

QUALITY = 4
"""Of MJPEG's 2 (best) to 31."""


@dataclass(frozen=True)
class Frame:
    """A decoded frame and where it is from."""

    picture: Any
    """An av.VideoFrame."""
    of: str
    """reference | recording."""
    at: int | None = None
    """captured_at, ms UTC, of a recorded one."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in its own pixels."""
        return self.picture.width, self.picture.height

    def jpeg(self, size: tuple[int, int] | None = None) -> bytes:
        """As a JPEG of that size (pixels; its own if none is given)."""
        width, height = size or self.size
        picture = self.picture.reformat(width=width, height=height, format="yuvj420p")
        picture.pict_type = av.video.frame.PictureType.NONE
        encoder: Any = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        encoder.options = {"qmin": str(QUALITY), "qmax": str(QUALITY)}
        return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def frame_of(camera: Camera, base: Path, recordings_dir: Path) -> Frame | None:
    """The frame, or None when there is neither; base: the folder that the site file's paths start from."""
    if camera.reference:
        picture = _first(base / Path(camera.reference).expanduser())
        if picture is not None:
            return Frame(picture, "reference")
    return _recorded(recordings_dir, camera.camera_id)


def size_of(camera: Camera, frame: Frame | None) -> tuple[int, int] | None:
    """Width and height of the image that the camera's tracks are in, in pixels; None: not known.

    That of the stream that is detected on: the site file's, else the frame's where it shows that stream.
    """
    if camera.image_width and camera.image_height:
        return camera.image_width, camera.image_height
    if frame is None or (frame.of == "recording" and camera.detect_source):
        return None
    return frame.size


def _first(path: Path) -> Any:
    try:
        with av.open(str(path)) as container:
            return next(container.decode(video=0), None)
    except (av.error.FFmpegError, OSError, IndexError):
        return None


def _recorded(recordings_dir: Path, camera_id: str) -> Frame | None:
    """The key frame of the newest group of pictures that is whole on disk."""
    paths = sorted(camera_folder(recordings_dir, camera_id).glob("*_*.idx"), key=_order, reverse=True)
    for path in paths[:3]:  # the newest may have nothing yet
        index = _read(path)
        if index is not None and index.gops:
            picture = _key_frame(index, index.gops[-1])
            if picture is not None:
                return Frame(picture, "recording", index.gops[-1].key_at)
    return None


def _order(path: Path) -> tuple[int, int]:
    epoch, _, index = path.stem.partition("_")
    return (int(epoch), int(index)) if epoch.isdigit() and index.isdigit() else (-1, -1)


def _read(path: Path) -> SegmentIndex | None:
    try:
        return read_index(path)
    except FileNotFoundError:  # the ring has just dropped it
        return None


def _key_frame(index: SegmentIndex, gop: Gop) -> Any:
    try:
        with av.open(str(index.path)) as container:
            stream = container.streams.video[0]
            assert stream.time_base is not None
            at = Fraction(gop.key_pts, index.head.time_base_den)
            container.seek(int(at / stream.time_base), stream=stream)
            return next(container.decode(stream), None)
    except (av.error.FFmpegError, OSError, IndexError):
        return None
