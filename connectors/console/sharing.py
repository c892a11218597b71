"""Links that show one episode to whoever has them, until they expire.

Nothing is kept of a link but the record that it was made: what it opens and until when stands in it, signed.
"""

from typing import NamedTuple

import msgspec
from itsdangerous import BadSignature, URLSafeSerializer

from connectors.console.page import NotFound

CHOICES = {3600: "1 hour", 24 * 3600: "1 day", 7 * 24 * 3600: "7 days"}
"""How long a link may be valid: seconds -> as people say it."""
SALT = "shared-episode"


class NotShared(NotFound):
    """The link is not ours, was altered, or has expired: ask for a new one."""


class Shared(NamedTuple):
    """What a link opens. by: who made it; until_s: seconds since 1970."""

    episode_id: str
    day: str
    camera_id: str
    by: str
    until_s: int


def token(secret: str, shared: Shared) -> str:
    """As it stands in the address."""
    return str(URLSafeSerializer(secret, salt=SALT).dumps(shared))


def opened(secret: str, given: str, now_s: float) -> Shared:
    """What a token opens now. Raises NotShared, with the same words whatever is wrong with it."""
    try:
        shared = msgspec.convert(URLSafeSerializer(secret, salt=SALT).loads(given), Shared)
    except (BadSignature, ValueError):
        shared = None
    if shared is None or now_s >= shared.until_s:
        raise NotShared("this link is not valid, or not any more: ask whoever gave it to you for a new one")
    return shared
