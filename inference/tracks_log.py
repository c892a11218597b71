"""The published boxes on disk, beside the recording: what tells a viewer of a clip who is who."""

import logging
from contextlib import suppress
from io import FileIO
from pathlib import Path

from infra.recordings import TRACKS_BLOCK_MS, FrameTracks, line, read_tracks, tracks_path
from schemas.records import TrackUpdate

log = logging.getLogger(__name__)


class TracksLog:
    """Appends one line per frame with people. An epoch that is gone through again adds what is not there yet."""

    def __init__(self, root: Path, camera_id: str, *, live: bool = False) -> None:
        """root: the recordings folder of the lane; live: what cannot be written is left out, for the camera goes on."""
        self._root, self._camera_id, self._live = root, camera_id, live
        self._standing_still = False
        self._path: Path | None = None
        self._file: FileIO | None = None
        self._written_to = 0

    def add(self, update: TrackUpdate) -> None:
        """Keep the boxes of a frame, before it is published: who acts on the record finds them. Raises OSError."""
        if not update.tracks:
            return
        try:
            self._add(update)
            self._standing_still = False
        except OSError as error:
            if not self._live:
                raise
            with suppress(OSError):
                self.close()
            self._path = self._file = None
            if not self._standing_still:
                log.error("the boxes cannot be kept: %s; clips of this time will not say who is who", error)
            self._standing_still = True

    def _add(self, update: TrackUpdate) -> None:
        path = tracks_path(self._root, self._camera_id, update.stream_epoch, update.captured_at)
        if path != self._path:
            self._open(path, update)
        if update.captured_at > self._written_to:
            assert self._file is not None
            boxes = [(t.track_id, t.x1, t.y1, t.x2, t.y2) for t in update.tracks]
            self._file.write(line(FrameTracks(at=update.captured_at, tracks=boxes)))
            self._written_to = update.captured_at

    def close(self) -> None:
        """No more boxes come."""
        if self._file is not None:
            self._file.close()
        self._path = self._file = None

    def _open(self, path: Path, update: TrackUpdate) -> None:
        self.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._written_to = 0
        if path.exists():
            data = path.read_bytes()
            if not data.endswith(b"\n"):  # a crash cut the last line short
                path.write_bytes(data[: data.rfind(b"\n") + 1])
            begin = update.captured_at // TRACKS_BLOCK_MS * TRACKS_BLOCK_MS
            end = begin + TRACKS_BLOCK_MS - 1
            for frame in read_tracks(self._root, self._camera_id, update.stream_epoch, begin, end):
                self._written_to = frame.at
        self._path, self._file = path, path.open("ab", buffering=0)
