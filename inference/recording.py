"""What goes into the recording, whatever the disk says; and a stream that is only recorded."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import av

from inference.errors import RecordingError
from inference.offset import OffsetMeter
from inference.recorder import Recorder
from inference.sight import grey_of
from inference.source import End, Epoch, Frame, Source
from infra import metrics

log = logging.getLogger(__name__)


class RecordingSink:
    """Gives a source to the recorder.

    A file is read again from here once there is room. A live camera is seen now or never: detection goes on, and every
    key frame tries again to record.
    """

    def __init__(self, recorder: Recorder, *, live: bool) -> None:
        self._recorder, self._live, self._standing_still = recorder, live, False

    def open(self, epoch: Epoch) -> None:
        """See Sink."""
        with self._recording():
            self._recorder.open(epoch)

    def packet(self, packet: Any, pts: int) -> None:
        """See Sink."""
        with self._recording():
            self._recorder.packet(packet, pts)

    def frame(self, frame: Frame) -> None:
        """See Sink."""
        with self._recording():
            self._recorder.frame(frame)

    def close(self, state: End) -> None:
        """See Sink."""
        with self._recording():
            self._recorder.close()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        try:
            yield
        except (OSError, av.error.FFmpegError) as error:
            what = f"the recording cannot be written: {error}; check the space and the rights of the data folder"
            if not self._live:
                raise RecordingError(what) from error
            self._recorder.give_up_segment()
            if not self._standing_still:
                log.error("%s; detection goes on without it, clips of this time will be partial", what)
            self._standing_still = True
        else:
            if self._standing_still and self._recorder.is_writing:
                log.warning("the recording goes on")
                self._standing_still = False


class MainStream:
    """The stream that is recorded, where another one of the same camera is detected on: read in a thread of its own."""

    def __init__(self, camera_id: str, source: Source, recorder: Recorder) -> None:
        self._camera_id, self._source = camera_id, source
        self._sink = _Measuring(RecordingSink(recorder, live=True), self._measured)
        self.meter = self._sink.meter

    def start(self, stop: Event, failed: Callable[[BaseException], None]) -> Thread:
        """Read until stopped; failed hears why it cannot go on."""

        def read() -> None:
            try:
                self._source.read(self._sink, stop)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is handled
                failed(error)

        thread = Thread(target=read, name="main stream", daemon=True)
        thread.start()
        return thread

    def _measured(self, offset_ms: int) -> None:
        metrics.CAMERA_OFFSET.set(offset_ms / 1000, self._camera_id)
        log.info(
            "camera %s: the recorded stream is %d ms %s than the one that is detected on, and so are boxes over a clip",
            self._camera_id,
            abs(offset_ms),
            "later" if offset_ms >= 0 else "earlier",
        )


class _Measuring:
    """Measures the offset by the pictures that go to the recording."""

    def __init__(self, sink: RecordingSink, measured: Callable[[int], None]) -> None:
        self._sink, self._measured = sink, measured
        self.meter = OffsetMeter()
        self.open, self.packet, self.close = sink.open, sink.packet, sink.close

    def frame(self, frame: Frame) -> None:
        """See Sink."""
        self._sink.frame(frame)
        if self.meter.wants(frame.captured_at):
            offset_ms = self.meter.recorded(frame.captured_at, grey_of(frame.picture))
            if offset_ms is not None:
                self._measured(offset_ms)


class NoRecording:
    """For the stream that is detected on only."""

    def __init__(self, meter: OffsetMeter) -> None:
        self._meter = meter

    def open(self, epoch: Epoch) -> None:
        """See Sink."""

    def packet(self, packet: Any, pts: int) -> None:
        """See Sink."""

    def frame(self, frame: Frame) -> None:
        """See Sink."""
        if self._meter.wants(frame.captured_at):
            self._meter.detected(frame.captured_at, grey_of(frame.picture))

    def close(self, state: End) -> None:
        """See Sink."""
