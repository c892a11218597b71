"""Who looks: signing in with a name and password or with a token, the session's cookie, and what each role may do.

Everything is closed unless it is named in OPEN: `guard` stands before every page.
"""

import hmac
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from pydantic import SecretStr

from connectors.console import passwords
from infra.config import ConsoleSettings
from schemas.errors import ExplainedError

Role = Literal["viewer", "operator"]
COOKIE = "trackfold_session"
OPEN = ("/sign-in", "/static/", "/shared/")
READING = ("GET", "HEAD")
TRIES_MAX, TRIES_S = 10, 60.0
"""So many wrong passwords and tokens a minute, of all that ask together."""


class NotSignedIn(ExplainedError):
    """Sign in first."""


class NotAllowed(ExplainedError):
    """The role may not do this: ask an operator."""


class TooManyTries(ExplainedError):
    """Wrong passwords came too fast: wait a minute."""


@dataclass(frozen=True)
class User:
    """Who is signed in."""

    name: str
    role: Role

    @property
    def is_operator(self) -> bool:
        """May he change things?"""
        return self.role == "operator"


@dataclass(frozen=True)
class Session:
    """A user, and the word that his forms must carry so that no other site can send them for him."""

    user: User
    csrf: str


@dataclass
class Doors:
    """Knows passwords and tokens, makes and reads sessions."""

    settings: ConsoleSettings
    secret: str
    tokens: dict[str, User]
    """Token -> whom it signs in."""
    _wrong: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def by_password(self, name: str, password: str) -> User | None:
        """Raises TooManyTries."""
        self._not_too_many()
        known = self.settings.users.get(name)
        if passwords.fits(password, known.password_hash.get_secret_value() if known else None) and known:
            return User(name, known.role)
        self._wrong.append(time.monotonic())
        return None

    def by_token(self, token: str) -> User | None:
        """Raises TooManyTries."""
        self._not_too_many()
        for known, user in self.tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                return user
        self._wrong.append(time.monotonic())
        return None

    def seal(self, user: User) -> str:
        """The cookie of a new session."""
        return self._signer().dumps([user.name, user.role, secrets.token_urlsafe(24)])

    def opened(self, cookie: str | None) -> Session | None:
        """The session of a cookie that is ours, not too old, and whose user still has that role."""
        if not cookie:
            return None
        try:
            name, role, csrf = self._signer().loads(cookie, max_age=int(self.settings.session_h * 3600))
        except (BadSignature, ValueError):
            return None
        user = User(name, role)
        kept = self.settings.users.get(name)
        holds = user in self.tokens.values() or (kept is not None and kept.role == role)
        return Session(user, csrf) if holds else None

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="session")

    def _not_too_many(self) -> None:
        with self._lock:
            while self._wrong and self._wrong[0] < time.monotonic() - TRIES_S:
                self._wrong.popleft()
            if len(self._wrong) >= TRIES_MAX:
                raise TooManyTries("too many wrong passwords and tokens; wait a minute, then try again")


def doors(settings: ConsoleSettings) -> tuple[Doors, str | None]:
    """From the settings. The second is a token made just now, where nobody could sign in otherwise."""
    given: tuple[tuple[Role, SecretStr | None], ...] = (
        ("operator", settings.operator_token),
        ("viewer", settings.viewer_token),
    )
    tokens = {token.get_secret_value(): User(f"{role} token", role) for role, token in given if token is not None}
    made = None
    if not tokens and not settings.users:
        made = secrets.token_urlsafe(24)
        tokens[made] = User("operator", "operator")
    secret = settings.secret.get_secret_value() if settings.secret else secrets.token_urlsafe(32)
    return Doors(settings, secret, tokens), made


async def guard(request: Request) -> None:
    """Stands before every page: who is it, and is it he who sends this? Raises NotSignedIn, NotAllowed."""
    session: Session | None = request.app.state.doors.opened(request.cookies.get(COOKIE))
    request.state.session = session
    if request.url.path.startswith(OPEN):
        return
    if session is None:
        raise NotSignedIn("sign in first")
    if request.method in READING:
        return
    word = request.headers.get("x-csrf") or str((await request.form()).get("csrf", ""))
    if not hmac.compare_digest(word.encode(), session.csrf.encode()):
        raise NotAllowed("this form is not from this session; load the page again")


def viewer(request: Request) -> User:
    """Whoever is signed in. Raises NotSignedIn."""
    session: Session | None = request.state.session
    if session is None:
        raise NotSignedIn("sign in first")
    return session.user


def operator(user: Annotated[User, Depends(viewer)]) -> User:
    """Raises NotAllowed for a viewer."""
    if not user.is_operator:
        raise NotAllowed(f"{user.name} may look but not change anything: an operator has to do this")
    return user


def routes() -> APIRouter:
    """The pages to sign in and out."""
    router = APIRouter()

    @router.get("/sign-in")
    def ask(request: Request, next: str = "/", token: str = "") -> Response:
        user = request.app.state.doors.by_token(token) if token else None
        if user is not None:
            return _enter(request, user, next)
        wrong = "that token is not known: use the address that the console showed when it started" if token else ""
        return _page(request, next, wrong)

    @router.post("/sign-in")
    def enter(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",
    ) -> Response:
        known: Doors = request.app.state.doors
        user = known.by_token(token) if token else known.by_password(name, password)
        if user is None:
            return _page(request, next, "that token is not known" if token else "name or password is wrong")
        return _enter(request, user, next)

    @router.post("/sign-out")
    def leave(request: Request) -> Response:
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE)
        return answer

    return router


def _page(request: Request, next_: str, wrong: str) -> Response:
    console = request.app.state.console
    has_users = bool(request.app.state.doors.settings.users)
    page: Response = console.page(request, "sign_in.html", next=_inside(next_), wrong=wrong, has_users=has_users)
    page.status_code = 401 if wrong else 200
    return page


def _enter(request: Request, user: User, next_: str) -> Response:
    known: Doors = request.app.state.doors
    answer = RedirectResponse(_inside(next_), 303)
    answer.set_cookie(
        COOKIE,
        known.seal(user),
        max_age=int(known.settings.session_h * 3600),
        httponly=True,
        samesite="lax",
        secure=known.settings.behind_https,
    )
    return answer


def _inside(next_: str) -> str:
    """Only a path of this console: no other site is led to."""
    parts = urlsplit(next_)
    inside = next_.startswith("/") and not next_.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return next_ if inside else "/"


def to_sign_in(request: Request) -> Response:
    """Where somebody is led who did not sign in."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", 303)
