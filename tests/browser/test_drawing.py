"""A camera is drawn anew in a browser: by mouse, by finger and by keys; and a replay finds something else then."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, expect

from schemas.geometry import Point
from schemas.site import Camera, load_site
from tests.browser.served import alone, looking
from tests.scenario import Scenario, fold, waits

SITE = """\
site_id: shop
rules:
  person: {life_edge_share: 0, life_edge_min_px: 0}   # the scene's people stand like statues
cameras:
  - camera_id: till
    name: Till
    image_width: 1280
    image_height: 720
    zones:
      - {zone_id: sofa, name: Sofa, kind: service, polygon: [[900, 500], [1100, 500], [1100, 700], [900, 700]]}
"""


class Look(Protocol):
    """Somebody who opens the set-up page of the till."""

    def __call__(self, *, role: str = "operator", **context: Any) -> AbstractContextManager[Page]: ...


@pytest.fixture
def site_path(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture
def look(browser: Browser, site_path: Path) -> Iterator[Look]:
    with alone(load_site(site_path), site_path) as address:
        yield partial(looking, browser, address, "/setup/till")  # type: ignore[misc]


def on(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the camera's image is in the window."""
    box = page.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"] / 1280, box["y"] + y * box["height"] / 720


def save(page: Page, reason: str = "a test") -> None:
    page.get_by_label("Why").fill(reason)
    page.get_by_role("button", name="Save").click()


def saved(page: Page, site_path: Path) -> tuple[Camera, Path]:
    """The camera in the version that was saved last, and its file."""
    expect(page.locator("#result .badge-ok")).to_be_visible()
    named = re.search(r"\w{16}", page.locator("#result").inner_text())
    assert named is not None
    path = site_path.parent / "var" / "rules" / "shop" / f"{named[0]}.yaml"
    return load_site(path).camera("till"), path


def near(points: tuple[Point, ...], *expected: Point) -> bool:
    return all(abs(a - b) <= 2 for p, q in zip(points, expected, strict=True) for a, b in zip(p, q, strict=True))


def test_a_zone_is_drawn_by_mouse_and_a_replay_finds_who_waited_there(look: Look, site_path: Path) -> None:
    # given somebody who waited for two minutes where no zone was
    shop = Scenario(seconds=120, camera_id="till")
    shop.customer((0, 0.0, 5.0))
    x, y = shop.camera.pixel(0.0, 5.0)
    corners = [(x - 80, y - 80), (x + 80, y - 80), (x + 80, y + 80), (x - 80, y + 80)]
    with look() as page:
        # when a zone is drawn there, one of its corners moved, and the whole saved
        page.get_by_role("button", name="+ Zone").click()
        for corner in (*corners, corners[0]):
            page.mouse.click(*on(page, *corner))
        page.mouse.move(*on(page, *corners[0]))
        page.mouse.down()
        page.mouse.move(*on(page, x - 100, y - 90), steps=3)
        page.mouse.up()
        page.get_by_label("Name", exact=True).fill("Window <b>")
        expect(page.locator("#unsaved")).to_be_visible()
        save(page, "people wait at the window")
        camera, path = saved(page, site_path)
        expect(page.locator("#unsaved")).to_be_hidden()
    # then the file holds it, the live one is as it was, and the same log has another answer
    assert near(camera.zones[1].polygon, (x - 100, y - 90), *corners[1:])
    assert camera.zones[1].name == "Window <b>"
    assert "drawn by operator token" in path.read_text().splitlines()[0]
    assert site_path.read_text() == SITE
    answers = [waits(fold(shop.log(), load_site(one).effective_rules("till"))) for one in (site_path, path)]
    assert [bool(answer) for answer in answers] == [False, True]


def test_everything_can_be_done_by_keys_alone(look: Look, site_path: Path) -> None:
    with look() as page:
        press = page.keyboard.press
        page.get_by_role("button", name="+ Ignored area").focus()
        press("Enter")
        for key in ("Space", "Shift+ArrowLeft", "Space", "Shift+ArrowUp", "Space", "Enter"):
            press(key)
        expect(page.locator(":focus")).to_have_attribute("aria-label", re.compile("point 1 of 3 at 640, 360"))
        for key in ("ArrowRight", "Shift+ArrowDown", "+", "Tab", "Delete", "Control+z"):
            press(key)
        save(page)
        camera, _ = saved(page, site_path)
    assert len(camera.ignore_areas[0]) == 4
    assert camera.ignore_areas[0][0] == (641, 370)


def test_an_area_is_drawn_with_a_finger_on_a_phone(look: Look, site_path: Path) -> None:
    with look(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        page.get_by_role("button", name="+ Staff area").tap()
        for corner in ((200, 200), (600, 200), (600, 500)):
            page.touchscreen.tap(*on(page, *corner))
        page.get_by_role("button", name="Close").tap()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        save(page)
        camera, _ = saved(page, site_path)
    assert all(abs(a - b) <= 6 for a, b in zip(camera.staff_areas[0][0], (200, 200), strict=True))


def test_what_cannot_be_saved_is_said_beside_its_shape_and_nothing_is_written(look: Look, site_path: Path) -> None:
    with look() as page:
        page.get_by_role("button", name="+ Zone").click()
        for corner in ((100, 100), (300, 300), (300, 100), (100, 300)):
            page.mouse.click(*on(page, *corner))
        page.keyboard.press("Enter")
        page.get_by_label("Kind").select_option("queue")
        save(page)
        expect(page.locator(".shapes .chosen .wrong")).to_contain_text("a queue zone names its service_point")
        page.get_by_label("Kind").select_option("service")
        save(page)
        expect(page.locator(".shapes .chosen .wrong")).to_contain_text("the zone crosses itself")
    assert not (site_path.parent / "var").exists()


def test_leaving_with_something_unsaved_asks_first(look: Look) -> None:
    with look() as page:
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.locator(".shape-name", has_text="Sofa").click()
        page.get_by_role("button", name="Delete this shape").click()
        page.get_by_role("link", name="Set-up").first.click(no_wait_after=True)
        expect(page.locator("#unsaved")).to_be_visible()
        page.wait_for_function("() => true")
        assert asked == ["beforeunload"]


def test_a_viewer_sees_what_is_drawn_and_can_change_nothing(look: Look) -> None:
    with look(role="viewer") as page:
        expect(page.locator("polygon.shape")).to_have_count(1)
        page.locator(".shape-name", has_text="Sofa").click()
        expect(page.get_by_label("Name", exact=True)).to_be_disabled()
        before = page.locator("polygon.shape").get_attribute("points")
        page.locator(".handle").first.focus()
        for key in ("ArrowRight", "Delete"):
            page.keyboard.press(key)
        assert page.locator("polygon.shape").get_attribute("points") == before
        assert page.get_by_role("button", name="+ Zone").count() == page.locator("#save").count() == 0
