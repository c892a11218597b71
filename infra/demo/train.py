"""Trains the demo's detector from scratch: a half-width YOLO26 on drawn people.

    python -m infra.demo.train                                               two CPU cores: half an hour by estimate
    python -m infra.demo.train --frames 16000 --minutes 14 --batch 64 --workers 14 --device 0        on one GPU

Needs the extra `detect`. Every number that mattered stands in `SETTINGS`; colour tells the two classes apart at once,
people who hide one another are all the difficulty.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from infra.demo.frames import CLASSES, LABELLED_FROM, write_frames
from infra.demo.site_file import CONFIDENCE, IMAGE_SIZE_PX

WEIGHTS = Path(__file__).parent / "weights" / "shop.pt"
HALF_WIDTH = [0.5, 0.125, 1024]
"""Depth, width, most channels: 0.68 million parameters instead of YOLO26n's 2.6."""
SETTINGS: dict[str, Any] = {
    "imgsz": IMAGE_SIZE_PX,
    "rect": True,
    "mosaic": 0.0,
    "optimizer": "AdamW",
    "lr0": 2e-3,
    "lrf": 0.02,
    "warmup_epochs": 1,
    "hsv_h": 0.01,
    "amp": False,
    "val": False,
    "cache": "ram",
    "plots": False,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo.train", description="Train the demo's detector.")
    parser.add_argument("--frames", type=int, default=900, help="training pictures (default 900)")
    parser.add_argument("--held-out", type=int, default=600, help="pictures to measure on (default 600)")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the pictures (default 30)")
    parser.add_argument("--minutes", type=float, default=0.0, help="train this long instead of --epochs")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=0, help="processes that load pictures (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu (default), or a GPU's number")
    parser.add_argument("--work", type=Path, default=Path("var/demo-training"), help="folder for pictures and runs")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    args = parser.parse_args()
    write_frames(args.work / "train", args.frames, seed=0)
    write_frames(args.work / "held-out", args.held_out, seed=1)
    print(f"{args.frames} pictures to train on, {args.held_out} to measure on, in {args.work}", flush=True)
    trained = train(args.work, args.out, args.device, args.epochs, args.minutes, args.batch, args.workers)
    print(json.dumps(measure(trained, args.work / "held-out", args.device), indent=1))


def train(work: Path, out: Path, device: str, epochs: int, minutes: float, batch: int, workers: int) -> Path:
    """Train on work/train and write half-precision weights to out."""
    import yaml
    from ultralytics.models import YOLO
    from ultralytics.utils import ROOT

    design = yaml.safe_load((ROOT / "cfg" / "models" / "26" / "yolo26.yaml").read_text())
    design |= {"nc": len(CLASSES), "scales": {"n": HALF_WIDTH}}
    (work / "shop.yaml").write_text(yaml.safe_dump(design))
    data = {
        "path": str(work.resolve()),
        "train": "train/images",
        "val": "held-out/images",
        "names": dict(enumerate(CLASSES)),
    }
    (work / "data.yaml").write_text(yaml.safe_dump(data))
    model: Any = YOLO(str(work / "shop.yaml"), task="detect")
    spent = {"time": minutes / 60} if minutes else {"epochs": epochs}
    runs = str(work.resolve() / "runs")
    model.train(
        data=str(work / "data.yaml"),
        device=device,
        batch=batch,
        nbs=batch,
        workers=workers,
        project=runs,
        exist_ok=True,
        **spent,
        **SETTINGS,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model.trainer.save_dir / "weights" / "last.pt", out)
    return out


def measure(weights: Path, folder: Path, device: str = "cpu") -> dict[str, float]:
    """Recall by visible share, precision and the share of right classes, on pictures made by `write_frames`."""
    from ultralytics.models import YOLO

    model: Any = YOLO(str(weights))
    truth = json.loads((folder / "truth.json").read_text())
    count: dict[str, int] = {}
    for name, people in truth.items():
        image = cv2.imread(str(folder / "images" / f"{name}.jpg"))
        boxes = model.predict(image, imgsz=IMAGE_SIZE_PX, rect=True, conf=CONFIDENCE, device=device, verbose=False)[
            0
        ].boxes
        found = [(int(k), *xyxy) for k, xyxy in zip(boxes.cls.tolist(), boxes.xyxy.tolist(), strict=True)]
        tally(people, found, count)
    return share(count)


def share(count: dict[str, int]) -> dict[str, float]:
    """What `tally` counted, as shares."""

    def of(part: str, whole: str) -> float:
        return round(count.get(part, 0) / max(count.get(whole, 0), 1), 4)

    return {
        "recall_visible_60_to_100": of("clear_found", "clear"),
        "recall_visible_30_to_60": of("partly_found", "partly"),
        "precision": of("right", "found"),
        "class_right": of("class_right", "matched"),
        "people": float(count.get("clear", 0) + count.get("partly", 0)),
    }


def tally(people: Sequence[Sequence[float]], found: Sequence[Sequence[float]], count: dict[str, int]) -> None:
    """Match found (class, x1, y1, x2, y2) with people (class, visible, x1, y1, x2, y2) at IoU 0.5 and add to count.

    People under 30 % visible may be found or not; neither counts.
    """
    from schemas.geometry import iou

    left = list(range(len(found)))
    seen = dict.fromkeys(("clear", "clear_found", "partly", "partly_found", "matched", "class_right"), 0)
    for person in sorted(people, key=lambda p: -p[1]):
        best = max(left, key=lambda i: iou(_box(person[2:]), _box(found[i][1:])), default=None)
        if best is None or iou(_box(person[2:]), _box(found[best][1:])) < 0.5:
            best = None
        else:
            left.remove(best)
        if person[1] >= LABELLED_FROM:
            kind = "clear" if person[1] >= 0.6 else "partly"
            seen[kind] += 1
            seen[f"{kind}_found"] += int(best is not None)
            if best is not None:
                seen["matched"] += 1
                seen["class_right"] += int(found[best][0] == person[0])
    for name, number in (seen | {"found": len(found), "right": len(found) - len(left)}).items():
        count[name] = count.get(name, 0) + number


def _box(values: Sequence[float]) -> tuple[float, float, float, float]:
    return values[0], values[1], values[2], values[3]


if __name__ == "__main__":
    main()
