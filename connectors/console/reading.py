"""What the pages ask ClickHouse for: the questions, and their answers as data."""

from dataclasses import dataclass
from typing import Any

from connectors.clickhouse.client import AS_IN_RECORDS
from connectors.console.names import episode_href, people
from connectors.console.page import Console
from connectors.console.timeline import Span
from schemas import ids
from schemas.site import Site

LISTED = """episode_id, camera_id, toString(business_day) AS day, ordinal, kind, phase,
started_at, confirmed_at, ended_at, duration_s, waited_s, staff_id, customer_id, zone_id, service_point_id,
reason, close_reason, evidence_status, evidence_reason, incident_status, incident_id, version"""
DAY = "site_id = {site:String} AND business_day = toDate({day:String})"


@dataclass(frozen=True)
class Listed:
    """An episode in a list. Times: ms UTC."""

    episode_id: str
    camera_id: str
    day: str
    ordinal: int
    kind: str
    phase: str
    started_at: int
    confirmed_at: int
    ended_at: int | None
    duration_s: float | None
    waited_s: float | None
    staff_id: int | None
    customer_id: int
    zone_id: str | None
    service_point_id: str | None
    reason: str | None
    close_reason: str | None
    evidence_status: str
    evidence_reason: str | None
    incident_status: str | None
    incident_id: str | None
    version: str

    @property
    def until(self) -> int:
        """Its end, or the last that is known while it lasts; ms UTC."""
        return self.confirmed_at if self.ended_at is None else self.ended_at

    @property
    def who(self) -> str:
        """Short for people; the numbers are those of tracks, not of persons."""
        return people(self.kind, self.staff_id, self.customer_id)

    @property
    def where(self) -> str:
        """Zone or service point, or nothing."""
        return self.service_point_id or self.zone_id or ""

    @property
    def href(self) -> str:
        """Its page."""
        return episode_href(self.episode_id, self.day, self.camera_id)


@dataclass(frozen=True)
class Blind:
    """A time when a camera saw nothing, ms UTC."""

    camera_id: str
    from_at: int
    to_at: int | None
    reason: str


def episodes(console: Console, day: str) -> list[Listed]:
    """All of a business day that count, by their start."""
    found = _ask(console, f"SELECT {LISTED} FROM episodes WHERE {DAY} ORDER BY started_at, episode_id", day=day)
    return [Listed(**row) for row in found]


def outages(console: Console, day: str) -> list[Blind]:
    """All of a business day in which something could have been missed: after the end of a film nothing is."""
    wanted = f"SELECT camera_id, from_at, to_at, reason FROM current_outages WHERE {DAY} AND reason != 'ended'"
    wanted += " ORDER BY from_at"
    return [Blind(**row) for row in _ask(console, wanted, day=day)]


def newest_day(console: Console) -> str | None:
    """The last business day of which there is anything."""
    wanted = "SELECT toString(maxOrNull(business_day)) AS day FROM episode_log WHERE site_id = {site:String}"
    found = _ask(console, wanted)
    return found[0]["day"] if found and found[0]["day"] else None


def day_span(site: Site, day: str) -> Span:
    """From its cut to the next one, ms UTC."""
    return Span(*ids.day_span(day, site.timezone, site.day_starts_min))


def _ask(console: Console, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    given = {"site": console.site.site_id, **parameters}
    return console.ask(sql, given, formats=AS_IN_RECORDS).as_dicts()
