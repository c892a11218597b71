"""Positions: what is next, what is known already, what is missing."""

import pytest

from schemas.records import Control, Position
from streams.position import judge
from streams.state import CameraState, OpenOutage
from tests.scenario import TEN_O_CLOCK, Folder, after, book_of, record, rules

FIRST = record(TEN_O_CLOCK, 0)


def at_sequence(sequence: int) -> CameraState:
    """The state after that record of the first epoch."""
    folder = Folder(book_of(rules()))
    folder.fold(record(TEN_O_CLOCK + 100 * n, n) for n in range(sequence + 1))
    assert folder.state is not None
    return folder.state


def test_a_state_without_a_position_takes_any_sequence() -> None:
    assert judge(None, record(TEN_O_CLOCK, 4711)) == "fold"


@pytest.mark.parametrize(("sequence", "verdict"), [(0, "skip"), (5, "skip"), (6, "fold"), (7, "rewind")])
def test_within_an_epoch_the_next_sequence_is_folded(sequence: int, verdict: str) -> None:
    assert judge(at_sequence(5), record(TEN_O_CLOCK + 1000, sequence)) == verdict


def test_an_older_epoch_is_skipped() -> None:
    assert judge(at_sequence(5), record(TEN_O_CLOCK + 1000, 99, epoch=TEN_O_CLOCK - 1)) == "skip"


@pytest.mark.parametrize(
    ("sequence", "previous", "verdict"),
    [
        (0, Position(stream_epoch=TEN_O_CLOCK, sequence=5), "fold"),
        (0, Position(stream_epoch=TEN_O_CLOCK, sequence=6), "rewind"),
        (0, Position(stream_epoch=TEN_O_CLOCK + 1, sequence=5), "rewind"),
        (0, None, "fold"),
        (1, None, "rewind"),
    ],
)
def test_an_epoch_follows_when_it_names_the_position(sequence: int, previous: Position | None, verdict: str) -> None:
    epoch = TEN_O_CLOCK + 900
    assert judge(at_sequence(5), record(epoch, sequence, epoch=epoch, previous=previous)) == verdict


def test_continuity_is_not_judged_across_the_cut_of_the_day() -> None:
    state = at_sequence(5)
    assert judge(state, record(state.day_ends_at - 1, 99)) == "rewind"
    assert judge(state, record(state.day_ends_at, 99)) == "fold"


def test_the_watchdog_counts_at_the_position_alone() -> None:
    state = at_sequence(5)
    last = record(TEN_O_CLOCK + 500, 5)
    for sequence, verdict in ((4, "skip"), (5, "fold"), (6, "skip")):
        assert judge(state, after(last, 0, "LOST", sequence=sequence)) == verdict
    assert judge(None, after(last, 0, "LOST", sequence=5)) == "skip"


def test_the_watchdog_says_nothing_new_of_a_blind_or_ended_camera() -> None:
    lost = after(record(TEN_O_CLOCK + 500, 5), 0, "LOST", sequence=5)
    blind, over = at_sequence(5), at_sequence(5)
    blind.outage = OpenOutage(TEN_O_CLOCK, "gap", "f" * 64)
    over.stopped = "ended"
    assert [judge(state, lost) for state in (blind, over)] == ["skip", "skip"]


def test_a_control_record_counts_once_and_where_it_stands() -> None:
    state = at_sequence(5)
    order = after(FIRST, 1, sequence=3, control=Control(action="apply_rules", rules_version="x"))
    assert judge(state, order) == "fold"
    state.control_at = order.captured_at
    assert judge(state, order) == "skip"
    assert judge(None, order) == "skip"
