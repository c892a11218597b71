"""What the lossy runs accept: what was taken, and nothing else."""

from dataclasses import replace

from tests.chaos.lossy import BACK_S, FULL, LOST, SCRIPT, SECONDS, Span, Told, judge

BLIND: list[Span] = [(LOST[0] + 1, LOST[1] + 4), (SECONDS, float("inf"))]


def of(found: tuple[Told, ...] = SCRIPT, outages: list[Span] | None = None, gaps: tuple[Span, ...] = ()) -> list[str]:
    return list(judge(found, BLIND if outages is None else outages, [("clip.mp4", gap) for gap in gaps]))


def test_the_script_with_the_outage_that_was_made_is_right() -> None:
    assert of() == []
    assert of(gaps=((LOST[0], LOST[1] + 4), FULL)) == []
    assert of(outages=[*BLIND, (LOST[1] + 4, LOST[1] + 7), (0.0, 3.0)]) == [], "one that goes on, and the beginning"


def test_an_episode_that_is_missing_late_or_marked_otherwise_is_named() -> None:
    first, *others = SCRIPT
    assert "4 were found" in of(tuple(others))[0]
    for wrong in (
        replace(first, begins_s=first.begins_s + 5),
        replace(first, ends_s=first.ends_s - 5),
        replace(first, close_reason="interrupted"),
        replace(first, evidence="partial"),
    ):
        assert of((wrong, *others)) == [f"scripted is {first}, found was {wrong}"]


def test_an_outage_that_is_missing_too_long_or_somewhere_else_is_named() -> None:
    for outages in ([], [(LOST[0], LOST[1] + BACK_S + 1)], [*BLIND, (60.0, 64.0)], [(LOST[0] - 5, LOST[1])]):
        assert "its outages are" in of(outages=outages)[0]


def test_a_gap_where_nothing_was_taken_is_named() -> None:
    assert "where nothing was taken" in of(gaps=((52.0, 55.0),))[0]
    assert "where nothing was taken" in of(gaps=((FULL[0], FULL[1] + 9),))[0]
