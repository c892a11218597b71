"""Boxes of people: from the log of a camera, or from kept detections."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.lane import backwards, topic_of_lane
from infra.config import Settings
from infra.kafka import connect_codec
from infra.partitions import partition_of
from schemas.codec import UndecodableError
from schemas.errors import InputError
from schemas.records import TrackUpdate

RECORDS_MAX = 36_000
"""The last hour at 10 Hz: enough people have walked by."""
CHUNK_FRAMES = 50
"""Kept detections know nobody: so many frames count as one person's."""


@dataclass(frozen=True)
class Boxes:
    """boxes: (N, 4) x1, y1, x2, y2 in pixels; people: a number per box, whose it is."""

    boxes: npt.NDArray[np.float64]
    people: list[int]
    width_px: int
    height_px: int
    where: str


def boxes_of_log(settings: Settings, camera_id: str, lane: str) -> Boxes:
    """The newest of a camera's people. Raises KafkaUnavailable, RegistryUnavailable, InputError."""
    codec, topic = connect_codec(settings), topic_of_lane(lane)
    updates: list[TrackUpdate] = []
    for message in backwards(settings, topic, partition_of(camera_id, topic.partitions)):
        if message.key() != camera_id.encode():
            continue
        try:
            update = codec.decode(message.value(), TrackUpdate)
        except UndecodableError:
            continue
        if update.lane == lane:
            updates.append(update)
        if len(updates) >= RECORDS_MAX:
            break
    return boxes_of(updates, f"{topic.name}, lane {lane}")


def boxes_of(updates: Iterable[TrackUpdate], where: str) -> Boxes:
    """The boxes of the records that have the newest one's image size. Newest first. Raises InputError."""
    rows: list[tuple[float, float, float, float]] = []
    people: dict[tuple[int, int], int] = {}
    whose: list[int] = []
    size: tuple[int, int] | None = None
    for update in updates:
        size = size or (update.image_width, update.image_height)
        if size == (update.image_width, update.image_height):
            for track in update.tracks:
                rows.append((track.x1, track.y1, track.x2, track.y2))
                whose.append(people.setdefault((update.stream_epoch, track.track_id), len(people)))
    if size is None or not rows:
        raise InputError(
            f"nobody was seen in {where}: run the camera first, or name another --lane or --detections FILE"
        )
    return Boxes(np.array(rows), whose, *size, where)


def boxes_of_recording(path: Path) -> Boxes:
    """The people of a file that `trackfold infer --save-detections` wrote. Raises InputError."""
    from infra.demo import recorded

    try:
        kept = recorded.load(path)
    except recorded.RecordedError as error:
        raise InputError(f"--detections {error}") from error
    rows = [(found[2:], index // CHUNK_FRAMES) for index, frame in enumerate(kept.frames) for found in frame]
    if not rows:
        raise InputError(f"--detections {path}: nobody was detected; keep those of another hour")
    boxes = np.array([box for box, _ in rows])
    return Boxes(boxes, [n for _, n in rows], kept.meta["image_width"], kept.meta["image_height"], str(path))
