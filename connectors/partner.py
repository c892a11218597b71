"""Asking somebody else's HTTP API exactly once, and saying what is certain about it afterwards.

What never left this machine, or was refused, surely did not happen. What was sent and not answered may have happened.
"""

import ipaddress
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.work import Again, Halt, Unsure
from schemas.errors import InputError

ANSWER_BYTES_MAX = 64 * 1024
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.LocalProtocolError,
)
TRY_LATER = (408, 425, 429)
WRONG_KEY = (401, 403)
WRONG_ADDRESS = (404, 405, 410)


class PartnerRefuses(InputError):
    """A service refuses our key or is not at our address. Correct the setting; the work waits for the next start."""


@dataclass(frozen=True)
class Answer:
    """What came back. body: its first 64 KiB; is_whole: that was all of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool

    @property
    def is_page(self) -> bool:
        """True for a web page: a log-in, a proxy or a welcome page answers so, no API does."""
        return self.headers.get("content-type", "").lower().startswith("text/html")


@dataclass(frozen=True)
class Refused:
    """Surely not accepted. setting: the key of the setting that is wrong, where that is the reason."""

    reason: str
    setting: str | None = None


def client(url: str, timeout_s: float) -> httpx.Client:
    """A client for one API, safe to share between threads.

    No connection is used twice: one that the server has just closed fails in a way that cannot be told from an
    accepted request.
    """
    return httpx.Client(
        headers={"Accept-Encoding": "identity"},
        timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, 5.0)),
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=not is_loopback(url),
    )


def is_loopback(url: str) -> bool:
    """True for this machine, which no proxy of the environment may stand before."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def post(http: httpx.Client, url: str, timeout_s: float, **content: Any) -> Answer | Again | Unsure | Refused:
    """POST once. timeout_s bounds connecting, each wait for the answer, and the reading of its body together."""
    try:
        with http.stream("POST", url, **content) as response:
            body, is_whole = _body(response, time.monotonic() + timeout_s)
            return Answer(response.status_code, dict(response.headers), body, is_whole)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        return Refused(f"{url} is no address to post to: {error}", setting="url")
    except NOT_SENT as error:
        return Again(f"no connection to {place(url)}: {_what(error)}")
    except httpx.RequestError as error:
        return Unsure(f"sent to {place(url)}, no answer: {_what(error)}")


def _body(response: httpx.Response, deadline: float) -> tuple[bytes, bool]:
    """The first ANSWER_BYTES_MAX of the body and whether that is all; a status without a whole body is still one."""
    body, unpack = b"", _UNPACK.get(response.headers.get("content-encoding", "identity").strip().lower())
    if unpack is None:
        return body, False
    step = unpack()
    try:
        for piece in response.iter_raw(4096):
            body += step(piece)
            if len(body) > ANSWER_BYTES_MAX or time.monotonic() > deadline:
                return body[:ANSWER_BYTES_MAX], False
    except (httpx.RequestError, httpx.StreamError, zlib.error):
        return body, False
    return body, True


def _inflate() -> Callable[[bytes], bytes]:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip as well as deflate
    return lambda piece: inflater.decompress(piece, ANSWER_BYTES_MAX + 1)


def _as_it_is() -> Callable[[bytes], bytes]:
    return lambda piece: piece


_UNPACK = {"identity": _as_it_is, "gzip": _inflate, "deflate": _inflate}
"""By content-encoding; we ask for none, and what a few bytes unpack to is bounded."""


def judge(answer: Answer, what: str, *, retry_5xx: bool, secret: str, now: datetime) -> Again | Unsure | Refused | None:
    """None when the request was accepted (2xx), else what is certain.

    retry_5xx: a 5xx answer surely was not accepted. secret: the key we sent, which no text may repeat.
    """
    status, code = answer.status, f"{what} answers {answer.status}"
    if 200 <= status < 300:
        return None
    if status in TRY_LATER:
        return Again(code, retry_after_s(answer.headers.get("retry-after"), now))
    if status >= 500:
        reason = f"{code}{_said(answer, secret)}"
        return Again(reason, retry_after_s(answer.headers.get("retry-after"), now)) if retry_5xx else Unsure(reason)
    if status in WRONG_KEY:
        return Refused(f"{code}: it does not take our key", setting="api_key")
    if status in WRONG_ADDRESS or status < 400:
        elsewhere = f" and points to {answer.headers['location']:.200}" if "location" in answer.headers else ""
        return Refused(f"{code}{elsewhere}: it is not at this address", setting="url")
    return Refused(f"{code}{_said(answer, secret)}")


def settled(refused: Refused, group: str, *, worked_before: bool) -> Again | Halt | Refused:
    """What to do about a refusal. A wrong setting stops the process until the API has once accepted something.

    Later it is a passing fault of theirs and tried again. group: the group of settings, for example incident.
    """
    if refused.setting is None:
        return refused
    if worked_before:
        return Again(refused.reason)
    name = f"TRACKFOLD_{group}__{refused.setting}".upper()
    return Halt(PartnerRefuses(f"{refused.reason}; correct the setting {group}.{refused.setting} ({name})"))


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date. None when it is neither."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value.strip()[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


def _said(answer: Answer, secret: str) -> str:
    text = " ".join(answer.body[:2000].decode(errors="replace").split())
    text = "".join(c for c in (text.replace(secret, "***") if secret else text) if c.isprintable())[:200]
    return f": {text}" if text and not answer.is_page else ""


def place(url: str) -> str:
    """An address for people: without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _what(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
