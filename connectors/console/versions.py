"""Versions: the replays on this machine, which of them count, and how each differs from another, as timelines."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from connectors.console import timeline
from connectors.console.names import episode_href, people
from connectors.console.page import Console, NotFound, seconds
from connectors.console.reading import day_span
from connectors.console.timeline import Bar, Item
from infra.replays import NoReplay, camera_days
from schemas.promotions import CameraDay

SHOWN_MAX = 25
"""Differences of one camera's day that are named; the command names all."""
DAYS_MAX = 40
"""Camera-days on one page."""
WHATS = ("new", "gone", "moved", "merged", "split", "changed")


@dataclass(frozen=True)
class Told:
    """A difference, for people."""

    what: str
    text: str
    who: str
    href: str


@dataclass(frozen=True)
class Pair:
    """One camera's day in both versions, one line above the other."""

    camera_id: str
    day: str
    marks: list[tuple[float, int]]
    before: list[Bar]
    after: list[Bar]
    counts: list[tuple[str, int]]
    same: int
    told: list[Told]
    more: int


def routes(console: Console) -> APIRouter:
    """The list, one version, and the part of its page that reads the topics."""
    router = APIRouter()

    @router.get("/versions")
    def every(request: Request) -> Response:
        return console.page(request, "versions.html", versions=_versions(console), counting=_counting(console))

    @router.get("/versions/{name}")
    def one(request: Request, name: str, against: str = "live") -> Response:
        days = _days(console, name)
        others = ["live", *(other for other in _versions(console) if other != name)]
        if against not in others:
            raise NotFound(f"there is no version {against[:60]!r} to compare with; there are: {', '.join(others)}")
        return console.page(request, "version.html", name=name, against=against, days=days, others=others)

    @router.get("/versions/{name}/diff")
    def differences(
        request: Request, name: str, against: str = "live", page: Annotated[int, Query(ge=1, le=10_000)] = 1
    ) -> Response:
        wanted = _days(console, name)
        part = wanted[(page - 1) * DAYS_MAX : page * DAYS_MAX]
        if console.differ is None:
            raise NotFound("this console was started without what compares versions; use `trackfold diff`")
        found = console.differ(console.settings, console.site, against, name, part) if part else []
        pairs = [_pair(console, day) for day in found]
        return console.page(
            request,
            "version_diff.html",
            name=name,
            against=against,
            pairs=pairs,
            names=console.cameras,
            total=sum(count for pair in pairs for _, count in pair.counts),
            page=page,
            more=len(wanted) > page * DAYS_MAX,
        )

    return router


def _versions(console: Console) -> dict[str, list[CameraDay]]:
    folder = console.settings.replays_dir
    found: dict[str, list[CameraDay]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            found[path.name] = camera_days(folder, path.name)
        except NoReplay:  # begun, and not whole yet
            continue
    return found


def _days(console: Console, name: str) -> list[CameraDay]:
    """Of this site's cameras."""
    known = {camera.camera_id for camera in console.site.cameras}
    try:
        return [one for one in camera_days(console.settings.replays_dir, name) if one[0] in known]
    except NoReplay as error:
        raise NotFound(str(error)) from error


def _counting(console: Console) -> dict[CameraDay, str]:
    """Where another version than live counts."""
    found = console.ask(
        "SELECT camera_id, toString(business_day) AS day, argMax(version, activation) AS version FROM active_versions "
        "WHERE site_id = {site:String} GROUP BY camera_id, business_day HAVING version != 'live'",
        {"site": console.site.site_id},
    )
    return {(row["camera_id"], row["day"]): row["version"] for row in found.as_dicts()}


def _pair(console: Console, diff: Any) -> Pair:
    """diff: a DayDiff of the fold's side."""
    look = {id(e): one.what for one in diff.differences for e in (*one.before, *one.after)}
    moments = [at for e in (*diff.before, *diff.after) for at in (e.started_at, _end(e))]
    span = timeline.around(moments, day_span(console.site, diff.day))
    return Pair(
        camera_id=diff.camera_id,
        day=diff.day,
        marks=timeline.marks(span, console.site),
        before=timeline.bars(_items(diff.before, look), span),
        after=timeline.bars(_items(diff.after, look), span),
        counts=[(what, count) for what in WHATS if (count := diff.count(what))],
        same=len(diff.before) - len({id(e) for one in diff.differences for e in one.before}),
        told=[_told(console, one) for one in diff.differences[:SHOWN_MAX]],
        more=max(0, len(diff.differences) - SHOWN_MAX),
    )


def _items(episodes: Iterable[Any], look: dict[int, str]) -> list[Item]:
    return [
        Item(e.started_at, _end(e), f"diff-{look.get(id(e), 'same')}", f"{_who(e)}: {seconds(_lasted_s(e))}", "")
        for e in episodes
    ]


def _told(console: Console, one: Any) -> Told:
    def span(e: Any) -> str:
        return f"{console.site.local_time(e.started_at):%H:%M:%S} for {seconds(_lasted_s(e))}"

    parts = [" and ".join(map(span, side)) for side in (one.before, one.after) if side]
    text = parts[0] if one.what in ("moved", "changed") else " → ".join(parts)
    if one.what == "moved":
        text += f"; begins {one.start_s:+.1f} s, ends {one.end_s:+.1f} s"
    for name, (old, new) in one.said.items():
        text += f"; {name.replace('_', ' ')}: {old or 'nothing'} → {new or 'nothing'}"
    shown = (*one.before, *one.after)[0]
    href = episode_href(shown.episode_id, shown.business_day, shown.camera_id) if one.before else ""
    return Told(one.what, text, _who(shown), href)


def _who(e: Any) -> str:
    return people(e.kind, e.staff_id, e.customer_id) + (" waits" if e.kind == "unattended" else "")


def _end(e: Any) -> int:
    return int(e.confirmed_at if e.ended_at is None else e.ended_at)


def _lasted_s(e: Any) -> float:
    return (_end(e) - int(e.started_at)) / 1000
