"""Opening hours: when a shop has customers, by weekday and by date, on its own clock.

In the site file, days that are not named are closed; a date beats its weekday:

    opening_hours:
      mon-fri: "09:00-20:00"
      sat: "09:00-13:00, 14:00-18:00"
      2026-12-24: "09:00-14:00"
      2026-12-25: closed
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

Spans = tuple[tuple[int, int], ...]
"""[from, to) in minutes after local midnight of the day on which they begin; beyond 1440: on the day after."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
_TIMES = re.compile(r"\s*(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)\s*")


class OpeningHours(BaseModel):
    """When it is open, as the fold is given it: one form for each meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    week: tuple[Spans, Spans, Spans, Spans, Spans, Spans, Spans]
    """Monday first."""
    dates: dict[str, Spans] = {}
    """YYYY-MM-DD -> instead of its weekday's."""

    def on(self, day: date) -> Spans:
        """The times that begin on a day of the calendar."""
        return self.dates.get(day.isoformat(), self.week[day.weekday()])


def opening_hours(days: Mapping[str, Spans]) -> OpeningHours:
    """The hours that a site file says. Raises ValueError when a day is named twice."""
    week: dict[str, Spans] = {}
    dates: dict[str, Spans] = {}
    for name, spans in days.items():
        for day in _named(name):
            place = week if day in WEEKDAYS else dates
            if day in place:
                raise ValueError(f"{day} is named twice")
            place[day] = spans
    return OpeningHours.model_validate(
        {"week": tuple(week.get(day, ()) for day in WEEKDAYS), "dates": dict(sorted(dates.items()))}
    )


def _named(name: str) -> list[str]:
    """The days behind one key: sat, mon-fri, or a date."""
    if name[0].isdigit():
        return [name]
    first, _, last = name.partition("-")
    return list(WEEKDAYS[WEEKDAYS.index(first) : WEEKDAYS.index(last or first) + 1])


def _day(value: Any) -> str:
    """A key of the site file."""
    name = str(value).lower()
    first, _, last = name.partition("-")
    if first in WEEKDAYS and (last or first) in WEEKDAYS[WEEKDAYS.index(first) :]:
        return name
    try:
        return date.fromisoformat(name).isoformat()
    except ValueError:
        raise ValueError(f"{name!r} is no day: write mon, mon-fri or 2026-12-25") from None


def _spans(value: Any) -> Spans:
    """A day's times in the site file."""
    if value == "closed":
        return ()
    found = [_TIMES.fullmatch(part) for part in value.split(",")] if isinstance(value, str) else [None]
    spans = []
    for match in found:
        hour, minute, to_hour, to_minute = (int(part) for part in match.groups()) if match else (0, 0, 0, 0)
        from_min, to_min = hour * 60 + minute, to_hour * 60 + to_minute
        if from_min == to_min or from_min >= DAY_MIN or to_min > DAY_MIN:
            raise ValueError(f'{value!r} are no times: write "09:00-20:00", "09:00-12:00, 14:00-18:00" or closed')
        spans.append((from_min, to_min if to_min > from_min else to_min + DAY_MIN))
    return tuple(sorted(spans))


def _each_day_once(days: dict[str, Spans]) -> dict[str, Spans]:
    opening_hours(days)
    return days


HoursByDay = Annotated[
    dict[Annotated[str, BeforeValidator(_day)], Annotated[Spans, BeforeValidator(_spans)]],
    AfterValidator(_each_day_once),
]
"""The form of the site file."""
