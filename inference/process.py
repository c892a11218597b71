"""The process of one camera."""

import fcntl
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
from pathlib import Path

from inference.camera import CameraPipeline
from inference.detector import Detector, KeepingDetector, load_detector
from inference.errors import LaneError, SourceError
from inference.figures import Telling
from inference.lane import Last, Start, plan_file, read_last
from inference.live import LiveSource
from inference.producer import TrackProducer, own_version
from inference.recorder import Recorder
from inference.recording import MainStream
from inference.report import Message, Outcome, Reporter, log_through
from inference.sight_watch import SightWatch, read_reference
from inference.source import Address, FileSource
from inference.tracker import TrackerSettings, settings_hash
from inference.tracks_log import TracksLog
from infra import metrics
from infra.clock import WallClock
from infra.config import Settings
from infra.kafka import ConfluentRegistry, Publisher
from infra.log import always_about
from infra.recordings import camera_folder, lane_root
from schemas.codec import Codec
from schemas.errors import ExplainedError
from schemas.records import Producer, RecordingSegment, TrackUpdate
from schemas.site import Camera, Site
from schemas.topics import RECORDING_SEGMENTS

log = logging.getLogger(__name__)

LOCK_WAIT_S = 15.0
"""An earlier process of this camera may still be ending."""
TRACKER = TrackerSettings()


@dataclass(frozen=True)
class Task:
    """What one camera's process has to do."""

    settings: Settings
    site: Site
    camera_id: str
    base: Path
    """Paths in the site file start here."""
    lane: str
    start_time: datetime | None
    """Of a file's first frame, from the command line."""
    save_detections: Path | None
    """Folder."""
    threads: int
    log_level: int


def main(task: Task, connection: "Connection[Message, None]") -> None:
    """Run the task and exit: 0 when all went well, else 1."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    reporter = Reporter(connection, task.camera_id)
    log_through(reporter, task.log_level)
    always_about(camera=task.camera_id)
    telling = Telling(reporter, task.camera_id)
    telling.start()
    failure = None
    try:
        _CameraProcess(task, reporter).run(stop)
    except ExplainedError as error:
        failure = str(error)
    except Exception as error:  # this is where a camera ends; its neighbours go on
        log.exception("camera %s: unexpected failure", task.camera_id)
        failure = f"unexpected {type(error).__name__}: {error}; the traceback is in the log"
    telling.tell()
    reporter.send(Outcome(task.camera_id, failure))
    raise SystemExit(1 if failure else 0)


class _CameraProcess:
    """Puts one camera's parts together."""

    def __init__(self, task: Task, reporter: Reporter) -> None:
        self.task, self.reporter = task, reporter
        self.camera: Camera = task.site.camera(task.camera_id)
        self.clock = WallClock()
        self._size: tuple[int, int] | None = None
        """Of its first picture."""
        self.root = lane_root(task.settings.recordings_dir, task.lane)

    def run(self, stop: threading.Event) -> None:
        """Until the source ends, or stop is set. Raises ExplainedError."""
        task = self.task
        with _only_one(camera_folder(self.root, task.camera_id), task.camera_id):
            address = Address(self.camera.detected_source, task.base)
            file = None if address.is_live else self._file(address)
            detector = self._detector()
            codec = Codec(ConfluentRegistry(task.settings))
            codec.register_all([TrackUpdate, RecordingSegment])
            self.publisher = Publisher(task.settings, codec)
            last = read_last(task.settings, codec, task.camera_id, task.lane)
            made_by = self._made_by(detector)
            start = self._start(file, last, made_by)
            recorder = self._recorder(start)
            if start.done:
                log.info("camera %s: lane %s holds all of this file already", task.camera_id, task.lane)
            else:
                after = last.update.captured_at if last else 0
                source = file or self._live(address, after)
                tracks_log = TracksLog(self.root, task.camera_id, live=file is None)
                producer = self._producer(tracks_log, made_by, file, start)
                log.info("camera %s: reading %s with %s", task.camera_id, address, detector.name)
                CameraPipeline(
                    source,
                    recorder,
                    detector,
                    producer,
                    rate_hz=self.camera.detector.rate_hz,
                    tracker_settings=TRACKER,
                    check_image=self._check_image,
                    sight=self._sight(),
                    live=file is None,
                    main=self._main_stream(recorder, after) if self.camera.detect_source else None,
                    on_frame=self.reporter.frame,
                ).run(stop)
                tracks_log.close()
                if isinstance(detector, KeepingDetector):
                    detector.save()
            self.publisher.flush()
            how = "stopped" if stop.is_set() else "read to its end"
            log.info("camera %s: %s, %d frames detected", task.camera_id, how, self.reporter.frames)

    def _live(self, address: Address, after: int) -> LiveSource:
        return LiveSource(
            address,
            self.clock,
            after=after,
            threads=self.task.threads,
            on_break=lambda: metrics.CAMERA_RECONNECTS.add(self.task.camera_id),
        )

    def _main_stream(self, recorder: Recorder, after: int) -> MainStream:
        address = Address(self.camera.source, self.task.base)
        log.info("camera %s: recording %s", self.task.camera_id, address)
        return MainStream(self.task.camera_id, self._live(address, after), recorder)

    def _file(self, address: Address) -> FileSource:
        start = self.task.start_time or self.camera.start_time
        start_ms = None if start is None else round(start.timestamp() * 1000)
        file = FileSource(address.path, start_ms, threads=self.task.threads)
        if file.end_ms > self.clock.now_ms():
            raise SourceError(f"{address}: by its start time it ends in the future; correct start_time or --start-time")
        self._check_image(file.probe.width, file.probe.height)
        self.reporter.length(file.start_ms, file.end_ms)
        return file

    def _check_image(self, width: int, height: int) -> None:
        wanted = (self.camera.image_width or width, self.camera.image_height or height)
        if wanted != (width, height):
            raise SourceError(
                f"the site file says {wanted[0]}x{wanted[1]}, its image is {width}x{height}; correct image_width and "
                "image_height, and what is drawn"
            )
        self.camera.check_image(width, height)
        self._size = first = self._size or (width, height)
        if first != (width, height) and self.camera.is_drawn_on:
            raise SourceError(
                f"its image was {first[0]}x{first[1]} and is {width}x{height} now: what is drawn no longer fits; set "
                "the camera back, or correct the site file and start again"
            )

    def _sight(self) -> SightWatch:
        named = self.camera.reference
        reference = read_reference(self.task.base / Path(named).expanduser()) if named else None
        return SightWatch(self.task.camera_id, reference)

    def _detector(self) -> Detector:
        detector = load_detector(self.camera.detector, self.task.base, threads=self.task.threads)
        folder = self.task.save_detections
        return detector if folder is None else KeepingDetector(detector, folder / f"{self.task.camera_id}.npz")

    def _made_by(self, detector: Detector) -> Producer:
        wanted = self.camera.detector
        kind = {"confidence": wanted.confidence, "image_size_px": wanted.image_size_px, "rate_hz": wanted.rate_hz}
        tracker = f"deepsort@{settings_hash(TRACKER, kind, wanted.classes)}"
        return Producer(model=detector.name, tracker=tracker, version=own_version())

    def _start(self, file: FileSource | None, last: Last | None, made_by: Producer) -> Start:
        if file is None:
            return Start(previous=last.position if last else None)
        start = plan_file(last, identity=file.identity, start_ms=file.start_ms, producer=made_by, lane=self.task.lane)
        file.begin_at = start.begin_at
        return start

    def _recorder(self, start: Start) -> Recorder:
        task = self.task
        recorder = Recorder(
            task.settings.recordings_dir,
            task.site.site_id,
            task.camera_id,
            task.lane,
            task.settings.host,
            self.clock,
            lambda segment: self.publisher.publish(RECORDING_SEGMENTS, task.camera_id, segment),
        )
        recorder.recover(start.resume.update.stream_epoch if start.resume else None)
        return recorder

    def _producer(
        self, tracks_log: TracksLog, made_by: Producer, file: FileSource | None, start: Start
    ) -> TrackProducer:
        return TrackProducer(
            self.publisher,
            tracks_log,
            self.clock,
            site_id=self.task.site.site_id,
            camera_id=self.task.camera_id,
            lane=self.task.lane,
            producer=made_by,
            source=None if file is None else file.identity,
            previous=start.previous,
            resume=start.resume,
        )


def _end_with_parent() -> None:
    """A camera without the process that started it would go on beside the next start's: it ends at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _only_one(folder: Path, camera_id: str) -> Iterator[None]:
    """One process per camera and lane on this machine. Raises LaneError while another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LaneError(
                        f"camera {camera_id} is being read by another process on this machine; stop that one first"
                    ) from None
                time.sleep(0.2)
        yield
