"""The demo over many seeds without servers: scripted episodes, those found, and those that nobody scripted.

    make demo-seeds SEEDS="5001-5010"

Films each seed, detects, tracks, folds and compares with the very parts of the demo; only Kafka and what comes after
the fold are left out. Detections are kept beside the videos, rounded as `DETECTOR=recorded` uses them, so that the same
seeds can be folded again in seconds. Exit code 0 when at least 95 % were found and at most 2 % were extra.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any

from inference.camera import CameraPipeline
from inference.detector import load_detector
from inference.process import TRACKER
from inference.producer import TrackProducer
from inference.sight_watch import SightWatch
from inference.source import FileSource
from infra.clock import WallClock
from infra.demo.compare import Comparison, compare
from infra.demo.record import detect
from infra.demo.recorded import load, save
from infra.demo.render import RATE_HZ, START, WEIGHTS, Rendered, code_version, render
from infra.demo.script import make_script
from infra.demo.site_file import write_site
from infra.demo.views import CameraId
from schemas.records import InteractionEvent, Producer, TrackUpdate, UnattendedEvent
from schemas.site import load_site
from streams.book import RulesBook
from streams.camera import step

FOUND_MIN, EXTRA_MAX = 0.95, 0.02


@dataclass
class Nowhere:
    """Stands for what the fold does not need: the recorder and the boxes on disk."""

    def open(self, epoch: Any) -> None: ...

    def packet(self, packet: Any, pts: int) -> None: ...

    def frame(self, frame: Any) -> None: ...

    def add(self, update: Any) -> None: ...

    def close(self) -> None: ...


@dataclass
class Kept:
    """Stands for the log: keeps what is published."""

    updates: list[TrackUpdate] = field(default_factory=list)

    def publish(self, topic: Any, key: str, value: TrackUpdate, **_: Any) -> None:
        self.updates.append(value)

    def poll(self, timeout_s: float = 0.0) -> None: ...


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.demo_seeds", description=__doc__.splitlines()[0])
    parser.add_argument("seeds", nargs="+", type=numbers, help="7, or 5001-5010")
    parser.add_argument("--folder", type=Path, default=Path("var/demo-seeds"), help="where videos and detections go")
    parser.add_argument("--processes", type=int, default=2, help="cameras at a time (default 2)")
    args = parser.parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `trackfold infer` does
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    results = []
    with ProcessPoolExecutor(args.processes, mp_context=get_context("spawn")) as pool:
        for seed in [seed for some in args.seeds for seed in some]:
            demo = render(seed, args.folder.resolve() / str(seed), say=lambda _: None)
            looked = pool.map(watch, *zip(*((demo, camera_id) for camera_id in demo.videos), strict=True))
            result = compare([one for found in looked for one in found], json.loads(demo.truth.read_text()))
            print("\n".join([f"seed {seed}: {told([result])}", *details(result)]), flush=True)
            results.append(result)
    print(f"{len(results)} seeds: {told(results)}")
    return 0 if good(results) else 1


def numbers(text: str) -> Sequence[int]:
    """7, or 5001-5010."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def watch(demo: Rendered, camera_id: CameraId) -> list[dict[str, Any]]:
    """One camera's video to the episodes that the fold confirms, as `compare` takes them."""
    detections = demo.folder / f"{camera_id}.npz"
    keep_detections(demo.videos[camera_id], detections)
    view = make_script(demo.seed).parts[camera_id].view
    path = demo.folder / f"{camera_id}.yaml"
    site = write_site(path, {camera_id: view}, rate_hz=RATE_HZ, kind="recorded", detectors={camera_id: detections})
    return episodes(load_site(path).effective_rules(camera_id), track(site.site_id, site.camera(camera_id), demo))


def keep_detections(video: Path, path: Path) -> None:
    """Detect once per video and weights."""

    made_from = {"weights": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(), "code": code_version()}
    if path.exists() and made_from.items() <= load(path).meta.items():
        return
    camera = FileSource(video, None).probe
    save(path, list(detect(video, WEIGHTS)), made_from | {"image_width": camera.width, "image_height": camera.height})


def track(site_id: str, camera: Any, demo: Rendered) -> list[TrackUpdate]:
    """What inference publishes of the video."""
    kept, nowhere, source = Kept(), Nowhere(), FileSource(demo.videos[camera.camera_id], None)
    detector = load_detector(camera.detector, demo.folder, threads=1)
    producer = TrackProducer(
        kept,
        nowhere,  # type: ignore[arg-type]
        WallClock(),
        site_id=site_id,
        camera_id=camera.camera_id,
        lane="live",
        producer=Producer(model=detector.name, tracker="deepsort", version="seeds"),
        source=None,
        previous=None,
    )
    CameraPipeline(
        source,
        nowhere,  # type: ignore[arg-type]
        detector,
        producer,
        rate_hz=RATE_HZ,
        tracker_settings=TRACKER,
        check_image=lambda width, height: None,
        sight=SightWatch(camera.camera_id),
        live=False,
    ).run(Event())
    return kept.updates


def episodes(rules: Any, updates: list[TrackUpdate]) -> list[dict[str, Any]]:
    """The confirmed episodes that were not taken back."""
    book = RulesBook({updates[0].camera_id: rules})
    state, found, over = None, {}, {}
    for update in updates:
        state, events = step(state, update, book)
        for event in events:
            if isinstance(event, InteractionEvent | UnattendedEvent):
                if event.phase == "confirmed":
                    found[event.episode_id] = event
                elif event.phase in ("ended", "retracted"):
                    over[event.episode_id] = event
    return [
        {
            "camera_id": event.camera_id,
            "kind": "interaction" if isinstance(event, InteractionEvent) else "unattended",
            "occurrence": event.occurrence_id,
            "started_at": event.started_at,
            "ended_at": over[event.episode_id].ended_at if event.episode_id in over else None,
            "boxes_at": event.confirmed_at,
            "boxes": {box.role: (box.x1, box.y1, box.x2, box.y2) for box in (event.alert.boxes if event.alert else [])},
        }
        for event in found.values()
        if event.episode_id not in over or over[event.episode_id].phase != "retracted"
    ]


def told(results: Sequence[Comparison]) -> str:
    """Found, scripted and extra in one line."""
    found, scripted, extra = counted(results)
    right, occurrences = (sum(counts) for counts in zip(*(r.incidents for r in results), strict=True))
    shares = f"{found / scripted:.1%}", f"{extra / scripted:.1%}"
    return (
        f"found {found} of {scripted} scripted episodes ({shares[0]}), {extra} extra ({shares[1]}), "
        f"{right} of {occurrences} incidents right"
    )


def good(results: Sequence[Comparison]) -> bool:
    """Whether the demo keeps what it promises."""
    found, scripted, extra = counted(results)
    return found >= FOUND_MIN * scripted and extra <= EXTRA_MAX * scripted


def counted(results: Sequence[Comparison]) -> tuple[int, int, int]:
    """Found, scripted, extra."""
    found, missing, extra = (
        sum(len(part) for part in parts)
        for parts in zip(*((r.matched, r.missing, r.extra) for r in results), strict=True)
    )
    return found, found + missing, extra


def details(result: Comparison) -> list[str]:
    """A line for each episode that is missing or extra, in seconds of the video."""
    begin = int(START.timestamp() * 1000)
    missing = [
        f"  missing: {e['camera_id']} {e['kind']} {e['staff']} {e['customer']} {e['start_s']:.1f}-{e['end_s']:.1f}"
        for e in result.missing
    ]
    return missing + [
        f"  extra: {e['camera_id']} {e['kind']} {(e['started_at'] - begin) / 1000:.1f}-"
        + ("" if e["ended_at"] is None else f"{(e['ended_at'] - begin) / 1000:.1f}")
        for e in result.extra
    ]


if __name__ == "__main__":
    sys.exit(main())
