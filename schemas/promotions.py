"""Which version counts for a camera's day: what the records of `promotions` come to. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.acts import Promotion

CameraDay = tuple[str, str]
"""(camera_id, business day YYYY-MM-DD)."""


class Active(NamedTuple):
    """A version that counts, since which activation, and what a replay's content was."""

    version: str
    activation: int
    content_sha256: str | None = None


LIVE = Active("live", 0)
"""Where nobody decided anything."""


def in_order(records: Iterable[Promotion]) -> list[Promotion]:
    """Each decision once, a site's oldest first. A decision is stated again when it is finished."""
    newest: dict[tuple[str, int], Promotion] = {}
    for record in records:
        newest[record.site_id, record.activation] = record
    return [newest[key] for key in sorted(newest)]


def active(decisions: Iterable[Promotion]) -> dict[CameraDay, Active]:
    """What counts now, for the camera-days of which anybody decided; all others are LIVE."""
    return {
        (day.camera_id, day.business_day): Active(day.version, decision.activation, day.content_sha256)
        for decision in in_order(decisions)
        for day in decision.days
    }


def before(decisions: Iterable[Promotion], camera_day: CameraDay) -> Active:
    """What counted for a camera's day before the last decision about it."""
    history: list[Active] = [LIVE]
    for decision in in_order(decisions):
        now: Mapping[CameraDay, Active] = active([decision])
        if camera_day in now:
            history.append(now[camera_day])
    return history[-2] if len(history) > 1 else LIVE


def unfinished(decisions: Iterable[Promotion]) -> Promotion | None:
    """One site's newest decision while SQL and topics may not say so yet."""
    ordered = in_order(decisions)
    return ordered[-1] if ordered and ordered[-1].finished_at is None else None
