"""How often the camera is looked at is no matter of the shop's: other frame rates, the same episodes."""

from dataclasses import dataclass
from functools import cache

import pytest

from schemas.records import InteractionEvent, UnattendedEvent
from tests.scenario import Scenario, counter, fold, rules, zone

TOLERANCE_MS = 500
LAW = rules(
    zones=[zone(2.2, 4, 4.8, 7), zone(-3.2, 3.0, -0.6, 4.8, zone_id="line", kind="queue", service_point="till")],
    service_points=[counter()],
)


@dataclass(frozen=True)
class Told:
    """An episode when all is over."""

    kind: str
    people: tuple[int | None, int]
    started_at: int
    ended_at: int
    reason: str


def busy_shop(hz: float, *, dropped: float = 0.0, uneven: float = 0.0, seed: int = 1) -> Scenario:
    """Somebody served, a talk too short, somebody who walks past, a queue, and two who are left waiting."""
    shop = Scenario(seconds=210, hz=hz, dropped=dropped, uneven=uneven, seed=seed)
    shop.staff((0, 0.0, 6.6), (110, 0.0, 6.6), (116, -6.0, 8.0)).leaves(116)
    shop.customer((1, -5.0, 5.0), (5, 0.2, 5.5), (30, 0.2, 5.5), (36, 5.0, 8.5)).leaves(48)
    shop.customer(
        (8, -5.0, 4.2), (12, -1.4, 4.2), (32, -1.4, 4.2), (34, 0.1, 5.5), (60, 0.1, 5.5), (66, 5.5, 8.0)
    ).leaves(78)
    shop.customer((70, -5.0, 5.0), (75, 0.3, 5.5), (84, 0.3, 5.5), (90, 5.0, 8.5)).leaves(90)
    shop.customer((20, 6.5, 5.0), (24, 3.0, 5.5), (120, 3.0, 5.5), (126, 7.0, 5.0)).leaves(126)
    shop.staff((50, 6.5, 7.5), (60, -6.5, 7.5)).leaves(60)
    shop.customer((100, -5.0, 4.2), (104, -1.4, 4.2), (190, -1.4, 4.2), (194, -5.0, 4.2)).leaves(194)
    return shop


def told(shop: Scenario) -> list[Told]:
    """Every episode that was confirmed and ended, in order."""
    confirmed: dict[str, InteractionEvent | UnattendedEvent] = {}
    found = []
    for event in fold(shop.log(), LAW):
        if not isinstance(event, InteractionEvent | UnattendedEvent):
            continue
        if event.phase == "confirmed":
            confirmed[event.episode_id] = event
        if event.phase == "ended":
            people = (getattr(event, "staff_id", None), event.customer_id)
            assert event.ended_at is not None
            reason = f"{event.close_reason} {getattr(confirmed[event.episode_id], 'reason', '')}"
            kind = type(event).__name__
            found.append(Told(kind, people, event.started_at, event.ended_at, reason))
    return sorted(found, key=lambda one: (one.started_at, one.kind))


@cache
def looked_at_finely() -> list[Told]:
    return told(busy_shop(30.0))


@pytest.mark.parametrize("hz", [5.0, 10.0, 15.0, 25.0])
@pytest.mark.parametrize(("dropped", "uneven"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.4)])
def test_at_any_frame_rate_with_frames_lost_and_uneven_the_episodes_are_the_same(
    hz: float, dropped: float, uneven: float
) -> None:
    # given the same scene looked at finely and evenly
    finely = looked_at_finely()
    assert [(one.kind, one.reason) for one in finely] == [
        ("InteractionEvent", "separated "),
        ("UnattendedEvent", "left no_contact"),
        ("InteractionEvent", "separated "),
        ("UnattendedEvent", "left no_staff"),
    ]
    # when it is seen less often, then people, kinds and reasons are the same, and times within half a second
    seen = told(busy_shop(hz, dropped=dropped, uneven=uneven))
    assert [(one.kind, one.people, one.reason) for one in seen] == [(o.kind, o.people, o.reason) for o in finely]
    for one, other in zip(seen, finely, strict=True):
        assert abs(one.started_at - other.started_at) <= TOLERANCE_MS
        assert abs(one.ended_at - other.ended_at) <= TOLERANCE_MS
