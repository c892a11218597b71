"""The demo on a person's own video or camera."""

from pathlib import Path
from typing import Any, Protocol

import yaml

from schemas.errors import InputError


class _Options(Protocol):
    folder: Path
    source: str | None
    weights: str | None
    start_time: Any


def prepare(options: _Options, *, say: Any) -> Path:
    """A site file for one camera over the person's source: every two people count as a pair, no zones."""
    assert options.source is not None
    is_file = "://" not in options.source
    if is_file and not Path(options.source).is_file():
        raise InputError(f"{options.source}: no such video; give SOURCE=<file or rtsp:// address>")
    if not options.weights:
        raise InputError("a source of your own needs WEIGHTS=<model file>, for example WEIGHTS=yolo26n.pt")
    weights = Path(options.weights)
    camera: dict[str, Any] = {
        "camera_id": "own",
        "name": "Your camera",
        "source": str(Path(options.source).resolve()) if is_file else options.source,
        "detector": {"weights": str(weights.resolve()) if weights.exists() else options.weights},
    }
    if options.start_time is not None:
        camera["start_time"] = options.start_time.isoformat()
    path = options.folder / "own.yaml"
    site = {"site_id": "own", "name": "Your shop", "pairs": "any", "cameras": [camera]}
    path.write_text(yaml.safe_dump(site, sort_keys=False))
    say(f"wrote {path}: one camera, pairs any; draw zones and counters there for more")
    return path
