"""A live source (RTSP, HTTP, a device): read as it comes, opened again when it breaks off.

A connection may have several epochs (`connection.py`), an epoch has one connection.

Measured on PyAV over RTSP: a killed server ends the iteration without an exception, and a reset may leave a truncated
packet; a stall without a close hangs for ever unless the container is opened with a time-out.
"""

import logging
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any

import av

from inference.backoff import Backoff
from inference.connection import ARRIVAL_BASE, Arrivals, Connection
from inference.errors import SourceError
from inference.source import Address, Sink
from infra.clock import Clock

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0
RTSP_READ_TIMEOUT_S = 2.0
"""Measured: a stalled stream ends after twice that."""
HTTP_READ_TIMEOUT_S = 15.0
"""HTTP streams may come in pieces of several seconds."""
FIRST_TRIES = 5
"""A source that was never seen is given up after so many tries: its address is probably wrong."""
NO_TIMESTAMPS = 0x0080
"""The demuxer's flag for formats without times (pictures over HTTP): then the time of arrival is all there is."""
RTSP_OPTIONS = {"rtsp_transport": "tcp", "allowed_media_types": "video"}


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
        failures, seen, last_at, backoff = 0, False, self._after, Backoff()
        while not stop.is_set():
            began = time.monotonic()
            reason, last = self._try(sink, stop, last_at)
            if last is None:
                failures += 1
                if not seen and failures >= FIRST_TRIES:
                    raise SourceError(f"{self._address}: {reason}; tried {failures} times: {self._advice()}")
            else:
                seen, last_at = True, last
            if not stop.is_set():
                self._on_break()
                wait_s = backoff.wait_s(0.0 if last is None else time.monotonic() - began)
                log.warning("%s: %s; trying again in %.1f s", self._address, reason, wait_s)
                stop.wait(wait_s)

    def _try(self, sink: Sink, stop: Event, last_at: int) -> tuple[str, int | None]:
        """One connection: why it ended, and captured_at of its last frame if it had one."""
        try:
            container = self._open()
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
            paced = not (self._address.is_rtsp or self._address.is_device or untimed)
            connection = Connection(
                stream, base, sink, stop, self._clock, last_at, paced=paced, name=str(self._address)
            )
            connection.run(Arrivals(container.demux(stream), self._clock, untimed=untimed))
            self.undecodable += connection.undecodable
            broken = f"; {connection.undecodable} of its packets or pictures were broken" * bool(connection.undecodable)
            return connection.ended_by + broken, connection.last_at if connection.shown else None
        finally:
            container.close()

    def _advice(self) -> str:
        if not self._address.is_device:
            return "check the address, user and password, and that the camera is on"
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        return f"check that it is plugged in and that this user may read it (group video); video devices here: {there}"

    def _open(self) -> Any:
        """The container (PyAV)."""
        if self._address.is_device:
            return av.open(str(self._address.path), format="v4l2", timeout=(OPEN_TIMEOUT_S, OPEN_TIMEOUT_S))
        is_rtsp = self._address.is_rtsp
        read_timeout_s = RTSP_READ_TIMEOUT_S if is_rtsp else HTTP_READ_TIMEOUT_S
        options = RTSP_OPTIONS if is_rtsp else {}
        return av.open(self._address.url(), options=options, timeout=(OPEN_TIMEOUT_S, read_timeout_s))
