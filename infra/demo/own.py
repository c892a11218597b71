"""The demo on a person's own video or camera."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import InputError


def prepare(
    folder: Path, source: str, weights: str | None, start_time: datetime | None, *, say: Callable[[str], None]
) -> Path:
    """A site file for one camera over the person's source: every two people count as a pair, no zones."""
    is_file = "://" not in source
    if is_file and not Path(source).is_file():
        raise InputError(f"{source}: no such video; give SOURCE=<file or rtsp:// address>")
    if not weights:
        raise InputError("a source of your own needs WEIGHTS=<model file>, for example WEIGHTS=yolo26n.pt")
    camera: dict[str, Any] = {
        "camera_id": "own",
        "name": "Your camera",
        "source": str(Path(source).resolve()) if is_file else source,
        "detector": {"weights": str(Path(weights).resolve()) if Path(weights).exists() else weights},
    }
    if start_time is not None:
        camera["start_time"] = start_time.isoformat()
    path = folder / "own.yaml"
    site = {"site_id": "own", "name": "Your shop", "branch_id": "own", "pairs": "any", "cameras": [camera]}
    path.write_text(yaml.safe_dump(site, sort_keys=False))
    say(f"wrote {path}: one camera, pairs any; draw zones and counters there for more")
    return path
