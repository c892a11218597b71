"""The continuous recording of one camera's day on this machine, in every lane."""

from collections.abc import Iterator
from pathlib import Path

from infra.recordings import LANES, TRACKS_BLOCK_MS, camera_folder, pin_path, read_index


def of_span(recordings_dir: Path, camera_id: str, begin: int, end: int) -> Iterator[Path]:
    """The files that show any of [begin, end), ms UTC: videos before the indexes that say what they show.

    A segment that is still written to is among them; what its recorder adds later is not.
    """
    for root in (recordings_dir, *sorted((recordings_dir / LANES).glob("*"))):
        folder = camera_folder(root, camera_id)
        for path in sorted(folder.glob("*_*.idx")):
            index = read_index(path)
            if index is not None and index.gops and index.gops[0].key_at < end and index.gops[-1].end_at > begin:
                yield from (one for one in (index.path, pin_path(index.path), path) if one.exists())
        for path in sorted(folder.glob("tracks_*_*.jsonl")):
            block = path.stem.rpartition("_")[2]
            if block.isdigit() and int(block) < end and int(block) + TRACKS_BLOCK_MS > begin:
                yield path
