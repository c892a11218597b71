"""Promotion, decided: which version counts, whose clips show what is new, what is cut, reported and withdrawn."""

from typing import Any

import msgspec
import pytest

from connectors.promote import plan
from schemas.acts import PromotedDay, Promotion
from schemas.promotions import LIVE, Active, active, before, unfinished
from schemas.records import ClipCut, ClipUploaded, IncidentReported, InteractionEvent, UnattendedEvent
from tests import world
from tests.scenario import Scenario, ended, fold, rules, with_thresholds

TILL, DOOR = ("till", "2026-03-02"), ("door", "2026-03-02")


def decision(activation: int, finished_at: int | None = 1, **versions: str) -> Promotion:
    days = [PromotedDay(camera_id=c, business_day="2026-03-02", version=v) for c, v in versions.items()]
    return Promotion(
        site_id="shop",
        activation=activation,
        act="promote",
        days=days,
        reason="",
        decided_by="me",
        decided_at=activation,
        finished_at=finished_at,
        hash="",
    )


class TestDecisions:
    def test_the_last_one_that_names_a_cameras_day_decides_and_live_counts_where_nobody_did(self) -> None:
        # given two decisions about the till, one of them also about the door, in any order
        both, later = decision(1, till="a", door="a"), decision(2, till="b")
        for order in ([both, later], [later, both, both]):
            now = active(order)
            assert (now[TILL][:2], now[DOOR][:2]) == (("b", 2), ("a", 1))
        assert ("shelf", "2026-03-02") not in now

    def test_before_the_last_decision_is_what_a_rollback_goes_back_to(self) -> None:
        history = [decision(1, till="a"), decision(2, door="x"), decision(3, till="b"), decision(4, till="a")]
        found = [before(history[:n], TILL) for n in range(5)]
        assert [of.version for of in found] == ["live", "live", "live", "a", "b"]
        assert found[0] == LIVE

    def test_a_decision_is_unfinished_until_it_is_said_again(self) -> None:
        open_one = decision(2, finished_at=None, till="b")
        assert unfinished([decision(1, till="a"), open_one]) == open_one
        assert unfinished([open_one, msgspec.structs.replace(open_one, finished_at=5)]) is None
        assert unfinished([]) is None

    def test_sites_count_by_themselves(self) -> None:
        other = msgspec.structs.replace(decision(1, elsewhere="z"), site_id="other")
        now = active([decision(1, till="a"), other])
        assert (now[TILL].version, now["elsewhere", "2026-03-02"].version) == ("a", "z")


def told(confirm_s: float = 15.0, **more: float) -> list[plan.Event]:
    """One staff member, and three customers of 40, 11 and 6 seconds."""
    shop = Scenario(seconds=150)
    shop.staff((0, 0.0, 6.0))
    for at_s, for_s in ((5, 40), (60, 11), (90, 6)):
        leaves_s = at_s + 3 + for_s
        path = (at_s, 5.0, 9.0), (at_s + 3, 1.0, 6.0), (leaves_s, 1.0, 6.0), (leaves_s + 3, 5.0, 9.0)
        shop.customer(*path).leaves(leaves_s + 4)
    law = with_thresholds(rules(), interaction={"confirm_s": confirm_s, **more})
    return [e for e in fold(ended(shop.log()), law) if isinstance(e, InteractionEvent | UnattendedEvent)]


@pytest.fixture
def there() -> plan.Known:
    """All evidence of the live day."""
    site = world.make("x").site
    live = world.of_events(told(), site.model_copy(update={"site_id": "shop"}))
    return plan.known(live.facts)


class TestEvidence:
    def test_an_episode_that_stays_keeps_its_clips_and_only_what_is_new_is_cut(self, there: plan.Known) -> None:
        # given a version that confirms sooner
        wanted = plan.jobs(told(10.0))
        new = {part for part in wanted if part not in there.clips}

        # then the clips of the episode that was there are its own, and those of the new one nobody's
        assert sorted(part for _, part in new) == ["alert", "closing"]
        assert len({episode_id for episode_id, _ in new}) == 1
        assert len(wanted) == len(there.clips) + 2
        assert plan.heirs(wanted, there, "trial") == {}

    def test_an_episode_under_another_id_inherits_the_clip_that_covers_it(self, there: plan.Known) -> None:
        # given a version in which the episode begins a second later, so that it has another id
        events = [_later(event) for event in told()]
        wanted = plan.jobs(events)
        assert not set(wanted) & set(there.clips)

        # then its alert is in the clip of the episode that it was
        inherited = plan.heirs(wanted, there, "trial")
        old = next(iter(there.clips))[0]
        assert {part for part, source in inherited.items() if source == (old, "alert")} >= {("later", "alert")}

        # but not where people are others, the clip does not cover it, or it was never stored
        strangers = [msgspec.structs.replace(e, lineage=msgspec.structs.replace(e.lineage, staff=[])) for e in events]
        longer = [msgspec.structs.replace(e, started_at=e.started_at - 60_000) for e in events]
        for others in (strangers, longer):
            assert ("later", "alert") not in plan.heirs(plan.jobs(others), there, "trial")
        there.uploads = {p: msgspec.structs.replace(u, status="failed") for p, u in there.uploads.items()}
        assert plan.heirs(wanted, there, "trial") == {}

    def test_what_a_run_that_was_broken_off_cut_is_shown_for_itself_alone(self, there: plan.Known) -> None:
        # given a version that confirms sooner, and that its run ended when the new episode's alert clip was stored
        wanted = plan.jobs(told(10.0))
        alert, closing = sorted(part for part in wanted if part not in there.clips)
        live: Any = next(iter(there.clips.values()))
        clip = plan.of_version(
            msgspec.structs.replace(
                live,
                episode_id=alert[0],
                part="alert",
                subject=wanted[alert].subject,
                covered_from=wanted[alert].requested_from,
                covered_to=wanted[closing].requested_to,
            ),
            "trial",
        )
        upload = msgspec.structs.replace(next(iter(there.uploads.values())), episode_id=alert[0], part="alert")
        there.take(clip)
        there.take(plan.of_version(msgspec.structs.replace(upload, previous_hash=clip.hash), "trial"))

        # then the next run cuts the closing clip as it would have, though the other one shows it
        assert plan.heirs(wanted, there, "trial") == {}

        # and another version inherits it
        assert plan.heirs(wanted, there, "later") == {closing: alert}

    def test_an_inherited_clip_brings_its_incident_and_a_new_occurrence_has_none(self, there: plan.Known) -> None:
        # given the same episode under another id
        events = [_later(event) for event in told()]
        wanted = plan.jobs(events)
        inherited = plan.heirs(wanted, there, "trial")
        reports = plan.incident_jobs(events, wanted, inherited, there)
        assert set(reports) == {"later"}
        assert reports["later"].image

        # then the report that was made stands for it
        assert plan.standing_reports(reports, inherited, there)["later"].status == "reported"

        # and without it nothing does
        there.incidents.clear()
        assert plan.standing_reports(reports, inherited, there) == {}

    def test_the_newest_cut_counts_with_its_own_upload_alone(self, there: plan.Known) -> None:
        part, clip = next((part, clip) for part, clip in there.clips.items() if part[1] == "alert")
        assert there.upload_of(part) is not None
        there.take(world.resealed(clip, facet_revision=2, status="partial"))
        assert there.upload_of(part) is None
        there.take(clip)
        assert there.clips[part].facet_revision == 2


def test_what_is_not_in_the_version_is_withdrawn_and_saying_it_again_is_the_same() -> None:
    # given two episodes that are shown, and a version that has one of them
    first, second, _ = world.make("x").episodes.values()
    now = {(first.camera_id, first.business_day): Active("trial", 3)}
    stays = msgspec.structs.replace(first, version="trial", activation=3)

    # then the other one is retracted in the version's name
    (gone,) = plan.withdrawn([first, second], [stays], now)
    assert (gone.episode_id, gone.phase, gone.version, gone.activation) == (second.episode_id, "retracted", "trial", 3)
    assert (gone.ended_at, gone.close_reason) == (None, None)

    # and a second time says it with the same words
    assert plan.withdrawn([stays, gone], [stays], now) == [gone]

    # but what was retracted by an earlier decision is left alone
    long_ago = msgspec.structs.replace(gone, activation=1, version="other")
    assert plan.withdrawn([stays, long_ago], [stays], now) == []


def test_a_clip_of_a_version_says_so_and_has_a_hash_that_fits() -> None:
    clip: Any = world.make("x").of(ClipCut)[0]
    made = plan.of_version(clip, "trial")
    assert (made.lane, made.hash) != (clip.lane, clip.hash)
    assert made.hash == world.resealed(clip, lane="trial").hash


def test_only_what_surely_was_not_reported_or_stored_in_a_versions_name_is_asked_for_again() -> None:
    there = world.make("x")
    report, clip, upload = (there.of(kind)[0] for kind in (IncidentReported, ClipCut, ClipUploaded))

    def said(record: Any, lane: str) -> Any:
        return lambda status: msgspec.structs.replace(record, lane=lane, status=status)

    statuses = ("reported", "ambiguous", "suppressed", "failed")
    assert plan.may_be_reported(None)
    assert [plan.may_be_reported(said(report, "trial")(s)) for s in statuses] == [False, False, True, True]
    assert not any(plan.may_be_reported(said(report, "live")(s)) for s in statuses)

    # and a clip that has no file is said to be not stored, once
    ours, none = said(clip, "trial")("complete"), said(plan.of_version(clip, "trial"), "trial")("expired")
    none = msgspec.structs.replace(none, segment_filename=None, sha256=None, covered_from=None)
    for cut, expected in ((ours, [False, False, True]), (none, [False, False, False])):
        assert plan.to_store(cut, None)
        uploads = map(said(upload, "trial"), ("uploaded", "ambiguous", "failed"))
        assert [plan.to_store(cut, one) for one in uploads] == expected
    assert not plan.to_store(clip, None)


def _later(event: plan.Event) -> plan.Event:
    """The event as a fold tells it that dates the beginning a second later."""
    known: dict[str, Any] = {"episode_id": "later", "started_at": event.started_at + 1_000}
    if event.occurrence_id is not None:
        known |= {"occurrence_id": "later", "evidence_episode_id": "later"}
    return msgspec.structs.replace(event, **known)
