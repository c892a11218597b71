"""Who waits and who is served at this moment, from the events as they come (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from schemas.records import CameraOutage, InteractionEvent, UnattendedEvent

News = InteractionEvent | UnattendedEvent | CameraOutage
Kind = Literal["unattended", "interaction"]
HELD_MAX = 10_000
OPEN_MS_MAX = 12 * 3600 * 1000
"""What began longer ago and never ended has lost its end: nobody waits for so long."""


@dataclass(frozen=True)
class Open:
    """An episode that has not ended. since: ms UTC on the clock of now, also when the footage is an old one."""

    episode_id: str
    camera_id: str
    business_day: str
    kind: Kind
    confirmed: bool
    since: int
    where: str
    customer_id: int
    staff_id: int | None
    reason: str | None


@dataclass
class Now:
    """What the events said so far, of one site's live lane."""

    site_id: str
    open: dict[str, Open] = field(default_factory=dict)
    ended: dict[str, None] = field(default_factory=dict)
    """Of late: their events may come again."""
    blind: dict[str, CameraOutage] = field(default_factory=dict)
    """camera_id -> the outage that has no end yet."""
    newest: int = 0
    """When the last of these events was published, ms UTC."""

    def tell(self, news: News, published_at: int) -> None:
        """One record, and when Kafka got it (ms UTC)."""
        if news.site_id != self.site_id or news.lane != "live":
            return
        self.newest = max(self.newest, published_at)
        if isinstance(news, CameraOutage):
            self._outage(news)
        elif news.phase in ("started", "confirmed"):
            if news.episode_id not in self.ended:
                self.open[news.episode_id] = _opened(news, published_at)
        else:
            self.open.pop(news.episode_id, None)
            self.ended[news.episode_id] = None
            if len(self.ended) > HELD_MAX:
                self.ended.pop(next(iter(self.ended)))

    def waiting(self, at: int) -> list[Open]:
        """Customers without staff, the longest first."""
        return self._of("unattended", at)

    def served(self, at: int) -> list[Open]:
        """People together, the longest first."""
        return self._of("interaction", at)

    def _of(self, kind: Kind, at: int) -> list[Open]:
        for old in [one for one in self.open.values() if one.since < at - OPEN_MS_MAX]:
            del self.open[old.episode_id]
        return sorted((one for one in self.open.values() if one.kind == kind), key=lambda one: one.since)

    def _outage(self, news: CameraOutage) -> None:
        held = self.blind.get(news.camera_id)
        if news.to_at is None and news.reason != "ended":
            self.blind[news.camera_id] = news
        elif held is not None and held.outage_id == news.outage_id:
            del self.blind[news.camera_id]


def longest(found: Iterable[Open], at: int) -> float:
    """Seconds."""
    return max(((at - one.since) / 1000 for one in found), default=0.0)


def _opened(news: InteractionEvent | UnattendedEvent, published_at: int) -> Open:
    # of old footage the cause lies far back: on our clock it was when the event came
    behind = max(0, published_at - news.cause.captured_at)
    return Open(
        episode_id=news.episode_id,
        camera_id=news.camera_id,
        business_day=news.business_day,
        kind="unattended" if isinstance(news, UnattendedEvent) else "interaction",
        confirmed=news.phase == "confirmed",
        since=news.started_at + behind,
        where=news.service_point_id or news.zone_id or "",
        customer_id=news.customer_id,
        staff_id=news.staff_id if isinstance(news, InteractionEvent) else None,
        reason=news.reason if isinstance(news, UnattendedEvent) else None,
    )
