"""Who waits now, from events in any order that Kafka may bring them."""

from typing import Any

import msgspec

from connectors.console.waiting import OPEN_MS_MAX, Now, longest
from schemas.records import CameraOutage, Cause, Lineage, UnattendedEvent

AT = 1_772_000_000_000
WAITS = UnattendedEvent(
    episode_id="e1",
    facet_revision=1,
    phase="started",
    ordinal=1,
    site_id="shop",
    camera_id="till",
    lane="live",
    business_day="2026-03-02",
    customer_id=300,
    zone_id="showroom",
    started_at=AT,
    confidence=0.9,
    support=1.0,
    lineage=Lineage(),
    rules_version="r",
    cause=Cause(stream_epoch=AT, sequence=50, captured_at=AT + 5_000),
    hash="h",
)


def event(**changed: Any) -> UnattendedEvent:
    return msgspec.structs.replace(WAITS, **changed)


def told(*events: UnattendedEvent | CameraOutage, late_ms: int = 100) -> Now:
    now = Now("shop")
    for one in events:
        now.tell(one, one.cause.captured_at + late_ms)
    return now


def test_somebody_waits_from_started_to_ended() -> None:
    assert [one.confirmed for one in told(WAITS).waiting(AT)] == [False]
    confirmed = event(phase="confirmed", reason="no_staff")
    assert [(one.confirmed, one.reason) for one in told(WAITS, confirmed).waiting(AT)] == [(True, "no_staff")]
    for phase in ("ended", "discarded", "retracted"):
        assert told(WAITS, confirmed, event(phase=phase)).waiting(AT) == []


def test_an_event_that_comes_again_opens_nothing_that_has_ended() -> None:
    assert told(WAITS, event(phase="ended"), WAITS).waiting(AT) == []


def test_the_clock_of_old_footage_runs_from_when_its_event_came() -> None:
    year = 365 * 24 * 3600 * 1000
    [waits] = told(WAITS, late_ms=year).waiting(AT + year)
    assert longest([waits], AT + year + 5_000) == 5.0


def test_other_sites_and_lanes_are_not_shown_and_what_lost_its_end_is_forgotten() -> None:
    assert told(event(site_id="other"), event(lane="march")).waiting(AT) == []
    assert told(WAITS).waiting(AT + OPEN_MS_MAX + 10_000) == []


def test_the_longest_wait_comes_first() -> None:
    now = told(WAITS, event(episode_id="e2", started_at=AT - 9_000))
    assert [one.episode_id for one in now.waiting(AT)] == ["e2", "e1"]


def test_a_camera_is_blind_until_that_outage_ends() -> None:
    blind = CameraOutage(
        outage_id="o1", facet_revision=1, site_id="shop", camera_id="till", lane="live", business_day="2026-03-02",
        from_at=AT, reason="lost", rules_version="r", cause=WAITS.cause, hash="h",
    )  # fmt: skip
    assert list(told(blind).blind) == ["till"]
    other = msgspec.structs.replace(blind, outage_id="o0", to_at=AT)
    assert list(told(blind, other).blind) == ["till"]
    assert told(blind, msgspec.structs.replace(blind, facet_revision=2, to_at=AT + 1)).blind == {}
    assert told(msgspec.structs.replace(blind, reason="ended")).blind == {}
