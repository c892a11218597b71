"""Stream time and the detection grid."""

from dataclasses import dataclass
from fractions import Fraction

import pytest

from inference.timing import FileClock, Grid, LiveClock, Picker, grid_rate_hz
from tests.unit.inference_videos import START_MS


@dataclass(frozen=True)
class At:
    captured_at: int


def picked(times: list[int], rate_hz: float, frame_ms: float | None) -> list[tuple[int, int]]:
    """(slot, captured_at) of what the grid keeps of frames at these times (ms after the epoch)."""
    picker: Picker[At] = Picker(Grid(START_MS, rate_hz, frame_ms))
    picks = [pick for t in times if (pick := picker.offer(At(START_MS + t)))]
    last = picker.finish()
    picks += [last] if last else []
    return [(pick.slot, pick.frame.captured_at - START_MS) for pick in picks]


def test_a_file_begins_at_its_start_time_whatever_its_first_pts_is() -> None:
    clock = FileClock(START_MS, first_pts=7_000, time_base=Fraction(1, 90_000))
    assert clock.at(7_000) == START_MS
    assert clock.at(7_000 + 90_000 * 3600) == START_MS + 3_600_000


def test_file_time_rounds_to_the_nearest_ms_and_does_not_drift() -> None:
    clock = FileClock(START_MS, 0, Fraction(1001, 30_000))
    assert [clock.at(n) - START_MS for n in (1, 2, 3)] == [33, 67, 100]
    assert clock.at(30_000 * 10) == START_MS + 1001 * 10_000


def test_ten_frames_a_second_fill_a_grid_of_ten_exactly() -> None:
    times = [n * 100 for n in range(50)]
    assert picked(times, 10, 100) == [(n, n * 100) for n in range(50)]


def test_jitter_around_the_slots_neither_crowds_nor_misses_one() -> None:
    jitter = [0, 30, -35, 12, 40, -40, 5, -20, 38, -38]
    times = [n * 100 + jitter[n % 10] for n in range(50)]
    assert [slot for slot, _ in picked(times, 10, 100)] == list(range(50))


@pytest.mark.parametrize(("rate", "expected"), [(25, [0, 120, 200, 320, 400]), (30, [0, 100, 200, 300, 400])])
def test_a_faster_source_gives_the_first_frame_and_then_the_one_nearest_to_each_slot(
    rate: int, expected: list[int]
) -> None:
    times = [round(n * 1000 / rate) for n in range(rate)]
    assert [at for _, at in picked(times, 10, 1000 / rate)][:5] == expected


def test_an_empty_slot_stays_empty_and_the_next_frame_keeps_its_own() -> None:
    assert picked([0, 100, 400, 500], 10, 100) == [(0, 0), (1, 100), (4, 400), (5, 500)]


def test_the_instant_of_an_empty_slot_lies_between_its_neighbours() -> None:
    grid = Grid(START_MS, 10, 100)
    for gap in range(101, 300):
        earlier, later = START_MS + 1000, START_MS + 1000 + gap
        between = range(grid.slot(earlier) + 1, grid.slot(later))
        assert all(earlier < grid.instant(slot) < later for slot in between)


@pytest.mark.parametrize(("source", "rate"), [(5.0, 5.0), (25.0, 10.0), (None, 10.0), (0.2, 10.0)])
def test_the_grid_is_no_faster_than_the_source_where_that_is_known(source: float | None, rate: float) -> None:
    assert grid_rate_hz(10.0, source) == rate


def test_live_time_follows_pts_and_not_the_jitter_of_the_network() -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    found = []
    for n, late in enumerate([0, 80, 5, 200, 0, 60]):
        clock.observe(n * 100, START_MS + n * 100 + late)
        found.append(clock.at(n * 100) - START_MS)
    assert found == pytest.approx([n * 100 for n in range(6)], abs=1)


def test_live_time_is_never_after_arrival() -> None:
    clock = LiveClock(0, START_MS + 500, Fraction(1, 1000))  # the first packet came 500 ms late
    clock.observe(100, START_MS + 110)
    assert clock.at(100) == START_MS + 110


def test_live_time_follows_a_slow_camera_clock_by_one_ms_per_second_at_most() -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    for second in range(1, 11):
        clock.observe(second * 1000, START_MS + second * 1000 + 700)
    assert clock.at(10_000) - START_MS - 10_000 == pytest.approx(10, abs=1)


def test_a_frame_from_the_future_is_a_jump_of_the_camera_clock() -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    assert clock.jump_ms(1_100, START_MS + 100, waited_for=True) == 0
    assert clock.jump_ms(60_000, START_MS + 200, waited_for=True) == 59_800


def late(clock: LiveClock, seconds: range, late_ms: int, *, waited_for: bool = True) -> list[int]:
    """What the clock says of a packet in each of these seconds that comes so late."""
    return [clock.jump_ms(s * 1000 - late_ms, START_MS + s * 1000, waited_for=waited_for) for s in seconds]


def test_frames_that_stay_late_although_nothing_waits_for_us_are_a_clock_that_was_put_back() -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    said = late(clock, range(1, 13), 2_500)
    assert said == [0] * 11 + [-2_500], "after more than LAG_MS"


@pytest.mark.parametrize("case", ["a second late", "a backlog of ours", "once in time between"])
def test_other_late_frames_are_no_jump(case: str) -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    if case == "a second late":
        said = late(clock, range(1, 30), 1_000)
    elif case == "a backlog of ours":
        said = late(clock, range(1, 30), 5_000, waited_for=False)
    else:
        said = late(clock, range(1, 10), 5_000) + late(clock, range(10, 11), 0) + late(clock, range(11, 20), 5_000)
    assert set(said) == {0}


def test_a_new_epoch_never_begins_before_the_last_one_ended() -> None:
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    clock.not_before(0, START_MS + 40)
    assert clock.at(0) == START_MS + 40
    clock.not_before(0, START_MS)
    assert clock.at(0) == START_MS + 40


def test_an_epoch_that_began_late_keeps_its_begin_when_its_packets_come_early() -> None:
    # given a first packet that was buffered, of a time that the log has already
    clock = LiveClock(0, START_MS, Fraction(1, 1000))
    clock.not_before(0, START_MS + 40)
    # when the next ones show that the anchor was moved too far
    clock.observe(20, START_MS + 20)
    # then nothing is before the epoch's begin, and what follows is not from the future
    assert clock.at(0) == clock.at(20) == START_MS + 40
    assert clock.at(100) == START_MS + 100
