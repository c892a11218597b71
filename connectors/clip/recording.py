"""Finding a span in a camera's recording: the index files on disk, also of the segment that still grows.

A ring of a week is tens of thousands of segments, so the place is found by bisection over the names and only the few
indexes around it are read.
"""

import bisect
from collections import defaultdict
from pathlib import Path

from connectors.clip.coverage import Recorded
from infra.recordings import SegmentIndex, camera_folder, read_index
from schemas.windows import Window

NEVER = 1 << 62


def find(recordings_dir: Path, camera_id: str, lane: str, window: Window) -> Recorded:
    """What this host has of the window: the segments from the last that begins at or before it to the last within it.

    Raises ValueError when camera_id cannot be a folder name.
    """
    epochs = _epochs(camera_folder(recordings_dir, camera_id), lane)
    segments: list[SegmentIndex] = []
    goes_on_after = False
    for epoch in sorted(epochs, reverse=True):
        paths = epochs[epoch]
        place = bisect.bisect_right(paths, window.to_at, key=_begins_at)
        goes_on_after = goes_on_after or any(_begins_at(path) < NEVER for path in paths[place : place + 1])
        while place > 0:
            place -= 1
            index = read_index(paths[place])
            if index is not None:
                segments.append(index)
                if _begin(index) <= window.from_at:
                    return Recorded(segments[::-1], goes_on_after, _oldest(epochs))
    return Recorded(segments[::-1], goes_on_after, _oldest(epochs))


def _epochs(folder: Path, lane: str) -> dict[int, list[Path]]:
    """stream_epoch -> its indexes in order, of one lane."""
    found: dict[int, list[Path]] = defaultdict(list)
    if folder.is_dir():
        for path in sorted(folder.glob("*_*.idx")):
            epoch, _, index = path.stem.partition("_")
            if epoch.isdigit() and index.isdigit():
                found[int(epoch)].append(path)
    return {epoch: paths for epoch, paths in found.items() if _lane(paths[-1]) == lane}


def _lane(path: Path) -> str | None:
    index = _read(path)
    return index.head.lane if index else None


def _oldest(epochs: dict[int, list[Path]]) -> int | None:
    begins = [_begins_at(epochs[epoch][0]) for epoch in epochs]
    return min((at for at in begins if at < NEVER), default=None)


def _begins_at(path: Path) -> int:
    index = _read(path)
    return _begin(index) if index else NEVER


def _begin(index: SegmentIndex) -> int:
    """captured_at of the first frame; NEVER while there is none."""
    return index.gops[0].key_at if index.gops else NEVER


def _read(path: Path) -> SegmentIndex | None:
    """The index, or None when the ring has just dropped it."""
    try:
        return read_index(path)
    except FileNotFoundError:
        return None
