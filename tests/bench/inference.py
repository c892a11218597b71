"""Frames per second of our detector and tracker beside ultralytics' own track(): `python -m tests.bench.inference`.

vtest.avi and the weights beside the project (TRACKFOLD_TESTDATA); the same images, weights and image size.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as inference.run sets it, before numpy

import av
import numpy as np

from inference import detector as detecting
from inference.detector import Image, YoloDetector
from inference.tracker import Tracker, TrackerSettings
from schemas import site
from tests.bench.report import ROUNDS, Figure, Report, paired

DATA = Path(os.environ.get("TRACKFOLD_TESTDATA", "../shared"))
WEIGHTS = "yolo26n_int8_openvino_model"
FILM_HZ = 10.0
THREADS = (1, 2)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.inference", description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--weights", default=WEIGHTS, help="a file or folder of TRACKFOLD_TESTDATA/models")
    given = parser.parse_args()
    weights = (DATA / "models" / given.weights).resolve()
    with av.open(str(DATA / "footage" / "vtest.avi")) as container:
        frames = islice(container.decode(video=0), given.frames)
        images: list[Image] = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames]
    peers: dict[str, Callable[[], float]] = {}
    cpu: dict[str, list[float]] = {}
    found: dict[str, int] = {}
    for threads in THREADS:
        for name, make in ((f"ours, {_threads(threads)}", ours), (f"track(), {_threads(threads)}", theirs)):
            cpu[name] = []
            peers[name] = _timed(name, threads, make(weights, threads), images, cpu[name], found)
    clock = paired(peers, given.rounds)
    report = Report("inference", "Detector and tracker beside ultralytics' own track()")
    height, width = images[0].shape[:2]
    settings = site.Detector()
    report.text(
        f"{len(images)} frames of vtest.avi ({width} x {height}), decoded beforehand; weights {given.weights} at "
        f"{settings.image_size_px} px; so many threads for the detector. Ours: detections from {settings.confidence:g} "
        "on, doubles merged, DeepSORT with a colour histogram; track(): ByteTrack with its own settings, persons alone."
    )
    rows = []
    for name, speed in clock.items():
        ms = Figure(tuple(seconds * 1000 for seconds in cpu[name]))
        peer = Figure(tuple(seconds * 1000 for seconds in cpu[name.replace("ours", "track()")]))
        rows.append((name, speed.shown(".1f"), ms.shown(".1f"), ms.times(peer), f"{found[name] / len(images):.1f}"))
    columns = ("what", "frames/s", "milliseconds of CPU per frame", "CPU, so many times track()'s", "tracks per frame")
    report.table(columns, rows)
    report.bars("milliseconds of CPU per frame", {n: Figure(tuple(s * 1000 for s in v)) for n, v in cpu.items()})
    report.write()


def ours(weights: Path, threads: int) -> Callable[[Sequence[Image]], int]:
    """As a camera's process does it; gives how many tracks were seen."""
    detector = YoloDetector(site.Detector(weights=str(weights)), Path(), threads=threads)

    def follow(images: Sequence[Image]) -> int:
        tracker = Tracker(TrackerSettings(), FILM_HZ)
        return sum(len(tracker.update(detector.detect(image, n), image)) for n, image in enumerate(images))

    return follow


def theirs(weights: Path, threads: int) -> Callable[[Sequence[Image]], int]:
    """track() frame by frame, its tracker new with each film."""
    yolo = detecting._ultralytics(offline=True, threads=threads)
    size_px = site.Detector().image_size_px
    options: dict[str, Any] = {"imgsz": size_px, "classes": [0], "tracker": "bytetrack.yaml", "verbose": False}
    with detecting._openvino_threads(threads):
        model = yolo(str(weights), task="detect")
        model.predict(np.zeros((64, 64, 3), np.uint8), imgsz=size_px, verbose=False)

    def follow(images: Sequence[Image]) -> int:
        for tracker in getattr(model.predictor, "trackers", []):
            tracker.reset()
        seen = (model.track(image, persist=True, **options)[0].boxes for image in images)
        return sum(0 if boxes.id is None else len(boxes.id) for boxes in seen)

    return follow


def _timed(
    name: str,
    threads: int,
    follow: Callable[[Sequence[Image]], int],
    images: Sequence[Image],
    cpu: list[float],
    found: dict[str, int],
) -> Callable[[], float]:
    import torch

    def measure() -> float:
        torch.set_num_threads(threads)
        began, used = perf_counter(), process_time()
        found[name] = follow(images)
        cpu.append((process_time() - used) / len(images))
        return len(images) / (perf_counter() - began)

    return measure


def _threads(number: int) -> str:
    return f"{number} thread{'s' if number > 1 else ''}"


if __name__ == "__main__":
    main()
