"""Shops at random (`shops`) from their films: rendered, detected and tracked as the demo does it; tracks are kept."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import av
import msgspec

from inference.detector import YoloDetector, weights_sha256
from inference.tracker import Tracker, TrackerSettings, settings_hash
from infra.demo.render import WEIGHTS, code_version, film
from infra.demo.views import CAMERAS, CameraId
from schemas.records import Track
from tests.evaluation.clips import RATE_HZ, Clip, Person, named_by
from tests.evaluation.rendered import clip_of, site_of, true_frames
from tests.evaluation.shops import SECONDS, make_shop

Tracks = list[list[Track]]
"""Per frame."""
Job = tuple[int, CameraId, Path]
"""Seed, camera, file of the tracks."""


def film_clips(seeds: Sequence[int], folder: Path, *, redo: bool, say: Callable[[str], None]) -> list[Clip]:
    """Both cameras of each seed. folder: where films and tracks are kept; redo: film, detect and track again."""
    version = settings_hash(TrackerSettings(), weights_sha256(WEIGHTS), code_version(), _shops_version())
    jobs = [
        (seed, camera_id, folder / f"shop-{seed}-{camera_id}-{version}.json") for seed in seeds for camera_id in CAMERAS
    ]
    todo = [job for job in jobs if redo or not job[2].exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if todo:
        say(f"filming, detecting and tracking {len(todo)} clips of {SECONDS} s, about two minutes of one core each")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            for (seed, camera_id, _), seconds in zip(todo, pool.map(_track, todo), strict=True):
                say(f"  {camera_id} of seed {seed}: {seconds:.0f} s")
    return [_clip(job) for job in jobs]


def _shops_version() -> str:
    return weights_sha256(Path(__file__).with_name("shops.py"))


def _track(job: Job) -> float:
    """Film, detect and track one clip; returns the seconds it took."""
    seed, camera_id, kept = job
    began, parts = time.monotonic(), make_shop(seed)
    site = site_of(parts, kept.with_suffix(".yaml"))
    video = kept.with_suffix(".mp4")
    film(parts[camera_id], seed, video, SECONDS, lambda _: None)
    settings = site.camera(camera_id).detector
    detector, tracker = YoloDetector(settings, kept.parent, threads=1), Tracker(TrackerSettings(), RATE_HZ)
    tracks: Tracks = []
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            image = frame.to_ndarray(format="bgr24")
            tracks.append(tracker.update(detector.detect(image, number), image))
    part = kept.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(tracks))
    part.replace(kept)
    return time.monotonic() - began


def _clip(job: Job) -> Clip:
    seed, camera_id, kept = job
    parts = make_shop(seed)
    tracks = msgspec.json.decode(kept.read_bytes(), type=Tracks)
    found = [[_person(track) for track in frame] for frame in tracks]
    site, part = site_of(parts, kept.with_suffix(".yaml")), parts[camera_id]
    return clip_of(f"{camera_id}-{seed}", part, site, camera_id, named_by(found, true_frames(part)))


def _person(track: Track) -> Person:
    box = (track.x1, track.y1, track.x2, track.y2)
    return Person("", track.track_id, track.class_name, box, track.confidence)
