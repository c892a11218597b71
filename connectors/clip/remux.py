"""Cutting by remux: the camera's own compressed frames in a new MP4, on the true time line.

Nothing is decoded or encoded. A frame's time in the clip is its captured_at minus that of the first frame shown, also
across segments, epochs and gaps (there the last picture stands), so that clip time says when something happened.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.packet import Packet
from av.video.stream import VideoStream

from connectors.clip.coverage import Piece
from schemas.windows import Window

VideoPacket: TypeAlias = "Packet[VideoStream]"
TICKS_PER_MS = 90
DISAGREE_MS = 3.0


class CutError(Exception):
    """The recording and its index do not agree, or cannot be read; the text names the file."""


@dataclass(frozen=True)
class Frame:
    """One compressed picture, in decoding order."""

    packet: VideoPacket
    at_ms: float
    """captured_at, ms UTC."""
    before_ms: float
    """How much earlier it is decoded than shown."""
    duration_ms: float


@dataclass(frozen=True)
class Run:
    """Pictures that one decoder set-up can play, in decoding order."""

    codec: str
    frames: Sequence[Frame]
    ends_at: int
    """How long the last one stands for, ms UTC."""
    width: int
    height: int

    @property
    def shown(self) -> list[int]:
        """captured_at of every frame, rising, ms UTC."""
        return sorted(round(frame.at_ms) for frame in self.frames)


def remux(pieces: Sequence[Piece], window: Window, out: Path, *, comment: str) -> Run:
    """Write the frames of `pieces` (at least one) that show `window` to `out`, and say which they are.

    When the camera's stream changed on the way (another size or codec), the longest part is taken. Raises CutError.
    """
    with _Sources() as sources:
        runs = [_within(run, window) for run in _runs(sources, pieces)]
        best = max((run for run in runs if run[1].frames), key=lambda run: _length_ms(run[1]), default=None)
        if best is None:
            raise CutError(f"{pieces[0].segment.path}: no frame that can be shown")
        template, run = best
        _write(out, template, run.frames, comment)
        return run


class _Sources:
    """Open segment files: a template stream must live as long as its container."""

    def __enter__(self) -> "_Sources":
        self._open: list[av.container.InputContainer] = []
        return self

    def __exit__(self, *_: object) -> None:
        for container in self._open:
            container.close()

    def open(self, path: Path) -> tuple[av.container.InputContainer, VideoStream]:
        """A segment and its video. Raises CutError."""
        try:
            container = av.open(str(path))
        except (OSError, av.error.FFmpegError) as error:
            raise CutError(f"{path}: cannot be opened: {error}") from error
        self._open.append(container)
        if not container.streams.video:
            raise CutError(f"{path}: no video in it")
        return container, container.streams.video[0]


def _runs(sources: _Sources, pieces: Sequence[Piece]) -> list[tuple[VideoStream, Run]]:
    """The GOPs' pictures, in runs of equal codec parameters."""
    runs: list[tuple[VideoStream, Run]] = []
    last: tuple[object, ...] = ()
    frames: list[Frame] = []
    for path in dict.fromkeys(piece.segment.path for piece in pieces):
        wanted = [piece for piece in pieces if piece.segment.path == path]
        container, stream = sources.open(path)
        codec = stream.codec_context
        parameters = (codec.name, stream.width, stream.height, bytes(codec.extradata or b""))
        if parameters != last:
            frames = []
            last = parameters
            runs.append((stream, Run(codec.name, frames, 0, stream.width, stream.height)))
        frames += _read(container, stream, wanted)
        template, run = runs[-1]
        ends_at = max(run.ends_at, wanted[-1].gop.end_at)
        runs[-1] = template, Run(run.codec, frames, ends_at, run.width, run.height)
    return runs


def _read(container: av.container.InputContainer, stream: VideoStream, wanted: Sequence[Piece]) -> Iterator[Frame]:
    """The pictures of some GOPs of one segment.

    The n-th index line belongs to the n-th key frame that stands where the line says; a key frame that has no line
    (it is not flushed yet) ends the reading.
    """
    path, gops = wanted[0].segment.path, wanted[0].segment.gops
    numbers = {piece.number for piece in wanted}
    time_base = stream.time_base
    assert time_base is not None
    den = wanted[0].segment.head.time_base_den
    zero: int | None = None
    number = -1
    key_pts = 0
    for packet in _packets(container, stream, path):
        assert packet.pts is not None
        assert packet.dts is not None
        if packet.is_keyframe:
            zero = packet.pts if zero is None else zero
            if number + 1 == len(gops):
                return
            expected_ms = (gops[number + 1].key_pts - gops[0].key_pts) * 1000 / den
            if abs(float((packet.pts - zero) * time_base * 1000) - expected_ms) <= DISAGREE_MS:
                number, key_pts = number + 1, packet.pts
            if number > max(numbers):
                return
        if number in numbers:
            from_key_ms = float((packet.pts - key_pts) * time_base * 1000)
            yield Frame(
                packet,
                at_ms=gops[number].key_at + from_key_ms,
                before_ms=float((packet.pts - packet.dts) * time_base * 1000),
                duration_ms=float((packet.duration or 0) * time_base * 1000),
            )
    if number < max(numbers):
        raise CutError(
            f"{path}: the index has {len(gops)} GOPs, of which the file has only {number + 1} where the index says"
        )


def _packets(
    container: av.container.InputContainer, stream: VideoStream, path: Path
) -> Iterator["Packet[VideoStream]"]:
    try:
        for packet in container.demux(stream):
            if packet.dts is not None and packet.pts is not None and not packet.is_corrupt:
                yield packet
    except av.error.FFmpegError as error:
        raise CutError(f"{path}: cannot be read: {error}") from error


def _within(found: tuple[VideoStream, Run], window: Window) -> tuple[VideoStream, Run]:
    """Leave out what comes after the window, in decoding order, and what no decoder could show.

    A picture after the window stays when one before it needs it (B-frames), and then all between them stay. Pictures
    that are shown before the first key frame need one that is not there.
    """
    template, run = found
    if not run.frames:
        return found
    frames = [frame for frame in run.frames if frame.at_ms >= run.frames[0].at_ms]
    needed = max((n for n, frame in enumerate(frames) if frame.at_ms <= window.to_at), default=-1)
    top = max((frame.at_ms for frame in frames[: needed + 1]), default=0.0)
    last = max((n for n, frame in enumerate(frames) if frame.at_ms <= top), default=-1)
    later = [frame.at_ms for frame in frames[last + 1 :]]
    ends_at = round(min(later)) if later else run.ends_at
    return template, Run(run.codec, frames[: last + 1], ends_at, run.width, run.height)


def _length_ms(run: Run) -> float:
    return run.frames[-1].at_ms - run.frames[0].at_ms + run.frames[-1].duration_ms


def _write(out: Path, template: VideoStream, frames: Sequence[Frame], comment: str) -> None:
    zero_ms = frames[0].at_ms
    tick = Fraction(1, 1000 * TICKS_PER_MS)
    with av.open(str(out), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["comment"] = comment
        stream = container.add_stream_from_template(template)
        stream.time_base = tick
        dts_before: int | None = None
        for frame in frames:
            packet = frame.packet
            pts = round((frame.at_ms - zero_ms) * TICKS_PER_MS)
            dts = round((frame.at_ms - frame.before_ms - zero_ms) * TICKS_PER_MS)
            if dts_before is not None:
                dts = max(dts, dts_before + 1)
            dts_before = dts
            packet.stream = stream
            packet.time_base = tick
            packet.pts, packet.dts = max(pts, dts), dts
            packet.duration = round(frame.duration_ms * TICKS_PER_MS)
            container.mux(packet)
