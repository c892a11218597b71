"""Tracking on PETS2009 S2.L1 (vtest.avi, 10 frames/s): our tracker and ultralytics' on the same detections."""

import contextlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.detector import Detection, Image
from inference.tracker import Tracker, TrackerSettings
from schemas.geometry import iou

Box = tuple[float, float, float, float]
Tracks = list[dict[int, Box]]
"""Per frame: track id -> box (x1, y1, x2, y2) in pixels."""
RATE_HZ = 10.0


@dataclass(frozen=True)
class TrackingScore:
    """How well tracks follow the labelled people; a box is found at IoU 0.5 (HOTA: mean over 0.05 to 0.95)."""

    mota: float
    idf1: float
    hota: float
    switches: int


def score(labels: Tracks, found: Tracks) -> TrackingScore:
    """MOTA, IDF1, HOTA and identity switches of one sequence, by trackeval."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    label_ids, found_ids = _numbered(labels), _numbered(found)
    data = {
        "num_timesteps": len(labels),
        "num_gt_ids": len(label_ids),
        "num_tracker_ids": len(found_ids),
        "num_gt_dets": sum(map(len, labels)),
        "num_tracker_dets": sum(map(len, found)),
        "gt_ids": [np.array([label_ids[i] for i in frame], int) for frame in labels],
        "tracker_ids": [np.array([found_ids[i] for i in frame], int) for frame in found],
        "similarity_scores": [_overlaps(a, b) for a, b in zip(labels, found, strict=True)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        clear, identity, hota = (metric().eval_sequence(data) for metric in (CLEAR, Identity, HOTA))
    return TrackingScore(
        float(clear["MOTA"]), float(identity["IDF1"]), float(np.mean(hota["HOTA"])), int(clear["IDSW"])
    )


def our_tracks(
    detections: Sequence[Sequence[Detection]], images: Iterable[Image], settings: TrackerSettings | None = None
) -> Tracks:
    """What our tracker makes of the detections, one list per image."""
    tracker = Tracker(settings or TrackerSettings(), RATE_HZ)
    return [
        {t.track_id: (t.x1, t.y1, t.x2, t.y2) for t in tracker.update(found, image)}
        for found, image in zip(detections, images, strict=True)
    ]


def ultralytics_tracks(kind: str, detections: Sequence[Sequence[Detection]], images: Iterable[Image]) -> Tracks:
    """What `track()` makes of the detections with its own settings. kind: bytetrack or botsort."""
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers.track import TRACKER_MAP
    from ultralytics.utils import YAML, IterableSimpleNamespace
    from ultralytics.utils.checks import check_yaml

    tracker = TRACKER_MAP[kind](IterableSimpleNamespace(**YAML.load(check_yaml(f"{kind}.yaml"))))
    tracks: Tracks = []
    for found, image in zip(detections, images, strict=True):
        rows = np.array([(d.x1, d.y1, d.x2, d.y2, d.confidence, 0) for d in found], np.float32).reshape(-1, 6)
        out = tracker.update(Boxes(rows, image.shape[:2]), image)
        tracks.append({int(row[4]): tuple(map(float, row[:4])) for row in out})  # type: ignore[misc]
    return tracks


TRACKERS: dict[str, Callable[[Sequence[Sequence[Detection]], Iterable[Image]], Tracks]] = {
    "ours": our_tracks,
    "ultralytics ByteTrack": lambda found, images: ultralytics_tracks("bytetrack", found, images),
    "ultralytics BoT-SORT": lambda found, images: ultralytics_tracks("botsort", found, images),
}


def _numbered(frames: Tracks) -> dict[int, int]:
    return {track: number for number, track in enumerate(sorted({track for frame in frames for track in frame}))}


def _overlaps(labels: dict[int, Box], found: dict[int, Box]) -> npt.NDArray[np.float64]:
    return np.array([[iou(a, b) for b in found.values()] for a in labels.values()]).reshape(len(labels), len(found))
