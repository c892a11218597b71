"""A demo that keeps its servers and its console up, and a real browser to look at it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as BrowserError

from infra.config import Settings, load_settings
from schemas.site import Site, load_site

OPERATOR, VIEWER = "operator-" + "o" * 32, "viewer-" + "v" * 32
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP, PHONE = (1280, 800), (390, 844)
expect.set_options(timeout=30_000)  # a busy machine is no error of a page


@dataclass
class Demo:
    """What it left running. said: all that it printed until the console was up."""

    process: subprocess.Popen[str]
    folder: Path
    said: str
    address: str

    @property
    def found(self) -> int:
        """How many episodes it says that it found."""
        told = re.search(r"found (\d+) of", self.said)
        assert told is not None, self.said[-3000:]
        return int(told[1])

    @property
    def settings(self) -> Settings:
        """Where its servers are."""
        return load_settings(stack_dir=self.folder / "stack", data_dir=self.folder)

    @property
    def site_path(self) -> Path:
        """Of its shop."""
        return self.folder / "shop-1" / "site.yaml"

    @property
    def site(self) -> Site:
        """Its shop."""
        return load_site(self.site_path)

    def stop(self) -> str:
        """As Ctrl-C does; gives what it said last."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=120)[0]


@contextmanager
def demo(folder: Path) -> Iterator[Demo]:
    """`trackfold demo --console` in a folder, until its console is up."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKFOLD_")} | {
        "TRACKFOLD_CONSOLE__OPERATOR_TOKEN": OPERATOR,
        "TRACKFOLD_CONSOLE__VIEWER_TOKEN": VIEWER,
    }
    command = [sys.executable, "-m", "trackfold", "demo", "--folder", str(folder), "--console"]
    log = folder.with_suffix(".log").open("w+")
    with (
        log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder.parent, env=environment
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said, address = [], ""
            for line in process.stdout:
                said.append(line)
                if found := re.match(r"console: (http\S+)", line):
                    address = found[1]
                if line.startswith("look around"):
                    break
            log.seek(0)
            assert address, "".join(said)[-6000:] + log.read()[-2000:]
            yield Demo(process, folder, "".join(said), address)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=120)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium without a window; a visible skip where there is none."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=found,
                channel=None if found else "chrome",
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
        except BrowserError:
            pytest.skip("no Chromium and no Chrome: install one (apt-get install chromium)")
        yield browser
        browser.close()


class Visitor:
    """Somebody at the console, whose browser must find nothing wrong with its pages."""

    def __init__(self, browser: Browser, address: str, token: str | None, size: tuple[int, int] = DESKTOP) -> None:
        self.context = browser.new_context(
            base_url=address,
            viewport={"width": size[0], "height": size[1]},
            locale="en-GB",
            timezone_id="America/New_York",  # times are the site's, wherever one looks from
        )
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        if token:
            self.page.goto(f"/sign-in?token={token}")

    def looks_well(self) -> None:
        """No script failed, and nothing is wider than the window."""
        assert self.wrong == []
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), self.page.url
