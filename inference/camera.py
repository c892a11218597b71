"""One camera from its source to the log: a thread reads and records, the other detects, tracks and publishes."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from inference.detector import Detector
from inference.handoff import Closed, Failed, Handoff, Opened
from inference.producer import TrackProducer
from inference.recorder import Recorder
from inference.recording import MainStream, NoRecording, RecordingSink
from inference.sight_watch import SightWatch
from inference.source import End, Epoch, Frame, Sink, Source
from inference.timing import Grid, Pick, Picker, grid_rate_hz
from inference.tracker import Tracker, TrackerSettings
from schemas.errors import InputError

log = logging.getLogger(__name__)

UNKNOWN_MAX_MS = 3000
"""A longer time without a frame is an outage: its slots are not filled with skipped records."""
JOIN_S = 30.0


class CameraPipeline:
    """Runs a source through recorder, detector, tracker and producer until it ends or is stopped."""

    def __init__(
        self,
        source: Source,
        recorder: Recorder,
        detector: Detector,
        producer: TrackProducer,
        *,
        rate_hz: float,
        tracker_settings: TrackerSettings,
        check_image: Callable[[int, int], None],
        sight: SightWatch,
        live: bool,
        main: MainStream | None = None,
        on_frame: Callable[[int], None] = lambda at: None,
    ) -> None:
        """check_image(width, height) raises InputError when something lies outside; sight says which frames count;
        main: what is recorded where it is not the source itself; on_frame hears each frame's captured_at.
        """
        self._source, self._detector, self._producer, self._main = source, detector, producer, main
        self._recording: Sink = RecordingSink(recorder, live=live) if main is None else NoRecording(main.meter)
        self._rate_hz, self._tracker_settings, self._check_image = rate_hz, tracker_settings, check_image
        self._sight = sight
        self._handoff = Handoff(live=live)
        self._on_frame = on_frame

    def run(self, stop: Event) -> None:
        """Until the source ends, or stop is set. Raises what the reader or a part of it raised."""
        reader = Thread(target=self._read, args=(stop,), name="reader", daemon=True)
        reader.start()
        threads = [reader]
        if self._main is not None:
            threads.append(self._main.start(stop, lambda error: self._handoff.put(Failed(error))))
        try:
            self._detect()
        except BaseException:
            stop.set()
            self._handoff.abandon()
            raise
        finally:
            for thread in threads:
                thread.join(JOIN_S)

    def _read(self, stop: Event) -> None:
        try:
            sink = _ReaderSink(self._recording, self._handoff, self._rate_hz, self._check_image)
            self._source.read(sink, stop)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is handled, in run()
            self._handoff.put(Failed(error))
        finally:
            self._handoff.finish()

    def _detect(self) -> None:
        epoch: _DetectedEpoch | None = None
        for item in self._handoff:
            match item:
                case Opened():
                    self._producer.begin(item.epoch)
                    self._sight.begin(item.misfit)
                    epoch = _DetectedEpoch(item, Tracker(self._tracker_settings, item.rate_hz))
                case Pick():
                    assert epoch is not None
                    self._detect_frame(epoch, item)
                case Closed():
                    self._producer.end(item.state)
                case Failed():
                    raise item.error

    def _detect_frame(self, epoch: "_DetectedEpoch", pick: Pick[Frame]) -> None:
        frame = pick.frame
        empty = range(epoch.next_slot, pick.slot)
        if epoch.last_at is not None and frame.captured_at - epoch.last_at <= UNKNOWN_MAX_MS:
            for slot in empty:
                self._producer.skipped(epoch.grid.instant(slot))
        epoch.tracker.skip(len(empty))
        epoch.next_slot, epoch.last_at = pick.slot + 1, frame.captured_at
        image = frame.picture.to_ndarray(format="bgr24")
        detections = self._detector.detect(image, frame.index)
        self._producer.frame(frame, epoch.tracker.update(detections, image), self._sight.judge(frame))
        self._on_frame(frame.captured_at)


class _DetectedEpoch:
    def __init__(self, opened: Opened, tracker: Tracker) -> None:
        self.tracker = tracker
        self.grid = _grid(opened.epoch, opened.rate_hz)
        self.next_slot = 0
        self.last_at: int | None = None


class _ReaderSink:
    """Gives everything to the recording, and the newest frame of every slot to the detector."""

    def __init__(
        self, recording: Sink, handoff: Handoff, rate_hz: float, check_image: Callable[[int, int], None]
    ) -> None:
        self._recording, self._handoff, self._rate_hz, self._check_image = recording, handoff, rate_hz, check_image
        self._picker: Picker[Frame] | None = None

    def open(self, epoch: Epoch) -> None:
        misfit = None
        try:
            self._check_image(epoch.width, epoch.height)
        except InputError as error:
            if self._picker is None:
                raise
            misfit = str(error)  # a camera that changes while it runs is still recorded
        rate_hz = grid_rate_hz(self._rate_hz, epoch.frame_hz)
        self._picker = Picker(_grid(epoch, rate_hz))
        self._recording.open(epoch)
        self._handoff.put(Opened(epoch, rate_hz, misfit))

    def packet(self, packet: Any, pts: int) -> None:
        self._recording.packet(packet, pts)

    def frame(self, frame: Frame) -> None:
        assert self._picker is not None
        self._recording.frame(frame)
        pick = self._picker.offer(frame)
        if pick is not None:
            self._handoff.put(pick)

    def close(self, state: End) -> None:
        assert self._picker is not None
        self._recording.close(state)
        pick = self._picker.finish()
        if pick is not None:
            self._handoff.put(pick)
        self._handoff.put(Closed(state))


def _grid(epoch: Epoch, rate_hz: float) -> Grid:
    return Grid(epoch.stream_epoch, rate_hz, None if epoch.frame_hz is None else 1000 / epoch.frame_hz)
