"""One file of the recording: fragmented MP4 that can be read while it grows, and its index."""

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av

from infra.recordings import Gop, Head, Tail, index_path, line

MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof"
TICKS_PER_S = 90_000
"""Time base of a segment whose source has a coarser or an unusual one."""


def ticks_per_s(time_base: Fraction) -> int:
    """The segment's time base: the source's own where MP4 takes it as it is."""
    return time_base.denominator if time_base.numerator == 1 and time_base.denominator >= 10_000 else TICKS_PER_S


class SegmentFile(Protocol):
    """Where the frames of one segment go."""

    gops: list[Gop]
    """Those that are on disk."""

    def begin_gop(self, key_at: int) -> None:
        """The next frame is a key frame captured at key_at (ms UTC); the group before it is complete."""

    def write(self, unit: Any, pts: int, captured_at: int) -> None:
        """A packet or a picture, shown at pts (ticks of the source)."""

    def close(self, end_at: int | None, last: bool) -> None:
        """The file is complete. end_at: where the next segment begins, if it does; last: the epoch ends here."""

    def abandon(self) -> None:
        """Nothing more can be written: give back the files as they are."""


class _Writer:
    """What the two kinds of segment have in common: the file, the groups of pictures, the index.

    A group's index line is written when its fragment is on disk: the muxer writes a fragment when the next key frame
    comes, or when the file is closed.
    """

    def __init__(self, path: Path, head: Head, source_base: Fraction, frame_ms: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # new files, so that whoever still reads what was there before is not cut off
        path.unlink(missing_ok=True)
        index_path(path).unlink(missing_ok=True)
        self.gops: list[Gop] = []
        self.base = Fraction(1, head.time_base_den)
        self.scale = source_base / self.base
        self._frame_ms = frame_ms
        self._file = path.open("wb", buffering=0)
        self.container = av.open(
            self._file, "w", format="mp4", options={"movflags": MOVFLAGS}, container_options={"flush_packets": "1"}
        )
        self._index = index_path(path).open("wb", buffering=0)
        self._index.write(line(head))
        self._key: tuple[int, int] | None = None
        """captured_at and pts (of the segment) of the present group's key frame."""
        self._key_at: int | None = None
        self._last_at = 0

    def begin_gop(self, key_at: int) -> None:
        """See SegmentFile."""
        self._key_at = key_at

    def _mux(self, packet: Any, captured_at: int) -> None:
        """Write a packet in the segment's ticks; the first one after begin_gop() is the key frame."""
        key_at, self._key_at = self._key_at, None
        pts = packet.pts
        self.container.mux(packet)
        if key_at is not None:
            self._end_gop(key_at)
            self._key = (key_at, pts)
            self._last_at = key_at
        self._last_at = max(self._last_at, captured_at)

    def _end_gop(self, next_at: int | None) -> None:
        if self._key is None:
            return
        key_at, key_pts = self._key
        end_at = self._last_at + round(self._frame_ms)
        if next_at is not None and self._last_at < next_at <= self._last_at + max(1000, self._frame_ms):
            end_at = next_at
        gop = Gop(key_at=key_at, key_pts=key_pts, end_at=end_at)
        self._index.write(line(gop))
        self.gops.append(gop)
        self._key = None

    def abandon(self) -> None:
        """See SegmentFile."""
        for part in (self.container, self._file, self._index):
            with suppress(OSError, av.error.FFmpegError):
                part.close()

    def close(self, end_at: int | None, last: bool) -> None:
        """See SegmentFile."""
        self.container.close()
        self._end_gop(end_at)
        os.fsync(self._file.fileno())
        self._file.close()
        self._index.write(line(Tail(last=last)))
        os.fsync(self._index.fileno())
        self._index.close()


class Remuxed(_Writer):
    """Takes the camera's own packets as they are."""

    def __init__(self, path: Path, head: Head, stream: Any, source_base: Fraction, frame_ms: float) -> None:
        super().__init__(path, head, source_base, frame_ms)
        self._stream = self.container.add_stream_from_template(stream)
        self._stream.time_base = self.base
        self._origin: int | None = None

    def write(self, unit: Any, pts: int, captured_at: int) -> None:
        """A packet; its times are overwritten."""
        origin = self._origin = unit.dts if self._origin is None else self._origin
        duration = unit.duration or 0
        unit.stream = self._stream
        unit.time_base = self.base
        unit.pts, unit.dts = round((pts - origin) * self.scale), round((unit.dts - origin) * self.scale)
        unit.duration = round(duration * self.scale)
        self._mux(unit, captured_at)


class Transcoded(_Writer):
    """Takes pictures and encodes them: H.264 that every browser plays, no B-frames, so that none is held back."""

    def __init__(self, path: Path, head: Head, picture: Any, source_base: Fraction, frame_ms: float) -> None:
        super().__init__(path, head, source_base, frame_ms)
        rate = Fraction(1000 / frame_ms).limit_denominator(1001)
        self._stream = self.container.add_stream(
            "libx264",
            rate=rate,
            options={
                "preset": "veryfast",
                "tune": "zerolatency",
                "crf": "23",
                "bf": "0",
                "g": "100000",
                "sc_threshold": "0",
                "forced-idr": "1",
            },
        )
        context = self._stream.codec_context
        # 4:2:0 needs even sides: one line or column more, never less
        context.width, context.height = picture.width + picture.width % 2, picture.height + picture.height % 2
        context.pix_fmt = "yuv420p"
        context.time_base = self.base
        context.thread_count = 1
        self._pad = _padding(picture) if (picture.width % 2 or picture.height % 2) else None
        self._origin: int | None = None

    def write(self, unit: Any, pts: int, captured_at: int) -> None:
        """A picture in any pixel format."""
        origin = self._origin = pts if self._origin is None else self._origin
        picture = unit.reformat(format="yuv420p", dst_color_range="MPEG")
        if self._pad is not None:
            self._pad.push(picture)
            picture = self._pad.pull()
        picture.pts = round((pts - origin) * self.scale)
        picture.time_base = self.base
        picture.pict_type = (
            av.video.frame.PictureType.I if self._key_at is not None else av.video.frame.PictureType.NONE
        )
        for packet in self._stream.encode(picture):
            self._mux(packet, captured_at)

    def close(self, end_at: int | None, last: bool) -> None:
        """See SegmentFile."""
        for packet in self._stream.encode(None):
            self._mux(packet, self._last_at)
        super().close(end_at, last)


def _padding(picture: Any) -> Any:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=av.VideoFormat("yuv420p", picture.width, picture.height),
        time_base=Fraction(1, TICKS_PER_S),
    )
    pad = graph.add("pad", "ceil(iw/2)*2:ceil(ih/2)*2")
    sink = graph.add("buffersink")
    source.link_to(pad)
    pad.link_to(sink)
    graph.configure()
    return graph


class Kept:
    """Stands for a segment that an earlier run has closed: nothing is written, its groups are as they were."""

    def __init__(self, gops: list[Gop]) -> None:
        self.gops = gops

    def begin_gop(self, key_at: int) -> None:
        """See SegmentFile."""

    def write(self, unit: Any, pts: int, captured_at: int) -> None:
        """See SegmentFile."""

    def close(self, end_at: int | None, last: bool) -> None:
        """See SegmentFile."""

    def abandon(self) -> None:
        """See SegmentFile."""
