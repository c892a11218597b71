"""What a run of a simulated day is judged by."""

from datetime import datetime

import pytest

from tests.soak.day import BEGIN, CAMERA, HZ, OPEN, STAFF_ID, Block, at_ms, block
from tests.soak.verdict import Sample, incidents, resources, slopes_mb_per_h


def sample(hours: float, *, lag: int = 0, disk_mb: float = 10.0, **memory_mb: float) -> Sample:
    """One look; processes by name, all with pid 1."""
    return Sample(hours, lag, {(name, 1): mb for name, mb in memory_mb.items()}, {"recordings": disk_mb})


class TestMemory:
    def test_what_grows_after_the_warm_up_is_named_with_its_slope(self) -> None:
        run = [sample(h, leaks=100 + 20 * h, steady=300 - 200 / (1 + h)) for h in range(25)]
        assert slopes_mb_per_h(run)["leaks"] == pytest.approx(20)
        assert [line.split(":")[0] for line in resources(run, 50)] == ["leaks"]

    def test_of_a_process_that_was_started_again_the_longest_life_counts(self) -> None:
        lives = [(1, 100.0 + h) if h < 20 else (2, 100.0 - 9 * h) for h in range(25)]
        run = [Sample(h, 0, {("clip", pid): mb}, {"recordings": 1}) for h, (pid, mb) in enumerate(lives)]
        assert slopes_mb_per_h(run)["clip"] == pytest.approx(1)

    def test_a_step_when_the_first_work_comes_is_no_slope_and_many_steps_are_one(self) -> None:
        run = [sample(h, wakes=88.0 if h < 20 else 174.0, climbs=100.0 + 20 * (h // 3)) for h in range(25)]
        slopes = slopes_mb_per_h(run)
        assert slopes["wakes"] == 0
        assert slopes["climbs"] == pytest.approx(20 / 3, rel=0.1)

    def test_two_looks_at_one_time_are_no_slope_between_them(self) -> None:
        run = [sample(h, leaks=100 + 20 * h) for h in (*range(25), 24, 24)]
        assert slopes_mb_per_h(run)["leaks"] == pytest.approx(20)

    def test_a_short_run_has_no_slope_to_be_judged(self) -> None:
        assert list(resources([sample(h / 10, leaks=100 * h) for h in range(10)], 50)) == []


def test_records_left_to_fold_and_a_recording_beyond_its_bound_are_wrong() -> None:
    assert len(list(resources([sample(0.5, disk_mb=60), sample(1, lag=3)], 50))) == 2


def test_an_incident_of_nothing_and_one_that_was_accepted_twice_are_wrong() -> None:
    assert list(incidents([], ["a"])) == ["a: an incident that belongs to nothing"]
    assert next(iter(incidents([], ["a", "a"]))) == "a: 2 incidents were accepted"


class TestTheDay:
    def test_it_is_the_same_every_time_and_another_with_another_seed(self) -> None:
        one, again, other = (list(block("cam-1", 3, seed).records())[700] for seed in (1, 1, 2))
        assert one == again
        assert one != other

    def test_its_records_are_contiguous_from_block_to_block(self) -> None:
        one, next_ = (list(block("cam-1", number, 1).records()) for number in (0, 1))
        assert [u.sequence for u in one + next_] == list(range(len(one + next_)))
        assert next_[0].captured_at - one[-1].captured_at == 1000 // HZ

    def test_nobody_s_track_id_comes_again_but_the_staff_s(self) -> None:
        seen: set[int] = set()
        for number in range(12):
            ids = {t.track_id for u in block("cam-1", number, 1).records() for t in u.tracks} - {STAFF_ID}
            assert ids
            assert not seen & ids
            seen |= ids

    def test_everybody_is_inside_the_picture_and_nobody_there_at_night(self) -> None:
        night = next(n for n in range(288) if _local_hour(n) not in OPEN)
        assert all(not u.tracks for u in block("cam-1", night, 1).records())
        boxes = [t for u in block("cam-1", 0, 1).records() for t in u.tracks]
        assert all(-2 < t.x1 < t.x2 < CAMERA.width_px + 2 for t in boxes)

    def test_an_hour_has_both_kinds_of_episodes(self) -> None:
        happened = [one for number in range(12) for one in _block(number).happened]
        assert {one.kind for one in happened} == {"interaction", "unattended"}


def _block(number: int) -> Block:
    return block("cam-1", number, 1)


def _local_hour(number: int) -> int:
    return datetime.fromtimestamp(at_ms(number) / 1000, BEGIN.tzinfo).hour
