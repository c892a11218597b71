"""A replay's units: which are asked for, how they are shared out, when one is made again, and when it is not made."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from schemas.acts import FoldSkip
from schemas.errors import InputError
from schemas.records import Position, TrackUpdate
from streams.replay.export import Exporting, shares
from streams.replay.export import folder_of as exported_to
from streams.replay.log import Batch
from streams.replay.share import Share, Stretch, dealt
from streams.replay.telling import Progress
from streams.replay.unit import Outcome, Unit, days_of, runs, units
from streams.replay.work import Counting, Folding, Work
from streams.replay.working import Throttle, do_share
from tests.scenario import CAMERA, book_of, rules, with_thresholds
from tests.unit.test_streams_replay import CUT, DAY, NEXT, RULES, around_the_cut

LOG = around_the_cut()
BOTH = tuple(units({CAMERA: RULES}, [DAY, NEXT], "live"))
STRETCH = Stretch("track-updates", "id", 3, begin=0, goal=len(LOG), end=len(LOG))
SHARE = Share(STRETCH, BOTH)


def told(work: Work, share: Share = SHARE, log: list[TrackUpdate] = LOG) -> dict[str, Outcome]:
    """What became of each day of a log whose offsets count from 0."""
    outcomes: list[Outcome] = []
    batches: Iterator[Batch] = iter([(list(enumerate(log)), len(log))])
    do_share(work, share, batches, lambda said: outcomes.append(said) if isinstance(said, Outcome) else None)
    return {outcome.unit.day: outcome for outcome in outcomes}


def folding(out: Path, **more: object) -> Folding:
    return replace(Folding(out, book_of(RULES), frozenset()), **more)  # type: ignore[arg-type]


def kept(work: Work, share: Share = SHARE) -> list[str]:
    """The days that need not be done."""
    return [unit.day for unit in share.units if work.kept(unit, share) is not None]


def test_a_day_or_a_range_is_asked_for_with_both_ends() -> None:
    assert days_of("2026-02-28") == ["2026-02-28"]
    assert days_of("2026-02-27..2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]


@pytest.mark.parametrize("text", ["2026-02-30", "yesterday", "2026-03-02..2026-03-01", "2026-03-02.."])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(InputError, match="--day"):
        days_of(text)


def test_days_without_a_gap_are_read_in_one_go_and_what_lies_between_others_is_not_read() -> None:
    days = ["2026-03-02", "2026-03-03", "2026-03-09"]
    asked = units({"a": rules(camera_id="a"), "b": rules(camera_id="b")}, days, "live")

    groups = runs(asked)

    assert [{unit.day for unit in group} for group in groups] == [set(days[:2]), set(days[2:])]
    assert sum(map(len, groups)) == len(asked)


def test_shares_are_dealt_evenly_and_no_partition_to_two() -> None:
    def share(partition: int, records: int) -> Share:
        return Share(Stretch("track-updates", "id", partition, 0, records, records), ())

    there = [share(0, 50), share(1, 60), share(0, 40), share(2, 30), share(3, 1)]

    hands = dealt(there, 2)

    assert sorted(sum(one.records for one in hand) for hand in hands) == [90, 91]
    owners = [{one.source.partition for one in hand} for hand in hands]  # type: ignore[union-attr]
    assert owners[0].isdisjoint(owners[1])
    assert len(dealt(there, 9)) == 4


def test_days_read_in_one_go_are_those_that_are_read_one_by_one(tmp_path: Path) -> None:
    # given both days of a log in one go
    told(folding(tmp_path / "both"))

    # when each is read by itself
    for unit in BOTH:
        told(folding(tmp_path / "single"), replace(SHARE, units=(unit,)))

    # then the events are the same
    files = {path.relative_to(tmp_path / "both"): path for path in (tmp_path / "both").rglob("*.avro")}
    assert len(files) == 8
    for name, path in files.items():
        assert path.read_bytes() == (tmp_path / "single" / name).read_bytes()


def test_what_was_made_from_the_same_log_under_the_same_rules_is_kept(tmp_path: Path) -> None:
    # given a day that is closed and one that is not over yet
    work = folding(tmp_path)
    told(work)
    assert kept(work) == [DAY, NEXT]

    # then more of the log concerns the one that is open, and another log both
    longer = replace(SHARE, source=replace(STRETCH, end=len(LOG) + 1))
    assert kept(work, longer) == [DAY]
    assert kept(work, replace(SHARE, source=replace(STRETCH, topic_id="another"))) == []

    # and so do other rules, and a record that a person had passed over since
    other = with_thresholds(RULES, interaction={"confirm_s": 3.0})
    assert kept(folding(tmp_path, book=book_of(other))) == []
    assert kept(folding(tmp_path, skips=frozenset({(CAMERA, "live", LOG[0].stream_epoch, 7)}))) == []
    assert kept(folding(tmp_path, skips=frozenset({("another", "live", LOG[0].stream_epoch, 7)}))) == [DAY, NEXT]


def test_files_that_are_not_as_they_were_written_are_made_again(tmp_path: Path) -> None:
    work = folding(tmp_path)
    told(work)
    good = (tmp_path / CAMERA / DAY / "interaction-events.avro").read_bytes()

    (tmp_path / CAMERA / DAY / "interaction-events.avro").write_bytes(good[:-1])
    (tmp_path / CAMERA / NEXT / "customer-visits.avro").unlink()

    assert kept(work) == []
    told(work)
    assert kept(work) == [DAY, NEXT]
    assert (tmp_path / CAMERA / DAY / "interaction-events.avro").read_bytes() == good


@pytest.mark.parametrize("kind", ["fold", "export"])
def test_a_day_whose_beginning_retention_took_is_not_done_by_half(kind: str, tmp_path: Path) -> None:
    # given a partition that begins, since retention, within the first day
    work: Work = folding(tmp_path) if kind == "fold" else Exporting(tmp_path, {}, [])
    share = replace(SHARE, source=replace(STRETCH, headless=frozenset(BOTH[:1])))

    # when it is read
    found = told(work, share, LOG[20:])

    # then that day is refused and the next one done
    assert "retention" in (found[DAY].error or "")
    assert found[NEXT].error is None
    assert kept(work, share) == [NEXT]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_day_of_which_the_log_has_the_beginning_after_all_is_done(tmp_path: Path) -> None:
    """The partition begins within the day, but with the camera's very first record, or with one from the day before."""
    headless = replace(SHARE, source=replace(STRETCH, headless=frozenset(BOTH)))
    assert told(Counting(folding(tmp_path)), headless)[DAY].error is None
    assert told(folding(tmp_path / "first"), headless)[DAY].error is None

    restarted = msgspec.structs.replace(LOG[0], previous=Position(stream_epoch=LOG[0].stream_epoch - 9, sequence=4))
    found = told(folding(tmp_path / "restarted"), headless, [restarted, *LOG[1:]])
    assert found[DAY].error is not None
    assert found[NEXT].error is None


def test_an_export_that_is_broken_off_leaves_what_was_there(tmp_path: Path) -> None:
    # given an export of a day of which half had come
    work = Exporting(tmp_path, {}, [])
    told(work, replace(SHARE, units=BOTH[:1]))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    # when another is broken off
    def broken() -> Iterator[Batch]:
        yield list(enumerate(LOG[:50])), 50
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do_share(work, SHARE, broken(), lambda said: None)

    # then there is what there was
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_an_exported_day_that_is_damaged_or_of_another_time_is_refused(tmp_path: Path) -> None:
    told(Exporting(tmp_path, {}, []))
    assert len(shares(tmp_path, BOTH)) == 2

    moved = [replace(unit, begins_at=unit.begins_at + 1) for unit in BOTH]
    with pytest.raises(InputError, match="business_day_starts"):
        shares(tmp_path, moved)

    (exported_to(tmp_path, BOTH[1]) / "track-updates.avro").write_bytes(b"Obj\x01")
    with pytest.raises(InputError, match=f"export {CAMERA} {NEXT} again"):
        shares(tmp_path, BOTH)


def test_a_skip_made_since_concerns_an_export_too(tmp_path: Path) -> None:
    told(Exporting(tmp_path, {}, []))
    skip = FoldSkip(
        site_id="shop",
        camera_id=CAMERA,
        lane="live",
        stream_epoch=LOG[0].stream_epoch,
        sequence=3,
        reason="a test",
        skipped_by="anna",
        skipped_at=CUT,
    )
    assert kept(Exporting(tmp_path, {}, [skip])) == []
    assert kept(Exporting(tmp_path, {}, [msgspec.structs.replace(skip, camera_id="another")])) == [DAY, NEXT]


class Time:
    """A clock that is moved by sleeping."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_throttle_lets_so_many_records_by_per_second_and_makes_up_for_slow_ones() -> None:
    time = Time()
    throttle = Throttle(100.0, time.now, time.sleep)

    throttle.passed(50)
    assert time.at == pytest.approx(0.5)

    time.sleep(2.0)  # the work itself
    throttle.passed(100)
    assert time.at == pytest.approx(2.5)
    throttle.passed(150)
    assert time.at == pytest.approx(3.0)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_one_line_on_a_terminal_and_a_new_one_now_and_then_elsewhere(terminal: bool) -> None:
    time, to = Time(), io.StringIO()
    to.isatty = lambda: terminal  # type: ignore[method-assign]
    progress = Progress(2, 4000, to, time.now)
    for _ in range(10):
        time.sleep(2.0)
        progress.take(200)
    progress.take(Outcome(BOTH[0], 2000))
    time.sleep(10.0)
    progress.take(0)
    progress.end()

    shown = to.getvalue()
    assert shown.count("\n") == (1 if terminal else 3)
    assert shown.count("\r") == (11 if terminal else 0)
    assert "0 of 2 units, 1,000 of about 4,000 records (25%), 100/s, 0:30 left" in shown
    assert "1 of 2 units, 2,000" in shown


def test_a_unit_is_named_by_camera_and_day() -> None:
    assert str(Unit("till", "2026-03-02", 0, 1)) == "till 2026-03-02"
