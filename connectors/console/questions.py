"""The questions of docs/sql.md as charts: each loads by itself, and shows the query to ask it oneself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from connectors.clickhouse.client import AS_IN_RECORDS
from connectors.console import reading
from connectors.console.charts import Chart, Point, chart
from connectors.console.page import Console, seconds
from schemas.errors import InputError

SPANS = (1, 7, 30, 90)
Over = Literal["hour", "day", "text"]
WHERE = (
    "site_id = {site:String} AND business_day BETWEEN {first:Date} AND {last:Date} AND camera_id LIKE {camera:String}"
)
MEDIANS = ("median", "95 % stay below")


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


@dataclass(frozen=True)
class Question:
    """One chart. sql gives rows of (where on the line, value[, value behind it])."""

    title: str
    sql: str
    said: Callable[[float], str]
    over: Over
    colour: str
    names: tuple[str, str] = ("", "")
    note: str = ""


def _by_hour(what: str, view: str, where: str = "") -> str:
    return f"SELECT local_hour, {what}\nFROM {view}\nWHERE {WHERE}{where}\nGROUP BY local_hour ORDER BY local_hour"


QUESTIONS: dict[str, Question] = {
    "served": Question(
        "How many customers were served, hour by hour?",
        _by_hour("sum(interactions)", "interactions_hourly"),
        _count,
        "hour",
        "interaction",
    ),
    "lasted": Question(
        "How long did it take to serve them?",
        _by_hour(
            "quantileExactInclusive(0.5)(duration_s), quantileExactInclusive(0.95)(duration_s)",
            "interactions",
            " AND duration_s IS NOT NULL",
        ),
        seconds,
        "hour",
        "interaction",
        MEDIANS,
    ),
    "waiting": Question(
        "How many were left waiting?",
        _by_hour("sum(unattended)", "unattended_hourly"),
        _count,
        "hour",
        "unattended",
    ),
    "minute": Question(
        "What share of the customers had nobody for a minute or more?",
        _by_hour("sum(reached_60s) / sum(customers)", "unattended_hourly", " AND customers > 0"),
        _percent,
        "hour",
        "unattended",
    ),
    "contact": Question(
        "How soon did somebody come to them?",
        _by_hour(
            "quantileExactInclusive(0.5)(dateDiff('millisecond', entered_at, first_contact_at) / 1000) AS p50,\n"
            "    quantileExactInclusive(0.95)(dateDiff('millisecond', entered_at, first_contact_at) / 1000) AS p95",
            "current_visits",
            " AND first_contact_at IS NOT NULL",
        ),
        seconds,
        "hour",
        "unattended",
        MEDIANS,
        "of those to whom somebody came",
    ),
    "days": Question(
        "How do the days compare?",
        f"SELECT toString(business_day) AS day, sum(interactions)\nFROM interactions_hourly\nWHERE {WHERE}\n"
        "GROUP BY business_day ORDER BY business_day",
        _count,
        "day",
        "interaction",
        note="customers served",
    ),
    "blind": Question(
        "When did cameras see nothing?",
        _by_hour("sum(blind_s)", "camera_outages"),
        seconds,
        "hour",
        "blind",
        note="all cameras together; no episode then does not mean an empty shop",
    ),
    "missing": Question(
        "Which videos are not there?",
        f"SELECT evidence_status, count()\nFROM evidence_missing\nWHERE {WHERE} AND evidence_status != 'available'\n"
        "GROUP BY evidence_status ORDER BY count() DESC",
        _count,
        "text",
        "blind",
    ),
    "latency": Question(
        "How long from a confirmed episode to its incident?",
        "SELECT toString(business_day) AS day, max(confirmed_to_incident_s_p50), max(confirmed_to_incident_s_p95)\n"
        f"FROM pipeline_latency\nWHERE {WHERE} AND confirmed_to_incident_s_p50 IS NOT NULL\n"
        "GROUP BY business_day ORDER BY business_day",
        seconds,
        "day",
        "interaction",
        MEDIANS,
        "of the slowest camera; of footage it is the time since it was taken",
    ),
}


@dataclass(frozen=True)
class Asked:
    """Of which days and camera."""

    first: str
    last: str
    days: int
    camera: str

    @property
    def query(self) -> str:
        """As an address has it."""
        return f"days={self.days}&until={self.last}&camera={self.camera}"


def routes(console: Console) -> APIRouter:
    """The page, and each chart."""
    router = APIRouter()
    cameras = console.cameras

    def asked(days: int, until: str, camera: str) -> Asked:
        last = until or reading.newest_day(console) or date.today().isoformat()
        try:
            first = date.fromisoformat(last) - timedelta(days=days - 1)
        except (ValueError, OverflowError):
            raise InputError(f"{last[:40]!r} is no day: write it like 2026-03-02") from None
        return Asked(first.isoformat(), last, days, camera if camera in cameras else "")

    Days = Annotated[int, Query(ge=1, le=400)]

    @router.get("/questions")
    def every(request: Request, days: Days = 7, until: str = "", camera: str = "") -> Response:
        given = asked(days, until, camera)
        return console.page(request, "questions.html", questions=QUESTIONS, asked=given, spans=SPANS, cameras=cameras)

    @router.get("/questions/{name}")
    def one(request: Request, name: str, days: Days = 7, until: str = "", camera: str = "") -> Response:
        if name not in QUESTIONS:
            raise InputError(f"there is no question {name[:40]!r}; there are: {', '.join(QUESTIONS)}")
        question, given = QUESTIONS[name], asked(days, until, camera)
        values = {
            "site": console.site.site_id,
            "first": given.first,
            "last": given.last,
            "camera": _like(given.camera) if given.camera else "%",
        }
        rows = console.ask(question.sql, values, formats=AS_IN_RECORDS).rows
        return console.page(
            request,
            "question.html",
            question=question,
            chart=_chart(question, [row for row in rows if row[1] is not None]),
            sql=_filled(question.sql, values),
        )

    return router


def _chart(question: Question, rows: list[tuple[Any, ...]]) -> Chart:
    found = {row[0]: Point(_label(row[0], question.over), *map(float, row[1:])) for row in rows}
    if question.over == "hour" and found:  # an hour without anything is a gap, not nothing
        empty = {hour: Point(_label(hour, "hour"), 0.0) for hour in range(min(found), max(found) + 1)}
        found = dict(sorted((empty | found).items()))
    return chart(list(found.values()), question.said, question.names, durations=question.said is seconds)


def _label(value: Any, over: Over) -> str:
    if over == "hour":
        return f"{value:02d} h"
    return str(value)[5:] if over == "day" else str(value)


def _like(camera_id: str) -> str:
    return camera_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _filled(sql: str, values: dict[str, str]) -> str:
    """The query as one can paste it."""
    for name, value in values.items():
        kind = "Date" if name in ("first", "last") else "String"
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        sql = sql.replace(f"{{{name}:{kind}}}", f"'{quoted}'")
    return sql
