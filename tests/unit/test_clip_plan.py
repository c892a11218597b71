"""Which clips are asked for, when they are due, what their records say."""

from pathlib import Path

import msgspec
import pytest

from connectors.clip import coverage, plan
from connectors.clip.coverage import PATIENCE_MS, Recorded
from connectors.clip.plan import ClipFile, ClipJob
from infra.recordings import Gop, Head, SegmentIndex, Tail
from schemas.hashing import hash_of
from schemas.records import Gap
from schemas.windows import Window, alert_window, closing_is_due, closing_window
from tests.connector_records import T0, event

NOW = T0 + 3_600_000


def job(**more: object) -> ClipJob:
    (found,) = plan.jobs(event(**more), NOW).values()  # type: ignore[arg-type]
    return found


def segment(*gops: tuple[int, int], live: bool = True, tail: bool | None = None, epoch: int = T0) -> SegmentIndex:
    """gops: (begin, end) in seconds after T0."""
    head = Head(
        site_id="shop",
        camera_id="cam",
        lane="live",
        stream_epoch=epoch,
        index=0,
        codec="h264",
        time_base_den=90_000,
        transcoded=False,
        live=live,
    )
    lines = [Gop(key_at=T0 + a * 1000, key_pts=a * 90_000, end_at=T0 + b * 1000) for a, b in gops]
    return SegmentIndex(path=Path("x.mp4"), head=head, gops=lines, tail=None if tail is None else Tail(last=tail))


def test_a_confirmed_episode_gets_an_alert_clip_from_5_s_before_its_start_to_5_s_after_its_confirmation() -> None:
    confirmed = event()
    found = plan.jobs(confirmed, NOW)
    assert list(found) == [f"{confirmed.episode_id}:alert"]
    alert = found[f"{confirmed.episode_id}:alert"]
    assert alert.asked == (T0 - 5_000, T0 + 20_000)
    assert alert.previous_hash == confirmed.hash
    assert alert.subject.alert == confirmed.alert
    assert alert.subject.kind == "interaction"


def test_an_episode_that_anothers_clip_shows_gets_no_alert_clip_of_its_own() -> None:
    assert plan.jobs(event(evidence_episode_id="another"), NOW) == {}
    own = event(episode_id="mine", evidence_episode_id="mine")
    assert list(plan.jobs(own, NOW)) == ["mine:alert"]


@pytest.mark.parametrize("phase", ["started", "retracted"])
def test_no_other_phase_asks_for_a_clip(phase: str) -> None:
    assert plan.jobs(event(phase), NOW) == {}


def test_what_belongs_to_no_occurrence_or_was_never_confirmed_asks_for_no_clip() -> None:
    for missing in ("occurrence_id", "confirmed_at"):
        for phase in ("confirmed", "ended"):
            of = event(phase, ended_at=T0 + 60_000)
            assert plan.jobs(msgspec.structs.replace(of, **{missing: None}), NOW) == {}


@pytest.mark.parametrize(("lasted_s", "asks"), [(15.0, False), (15.001, True), (40.0, True)])
def test_an_end_outside_the_alert_clip_gets_a_closing_clip(lasted_s: float, asks: bool) -> None:
    ended = event("ended", ended_at=T0 + round(lasted_s * 1000), evidence_episode_id="another")
    found = plan.jobs(ended, NOW)
    assert bool(found) == asks
    if asks:
        closing = found[f"{ended.episode_id}:closing"]
        assert closing.asked == (ended.ended_at - 10_000, ended.ended_at + 5_000)  # type: ignore[operator]
        assert closing.previous_hash == ended.hash


def test_an_end_that_the_alert_clip_shows_to_the_millisecond_needs_no_other() -> None:
    # given the alert clip of an episode that was confirmed at once: [start - 5 s, start + 5 s]
    assert not Window(0, 10_000).holds(-1, 10_000)
    assert Window(0, 10_000).holds(0, 10_000)
    assert not Window(0, 10_000).holds(0, 10_001)
    # the closing clip of one that ended 5 s after its start would begin where that does
    assert closing_window(T0 + 5_000).from_at == alert_window(T0, T0).from_at
    assert not closing_is_due(T0, T0 + 15_000, T0 + 5_000)
    assert closing_is_due(T0, T0 + 15_000, T0 + 4_999)


def test_of_more_than_120_s_the_end_is_kept() -> None:
    long = job(kind="unattended", confirmed_at=T0 + 300_000)
    assert long.asked == (T0 - 5_000, T0 + 305_000)
    assert long.window == (T0 + 185_000, T0 + 305_000)
    assert long.is_trimmed
    assert not job(kind="unattended").is_trimmed
    assert long.subject.kind == "unattended"


def test_a_clip_is_due_when_the_recording_reaches_its_end() -> None:
    assert coverage.is_due(job(), Recorded([segment((0, 20))]), NOW)
    assert not coverage.is_due(job(), Recorded([segment((0, 19))]), NOW)


def test_a_clip_is_due_when_its_epoch_ended_or_the_recording_goes_on_elsewhere() -> None:
    assert coverage.is_due(job(), Recorded([segment((0, 10), tail=True)]), NOW)
    assert not coverage.is_due(job(), Recorded([segment((0, 10), tail=False)]), NOW)
    assert coverage.is_due(job(), Recorded([segment((0, 10), tail=False)], goes_on_after=True), NOW)


def test_a_live_camera_is_waited_for_30_s_after_taking_in_and_a_file_until_it_ends() -> None:
    for live, due in ((True, True), (False, False)):
        recorded = Recorded([segment((0, 10), live=live)])
        assert not coverage.is_due(job(), recorded, NOW + PATIENCE_MS - 1)
        assert coverage.is_due(job(), recorded, NOW + PATIENCE_MS) == due


def test_a_camera_that_this_host_does_not_record_is_not_failed_at_once() -> None:
    assert not coverage.is_due(job(), Recorded([]), NOW)
    assert coverage.is_due(job(), Recorded([]), NOW + PATIENCE_MS)


def test_the_pieces_begin_with_the_key_frame_at_or_before_the_begin() -> None:
    recorded = Recorded([segment((-9, -7), (-7, -5), (-5, -3), (-3, 25), (25, 27))])
    assert [piece.gop.key_at - T0 for piece in coverage.pieces(recorded, job())] == [-5_000, -3_000]


def test_a_hiccup_between_two_gops_makes_no_clip_begin_late() -> None:
    head, rest = segment((-9, -6)), segment((-4, 25))
    late = SegmentIndex(
        path=Path("y.mp4"),
        head=head.head,
        gops=[Gop(key_at=T0 - 9_000, key_pts=0, end_at=T0 - 5_100)],
        tail=None,
    )
    assert coverage.pieces(Recorded([late, rest]), job())[0].gop.key_at == T0 - 9_000
    assert coverage.pieces(Recorded([head, rest]), job())[0].gop.key_at == T0 - 4_000


def test_a_clip_of_what_was_asked_too_long_begins_after_its_begin_so_that_it_lasts_no_longer_than_120_s() -> None:
    long = job(kind="unattended", confirmed_at=T0 + 300_000)
    recorded = Recorded([segment((180, 184), (184, 188), (188, 310))])
    assert [piece.gop.key_at - T0 for piece in coverage.pieces(recorded, long)] == [188_000]


def test_there_are_no_pieces_when_only_what_follows_is_recorded() -> None:
    assert coverage.pieces(Recorded([segment((21, 30))]), job()) == []


def test_gaps_are_what_was_asked_and_is_not_covered() -> None:
    asked = Window(0, 10_000)
    even = list(range(0, 10_001, 100))
    assert plan.gaps(asked, even, 10_100) == []
    assert plan.gaps(asked, [-700, *even], 10_100) == []
    assert plan.gaps(asked, even[5:], 10_100) == [Gap(from_at=0, to_at=500)]
    assert plan.gaps(asked, even[:91], 9_100) == [Gap(from_at=9_100, to_at=10_000)]
    assert plan.gaps(asked, even[:30] + even[50:], 10_100) == [Gap(from_at=2_900, to_at=5_000)]
    assert plan.gaps(asked, even[:30] + even[35:], 10_100) == []
    assert plan.gaps(Window(0, 2_001), [0, 1_000, 2_001], 2_001) == [Gap(from_at=1_000, to_at=2_001)]
    assert plan.gaps(asked, [], 0) == [Gap(from_at=0, to_at=10_000)]


def clip_file(shown: list[int], ends_at: int) -> ClipFile:
    return ClipFile("a.mp4", "a.json", "00", 5, "h264", shown, ends_at)


def test_the_record_of_a_whole_clip_is_complete_and_chained() -> None:
    asked = job()
    whole = clip_file(list(range(T0 - 5_500, T0 + 20_000, 100)), T0 + 20_000)
    record = plan.cut(asked, whole, host="h", attempts=2, now_ms=NOW)
    assert (record.status, record.reason, record.gaps) == ("complete", None, [])
    assert (record.covered_from, record.covered_to) == (T0 - 5_500, T0 + 19_900)
    assert record.previous_hash == asked.previous_hash
    assert record.hash == hash_of(record)


def test_the_record_of_a_clip_that_is_too_short_says_what_is_missing() -> None:
    short = clip_file(list(range(T0 - 2_000, T0 + 20_000, 100)), T0 + 20_000)
    record = plan.cut(job(), short, host="h", attempts=1, now_ms=NOW)
    assert record.status == "partial"
    assert record.gaps == [Gap(from_at=T0 - 5_000, to_at=T0 - 2_000)]
    assert record.reason == "3.0 s of what was asked are not covered"


def test_the_record_of_a_clip_that_would_have_been_too_long_says_what_was_kept() -> None:
    long = job(kind="unattended", confirmed_at=T0 + 300_000)
    end = clip_file(list(range(T0 + 185_000, T0 + 305_000, 100)), T0 + 305_000)
    record = plan.cut(long, end, host="h", attempts=1, now_ms=NOW)
    assert record.reason == "190.0 s of what was asked are not covered (longer than 120 s: the end is kept)"


def test_when_cutting_did_not_work_all_that_was_asked_is_a_gap() -> None:
    asked = job()
    record = plan.failed(asked, "no space left", host="h", attempts=3, now_ms=NOW)
    assert (record.status, record.reason, record.facet_revision) == ("failed", "no space left", 1)
    assert record.gaps == [Gap(from_at=asked.requested_from, to_at=asked.requested_to)]


def test_a_recording_that_begins_where_the_clip_ends_is_not_older_than_the_ring() -> None:
    at_its_end = plan.nothing_to_cut(job(), T0 + 20_000, host="h", attempts=1, now_ms=NOW)
    behind = plan.nothing_to_cut(job(), T0 + 20_001, host="h", attempts=1, now_ms=NOW)
    assert (at_its_end.status, behind.status) == ("failed", "expired")


def test_looked_for_is_also_the_second_after_a_clip_to_know_how_long_its_last_frame_stands() -> None:
    assert job().reach == (T0 - 5_000, T0 + 21_000)


@pytest.mark.parametrize(
    ("begins_at", "status", "said"),
    [
        (None, "failed", "no recording of cam on h"),
        (T0 - 60_000, "failed", "no frame"),
        (T0 + 60_000, "expired", "gone"),
    ],
)
def test_where_nothing_is_recorded_the_record_says_why(begins_at: int | None, status: str, said: str) -> None:
    record = plan.nothing_to_cut(job(), begins_at, host="h", attempts=1, now_ms=NOW)
    assert record.status == status
    assert said in str(record.reason)
    assert record.segment_filename is None
    assert record.gaps == [Gap(from_at=T0 - 5_000, to_at=T0 + 20_000)]
