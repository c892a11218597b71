"""The demo's site file: the two views as the pipeline is told of them, drawn in pixels on each camera's image."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from infra.demo.views import CameraId, Counter, View
from schemas.site import Site, load_site

IMAGE_SIZE_PX = 320
"""The detector looks at pictures of this width."""
CONFIDENCE = 0.5
_SEEN_END_PX = (30, 24)
"""How far above and below the counter's far edge the lower end of a staff member's visible body may lie."""


def write_site(
    path: Path,
    views: Mapping[CameraId, View],
    *,
    rate_hz: int,
    kind: Literal["yolo", "recorded"],
    detectors: Mapping[CameraId, Path],
) -> Site:
    """Write the site file and return it as the pipeline reads it. detectors: weights (yolo) or recorded detections."""
    site = {
        "site_id": "demo-shop",
        "name": "Demo shop",
        "branch_id": "1",
        "timezone": "Europe/Berlin",
        "cameras": [_camera(view, rate_hz, kind, detectors[camera_id]) for camera_id, view in views.items()],
    }
    path.write_text(yaml.safe_dump(site, sort_keys=False, default_flow_style=None, width=110), encoding="utf-8")
    return load_site(path)


def _camera(view: View, rate_hz: int, kind: Literal["yolo", "recorded"], detector: Path) -> dict[str, Any]:
    looks = {"weights" if kind == "yolo" else "recorded": str(detector)}
    camera = view.camera
    return {
        "camera_id": view.camera_id,
        "name": view.name,
        "source": f"{view.camera_id}.mp4",
        "image_width": camera.width_px,
        "image_height": camera.height_px,
        "detector": {
            "kind": kind,
            **looks,
            "classes": {"customer": "customer", "staff": "staff"},
            "confidence": CONFIDENCE,
            "image_size_px": IMAGE_SIZE_PX,
            "rate_hz": rate_hz,
        },
        "zones": [
            {
                "zone_id": zone.zone_id,
                "name": zone.name,
                "kind": zone.kind,
                **({"service_point": zone.service_point} if zone.service_point else {}),
                "polygon": _plain(camera.polygon(zone.area.corners)),
            }
            for zone in view.zones
        ],
        "service_points": [_service_point(view, counter) for counter in view.counters],
        "floor": _floor(view),
        "rules": {"near": {"depth_factor": round(camera.depth_factor, 2)}},
    }


def _floor(view: View) -> dict[str, Any]:
    """Spots of floor as somebody measures them: metres from under the lens, and the whole pixel where they are seen."""
    spots = [(spot, view.camera.pixel(*spot)) for spot in view.floor_marks_m]
    return {
        "points": [{"pixel": [round(x), round(y)], "floor_m": list(spot)} for spot, (x, y) in spots],
        "lens_m": [0.0, 0.0, view.camera.height_m],
    }


def _service_point(view: View, counter: Counter) -> dict[str, Any]:
    """The line is the top's edge towards the customers; the staff area a band around the top's far edge, where the
    counter cuts off the bodies of those behind it."""
    camera, above_below = view.camera, _SEEN_END_PX
    line = camera.polygon([(x, counter.line_y_m) for x in counter.x], counter.high_m)
    edge = camera.polygon([(x, counter.far_y_m) for x in counter.x], counter.high_m)
    (left, row), (right, _) = edge
    band = [
        (left, row - above_below[0]),
        (right, row - above_below[0]),
        (right, row + above_below[1]),
        (left, row + above_below[1]),
    ]
    return {
        "service_point_id": counter.service_point_id,
        "name": counter.name,
        "counter_line": _plain(line),
        "counter_length_m": round(counter.x[1] - counter.x[0], 2),
        "staff_area": _plain(band),
        "customer_strip": _plain(camera.polygon(counter.strip.corners)),
    }


def _plain(points: list[tuple[float, float]]) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in points]
