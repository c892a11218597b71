"""Found beside scripted episodes."""

from typing import Any

import pytest

from infra.demo.compare import compare, who_is_at

START = 1_000_000


def episode(
    kind: str, start: int, end: int, *, staff: str | None = "ann", customer: str = "c1", occurrence: int = 0
) -> dict[str, Any]:
    return {
        "camera_id": "floor", "kind": kind, "started_at": START + start, "ended_at": START + end,
        "staff": staff, "customer": customer, "occurrence": occurrence,
    }  # fmt: skip


def found(kind: str, start: int, end: int | None, **more: Any) -> dict[str, Any]:
    ended = None if end is None else START + end
    return {
        "camera_id": "floor",
        "kind": kind,
        "occurrence": "o",
        "started_at": START + start,
        "ended_at": ended,
    } | more


def truth(*episodes: dict[str, Any]) -> dict[str, Any]:
    def actor(name: str, x: float) -> dict[str, Any]:
        return {"camera_id": "floor", "name": name, "boxes": [[float(s), x, 100, x + 40, 200] for s in range(100)]}

    return {
        "start_ms": START,
        "episodes": list(episodes),
        "actors": [actor("ann", 0), actor("c1", 60), actor("c2", 300)],
    }


def test_an_episode_within_the_tolerance_is_matched_with_its_differences() -> None:
    result = compare([found("interaction", 10_400, 29_000)], truth(episode("interaction", 10_000, 30_000)))
    (match,) = result.matched
    assert result.perfect
    assert (match.start_difference_ms, match.end_difference_ms) == (400, -1000)
    assert match.people == "unknown"


@pytest.mark.parametrize(
    "wrong",
    [
        found("interaction", 11_600, 30_000),
        found("interaction", 10_000, 28_400),
        found("interaction", 10_000, None),
        found("unattended", 10_000, 30_000),
        found("interaction", 10_000, 30_000, camera_id="counter"),
    ],
)
def test_another_time_kind_or_camera_is_missing_and_extra(wrong: dict[str, Any]) -> None:
    result = compare([wrong], truth(episode("interaction", 10_000, 30_000)))
    assert not result.perfect
    assert (len(result.matched), len(result.missing), len(result.extra)) == (0, 1, 1)


def test_one_found_episode_matches_one_scripted_only() -> None:
    # given the same episode found twice
    twice = [found("interaction", 10_000, 30_000), found("interaction", 10_200, 30_000)]
    result = compare(twice, truth(episode("interaction", 10_000, 30_000)))
    # then the nearer one is the match, the other is made up
    assert result.matched[0].found == twice[0]
    assert result.extra == (twice[1],)


def test_one_found_episode_stands_for_one_scripted_only() -> None:
    # given two people who wait at the same time, of whom one was found
    both = truth(episode("unattended", 0, 70_000, customer="c1"), episode("unattended", 300, 70_300, customer="c2"))
    result = compare([found("unattended", 100, 70_100)], both)
    # then the other is missing
    assert [match.scripted["customer"] for match in result.matched] == ["c1"]
    assert [scripted["customer"] for scripted in result.missing] == ["c2"]


def test_people_are_known_by_their_boxes() -> None:
    boxes = {"staff": (2, 100, 42, 198), "customer": (58, 102, 100, 200)}
    one = found("interaction", 10_000, 30_000, boxes=boxes, boxes_at=START + 25_300)
    assert compare([one], truth(episode("interaction", 10_000, 30_000))).matched[0].people == "right"


def test_the_right_time_with_the_wrong_people_is_no_match() -> None:
    boxes = {"customer": (300, 100, 340, 200)}
    one = found("unattended", 10_000, 80_000, boxes=boxes, boxes_at=START + 70_000)
    result = compare([one], truth(episode("unattended", 10_000, 80_000, staff=None)))
    assert result.missing
    assert result.extra


def test_two_episodes_at_the_same_time_are_told_apart_by_their_people() -> None:
    first, second = episode("unattended", 0, 70_000, customer="c1"), episode("unattended", 300, 70_300, customer="c2")
    of_second = found("unattended", 100, 70_000, boxes={"customer": (300, 100, 340, 200)}, boxes_at=START + 60_000)
    of_first = found("unattended", 200, 70_200, boxes={"customer": (60, 100, 100, 200)}, boxes_at=START + 60_000)
    result = compare([of_second, of_first], truth(first, second))
    assert [(m.scripted["customer"], m.found) for m in result.matched] == [("c1", of_first), ("c2", of_second)]


def test_nobody_is_recognised_where_nobody_stands() -> None:
    assert who_is_at(truth(), "floor", START + 5_000, (500, 100, 540, 200)) is None
    assert who_is_at(truth(), "counter", START + 5_000, (0, 100, 40, 200)) is None
    assert who_is_at(truth(), "floor", START + 200_000, (0, 100, 40, 200)) is None


@pytest.mark.parametrize(
    ("occurrences", "right"),
    [(("o", "o", "other"), 2), (("o", "p", "other"), 1), (("o", "o", "o"), 0)],
    ids=["as scripted", "one party torn apart", "all thrown together"],
)
def test_an_incident_is_right_when_it_has_its_own_episodes_and_no_others(
    occurrences: tuple[str, str, str], right: int
) -> None:
    # given a party of two, and somebody else who is served later
    starts = (0, 5_000, 50_000)
    scripted = [
        episode("interaction", start, start + 20_000, customer=customer, occurrence=number)
        for start, customer, number in zip(starts, ("c1", "c2", "c3"), (0, 0, 2), strict=True)
    ]
    ones = [
        found("interaction", start, start + 20_000, occurrence=name)
        for start, name in zip(starts, occurrences, strict=True)
    ]
    assert compare(ones, truth(*scripted)).incidents == (right, 2)


def test_an_incident_of_which_nothing_was_found_is_not_right() -> None:
    assert compare([], truth(episode("interaction", 0, 20_000))).incidents == (0, 1)
