"""The application: every page, the guard before them, and how errors look."""

import importlib.resources
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from connectors.console import day, episode, failures, now, questions, setup_page, sign_in, versions
from connectors.console.headers import Headers
from connectors.console.page import HERE, Console, Differ, NotFound
from connectors.console.sign_in import Doors, NotAllowed, NotSignedIn, TooManyTries, guard, to_sign_in
from infra.config import Settings
from schemas.errors import ExplainedError, ServerError
from schemas.site import Site

PAGES: tuple[Callable[[Console], APIRouter], ...] = (
    now.routes,
    day.routes,
    episode.routes,
    questions.routes,
    failures.routes,
    versions.routes,
    setup_page.routes,
)
"""Each makes the routes of one page."""
_log = logging.getLogger(__name__)


STATUS = ((NotSignedIn, 401), (NotAllowed, 403), (TooManyTries, 429), (NotFound, 404), (ServerError, 503))


def make(settings: Settings, site: Site, site_path: Path, doors: Doors, differ: Differ | None = None) -> FastAPI:
    """The console of one site."""
    console = Console(settings, site, site_path, differ)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        console.start()
        yield
        console.close()

    app = FastAPI(
        dependencies=[Depends(guard)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        title="trackfold",
    )
    app.state.console, app.state.doors = console, doors
    app.add_middleware(Headers, https=settings.console.behind_https)
    app.include_router(sign_in.routes())
    for routes in PAGES:
        app.include_router(routes(console))
    htmx = importlib.resources.files("django_htmx") / "static" / "django_htmx"
    app.mount("/static/htmx", StaticFiles(directory=str(htmx)))
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    _explain(app, console)
    return app


def _explain(app: FastAPI, console: Console) -> None:
    """Errors are pages that say what was wrong and what to do, never a trace."""

    def told(request: Request, title: str, text: str, status: int) -> Response:
        return console.page(request, "error.html", status=status, title=title, text=text)

    @app.exception_handler(ExplainedError)
    def explained(request: Request, error: Exception) -> Response:
        status = next((code for kind, code in STATUS if isinstance(error, kind)), 400)
        if status == 401 and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return to_sign_in(request)
        titles = {401: "Sign in first", 403: "Not allowed", 404: "Not found", 503: "A server does not answer"}
        return told(request, titles.get(status, "This cannot be done"), str(error), status)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return told(request, "Not found", f"there is no page {request.url.path}; the pages are named above", 404)
        return told(request, "This cannot be done", str(error.detail), error.status_code)

    @app.exception_handler(RequestValidationError)
    def wrong(request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(str(part) for part in e['loc'][1:])}: {e['msg']}" for e in error.errors())
        return told(request, "This cannot be done", said, 422)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return told(request, "Something went wrong here", "it is in the console's log; the data is untouched", 500)
