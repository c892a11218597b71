"""What is listed as failed, what a person may say of it, and what the audit makes of what was said."""

from typing import Any

import msgspec
import pytest

from connectors.audit import acts
from connectors.audit.facts import SentAgain
from connectors.audit.reconcile import reconcile
from connectors.audit.story import tell
from connectors.ways_out.dead_letters import Letter, NoSuchLetter, one, shown
from connectors.ways_out.failures import Failure, Filter, Job, NothingToRetry, Word, asks, of_halt, of_work
from connectors.work import Work
from schemas.acts import FoldSkip, RetryAsked
from schemas.hashing import hash_of, sealed
from schemas.records import ClipCut, ClipUploaded, FoldHalt, IncidentReported
from schemas.topics import CLIPS
from tests import world
from tests.connector_records import T0, clip, event, subject, upload
from tests.world import resealed

WORD = Word(by="Ada", reason="the storage is back", at=T0)


def ended(before: Any, **more: Any) -> Work[Job, Any]:
    """A marker of a step that may be done again."""
    job = Job(subject=before.subject, part=before.part)
    return Work(state="finished", taken_in_at=T0, input=job, before=before, revision=before.facet_revision, **more)


def pending(of: Any, **more: Any) -> Work[Job, Any]:
    return Work(state="pending", taken_in_at=T0, due_at=T0 + 9_000, input=Job(subject=of, part="alert"), **more)


OF = subject(event())
KEY = f"{OF.episode_id}:alert"
REFUSED = upload(OF, status="failed", reason="403", clip_status="complete", attempts=5)


def seen(step: Any, works: dict[str, Work[Job, Any]], **more: Any) -> list[Failure]:
    return list(of_work(step, works, **more))


def test_what_failed_is_listed_with_its_attempts_since_when_why_and_what_to_do() -> None:
    (failure,) = seen("upload", {KEY: ended(REFUSED)})
    assert (failure.state, failure.what, failure.attempts, failure.since) == ("failed", "upload alert", 5, T0)
    assert (failure.reason, failure.revision, failure.hash) == ("403", 1, REFUSED.hash)
    assert failure.do == f"mend the cause, then `trackfold retry {OF.episode_id[:8]} --step upload`"


def test_what_is_still_tried_is_listed_from_its_second_attempt_on() -> None:
    assert seen("upload", {KEY: pending(OF)}) == []
    (failure,) = seen("upload", {KEY: pending(OF, attempts=2, last_error="429")})
    assert (failure.state, failure.attempts, failure.reason, failure.revision) == ("retrying", 2, "429", 0)
    assert failure.next_at == T0 + 9_000
    (again,) = seen("upload", {KEY: ended(REFUSED), f"{KEY}:2": pending(OF, asked="hash")})
    assert (again.state, again.revision, again.reason) == ("retrying", 1, "a person asked for it again")


def test_what_went_well_in_the_end_and_what_only_follows_from_a_missing_clip_is_not_listed() -> None:
    well: Work[Job, Any] = Work(state="finished", taken_in_at=T0)
    assert seen("upload", {KEY: ended(REFUSED), f"{KEY}:2": well}) == []
    assert seen("upload", {KEY: ended(upload(OF, status="failed", clip_status="failed"))}) == []
    assert seen("upload", {KEY: ended(upload(OF, clip_status="partial"))}) == []
    (cause,) = seen("clip", {KEY: ended(clip(OF))})
    assert (cause.state, cause.step) == ("failed", "clip")


def test_only_what_could_be_accepted_twice_needs_a_persons_word() -> None:
    def risky(adapter: str, **more: Any) -> bool:
        unsure = upload(OF, status="ambiguous", adapter=adapter)
        return seen("upload", {KEY: ended(unsure)}, **more)[0].may_be_accepted

    assert (risky("http"), risky("s3"), risky("http", honours_keys=True)) == (True, False, False)


UNSURE = seen("upload", {KEY: ended(upload(OF, status="ambiguous", adapter="http"))})
FAILED = seen("upload", {KEY: ended(REFUSED)})


def test_a_persons_word_follows_the_record_that_failed() -> None:
    made, left = asks(FAILED, WORD)
    (ask,) = made
    assert left == []
    assert (ask.work_key, ask.revision, ask.previous_hash, ask.verdict) == (KEY, 1, REFUSED.hash, "again")
    assert (ask.asked_by, ask.reason, ask.hash) == ("Ada", "the storage is back", hash_of(ask))


def test_what_may_have_been_accepted_is_left_until_somebody_says_so() -> None:
    assert asks([*FAILED, *UNSURE], WORD)[1] == UNSURE
    ((one_ask, other), left) = asks(
        [*FAILED, *UNSURE], Word(by="Ada", reason="", at=T0, verdict="not_accepted", external_id=None)
    )
    assert (one_ask.verdict, other.verdict, left) == ("again", "not_accepted", [])


@pytest.mark.parametrize(
    ("chosen", "name", "said"),
    [(FAILED, "a.mp4", "0 fit"), (UNSURE * 2, "a.mp4", "2 fit"), (UNSURE, None, "needs the name")],
)
def test_a_word_of_acceptance_is_about_one_step_and_an_upload_needs_its_name(
    chosen: list[Failure], name: str | None, said: str
) -> None:
    with pytest.raises(NothingToRetry, match=said):
        asks(chosen, Word(by="Ada", reason="", at=T0, verdict="accepted", external_id=name))


def test_failures_are_found_by_camera_day_step_kind_and_episode_the_oldest_first() -> None:
    halt = FoldHalt(
        site_id="shop", camera_id="door", lane="live", stream_epoch=1, sequence=7, captured_at=1, error="E", halted_at=5
    )
    found = [*FAILED, of_halt(halt)]
    assert [f.step for f in Filter().of(found)] == ["fold", "upload"]
    for fits, misses in (
        ({"camera": "cam"}, {"camera": "till"}),
        ({"day": "2026-03-02"}, {"day": "2026-03-03"}),
        ({"step": "upload"}, {"step": "clip"}),
        ({"kind": "interaction"}, {"kind": "unattended"}),
        ({"part": "alert"}, {"part": "closing"}),
        ({"episode": OF.episode_id[:6].upper()}, {"episode": "zz"}),
        ({"states": ("failed",)}, {"states": ("ambiguous",)}),
    ):
        assert Filter(**fits).of(found) == FAILED  # type: ignore[arg-type]
        assert Filter(**misses).of(found) == []  # type: ignore[arg-type]


WORLD = world.make("acts")
FIRST, SECOND, WAIT = WORLD.episodes
UPLOAD: ClipUploaded = next(u for u in WORLD.of(ClipUploaded) if u.episode_id == WAIT)
REPORT: IncidentReported = next(r for r in WORLD.of(IncidentReported) if r.episode_id == WAIT)


def asked(of: ClipUploaded | IncidentReported, step: Any, key: str, revision: int = 1, **more: Any) -> RetryAsked:
    return sealed(
        RetryAsked(
            site_id=of.site_id,
            camera_id=of.camera_id,
            lane="live",
            business_day=of.business_day,
            episode_id=of.episode_id,
            step=step,
            part="alert" if step != "incident" else None,
            work_key=key,
            revision=revision,
            verdict="again",
            reason="it is back",
            asked_by="Ada",
            asked_at=T0 + 90_000_000,
            hash="",
            previous_hash=of.hash,
            **more,
        )
    )


ASK = asked(UPLOAD, "upload", f"{WAIT}:alert")
AGAIN = resealed(UPLOAD, facet_revision=2)


def said(*more: Any) -> list[str]:
    log = world.log_of(WORLD, [*WORLD.records, *more])
    return [difference.what for difference in acts.check(log)]


def test_a_step_that_was_done_again_because_a_person_asked_agrees() -> None:
    facts = [*WORLD.facts, AGAIN]
    episodes = world.joined(facts)
    told = dict.fromkeys(e.episode_id for e in episodes)
    assert said(ASK, AGAIN) == []
    # and the whole audit agrees once everything is joined and loaded anew
    again = world.World(WORLD.site, WORLD.host, facts, episodes, WORLD.videos, WORLD.sidecars, WORLD.payloads)
    report = reconcile(world.log_of(again, [*again.records, ASK]), world.stores_of(again), WORLD.site)
    assert report.agrees, report.text()
    assert set(told) == set(WORLD.episodes)


def test_a_word_that_nobody_followed_is_a_difference() -> None:
    assert said(ASK) == ["the retry of its upload alert that Ada asked for has not been followed"]
    assert said(asked(REPORT, "incident", REPORT.incident_id)) == [
        "the retry of its incident that Ada asked for has not been followed"
    ]
    assert said(asked(REPORT, "incident", REPORT.incident_id), resealed(REPORT, facet_revision=2)) == []
    cut: ClipCut = next(c for c in WORLD.of(ClipCut) if c.episode_id == WAIT)
    assert said(asked(UPLOAD, "clip", f"{WAIT}:alert"), resealed(cut, facet_revision=2)) == []


def test_a_step_that_was_done_again_without_a_reason_is_a_difference() -> None:
    assert said(AGAIN) == [f"revision 2 of {UPLOAD.hash[:8]} was done again, and nobody asked for it"]
    assert said(resealed(UPLOAD, facet_revision=2, previous_hash="of another clip")) == [], "it follows a newer clip"


def test_an_altered_word_is_a_difference() -> None:
    forged = msgspec.structs.replace(ASK, verdict="accepted")
    assert said(forged, AGAIN) == [f"the retry of {WAIT}:alert: its hash does not fit its content"]


def test_the_story_tells_who_had_what_done_again_passed_over_and_sent_again() -> None:
    confirmed = next(e for e in WORLD.facts if getattr(e, "phase", "") == "confirmed" and e.episode_id == WAIT)
    skip = FoldSkip(
        site_id=WORLD.site.site_id,
        camera_id=confirmed.camera_id,
        lane="live",
        stream_epoch=3,
        sequence=9,
        reason="broken frame",
        skipped_by="Ben",
        skipped_at=T0,
        captured_at=confirmed.confirmed_at,
    )
    elsewhen = msgspec.structs.replace(skip, reason="long ago", captured_at=1)
    log = world.log_of(WORLD, [*WORLD.records, AGAIN, ASK, skip, elsewhen])
    log.sent_again = [
        SentAgain(WAIT, "clips/3/17", "3/21", "Cem", T0, "bad unit", "f" * 64),
        SentAgain(FIRST, "clips/3/18", "3/22", "Cem", T0, "another", "f" * 64),
    ]
    text = tell(WAIT, log, world.stores_of(WORLD), WORLD.site).text()
    assert "upload alert, again, by Ada: it is back" in text
    assert "3:9 by Ben: broken frame" in text
    assert "clips/3/17 as 3/21 by Cem: bad unit" in text
    assert "long ago" not in text
    assert "clips/3/18" not in text


def test_a_letter_is_named_exactly_and_shown_with_what_can_be_read_of_it() -> None:
    good = world.CODEC.encode(clip())
    letter = Letter(CLIPS, 3, 17, "cam", good + b"tail" * 100, "bytes are left over", T0)
    with pytest.raises(NoSuchLetter, match="there are clips/3/17"):
        one([letter], "clips/3/1")
    assert one([letter], "clips/3/17") is letter
    text = shown(letter, world.CODEC)
    assert "schema id" in text
    assert "bytes are left over" in text
    assert "more bytes; --out FILE writes all" in text
    letter.value = good
    assert '"episode_id"' in shown(letter, world.CODEC), "its schema is registered now"
