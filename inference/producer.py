"""TrackUpdates: what the tracker saw, in the log, in a sequence without a hole."""

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from inference.errors import LaneError
from inference.lane import SOURCE_HEADER, Last, topic_of_lane
from inference.source import Epoch, Frame
from inference.tracks_log import TracksLog
from infra import metrics
from infra.clock import Clock
from infra.failpoint import failpoint
from schemas.records import Impairment, Position, Producer, StreamState, Track, TrackUpdate
from schemas.topics import Topic

log = logging.getLogger(__name__)


def own_version() -> str:
    """Version of trackfold."""
    try:
        return version("trackfold")
    except PackageNotFoundError:
        return "0.1.0"


class Publishes(Protocol):
    """What is needed of a Kafka producer."""

    def publish(self, topic: Topic, key: str, value: TrackUpdate, *, headers: list[tuple[str, bytes]]) -> None:
        """Send; does not wait."""

    def poll(self, timeout_s: float = 0.0) -> None:
        """Raises when something was refused."""


class TrackProducer:
    """Writes one camera's lane: sequence counts from 0 in each epoch, captured_at strictly increases."""

    def __init__(
        self,
        publisher: Publishes,
        tracks_log: TracksLog,
        clock: Clock,
        *,
        site_id: str,
        camera_id: str,
        lane: str,
        producer: Producer,
        source: str | None,
        previous: Position | None,
        resume: Last | None = None,
    ) -> None:
        """source: the file's identity, None when live; resume: the first epoch is in the log up to this record."""
        self._publisher, self._tracks_log, self._clock = publisher, tracks_log, clock
        self._topic = topic_of_lane(lane)
        self._site_id, self._camera_id, self._lane, self._producer = site_id, camera_id, lane, producer
        self._headers = [] if source is None else [(SOURCE_HEADER, source.encode())]
        self._previous = previous
        self._resume = resume
        self._epoch: Epoch | None = None
        self._sequence = 0
        self._last_at = 0
        self.published = 0

    def begin(self, epoch: Epoch) -> None:
        """A new epoch. Raises LaneError when it is not the one to be resumed."""
        if self._resume is not None and epoch.stream_epoch != self._resume.update.stream_epoch:
            if self._last_at:
                raise self._differs()
            raise LaneError(
                f"the log's last epoch {self._resume.update.stream_epoch} is not in this file; name a lane of its own "
                "with --lane NAME"
            )
        self._epoch, self._sequence = epoch, 0

    def frame(self, frame: Frame, tracks: list[Track], impairment: Impairment | None = None) -> None:
        """A frame of the grid, who was in it, and why it does not count if so."""
        self._put(frame.captured_at, "LIVE", frame_index=frame.index, tracks=tracks, impairment=impairment)
        metrics.CAMERA_FRAMES.add(self._camera_id)
        metrics.CAMERA_CAPTURED.set(frame.captured_at / 1000, self._camera_id)

    def skipped(self, at: int) -> None:
        """A slot of the grid at `at` (ms UTC) without a frame."""
        self._put(max(at, self._last_at + 1), "LIVE", skipped=True)
        metrics.CAMERA_SKIPPED.add(self._camera_id)

    def end(self, state: StreamState) -> None:
        """The epoch is over: one ms after its last record."""
        if self._epoch is not None and self._sequence:
            self._put(self._last_at + 1, state)
        self._epoch = None

    def _put(
        self,
        at: int,
        state: StreamState,
        *,
        frame_index: int = -1,
        tracks: list[Track] | None = None,
        skipped: bool = False,
        impairment: Impairment | None = None,
    ) -> None:
        assert self._epoch is not None
        now = self._clock.now_ms()
        update = TrackUpdate(
            site_id=self._site_id,
            camera_id=self._camera_id,
            lane=self._lane,
            stream_epoch=self._epoch.stream_epoch,
            sequence=self._sequence,
            frame_index=frame_index,
            captured_at=at,
            published_at=max(now, at),
            clock_source=self._epoch.clock.source,
            stream_state=state,
            skipped=skipped,
            image_width=self._epoch.width,
            image_height=self._epoch.height,
            tracks=tracks or [],
            producer=self._producer,
            previous=self._previous if self._sequence == 0 else None,
            impairment=impairment,
        )
        self._sequence += 1
        self._last_at = at
        self._tracks_log.add(update)
        if self._is_there(update):
            return
        failpoint("inference.before_publish")
        self._publisher.publish(self._topic, self._camera_id, update, headers=self._headers)
        self._publisher.poll()
        self.published += 1
        self._previous = Position(stream_epoch=update.stream_epoch, sequence=update.sequence)

    def _is_there(self, update: TrackUpdate) -> bool:
        """Is this record in the log already, from the run that this one resumes?"""
        if self._resume is None:
            return False
        last = self._resume.update
        if update.sequence < last.sequence:
            return True
        if (update.captured_at, update.frame_index) != (last.captured_at, last.frame_index):
            raise self._differs()
        self._previous, self._resume = self._resume.position, None
        log.info("camera %s: the log holds the first %d records of this epoch", self._camera_id, last.sequence + 1)
        return True

    def _differs(self) -> LaneError:
        return LaneError(
            "this run gives other frames than the log's epoch that it should resume; name a lane of its own with "
            "--lane NAME"
        )
