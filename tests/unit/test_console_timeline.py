"""Bars in their places."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.console.page import seconds
from connectors.console.timeline import ROWS_MAX, Item, Span, around, bars, ticks

SPAN = Span(1_000_000, 1_100_000)


def item(begin: int, end: int) -> Item:
    return Item(SPAN.from_at + begin, SPAN.from_at + end, "interaction", "")


def test_what_overlaps_stands_in_another_row_and_what_does_not_in_the_same() -> None:
    placed = bars([item(0, 10_000), item(5_000, 20_000), item(30_000, 40_000)], SPAN)
    assert [(bar.x, bar.width, bar.row) for bar in placed] == [(0, 10, 0), (5, 15, 1), (30, 10, 0)]


def test_what_lies_outside_is_left_out_and_what_reaches_over_the_edge_is_cut() -> None:
    placed = bars([item(-10_000, -1), item(-10_000, 10_000), item(95_000, 200_000), item(100_001, 200_000)], SPAN)
    assert [(bar.x, bar.width) for bar in placed] == [(0, 10), (95, 5)]


spans = st.integers(0, 99_000).flatmap(lambda begin: st.tuples(st.just(begin), st.integers(begin, 100_000)))


@settings(deadline=None)
@given(st.lists(spans, max_size=ROWS_MAX))
def test_no_bar_hides_another_while_there_are_rows(found: list[tuple[int, int]]) -> None:
    placed = bars([item(*one) for one in found], SPAN)
    assert len(placed) == len(found)
    for n, one in enumerate(placed):
        for other in placed[n + 1 :]:
            assert one.row != other.row or other.x >= one.x + one.width


@settings(deadline=None)
@given(st.integers(1, 200_000_000), st.integers(0, 10**12))
def test_there_are_ticks_but_not_too_many(lasts_ms: int, begin: int) -> None:
    found = ticks(Span(begin, begin + lasts_ms))
    assert len(found) <= 14
    assert all(begin <= at <= begin + lasts_ms for at in found)


def test_ticks_are_round_on_the_sites_clock() -> None:
    half_past_five = 5 * 3_600_000 + 1_800_000
    found = ticks(Span(0, 8 * 3_600_000), half_past_five)
    assert all((at + half_past_five) % 3_600_000 == 0 for at in found)


def test_the_span_shows_all_and_no_more_than_the_day() -> None:
    day = Span(0, 86_400_000)
    assert around([], day) == day
    assert around([3_601_000, 7_300_000], day) == Span(3_600_000, 7_800_000)
    assert around([10, 86_399_999], day) == day


def test_durations_read_like_spoken() -> None:
    said = [seconds(value) for value in (None, 0.4, 59.4, 60, 185, 7_800)]
    assert said == ["still going on", "0 s", "59 s", "1 min", "3 min 05 s", "2 h 10 min"]
