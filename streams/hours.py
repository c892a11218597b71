"""Opening hours as the fold asks them: is it open now? A business day's times are worked out once, in ms UTC."""

from datetime import date, timedelta

from schemas.ids import day_begins_ms
from schemas.rules import CameraRules


class Hours:
    """When one camera's shop is open. Remembers days, changes nothing."""

    def __init__(self, rules: CameraRules) -> None:
        self._hours = rules.opening_hours
        self._timezone = rules.timezone
        self._days: dict[str, list[tuple[int, int]]] = {}

    def open(self, business_day: str, now: int) -> bool:
        """Is it open at `now` (ms UTC), which lies in that business day? Always, where no hours are given."""
        if self._hours is None:
            return True
        spans = self._days.get(business_day)
        if spans is None:
            spans = self._days[business_day] = self._spans(business_day)
        return any(from_at <= now < to_at for from_at, to_at in spans)

    def _spans(self, business_day: str) -> list[tuple[int, int]]:
        """[from, to) in ms UTC of all that touches the business day, which lies in two days of the calendar.

        Times beyond midnight began the day before.
        """
        assert self._hours is not None
        first = date.fromisoformat(business_day)
        days = [first + timedelta(days=more) for more in (-1, 0, 1)]
        return [
            (day_begins_ms(day.isoformat(), self._timezone, a), day_begins_ms(day.isoformat(), self._timezone, b))
            for day in days
            for a, b in self._hours.on(day)
        ]
