"""How long the recording is kept: by age, and by disk space, which wins."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import metrics
from infra.config import RecordingSettings
from infra.recordings import pin_path, read_index
from schemas.site import Site

log = logging.getLogger(__name__)

WRITING_S = 600.0
"""A segment that is not closed and was written to so recently belongs to a recorder."""


@dataclass(frozen=True)
class Kept:
    """One file of the recording (a segment with its index, or a file of boxes)."""

    files: tuple[Path, ...]
    written_at: float
    """Seconds since 1970."""
    size_bytes: int
    pinned: bool
    growing: bool


def kept_for(site: Site, settings: RecordingSettings) -> RecordingSettings:
    """The settings as the site wants them: what it keeps for less long goes earlier."""
    hours = site.retention.recordings_h
    if hours is None or hours >= settings.max_age_h:
        return settings
    return settings.model_copy(update={"max_age_h": hours})


def to_remove(kept: Sequence[Kept], now: float, settings: RecordingSettings) -> list[Kept]:
    """What must go: what is too old unless it is pinned, then the oldest until the rest fits, pinned ones last."""
    movable = sorted((k for k in kept if not k.growing), key=lambda k: (k.written_at, k.files))
    gone = [k for k in movable if not k.pinned and now - k.written_at > settings.max_age_h * 3600]
    left_bytes = sum(k.size_bytes for k in kept) - sum(k.size_bytes for k in gone)
    for candidate in sorted(movable, key=lambda k: k.pinned):
        if left_bytes <= settings.max_gb * 1e9:
            break
        if candidate not in gone:
            gone.append(candidate)
            left_bytes -= candidate.size_bytes
    return gone


def sweep(recordings_dir: Path, settings: RecordingSettings, now: float | None = None) -> list[Path]:
    """Remove what must go, of all cameras and lanes. Gives the files removed. now: seconds since 1970, the clock's."""
    removed = []
    now = time.time() if now is None else now
    there = _look(recordings_dir, now)
    gone = to_remove(there, now, settings)
    left_bytes = sum(kept.size_bytes for kept in there) - sum(kept.size_bytes for kept in gone)
    metrics.RECORDING_BYTES.set(left_bytes)
    metrics.RECORDING_BYTES_MAX.set(settings.max_gb * 1e9)
    for kept in gone:
        for path in kept.files:
            path.unlink(missing_ok=True)
            removed.append(path)
    if removed:
        log.info("retention: removed %d files of the recording from %s", len(removed), recordings_dir)
    return removed


def _look(recordings_dir: Path, now: float) -> list[Kept]:
    found = []
    for path in recordings_dir.rglob("*_*.mp4"):
        index = path.with_suffix(".idx")
        stats = [p.stat() for p in (path, index) if p.exists()]
        written_at = max(s.st_mtime for s in stats)
        size = sum(s.st_size for s in stats)
        growing = now - written_at < WRITING_S and not _closed(index)
        pin = pin_path(path)
        found.append(Kept((path, index, pin), written_at, size, pin.exists(), growing))
    for path in recordings_dir.rglob("tracks_*.jsonl"):
        stat = path.stat()
        growing = now - stat.st_mtime < WRITING_S
        found.append(Kept((path,), stat.st_mtime, stat.st_size, False, growing))
    return found


def _closed(index: Path) -> bool:
    found = read_index(index) if index.exists() else None
    return found is not None and found.tail is not None
