"""What each threshold is worth: it is moved by a third down and up, and F1 on every set is measured again."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.rules import Thresholds
from tests.evaluation.baselines import Measured, measure
from tests.evaluation.clips import Clip, Kind
from tests.evaluation.ours import Fold
from tests.evaluation.spans import Span, Tally, tally

TIOU = 0.5
Set = tuple[Sequence[Clip], Sequence[Kind], float]
"""Clips, what is judged, least seconds of an interaction."""


@dataclass(frozen=True)
class Move:
    """One threshold at another value. value None: a third farther is no valid rule."""

    group: str
    name: str
    default: float
    value: float | None

    @property
    def fold(self) -> Fold:
        """Our rules with it."""
        return Fold({self.group: {self.name: self.value}})


@dataclass(frozen=True)
class Outcome:
    """On one set: F1 at tIoU 0.5 and time-F1, and everything found, to see whether anything changed at all."""

    f1: float
    time_f1: float
    found: tuple[tuple[Span, ...], ...]


def moves() -> list[tuple[Move, Move]]:
    """(a third down, a third up) for every number in the rules; counts are rounded."""
    return [
        (_move(group, name, value, 2 / 3), _move(group, name, value, 4 / 3))
        for group, values in Thresholds().model_dump().items()
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _move(group: str, name: str, default: float, times: float) -> Move:
    value = round(default * times, 4) if isinstance(default, float) else round(default * times)
    try:
        Thresholds.model_validate({group: {name: value}})
    except ValidationError:
        return Move(group, name, default, None)
    return Move(group, name, default, value)


def sweep(sets: Mapping[str, Set]) -> tuple[dict[str, Outcome], list[tuple[Move, dict[str, Outcome]]]]:
    """(the defaults' outcome by set, each move with its outcome by set)."""
    todo = [move for pair in moves() for move in pair if move.value is not None]
    measured = {
        name: ([measure(clip) for clip in clips], kinds, least_s) for name, (clips, kinds, least_s) in sets.items()
    }
    with ProcessPoolExecutor(os.cpu_count(), initializer=_take, initargs=(measured,)) as pool:
        base, *moved = pool.map(_outcomes, [Fold(), *(move.fold for move in todo)])
    return base, list(zip(todo, moved, strict=True))


_measured: dict[str, tuple[list[Measured], Sequence[Kind], float]] = {}


def _take(measured: dict[str, tuple[list[Measured], Sequence[Kind], float]]) -> None:
    _measured.update(measured)


def _outcomes(fold: Fold) -> dict[str, Outcome]:
    outcomes = {}
    for name, (clips, kinds, least_s) in _measured.items():
        found = [fold.run(clip, least_s) for clip in clips]
        for kind in kinds:
            spans = [tuple(one[kind]) for one in found]
            scores = [tally(f, m.clip.labelled[kind], TIOU) for f, m in zip(spans, clips, strict=True)]
            total = sum(scores, Tally())
            outcomes[f"{name}: {kind}"] = Outcome(total.f1, total.time_f1, tuple(spans))
    return outcomes


def markdown(base: Mapping[str, Outcome], moved: Sequence[tuple[Move, dict[str, Outcome]]]) -> Iterator[str]:
    """The table, line by line: change of F1 in hundredths, down / up."""
    names = list(base)
    yield "| threshold | value | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    yield "| *F1 with the defaults* | | " + " | ".join(f"{base[n].f1:.3f}" for n in names) + " |"
    by_move = {(m.group, m.name, m.value): outcome for m, outcome in moved}
    for down, up in moves():
        cells = []
        for name in names:
            sides = [_change(base[name], by_move.get((m.group, m.name, m.value), {}).get(name)) for m in (down, up)]
            cells.append("" if sides == ["0", "0"] else " / ".join(sides))
        yield f"| {down.group}.{down.name} | {down.default:g} | " + " | ".join(cells) + " |"


def _change(base: Outcome, moved: Outcome | None) -> str:
    if moved is None:
        return "–"
    change = round((moved.f1 - base.f1) * 100, 1)
    if change:
        return f"{change:+g}"
    return "0" if moved.found == base.found else "~"


def idle(base: Mapping[str, Outcome], moved: Sequence[tuple[Move, dict[str, Outcome]]]) -> list[str]:
    """Thresholds that change nothing anywhere, not even one found span."""
    busy = {
        (move.group, move.name)
        for move, outcomes in moved
        if any(outcomes[name].found != base[name].found for name in base)
    }
    return [f"{down.group}.{down.name}" for down, _ in moves() if (down.group, down.name) not in busy]
