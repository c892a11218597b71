"""One episode: its clip with who is who drawn over it, its incident, its story with hashes, and a link to share."""

import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from connectors.audit.service import episode_story
from connectors.audit.story import since
from connectors.clickhouse.client import AS_IN_RECORDS
from connectors.console import names, sharing, told
from connectors.console.page import Console, NotFound
from connectors.console.reading import LISTED
from connectors.console.sharing import Shared
from connectors.console.sign_in import User, operator, viewer
from connectors.console.told import Told
from connectors.console.video import Clip, NoClip, Videos
from connectors.console.viewed import Viewer, Views
from schemas.acts import ViewedHow
from schemas.errors import ExplainedError, InputError
from schemas.records import ClipPart

TOLD = f"""{LISTED}, activation, occurrence_id, opens, continues, confidence, support, distance_m_median, rules_version,
evidence_from, segment_filename, uploaded_filename, video_url, clip_sha256, covered_from, covered_to, closing_filename,
closing_uploaded_filename, closing_sha256, external_incident_id, incident_reason, reported_at,
(version = 'live') != (version_key IN (SELECT version_key FROM switched_versions)) AND phase != 'retracted' AS counts"""
BY_ID = "FROM episode_log {} WHERE site_id = {{site:String}} AND episode_id = {{episode:String}}"
AT = "business_day = toDate({day:String}) AND camera_id = {camera:String}"
ID_CHARACTERS_MAX = 255
STORIES_MAX, STORY_WAIT_S = 2, 60.0
"""Trails at a time, and how long others wait: each reads a part of the log, and a link may be opened by many."""
HEAD_TOO = ["GET", "HEAD"]


@dataclass(frozen=True)
class Seen:
    """An episode that somebody looks at. base: what its addresses begin with; tail: what they end with."""

    one: Told
    who: Viewer
    base: str
    tail: str = ""

    def href(self, what: str) -> str:
        """The address of something of this episode."""
        return f"{self.base}/{what}{self.tail}"


def routes(console: Console) -> APIRouter:
    """`/episodes/{episode_id}` and below for who is signed in, `/shared/{token}` and below for who has a link."""
    router, pages = APIRouter(), _Pages(console)

    def signed_in(episode_id: str, user: Annotated[User, Depends(viewer)], day: str = "", camera: str = "") -> Seen:
        one = find(console, episode_id, day, camera)
        base = f"/episodes/{one.episode_id}"
        return Seen(one, Viewer(user.name, user.role), base, names.where(one.day, one.camera_id))

    def by_link(request: Request, token: str) -> Seen:
        shared = sharing.opened(request.app.state.doors.secret, token, time.time())
        one = find(console, shared.episode_id, shared.day, shared.camera_id)
        return Seen(one, Viewer(shared.by, "link"), f"/shared/{token}")

    for path, seen_by in (("/episodes/{episode_id}", signed_in), ("/shared/{token}", by_link)):
        _add(router, pages, path, seen_by)

    @router.post("/episodes/{episode_id}/share")
    def share(
        request: Request,
        user: Annotated[User, Depends(operator)],
        seen: Annotated[Seen, Depends(signed_in)],
        seconds: Annotated[int, Form()],
    ) -> Response:
        return pages.share(request, user, seen, seconds)

    return router


def _add(router: APIRouter, pages: "_Pages", path: str, seen_by: Any) -> None:
    @router.get(path)
    def page(request: Request, seen: Annotated[Seen, Depends(seen_by)]) -> Response:
        return pages.page(request, seen)

    @router.get(path + "/story")
    def story(request: Request, seen: Annotated[Seen, Depends(seen_by)]) -> Response:
        return pages.story(request, seen)

    @router.api_route(path + "/clip/{part}", methods=HEAD_TOO)
    def clip(request: Request, part: ClipPart, seen: Annotated[Seen, Depends(seen_by)]) -> Response:
        return pages.clip(request, seen, part)

    @router.get(path + "/clip/{part}/boxes")
    def boxes(part: ClipPart, seen: Annotated[Seen, Depends(seen_by)]) -> Response:
        return pages.boxes(seen, part)


def find(console: Console, episode_id: str, day: str = "", camera: str = "") -> Told:
    """The episode's row of the version that counts, else its newest. day and camera: where to look first.

    Raises NotFound.
    """
    if len(episode_id) <= ID_CHARACTERS_MAX:
        if names.is_day(day) and camera and (one := _ask(console, episode_id, day, camera)):
            return one
        given = {"site": console.site.site_id, "episode": episode_id}
        # the table is not sorted by ids: one column of it is looked through for where the episode is
        where = f"SELECT toString(business_day), camera_id {BY_ID.format('')} LIMIT 1"
        for found_day, found_camera in console.ask(where, given).rows:
            if one := _ask(console, episode_id, found_day, found_camera):
                return one
    raise NotFound(f"there is no episode {episode_id[:60]!r} of this site; it may not be confirmed yet")


def _ask(console: Console, episode_id: str, day: str, camera: str) -> Told | None:
    wanted = f"SELECT {TOLD} {BY_ID.format('FINAL')} AND {AT} ORDER BY counts DESC, activation DESC LIMIT 1"
    given = {"site": console.site.site_id, "episode": episode_id, "day": day, "camera": camera}
    rows = console.ask(wanted, given, formats=AS_IN_RECORDS).as_dicts()
    return Told(**rows[0] | {"counts": bool(rows[0]["counts"])}) if rows else None


@dataclass
class _Pages:
    """What both ways in show."""

    console: Console
    videos: Videos = field(init=False)
    views: Views = field(init=False)
    reading: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(STORIES_MAX))

    def __post_init__(self) -> None:
        self.videos, self.views = Videos(self.console.settings), Views(self.console.settings)
        self.console.beside.append(self.views)

    def page(self, request: Request, seen: Seen) -> Response:
        one = seen.one
        clips = {part: _clip(one, part) for part in told.PARTS if one.filename(part)}
        on_disk = {part: self.videos.file(clip) is not None for part, clip in clips.items()}
        in_s3 = self.console.settings.upload.adapter == "s3"
        playable = [part for part, clip in clips.items() if on_disk[part] or (in_s3 and clip.uploaded)]
        self._note(seen, "page")
        return self.console.page(
            request,
            "episode.html",
            one=one,
            seen=seen,
            is_shared=seen.who.role == "link",
            camera_name=self.console.cameras.get(one.camera_id, one.camera_id),
            parts=playable,
            with_boxes=[part for part in playable if on_disk[part]],
            notices=told.notices(one, on_disk=on_disk, stored_in_s3=bool(playable) and in_s3),
            incident=told.incident(one),
            choices=sharing.CHOICES,
            links_last=self.console.settings.console.secret is not None,
            marks=[mark for mark in _marks(one) if mark[1] is not None],
        )

    def story(self, request: Request, seen: Seen) -> Response:
        if not self.reading.acquire(timeout=STORY_WAIT_S):
            return self._story(request, seen, wrong="others are reading the log now")
        try:
            story = episode_story(self.console.settings, self.console.site, seen.one.episode_id)
        except ExplainedError as error:
            return self._story(request, seen, wrong=str(error))
        finally:
            self.reading.release()
        steps = [(step, since(before, step)) for before, step in zip([None, *story.steps], story.steps, strict=False)]
        return self._story(request, seen, story=story, steps=steps)

    def _story(self, request: Request, seen: Seen, **values: Any) -> Response:
        """Always 200: what htmx puts into the page has to be said there."""
        return self.console.page(request, "story.html", **{"seen": seen, "story": None, "wrong": "", **values})

    def clip(self, request: Request, seen: Seen, part: ClipPart) -> Response:
        answer = self.videos.answer(_wanted(seen.one, part), request.headers, head=request.method == "HEAD")
        if request.method != "HEAD":
            self._note(seen, "clip", part)
        return answer

    def boxes(self, seen: Seen, part: ClipPart) -> Response:
        found = self.videos.boxes(_wanted(seen.one, part))
        if found is None:
            raise NoClip("the boxes lie beside the clip, on the machine where it was cut")
        return Response(msgspec.json.encode(found), media_type="application/json")

    def share(self, request: Request, user: User, seen: Seen, seconds: int) -> Response:
        if seconds not in sharing.CHOICES:
            raise InputError(f"a link is valid for one of {', '.join(sharing.CHOICES.values())}")
        until_s = int(time.time()) + seconds
        self._note(seen, "share")
        shared = Shared(seen.one.episode_id, seen.one.day, seen.one.camera_id, user.name, until_s)
        token = sharing.token(request.app.state.doors.secret, shared)
        base = self.console.settings.console.base_url or str(request.base_url)
        return self.console.page(
            request, "shared_link.html", address=f"{base.rstrip('/')}/shared/{token}", until=until_s * 1000
        )

    def _note(self, seen: Seen, how: ViewedHow, part: ClipPart | None = None) -> None:
        one = seen.one
        self.views.note(self.console.site.site_id, one.camera_id, one.episode_id, one.day, seen.who, how, part)


def _wanted(one: Told, part: ClipPart) -> Clip:
    if part not in told.PARTS or not one.filename(part):
        raise NoClip(f"episode {one.episode_id} has no {part[:20]} clip that can be shown: its page says why")
    return _clip(one, part)


def _clip(one: Told, part: ClipPart) -> Clip:
    where = (one.camera_id, one.day, one.version, one.filename(part) or "")
    if part == "alert":
        return Clip(*where, one.uploaded_filename, one.clip_sha256)
    return Clip(*where, one.closing_uploaded_filename, one.closing_sha256)


def _marks(one: Told) -> list[tuple[str, int | None]]:
    return [("start", one.started_at), ("confirmed", one.confirmed_at), ("end", one.ended_at)]
