"""vtest.avi with its labels: detections are kept, so that trackers alone are compared."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import msgspec

from inference.detector import Detection, YoloDetector
from schemas import site
from tests.evaluation.tracking import TRACKERS, TrackingScore, Tracks, our_tracks, score
from tests.labels import pets_boxes

LEAST_CONFIDENCE = 0.1
"""Kept from here on: ultralytics' trackers match weak boxes to known tracks; ours takes the site file's default."""


class Detected(msgspec.Struct):
    """All detections of a film, by frame, and how long they took."""

    frames: list[list[Detection]]
    seconds: float


@dataclass(frozen=True)
class Row:
    """One tracker on one choice of detections."""

    tracker: str
    confidence: float
    score: TrackingScore
    frames_per_s: float
    """Detection and tracking, on this machine, without reading the film."""


def rows(data: Path, kept: Path, *, redo: bool, say: Callable[[str], None]) -> list[Row]:
    """Every tracker on detections from 0.1 (as `track()` takes them) and from the pipeline's threshold."""
    film = data / "footage" / "vtest.avi"
    with av.open(str(film)) as container:
        images = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    if redo or not kept.exists():
        say("  detecting people on vtest.avi")
        settings = site.Detector(
            weights=str((data / "models" / "yolo26n_int8_openvino_model").resolve()), confidence=LEAST_CONFIDENCE
        )
        detector, began = YoloDetector(settings, Path(), threads=2), time.monotonic()
        found = [detector.detect(image, number) for number, image in enumerate(images)]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(Detected(found, time.monotonic() - began)))
    detected = msgspec.json.decode(kept.read_bytes(), type=Detected)
    boxes = pets_boxes(data / "groundtruth" / "pets2009" / "PETS2009-S2L1.xml")
    labels: Tracks = [boxes[number] for number in sorted(boxes)]
    pipeline = site.Detector().confidence
    table = []
    for name, track in TRACKERS.items():
        for confidence in (pipeline,) if track is our_tracks else (pipeline, 0.25, LEAST_CONFIDENCE):
            taken = [[d for d in frame if d.confidence >= confidence] for frame in detected.frames]
            began = time.monotonic()
            tracks = track(taken, images)
            seconds = time.monotonic() - began + detected.seconds
            table.append(Row(name, confidence, score(labels, tracks), len(images) / seconds))
            say(f"  {name}, detections from {confidence}: {table[-1].score}")
    return table
