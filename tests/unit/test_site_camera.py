"""One camera of a site: what holds when nothing is said, what may be drawn, which numbers make sense."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from schemas.site import Camera, Detector, Site, SiteError
from tests.scenario import floor_plan

WIDTH, HEIGHT = 640, 360
INNER = ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))
"""The whole image, its border included."""
TILL: dict[str, Any] = {
    "service_point_id": "till",
    "counter_line": INNER[:2],
    "counter_length_m": 2,
    "staff_area": INNER,
    "customer_strip": INNER,
}
OUTSIDE = [(-1, 0), (WIDTH + 1, 0), (0, -1), (0, HEIGHT + 1)]


def test_a_site_that_says_nothing_is_read_by_utc_from_four_in_the_morning_on() -> None:
    site = Site(site_id="shop", cameras=(Camera(camera_id="door"),))
    rules = site.effective_rules("door")
    assert (site.name, site.branch_id, site.timezone, site.pairs) == ("", "", "UTC", "roles")
    assert (rules.camera_name, rules.timezone, rules.day_starts_min, rules.pairs) == ("door", "UTC", 240, "roles")
    assert (site.cameras[0].name, site.cameras[0].source) == ("", "")


def test_what_is_said_is_taken() -> None:
    camera = Camera(camera_id="door", name="Front door")
    site = Site(site_id="shop", cameras=(camera,), business_day_starts="05:30", timezone="Asia/Kolkata", pairs="any")
    rules = site.effective_rules("door")
    assert (rules.camera_name, rules.timezone, rules.day_starts_min, rules.pairs) == (
        "Front door",
        "Asia/Kolkata",
        330,
        "any",
    )


def test_a_camera_that_says_nothing_is_watched_ten_times_a_second_for_people_and_their_sides() -> None:
    detector = Camera(camera_id="door").detector
    assert (detector.kind, detector.weights, detector.recorded, detector.pose) == ("yolo", "", "", False)
    assert (detector.confidence, detector.image_size_px, detector.rate_hz) == (0.35, 640, 10.0)
    assert detector.classes == {"person": "person", "customer": "customer", "staff": "staff"}


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        ("image_size_px", 64, 63),
        ("image_size_px", 4096, 4097),
        ("rate_hz", 0.5, 0),
        ("rate_hz", 60, 60.5),
        ("confidence", 1, 1.1),
    ],
)
def test_a_detector_that_cannot_be_is_refused(name: str, accepted: float, refused: float) -> None:
    assert getattr(Detector.model_validate({name: accepted}), name) == accepted
    with pytest.raises(ValidationError):
        Detector.model_validate({name: refused})


def test_a_second_stream_is_detected_on_and_both_are_live() -> None:
    main, sub = "rtsp://${USER}@cam/main", "rtsp://${USER}@cam/sub"
    assert Camera(camera_id="door", source=main).detected_source == main
    assert Camera(camera_id="door", source=main, detect_source=sub).detected_source == sub
    for source, detect_source in (("film.mp4", sub), (main, "film.mp4")):
        with pytest.raises(ValidationError, match="detect_source goes with a live source"):
            Camera(camera_id="door", source=source, detect_source=detect_source)


def test_an_image_has_a_size_or_none_is_said() -> None:
    for side in ("image_width", "image_height"):
        assert getattr(Camera.model_validate({"camera_id": "door", side: 1}), side) == 1
        with pytest.raises(ValidationError):
            Camera.model_validate({"camera_id": "door", side: 0})


def drawn(what: str, corner: tuple[float, float]) -> dict[str, Any]:
    """A camera with one thing drawn of which one corner is there."""
    shape = (*INNER[:3], corner)
    match what:
        case "zone line":
            more: dict[str, Any] = {"zones": [{"zone_id": "line", "kind": "service", "polygon": shape}]}
        case "staff area":
            more = {"staff_areas": [shape]}
        case "ignore area":
            more = {"ignore_areas": [shape]}
        case _:
            part = what.rpartition(" ")[2]
            value = (INNER[1], corner) if part == "counter_line" else shape
            more = {"service_points": [TILL | {part: value}]}
    return {"camera_id": "door", **more}


DRAWN = ["zone line", "staff area", "ignore area"]
PARTS = [f"service point till {part}" for part in ("staff_area", "customer_strip", "counter_line")]


@pytest.mark.parametrize("what", DRAWN + PARTS)
def test_what_is_drawn_outside_the_image_is_named_and_on_its_border_it_is_inside(what: str) -> None:
    size = {"image_width": WIDTH, "image_height": HEIGHT}
    name = " ".join(what.split()[:3])
    for corner in INNER:
        Camera.model_validate(drawn(what, corner) | size).check_image(WIDTH, HEIGHT)
    for x, y in OUTSIDE:
        said = f"{name}: point \\({x}, {y}\\) is outside"
        with pytest.raises(ValidationError, match=f"{said} the image of 640x360"):
            Camera.model_validate(drawn(what, (x, y)) | size)
        # and when the file does not say the image's size, as soon as it is known
        with pytest.raises(SiteError, match=f"camera door: {said} its image of 640x360"):
            Camera.model_validate(drawn(what, (x, y))).check_image(WIDTH, HEIGHT)


def test_without_both_sides_of_an_image_nothing_can_be_outside_it_yet() -> None:
    for side in ({}, {"image_width": WIDTH}, {"image_height": HEIGHT}):
        assert Camera.model_validate(drawn("staff area", (9999, 9999)) | side).staff_areas


def test_the_points_of_a_floor_are_drawn_too() -> None:
    camera = Camera(camera_id="door", floor=floor_plan())
    with pytest.raises(SiteError, match="camera door: floor: point"):
        camera.check_image(32, 18)


def test_the_shops_clock_shows_local_time() -> None:
    site = Site(site_id="shop", timezone="Europe/Berlin", cameras=(Camera(camera_id="door"),))
    at = datetime(2026, 3, 2, 10, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert site.local_time(round(at.timestamp() * 1000)) == at
