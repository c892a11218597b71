"""verify after a promotion: decisions, SQL, topic and replay agree, and each disagreement is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from connectors.audit import versions
from connectors.audit.facts import Log, Stores
from connectors.clickhouse.plan import outage_row, visit_row
from schemas.acts import PromotedDay, Promotion
from schemas.hashing import sealed
from schemas.records import CameraOutage, ClipCut, CustomerVisit, Episode, UnattendedEvent
from tests import world

DAY = "2026-03-02"
SHOP = world.make("v")
DOOR = SHOP.site.cameras[1].camera_id


def decision(**changes: Any) -> Promotion:
    made = Promotion(
        site_id=SHOP.site.site_id,
        activation=1,
        act="promote",
        days=[PromotedDay(camera_id=DOOR, business_day=DAY, version="trial", content_sha256="c")],
        reason="",
        decided_by="me",
        decided_at=5,
        finished_at=6,
        hash="",
    )
    return sealed(msgspec.structs.replace(made, **changes))  # type: ignore[no-any-return]


def promoted() -> tuple[Log, Stores]:
    """The door's day as a replay says it, which counts; the counter's is live."""
    log, there = world.log_of(SHOP), world.stores_of(SHOP)
    told = [e for e in SHOP.facts if isinstance(e, UnattendedEvent | CustomerVisit | CameraOutage)]
    log.replays = {("trial", DOOR, DAY): told}
    log.promotions = [decision()]
    log.episodes = {
        i: msgspec.structs.replace(e, version="trial", activation=1) if e.camera_id == DOOR else e
        for i, e in log.episodes.items()
    }
    there.active = {(DOOR, DAY): ("trial", 1)}
    there.rows = {
        "visits": [visit_row(v, SHOP.site, "trial") for v in told if isinstance(v, CustomerVisit)],
        "outages": [outage_row([o for o in told if isinstance(o, CameraOutage)][-1], SHOP.site, "trial")],
    }
    return log, there


def found(log: Log, there: Stores) -> list[str]:
    return [str(difference) for difference in versions.check(log, there, SHOP.site)]


def test_a_promoted_day_that_is_as_its_replay_differs_in_nothing() -> None:
    assert found(*promoted()) == []


def _episode(log: Log) -> Episode:
    return next(e for e in log.episodes.values() if e.camera_id == DOOR)


def _put(log: Log, **changes: Any) -> None:
    episode = _episode(log)
    log.episodes[episode.episode_id] = msgspec.structs.replace(episode, **changes)


def _clip(log: Log, **changes: Any) -> None:
    key, clips = next((k, c) for k, c in log.clips.items() if c[0].camera_id == DOOR)
    changed: ClipCut = world.resealed(clips[0], lane="trial", **changes)
    log.clips[key] = [changed]


DAMAGE: dict[str, tuple[Callable[[Log, Stores], Any], str]] = {
    "broken off": (lambda log, _: log.promotions.append(decision(finished_at=None)), "was broken off"),
    "altered": (
        lambda log, _: log.promotions.append(replace_(log.promotions[0], reason="another")),
        "its hash does not fit",
    ),
    "one is missing": (
        lambda log, _: log.promotions.append(decision(activation=3, days=[], previous_hash="gone")),
        "does not follow the one before",
    ),
    "SQL does not know": (lambda _, there: there.active.clear(), "active_versions has nothing"),
    "SQL knows more": (
        lambda _, there: there.active.update({("x", DAY): ("trial", 9)}),
        "the decisions say nothing",
    ),
    "an older record": (lambda log, _: _put(log, activation=0), "but trial counts since activation 1"),
    "another end": (lambda log, _: _put(log, duration_s=1.0), "says duration_s 1.0"),
    "an episode is missing": (lambda log, _: log.episodes.pop(_episode(log).episode_id), "though trial has it"),
    "a visit is missing": (lambda _, there: there.rows["visits"].pop(), "its row in visits for version trial"),
    "an outage differs": (lambda _, there: there.rows["outages"][0].update(reason="x"), "its row in outages"),
    "a clip of nothing": (lambda log, _: _clip(log, previous_hash="f00"), "follows no event of that replay"),
}


def replace_(promotion: Promotion, **changes: Any) -> Promotion:
    return msgspec.structs.replace(promotion, **changes)


@pytest.mark.parametrize("name", DAMAGE)
def test_what_disagrees_is_named(name: str) -> None:
    log, there = promoted()
    damage, says = DAMAGE[name]
    damage(log, there)
    assert any(says in line for line in found(log, there)), found(log, there)


def test_a_clip_that_follows_an_event_of_the_replay_is_right() -> None:
    log, there = promoted()
    _clip(log)
    assert found(log, there) == []


def test_a_replay_on_another_machine_is_no_difference_and_is_told() -> None:
    log, there = promoted()
    elsewhere = replace(log, replays={})
    assert found(elsewhere, there) == []
    assert versions.absent(elsewhere) == [f"replay trial of {DOOR} on {DAY}: it is on another machine"]
    assert versions.absent(log) == []
