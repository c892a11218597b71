"""What every page is made with: the site, the settings, a question to ClickHouse, and a template."""

import importlib.metadata
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from clickhouse_connect.driver.client import Client
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from connectors.clickhouse import client
from connectors.clickhouse.answer import Result
from connectors.console.names import episode_href
from infra.config import Settings
from schemas.errors import ExplainedError
from schemas.promotions import CameraDay
from schemas.site import Site

HERE = Path(__file__).parent
NAV = (
    ("/now", "Now"),
    ("/", "Day"),
    ("/questions", "Questions"),
    ("/failed", "Failures"),
    ("/versions", "Versions"),
    ("/setup", "Set-up"),
)
"""(path, name) of the pages that have a place above every page."""

BADGES = {
    **dict.fromkeys(("available", "reported", "uploaded", "complete", "ended"), "badge-ok"),
    **dict.fromkeys(("pending", "partial", "retrying", "confirmed", "suppressed"), "badge-warn"),
    **dict.fromkeys(("failed", "ambiguous", "halted", "expired"), "badge-bad"),
}
"""State -> the CSS class of its badge; others are quiet."""


class NotFound(ExplainedError):
    """There is no such thing; the text says what there is."""


class Differ(Protocol):
    """What differs between two versions of camera-days, as `trackfold diff` says it: the fold's side knows."""

    def __call__(
        self, settings: Settings, site: Site, against: str, version: str, wanted: Sequence[CameraDay]
    ) -> Sequence[Any]:
        """A DayDiff for each camera-day. Raises NoReplay, ServerErrors."""


class Beside(Protocol):
    """A thread of a page's own."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and wait until it has."""


@dataclass
class Console:
    """One site's console."""

    settings: Settings
    site: Site
    site_path: Path
    differ: Differ | None = None
    templates: Environment = field(init=False)
    beside: list[Beside] = field(default_factory=list)
    """What runs while pages are served."""
    _client: Client | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.templates = _templates(self.site)

    @cached_property
    def cameras(self) -> dict[str, str]:
        """camera_id -> how people call it."""
        return {camera.camera_id: camera.name or camera.camera_id for camera in self.site.cameras}

    def ask(
        self, sql: str, parameters: dict[str, Any] | None = None, *, formats: dict[str, str] | None = None
    ) -> Result:
        """The answer to one SELECT; {name:Type} in it is filled from parameters. Raises as clickhouse/client.connected.

        One client is kept: to connect costs more than most questions.
        """
        with client.explained(self.settings):
            with self._lock:
                if self._client is None:
                    self._client = client.client_of(self.settings)
            return client.ask(self._client, sql, parameters=parameters, formats=formats)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """A template, with what base.html needs."""
        session = getattr(request.state, "session", None)
        text = self.templates.get_template(template).render(
            user=session.user if session else None,
            csrf=session.csrf if session else "",
            here=request.url.path,
            **values,
        )
        return HTMLResponse(text, status)

    def start(self) -> None:
        """Begin what runs beside the pages."""
        for one in self.beside:
            one.start()

    def close(self) -> None:
        """End it, and give the connection back."""
        for one in self.beside:
            one.stop()
        if self._client is not None:
            self._client.close()


def _templates(site: Site) -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "clock": lambda at: _local(site, at).strftime("%H:%M:%S"),
        "moment": lambda at: _local(site, at).strftime("%Y-%m-%d %H:%M:%S"),
        "seconds": seconds,
        "badge": lambda word: BADGES.get(word, ""),
        "weekday": lambda day: date.fromisoformat(str(day)).strftime("%A"),
    }
    made.globals |= {
        "site": site,
        "nav": NAV,
        "release": importlib.metadata.version("trackfold"),
        "episode_href": episode_href,
    }
    return made


def _local(site: Site, at: int | datetime) -> datetime:
    """at: ms UTC, or a moment with its zone."""
    return site.local_time(at if isinstance(at, int) else int(at.astimezone(UTC).timestamp() * 1000))


def seconds(value: float | None) -> str:
    """A duration as people say it: 42 s, 3 min 05 s, 4 min, 2 h 10 min."""
    if value is None:
        return "still going on"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60:02d} s" if whole % 60 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60:02d} min" if whole % 3600 // 60 else "")
