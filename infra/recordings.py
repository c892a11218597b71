"""The continuous recording on disk: what the recorder writes and the clip service reads, also while it grows.

recordings/<camera_id>/<epoch>_<index>.mp4   fragmented MP4, one fragment per GOP
recordings/<camera_id>/<epoch>_<index>.idx   JSON lines: a head, one line per flushed GOP, a tail when closed
recordings/<camera_id>/tracks_<epoch>_<block>.jsonl   the published boxes, one line per frame with people
recordings/<camera_id>/<epoch>_<index>.pin   while it is there, retention by age passes the segment over

Other lanes than live have their own tree, recordings/.lanes/<lane>/: the same footage may be read into two lanes, and
then both have the same epochs.

A line counts once its newline is there, so a crash costs the last GOP at most.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from schemas.ids import safe_name

TRACKS_BLOCK_MS = 60_000
LANES = ".lanes"
T = TypeVar("T")


class Head(msgspec.Struct, frozen=True, tag="head", kw_only=True):
    """First line of an index."""

    site_id: str
    camera_id: str
    lane: str
    stream_epoch: int
    index: int
    codec: str
    time_base_den: int
    """Ticks per second of pts in this segment (numerator 1)."""
    transcoded: bool
    live: bool


class Gop(msgspec.Struct, frozen=True, tag="gop", kw_only=True):
    """One group of pictures that is on disk. A frame's captured_at = key_at + (pts - key_pts) / time_base_den."""

    key_at: int
    """captured_at of the key frame, ms UTC."""
    key_pts: int
    end_at: int
    """captured_at of the last frame plus its duration, ms UTC."""


class Tail(msgspec.Struct, frozen=True, tag="tail", kw_only=True):
    """Last line of a closed segment's index."""

    last: bool
    """True when the epoch ends here."""


class FrameTracks(msgspec.Struct, frozen=True, array_like=True):
    """The boxes of one published frame."""

    at: int
    """captured_at, ms UTC."""
    tracks: list[tuple[int, float, float, float, float]]
    """(track_id, x1, y1, x2, y2), pixels of the camera's image."""


class SegmentIndex(msgspec.Struct, kw_only=True):
    """An index as read back."""

    path: Path
    """The segment's .mp4."""
    head: Head
    gops: list[Gop]
    tail: Tail | None


def lane_root(recordings_dir: Path, lane: str) -> Path:
    """The tree of one lane: what the functions below take as recordings_dir. Raises ValueError for an odd lane name."""
    return recordings_dir if lane == "live" else recordings_dir / LANES / safe_name(lane)


def camera_folder(recordings_dir: Path, camera_id: str) -> Path:
    """Where a camera's recording lies."""
    return recordings_dir / safe_name(camera_id)


def segment_path(recordings_dir: Path, camera_id: str, stream_epoch: int, index: int) -> Path:
    """The file of the n-th segment of an epoch."""
    return camera_folder(recordings_dir, camera_id) / f"{stream_epoch}_{index:06d}.mp4"


def index_path(segment: Path) -> Path:
    """The index beside a segment."""
    return segment.with_suffix(".idx")


def pin_path(segment: Path) -> Path:
    """A segment with this file beside it is still needed: only the bound on disk space removes it."""
    return segment.with_suffix(".pin")


def line(record: msgspec.Struct) -> bytes:
    """One index line."""
    return msgspec.json.encode(record) + b"\n"


def read_index(path: Path) -> SegmentIndex | None:
    """The index of a segment as far as it is written, or None while even the head is missing."""
    head: Head | None = None
    gops: list[Gop] = []
    tail: Tail | None = None
    for item in _whole_lines(path, Head | Gop | Tail):  # type: ignore[arg-type]
        if isinstance(item, Head):
            head = item
        elif isinstance(item, Gop):
            gops.append(item)
        elif isinstance(item, Tail):
            tail = item
    return None if head is None else SegmentIndex(path=path.with_suffix(".mp4"), head=head, gops=gops, tail=tail)


def tracks_path(recordings_dir: Path, camera_id: str, stream_epoch: int, at: int) -> Path:
    """The tracks file that holds the frame captured at `at` (ms UTC)."""
    block = at // TRACKS_BLOCK_MS * TRACKS_BLOCK_MS
    return camera_folder(recordings_dir, camera_id) / f"tracks_{stream_epoch}_{block}.jsonl"


def read_tracks(
    recordings_dir: Path, camera_id: str, stream_epoch: int, from_at: int, to_at: int
) -> Iterator[FrameTracks]:
    """The published boxes with from_at <= at <= to_at (ms UTC), in order."""
    for at in range(from_at // TRACKS_BLOCK_MS * TRACKS_BLOCK_MS, to_at + 1, TRACKS_BLOCK_MS):
        path = tracks_path(recordings_dir, camera_id, stream_epoch, at)
        if path.exists():
            yield from (f for f in _whole_lines(path, FrameTracks) if from_at <= f.at <= to_at)


def _whole_lines(path: Path, kind: type[T]) -> Iterator[T]:
    for text in path.read_bytes().splitlines(keepends=True):
        if text.endswith(b"\n"):
            yield msgspec.json.decode(text, type=kind)
