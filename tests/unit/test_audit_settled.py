"""What is under way, from a connector's work records."""

from typing import Any

import msgspec

from connectors.audit.settled import not_done
from connectors.work import Work
from tests.connector_records import site


def stored(key: str, state: Any, **more: Any) -> tuple[str, bytes | None]:
    return key, msgspec.json.encode(Work(state=state, taken_in_at=1, **more))


OURS, THEIRS = {"subject": {"site_id": "shop"}}, {"subject": {"site_id": "elsewhere"}}


def test_work_is_under_way_until_its_result_is_published() -> None:
    records = [
        stored("a", "pending", input=OURS),
        stored("b", "attempting", input=OURS),
        stored("c", "finished", result={"site_id": "shop"}),
        stored("d", "finished", result={"site_id": "shop"}),
        stored("d", "finished"),
        ("e", None),
    ]
    told = ["upload: a is pending", "upload: b is attempting", "upload: c is to be published"]
    assert list(not_done(records, "upload", None)) == told


def test_work_of_another_site_is_left_out_when_one_is_named() -> None:
    records = [stored("a", "pending", input=OURS), stored("b", "pending", input=THEIRS)]
    assert list(not_done(records, "upload", site())) == ["upload: a is pending"]


def test_what_a_stalled_worker_writes_over_a_finished_piece_of_work_does_not_count() -> None:
    late = stored("a", "finished", result={"site_id": "shop"})
    assert list(not_done([stored("a", "finished"), late, stored("a", "pending", input=OURS)], "upload", None)) == []
