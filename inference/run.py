"""`trackfold infer`: a process per camera, and what they tell."""

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from inference.figures import CamerasHealth
from inference.lane import topic_of_lane
from inference.process import Task, main
from inference.report import Display, Figures, Message, Outcome, Progress
from inference.retention import kept_for, sweep
from infra import probes
from infra.config import Settings
from infra.kafka import connect_codec, ensure_topics
from schemas.errors import InputError
from schemas.ids import safe_name
from schemas.site import Site
from schemas.topics import RECORDING_SEGMENTS

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 60.0
STOP_S = 60.0
"""A camera that has not stopped by then is killed."""


def run(
    settings: Settings,
    site: Site,
    site_path: Path,
    *,
    camera_ids: list[str] | None = None,
    lane: str = "live",
    start_time: datetime | None = None,
    save_detections: Path | None = None,
) -> int:
    """Read the cameras (default: all of the site) until their files end, or SIGINT or SIGTERM. Gives the exit code.

    start_time: of the files' first frames, instead of what the site file or the container says; save_detections: a
    folder for one file of detections per camera. One camera's failure is logged in one line, its neighbours go on, and
    the exit code is 1. Raises InputError, SiteError, ServerError when nothing can be started.
    """
    cameras = [site.camera(camera_id).camera_id for camera_id in dict.fromkeys(camera_ids or [])]
    cameras = cameras or [camera.camera_id for camera in site.cameras]
    try:
        safe_name(lane)
    except ValueError as error:
        raise InputError(f"--lane: {error}") from error
    ensure_topics(settings, [topic_of_lane(lane), RECORDING_SEGMENTS])
    connect_codec(settings)
    threads = max(1, (os.cpu_count() or 1) // len(cameras))
    # the tracker's matrices are 4 x 4: a second thread only makes the first one wait (measured on two busy cores with
    # scipy's OpenBLAS: 3 to 10 ms for every person in every frame)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    level = logging.getLogger().getEffectiveLevel()
    with (
        probes.serving(settings, "infer") as health,
        _Children() as children,
        _stopped_by_signals() as stop,
        Display() as display,
    ):
        for camera_id in cameras:
            children.start(
                Task(
                    settings=settings,
                    site=site,
                    camera_id=camera_id,
                    base=site.base(site_path),
                    lane=lane,
                    start_time=start_time,
                    save_detections=save_detections,
                    threads=threads,
                    log_level=level,
                )
            )
        kept = kept_for(site, settings.recording)
        return _watch(children, stop, display, settings.model_copy(update={"recording": kept}), CamerasHealth(health))


@dataclass
class _Child:
    camera_id: str
    process: BaseProcess
    connection: "Connection[None, Message]"
    outcome: Outcome | None = None


class _Children:
    """The cameras' processes; none outlives this."""

    def __init__(self) -> None:
        self.running: list[_Child] = []

    def __enter__(self) -> "_Children":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self.running:
            child.process.kill()
            child.process.join()

    def start(self, task: Task) -> None:
        """Start a camera's process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=main, args=(task, theirs), name=f"camera {task.camera_id}")
        process.start()
        theirs.close()
        self.running.append(_Child(task.camera_id, process, ours))

    def stop(self) -> None:
        """Ask all to stop."""
        for child in self.running:
            child.process.terminate()


def _watch(
    children: _Children, stop: threading.Event, display: Display, settings: Settings, health: CamerasHealth
) -> int:
    failed = False
    swept_at = float("-inf")
    kill_at: float | None = None
    while children.running:
        if stop.is_set() and kill_at is None:
            kill_at = time.monotonic() + STOP_S
            children.stop()
        if kill_at is not None and time.monotonic() > kill_at:
            log.error("not stopped within %g s, killed: %s", STOP_S, ", ".join(c.camera_id for c in children.running))
            return 1
        if time.monotonic() - swept_at > SWEEP_EVERY_S:
            swept_at = time.monotonic()
            sweep(settings.recordings_dir, settings.recording)
        health.running({c.camera_id for c in children.running})
        ready = wait([c.connection for c in children.running], timeout=0.5)
        for child in list(children.running):
            if child.connection in ready and not _hear(child, display, health):
                child.process.join()
                children.running.remove(child)
                failed = _ended_badly(child) or failed
    return 1 if failed else 0


def _hear(child: _Child, display: Display, health: CamerasHealth) -> bool:
    """Take one message; False when the child is gone."""
    try:
        message = child.connection.recv()
    except (EOFError, OSError):
        return False
    match message:
        case Progress():
            display.show(message)
        case Figures():
            health.heard(message)
        case Outcome():
            child.outcome = message
            display.finished(message.camera_id)
        case _:
            logging.getLogger(message.name).handle(message)
    return True


def _ended_badly(child: _Child) -> bool:
    if child.outcome is None:
        log.error(
            "camera %s: its process ended with code %s and without a word (killed, or out of memory?); start again: "
            "it goes on where it was",
            child.camera_id,
            child.process.exitcode,
        )
        return True
    if child.outcome.failure is not None:
        log.error("camera %s: %s", child.camera_id, child.outcome.failure.removeprefix(f"camera {child.camera_id}: "))
        return True
    return False


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
