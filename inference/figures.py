"""How the cameras are seen from outside: their processes tell the one that started them, which answers the probes."""

import threading
import time
from dataclasses import dataclass

import psutil

from inference.report import Figures, Reporter
from infra import metrics
from infra.health import Health

TELL_EVERY_S = 1.0
TOLD = (
    metrics.CAMERA_READ,
    metrics.CAMERA_FRAMES,
    metrics.CAMERA_SKIPPED,
    metrics.CAMERA_CAPTURED,
    metrics.CAMERA_RECONNECTS,
    metrics.CAMERA_IMPAIRED,
    metrics.CAMERA_OFFSET,
    metrics.CAMERA_SEGMENTS,
    metrics.CAMERA_SEGMENT_BYTES,
    metrics.CAMERA_MEMORY,
)


class Telling:
    """In a camera's process: sends what has changed every second, whatever its other threads do."""

    def __init__(self, reporter: Reporter, camera_id: str) -> None:
        self._reporter, self._camera_id = reporter, camera_id
        self._changes, self._process = metrics.Changes(*TOLD), psutil.Process()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._for_ever, name="figures", daemon=True).start()

    def tell(self) -> None:
        """Now."""
        with self._lock:
            metrics.CAMERA_MEMORY.set(self._process.memory_info().rss, self._camera_id)
            self._reporter.send(Figures(self._camera_id, list(self._changes)))

    def _for_ever(self) -> None:
        while True:
            self.tell()
            time.sleep(TELL_EVERY_S)


@dataclass
class _Camera:
    detected: int = 0
    waiting: int = 0
    """Frames read since one was detected."""


class CamerasHealth:
    """A camera gets on while its process speaks and what is read of the source is also detected.

    A source that is away makes nobody unready: that is the camera's trouble and has a metric of its own.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._cameras: dict[str, _Camera] = {}

    def running(self, camera_ids: set[str]) -> None:
        """These processes run; the loop has gone round."""
        for camera_id in self._cameras.keys() | camera_ids:
            self._cameras.setdefault(camera_id, _Camera())
            metrics.CAMERA_RUNNING.set(float(camera_id in camera_ids), camera_id)
        self._health.has(camera_ids)
        self._health.holds(len(camera_ids))
        self._health.turned()

    def heard(self, figures: Figures) -> None:
        """A process spoke."""
        metrics.take(figures.changes)
        camera = self._cameras.setdefault(figures.camera_id, _Camera())
        changed = {change.name: round(change.value) for change in figures.changes}
        camera.waiting += changed.get(metrics.CAMERA_READ.name, 0)
        if detected := changed.get(metrics.CAMERA_FRAMES.name, 0):
            camera.detected += detected
            camera.waiting = 0
        self._health.told(figures.camera_id, camera.detected, camera.waiting)
