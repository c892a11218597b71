"""A video file before it is read: one pass over its packets, so that times and key frames are known at the start."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from inference.errors import SourceError
from schemas.hashing import sha256_of_file

STEP_MAX_S = 1.0
"""A longer step between two frames is a hole in the stream and not a long group of pictures."""
NO_PTS = ("avi", "h264", "m4v")
"""Formats that store no time of showing: where frames are reordered, the demuxer's guess is wrong."""


@dataclass(frozen=True)
class Placed:
    """A packet's times on the file's one line of time (ticks)."""

    pts: int
    dts: int
    breaks: bool
    """True where the file's own time ran backwards: a new epoch begins."""


class Timeline:
    """Puts the packet times of a file on one line that never runs backwards. Pure."""

    def __init__(self, time_base: Fraction) -> None:
        self._jump = max(1, int(1 / time_base))
        self._offset = 0
        self._last_dts: int | None = None
        self._end = 0

    def place(self, pts: int | None, dts: int | None, duration: int) -> Placed | None:
        """The packet's place, or None when it has no time at all."""
        if pts is None and dts is None:
            return None
        raw_dts = dts if dts is not None else pts
        raw_pts = pts if pts is not None else dts
        assert raw_dts is not None
        assert raw_pts is not None
        breaks = self._last_dts is not None and raw_dts + self._offset < self._last_dts - self._jump
        if breaks:
            self._offset = self._end - raw_pts
        elif self._last_dts is not None:
            raw_dts = max(raw_dts, self._last_dts + 1 - self._offset)
            raw_pts = max(raw_pts, raw_dts)
        placed = Placed(raw_pts + self._offset, raw_dts + self._offset, breaks)
        self._last_dts = placed.dts
        self._end = max(self._end, placed.pts + max(duration, 1))
        return placed


@dataclass
class Part:
    """A stretch of the file over which its time runs forwards, from its first key frame on."""

    times: list[int] = field(default_factory=list)
    """pts of the frames that are shown, sorted."""
    keys: list[int] = field(default_factory=list)
    """pts of the key frames, in order."""

    def key_before(self, pts: int) -> int:
        """The last key frame at or before pts, else the first."""
        return self.keys[max(0, bisect_right(self.keys, pts) - 1)]


@dataclass(frozen=True)
class Probe:
    """What one pass over a file found."""

    path: Path
    sha256: str
    codec: str
    pixel_format: str
    width: int
    height: int
    time_base: Fraction
    created_ms: int | None
    """The container's creation time, ms UTC."""
    parts: list[Part]
    frames_promised: int
    """What the container says; 0 when it does not."""
    frame_hz: float | None
    """From the median step between frames."""
    key_gap_s: float
    """The longest time between two key frames while frames were flowing."""
    reordered_without_times: bool
    """Frames are shown in another order than they are stored, and the container does not say in which."""

    @property
    def frames(self) -> int:
        """How many frames are shown."""
        return sum(len(part.times) for part in self.parts)

    @property
    def duration_ms(self) -> int:
        """From the first to the last frame."""
        return int((self.parts[-1].times[-1] - self.parts[0].times[0]) * self.time_base * 1000)

    def frame_index(self, pts: int) -> int:
        """Index of a frame in the file, from 0."""
        index = 0
        for part in self.parts:
            if pts <= part.times[-1]:
                return index + bisect_left(part.times, pts)
            index += len(part.times)
        return index


def open_file(path: Path) -> Any:
    """The file's container (PyAV). Raises SourceError when it is missing or no video."""
    if not path.exists():
        raise SourceError(f"no such video file: {path}; correct `source` in the site file (relative to the site file)")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"{path} cannot be read as video ({error.strerror}); it may be cut short: try ffprobe, or copy it again"
        ) from error
    if not container.streams.video:
        container.close()
        raise SourceError(f"{path} has no video stream; name a file with video")
    return container


def probe_file(path: Path) -> Probe:
    """Read every packet of a file once. Raises SourceError when there is nothing to show."""
    container = open_file(path)
    try:
        stream = container.streams.video[0]
        parts = _parts(container, stream)
        if not parts:
            raise SourceError(f"{path} holds no picture that could be shown; the file is damaged or empty")
        width, height = stream.codec_context.width, stream.codec_context.height
        if not width or not height:
            raise SourceError(f"{path}: the size of its pictures cannot be told; the file is damaged")
        steps = np.concatenate([np.diff(part.times) for part in parts]) * float(stream.time_base)
        steps = steps[steps > 0]
        return Probe(
            path=path,
            sha256=sha256_of_file(path),
            codec=stream.codec_context.name,
            pixel_format=stream.codec_context.pix_fmt or "",
            width=width,
            height=height,
            time_base=stream.time_base,
            created_ms=_created_ms(container.metadata) or _created_ms(stream.metadata),
            parts=parts,
            frames_promised=stream.frames,
            frame_hz=float(1 / np.median(steps)) if len(steps) else None,
            key_gap_s=max(_key_gap_s(part, float(stream.time_base)) for part in parts),
            reordered_without_times=container.format.name in NO_PTS and bool(stream.codec_context.has_b_frames),
        )
    finally:
        container.close()


def placed_packets(container: Any, stream: Any) -> Iterator[tuple[Any, Placed]]:
    """The file's packets with their places; ends quietly where the file is cut short."""
    timeline = Timeline(stream.time_base)
    try:
        for packet in container.demux(stream):
            placed = timeline.place(packet.pts, packet.dts, packet.duration or 0) if packet.size else None
            if placed is not None:
                yield packet, placed
    except av.error.FFmpegError:
        return


def _parts(container: Any, stream: Any) -> list[Part]:
    parts: list[Part] = []
    waiting_for_key = True
    for packet, placed in placed_packets(container, stream):
        if placed.breaks:
            waiting_for_key = True
        if waiting_for_key and packet.is_keyframe:
            parts.append(Part())
            waiting_for_key = False
        if waiting_for_key:
            continue
        if packet.is_keyframe:
            parts[-1].keys.append(placed.pts)
        if not packet.is_discard:
            parts[-1].times.append(placed.pts)
    for part in parts:
        part.times.sort()
    return [part for part in parts if part.times]


def _key_gap_s(part: Part, tick_s: float) -> float:
    steps_s = np.minimum(np.diff(part.times) * tick_s, STEP_MAX_S)
    flowing_s = np.concatenate(([0.0], np.cumsum(steps_s)))
    at_key = flowing_s[np.searchsorted(part.times, part.keys).clip(max=len(flowing_s) - 1)]
    return float(np.max(np.diff(np.append(at_key, flowing_s[-1])), initial=0.0))


def _created_ms(metadata: dict[str, str]) -> int | None:
    text = metadata.get("creation_time", "")
    try:
        created = datetime.fromisoformat(text)
    except ValueError:
        return None
    if created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return int(created.timestamp() * 1000) if created.year > 1971 else None
