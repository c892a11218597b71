"""The continuous recording of one camera: the camera's own stream without re-encoding, in segments of about 10 s.

What MP4 or a browser cannot take, or what has its key frames too far apart to cut by, is transcoded and says so.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from inference.segment import TICKS_PER_S, Kept, Remuxed, SegmentFile, Transcoded, ticks_per_s
from inference.source import Epoch, Frame
from infra import metrics
from infra.clock import Clock
from infra.recordings import (
    Head,
    SegmentIndex,
    Tail,
    camera_folder,
    index_path,
    lane_root,
    line,
    read_index,
    segment_path,
)
from schemas.hashing import sha256_of_file
from schemas.records import KeyFrame, RecordingSegment

log = logging.getLogger(__name__)

SEGMENT_MS = 10_000
"""A segment is cut at the first key frame after this; with key frames at most 4 s apart it never reaches 30 s."""
KEY_GAP_MAX_MS = 4_000
GOP_MS = 2_000
"""Between two key frames of what we encode."""
STEP_MAX_MS = 1_000
"""A longer step between two frames is a hole in the stream and not a long group of pictures."""
BROWSER_PIXELS = ("yuv420p", "yuvj420p")


def why_transcode(codec: str, pixel_format: str, key_gap_s: float, times_missing: bool) -> str | None:
    """Why a stream cannot be kept as it is, or None when it can."""
    if codec != "h264":
        return f"its codec is {codec or 'unknown'}, not h264"
    if pixel_format not in BROWSER_PIXELS:
        return f"its pixel format is {pixel_format or 'unknown'}, which browsers do not play"
    if times_missing:
        return "its container does not say when each picture is shown"
    if key_gap_s * 1000 > KEY_GAP_MAX_MS:
        return f"its key frames are up to {key_gap_s:.1f} s apart"
    return None


class Recorder:
    """Writes the recording of one camera and lane, epoch by epoch.

    resumed_epoch: an epoch that an earlier run has begun and this one goes through again: segments that are closed
    are kept, the one that was growing is written again.
    """

    def __init__(
        self,
        recordings_dir: Path,
        site_id: str,
        camera_id: str,
        lane: str,
        host: str,
        clock: Clock,
        announce: Callable[[RecordingSegment], None],
    ) -> None:
        """announce publishes a closed segment."""
        self._recordings_dir, self._root = recordings_dir, lane_root(recordings_dir, lane)
        self._site_id, self._camera_id, self._lane, self._host = site_id, camera_id, lane, host
        self._clock = clock
        self._announce = announce
        self._epoch: Epoch | None = None
        self._segment: SegmentFile | None = None
        self._head: Head | None = None
        self._index = 0
        self._transcoding = False
        self._kept: dict[int, SegmentIndex] = {}

    def recover(self, resumed_epoch: int | None = None) -> None:
        """Close what an earlier run left open: epochs that do not go on are marked as over, and announced."""
        newest: dict[int, SegmentIndex] = {}
        for path in sorted(camera_folder(self._root, self._camera_id).glob("*.idx")):
            found = read_index(path)
            if found is None:
                path.unlink()
                path.with_suffix(".mp4").unlink(missing_ok=True)
            elif found.head.stream_epoch == resumed_epoch:
                if found.tail is not None:
                    self._kept[found.head.index] = found
                    self._tell(found)
            else:
                newest[found.head.stream_epoch] = found
                if found.tail is None:
                    self._mend(path)
        for found in newest.values():
            if found.tail is None or not found.tail.last:
                with index_path(found.path).open("ab") as index:
                    index.write(line(Tail(last=True)))
                closed = read_index(index_path(found.path))
                if closed is not None:
                    self._tell(closed)

    @staticmethod
    def _mend(path: Path) -> None:
        """Take away a last index line that a crash cut short."""
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            path.write_bytes(data[: data.rfind(b"\n") + 1])

    def open(self, epoch: Epoch) -> None:
        """A new epoch begins with the next key frame."""
        self._epoch = epoch
        self._index = 0
        self._segment = None
        self._begun_at = self._gop_at = self._last_at = self._gop_ms = 0
        self._max_pts: int | None = None
        """Of what was kept as it is; None while nothing is."""
        context = epoch.stream.codec_context
        reason = why_transcode(context.name, context.pix_fmt or "", epoch.key_gap_s, epoch.times_missing)
        self._transcoding = reason is not None
        if reason is not None:
            self._say(reason)

    def packet(self, packet: Any, pts: int) -> None:
        """The next packet, in the order of decoding; its times are overwritten."""
        assert self._epoch is not None
        if self._transcoding:
            return
        at = self._epoch.clock.at(pts)
        if packet.is_keyframe:
            self._begin_gop(at, None)
        if self._segment is None:
            return
        newest = self._max_pts is None or pts > self._max_pts
        if newest:
            self._gop_ms += min(max(0, at - self._last_at), STEP_MAX_MS) if not packet.is_keyframe else 0
            self._last_at = at
            if self._gop_ms > KEY_GAP_MAX_MS:
                # every frame before this one is written, and none of those to come is shown before it
                self._change_over()
                return
            self._max_pts = pts
        self._segment.write(packet, pts, at)

    def frame(self, frame: Frame) -> None:
        """The next frame, in the order of showing."""
        metrics.CAMERA_READ.add(self._camera_id)
        if not self._transcoding or (self._max_pts is not None and frame.pts <= self._max_pts):
            return
        at = frame.captured_at
        if self._segment is None or at - self._gop_at >= GOP_MS:
            self._begin_gop(at, frame)
        assert self._segment is not None
        self._segment.write(frame.picture, frame.pts, at)

    def close(self) -> None:
        """The epoch is over."""
        self._end_segment(None, last=True)
        self._epoch = None

    @property
    def is_writing(self) -> bool:
        """Has something of the present segment reached the disk?"""
        return self._segment is not None and bool(self._segment.gops)

    def give_up_segment(self) -> None:
        """The segment cannot be written: keep what of it is on the disk; the next key frame begins another."""
        assert self._epoch is not None
        keep = self.is_writing
        if self._segment is not None:
            self._segment.abandon()
            self._segment = None
        if keep:
            self._index += 1
        else:
            path = segment_path(self._root, self._camera_id, self._epoch.stream_epoch, self._index)
            with suppress(OSError):
                path.unlink(missing_ok=True)
                index_path(path).unlink(missing_ok=True)

    def _say(self, reason: str) -> None:
        log.info("camera %s: the recording is transcoded to h264: %s", self._camera_id, reason)

    def _change_over(self) -> None:
        self._say(f"its key frames are more than {KEY_GAP_MAX_MS / 1000:g} s apart")
        self._end_segment(None, last=False)
        self._transcoding = True

    def _begin_gop(self, at: int, frame: Frame | None) -> None:
        if self._segment is not None and at - self._begun_at >= SEGMENT_MS:
            self._end_segment(at, last=False)
        if self._segment is None:
            self._begin_segment(at, frame)
        assert self._segment is not None
        self._segment.begin_gop(at)
        self._gop_at, self._gop_ms, self._last_at = at, 0, at

    def _begin_segment(self, at: int, frame: Frame | None) -> None:
        assert self._epoch is not None
        self._begun_at = at
        epoch = self._epoch
        path = segment_path(self._root, self._camera_id, epoch.stream_epoch, self._index)
        base = epoch.time_base
        self._head = Head(
            site_id=self._site_id,
            camera_id=self._camera_id,
            lane=self._lane,
            stream_epoch=epoch.stream_epoch,
            index=self._index,
            codec="h264",
            time_base_den=ticks_per_s(base) if frame is None else TICKS_PER_S,
            transcoded=frame is not None,
            live=epoch.live,
        )
        frame_ms = 1000 / (epoch.frame_hz or 25.0)
        kept = self._kept.pop(self._index, None)
        if kept is not None:
            self._segment = Kept(kept.gops)
        elif frame is None:
            self._segment = Remuxed(path, self._head, epoch.stream, base, frame_ms)
        else:
            self._segment = Transcoded(path, self._head, frame.picture, base, frame_ms)

    def _end_segment(self, next_at: int | None, *, last: bool) -> None:
        if self._segment is None:
            return
        self._segment.close(next_at, last)
        assert self._head is not None
        path = segment_path(self._root, self._camera_id, self._head.stream_epoch, self._index)
        if not isinstance(self._segment, Kept):
            self._tell(SegmentIndex(path=path, head=self._head, gops=self._segment.gops, tail=Tail(last=last)))
        self._segment = None
        self._index += 1

    def _tell(self, segment: SegmentIndex) -> None:
        if not segment.gops or segment.tail is None:
            return
        head = segment.head
        size_bytes = segment.path.stat().st_size
        metrics.CAMERA_SEGMENTS.add(head.camera_id)
        metrics.CAMERA_SEGMENT_BYTES.add(head.camera_id, by=size_bytes)
        self._announce(
            RecordingSegment(
                site_id=head.site_id,
                camera_id=head.camera_id,
                lane=head.lane,
                stream_epoch=head.stream_epoch,
                index=head.index,
                host=self._host,
                path=str(segment.path.relative_to(self._recordings_dir)),
                from_at=segment.gops[0].key_at,
                to_at=segment.gops[-1].end_at,
                key_frames=[KeyFrame(at=gop.key_at, pts=gop.key_pts) for gop in segment.gops],
                time_base_den=head.time_base_den,
                codec=head.codec,
                transcoded=head.transcoded,
                size_bytes=size_bytes,
                sha256=sha256_of_file(segment.path),
                last=segment.tail.last,
                live=head.live,
                published_at=self._clock.now_ms(),
            )
        )
