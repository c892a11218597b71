"""A camera drawn anew: what is kept, what is refused, and that nothing else of the site file changes."""

import difflib
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.console.setup import BadDrawing, drawn, read_drawing
from connectors.console.setup_file import Note, Opened, Saved, opened, save, versions
from connectors.console.setup_yaml import CannotRewrite
from schemas.site import SiteError, load_site, plain_data
from tests.scenario import Scenario, fold, waits
from trackfold import main

SIZE = (640, 360)
SITE = """\
# our shop
site_id: shop   # the one in the high street
timezone: Europe/Berlin
business_day_starts: "04:00"
opening_hours:
  mon: "10:00-18:00"
rules:
  interaction: {confirm_s: 12, near_m: 1.50}
cameras:
  # above the counter
  - camera_id: counter
    name: Counter
    source: rtsp://${CAM_USER}:${CAM_PASSWORD}@camera/1
    start_time: 2026-03-02T10:00:00+01:00
    image_width: 640
    image_height: 360
    service_points:
      - service_point_id: till
        counter_line: [[100, 200], [300, 200]]
        counter_length_m: 3
        staff_area: [[100, 100], [300, 100], [300, 190], [100, 190]]
        customer_strip: [[100, 200], [300, 200], [300, 300], [100, 300]]
    zones:
      - zone_id: line   # here they queue
        kind: queue
        service_point: till
        polygon: [[300, 200], [500, 200], [500, 300]]
      - zone_id: sofa   # and here they sit
        kind: service
        polygon: [[20, 200], [90, 200], [90, 300.5]]
    rules:
      near: {depth_factor: 1.8}

  - camera_id: door   # drawn by nobody yet
    source: door.mp4
# the end
"""
NOTED = Note("ada", "2026-11-27 19:05", "the queue was moved")
SPOTS = [((100, 300), (0, 0)), ((500, 300), (4, 0)), ((400, 100), (4, 6)), ((200, 100), (0, 6))]
FLOOR = {"points": [{"pixel": pixel, "floor_m": metres} for pixel, metres in SPOTS]}


TRIANGLE = [[10, 10], [60, 10], [60, 60]]
TILL = {
    "service_point_id": "till",
    "counter_line": [[0, 0], [9, 9]],
    "counter_length_m": 2,
    "staff_area": TRIANGLE,
    "customer_strip": TRIANGLE,
}


def zone(zone_id: str = "z", **more: Any) -> dict[str, Any]:
    return {"zone_id": zone_id, "kind": "service", "polygon": TRIANGLE, **more}


@pytest.fixture
def site_path(tmp_path: Path) -> Path:
    path = tmp_path / "shop" / "site.yaml"
    path.parent.mkdir()
    path.write_text(SITE)
    return path


def opening(site_path: Path, name: str = "") -> Opened:
    return opened(site_path.parent.parent / "var", site_path, "shop", name)


def edited(site_path: Path, **changes: Any) -> dict[str, Any]:
    """The counter's drawing as the editor sends it, with these keys changed."""
    return drawn(load_site(site_path).camera("counter")).plain() | changes


def saved(
    site_path: Path, data: dict[str, Any], camera_id: str = "counter", note: Note = NOTED, name: str = ""
) -> Saved:
    of = opening(site_path, name)
    return save(site_path.parent.parent / "var", of, camera_id, read_drawing(data, SIZE), note)


def moved_sofa(site_path: Path) -> dict[str, Any]:
    zones = edited(site_path)["zones"]
    zones[1]["polygon"][2] = [95, 310]
    return edited(site_path, zones=zones)


def test_a_drawing_that_was_opened_and_saved_is_the_version_that_it_was(site_path: Path) -> None:
    result = saved(site_path, edited(site_path))
    assert not result.is_new
    assert result.path == site_path
    assert result.rules_version == load_site(site_path).effective_rules("counter").version
    assert versions(site_path.parent.parent / "var", "shop") == []


def test_a_moved_point_is_the_only_line_that_differs_beside_the_head(site_path: Path) -> None:
    result = saved(site_path, moved_sofa(site_path))
    changes = [
        line
        for line in difflib.unified_diff(SITE.splitlines(), result.path.read_text().splitlines(), n=0, lineterm="")
        if line[0] in "+-" and not line.startswith(("+++", "---"))
    ]
    assert changes == [
        f"+# console: rules {result.rules_version} of camera counter, drawn by ada on 2026-11-27 19:05: "
        "the queue was moved",
        f"+paths_from: {site_path.parent}",
        "-      - zone_id: sofa   # and here they sit",
        "+      - zone_id: sofa",
        "-        polygon: [[20, 200], [90, 200], [90, 300.5]]",
        "+        polygon: [[20, 200], [90, 200], [95, 310]]",
    ]


def test_the_live_file_is_not_touched_and_the_version_is_a_site_of_its_own(site_path: Path) -> None:
    result = saved(site_path, moved_sofa(site_path))
    site = load_site(result.path)
    assert site_path.read_text() == SITE
    assert result.path == site_path.parent.parent / "var" / "rules" / "shop" / f"{result.rules_version}.yaml"
    assert site.effective_rules("counter").version == result.rules_version
    assert site.effective_rules("counter").version != load_site(site_path).effective_rules("counter").version
    assert site.effective_rules("door") == load_site(site_path).effective_rules("door")


def test_relative_paths_start_where_they_did_wherever_the_version_lies_or_is_copied_to(site_path: Path) -> None:
    result = saved(site_path, moved_sofa(site_path))
    assert load_site(result.path).base(result.path) == site_path.parent
    site_path.write_bytes(result.path.read_bytes())
    assert load_site(site_path).base(site_path) == site_path.parent


def test_the_same_content_is_the_same_version_whoever_saves_it_and_when(site_path: Path) -> None:
    first = saved(site_path, moved_sofa(site_path))
    before = first.path.read_bytes()
    again = saved(site_path, moved_sofa(site_path), note=Note("bob", "later", "the same"))
    assert (again.path, again.is_new) == (first.path, False)
    assert first.path.read_bytes() == before


def test_the_same_rules_of_one_camera_beside_others_of_another_are_kept_beside_each_other(site_path: Path) -> None:
    first = saved(site_path, moved_sofa(site_path))
    wanted = moved_sofa(site_path)
    site_path.write_text(SITE.replace("door.mp4", "door-2.mp4"))
    second = saved(site_path, wanted)
    assert second.is_new
    assert second.rules_version == first.rules_version
    assert second.path.stem == f"{first.rules_version}_2"


def test_a_second_camera_is_drawn_on_the_version_of_the_first_and_both_notes_stand_there(site_path: Path) -> None:
    first = saved(site_path, moved_sofa(site_path))
    both = saved(site_path, {"ignore_areas": [[[0, 0], [50, 0], [50, 50]]]}, "door", name=first.path.stem)
    site = load_site(both.path)
    assert site.effective_rules("counter").version == first.rules_version
    assert site.camera("door").ignore_areas == (((0, 0), (50, 0), (50, 50)),)
    newest = versions(site_path.parent.parent / "var", "shop")
    notes = next(version.notes for version in newest if version.path == both.path)
    assert [note.split(",")[0].split(" of ")[1] for note in notes] == ["camera door", "camera counter"]


def test_every_kind_of_shape_can_be_drawn_on_a_camera_that_has_none(site_path: Path) -> None:
    everything = {
        **edited(site_path),
        "staff_areas": [[[0, 0], [9, 0], [9, 9]]],
        "floor": {**FLOOR, "lens_m": [2, -3, 3.1]},
    }
    site = load_site(saved(site_path, everything, "door").path)
    assert drawn(site.camera("door")) == read_drawing(everything, SIZE)


def test_what_was_deleted_is_gone_from_the_file(site_path: Path) -> None:
    result = saved(site_path, edited(site_path, zones=[], service_points=[]))
    assert drawn(load_site(result.path).camera("counter")).plain() == {
        "zones": [], "service_points": [], "staff_areas": [], "ignore_areas": [],
    }  # fmt: skip
    assert "zones:" not in result.path.read_text()


@pytest.mark.parametrize("name", ["on", "12", "yes", "null", "0x1f", "1e3"])
def test_an_id_that_yaml_would_take_for_something_else_is_quoted(site_path: Path, name: str) -> None:
    result = saved(site_path, edited(site_path, zones=[zone(name)]))
    assert load_site(result.path).camera("counter").zones[0].zone_id == name


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "a: b # c",
        "- x",
        "'\"\\",
        "${HOME}",
        "{{ 7 * 7 }}",
        "Zürich 日本 🙂",
        "&x *y !!python/object:os",
    ],
)
def test_a_name_is_text_and_nothing_else(site_path: Path, name: str) -> None:
    result = saved(site_path, edited(site_path, zones=[zone(name=name)]))
    assert load_site(result.path).camera("counter").zones[0].name == name


@pytest.mark.parametrize(
    "field", ["a\nsite_id: other", "b\r\ncameras: []", "c\u2028d", "e\x00f", "\u202egnp", "x" * 5000]
)
def test_who_and_why_stay_on_their_line_of_comment(site_path: Path, field: str) -> None:
    result = saved(site_path, moved_sofa(site_path), note=Note(field, "now", field))
    text = result.path.read_text()
    assert load_site(result.path).site_id == "shop"
    assert len(text.splitlines()[0]) < 600
    assert text.splitlines()[1] == "# our shop"
    assert text.splitlines()[0].isprintable()


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        ({"zones": [zone(polygon=[[0, 0], [9, 0]])]}, ("zones", 0), "at least 3"),
        ({"staff_areas": [TRIANGLE, [[0, 0], [9, 9], [9, 0], [0, 9]]]}, ("staff_areas", 1), "crosses itself"),
        ({"ignore_areas": [[[0, 0], [9, 9], [18, 18]]]}, ("ignore_areas", 0), "covers nothing"),
        ({"ignore_areas": [[[0, 0], [9, 0], [9, 0], [0, 9]]]}, ("ignore_areas", 0), "crosses itself"),
        ({"ignore_areas": [[[0, 0], [641, 0], [9, 9]]]}, ("ignore_areas", 0), "outside the image of 640x360"),
        ({"ignore_areas": [[[0, 0], [math.nan, 0], [9, 9]]]}, ("", None), "not a number"),
        ({"ignore_areas": [[[0, 0]] * 401]}, ("", None), "400 are the most"),
        ({"zones": [zone(kind="queue")]}, ("zones", 0), "a queue zone names its service_point"),
        ({"zones": [zone(kind="queue", service_point="nowhere")]}, ("zones", 0), "'nowhere' is not there: till"),
        ({"zones": [zone("../../etc")]}, ("zones", 0), "zone_id"),
        ({"zones": [zone(name="a\nb")]}, ("zones", 0), "control character"),
        ({"zones": [zone(), zone()]}, ("zones", 1), "'z' is there twice"),
        ({"zones": [zone(source="rtsp://elsewhere")]}, ("zones", 0), "source"),
        ({"service_points": [TILL | {"counter_length_m": 0}]}, ("service_points", 0), "counter_length_m"),
        ({"service_points": [TILL | {"counter_line": [[1, 1], [1, 1]]}]}, ("service_points", 0), "at one place"),
        ({"floor": {"points": FLOOR["points"][:3]}}, ("floor", None), "at least 4"),
        ({"floor": {"points": [{"pixel": [n, n], "floor_m": [n, n]} for n in range(4)]}}, ("floor", None), "one line"),
        ({"source": "rtsp://elsewhere"}, ("", None), "source"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    site_path: Path, change: dict[str, Any], where: tuple[str, int | None], says: str
) -> None:
    with pytest.raises(BadDrawing, match=says) as refused:
        read_drawing(edited(site_path, **change), SIZE)
    assert where in [(wrong.key, wrong.index) for wrong in refused.value.wrongs]


@pytest.mark.parametrize("data", [None, [], 7, "zones", {"zones": "x"}, {"zones": [[]]}, {"floor": []}])
def test_what_is_no_drawing_at_all_is_refused(data: object) -> None:
    with pytest.raises(BadDrawing):
        read_drawing(data, SIZE)


@pytest.mark.parametrize("name", ["../site", "/etc/passwd", "nothere", "..", "a" * 16])
def test_a_version_is_opened_by_its_name_alone(site_path: Path, name: str) -> None:
    with pytest.raises(SiteError, match="there is no version"):
        opening(site_path, name)


def test_a_file_that_shares_what_is_drawn_between_cameras_is_refused_or_stays_right(site_path: Path) -> None:
    shared = "    ignore_areas: &mask [[[0, 0], [9, 0], [9, 9]]]\n"
    text = SITE.replace("    image_width: 640\n", f"    image_width: 640\n{shared}", 1)
    site_path.write_text(text.replace("    source: door.mp4\n", "    source: door.mp4\n    ignore_areas: *mask\n"))
    try:
        result = saved(site_path, edited(site_path, ignore_areas=[]))
    except CannotRewrite:
        return
    assert load_site(result.path).camera("door").ignore_areas == (((0, 0), (9, 0), (9, 9)),)
    assert load_site(result.path).camera("counter").ignore_areas == ()


def test_a_camera_that_takes_over_from_another_is_drawn_by_itself_and_the_other_is_refused(site_path: Path) -> None:
    merged = SITE.replace("  - camera_id: counter\n", "  - &counter\n    camera_id: counter\n")
    site_path.write_text(merged.replace("  - camera_id: door ", "  - <<: *counter\n    camera_id: door "))
    areas = {"ignore_areas": [[[0, 0], [9, 0], [9, 9]]]}
    result = saved(site_path, edited(site_path, **areas), "door")
    assert load_site(result.path).camera("door").ignore_areas != load_site(site_path).camera("counter").ignore_areas
    with pytest.raises(CannotRewrite, match="written once and used in several places"):
        saved(site_path, edited(site_path, **areas))


def test_a_camera_whose_name_is_a_number_to_others_is_found(site_path: Path) -> None:
    site_path.write_text(SITE.replace("camera_id: door", "camera_id: 0o7"))
    result = saved(site_path, {"ignore_areas": [[[0, 0], [9, 0], [9, 9]]]}, "0o7")
    assert load_site(result.path).camera("0o7").is_drawn_on


def test_two_areas_that_are_the_same_stay_two(site_path: Path) -> None:
    area = "[[1, 1], [9, 1], [9, 9]]"
    site_path.write_text(
        SITE.replace("    source: door.mp4\n", f"    source: door.mp4\n    staff_areas: [{area}, {area}]\n")
    )
    data = drawn(load_site(site_path).camera("door")).plain()
    result = saved(site_path, {**data, "staff_areas": [*data["staff_areas"], [[2, 2], [8, 2], [8, 8]]]}, "door")
    assert len(load_site(result.path).camera("door").staff_areas) == 3
    assert "*" not in result.path.read_text()


@pytest.mark.parametrize(
    "text",
    [
        SITE.replace("\n    ", "\n  ").replace("\n  - ", "\n- "),
        "---\n" + SITE,
        SITE.replace("\n  interaction", "\n    interaction").replace("\n  mon", "\n    mon"),
        yaml.safe_dump(plain_data(SITE), default_flow_style=None),
        yaml.safe_dump(plain_data(SITE), default_flow_style=True),
    ],
    ids=["narrow", "document", "wide", "dumped", "flow"],
)
def test_a_file_in_another_style_is_rewritten_too(site_path: Path, text: str) -> None:
    site_path.write_text(text)
    result = saved(site_path, moved_sofa(site_path))
    assert load_site(result.path).camera("counter").zones[1].polygon[2] == (95, 310)
    assert ("# the end" in result.path.read_text()) == ("# the end" in text)


def test_a_moved_zone_changes_what_is_found_in_the_same_log(site_path: Path) -> None:
    # given somebody who waits for two minutes where no zone is
    shop = Scenario(seconds=120, camera_id="counter")
    shop.customer((0, 0.0, 5.0))
    x, y = shop.camera.pixel(0.0, 5.0)
    size = (shop.camera.width_px, shop.camera.height_px)
    text = SITE.replace("image_width: 640", f"image_width: {size[0]}").replace("image_height: 360", "image_height: 720")
    site_path.write_text(text.replace("rules:\n", "rules:\n  person: {life_edge_share: 0, life_edge_min_px: 0}\n", 1))
    # when a zone is drawn around them
    around = [[x - 60, y - 60], [x + 60, y - 60], [x + 60, y + 60], [x - 60, y + 60]]
    drawing = read_drawing(edited(site_path, zones=[zone("new", polygon=around)]), size)
    result = save(site_path.parent.parent / "var", opening(site_path), "counter", drawing, NOTED)
    # then the same log says that nobody attended to them, under the version that the command line finds in the file
    assert main(["check", "--site", str(result.path)]) == 0
    found = {
        path: waits(fold(shop.log(), load_site(path).effective_rules("counter"))) for path in (site_path, result.path)
    }
    assert found[site_path] == []
    assert [(e.phase, e.rules_version) for e in found[result.path] if e.phase == "confirmed"] == [
        ("confirmed", result.rules_version)
    ]
