"""Two streams of one camera: how much later one tells of the same moment."""

import numpy as np
import pytest

from inference.offset import SPAN_MS, Motion, OffsetMeter, Pictures, offset_ms
from tests.unit.inference_videos import START_MS


def walk(at_s: float) -> float:
    """Where somebody is who goes, stops and turns, never in the same rhythm: 0 to 100."""
    return 50 + 20 * np.sin(at_s * 0.9) + 15 * np.sin(at_s * 2.3 + 1) + 10 * np.sin(at_s * 0.31 + 2) ** 3


def picture(at_s: float) -> np.ndarray:
    """A small picture with a block where they are."""
    image = np.full((90, 160), 60.0)
    left = walk(at_s)
    columns = np.clip(np.arange(160) - left, 0, 1) * np.clip(left + 25 - np.arange(160), 0, 1)
    image[30:80] += 120 * columns
    return image


def motions(hz: float, *, late_ms: int = 0, seconds: float = 40.0, jitter_ms: int = 0) -> list[Motion]:
    """What moves in a stream of so many pictures a second that stands so much later."""
    random, stream = np.random.default_rng(1), Pictures()
    for n in range(int(seconds * hz)):
        at = START_MS + round(n * 1000 / hz) + late_ms + int(random.integers(0, jitter_ms + 1))
        stream.see(at, picture(n / hz))
    return stream.motions


@pytest.mark.parametrize("late_ms", [0, 240, -180, 1500])
def test_the_offset_of_two_streams_is_found_to_within_a_frame(late_ms: int) -> None:
    found = offset_ms(motions(10, jitter_ms=5), motions(25, late_ms=late_ms, jitter_ms=5))
    assert found == pytest.approx(late_ms, abs=40)


def test_where_nothing_moves_nothing_is_said() -> None:
    still: list[Motion] = [(START_MS + n * 100, 0.0) for n in range(400)]
    assert offset_ms(still, motions(25)) is None
    assert offset_ms(still, still) is None


def test_what_moves_evenly_says_nothing() -> None:
    even = [(START_MS + n * 40, 5 + 3 * np.sin(n * 0.04 * 2 * np.pi)) for n in range(1000)]
    assert offset_ms(even, even) is None


def test_other_motion_says_nothing() -> None:
    random = np.random.default_rng(5)
    other = [(START_MS + n * 40, float(random.uniform(0, 5))) for n in range(1000)]
    assert offset_ms(motions(10), other) is None


def test_too_little_of_it_says_nothing() -> None:
    assert offset_ms(motions(10, seconds=15), motions(25, seconds=15)) is None
    assert offset_ms([], motions(25)) is None


def test_a_hole_or_another_size_begins_anew() -> None:
    stream = Pictures()
    for n in range(5):
        stream.see(START_MS + n * 100, picture(n))
    assert len(stream.motions) == 4
    stream.see(START_MS + 9_000, picture(9))
    assert stream.motions == []
    stream.see(START_MS + 9_100, picture(9.1)[:80])
    assert stream.motions == []


def test_no_more_is_kept_than_is_compared() -> None:
    kept = motions(25, seconds=120)
    assert kept[-1][0] - kept[0][0] <= SPAN_MS + 6000


def test_it_is_measured_as_soon_as_it_can_be_and_then_rests() -> None:
    meter, found = OffsetMeter(), []
    for n in range(40 * 25):
        at = START_MS + n * 40
        if meter.wants(at):
            meter.detected(at, picture(n / 25))
            offset = meter.recorded(at + 200, picture(n / 25))
            found += [] if offset is None else [(n, offset)]
    assert [offset for _, offset in found] == [pytest.approx(200, abs=40)]
    assert found[0][0] < 25 * 27
    assert not meter.wants(START_MS + 100_000)
    assert meter.wants(START_MS + 700_000)
