"""Finding people in a frame: ultralytics YOLO from any weights, or detections that were recorded earlier."""

import hashlib
import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from inference.errors import DetectorError
from schemas import site
from schemas.records import Keypoint

log = logging.getLogger(__name__)

Image = npt.NDArray[np.uint8]
MERGE_IOU = 0.7
"""Two boxes that overlap more are one person, whatever their classes: YOLO26 has no suppression of its own."""
MERGE_INSIDE, MERGE_HEIGHTS = 0.9, 0.85
"""Share of the smaller box that lies in the larger one, and ratio of the two heights, for one person seen twice."""


@dataclass(frozen=True)
class Detection:
    """One person in one frame. Box in pixels from the top-left corner of the image, confidence 0 to 1."""

    class_name: str
    confidence: float
    x1: float
    y1: float
    x2: float
    y2: float
    keypoints: tuple[Keypoint, ...] | None = None
    """Body joints in the model's order, where a pose model runs."""


class Detector(Protocol):
    """Finds people."""

    name: str
    """Weights and the first 12 hex digits of their SHA-256."""

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        """People in an image ((height, width, 3) uint8, BGR); frame_index: of the frame in its source."""


def load_detector(settings: site.Detector, base: Path, *, threads: int) -> Detector:
    """The camera's detector. base: the site file's folder. Raises DetectorError."""
    if settings.kind == "recorded":
        return RecordedDetector(base / settings.recorded, settings)
    return YoloDetector(settings, base, threads=threads)


def merged(detections: list[Detection]) -> list[Detection]:
    """Of every two boxes that are surely of one person the one with the higher score."""
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda d: (-d.confidence, d.x1, d.y1, d.x2, d.y2, d.class_name)):
        if not any(is_same_person(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def is_same_person(one: Detection, other: Detection) -> bool:
    """True when two boxes overlap by more than MERGE_IOU, or one lies in the other and both are as tall.

    The second is a body with and without an outstretched arm; somebody hidden behind is seen shorter.
    """
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    if width <= 0 or height <= 0:
        return False
    shared, areas = width * height, (_area(one), _area(other))
    heights = (one.y2 - one.y1, other.y2 - other.y1)
    inside = shared / min(areas) >= MERGE_INSIDE and min(heights) / max(heights) >= MERGE_HEIGHTS
    return inside or shared / (sum(areas) - shared) > MERGE_IOU


def _area(box: Detection) -> float:
    return (box.x2 - box.x1) * (box.y2 - box.y1)


class YoloDetector:
    """An ultralytics YOLO model: .pt, an OpenVINO folder, .onnx."""

    def __init__(self, settings: site.Detector, base: Path, *, threads: int) -> None:
        """threads: how many a frame may use. Raises DetectorError."""
        if not settings.weights:
            raise DetectorError("no weights: set detector.weights for this camera in the site file")
        local = base / Path(settings.weights).expanduser()
        where = str(local) if local.exists() else settings.weights
        if not local.exists():
            if Path(settings.weights).name != settings.weights:
                raise DetectorError(f"no such weights: {local}; correct detector.weights in the site file")
            log.info("%s is no file here: ultralytics may download weights of this name", settings.weights)
        yolo = _ultralytics(offline=local.exists(), threads=threads)
        try:
            with _openvino_threads(threads):
                self._model: Any = yolo(where, task="pose" if settings.pose else "detect")
                self._arguments = {
                    "conf": settings.confidence,
                    "imgsz": settings.image_size_px,
                    "verbose": False,
                    "save": False,
                }
                empty = self._model.predict(np.zeros((64, 64, 3), np.uint8), **self._arguments)[0]
        except Exception as error:  # ultralytics raises whatever the bytes lead it to
            raise DetectorError(
                f"weights {where} do not load: {_first_line(error)}; name a YOLO .pt, .onnx or OpenVINO folder"
            ) from error
        if settings.pose and empty.keypoints is None:
            raise DetectorError(f"weights {where} give no joints; name a pose model's, or leave out detector.pose")
        self._pose = settings.pose
        self.name = f"{Path(where).name}@{weights_sha256(Path(where))[:12]}"
        self._classes = _class_map(self._model.names, settings.classes, where)

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        """See Detector."""
        result = self._model.predict(frame_bgr, **self._arguments)[0]
        boxes = result.boxes.data.cpu().numpy()[:, :6].tolist()
        bodies = result.keypoints.data.cpu().numpy().tolist() if self._pose else [None] * len(boxes)
        height, width = frame_bgr.shape[:2]
        found = []
        for (x1, y1, x2, y2, confidence, number), body in zip(boxes, bodies, strict=True):
            class_name = self._classes.get(int(number))
            x1, y1, x2, y2 = max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2)
            if class_name is not None and x2 > x1 and y2 > y1:
                found.append(Detection(class_name, confidence, x1, y1, x2, y2, _joints(body)))
        return merged(found)


class RecordedDetector:
    """Detections that were kept earlier, by the frame's index: needs no model."""

    def __init__(self, path: Path, settings: site.Detector) -> None:
        """path: as save_detections wrote it. Raises DetectorError."""
        from infra.demo import recorded

        try:
            self._recorded = recorded.load(path)
        except recorded.RecordedError as error:
            raise DetectorError(f"{error}; correct detector.recorded in the site file") from error
        self._settings = settings
        self.name = f"{path.name}@{weights_sha256(path)[:12]}"

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        """See Detector. Raises DetectorError when the recording is of another image size or too short."""
        height, width = frame_bgr.shape[:2]
        try:
            self._recorded.check(None, width, height)
            found = self._recorded.frames[frame_index]
        except ValueError as error:
            raise DetectorError(f"{error}; correct detector.recorded in the site file") from error
        except IndexError:
            raise DetectorError(
                f"recorded detections end before frame {frame_index}: they belong to another video; correct "
                "detector.recorded in the site file"
            ) from None
        classes = {published: published for published in self._settings.classes.values()} | self._settings.classes
        return merged(
            [
                Detection(classes[name], confidence, x1, y1, x2, y2)
                for name, confidence, x1, y1, x2, y2 in found
                if name in classes and confidence >= self._settings.confidence
            ]
        )


class KeepingDetector:
    """A detector whose detections are kept, to be used again by RecordedDetector."""

    def __init__(self, detector: Detector, path: Path) -> None:
        """path: the file that save() writes."""
        self.name = detector.name
        self._detector, self._path = detector, path
        self._frames: dict[int, list[Detection]] = {}
        self._size = (0, 0)

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        """See Detector."""
        found = self._detector.detect(frame_bgr, frame_index)
        self._frames[frame_index] = found
        self._size = (frame_bgr.shape[1], frame_bgr.shape[0])
        return found

    def save(self) -> None:
        """Write what was kept; frames that were not detected have nobody."""
        from infra.demo import recorded

        frames = [
            [(d.class_name, d.confidence, d.x1, d.y1, d.x2, d.y2) for d in self._frames.get(index, [])]
            for index in range(max(self._frames, default=-1) + 1)
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        meta = {"image_width": self._size[0], "image_height": self._size[1], "model": self.name}
        recorded.save(self._path, frames, meta)


def weights_sha256(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _joints(body: list[list[float]] | None) -> tuple[Keypoint, ...] | None:
    if body is None:
        return None
    return tuple(Keypoint(x=round(x, 1), y=round(y, 1), confidence=round(c, 2)) for x, y, c in body)


def _class_map(names: Mapping[int, str], wanted: Mapping[str, str], where: str) -> dict[int, str]:
    classes = {number: wanted[name] for number, name in names.items() if name in wanted}
    if not classes:
        raise DetectorError(
            f"weights {where} know none of the classes {', '.join(wanted)} but {', '.join(list(names.values())[:10])}; "
            "set detector.classes in the site file"
        )
    return classes


def _ultralytics(*, offline: bool, threads: int) -> Any:
    """The YOLO class. It installs nothing, and with weights of our own it reaches no network and reports nothing."""
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_VERBOSE", "false")
    if offline:
        os.environ["YOLO_OFFLINE"] = "true"
    try:
        torch = importlib.import_module("torch")
        ultralytics = importlib.import_module("ultralytics")
        events = importlib.import_module("ultralytics.utils.events").events
    except ImportError as error:
        raise DetectorError(
            f"the detector's packages are missing ({error.name}); install trackfold with its extra: "
            "pip install 'trackfold[detect]'"
        ) from error
    events.enabled = False
    torch.set_num_threads(threads)
    return ultralytics.YOLO


@contextmanager
def _openvino_threads(threads: int) -> Iterator[None]:
    """Models compiled meanwhile use so many threads: two processes that both use all cores wait for each other.

    Measured on two cores with two cameras: 62 ms a frame each when both take both cores, 53 ms with one each.
    """
    try:
        openvino: Any = importlib.import_module("openvino")
    except ImportError:
        yield
        return
    original = openvino.Core

    class Core(original):  # type: ignore[misc, valid-type]
        def compile_model(self, *arguments: Any, config: dict[str, Any] | None = None, **more: Any) -> Any:
            limits = {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
            return super().compile_model(*arguments, config={**(config or {}), **limits}, **more)

    openvino.Core = Core
    try:
        yield
    finally:
        openvino.Core = original


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
