"""The pictures of docs/console.md, from a demo: `python -m tests.demo.pictures` (about five minutes)."""

import tempfile
from pathlib import Path

from tests.demo.running import DESKTOP, OPERATOR, PHONE, Demo, Visitor, chromium, demo

FOLDER = Path(__file__).parents[2] / "docs" / "console"
SHOWN = {
    "day": "/",
    "now": "/now",
    "questions": "/questions",
    "failed": "/failed",
    "versions": "/versions",
    "setup": "/setup/counter",
}


def take(shown: Demo) -> None:
    """Each page at a desk in the light, and on a phone in the dark."""
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for size, scheme, name in ((DESKTOP, "light", "desktop"), (PHONE, "dark", "phone")):
            visitor = Visitor(browser, shown.address, OPERATOR, size)
            visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            visitor.page.goto("/")
            episode = visitor.page.locator("tbody a").nth(1).get_attribute("href") or ""
            for page, path in {**SHOWN, "episode": episode}.items():
                visitor.page.goto(path)
                visitor.page.wait_for_load_state("networkidle")
                if page == "episode":
                    visitor.page.locator("video").first.evaluate("video => video.pause()")
                visitor.page.screenshot(path=FOLDER / f"{page}-{name}.png")
            visitor.context.close()


def main() -> None:
    """Make a demo, look at it, take it away."""
    with tempfile.TemporaryDirectory(prefix="trackfold-pictures-") as folder, demo(Path(folder) / "demo") as shown:
        take(shown)


if __name__ == "__main__":
    main()
