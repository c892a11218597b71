"""The name under which an upload API says it stored a file, in all the shapes that such APIs use (pure)."""

from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from schemas.ids import safe_name

NAMES = ("filename", "file", "name", "stored_name", "saved_as", "path", "url")
INSIDE = ("data", "result")


class NoName(ValueError):
    """The answer names no file, or names one that can be no file name; the text says which."""


def stored_name(body: bytes, content_type: str = "") -> str:
    """The plain name of the stored file: from `filename` (or file, name, ...) of a JSON object, perhaps under `data` or
    `result`, from a JSON string, or from plain text. Of a path or an address the last component. Raises NoName.
    """
    try:
        found = _find(_value(body, content_type))
    except RecursionError:
        found = None
    if found is None:
        raise NoName("the answer names no file")
    return _plain(found)


def _value(body: bytes, content_type: str) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if content_type.lower().startswith("text/html"):
            raise NoName("the answer is a web page") from None
        return body.decode(errors="replace")


def _find(answer: Any) -> str | None:
    if isinstance(answer, str):
        bare = answer.strip()
        return bare if "." in bare else None  # "OK" is no file
    if not isinstance(answer, dict):
        return None
    for name in NAMES:
        value = answer.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    for name in INSIDE + tuple(n for n in NAMES if isinstance(answer.get(n), dict)):
        found = _find(answer.get(name))
        if found is not None:
            return found
    return None


def _plain(found: str) -> str:
    last = unquote(urlsplit(found).path if "://" in found else found).replace("\\", "/").rsplit("/", 1)[-1]
    try:
        return safe_name(last)
    except ValueError as error:
        raise NoName(f"the answer names {found[:100]!r}, which can be no file name") from error
