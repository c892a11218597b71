"""The day: each camera's interactions, waits and outages on a line, and the list of episodes, with filters."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from connectors.console import reading, timeline
from connectors.console.names import is_day
from connectors.console.page import Console, seconds
from connectors.console.reading import Blind, Listed
from connectors.console.timeline import Bar, Item, Span
from schemas.errors import InputError

LISTED_MAX = 50
"""Episodes on one page of the list."""
BARS_MAX = 1500
"""Of one camera: more bars are a wall. Then the hours say how many, and the filters make the span smaller."""
Kind = Literal["", "interaction", "unattended"]
EVIDENCE = ("available", "pending", "partial", "failed", "ambiguous", "expired", "erased")


class NoSuchDay(InputError):
    """The address names no day; write it like 2026-03-02."""


@dataclass(frozen=True)
class Line:
    """One camera's part of the picture."""

    camera_id: str
    name: str
    bars: list[Bar]
    interactions: int
    waits: int
    blind_s: float
    too_many: bool


@dataclass(frozen=True)
class Wanted:
    """What the filters say."""

    camera: str = ""
    kind: str = ""
    evidence: str = ""
    begin: str = ""
    end: str = ""

    def fits(self, one: Listed, span: Span) -> bool:
        """Is it shown?"""
        return (
            self.camera in ("", one.camera_id)
            and self.kind in ("", one.kind)
            and self.evidence in ("", one.evidence_status)
            and one.until >= span.from_at
            and one.started_at <= span.to_at
        )

    def query(self, page: int = 1) -> str:
        """As the address has it."""
        given = {
            "camera": self.camera,
            "kind": self.kind,
            "evidence": self.evidence,
            "from": self.begin,
            "to": self.end,
        }
        kept = {key: value for key, value in given.items() if value}
        return urlencode(kept | ({"page": page} if page > 1 else {}))


def routes(console: Console) -> APIRouter:
    """`/` leads to the newest day."""
    router = APIRouter()

    @router.get("/")
    def newest(request: Request) -> Response:
        day = reading.newest_day(console)
        return RedirectResponse(f"/day/{day}", 303) if day else console.page(request, "no_day.html")

    @router.get("/day")
    def chosen(day: str) -> Response:
        return RedirectResponse(f"/day/{_day(day)}", 303)

    @router.get("/day/{day}")
    def one(
        request: Request,
        day: str,
        camera: str = "",
        kind: Kind = "",
        evidence: str = "",
        begin: Annotated[str, Query(alias="from")] = "",
        end: Annotated[str, Query(alias="to")] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> Response:
        wanted = Wanted(camera, kind, evidence, begin, end)
        return _page(console, request, _day(day), wanted, page)

    return router


def _day(text: str) -> str:
    if not is_day(text):
        raise NoSuchDay(f"{text[:40]!r} is no day: write it like 2026-03-02")
    return date.fromisoformat(text).isoformat()


def _page(console: Console, request: Request, day: str, wanted: Wanted, page: int) -> Response:
    site = console.site
    found, blind = reading.episodes(console, day), reading.outages(console, day)
    whole = reading.day_span(site, day)
    moments = [at for one in found for at in (one.started_at, one.until)]
    moments += [at for one in blind for at in (one.from_at, one.to_at) if at is not None]
    span = _narrowed(timeline.around(moments, whole), whole, wanted, day, site.timezone, site.business_day_starts)
    shown = [one for one in found if wanted.fits(one, span)]
    unknown = sorted({one.camera_id for one in found} - set(console.cameras))
    cameras = console.cameras | {camera_id: camera_id for camera_id in unknown}
    lines = [
        _line(camera_id, name, shown, blind, span)
        for camera_id, name in cameras.items()
        if wanted.camera in ("", camera_id)
    ]
    return console.page(
        request,
        "day.html",
        day=day,
        before=_other(day, -1),
        after=_other(day, 1),
        wanted=wanted,
        span=span,
        marks=timeline.marks(span, site),
        seconds_matter=span.lasts_ms <= 3_600_000,
        lines=lines,
        cameras=cameras,
        evidence_words=EVIDENCE,
        count=len(shown),
        of_all=len(found),
        listed=shown[(page - 1) * LISTED_MAX : page * LISTED_MAX],
        page=page,
        pages=max(1, -(-len(shown) // LISTED_MAX)),
    )


def _other(day: str, days: int) -> str | None:
    other = (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    return other if is_day(other) else None


def _narrowed(span: Span, whole: Span, wanted: Wanted, day: str, zone: str, starts: str) -> Span:
    """Between the hours that were asked for. An hour before the day's cut is one of the next morning."""

    def at(text: str, otherwise: int) -> int:
        if not text:
            return otherwise
        try:
            clock = time.fromisoformat(text)
        except ValueError:
            raise InputError(f"{text[:20]!r} is no time of day: write it like 10:30") from None
        of = date.fromisoformat(day) + timedelta(days=clock < time.fromisoformat(starts))
        return int(datetime.combine(of, clock, ZoneInfo(zone)).timestamp() * 1000)

    begin, end = at(wanted.begin, span.from_at), at(wanted.end, span.to_at)
    return Span(begin, end) if begin < end else whole


def _line(camera_id: str, name: str, shown: list[Listed], blind: list[Blind], span: Span) -> Line:
    mine = [one for one in shown if one.camera_id == camera_id]
    gaps = [one for one in blind if one.camera_id == camera_id]
    items = [Item(one.started_at, one.until, _look(one), _title(one), one.href) for one in mine]
    items += [
        Item(one.from_at, span.to_at if one.to_at is None else one.to_at, "blind", f"no picture: {one.reason}")
        for one in gaps
    ]
    too_many = len(items) > BARS_MAX
    placed = timeline.bars(items[:BARS_MAX], span)
    return Line(
        camera_id,
        name,
        placed,
        sum(one.kind == "interaction" for one in mine),
        sum(one.kind == "unattended" for one in mine),
        sum((one.to_at or span.to_at) - one.from_at for one in gaps) / 1000,
        too_many,
    )


def _look(one: Listed) -> str:
    return f"{one.kind}{' still-open' if one.ended_at is None else ''}"


def _title(one: Listed) -> str:
    what = "waited" if one.kind == "unattended" else "together"
    where = f", {one.where}" if one.where else ""
    return f"{one.who}: {what} {seconds(one.duration_s)}{where}; video {one.evidence_status}"
