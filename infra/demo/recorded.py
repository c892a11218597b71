"""Detections kept from an earlier run, so that a recording can be tracked again without a detector.

A compressed .npz: how many people each frame has, and in the order of the frames their class, confidence (1/250) and
box (1/8 px).
"""

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Found = tuple[str, float, float, float, float, float]
"""class_name, confidence, x1, y1, x2, y2 in pixels from the top-left."""
_PX, _CONFIDENCE = 8, 250
_FORMAT = 1


class RecordedError(ValueError):
    """The recorded detections cannot be used for this video; record them again, or use the detector."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Detections of a whole video, frame by frame. meta: image_width, image_height and what the writer added."""

    frames: tuple[tuple[Found, ...], ...]
    meta: dict[str, Any]

    def check(self, frame_count: int | None, image_width: int, image_height: int) -> None:
        """Raise RecordedError when they were made from another video. frame_count None: not known beforehand."""
        ours = (len(self.frames), self.meta["image_width"], self.meta["image_height"])
        theirs = (ours[0] if frame_count is None else frame_count, image_width, image_height)
        if ours != theirs:
            raise RecordedError(
                f"recorded detections are of {ours[0]} frames of {ours[1]}x{ours[2]}, "
                f"the video has {theirs[0]} of {theirs[1]}x{theirs[2]}: they belong to another video"
            )


def save(path: Path, frames: Sequence[Sequence[Found]], meta: dict[str, Any]) -> None:
    """Write the detections of every frame, in order. meta must hold image_width and image_height (px)."""
    classes = sorted({found[0] for frame in frames for found in frame})
    rows = [found for frame in frames for found in frame]
    boxes = np.array([found[2:] for found in rows], np.float64).reshape(-1, 4)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            meta=np.array(json.dumps({"format": _FORMAT, "classes": classes, "frame_count": len(frames)} | meta)),
            people=np.array([len(frame) for frame in frames], np.uint8),
            kind=np.array([classes.index(found[0]) for found in rows], np.uint8),
            confidence=np.round([found[1] * _CONFIDENCE for found in rows]).astype(np.uint8),
            boxes=np.round(boxes * _PX).astype(np.int16),
        )
    part.replace(path)


def load(path: Path) -> Recorded:
    """Read what `save` wrote. Raises RecordedError when the file is missing, damaged or of another format."""
    try:
        with np.load(path, allow_pickle=False) as file:
            meta = json.loads(str(file["meta"]))
            people, kind, confidence, boxes = (file[name] for name in ("people", "kind", "confidence", "boxes"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecordedError(f"{path}: no recorded detections that can be read: {error}") from error
    if meta.get("format") != _FORMAT or people.sum() != len(kind):
        raise RecordedError(f"{path}: recorded detections of another format: record them again")
    rows: list[Found] = [
        (meta["classes"][k], round(c / _CONFIDENCE, 3), *(b / _PX))
        for k, c, b in zip(kind.tolist(), confidence.tolist(), boxes.astype(float), strict=True)
    ]
    ends = np.cumsum(people.astype(int)).tolist()
    frames = tuple(tuple(rows[begin:end]) for begin, end in zip([0, *ends], ends, strict=False))
    return Recorded(frames, meta)
