"""What a record means for a camera's fold: fold, pass, or look for what is before it."""

import msgspec
import pytest

from schemas.records import Cause, Control, Position, TrackUpdate
from streams.book import RulesBook
from streams.progress import CAMERA_FOLD, CameraEntry, Place, advance, dump_entry, entry_key, further, load_entry
from tests.scenario import CAMERA, TEN_O_CLOCK, Folder, book_of, record, rules
from tests.streams_fakes import updates
from tests.streams_worker import COUNTING_FOLD, Count

BOOK: RulesBook = book_of(rules(camera_id="a"))
LOG = updates("a", 20)
EPOCH = LOG[0].stream_epoch


def at(sequence: int | None, epoch: int = EPOCH, day_ends_at: int = 1 << 62) -> Count | None:
    if sequence is None:
        return None
    cause = Cause(stream_epoch=epoch, sequence=sequence, captured_at=EPOCH + 100 * sequence)
    return Count(position=cause, folded=sequence + 1, day_ends_at=day_ends_at)


def told(
    state: Count | None, update: TrackUpdate, *, skips: set[Place] = frozenset(), complete: bool = False
) -> str | tuple[int, int]:
    """pass, rewind, or (folded, missing) after it."""
    outcome = advance(COUNTING_FOLD, state, update, BOOK, skips, complete=complete)
    return outcome if isinstance(outcome, str) else (outcome[0].folded, outcome[0].missing)


def place(sequence: int, epoch: int = EPOCH) -> Place:
    return ("a", "live", epoch, sequence)


def new_epoch(sequence: int = 0, previous: Position | None = None) -> TrackUpdate:
    later = LOG[15].captured_at
    return msgspec.structs.replace(
        LOG[0], stream_epoch=later, sequence=sequence, captured_at=later + sequence, previous=previous
    )


def test_the_next_record_is_folded_and_a_known_one_passed() -> None:
    assert told(at(4), LOG[5]) == (6, 0)
    assert told(at(4), LOG[4]) == told(at(4), LOG[2]) == "pass"


def test_a_gap_is_looked_for_first_and_missing_then() -> None:
    assert told(at(4), LOG[7]) == "rewind"
    assert told(at(4), LOG[7], complete=True) == (6, 1)


def test_a_camera_seen_for_the_first_time_must_begin_at_its_beginning() -> None:
    assert told(None, LOG[0]) == (1, 0)
    assert told(None, LOG[3]) == "rewind"
    assert told(None, new_epoch(0, Position(stream_epoch=EPOCH, sequence=9))) == "rewind"
    assert told(None, LOG[3], complete=True) == (1, 0)


def test_a_new_epoch_follows_the_position_that_it_names() -> None:
    before = Position(stream_epoch=EPOCH, sequence=9)
    assert told(at(9), new_epoch(0, before)) == (11, 0)
    assert told(at(8), new_epoch(0, before)) == "rewind"
    assert told(at(8), new_epoch(0, before), complete=True) == (10, 1)


def test_over_the_cut_of_the_day_the_worker_looks_for_lost_records_and_the_fold_does_not_mind() -> None:
    state = at(4, day_ends_at=LOG[7].captured_at)

    assert told(state, LOG[7]) == "rewind"
    assert told(state, LOG[7], complete=True) == (6, 0)


def test_control_and_lost_stand_outside_the_sequence() -> None:
    control = msgspec.structs.replace(LOG[9], control=Control(action="apply_rules", rules_version="x"))
    assert told(at(4), control) == (6, 0)
    lost = msgspec.structs.replace(LOG[4], stream_state="LOST")
    assert told(at(4), lost) == (6, 0)
    assert told(at(5), lost) == "pass"


def test_a_skipped_record_is_passed_over_and_the_next_one_tells_of_it() -> None:
    skips = {place(5), place(6)}
    assert told(at(4), LOG[5], skips=skips) == told(at(4), LOG[6], skips=skips) == "pass"
    assert told(at(4), LOG[7], skips=skips) == (6, 1)


def test_a_skip_explains_no_other_gap() -> None:
    assert told(at(3), LOG[7], skips={place(5), place(6)}) == "rewind"
    assert told(at(3), LOG[7], skips={place(4), place(5)}) == "rewind"


def test_a_skipped_end_of_an_epoch_is_explained_by_what_the_next_one_names() -> None:
    before = Position(stream_epoch=EPOCH, sequence=9)
    assert told(at(8), new_epoch(0, before), skips={place(9)}) == (10, 1)


def test_a_skipped_begin_of_an_epoch_is_explained_too() -> None:
    epoch = new_epoch().stream_epoch
    assert told(at(9), new_epoch(0), skips={place(0, epoch)}) == "pass"
    assert told(at(9), new_epoch(1), skips={place(0, epoch)}) == (11, 1)


def test_what_was_passed_over_is_told_as_skipped_and_what_is_not_there_as_missing() -> None:
    # given the fold itself at its fifth record
    def reasons(skips: set[Place], sequence: int, **how: bool) -> list[str]:
        folder = Folder(book_of(rules()))
        folder.fold(record(TEN_O_CLOCK + 100 * n, n) for n in range(5))
        update = record(TEN_O_CLOCK + 100 * sequence, sequence)
        outcome = advance(CAMERA_FOLD, folder.state, update, folder.book, skips, complete=how.get("complete", False))
        assert not isinstance(outcome, str)
        return [event.reason for event in outcome[1]]

    passed = {(CAMERA, "live", TEN_O_CLOCK, n) for n in (5, 6)}
    assert reasons(passed, 7) == ["skipped"]
    assert reasons(set(), 7, complete=True) == ["missing"]


def test_over_the_cut_of_the_day_what_was_passed_over_is_no_outage() -> None:
    state = at(4, day_ends_at=LOG[7].captured_at)
    assert told(state, LOG[7], skips={place(5), place(6)}) == (6, 0)


def test_an_entry_is_kept_by_camera_and_lane_and_a_new_one_is_before_every_record() -> None:
    assert entry_key(msgspec.structs.replace(LOG[0], lane="night")) == b"a|night"
    new, first = dump_entry(CameraEntry()), dump_entry(CameraEntry(offset=0, writes=1))
    assert further(None, new) == new
    assert further(new, first) == further(first, new) == first
    assert load_entry(new) == CameraEntry(state=None, offset=-1, writes=0, last=None, behind=False, halt=None)


def test_a_skip_that_comes_after_its_record_was_folded_changes_nothing() -> None:
    assert told(at(5), LOG[5], skips={place(5)}) == "pass"
    assert told(at(5), msgspec.structs.replace(LOG[5], stream_state="LOST"), skips={place(5)}) == (7, 0)


@pytest.mark.parametrize(
    ("one", "other", "held"),
    [((5, 3), (6, 1), (6, 1)), ((6, 1), (5, 9), (6, 1)), ((5, 3), (5, 4), (5, 4)), ((5, 4), (5, 3), (5, 4))],
)
def test_of_two_writes_the_one_that_came_further_is_held(
    one: tuple[int, int], other: tuple[int, int], held: tuple[int, int]
) -> None:
    a, b = (dump_entry(CameraEntry(offset=offset, writes=writes)) for offset, writes in (one, other))
    kept = load_entry(further(a, b))
    assert (kept.offset, kept.writes) == held
