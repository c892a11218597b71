"""The pictures of docs/console.md, from a demo: `python -m tests.demo.pictures [PAGE ...]` (about five minutes)."""

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from playwright.sync_api import Browser

from schemas.topics import INTERACTION_EVENTS, UNATTENDED_EVENTS
from tests.demo import scenes
from tests.demo.running import DESKTOP, OPERATOR, PHONE, Demo, Visitor, chromium, demo

FOLDER = Path(__file__).parents[2] / "docs" / "console"
VERSION = "without-shoes"
EPISODE = "tbody tr:nth-child(2) a"
SHOWN = {
    "now": ("/now", ".clock"),
    "day": ("/", EPISODE),
    "episode": ("", "video"),
    "questions": ("/questions", "svg .column"),
    "failed": ("/failed", ".failure"),
    "versions": (f"/versions/{VERSION}", ".diffs rect"),
    "setup": ("/setup/counter", "#stage"),
}
"""Page -> where it is (an episode: where a day leads to), and what there must be before a picture is taken."""


def bring_about(shown: Demo, browser: Browser) -> None:
    """A clip that cannot be stored, and a replay with other rules."""
    scenes.clip_of_other_bytes(shown)
    with scenes.storing(shown):
        scenes.await_failed_upload(shown)
    visitor = Visitor(browser, shown.address, OPERATOR)
    scenes.replayed(shown, VERSION, scenes.drawn_without_the_shoes(shown, visitor.page))
    visitor.context.close()


def bring_people(shown: Demo) -> None:
    """Who waits and who is served at this moment."""
    left = {"phase": "confirmed", "facet_revision": 2}
    at_till, at_shoes = {"service_point_id": "till"}, {"camera_id": "floor", "zone_id": "shoes"}
    scenes.publish(
        shown,
        UNATTENDED_EVENTS,
        scenes.waits(shown, 87664, 101, **left, **at_till, reason="no_staff"),
        scenes.waits(shown, 30215, 74, **left, **at_shoes, reason="staff_busy"),
        scenes.waits(shown, 44625, 12, **at_till),
    )
    scenes.publish(shown, INTERACTION_EVENTS, scenes.is_served(shown, 52012, 88676, 27, **at_shoes))


def take(shown: Demo, pages: Collection[str]) -> None:
    """Each page at a desk in the light, and on a phone in the dark."""
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        bring_about(shown, browser)
        for size, scheme, name in ((DESKTOP, "light", "desktop"), (PHONE, "dark", "phone")):
            visitor = Visitor(browser, shown.address, OPERATOR, size)
            visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            bring_people(shown)
            visitor.page.goto("/")
            episode = visitor.page.locator(EPISODE).get_attribute("href") or ""
            for page in pages:
                path, needed = SHOWN[page]
                visitor.page.goto(path or episode)
                visitor.page.locator(needed).first.wait_for()
                visitor.page.wait_for_load_state("networkidle")
                if page == "episode":
                    visitor.page.locator("video").first.evaluate("video => video.pause()")
                visitor.page.screenshot(path=FOLDER / f"{page}-{name}.png")
            visitor.context.close()


def main() -> None:
    """Make a demo, look at it, take it away."""
    with tempfile.TemporaryDirectory(prefix="trackfold-pictures-") as folder, demo(Path(folder) / "demo") as shown:
        take(shown, sys.argv[1:] or SHOWN)


if __name__ == "__main__":
    main()
