"""A console without any server behind it, for pages that need none, and people who look at it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from connectors.console import service
from infra.config import ConsoleSettings, KafkaSettings, RegistrySettings, Settings
from schemas.site import Site

TOKENS = {"operator": "o" * 32, "viewer": "v" * 32}
NOWHERE = "127.0.0.1:9"


@contextmanager
def alone(site: Site, site_path: Path) -> Iterator[str]:
    """Serve it; gives the address, without a path."""
    given = {f"{role}_token": token for role, token in TOKENS.items()}
    settings = Settings(
        data_dir=site_path.parent / "var",
        console=ConsoleSettings.model_validate({"port": 0, **given}),
        kafka=KafkaSettings(bootstrap_servers=NOWHERE),
        registry=RegistrySettings(url=f"http://{NOWHERE}"),
    )
    differ: Any = None
    with service.serving(settings, site, site_path, differ) as address:
        yield address.rstrip("/")


@contextmanager
def looking(browser: Browser, address: str, where: str, role: str = "operator", **context: Any) -> Iterator[Page]:
    """Somebody of that role, at a page. What its scripts complain of is an error of the test."""
    wrong: list[str] = []
    at = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    try:
        page = at.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(f"{address}/sign-in?next=/setup&token={TOKENS[role]}")
        page.goto(f"{address}{where}")
        yield page
    finally:
        at.close()
    assert wrong == []
