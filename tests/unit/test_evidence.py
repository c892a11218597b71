"""The evidence join: every order of arrival ends in the same Episodes, and none is ever silently without evidence."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.hashing import sealed
from schemas.ids import incident_id
from schemas.records import (
    Alert,
    Cause,
    ClipCut,
    ClipUploaded,
    Episode,
    IncidentReported,
    InteractionEvent,
    Lineage,
    Subject,
    TrackRef,
    UnattendedEvent,
)
from streams.evidence import Fact, OccurrenceEntry, entry_key, episodes, is_over, join, merge

T0 = 1_700_000_000_000
OCCURRENCE = "opener"


def event(episode_id: str, phase: str, *, after: Fact | None = None, **more: object) -> InteractionEvent:
    revision = {"started": 1, "confirmed": 2, "ended": 3, "discarded": 3, "retracted": 4}[phase]
    known = phase in ("confirmed", "ended", "retracted")
    record = InteractionEvent(
        episode_id=episode_id,
        facet_revision=revision,
        phase=phase,
        ordinal=1,
        site_id="shop",
        camera_id="till",
        lane="live",
        business_day="2023-11-14",
        occurrence_id=OCCURRENCE if known else None,
        opens=known and episode_id == OCCURRENCE,
        evidence_episode_id=episode_id if known else None,
        staff_id=100,
        customer_id=200,
        started_at=T0,
        confirmed_at=T0 + 15_000 if known else None,
        ended_at=T0 + 40_000 if revision >= 3 else None,
        duration_s=40.0 if revision >= 3 else None,
        close_reason="separated" if revision >= 3 else None,
        confidence=0.9,
        support=0.8,
        lineage=Lineage(customer=[TrackRef(stream_epoch=T0, track_id=1, tracklet=0)]),
        rules_version="abc",
        cause=Cause(stream_epoch=T0, sequence=revision, captured_at=T0 + revision),
        alert=Alert(location="till", image_width=640, image_height=480, support=0.8, threshold_s=15.0)
        if phase == "confirmed"
        else None,
        hash="",
        previous_hash=None if after is None else after.hash,
    )
    return sealed(msgspec.structs.replace(record, **more))


def subject(episode_id: str) -> Subject:
    return Subject(
        kind="interaction",
        episode_id=episode_id,
        occurrence_id=OCCURRENCE,
        ordinal=1,
        site_id="shop",
        camera_id="till",
        lane="live",
        business_day="2023-11-14",
        opens=True,
        customer_id=200,
        started_at=T0,
        confirmed_at=T0 + 15_000,
        support=0.8,
        lineage=Lineage(),
        rules_version="abc",
    )


def clip(after: InteractionEvent, part: str = "alert", revision: int = 1, **more: object) -> ClipCut:
    record = ClipCut(
        episode_id=after.episode_id,
        occurrence_id=OCCURRENCE,
        site_id="shop",
        camera_id="till",
        lane="live",
        business_day="2023-11-14",
        part=part,
        facet_revision=revision,
        subject=subject(after.episode_id),
        status="complete",
        segment_filename=f"segment_{part}_{revision}.mp4",
        sha256=f"sha-{part}-{revision}",
        requested_from=T0 - 5_000,
        requested_to=T0 + 20_000,
        covered_from=T0 - 6_000,
        covered_to=T0 + 20_000,
        cut_at=T0 + 30_000,
        attempts=1,
        hash="",
        previous_hash=after.hash,
    )
    return sealed(msgspec.structs.replace(record, **more))


def upload(after: ClipCut, revision: int = 1, **more: object) -> ClipUploaded:
    record = ClipUploaded(
        episode_id=after.episode_id,
        occurrence_id=OCCURRENCE,
        site_id="shop",
        camera_id="till",
        lane="live",
        business_day="2023-11-14",
        part=after.part,
        facet_revision=revision,
        subject=after.subject,
        status="uploaded",
        clip_status=after.status,
        adapter="s3",
        segment_filename=after.segment_filename,
        uploaded_filename=f"prolific_upload_{after.part}_{revision}.mp4",
        video_url=f"https://videos.example/{after.part}_{revision}.mp4",
        incident_id=incident_id(OCCURRENCE),
        upload_timestamp=T0 + 31_000,
        attempts=1,
        hash="",
        previous_hash=after.hash,
    )
    return sealed(msgspec.structs.replace(record, **more))


def incident(after: ClipUploaded, revision: int = 1, **more: object) -> IncidentReported:
    record = IncidentReported(
        incident_id=incident_id(OCCURRENCE),
        episode_id=after.episode_id,
        occurrence_id=OCCURRENCE,
        site_id="shop",
        camera_id="till",
        lane="live",
        business_day="2023-11-14",
        facet_revision=revision,
        status="reported",
        image=after.uploaded_filename or "",
        payload_sha256="p",
        external_incident_id="77",
        http_status=200,
        reported_at=T0 + 32_000,
        attempts=1,
        hash="",
        previous_hash=after.hash,
    )
    return sealed(msgspec.structs.replace(record, **more))


def a_whole_story() -> list[Fact]:
    """An opener with both clips and a retry, a member that the opener's clip shows, and one that was retracted."""
    opened = event(OCCURRENCE, "confirmed")
    ended = event(OCCURRENCE, "ended", after=opened)
    joined = event("joined", "confirmed", evidence_episode_id=OCCURRENCE)
    joined_ended = event("joined", "ended", after=joined)
    wrong = event("wrong", "confirmed")
    wrong_ended = event("wrong", "ended", after=wrong)
    retracted = event("wrong", "retracted", after=wrong_ended)
    cut, cut_again = clip(opened, status="partial", reason="recording ended"), clip(opened, revision=2)
    stored, stored_again = upload(cut), upload(cut_again, revision=2)
    closing = clip(ended, "closing")
    story: list[Fact] = [opened, joined, cut, stored, incident(stored), wrong, ended, closing, upload(closing)]
    return [*story, joined_ended, wrong_ended, cut_again, retracted, stored_again, clip(wrong, status="failed")]


def told(facts: list[Fact]) -> tuple[OccurrenceEntry, list[Episode]]:
    """The entry after these facts, stored after each one as in use, and every Episode on the way."""
    entry, published = None, []
    for fact in facts:
        entry, changed = join(entry, fact)
        entry = msgspec.msgpack.decode(msgspec.msgpack.encode(entry), type=OccurrenceEntry)
        published += changed
    assert entry is not None
    return entry, published


def last_of_each(published: list[Episode]) -> dict[str, Episode]:
    return {episode.episode_id: episode for episode in published}


STORY = a_whole_story()
IN_ORDER = last_of_each(told(STORY)[1])


def only(facts: list[Fact], episode_id: str = OCCURRENCE) -> Episode:
    return last_of_each(told(facts)[1])[episode_id]


def test_the_story_in_its_order_ends_with_three_episodes() -> None:
    assert {e.episode_id: (e.phase, e.evidence.status) for e in IN_ORDER.values()} == {
        OCCURRENCE: ("ended", "available"),
        "joined": ("ended", "available"),
        "wrong": ("retracted", "pending"),
    }
    opener = IN_ORDER[OCCURRENCE]
    assert opener.revision == 3 + 2 + 2 + 1 + 1 + 1  # event, clip, upload, incident, closing clip, closing upload
    assert opener.evidence.segment_filename == "segment_alert_2.mp4"
    assert opener.evidence.closing_uploaded_filename == "prolific_upload_closing_1.mp4"
    assert opener.incident.external_incident_id == "77"


@settings(max_examples=150, deadline=None)
@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=8))
def test_any_interleaving_with_any_duplicates_gives_the_same_final_episodes(
    order: list[Fact], duplicates: list[Fact]
) -> None:
    # when the facts come in another order, and some of them again
    _, published = told(order + duplicates)

    # then the last Episode of each id is the same to the byte, and revisions only grew on the way
    assert last_of_each(published) == IN_ORDER
    for episode_id in IN_ORDER:
        revisions = [e.revision for e in published if e.episode_id == episode_id]
        assert revisions == sorted(set(revisions))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(STORY)), st.lists(st.sampled_from(STORY)))
def test_two_half_filled_entries_merge_to_what_one_would_have_known(some: list[Fact], others: list[Fact]) -> None:
    # given two workers that each took in some of the facts
    seed = STORY[:1]
    one, two, both = told(seed + some)[0], told(seed + others)[0], told(seed + some + others)[0]

    # then merging them in either order gives the entry of one who took in all
    copies = [msgspec.msgpack.decode(msgspec.msgpack.encode(e), type=OccurrenceEntry) for e in (one, two)]
    assert list(episodes(merge(one, two))) == list(episodes(both))
    assert list(episodes(merge(copies[1], copies[0]))) == list(episodes(both))


def test_a_duplicate_fact_publishes_nothing() -> None:
    entry, _ = told(STORY)
    for fact in STORY:
        entry, changed = join(entry, fact)
        assert changed == []


def test_an_end_that_comes_before_its_confirmation_waits_for_it() -> None:
    # given the two events of one episode
    confirmed = event(OCCURRENCE, "confirmed")
    ended = event(OCCURRENCE, "ended", after=confirmed)

    # when the later comes first, then nothing can be stated yet
    entry, published = told([ended])
    assert published == []

    # and the confirmation brings both at once
    _, published = join(entry, confirmed)
    assert [(e.phase, e.revision) for e in published] == [("ended", 3)]


def test_one_fact_changes_every_member_that_it_is_evidence_for() -> None:
    # given an opener, and a member that the opener's clip shows
    opened = event(OCCURRENCE, "confirmed")
    entry, _ = told([opened, event("joined", "confirmed", evidence_episode_id=OCCURRENCE)])

    # when the opener's clip is cut
    _, published = join(entry, clip(opened))

    # then both are stated anew, and the member says whose clip it is
    assert [e.episode_id for e in published] == ["joined", OCCURRENCE]
    assert [e.evidence.evidence_from for e in published] == [OCCURRENCE, None]


def test_the_audit_chain_has_one_order_and_names_each_record() -> None:
    audit = IN_ORDER[OCCURRENCE].audit

    assert [(step.facet, step.part, step.phase, step.facet_revision) for step in audit] == [
        ("event", None, "confirmed", 2),
        ("event", None, "ended", 3),
        ("clip", "alert", None, 2),
        ("upload", "alert", None, 2),
        ("incident", None, None, 1),
        ("clip", "closing", None, 1),
        ("upload", "closing", None, 1),
    ]
    confirmed, ended, alert, stored, _, closing, closing_stored = audit
    assert (ended.previous_hash, alert.previous_hash) == (confirmed.hash, confirmed.hash)
    assert stored.previous_hash == alert.hash
    assert (closing.previous_hash, closing_stored.previous_hash) == (ended.hash, closing.hash)


CONFIRMED = event(OCCURRENCE, "confirmed")


@pytest.mark.parametrize(
    ("cut", "stored", "status", "reason"),
    [
        ({}, None, "pending", None),
        ({}, {}, "available", None),
        ({"status": "partial", "reason": "gap"}, {}, "partial", "gap"),
        ({"status": "failed", "reason": "no frames"}, {"status": "failed", "reason": "no clip"}, "failed", "no frames"),
        ({"status": "expired", "reason": "gone"}, {"status": "failed"}, "expired", "gone"),
        ({}, {"status": "failed", "reason": "403"}, "failed", "403"),
        ({}, {"status": "ambiguous", "reason": "reset"}, "ambiguous", "reset"),
        ({"status": "partial"}, {"status": "ambiguous", "reason": "reset"}, "ambiguous", "reset"),
        ({}, {"status": "UNRECOGNISED"}, "ambiguous", None),
    ],
)
def test_the_status_follows_the_alert_part(
    cut: dict[str, str], stored: dict[str, str] | None, status: str, reason: str | None
) -> None:
    a_clip = clip(CONFIRMED, **cut)
    facts = [CONFIRMED, a_clip] + ([] if stored is None else [upload(a_clip, **stored)])

    evidence = only(facts).evidence

    assert (evidence.status, evidence.reason) == (status, reason)


def test_a_clip_that_is_cut_again_is_pending_until_its_own_upload() -> None:
    cut, cut_again = clip(CONFIRMED), clip(CONFIRMED, revision=2)
    stored = upload(cut)

    between = only([CONFIRMED, cut, stored, cut_again]).evidence
    after = only([CONFIRMED, cut, stored, cut_again, upload(cut_again, 2)]).evidence

    assert (between.status, between.segment_filename, between.video_url) == ("pending", "segment_alert_2.mp4", None)
    assert (after.status, after.uploaded_filename) == ("available", "prolific_upload_alert_2.mp4")


def test_the_episode_says_how_long_an_unattended_customer_had_waited() -> None:
    values = msgspec.to_builtins(event(OCCURRENCE, "confirmed")) | {"staff_id": None, "reason": "no_contact"}
    values["alert"] |= {"waited_s": 61.5}
    confirmed = sealed(msgspec.convert(values, UnattendedEvent))
    values |= {"phase": "ended", "facet_revision": 3, "alert": None, "reason": None, "previous_hash": confirmed.hash}
    ended = sealed(msgspec.convert(values, UnattendedEvent))

    for order in ([confirmed, ended], [ended, confirmed]):
        episode = only(list(order))
        assert (episode.kind, episode.phase, episode.waited_s, episode.reason) == (
            "unattended",
            "ended",
            61.5,
            "no_contact",
        )


def test_events_that_concern_no_episode_have_no_entry() -> None:
    assert entry_key(event(OCCURRENCE, "started")) is None
    assert entry_key(event(OCCURRENCE, "discarded")) is None
    assert entry_key(event("never confirmed", "retracted", occurrence_id=None)) is None
    for phase in ("confirmed", "ended", "retracted"):
        assert entry_key(event(OCCURRENCE, phase)) == "till|live|opener"
    assert entry_key(clip(CONFIRMED)) == "till|live|opener"


def test_an_entry_is_dropped_after_a_week_when_final_and_after_a_month_when_not() -> None:
    ended = event(OCCURRENCE, "ended", after=CONFIRMED)
    cut = clip(CONFIRMED)
    final = [CONFIRMED, ended, cut, upload(cut), incident(upload(cut))]
    closing_without_upload = [*final, clip(ended, "closing")]
    failed = [CONFIRMED, ended, cut, upload(cut, status="failed"), incident(upload(cut))]

    assert not is_over(told(final)[0], "2023-11-21")
    assert is_over(told(final)[0], "2023-11-22")
    for unfinished in (closing_without_upload, failed, [CONFIRMED, ended], [CONFIRMED], [cut]):
        assert not is_over(told(unfinished)[0], "2023-12-14")
        assert is_over(told(unfinished)[0], "2023-12-15")


def test_two_halves_of_an_occurrence_over_the_cut_of_the_day_are_as_old_as_the_older() -> None:
    early, late = clip(CONFIRMED), clip(CONFIRMED, "closing", business_day="2023-11-15")
    for one, other in ((early, late), (late, early)):
        merged = merge(told([one])[0], told([other])[0])
        assert merged.business_day == "2023-11-14"


def test_an_entry_of_a_long_occurrence_stays_small() -> None:
    # given thirty members with a crowded alert each, and all their evidence
    entry = None
    for number in range(30):
        confirmed = event(f"{number:036d}", "confirmed")
        cut = clip(confirmed)
        for fact in (confirmed, event(f"{number:036d}", "ended", after=confirmed), cut, upload(cut)):
            entry, _ = join(entry, fact)

    assert len(msgspec.msgpack.encode(entry)) < 128 * 1024
