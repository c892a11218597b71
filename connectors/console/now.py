"""What happens now, from the topics: who waits for how long, who is served, which camera sees nothing."""

import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from connectors.console.following import Follower
from connectors.console.names import episode_href, people
from connectors.console.page import Console
from connectors.console.waiting import Open


@dataclass(frozen=True)
class Card:
    """One that is shown."""

    open: Open
    who: str
    seconds: float
    href: str


def routes(console: Console) -> APIRouter:
    """The page, and the part of it that is asked for again and again."""
    router = APIRouter()
    follower = Follower(console.settings, console.site.site_id)
    console.beside.append(follower)
    names = console.cameras

    @router.get("/now")
    def page(request: Request) -> Response:
        return console.page(request, "now.html", **_seen(follower, names))

    @router.get("/now/list")
    def again(request: Request) -> Response:
        return console.page(request, "now_list.html", **_seen(follower, names))

    return router


def _seen(follower: Follower, names: dict[str, str]) -> dict[str, Any]:
    at = time.time_ns() // 1_000_000
    with follower.lock:
        waiting, served = follower.now.waiting(at), follower.now.served(at)
        blind = {camera_id: outage for camera_id, outage in follower.now.blind.items() if camera_id in names}
        newest = follower.now.newest
    return {
        "at": at,
        "groups": (
            ("Left waiting", "alarm", [_card(one, at) for one in waiting if one.confirmed]),
            ("Waiting", "unattended", [_card(one, at) for one in waiting if not one.confirmed]),
            ("Being served", "interaction", [_card(one, at) for one in served]),
        ),
        "blind": blind,
        "names": names,
        "newest": newest,
        "trouble": follower.trouble,
    }


def _card(one: Open, at: int) -> Card:
    href = episode_href(one.episode_id, one.business_day, one.camera_id) if one.confirmed else ""
    return Card(one, people(one.kind, one.staff_id, one.customer_id), max(0.0, (at - one.since) / 1000), href)
