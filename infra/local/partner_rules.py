"""What the partner APIs accept, how they answer, and how they misbehave: nothing here reads or writes."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_IMAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.mp4")

SHAPES = ("file", "filename", "name", "stored_name", "saved_as", "path", "url", "data.filename", "result.name", "plain")
"""Where an upload's answer may name the stored file."""
KEYS = ("honours_keys", "ignores_keys")
FAULTS = ("reset_before_accept", "reset_after_accept", "error_500", "no_id", "rate_limited", "garbage")
MODES = {
    "incident": KEYS + FAULTS,
    "upload": KEYS + FAULTS + tuple(f"shape:{shape}" for shape in SHAPES),
}

Check = Callable[[Any], str | None]
"""None when the value is good, else what it must be."""


@dataclass
class Behaviour:
    """How one API behaves: what it does with keys, and a fault for some requests (left None: until told otherwise)."""

    keys: str = "honours_keys"
    fault: str | None = None
    left: int | None = None

    def set(self, mode: str, times: int | None) -> None:
        """Take a mode of MODES."""
        if mode in KEYS:
            self.keys, self.fault, self.left = mode, None, None
        else:
            self.fault, self.left = mode, times

    def next(self) -> str | None:
        """The fault for the request at hand."""
        fault = self.fault
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.fault, self.left = None, None
        return fault


def incident_errors(body: Any) -> list[str]:
    """All that is wrong with an incident, one line each; empty when it is accepted."""
    if not isinstance(body, dict):
        return ["body: must be a JSON object"]
    unattended = body.get("incident_type") == "unattended_customer"
    errors = _check_fields(body, _INCIDENT | (_UNATTENDED if unattended else {}), "")
    if errors:
        return errors
    if body["unattended_customer"] != int(unattended):
        errors.append(f"unattended_customer: must be {int(unattended)} for {body['incident_type']}")
    if unattended:
        errors += _count_errors(body["unattended_summary"], body["unattended_customer_details"])
    return errors


def upload_errors(filename: str | None, content_type: str | None, size_bytes: int, head: bytes) -> list[str]:
    """All that is wrong with an uploaded file; head: its first 12 bytes or more."""
    errors = []
    if not filename or not _FILE.fullmatch(filename):
        errors.append(f"file: must have a plain file name ending in .mp4, not {filename!r}")
    if content_type != "video/mp4":
        errors.append(f"file: must be video/mp4, not {content_type}")
    if size_bytes == 0:
        errors.append("file: is empty")
    elif head[4:8] != b"ftyp":
        errors.append("file: is no MP4 (it does not begin with an ftyp box)")
    return errors


def upload_answer(shape: str, stored_name: str, base_url: str) -> Any:
    """The answer to an upload: a JSON value, or for `plain` the text itself."""
    if shape == "plain":
        return stored_name
    if shape == "url":
        return {"success": True, "url": f"{base_url}/files/{stored_name}"}
    if shape == "path":
        return {"success": True, "path": f"/srv/uploads/{stored_name}"}
    outer, _, inner = shape.partition(".")
    return {"success": True, outer: {inner: stored_name} if inner else stored_name}


def _check_fields(body: Mapping[str, Any], fields: Mapping[str, Check], prefix: str) -> list[str]:
    errors = [f"{prefix}{name}: is missing" for name in fields if name not in body]
    errors += [f"{prefix}{name}: is not known here" for name in body if name not in fields]
    for name, check in fields.items():
        if name in body and (wanted := check(body[name])) is not None:
            errors.append(f"{prefix}{name}: must be {wanted}, not {body[name]!r:.80}")
    return errors


def _count_errors(summary: Mapping[str, int], details: list[Any]) -> list[str]:
    errors: list[str] = []
    for number, detail in enumerate(details):
        prefix = f"unattended_customer_details[{number}]"
        if isinstance(detail, dict):
            errors += _check_fields(detail, _DETAIL, f"{prefix}.")
        else:
            errors.append(f"{prefix}: must be an object")
    if errors:
        return errors
    statuses = [detail["status"] for detail in details]
    wanted = {
        "unattended_customers": len(details),
        "confirmed_unattended": statuses.count("confirmed"),
        "pending_confirmation": statuses.count("pending"),
    }
    for name, count in wanted.items():
        if summary[name] != count:
            errors.append(f"unattended_summary.{name}: is {summary[name]}, but the details say {count}")
    if summary["total_customers"] < len(details):
        errors.append(f"unattended_summary.total_customers: is {summary['total_customers']}, less than the details")
    if not statuses.count("confirmed"):
        errors.append("unattended_customer_details: must have one that is confirmed")
    ids = [detail["customer_id"] for detail in details]
    if len(set(ids)) != len(ids):
        errors.append("unattended_customer_details: has a customer twice")
    return errors


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value.strip() else "a text that is not empty"


def _one_of(*allowed: Any) -> Check:
    wanted = " or ".join(repr(one) for one in allowed)
    return lambda value: None if any(value == one and type(value) is type(one) for one in allowed) else wanted


def _whole(low: int, high: int | None = None) -> Check:
    def check(value: Any) -> str | None:
        good = type(value) is int and value >= low and (high is None or value <= high)
        return None if good else f"a whole number from {low}" + ("" if high is None else f" to {high}")

    return check


def _seconds(value: Any) -> str | None:
    good = type(value) in (int, float) and math.isfinite(value) and value >= 0
    return None if good else "a number of seconds, 0 or more"


def _time(value: Any) -> str | None:
    wanted = 'a time like "2025-10-25 11:31:30"'
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return wanted
    try:
        datetime.strptime(value, "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return wanted
    return None


def _time_or_empty(value: Any) -> str | None:
    return None if value == "" else _time(value) and 'a time like "2025-10-25 11:31:30", or ""'


def _image(value: Any) -> str | None:
    good = isinstance(value, str) and (value == "" or (_IMAGE.fullmatch(value) is not None and ".." not in value))
    return None if good else 'the name of an uploaded file, or ""'


def _box(value: Any) -> str | None:
    good = (
        isinstance(value, list)
        and len(value) == 4
        and all(type(one) in (int, float) and math.isfinite(one) for one in value)
        and value[0] < value[2]
        and value[1] < value[3]
    )
    return None if good else "[x1, y1, x2, y2] in pixels with x1 < x2 and y1 < y2"


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) and value else "a list that is not empty"


def _summary(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "an object"
    names = ("total_customers", "unattended_customers", "confirmed_unattended", "pending_confirmation")
    errors = _check_fields(value, dict.fromkeys(names, _whole(0)), "")
    return f"an object of four counts ({'; '.join(errors)})" if errors else None


_INCIDENT: dict[str, Check] = {
    "branch_id": _text,
    "incident_time": _time,
    "reported_location": _text,
    "incident_type": _one_of("customer_staff_interaction", "unattended_customer"),
    "status": _one_of("Open"),
    "image": _image,
    "percentage": _whole(0, 100),
    "vehicle_template": _one_of(""),
    "unattended_customer": _one_of(0, 1),
}
_UNATTENDED: dict[str, Check] = {
    "unattended_duration_seconds": _seconds,
    "unattended_timer_seconds": _seconds,
    "unattended_summary": _summary,
    "unattended_customer_details": _list,
}
_DETAIL: dict[str, Check] = {
    "customer_id": _whole(0),
    "status": _one_of("confirmed", "pending"),
    "bounding_box": _box,
    "unattended_duration_seconds": _seconds,
    "timer_duration_seconds": _seconds,
    "first_detected_time": _time,
    "last_attended_time": _time_or_empty,
}
