"""Films the demo: two videos, the site file for the pipeline, and the truth that the pipeline never reads.

Each camera is filmed by its own process. What is there already, from the same seed and the same code, is used again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, cast

import av
import cv2
import numpy as np

from infra.demo.camera import Image
from infra.demo.counter import burn_counter
from infra.demo.painter import Drawn, Grain, Still, paint
from infra.demo.script import SECONDS, Part, Script, make_script
from infra.demo.shop import picture
from infra.demo.site_file import write_site
from infra.demo.views import CAMERAS, CameraId

RATE_HZ = 10
START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KEY_FRAME_S = 2
DEFAULT_SEED = 1
HERE = Path(__file__).parent
WEIGHTS = HERE / "weights" / "shop.pt"
_DRAWS = (
    *("actors", "camera", "counter", "figures", "looks", "painter", "render", "script", "shop", "site_file", "stories"),
    *("truth", "views", "visibility"),
)
"""The files that decide what the videos and the truth look like."""
_REPORT_EVERY = 200

Say = Callable[[str], None]
Boxes = dict[str, list[list[float]]]
"""Actor -> [seconds, x1, y1, x2, y2] once a second, pixels."""


class RenderError(RuntimeError):
    """The demo could not be filmed; the text says which camera and why."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What lies in the folder."""

    folder: Path
    seed: int
    seconds: int
    site: Path
    truth: Path
    videos: dict[CameraId, Path]
    reused: bool


def recorded_path(camera_id: CameraId) -> Path:
    """Where the detections kept for the default seed lie."""
    return HERE / "recorded" / f"{camera_id}.npz"


def code_version() -> str:
    """A hash of everything that decides what is drawn."""
    digest = hashlib.sha256()
    for name in _DRAWS:
        digest.update((HERE / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def render(
    seed: int,
    folder: Path,
    *,
    seconds: int = SECONDS,
    say: Say,
    detector: Literal["yolo", "recorded"] = "yolo",
    weights: Path = WEIGHTS,
) -> Rendered:
    """Film the script of this seed into folder, or use what is there.

    detector: what the site file names; `recorded` exists for the default seed alone. Raises RenderError, ScriptError,
    and SiteError when the views do not make a valid site file.
    """
    if detector == "recorded" and (seed, seconds) != (DEFAULT_SEED, SECONDS):
        raise RenderError(
            f"recorded detections exist for seed {DEFAULT_SEED} alone: leave SEED out, or DETECTOR=recorded"
        )
    folder.mkdir(parents=True, exist_ok=True)
    stamp = {"seed": seed, "seconds": seconds, "code": code_version()}
    videos = {camera_id: folder / f"{camera_id}.mp4" for camera_id in CAMERAS}
    site, truth, stamped = folder / "site.yaml", folder / "truth.json", folder / "rendered.json"
    script = make_script(seed, seconds)
    reused = _is_there([*videos.values(), truth], stamped, stamp)
    if reused:
        say(f"demo: the recordings of seed {seed} are there already: {folder}")
    else:
        stamped.unlink(missing_ok=True)
        boxes = _film(script, videos, say)
        _write(truth, json.dumps(_truth(script, boxes)))
        _write(stamped, json.dumps(stamp))
        say(f"demo: filmed seed {seed}: {len(script.episodes)} episodes scripted, {seconds} s on {len(videos)} cameras")
    detectors = {c: recorded_path(c) if detector == "recorded" else weights.resolve() for c in CAMERAS}
    write_site(
        site, {c: part.view for c, part in script.parts.items()}, rate_hz=RATE_HZ, kind=detector, detectors=detectors
    )
    return Rendered(folder, seed, seconds, site, truth, videos, reused)


def _is_there(files: list[Path], stamped: Path, stamp: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(stamped.read_text()) == stamp) and all(file.is_file() for file in files)
    except (FileNotFoundError, json.JSONDecodeError):
        return False


def _write(path: Path, text: str) -> None:
    """All or nothing."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _film(script: Script, videos: dict[CameraId, Path], say: Say) -> dict[CameraId, Boxes]:
    """One process per camera; a failure of one ends the other."""
    context = get_context("spawn")
    cameras: dict[Connection, tuple[CameraId, Any]] = {}
    for camera_id, video in videos.items():
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_film_one, args=(script.seed, script.seconds, camera_id, video, theirs))
        process.start()
        theirs.close()
        cameras[ours] = (camera_id, process)
    processes = [process for _, process in cameras.values()]
    boxes: dict[CameraId, Boxes] = {}
    frames = script.seconds * RATE_HZ
    try:
        while cameras:
            for ready in cast(list[Connection], wait(list(cameras))):
                camera_id, process = cameras[ready]
                try:
                    message = ready.recv()
                except EOFError:
                    process.join()
                    raise RenderError(
                        f"filming camera {camera_id} stopped with exit status {process.exitcode}"
                    ) from None
                if isinstance(message, int):
                    say(f"demo: filming {camera_id}: {message}/{frames} frames")
                else:
                    boxes[camera_id] = message
                    process.join()
                    del cameras[ready]
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return boxes


def _film_one(seed: int, seconds: int, camera_id: CameraId, video: Path, report: Connection) -> None:
    """In a process of its own: film, send the number of frames done now and then, at last the boxes."""
    boxes = film(make_script(seed, seconds).parts[camera_id], seed, video, seconds, report.send)
    report.send(boxes)
    report.close()


def film(part: Part, seed: int, video: Path, seconds: int, done: Callable[[int], None]) -> Boxes:
    """Draw and encode the first seconds of one camera; returns everybody's boxes. seed: the sensor's noise."""
    cv2.setNumThreads(1)
    camera, camera_id = part.view.camera, part.view.camera_id
    still = picture(part.view.shop, camera)
    grain = Grain(np.random.default_rng((seed, CAMERAS.index(camera_id))), camera.width_px, camera.height_px)
    boxes: Boxes = {}
    unfinished = video.with_name(video.name + ".part")
    with av.open(str(unfinished), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["creation_time"] = START.isoformat().replace("+00:00", "Z")
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = camera.width_px, camera.height_px, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = KEY_FRAME_S * RATE_HZ, 0
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "veryfast", "crf": "23", "x264-params": "scenecut=0"}
        for number in range(seconds * RATE_HZ):
            image, drawn = draw_frame(part, still, number)
            if number % RATE_HZ == 0:
                _note(boxes, drawn, number // RATE_HZ)
            image = grain.over(image, number)
            clock = START + timedelta(seconds=number / RATE_HZ)
            burn_counter(image, number, f"{camera_id}  {clock:%H:%M:%S}.{number % RATE_HZ}")
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
            if number % _REPORT_EVERY == _REPORT_EVERY - 1:
                done(number + 1)
        container.mux(stream.encode())
    unfinished.replace(video)
    return boxes


def draw_frame(part: Part, still: Still, number: int) -> tuple[Image, dict[str, Drawn]]:
    """One frame without grain and counter, and what is seen of each actor."""
    time_s = number / RATE_HZ
    there = [actor for actor in part.actors if actor.there(time_s)]
    image, drawn = paint(still, part.view.camera, [(actor.look, actor.pose(time_s)) for actor in there])
    return image, {actor.name: seen for actor, seen in zip(there, drawn, strict=True) if seen is not None}


def _note(boxes: Boxes, drawn: dict[str, Drawn], second: int) -> None:
    for name, seen in drawn.items():
        boxes.setdefault(name, []).append([float(second), *seen.box])


def _truth(script: Script, boxes: dict[CameraId, Boxes]) -> dict[str, Any]:
    """truth.json: times in ms UTC beside seconds since the first frame."""
    start_ms = int(START.timestamp() * 1000)

    def told(part: Part, confirmed: bool) -> list[dict[str, Any]]:
        return [
            h.as_dict()
            | {"started_at": start_ms + round(h.start_s * 1000), "ended_at": start_ms + round(h.end_s * 1000)}
            for h in part.happened
            if h.confirmed == confirmed
        ]

    return {
        "seed": script.seed,
        "seconds": script.seconds,
        "rate_hz": RATE_HZ,
        "start_ms": start_ms,
        "episodes": [e for part in script.parts.values() for e in told(part, True)],
        "near_misses": [e for part in script.parts.values() for e in told(part, False)],
        "actors": [
            {"camera_id": camera_id, "name": a.name, "role": a.role, "boxes": boxes[camera_id].get(a.name, [])}
            for camera_id, part in script.parts.items()
            for a in part.actors
        ],
    }
