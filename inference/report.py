"""What the cameras' processes tell the one that started them: log lines, progress and how it ended."""

import contextlib
import logging
import logging.handlers
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

from infra.metrics import Sample

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 0.5
LINE_EVERY_S = 5.0


@dataclass(frozen=True)
class Progress:
    """How far one camera is."""

    camera_id: str
    frames: int
    """Detected in this run."""
    frames_per_s: float
    at: int
    """Stream time, ms UTC."""
    share: float | None
    """Done of a file, 0 to 1."""

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        share = "" if self.share is None else f", {self.share:.0%} done"
        return f"{self.camera_id}: {self.frames} frames, {self.frames_per_s:.1f} frames/s, at {moment} UTC{share}"


@dataclass(frozen=True)
class Outcome:
    """How a camera's process ended."""

    camera_id: str
    failure: str | None
    """One line for people, None when all went well."""


@dataclass(frozen=True)
class Figures:
    """What changed of the metrics of one camera's process."""

    camera_id: str
    changes: list[Sample]


Message = Progress | Outcome | Figures | logging.LogRecord


class Reporter:
    """A camera's process speaks through this; safe to use from several threads."""

    def __init__(self, connection: "Connection[Message, None]", camera_id: str) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._camera_id = camera_id
        self._share_from, self._share_to = 0, 0
        self.frames = 0
        self._began: float | None = None
        self._told_at = 0.0

    def send(self, message: Message) -> None:
        """Tell; a parent that is gone is not told."""
        with self._lock, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(message)

    def put_nowait(self, record: logging.LogRecord) -> None:
        """What logging.handlers.QueueHandler needs of a queue."""
        self.send(record)

    def length(self, share_from: int, share_to: int) -> None:
        """A file lasts from share_from to share_to (ms UTC)."""
        self._share_from, self._share_to = share_from, share_to

    def frame(self, at: int) -> None:
        """A frame captured at `at` (ms UTC) was detected."""
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self.frames += 1
        if now - self._told_at >= PROGRESS_EVERY_S:
            self._told_at = now
            self.send(self.progress(at))

    def progress(self, at: int) -> Progress:
        """How far this camera is."""
        passed_s = time.monotonic() - self._began if self._began is not None else 0.0
        share = None
        if self._share_to:
            share = min(1.0, (at - self._share_from) / max(1, self._share_to - self._share_from))
        rate = (self.frames - 1) / passed_s if passed_s > 0 else 0.0
        return Progress(self._camera_id, self.frames, rate, at, share)


def log_through(reporter: Reporter, level: int) -> None:
    """Send this process's log through the reporter."""
    root = logging.getLogger()
    root.handlers = [logging.handlers.QueueHandler(reporter)]  # type: ignore[arg-type]
    root.setLevel(level)


class Display:
    """Shows progress: a line per camera on a terminal, else a log line per camera every few seconds."""

    def __init__(self) -> None:
        self._latest: dict[str, Progress] = {}
        self._shown_at = time.monotonic()
        self._live: Any = None
        self._streams: list[tuple[Any, Any]] = []

    def __enter__(self) -> "Display":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=False)
            self._live.start()
            for handler in logging.getLogger().handlers:  # log lines go above the live ones
                if isinstance(handler, logging.StreamHandler):
                    self._streams.append((handler, handler.setStream(sys.stderr)))
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.update(self._lines())
            self._live.stop()
        for handler, stream in self._streams:
            if stream is not None:
                handler.setStream(stream)

    def show(self, progress: Progress) -> None:
        """A camera went on."""
        self._latest[progress.camera_id] = progress
        now = time.monotonic()
        if self._live is not None:
            self._live.update(self._lines())
        elif now - self._shown_at >= LINE_EVERY_S:
            self._shown_at = now
            for _, latest in sorted(self._latest.items()):
                log.info("%s", latest)

    def finished(self, camera_id: str) -> None:
        """A camera's process has ended: its line stays on a terminal and is not repeated in a log."""
        if self._live is None:
            self._latest.pop(camera_id, None)

    def _lines(self) -> str:
        return "\n".join(str(progress) for _, progress in sorted(self._latest.items()))
