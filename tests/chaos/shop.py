"""What every run is given: scripted people before some cameras, their recordings, and one camera that is a video file.

The same for every seed and every run, so that only the faults differ. Everything lies in one folder:
site.yaml, film.mp4 and film.npz (the file that `trackfold infer` reads), recordings/ (of the other cameras).
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import yaml

from inference.tracks_log import TracksLog
from infra.demo.recorded import Found, save
from schemas.records import TrackUpdate
from tests.clip_recording import record
from tests.scenario import Scenario, ended, rectangle
from tests.scene import Camera, Figure

SITE, FILM = "shop", "film"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
HZ = 5.0
SEGMENT_S = 10
STAFF = (230, 30, 30)
CUSTOMERS = ((30, 210, 30), (30, 30, 230), (30, 210, 230), (220, 30, 220))
"""BGR."""
TILE_PX = 15
SMALL = Camera(focal_px=225.0, width_px=320, height_px=180)
"""The film's camera: a quarter of the size, so that it is encoded and tracked in no time."""
SOON = {
    "person": {"life_edge_share": 0.0, "life_edge_min_px": 0.0},
    "role": {"stable_s": 2.0},
    "interaction": {"confirm_s": 5.0, "far_s": 2.0},
    "unattended": {"start_s": 2.0, "confirm_s": 8.0, "outside_s": 3.0},
}
"""Thresholds under which a minute holds what takes ten in a shop."""


@dataclass(frozen=True)
class Shop:
    """The input of a run."""

    folder: Path
    site: Path
    logs: dict[str, list[TrackUpdate]]
    """camera_id -> its records, for the cameras that are no file."""
    film_records: int
    """How many records the film becomes."""

    def updates(self) -> list[TrackUpdate]:
        """All records in the order in which they were captured."""
        return sorted((u for log in self.logs.values() for u in log), key=lambda u: (u.captured_at, u.camera_id))


def make(folder: Path, *, cameras: int, seconds: int, film_seconds: int) -> Shop:
    """Write the input. cameras: how many beside the film, each `seconds` long."""
    folder.mkdir(parents=True)
    names = [f"cam-{number}" for number in range(cameras)]
    logs = {name: ended(_scene(name, number, seconds).log()) for number, name in enumerate(names)}
    _recordings(folder / "recordings", logs, seconds)
    _film(folder, _scene(FILM, cameras, film_seconds, SMALL), film_seconds)
    site = folder / "site.yaml"
    described = {
        "site_id": SITE,
        "branch_id": "B-7",
        "timezone": "Europe/Berlin",
        "rules": SOON,
        "cameras": [camera_of(name, Camera()) for name in names] + [camera_of(FILM, SMALL) | _source()],
    }
    site.write_text(yaml.safe_dump(described, sort_keys=False))
    return Shop(folder, site, logs, round(film_seconds * HZ) + 1)


def _scene(camera_id: str, number: int, seconds: int, camera: Camera | None = None) -> Scenario:
    """Staff behind a counter who go away for a while; customers who come one after the other, to be served or to wait,
    and others who look around in the service zone."""
    random = Random(number)
    scene = Scenario(seconds=seconds, hz=HZ, camera_id=camera_id, seed=number, jitter_px=0.3, camera=camera or Camera())
    away_s = seconds * random.uniform(0.45, 0.55)
    back_s = away_s + 25
    scene.staff((0, 0.0, 6.7), (away_s, 0.0, 6.7), (away_s + 3, 5.0, 8.0), (back_s, 5.0, 8.0), (back_s + 3, 0.0, 6.7))
    comes_s = random.uniform(1, 4)
    while comes_s < seconds - 14:
        leaves_s, x = comes_s + random.uniform(8, 12), random.uniform(-0.4, 0.4)
        path = [(comes_s, -4.0, 5.5), (comes_s + 2, x, 5.5), (leaves_s, x, 5.5), (leaves_s + 2, -4.0, 5.0)]
        scene.customer(*path).leaves(leaves_s + 2)
        comes_s = leaves_s + random.uniform(3, 6)
    looks_s = random.uniform(3, 10)
    while looks_s < seconds - 22:
        leaves_s = looks_s + random.uniform(14, 18)
        path = [(looks_s, 4.2, 6.8), (looks_s + 2, 2.4, 4.8), (leaves_s, 2.4, 4.9), (leaves_s + 2, 4.2, 6.8)]
        scene.customer(*path).leaves(leaves_s + 2)
        looks_s = leaves_s + random.uniform(6, 12)
    return scene


def camera_of(camera_id: str, camera: Camera) -> dict[str, Any]:
    def drawn(*area: float) -> list[list[float]]:
        return [[round(v, 1) for v in point] for point in camera.polygon(rectangle(*area))]

    return {
        "camera_id": camera_id,
        "name": camera_id.title(),
        "image_width": camera.width_px,
        "image_height": camera.height_px,
        "zones": [{"zone_id": "floor", "kind": "service", "polygon": drawn(1.7, 4.2, 3.2, 5.6)}],
        "service_points": [
            {
                "service_point_id": "till",
                "name": "Till",
                "counter_line": [[round(v, 1) for v in camera.pixel(x, 6.0)] for x in (-1.5, 1.5)],
                "counter_length_m": 3.0,
                "staff_area": drawn(-1.5, 6.1, 1.5, 7.5),
                "customer_strip": drawn(-1.5, 5.0, 1.5, 6.0),
            }
        ],
    }


def _source() -> dict[str, Any]:
    detector = {"kind": "recorded", "recorded": f"{FILM}.npz", "rate_hz": HZ}
    return {"source": f"{FILM}.mp4", "start_time": START.isoformat(), "detector": detector}


def _recordings(folder: Path, logs: dict[str, list[TrackUpdate]], seconds: int) -> None:
    """Segments of ten seconds: encoded for the first camera, the same pictures under the others' names."""
    first, *others = logs
    epoch = logs[first][0].stream_epoch
    step = round(1000 / HZ)
    for index, begin in enumerate(range(0, seconds, SEGMENT_S)):
        end = min(begin + SEGMENT_S, seconds)
        at = range(epoch + begin * 1000, epoch + end * 1000 + (step if end == seconds else 0), step)
        last = end == seconds
        record(folder, first, epoch, list(at), index=index, first_number=round(begin * HZ), last=last)
    for name in others:
        shutil.copytree(folder / first, folder / name)
        for index_file in (folder / name).glob("*.idx"):
            index_file.write_bytes(index_file.read_bytes().replace(f'"{first}"'.encode(), f'"{name}"'.encode()))
    for name, log in logs.items():
        tracks = TracksLog(folder, name)
        for update in log:
            tracks.add(update)
        tracks.close()


def _film(folder: Path, scene: Scenario, seconds: int) -> None:
    """The video, and what a detector would find in it."""
    camera = scene.camera
    found = [[box for _, box in _seen(scene.people, n / HZ, camera)] for n in range(round(seconds * HZ))]
    encode(folder / f"{FILM}.mp4", scene, seconds)
    save(folder / f"{FILM}.npz", found, {"image_width": camera.width_px, "image_height": camera.height_px})


def encode(path: Path, scene: Scenario, seconds: int, gop_s: float = 2.0) -> None:
    """The scene as a video (MP4, or MPEG-TS by the name), a key frame every gop_s."""
    camera = scene.camera
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "sc_threshold": "0"}
        stream = container.add_stream("libx264", rate=round(HZ), options=options)
        stream.width, stream.height, stream.pix_fmt = camera.width_px, camera.height_px, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = round(gop_s * HZ), 0
        stream.codec_context.thread_count = 1
        for number in range(round(seconds * HZ)):
            people = list(_seen(scene.people, number / HZ, camera))
            frame = av.VideoFrame.from_ndarray(_picture(camera, people), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, round(HZ))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _seen(people: list[Figure], s: float, camera: Camera) -> Iterator[tuple[int, Found]]:
    for figure in people:
        track = figure.track(s, camera)
        if track is not None:
            yield figure.track_id, (track.class_name, 0.9, track.x1, track.y1, track.x2, track.y2)


def _picture(camera: Camera, people: list[tuple[int, Found]]) -> Any:
    """A grey room in which everybody has the colour of a role and a number. Tiled: a wall alone is a covered lens."""
    image = np.full((camera.height_px, camera.width_px, 3), 120, np.uint8)
    image[::TILE_PX] = image[:, ::TILE_PX] = 150
    for number, (role, _, x1, y1, x2, y2) in people:
        image[round(y1) : round(y2), round(x1) : round(x2)] = STAFF if role == "staff" else CUSTOMERS[number % 4]
    return image
