"""Ids, numbers and names: all made from data, so that the same log gives the same ones."""

import hashlib
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.records import ClipPart, EpisodeKind, TrackRef

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://trackfold.example/v1")


def _ref(ref: TrackRef) -> str:
    return f"{ref.stream_epoch}:{ref.track_id}:{ref.tracklet}"


def _uuid(*parts: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "|".join(str(part) for part in parts)))


def episode_id(
    site_id: str,
    camera_id: str,
    lane: str,
    kind: EpisodeKind,
    *,
    staff: TrackRef | None,
    customer: TrackRef,
    started_at: int,
    symmetric: bool = False,
) -> str:
    """The episode's id, frozen at `started`. symmetric: pairs `any`, where neither of the two comes first."""
    first, second = ("" if staff is None else _ref(staff)), _ref(customer)
    if symmetric:
        first, second = sorted((first, second))
    return _uuid(site_id, camera_id, lane, kind, f"staff={first}", f"customer={second}", started_at)


def visit_id(site_id: str, camera_id: str, lane: str, customer_id: int, zone_id: str, entered_at: int) -> str:
    """The id of a customer's stay in a zone."""
    return _uuid(site_id, camera_id, lane, customer_id, zone_id, entered_at)


def outage_id(site_id: str, camera_id: str, lane: str, from_at: int) -> str:
    """The id of a blind time."""
    return _uuid(site_id, camera_id, lane, from_at)


def person_id(site_id: str, camera_id: str, lane: str, first: TrackRef) -> int:
    """staff_id or customer_id: the first 48 bits of SHA-256(site | camera | lane | first tracklet)."""
    text = f"{site_id}|{camera_id}|{lane}|{_ref(first)}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def incident_id(occurrence_id: str) -> str:
    """incident_<12 digits>: 40 bits of SHA-256(occurrence_id) mod 10^12."""
    digest = hashlib.sha256(occurrence_id.encode()).digest()
    return f"incident_{int.from_bytes(digest[:5]) % 10**12:012d}"


def business_day(at_ms: int, timezone: str, day_starts_min: int) -> str:
    """YYYY-MM-DD of the business day that holds at_ms (ms UTC); it begins day_starts_min after local midnight."""
    local = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone))
    if local.hour * 60 + local.minute < day_starts_min:
        local -= timedelta(days=1)
    return local.strftime("%Y-%m-%d")


def day_begins_ms(day: str, timezone: str, day_starts_min: int) -> int:
    """First moment (ms UTC) of a business day YYYY-MM-DD. Where the clock skips that time, the moment after the gap."""
    wall = datetime.strptime(day, "%Y-%m-%d") + timedelta(minutes=day_starts_min)
    return int(wall.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC).timestamp() * 1000)


def day_span(day: str, timezone: str, day_starts_min: int) -> tuple[int, int]:
    """[begin, end) of a business day YYYY-MM-DD, ms UTC: its end is where the next one begins."""
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return day_begins_ms(day, timezone, day_starts_min), day_begins_ms(following, timezone, day_starts_min)


_WORD: dict[tuple[EpisodeKind, ClipPart], str] = {
    ("interaction", "alert"): "interaction_start",
    ("interaction", "closing"): "interaction_end",
    ("unattended", "alert"): "unattended",
    ("unattended", "closing"): "unattended_end",
}


def segment_filename(kind: EpisodeKind, part: ClipPart, ordinal: int, started_at: int, timezone: str) -> str:
    """segment_<ordinal>_<YYYYMMDD>_<HHMMSS>_<word>.mp4; word = interaction_start or unattended, _end when closing.

    The time is the episode's start (ms UTC) on the site's clock.
    """
    local = datetime.fromtimestamp(started_at / 1000, ZoneInfo(timezone))
    return f"segment_{ordinal}_{local:%Y%m%d_%H%M%S}_{_WORD[kind, part]}.mp4"


def uploaded_filename(clip_starts_at: int, episode: str, part: ClipPart, facet_revision: int) -> str:
    """prolific_upload_<unix seconds of the clip's start>_<6 chars from episode_id>.mp4.

    The closing part has `_end` added, a better re-cut `_r2` and so on, so that no name is ever reused for other bytes.
    """
    tail = ("_end" if part == "closing" else "") + (f"_r{facet_revision}" if facet_revision > 1 else "")
    return f"prolific_upload_{clip_starts_at // 1000}_{episode[:6]}{tail}.mp4"


def safe_name(name: str) -> str:
    """The name if it can be one path component, else ValueError: names from data never leave their folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", name) or ".." in name:
        raise ValueError(f"{name!r} cannot be a file name here: letters, digits, '.', '_' and '-' only")
    return name
