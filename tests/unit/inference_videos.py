"""Small videos, and doubles of what surrounds a camera, for the tests of inference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any

import av
import numpy as np

from inference.detector import Detection, Image
from inference.source import End, Epoch, Frame
from schemas.records import RecordingSegment, TrackUpdate
from schemas.topics import Topic

START_MS = 1_772_445_600_000
"""2026-03-02 10:00:00 UTC."""
SIZE = (96, 64)


def picture(number: int, size: tuple[int, int] = SIZE) -> Image:
    """A picture whose upper part says its number (mod 256) in two shades, with one block that moves below."""
    width, height = size
    number %= 256
    image = np.full((height, width, 3), 60, np.uint8)
    image[: height // 2, : width // 2] = 8 + 15 * (number % 16)
    image[: height // 2, width // 2 :] = 8 + 15 * (number // 16)
    image[height // 2 :, (number * 2) % width : (number * 2) % width + 8] = (0, 128, 255)
    return image


def number_of(image: Image) -> int:
    """The number (mod 256) that picture() wrote."""
    height, width = image.shape[0] // 4, image.shape[1]
    low, high = image[:height, width // 8 : width * 3 // 8], image[:height, width * 5 // 8 : width * 7 // 8]
    return round((float(low.mean()) - 8) / 15) + 16 * round((float(high.mean()) - 8) / 15)


def write_video(
    path: Path,
    frames: int,
    *,
    codec: str = "libx264",
    rate: int = 10,
    gop_s: float = 1.0,
    b_frames: int = 0,
    size: tuple[int, int] = SIZE,
    created: str | None = None,
    times: Sequence[int] | None = None,
    container_format: str | None = None,
) -> Path:
    """times: pts of each frame in 1/rate s; default 0, 1, 2, ..."""
    with av.open(str(path), "w", format=container_format) as container:
        if created is not None:
            container.metadata["creation_time"] = created
        options = {"g": str(round(gop_s * rate)), "bf": str(b_frames), "crf": "10"} if codec == "libx264" else {}
        if codec == "libx264":
            options |= {"sc_threshold": "0", "keyint_min": str(round(gop_s * rate)), "b_strategy": "0", "threads": "1"}
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        stream.codec_context.gop_size = round(gop_s * rate)
        if b_frames:
            stream.codec_context.max_b_frames = b_frames
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="bgr24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[Image]:
    """All pictures of a file, in the order of showing."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def key_pts(path: Path) -> tuple[list[int], Fraction]:
    """pts of the key frames, and the time base."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        keys = [p.pts for p in container.demux(stream) if p.size and p.is_keyframe]
        return keys, stream.time_base


class StillClock:
    """A clock that stands, long after the videos."""

    def __init__(self, at: int = START_MS + 10**9) -> None:
        self.at = at

    def now_ms(self) -> int:
        return self.at


@dataclass
class Taken:
    """A sink that keeps what it gets."""

    epochs: list[Epoch] = field(default_factory=list)
    frames: list[list[Frame]] = field(default_factory=list)
    packets: list[list[int]] = field(default_factory=list)
    closed: list[End] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    stop_after_epochs: int = 0
    stop_after_frames: int = 0

    def open(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)
        self.frames.append([])
        self.packets.append([])

    def packet(self, packet: Any, pts: int) -> None:
        self.packets[-1].append(pts)

    def frame(self, frame: Frame) -> None:
        self.frames[-1].append(frame)
        if self.stop_after_frames and sum(map(len, self.frames)) >= self.stop_after_frames:
            self.stop.set()

    def close(self, state: End) -> None:
        self.closed.append(state)
        if self.stop_after_epochs and len(self.closed) >= self.stop_after_epochs:
            self.stop.set()


class Published:
    """A producer that keeps what is published, and may stop the run after some records."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.updates: list[TrackUpdate] = []
        self.headers: list[dict[str, bytes]] = []
        self.segments: list[RecordingSegment] = []
        self.fail_after = fail_after

    def publish(self, topic: Topic, key: str, value: TrackUpdate, *, headers: list[tuple[str, bytes]]) -> None:
        if self.fail_after is not None and len(self.updates) >= self.fail_after:
            raise Killed
        self.updates.append(value)
        self.headers.append(dict(headers))

    def poll(self, timeout_s: float = 0.0) -> None:
        pass


class Killed(Exception):
    """Stands for the sudden end of a process."""


class BlockDetector:
    """Finds the moving block of picture(): always one person."""

    name = "block@0"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        self.seen.append(frame_index)
        half = frame_bgr[frame_bgr.shape[0] * 3 // 4]
        columns = np.flatnonzero(half[:, 2].astype(int) - half[:, 0] > 100)
        if not len(columns):
            return []
        left, right = float(columns.min()), float(columns.max() + 1)
        return [Detection("person", 0.9, left, frame_bgr.shape[0] / 2, right, float(frame_bgr.shape[0]))]
