"""A live source (RTSP, HTTP): read as it comes, opened again when it breaks off. One connection is one epoch.

Measured on PyAV over RTSP: a killed server ends the iteration without an exception, and a reset may leave a truncated
packet; a stall without a close hangs for ever unless the container is opened with a time-out.
"""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from threading import Event
from typing import Any

import av

from inference.errors import LaneError, SourceError
from inference.source import Address, Epoch, Frame, Sink
from inference.timing import JUMP_MS, LiveClock
from infra.clock import Clock

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
RTSP_READ_TIMEOUT_S = 2.0
"""Measured: a stalled stream ends after twice that."""
HTTP_READ_TIMEOUT_S = 15.0
"""HTTP streams may come in pieces of several seconds."""
BACKOFF_S = (1.0, 2.0, 4.0, 8.0, 15.0)
FIRST_TRIES = 3
"""A source that was never seen is given up after so many tries: its address is probably wrong."""
BLOCKED_S = 0.005
"""A read that takes longer has waited for the camera: what came before was buffered while the stream was opened."""
BUFFERED_MAX = 100
END_MS = 1
"""An epoch's end is in the log so long after its last frame; the next epoch begins behind it."""
NO_TIMESTAMPS = 0x0080
"""The demuxer's flag for formats without times (pictures over HTTP): then the time of arrival is all there is."""
ARRIVAL_BASE = Fraction(1, 1_000_000)


class LiveSource:
    """An address that is read until stopped."""

    def __init__(
        self,
        address: Address,
        clock: Clock,
        *,
        after: int = 0,
        threads: int = 1,
        on_break: Callable[[], None] = lambda: None,
    ) -> None:
        """after: captured_at of the log's last record (ms UTC), which every frame must follow."""
        self.undecodable = 0
        self._after = after
        self._address = address
        self._clock = clock
        self._threads = threads
        self._on_break = on_break

    def read(self, sink: Sink, stop: Event) -> None:
        """Read until stopped. Raises SourceError when the address never answers with video, LaneError when this host's
        clock is behind the log.
        """
        failures, seen, last_at = 0, False, self._after
        while not stop.is_set():
            reason, last = self._try(sink, stop, last_at)
            if last is None:
                failures += 1
                if not seen and failures >= FIRST_TRIES:
                    raise SourceError(
                        f"{self._address}: {reason}; tried {failures} times: check the address, user and password, and "
                        "that the camera is on"
                    )
            else:
                failures, seen, last_at = 0, True, last
            if not stop.is_set():
                self._on_break()
                wait_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                log.warning("%s: %s; trying again in %g s", self._address, reason, wait_s)
                stop.wait(wait_s)

    def _try(self, sink: Sink, stop: Event, last_at: int) -> tuple[str, int | None]:
        """One connection: why it ended, and captured_at of its last frame if it had one."""
        url = self._address.url()
        is_rtsp = url.lower().startswith("rtsp")
        try:
            container = av.open(
                url,
                options={"rtsp_transport": "tcp"} if is_rtsp else {},
                timeout=(OPEN_TIMEOUT_S, RTSP_READ_TIMEOUT_S if is_rtsp else HTTP_READ_TIMEOUT_S),
            )
        except (av.error.FFmpegError, OSError) as error:
            return f"cannot be opened ({error.strerror or type(error).__name__})", None
        try:
            if not container.streams.video:
                return "has no video stream", None
            stream = container.streams.video[0]
            stream.codec_context.thread_count = self._threads
            stream.codec_context.thread_type = "SLICE"
            untimed = bool(container.format.flags & NO_TIMESTAMPS)
            base: Fraction = ARRIVAL_BASE if untimed else stream.time_base or ARRIVAL_BASE
            # what comes by HTTP may come faster than it happened (a playlist, a file): it is read at its own pace
            paced = not is_rtsp and not untimed
            connection = _Connection(stream, base, sink, stop, self._clock, last_at, paced=paced)
            connection.run(_Arrivals(container.demux(stream), self._clock, untimed=untimed))
            self.undecodable += connection.undecodable
            return connection.ended_by, connection.last_at if connection.shown else None
        finally:
            container.close()


class _Arrivals:
    """The packets of a connection with their time of arrival (ms UTC)."""

    def __init__(self, packets: Iterator[Any], clock: Clock, *, untimed: bool) -> None:
        """untimed: the packets' times are made from their arrival, in ARRIVAL_BASE."""
        self.ended_by = "the stream ended"
        self._packets = packets
        self._clock = clock
        self._untimed = untimed
        self._last = 0

    def buffered(self) -> list[tuple[Any, int]]:
        """What was buffered while the stream was opened, up to the first packet that had to be waited for."""
        held: list[tuple[Any, int]] = []
        while len(held) < BUFFERED_MAX:
            began = time.monotonic()
            item = next(self, None)
            if item is None:
                break
            held.append(item)
            if time.monotonic() - began > BLOCKED_S:
                break
        return held

    def __iter__(self) -> Iterator[tuple[Any, int]]:
        return self

    def __next__(self) -> tuple[Any, int]:
        try:
            packet = next(self._packets)
        except (av.error.FFmpegError, OSError) as error:
            self.ended_by = f"the stream broke off ({error.strerror or type(error).__name__})"
            raise StopIteration from None
        if not packet.size:
            raise StopIteration
        at = self._clock.now_ms()
        if self._untimed:
            self._last = max(self._last + 1, at * 1000)
            packet.pts = packet.dts = self._last
            packet.time_base = ARRIVAL_BASE
        return packet, at


class _Connection:
    """One epoch: from the first key frame until the stream ends, or its clock or its pictures' size jumps."""

    def __init__(
        self, stream: Any, base: Fraction, sink: Sink, stop: Event, clock: Clock, last_at: int, *, paced: bool
    ) -> None:
        self.stream, self.base, self.sink, self.stop, self.paced = stream, base, sink, stop, paced
        self.wall = clock
        self.last_at = last_at
        self.shown = 0
        self.undecodable = 0
        self.ended_by = ""
        self._clock: LiveClock | None = None
        self._size = (0, 0)
        self._last_dts: int | None = None

    def run(self, arrivals: _Arrivals) -> None:
        """Read to the end."""
        held = arrivals.buffered()
        timed = [(packet.pts, at) for packet, at in held if packet.pts is not None]
        for packet, received_at in itertools.chain(held, arrivals):
            if self.stop.is_set():
                self.ended_by = "stopped"
                break
            pts, dts = packet.pts, packet.dts
            pts, dts = (dts if pts is None else pts), (pts if dts is None else dts)
            if pts is None or packet.is_corrupt:
                self.undecodable += 1
                continue
            if self._clock is None:
                if not packet.is_keyframe:
                    continue
                # the last buffered packet is the freshest: the others are placed before it by their pts
                self._check_clock(received_at)
                self._begin(pts, LiveClock(*(timed[-1] if timed else (pts, received_at)), self.base))
            if not self._in_time(pts, dts, received_at):
                self.ended_by = "its clock jumped"
                break
            packet.pts, packet.dts = pts, dts
            if not self._take(packet, pts):
                self.ended_by = "the size of its pictures changed"
                break
        self.ended_by = self.ended_by or arrivals.ended_by
        self._end()

    def _check_clock(self, received_at: int) -> None:
        if received_at <= self.last_at:
            raise LaneError(
                f"this host's clock is {(self.last_at - received_at) / 1000:.1f} s behind the log; correct the clock "
                "(NTP), or wait until it has passed the log's last record"
            )

    def _begin(self, pts: int, clock: LiveClock) -> None:
        clock.not_before(pts, self.last_at + END_MS + 1)
        self._clock = clock
        context = self.stream.codec_context
        self._size = (context.width, context.height)
        rate = self.stream.average_rate or self.stream.guessed_rate
        self.sink.open(
            Epoch(
                stream_epoch=clock.at(pts),
                stream=self.stream,
                time_base=self.base,
                clock=clock,
                width=context.width,
                height=context.height,
                frame_hz=float(rate) if rate and 1 <= rate <= 120 else None,
                key_gap_s=0.0,
                times_missing=False,
                live=True,
            )
        )

    def _in_time(self, pts: int, dts: int, received_at: int) -> bool:
        assert self._clock is not None
        if self._last_dts is not None and dts <= self._last_dts:
            return False
        self._last_dts = dts
        ahead_ms = self._clock.ahead_ms(pts, received_at)
        if self.paced and ahead_ms > 0:
            self.stop.wait(ahead_ms / 1000)
            received_at = self.wall.now_ms()
        elif ahead_ms > JUMP_MS:
            return False
        self._clock.observe(pts, received_at)
        return True

    def _take(self, packet: Any, pts: int) -> bool:
        try:
            pictures = self.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self.undecodable += 1
            return True
        if any((picture.width, picture.height) != self._size for picture in pictures):
            return False
        self.sink.packet(packet, pts)
        for picture in pictures:
            self._show(picture)
        return True

    def _show(self, picture: Any) -> None:
        assert self._clock is not None
        if picture.pts is None:
            self.undecodable += 1
            return
        self.last_at = max(self._clock.at(picture.pts), self.last_at + 1)
        self.sink.frame(Frame(self.shown, picture.pts, self.last_at, picture))
        self.shown += 1

    def _end(self) -> None:
        if self._clock is None:
            return
        try:
            for picture in self.stream.codec_context.decode(None):
                if (picture.width, picture.height) == self._size:
                    self._show(picture)
        except av.error.FFmpegError:
            self.undecodable += 1
        self.sink.close("INTERRUPTED")
