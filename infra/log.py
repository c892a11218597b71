"""Logging: plain lines for people, or JSON (TRACKFOLD_LOG=json) for machines; never a secret, never a body.

One line per event. What it is about (camera, episode) are fields of their own in JSON, taken from about().
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_everywhere: dict[str, str] = {}
_here: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


class _Record(logging.LogRecord):
    """A log line that knows what it is about."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        vars(self).update(_everywhere | (_here.get() or {}))


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """What is logged in this block, and in the tasks that it begins, is about these: camera="...", episode="..."."""
    before = _here.set((_here.get() or {}) | fields)
    try:
        yield
    finally:
        _here.reset(before)


def always_about(**fields: str) -> None:
    """The whole process, with all of its threads, is about these."""
    _everywhere.update(fields)
    logging.setLogRecordFactory(_Record)


class Json(logging.Formatter):
    """A line of JSON: at (UTC), level, logger, message, the fields, and the exception if there was one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up(level: str = "INFO") -> None:
    """Send all logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get("TRACKFOLD_LOG") == "json":
        handler.setFormatter(Json())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    logging.setLogRecordFactory(_Record)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("botocore", "boto3", "urllib3", "httpx", "httpx2", "httpcore", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for repeating in ("urllib3.connectionpool", "clickhouse_connect"):  # who asked says in a line that nobody answers
        logging.getLogger(repeating).setLevel(logging.ERROR)
