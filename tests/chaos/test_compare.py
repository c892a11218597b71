"""What a fault run calls a difference, and what it takes as `ambiguous` and rightly so."""

from typing import Any

import msgspec

from connectors.incident import plan
from schemas.records import ClipUploaded
from tests.chaos import certain, compare
from tests.chaos.collect import Found, plain, unlike
from tests.connector_records import T0, clip, event, subject, upload


def stored(**more: Any) -> ClipUploaded:
    return upload(subject(event(episode_id="e-1", occurrence_id="o-1")), adapter="http", **more)


def found(**stores: dict[str, Any]) -> Found:
    return Found(stores={name.replace("_", " "): values for name, values in stores.items()})


def of(quiet: Found, hurt: Found) -> list[str]:
    return compare.differences(quiet, hurt, honours=False)[0]


def test_equal_runs_have_no_differences() -> None:
    one = found(rows={"a": {"n": 1}}, episodes={"e-1": {"phase": "ended"}})
    assert of(one, one) == []


def test_what_is_missing_too_much_or_otherwise_is_named() -> None:
    quiet = found(rows={"a": {"n": 1}, "b": {"n": 2}})
    hurt = found(rows={"a": {"n": 3}, "c": {"n": 4}}, objects={"x": 1})
    assert of(quiet, hurt) == [
        "objects: x is too much",
        "rows: a differs: n: 1 / 3",
        "rows: b is missing",
        "rows: c is too much",
    ]


def test_what_is_wrong_within_a_run_counts_whatever_the_other_says() -> None:
    quiet, hurt = Found(wrong=["x"]), Found(wrong=["y"])
    assert of(quiet, hurt) == ["in the undisturbed run: x", "y"]


def test_observed_fields_are_left_out_and_all_others_are_not() -> None:
    one, other = clip(), clip()
    late = msgspec.structs.replace(one, cut_at=one.cut_at + 1, attempts=9)
    assert plain(late) == plain(one)
    assert "episode_id" in unlike(plain(one), plain(other))


def test_an_incident_that_was_accepted_twice_or_never_is_a_difference() -> None:
    twice = found(accepted_incidents={"i-1": [{}, {}]})
    assert of(twice, twice) == ["i-1 was accepted 2 times"]
    gone = Found(requests=[stored()])
    assert of(gone, gone) == ["upload e-1:alert:1: is said to be uploaded, and is not there"]


def judged(
    record: ClipUploaded, *faults: str, kills: Any = (), attempting: Any = (), honours: bool = False
) -> certain.Judged:
    _, key = certain.key_of(record)
    told = [{"api": "upload", "key": key, "fault": fault} for fault in faults]
    return certain.judge([record], told, kills, {("upload", key): attempting}, honours=honours)


def test_ambiguous_is_exactly_what_was_asked_and_not_answered() -> None:
    unsure = stored(status="ambiguous", reason="sent, no answer")
    right = judged(unsure, "reset_after_accept")
    assert (right.wrong, right.occurrences, right.asked) == ([], {"o-1"}, 1)
    assert "no fault made it so" in judged(unsure).wrong[0]
    assert "no fault made it so" in judged(unsure, "error_500").wrong[0]
    assert "is uploaded" in judged(stored(), "reset_after_accept").wrong[0]
    assert judged(stored(), "error_500", "rate_limited").wrong == []


def test_where_keys_are_honoured_nothing_may_be_ambiguous() -> None:
    assert judged(stored(), "reset_after_accept", honours=True).wrong == []
    unsure = stored(status="ambiguous", reason=f"{certain.BROKEN_OFF} and so on")
    right_if_ignored = {"kills": [("upload", T0 + 5)], "attempting": [T0]}
    assert judged(unsure, "reset_after_accept", honours=True, **right_if_ignored).wrong


def test_what_was_under_way_when_its_process_was_killed_is_ambiguous_too_and_only_then() -> None:
    reason = f"{certain.BROKEN_OFF} and before the answer was stored"
    unsure = stored(status="ambiguous", reason=reason)
    right = judged(unsure, kills=[("upload", T0 + 5)], attempting=[T0])
    assert (right.wrong, right.broken_off) == ([], 1)
    assert "was not killed after asking" in judged(unsure, kills=[("upload", T0 - 5)], attempting=[T0]).wrong[0]
    assert "was not killed after asking" in judged(unsure, kills=[("incident", T0 + 5)], attempting=[T0]).wrong[0]
    assert "was not killed after asking" in judged(unsure, kills=[("upload", T0 + 5)]).wrong[0]


def test_what_is_ambiguous_is_not_compared_where_it_shows_and_everything_else_is() -> None:
    unsure = stored(status="ambiguous", reason="sent, no answer")
    fault = {"api": "upload", "key": certain.key_of(unsure)[1], "fault": "garbage"}
    quiet = found(rows={"episode_log e-1": 1, "episode_log e-2": 1}, clips={"e-1 alert": 1})
    hurt = found(rows={"episode_log e-1": 2, "episode_log e-2": 2}, clips={"e-1 alert": 2})
    hurt.requests, hurt.faults, hurt.names = [unsure], [fault], {"o-1": {"o-1", "e-1"}}
    assert of(quiet, hurt) == ["clips: e-1 alert differs: 1 / 2", "rows: episode_log e-2 differs: 1 / 2"]


def test_the_key_of_a_request_is_what_the_api_is_told() -> None:
    assert certain.key_of(stored()) == ("upload", "e-1:alert:1")
    ((incident_id, job),) = plan.jobs(stored(), T0, None).items()
    told = plan.reported(job, "reported", payload_sha256="", now_ms=T0, attempts=1)
    assert certain.key_of(told) == ("incident", incident_id)
