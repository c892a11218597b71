"""The set-up pages: who sees them, who saves, what is sent to the editor and what comes back."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from connectors.console import app as console_app
from connectors.console.floor_view import floor_view
from connectors.console.frame import Frame
from connectors.console.sign_in import COOKIE, doors
from infra.config import ConsoleSettings, Settings
from schemas.rules import NearRules
from schemas.site import load_site
from tests.clip_recording import picture
from tests.scene import Camera

TOKENS = {"operator": "o" * 32, "viewer": "v" * 32}
SITE = """\
site_id: shop
cameras:
  - camera_id: till
    name: "</script><script>alert(1)</script>"
    image_width: 640
    image_height: 360
    zones:
      - {zone_id: sofa, kind: service, polygon: [[20, 200], [90, 200], [90, 300]]}
  - camera_id: door
    source: door.mp4
"""
MOVED = {"zones": [{"zone_id": "sofa", "kind": "service", "polygon": [[20, 200], [90, 200], [95, 310]]}]}


@pytest.fixture
def site_path(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture
def client(site_path: Path) -> TestClient:
    given = ConsoleSettings.model_validate({f"{role}_token": token for role, token in TOKENS.items()})
    settings = Settings(console=given, data_dir=site_path.parent / "var")
    app = console_app.make(settings, load_site(site_path), site_path, doors(given)[0])
    return TestClient(app, follow_redirects=False)  # without its lifespan: nothing is read beside the pages


def sign_in(client: TestClient, role: str = "operator") -> dict[str, str]:
    """As that role; what each request then carries."""
    client.get(f"/sign-in?token={TOKENS[role]}")
    return {"x-csrf": client.app.state.doors.opened(client.cookies[COOKIE]).csrf}  # type: ignore[attr-defined]


def start(client: TestClient, where: str = "/setup/till") -> dict[str, Any]:
    """What the page gives the editor."""
    found = re.search(r'<script type="application/json" id="start">(.*?)</script>', client.get(where).text, re.DOTALL)
    assert found is not None
    given: dict[str, Any] = json.loads(found[1])
    return given


def saving(client: TestClient, drawing: object, **more: Any) -> dict[str, Any]:
    given = start(client)
    return {"from": given["from"], "seal": given["seal"], "reason": "the sofa went", "drawing": drawing, **more}


def test_the_page_gives_the_editor_the_drawing_the_size_and_whether_it_may_be_changed(client: TestClient) -> None:
    sign_in(client)
    given = start(client)
    assert given["drawing"]["zones"][0]["polygon"][2] == [90, 300]
    assert (given["size"], given["operator"], given["floor_view"]) == ([640, 360], True, None)
    sign_in(client, "viewer")
    assert start(client)["operator"] is False


def test_a_name_that_is_a_script_is_text_on_every_page(client: TestClient) -> None:
    sign_in(client)
    for where in ("/setup", "/setup/till"):
        text = client.get(where).text
        assert "<script>alert" not in text
        assert html.escape("</script><script>alert(1)</script>") in text


def test_an_operator_saves_a_version_and_is_told_what_to_do_with_it(client: TestClient, site_path: Path) -> None:
    word = sign_in(client)
    answer = client.post("/setup/till", json=saving(client, MOVED), headers=word)
    (path,) = (site_path.parent / "var" / "rules" / "shop").glob("*.yaml")
    assert load_site(path).camera("till").zones[0].polygon[2] == (95, 310)
    assert path.read_text().startswith(f"# console: rules {path.stem} of camera till, drawn by operator token on ")
    for said in (f"--site {path}", f"--version trial-{path.stem[:8]}", f"cp {path} {site_path}", f"diff {site_path}"):
        assert said in answer.text
    assert path.stem in client.get("/setup").text
    assert start(client, f"/setup/till?from={path.stem}")["drawing"]["zones"][0]["polygon"][2] == [95, 310]


def test_a_viewer_sees_everything_and_saves_nothing(client: TestClient, site_path: Path) -> None:
    word = sign_in(client, "viewer")
    body = saving(client, MOVED)
    for where in ("/setup/till", "/setup/till/floor"):
        assert client.post(where, json=body, headers=word).status_code == 403
    assert not (site_path.parent / "var").exists()


def test_nobody_else_gets_anything(client: TestClient) -> None:
    for where in ("/setup", "/setup/till", "/setup/till/frame"):
        assert client.get(where).status_code == 401
    word = sign_in(client)
    body = saving(client, MOVED)
    assert client.post("/setup/till", json=body, headers={"x-csrf": "another"}).status_code == 403
    client.cookies.clear()
    assert client.post("/setup/till", json=body, headers=word).status_code == 401


@pytest.mark.parametrize(
    ("drawing", "more", "status", "says"),
    [
        ({"zones": [{"zone_id": "q", "kind": "queue", "polygon": [[0, 0], [9, 0], [9, 9]]}]}, {}, 422, "service_point"),
        ({"ignore_areas": [[[0, 0], [9, 9], [9, 0], [0, 9]]]}, {}, 422, "crosses itself"),
        (None, {}, 422, "valid dictionary"),
        (MOVED, {"reason": "  "}, 422, "say why"),
        (MOVED, {"seal": "another"}, 409, "was changed since you opened it"),
        (MOVED, {"from": "../../etc/passwd"}, 409, "there is no version"),
    ],
)
def test_what_cannot_be_saved_comes_back_with_its_place(
    client: TestClient, site_path: Path, drawing: object, more: dict[str, str], status: int, says: str
) -> None:
    word = sign_in(client)
    answer = client.post("/setup/till", json=saving(client, drawing, **more), headers=word)
    assert answer.status_code == status
    assert any(says in wrong["text"] for wrong in answer.json()["wrongs"])
    assert not (site_path.parent / "var").exists()


def test_two_who_draw_at_once_do_not_lose_each_others_work(client: TestClient, site_path: Path) -> None:
    word = sign_in(client)
    body = saving(client, MOVED)
    site_path.write_text(SITE.replace("[90, 300]", "[91, 300]"))
    assert client.post("/setup/till", json=body, headers=word).status_code == 409


@pytest.mark.parametrize("camera", ["nothere", "..%2f..%2fetc", "%00", "till%0a"])
def test_a_camera_that_is_not_there_is_named_and_no_file_is_looked_for(client: TestClient, camera: str) -> None:
    sign_in(client)
    for where in (f"/setup/{camera}", f"/setup/{camera}/frame"):
        assert client.get(where).status_code == 404


def test_a_camera_without_any_picture_has_a_sheet_that_says_what_to_do(client: TestClient) -> None:
    sign_in(client)
    answer = client.get("/setup/till/frame")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert 'width="640" height="360"' in answer.text
    assert "image_width" in client.get("/setup/door").text


def test_the_picture_is_as_large_as_the_tracks_image_and_small_in_the_list(client: TestClient, site_path: Path) -> None:
    (site_path.parent / "till.jpg").write_bytes(Frame(picture(3), "reference").jpeg())
    site_path.write_text(SITE.replace("    zones:", "    reference: till.jpg\n    zones:"))
    sign_in(client)
    whole, small = client.get("/setup/till/frame"), client.get("/setup/till/frame?small=true")
    assert whole.headers["content-type"] == small.headers["content-type"] == "image/jpeg"
    assert len(small.content) < len(whole.content)


CAMERA = Camera()
MEASURED = [(-1.5, 3.0), (1.5, 3.0), (4.0, 9.0), (-4.0, 9.0), (0.0, 5.0), (-2.0, 7.0), (1.5, 4.0)]
SPOTS = [(CAMERA.pixel(*spot), spot) for spot in MEASURED]


def floor_body(points: Any) -> dict[str, Any]:
    return {"floor": {"points": [{"pixel": [x / 2, y / 2], "floor_m": metres} for (x, y), metres in points]}}


def test_the_floor_is_reckoned_while_it_is_drawn(client: TestClient) -> None:
    word = sign_in(client)
    seen = client.post("/setup/till/floor", json=floor_body(SPOTS), headers=word).json()
    assert seen["sound"]
    assert seen["told"][0].startswith("all agree within 0.0")
    assert seen["lens_m"] == pytest.approx([0, 0, CAMERA.height_m], abs=0.05)
    assert {line["metres"] for line in seen["lines"]} >= {3, 4, 5, 6, 7, 8, 9}
    few = client.post("/setup/till/floor", json=floor_body(SPOTS[:3]), headers=word).json()
    assert not few["sound"]
    assert "at least 4" in few["told"][0]


def test_a_point_that_was_measured_wrongly_is_the_one_that_is_named() -> None:
    wrong = [*SPOTS[:4], (SPOTS[4][0], (0.0, 6.5)), *SPOTS[5:]]
    seen = floor_view(wrong, None, NearRules(), (1280, 720))
    assert (seen["suspect"], seen["sound"]) == (4, False)
    assert seen["errors_m"][4] == pytest.approx(1.5, abs=0.1)


def test_what_is_far_from_the_points_is_drawn_as_unknown_and_what_is_between_them_is_not() -> None:
    seen = floor_view(SPOTS, None, NearRules(), (1280, 720))
    cells = {
        (int(x) + step * 10, int(y))
        for x, y, wide in re.findall(r"M(\d+) (\d+)h(\d+)v10", seen["unknown"])
        for step in range(int(wide) // 10)
    }
    x, y = CAMERA.pixel(0.0, 6.0)
    assert (round(x) // 10 * 10, round(y) // 10 * 10) not in cells
    assert {(0, 0), (640, 0), (1270, 710)} <= cells
