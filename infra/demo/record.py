"""Keeps the detector's detections on the demo's default seed, and says how good they are.

    python -m infra.demo.record                      writes infra/demo/recorded/
    python -m infra.demo.record --seed 7 --no-write  only measures, on another seed

Needs the extra `detect`.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from infra.demo.camera import Image
from infra.demo.frames import CLASSES
from infra.demo.painter import Drawn
from infra.demo.recorded import Found, save
from infra.demo.render import DEFAULT_SEED, RATE_HZ, WEIGHTS, draw_frame, recorded_path, render
from infra.demo.script import Part, make_script
from infra.demo.shop import picture
from infra.demo.site_file import CONFIDENCE, IMAGE_SIZE_PX
from infra.demo.train import share, tally

KEPT_FROM = 0.25
"""Confidence; the pipeline's own threshold lies above."""
_JUDGED_EVERY = 5


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo.record", description="Record and judge detections.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--work", type=Path, default=Path("var/demo-recorded"), help="folder for the videos")
    parser.add_argument("--no-write", action="store_true", help="measure only")
    args = parser.parse_args()
    if args.seed != DEFAULT_SEED and not args.no_write:
        parser.error(f"detections are kept for seed {DEFAULT_SEED} alone; add --no-write to measure another one")
    demo = render(args.seed, args.work / str(args.seed), say=print)
    script = make_script(args.seed)
    for camera_id, video in demo.videos.items():
        camera = script.parts[camera_id].view.camera
        frames = list(detect(video, args.weights))
        print(camera_id, json.dumps(judge_frames(script.parts[camera_id], frames)))
        if not args.no_write:
            meta = {
                "camera_id": camera_id,
                "seed": args.seed,
                "weights": hashlib.sha256(args.weights.read_bytes()).hexdigest(),
            }
            size = {"image_width": camera.width_px, "image_height": camera.height_px}
            recorded_path(camera_id).parent.mkdir(exist_ok=True)
            save(recorded_path(camera_id), frames, meta | size | {"image_size_px": IMAGE_SIZE_PX, "rate_hz": RATE_HZ})


def detect(video: Path, weights: Path) -> Iterator[list[Found]]:
    """The detections of every frame of a video."""
    find = open_finder(weights)
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            yield find(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))


def open_finder(weights: Path) -> Callable[[Image], list[Found]]:
    """The detector, as a function of one picture (rows, columns, 3), BGR."""
    from ultralytics.models import YOLO

    model: Any = YOLO(str(weights))

    def find(image: Image) -> list[Found]:
        boxes = model.predict(image, imgsz=IMAGE_SIZE_PX, rect=True, conf=KEPT_FROM, device="cpu", verbose=False)[
            0
        ].boxes
        rows = zip(boxes.cls.tolist(), boxes.conf.tolist(), boxes.xyxy.tolist(), strict=True)
        return [(model.names[int(kind)], confidence, *xyxy) for kind, confidence, xyxy in rows]

    return find


def judge(part: Part, drawn: dict[str, Drawn], found: list[Found], count: dict[str, int]) -> None:
    """Add one picture's detections, as far as the pipeline takes them, to what `tally` counts."""
    roles = {actor.name: float(CLASSES.index(actor.role)) for actor in part.actors}
    people = [[roles[name], seen.visible, *seen.box] for name, seen in drawn.items()]
    tally(people, [(float(CLASSES.index(f[0])), *f[2:]) for f in found if f[1] >= CONFIDENCE], count)


def judge_frames(part: Part, frames: list[list[Found]]) -> dict[str, float]:
    """Recall by visible share, precision and right classes over every fifth frame, against the drawn people."""
    still = picture(part.view.shop, part.view.camera)
    count: dict[str, int] = {}
    for number in range(0, len(frames), _JUDGED_EVERY):
        judge(part, draw_frame(part, still, number)[1], frames[number], count)
    return share(count)


if __name__ == "__main__":
    main()
