"""What an HTTP request to ClickHouse asks for, told from its text: pure functions, no engine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_COLUMNS = r"\((?:[^()`]|`[^`]*`)*\)"
_INSERT = re.compile(
    rf"{_COMMENTS}(?P<into>INSERT\s+INTO\s+(?:TABLE\s+)?(?:[^\s()`]|`[^`]*`)+\s*(?:{_COLUMNS})?)"
    r"\s*(?:SETTINGS\s+(?P<settings>[^()]*?)\s+)?FORMAT\s+(?P<format>\w+)(?:[ \t]*\r?\n|[ \t]+|[ \t]*;?\s*$)".encode(),
    re.IGNORECASE | re.DOTALL,
)
_READS = re.compile(
    rf"{_COMMENTS}\(*\s*(?P<verb>SELECT|WITH|SHOW|DESCRIBE|DESC|EXPLAIN|EXISTS)\b", re.IGNORECASE | re.DOTALL
)
_FORMAT = re.compile(r"\bFORMAT\s+(?P<format>\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)\. ")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

NO_HEADER = frozenset({"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow"})
"""Formats whose blocks may be sent one after another; others have a head or foot and are sent whole."""
TRANSPORT = frozenset(
    {"query", "database", "user", "password", "default_format", "session_id", "session_timeout", "session_check"}
    | {"query_id", "quota_key", "role", "compress", "decompress", "buffer_size", "wait_end_of_query"}
    | {"client_protocol_version", "enable_http_compression", "send_progress_in_http_headers"}
    | {"http_headers_progress_interval_ms"}
)
"""Parameters that speak to the HTTP layer; the others are settings."""
_STATUS = {"516": 403, "497": 403, "60": 404, "81": 404, "62": 400, "47": 400, "46": 400, "115": 400, "164": 403}


@dataclass(frozen=True)
class Insert:
    """INSERT whose data follow in the body: the statement without FORMAT, the format, where the data begin."""

    into: str
    format: str
    settings: str | None
    data_from: int


def insert_of(text: bytes) -> Insert | None:
    """The INSERT with data that this text begins with; None for anything else, also INSERT .. VALUES and .. SELECT."""
    found = _INSERT.match(text)
    if found is None:
        return None
    settings = found["settings"].decode() if found["settings"] else None
    return Insert(found["into"].decode(), found["format"].decode(), settings, found.end())


def gives_rows(sql: str) -> bool:
    """Has this statement a result?"""
    return _READS.match(sql) is not None


def may_stream(sql: str, default_format: str) -> bool:
    """Can the result be sent block by block?"""
    found = _READS.match(sql)
    return (
        found is not None
        and found["verb"].upper() in ("SELECT", "WITH")
        and format_of(sql, default_format) in NO_HEADER
    )


def format_of(sql: str, default_format: str) -> str:
    """The format that a result comes in."""
    found = _FORMAT.search(sql)
    return found["format"] if found else default_format


def set_statement(params: Mapping[str, str], fixed: Mapping[str, str]) -> str:
    """SET for the settings among the request's parameters, over the fixed ones. Raises ValueError for a bad name."""
    asked = {key: value for key, value in params.items() if key not in TRANSPORT and not key.startswith("param_")}
    for name in asked:
        if not _NAME.fullmatch(name):
            raise ValueError(f"Code: 115. DB::Exception: {name!r} is no name of a setting. (UNKNOWN_SETTING)")
    return "SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in {**fixed, **asked}.items())


def query_parameters(params: Mapping[str, str]) -> dict[str, str]:
    """The values of {name:Type} in the query, as ClickHouse escapes them."""
    return {key.removeprefix("param_"): value for key, value in params.items() if key.startswith("param_")}


def quoted(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """A name as an identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def code_and_status(message: str) -> tuple[str, int]:
    """ClickHouse's code of an error and the HTTP status that goes with it."""
    found = _CODE.search(message)
    code = found[1] if found else "1001"
    return code, _STATUS.get(code, 500)


def late_error(message: str, tag: str) -> bytes:
    """The end of a body whose query failed after its first rows; clients find it by the tag from the headers."""
    text = message.encode() + b"\n"
    mark = tag.encode()
    return b"__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n" % (mark, text, len(text), mark)
