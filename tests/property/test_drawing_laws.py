"""Whatever is drawn and however it is called: the file says exactly that, and of the rest what it said before."""

import tempfile
from math import cos, pi, sin
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.console.setup import BadDrawing, Drawing, drawn, read_drawing
from connectors.console.setup_file import Note, opened, save
from schemas.site import load_site

SIZE = (640, 360)
SITE = """\
site_id: shop
business_day_starts: "04:00"
opening_hours: {mon-fri: "09:00-20:00", 2026-12-25: closed}
cameras:
  - &front
    camera_id: till   # the first
    source: rtsp://${USER}@camera/1
    start_time: 2026-03-02T10:00:00+01:00
    zones:
      - {zone_id: "on", kind: service, polygon: [[1, 1], [9, 1], [9, 9]]}   # no switch
    ignore_areas: &masks [[[0, 0], [9, 0], [9, 9]]]
  - camera_id: door
    ignore_areas: *masks
    rules: {near: {depth_factor: 1.80}}
"""
NAMES = st.text(st.characters(codec="utf-8"), max_size=12).filter(str.isprintable) | st.sampled_from(
    ["~", "null", "=", "<<", "- a", "a: b", "#x", " a ", "'", '"', "%TAG", "|", "{a", "1_000", "12:30", "0o7", ".inf"]
)
IDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


@st.composite
def areas(draw: st.DrawFn) -> list[list[float]]:
    """Corners around a middle: no two sides meet."""
    x, y = draw(st.integers(60, 580)), draw(st.integers(60, 300))
    turns = sorted(draw(st.sets(st.integers(0, 35), min_size=3, max_size=8)))
    reach = [draw(st.integers(20, 50)) for _ in turns]
    return [
        [round(x + r * cos(t * pi / 18), 1), round(y + r * sin(t * pi / 18), 1)]
        for t, r in zip(turns, reach, strict=True)
    ]


@st.composite
def drawings(draw: st.DrawFn) -> dict[str, Any]:
    points = [
        {
            "service_point_id": given_id,
            "name": draw(NAMES),
            "counter_line": [[10, 10], [draw(st.integers(20, 600)), 10]],
            "counter_length_m": draw(st.floats(0.1, 30)),
            "staff_area": draw(areas()),
            "customer_strip": draw(areas()),
        }
        for given_id in draw(st.lists(IDS, max_size=2, unique=True))
    ]
    zones: list[dict[str, Any]] = []
    for given_id in draw(st.lists(IDS | st.just("on"), max_size=3, unique=True)):
        queue = draw(st.sampled_from([None, *[p["service_point_id"] for p in points]]))
        more = {"kind": "service"} if queue is None else {"kind": "queue", "service_point": queue}
        zones.append({"zone_id": given_id, "name": draw(NAMES), "polygon": draw(areas()), **more})
    return {
        "zones": zones,
        "service_points": points,
        "staff_areas": draw(st.lists(areas(), max_size=2)),
        "ignore_areas": draw(st.lists(areas(), max_size=2)),
    }


@settings(max_examples=25, deadline=None)
@given(drawings(), st.sampled_from(["till", "door"]), NAMES)
def test_what_is_saved_is_what_was_drawn_and_nothing_else(data: dict[str, Any], camera_id: str, reason: str) -> None:
    try:
        drawing: Drawing = read_drawing(data, SIZE)
    except BadDrawing:
        return  # round corners may fall on one line
    with tempfile.TemporaryDirectory() as folder:
        live = Path(folder) / "site.yaml"
        live.write_text(SITE, encoding="utf-8")
        result = save(
            Path(folder) / "var", opened(Path(folder) / "var", live, "shop"), camera_id, drawing, Note("a", "b", reason)
        )
        before, after = load_site(live), load_site(result.path)
        # what was drawn is there
        assert drawn(after.camera(camera_id)) == drawing
        # and drawn again it is the same file
        again = opened(Path(folder) / "var", result.path, "shop")
        assert save(Path(folder) / "var", again, camera_id, drawing, Note("c", "d", "e")).path == result.path
        # the other camera has not changed
        other = "door" if camera_id == "till" else "till"
        assert after.camera(other) == before.camera(other)
        assert after.effective_rules(other) == before.effective_rules(other)
