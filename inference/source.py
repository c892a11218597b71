"""A camera's source: one demuxer and one clock mapping for both detector and recorder. Live ones are in live.py."""

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any, Literal, Protocol

import av

from inference.errors import SourceError
from inference.probe import Part, Probe, open_file, placed_packets, probe_file
from inference.timing import FileClock, StreamClock

log = logging.getLogger(__name__)

End = Literal["INTERRUPTED", "ENDED"]


@dataclass(frozen=True)
class Frame:
    """A decoded frame."""

    index: int
    """Of its source (a file) or its epoch (a live source), from 0."""
    pts: int
    captured_at: int
    """ms UTC."""
    picture: Any
    """The av.VideoFrame, still in the decoder's pixel format."""


@dataclass(frozen=True)
class Epoch:
    """A stretch of a source over which its clock runs evenly."""

    stream_epoch: int
    """captured_at of its first frame, ms UTC."""
    stream: Any
    """The av.VideoStream its packets come from."""
    time_base: Fraction
    """Of its packets and frames."""
    clock: StreamClock
    width: int
    height: int
    frame_hz: float | None
    key_gap_s: float
    """The longest time between key frames as far as it is known beforehand; 0 when it is not."""
    times_missing: bool
    """Packets do not say when they are shown, so that they cannot be kept as they are."""
    live: bool


class Sink(Protocol):
    """Who takes what a source reads: for each epoch open, then packets and frames, then close.

    A packet comes before its frame, and its times may be overwritten by who takes it. A resumed file begins at the key
    frame before the epoch: the packets from there on are handed over, the frames before the epoch are not.
    """

    def open(self, epoch: Epoch) -> None:
        """A new epoch begins."""

    def packet(self, packet: Any, pts: int) -> None:
        """A packet that decodes, shown at pts."""

    def frame(self, frame: Frame) -> None:
        """A frame, captured_at strictly increasing."""

    def close(self, state: End) -> None:
        """The epoch is over."""


class Source(Protocol):
    """A camera's video."""

    undecodable: int
    """Packets that were dropped because they do not decode."""

    def read(self, sink: Sink, stop: Event) -> None:
        """Read until the source ends or stop is set. Raises SourceError."""


class Address:
    """Where a source is: a file, a device, or an address in which ${NAME} stands for an environment variable."""

    def __init__(self, text: str, base: Path, environment: Mapping[str, str] = os.environ) -> None:
        """text: as in the site file; base: the folder that relative paths start from."""
        if not text:
            raise SourceError("no source: set `source` for this camera in the site file")
        self._text = text
        self.is_url = re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None
        self.is_rtsp = self.is_url and text.lower().startswith("rtsp")
        self.is_device = text.startswith("/dev/")
        self.is_live = self.is_url or self.is_device
        self._base = base
        self._environment = environment

    @property
    def path(self) -> Path:
        """The file or device."""
        return self._base / Path(self._text).expanduser()

    def url(self) -> str:
        """The full address, secrets filled in: for the demuxer alone."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self._environment:
                raise SourceError(
                    f"source {self}: ${{{name}}} is not set; set the environment variable {name} before starting"
                )
            return self._environment[name]

        return re.sub(r"\$\{(\w+)\}", value, self._text)

    def __str__(self) -> str:
        """For people and logs: variables unfilled, user and password masked."""
        return re.sub(r"://[^/@]*@", "://***@", self._text) if self.is_url else str(self.path)


class FileSource:
    """A video file, read in full: the reader waits for whoever takes its frames."""

    def __init__(self, path: Path, start_ms: int | None, *, threads: int = 1) -> None:
        """start_ms: captured_at of the first frame; None = the container's creation time. Raises SourceError."""
        self.probe: Probe = probe_file(path)
        self.start_ms = _begins(self.probe, start_ms)
        self.undecodable = 0
        self.begin_at: int | None = None
        """Only frames from here on (ms UTC) are handed over; None = all."""
        self._threads = threads
        self.clock = FileClock(self.start_ms, self.probe.parts[0].times[0], self.probe.time_base)

    @property
    def identity(self) -> str:
        """The same for the same bytes placed at the same time."""
        return f"{self.probe.sha256[:16]}@{self.start_ms}"

    @property
    def end_ms(self) -> int:
        """captured_at of the last frame."""
        return self.clock.at(self.probe.parts[-1].times[-1])

    def read(self, sink: Sink, stop: Event) -> None:
        """Hand over the file from begin_at to its end."""
        container = open_file(self.probe.path)
        try:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = self._threads
            stream.codec_context.thread_type = "SLICE"
            _FilePass(self, container, stream, sink, stop).run()
        finally:
            container.close()
        if self.undecodable:
            log.warning("%s: %d packets did not decode and were dropped", self.probe.path, self.undecodable)
        if self.probe.frames < self.probe.frames_promised:
            log.warning(
                "%s ends early: %d of %d frames are there",
                self.probe.path,
                self.probe.frames,
                self.probe.frames_promised,
            )


class _FilePass:
    """One reading of a file."""

    def __init__(self, source: FileSource, container: Any, stream: Any, sink: Sink, stop: Event) -> None:
        self.source, self.container, self.stream, self.sink, self.stop = source, container, stream, sink, stop
        self.parts = iter(source.probe.parts)
        self.part: Part | None = None
        self.is_open = False
        self.first_pts = 0
        self.key_pts = 0
        self.last_at: int | None = None
        self.decoded = 0
        self.shown_in_part = 0

    def run(self) -> None:
        """The whole pass."""
        waiting_for_key = True
        for packet, placed in placed_packets(self.container, self.stream):
            if self.stop.is_set():
                # what the decoder still holds may be shown after frames that it has not got yet
                self._close("INTERRUPTED", flush=False)
                return
            if placed.breaks:
                self._close("INTERRUPTED")
                waiting_for_key = True
            if waiting_for_key and packet.is_keyframe:
                waiting_for_key = False
                self.part, self.shown_in_part = next(self.parts, None), 0
                self._aim()
            if waiting_for_key or self.part is None:
                continue
            if not self.is_open and packet.is_keyframe and placed.pts == self.key_pts:
                self.is_open = True
                self.sink.open(self._epoch())
            if self.is_open:
                self._take(packet, placed.pts, placed.dts)
        self._close("ENDED")
        if not self.decoded and self.source.begin_at is None:
            raise SourceError(f"{self.source.probe.path}: none of its pictures could be decoded; the file is damaged")

    def _aim(self) -> None:
        """Find where in this part to begin: its first frame, or the first one at begin_at or later."""
        assert self.part is not None
        begin_at, at = self.source.begin_at, self.source.clock.at
        first = next((pts for pts in self.part.times if begin_at is None or at(pts) >= begin_at), None)
        if first is None:
            self.part = None
            return
        self.first_pts = first
        whole = first == self.part.times[0] or self.source.probe.reordered_without_times
        self.key_pts = self.part.keys[0] if whole else self.part.key_before(first)

    def _epoch(self) -> Epoch:
        probe = self.source.probe
        return Epoch(
            stream_epoch=self.source.clock.at(self.first_pts),
            stream=self.stream,
            time_base=probe.time_base,
            clock=self.source.clock,
            width=probe.width,
            height=probe.height,
            frame_hz=probe.frame_hz,
            key_gap_s=probe.key_gap_s,
            times_missing=probe.reordered_without_times,
            live=False,
        )

    def _take(self, packet: Any, pts: int, dts: int) -> None:
        missing = self.source.probe.reordered_without_times
        packet.pts, packet.dts = (None if missing else pts), dts
        try:
            pictures = self.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self.source.undecodable += 1
            return
        self.sink.packet(packet, pts)
        self._show(pictures)

    def _show(self, pictures: list[Any]) -> None:
        assert self.part is not None
        for picture in pictures:
            if self.source.probe.reordered_without_times:
                # the n-th picture shown has the n-th time
                picture.pts = self.part.times[min(self.shown_in_part, len(self.part.times) - 1)]
            self.shown_in_part += 1
            self.decoded += 1
            if picture.pts is None or picture.pts < self.first_pts:
                continue
            at = self.source.clock.at(picture.pts)
            if self.last_at is not None and at <= self.last_at:
                continue
            self.last_at = at
            self.sink.frame(Frame(self.source.probe.frame_index(picture.pts), picture.pts, at, picture))

    def _close(self, state: End, *, flush: bool = True) -> None:
        """Close the epoch; flush: hand over what the decoder still holds."""
        if not self.is_open:
            return
        try:
            self._show(self.stream.codec_context.decode(None) if flush else [])
        except av.error.FFmpegError:
            self.source.undecodable += 1
        self.stream.codec_context.flush_buffers()
        self.is_open = False
        self.sink.close(state)


def _begins(probe: Probe, start_ms: int | None) -> int:
    if start_ms is not None:
        return start_ms
    if probe.created_ms is not None:
        return probe.created_ms
    raise SourceError(
        f"{probe.path} does not say when it was taken; give --start-time, or start_time for this camera in the site "
        "file, for example 2025-10-25T09:00:00+02:00"
    )


def to_ms(time: datetime) -> int:
    """An aware time as ms UTC."""
    return round(time.timestamp() * 1000)
