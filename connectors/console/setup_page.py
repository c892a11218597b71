"""Setting up a camera in the browser: the list, the editor's page, its frame, its floor, and saving."""

import time
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from connectors.console.floor_view import floor_view
from connectors.console.frame import Frame, frame_of, size_of
from connectors.console.page import Console, NotFound
from connectors.console.setup import BadDrawing, Drawing, Wrong, commands, drawn, read_drawing
from connectors.console.setup_file import Changed, Note, Opened, opened, save, versions
from connectors.console.sign_in import User, operator, viewer
from schemas.errors import InputError
from schemas.geometry import Point
from schemas.ids import business_day
from schemas.rules import NearRules
from schemas.site import Camera, SiteError

DAY_MS = 86_400_000
SMALL_PX = 400
FRAME_S = 20
"""A frame may be so old in the browser's cache."""
Looks = Annotated[User, Depends(viewer)]
Draws = Annotated[User, Depends(operator)]
JsonBody = Annotated[dict[str, Any], Body()]


def routes(console: Console) -> APIRouter:
    """The pages."""
    router = APIRouter()
    data_dir, site_id = console.settings.data_dir, console.site.site_id

    def file(name: str = "") -> Opened:
        return opened(data_dir, console.site_path, site_id, name)

    def camera_of(of: Opened, camera_id: str) -> Camera:
        try:
            return of.site.camera(camera_id)
        except SiteError as error:
            raise NotFound(str(error)) from error

    def frame(of: Opened, camera: Camera) -> Frame | None:
        return frame_of(camera, of.site.base(of.path), console.settings.recordings_dir)

    def size(of: Opened, camera: Camera) -> tuple[int, int] | None:
        return size_of(camera, None) or size_of(camera, frame(of, camera))

    @router.get("/setup")
    def cameras(request: Request, user: Looks) -> Response:
        of = file()
        shown = [(camera, of.site.effective_rules(camera.camera_id).version) for camera in of.site.cameras]
        kept = versions(data_dir, site_id)
        return console.page(request, "setup_list.html", cameras=shown, versions=kept, path=console.site_path)

    @router.get("/setup/{camera_id}")
    def camera(
        request: Request, user: Looks, camera_id: str, from_: Annotated[str, Query(alias="from")] = ""
    ) -> Response:
        of = file(from_)
        it = camera_of(of, camera_id)
        picture = frame(of, it)
        known = size_of(it, picture)
        rules = of.site.effective_rules(camera_id)
        drawing = drawn(it)
        start = {
            "drawing": drawing.plain(),
            "size": known,
            "camera_id": camera_id,
            "from": of.name,
            "seal": of.seal,
            "operator": user.is_operator,
            "floor_view": _floor(drawing, rules.thresholds.near, known),
        }
        return console.page(
            request,
            "setup.html",
            camera=it,
            start=start,
            frame=picture,
            size=known,
            rules_version=rules.version,
            opened=of,
            versions=versions(data_dir, site_id),
        )

    @router.get("/setup/{camera_id}/frame")
    def picture(user: Looks, camera_id: str, small: bool = False) -> Response:
        of = file()
        it = camera_of(of, camera_id)
        picture = frame(of, it)
        wanted = size_of(it, picture) or (picture.size if picture else (1280, 720))
        if picture is None:
            return Response(_sheet(*wanted), media_type="image/svg+xml", headers=_kept())
        if small and wanted[0] > SMALL_PX:
            wanted = SMALL_PX, max(2, round(wanted[1] * SMALL_PX / wanted[0]))
        return Response(picture.jpeg(wanted), media_type="image/jpeg", headers=_kept())

    @router.post("/setup/{camera_id}/floor")
    def floor(user: Draws, camera_id: str, body: JsonBody) -> Response:
        of = file(str(body.get("from", "")))
        known = size(of, camera_of(of, camera_id))
        if known is None:
            raise InputError(f"camera {camera_id}: the size of its image is not known")
        try:
            drawing = read_drawing({"floor": body.get("floor")}, known)
        except BadDrawing as error:
            return JSONResponse({"told": [wrong.text for wrong in error.wrongs], "sound": False})
        return JSONResponse(_floor(drawing, of.site.effective_rules(camera_id).thresholds.near, known))

    @router.post("/setup/{camera_id}")
    def keep(request: Request, user: Draws, camera_id: str, body: JsonBody) -> Response:
        try:
            of = file(str(body.get("from", "")))
            if body.get("seal") != of.seal:
                raise Changed(f"{of.path} was changed since you opened it: load the page again and draw on that")
            known = size(of, camera_of(of, camera_id))
            if known is None:
                raise InputError("the size of the image is not known: write image_width and image_height")
            reason = str(body.get("reason", "")).strip()
            if not reason:
                raise BadDrawing([Wrong("reason", None, "say why: it stands in the file, for whoever reads it later")])
            drawing = read_drawing(body.get("drawing"), known)
            now = time.time_ns() // 1_000_000
            note = Note(user.name, of.site.local_time(now).strftime("%Y-%m-%d %H:%M"), reason)
            saved = save(data_dir, of, camera_id, drawing, note)
        except BadDrawing as error:
            return JSONResponse({"wrongs": [vars(wrong) for wrong in error.wrongs]}, 422)
        except InputError as error:
            return JSONResponse({"wrongs": [{"key": "", "index": None, "text": str(error)}]}, 409)
        rules = of.site.effective_rules(camera_id)
        day = business_day(now - DAY_MS, rules.timezone, rules.day_starts_min)
        return console.page(
            request,
            "setup_saved.html",
            saved=saved,
            camera_id=camera_id,
            unchanged=saved.path == of.path,
            commands=commands(data_dir, console.site_path, saved.path, saved.rules_version, camera_id, day),
        )

    return router


def _floor(drawing: Drawing, near: NearRules, size: tuple[int, int] | None) -> dict[str, Any] | None:
    if drawing.floor is None or size is None:
        return None
    points = tuple((point.pixel, point.floor_m) for point in drawing.floor.points)
    return _reckoned(points, drawing.floor.lens_m, near.model_dump_json(), size)


@lru_cache(maxsize=64)
def _reckoned(
    points: tuple[tuple[Point, Point], ...],
    lens: tuple[float, float, float] | None,
    near: str,
    size: tuple[int, int],
) -> dict[str, Any]:
    """Some 20 ms of arithmetic that a page opened again need not do again."""
    return floor_view(points, lens, NearRules.model_validate_json(near), size)


def _sheet(width: int, height: int) -> str:
    """What is shown of a camera without a picture."""
    size = width / 26
    lines = ("no picture of this camera here yet", "name a reference picture, or start trackfold infer")
    text = "".join(
        f'<text x="50%" y="{height / 2 + (number - 0.5) * size * 1.6:.0f}">{line}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<rect width="100%" height="100%" fill="#59636b"/><g fill="#f2f4f5" text-anchor="middle" '
        f'font-family="sans-serif" font-size="{size:.0f}">{text}</g></svg>'
    )


def _kept() -> dict[str, str]:
    return {"cache-control": f"private, max-age={FRAME_S}"}
