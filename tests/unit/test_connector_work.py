"""The rules over work: what counts after a crash, what is due, when to give up."""

import msgspec
import pytest

from connectors.work import (
    Again,
    Done,
    GivenUp,
    Halt,
    Later,
    Nothing,
    Partition,
    Retry,
    Unsure,
    Work,
    WorkUnreadable,
    after,
    due,
    numbered,
    read_work,
    split,
)
from schemas.errors import InputError

RETRY = Retry(attempts_max=3, backoff_s=1.0)
W = Work[str, str]


def work(**more: object) -> Work[str, str]:
    return Work(**{"state": "pending", "taken_in_at": 1000, "due_at": 1000, "input": "job"} | more)  # type: ignore[arg-type]


def read(*records: tuple[str, Work[str, str] | None]) -> Partition[str, str]:
    encoded = [(key, None if value is None else msgspec.json.encode(value)) for key, value in records]
    return read_work(encoded, msgspec.json.Decoder(W), "clip-work[3]")


STORED = Work[str, str](state="finished", taken_in_at=1000, attempts=1, result="r")
MARKER = Work[str, str](state="finished", taken_in_at=1000, attempts=1, result_hash="h")


def test_the_last_record_of_a_key_counts() -> None:
    part = read(("a", work()), ("b", work()), ("a", work(state="attempting", attempts=1)))
    assert part.open["a"].state == "attempting"
    assert part.open["b"] == work()


def test_a_result_that_is_stored_is_to_be_published_until_its_marker_is_there() -> None:
    assert read(("a", work()), ("a", STORED)).unpublished == {"a": STORED}
    part = read(("a", work()), ("a", STORED), ("a", MARKER))
    assert (part.open, part.unpublished, part.finished) == ({}, {}, {"a": MARKER})
    assert part.knows("a")


def test_what_is_finished_stays_so_whatever_a_stalled_worker_writes_later() -> None:
    for end in ([STORED], [STORED, MARKER], [MARKER]):
        part = read(("a", work()), *[("a", record) for record in end], ("a", work()), ("a", work(state="attempting")))
        assert part.open == {}
        assert part.knows("a")


def test_a_tombstone_ends_everything() -> None:
    assert not read(("a", work()), ("a", MARKER), ("a", None)).knows("a")
    assert read(("a", MARKER), ("a", None), ("a", work())).open == {"a": work()}


def test_a_record_that_is_no_work_stops_with_its_place() -> None:
    with pytest.raises(WorkUnreadable, match=r"clip-work\[3\].*'a'"):
        read_work([("a", b"{]")], msgspec.json.Decoder(W), "clip-work[3]")


def holding(**open_work: Work[str, str]) -> Partition[str, str]:
    return Partition(open={key.replace("_", ":"): value for key, value in open_work.items()})


def test_due_work_is_started_oldest_first_and_no_more_than_there_is_room() -> None:
    part = holding(a=work(due_at=30), b=work(due_at=10), c=work(due_at=20), d=work(due_at=5000))
    assert due(part, 1000, 2) == ["b", "c"]
    assert due(part, 1000, 9) == ["b", "c", "a"]
    assert due(part, 1000, 0) == []


def test_of_one_episode_one_part_at_a_time_is_done_in_order() -> None:
    part = holding(e_closing=work(), e_alert=work(due_at=9000), f_alert=work())
    assert due(part, 1000, 9) == ["f:alert"], "the closing part waits for the alert part"
    assert due(part, 9000, 9) == ["f:alert", "e:alert"]
    part.running.add("e:alert")
    assert due(part, 9000, 9) == ["f:alert"]


def test_nothing_of_an_episode_begins_before_its_last_result_is_published() -> None:
    part = holding(e_alert_2=work(), f_alert=work())
    part.unpublished["e:alert"] = STORED
    assert due(part, 1000, 9) == ["f:alert"]


def test_one_episode_that_waits_delays_no_other() -> None:
    part = holding(a=work(due_at=10**9), b=work())
    assert due(part, 1000, 1) == ["b"]


def test_backoff_doubles_up_to_a_minute_and_honours_what_the_server_asks() -> None:
    retry = Retry(attempts_max=99, backoff_s=1.0)
    assert [retry.wait_s(n) for n in (1, 2, 3, 6, 7, 99)] == [1, 2, 4, 32, 60, 60]
    assert retry.wait_s(1, 30.0) == 30
    assert retry.wait_s(7, 30.0) == 60
    assert retry.wait_s(1, 10.0**9) == 3600


def test_what_surely_did_not_happen_is_tried_again_later() -> None:
    then = after(work(state="attempting"), Again("429", after_s=7), RETRY, True, 5000)
    assert then == work(state="pending", attempts=1, due_at=12_000, last_error="429")


def test_after_the_last_attempt_it_is_given_up() -> None:
    assert after(work(attempts=2), Again("refused"), RETRY, False, 0) == GivenUp("refused", 3, unsure=False)


def test_without_an_answer_risky_work_is_given_up_at_once_and_other_work_is_repeated() -> None:
    assert after(work(), Unsure("reset"), RETRY, True, 0) == GivenUp("reset", 1, unsure=True)
    then = after(work(), Unsure("reset"), RETRY, False, 0)
    assert isinstance(then, Work)
    assert then.unsure


def test_an_attempt_without_an_answer_is_never_forgotten() -> None:
    assert after(work(attempts=2, unsure=True), Again("refused"), RETRY, False, 0) == GivenUp("refused", 3, unsure=True)


def test_a_result_stands_beside_the_input_until_it_is_published() -> None:
    assert after(work(attempts=1, last_error="429"), Done("r"), RETRY, True, 0) == Work(
        state="finished", taken_in_at=1000, attempts=2, input="job", result="r"
    )


def test_work_of_which_nothing_is_to_be_done_is_finished_without_a_result() -> None:
    then = after(work(), Nothing(), RETRY, True, 0)
    assert isinstance(then, Work)
    assert (then.state, then.result) == ("finished", None)


def test_a_step_that_is_done_again_has_a_key_of_its_own_and_the_newest_counts() -> None:
    assert [numbered("e:alert", n) for n in (1, 2, 11)] == ["e:alert", "e:alert:2", "e:alert:11"]
    for key in ("e:alert", "incident_1"):
        assert [split(numbered(key, n)) for n in (1, 2, 11)] == [(key, 1), (key, 2), (key, 11)]
    part = read(("a", MARKER), ("a:2", STORED), ("a:3", work()), ("b", MARKER))
    assert part.newest("a") == ("a:3", work())
    assert part.newest("b") == ("b", MARKER)
    assert part.newest("c") is None
    assert part.prior("a:2") == MARKER
    assert part.prior("a:3") is None, "its result is not published yet"


def test_looking_again_later_is_no_attempt() -> None:
    assert after(work(), Later(2.5), RETRY, False, 1000) == work(due_at=3500)


def test_work_that_stops_the_process_is_counted_so_that_it_cannot_stop_it_for_ever() -> None:
    halt = Halt(InputError("wrong key"))
    then = after(work(), halt, RETRY, True, 0)
    assert isinstance(then, Work)
    assert (then.attempts, then.last_error) == (1, "wrong key")
    assert after(work(attempts=2), halt, RETRY, True, 0) == GivenUp("wrong key", 3, unsure=False)
