"""What each threshold is worth: it is moved by a third down and up, and F1 on every set is measured again."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from pydantic import ValidationError

from schemas.rules import Thresholds
from tests.evaluation.clips import Clip, Kind
from tests.evaluation.ours import Fold
from tests.evaluation.spans import Span, Tally, tally
from tests.evaluation.witness import Others, Witness, others

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
    known = {
        name: (Told.by_defaults(clips, least_s, todo), kinds, least_s) for name, (clips, kinds, least_s) in sets.items()
    }
    with ProcessPoolExecutor(os.cpu_count(), initializer=_known.update, initargs=(known,)) as pool:
        base, *moved = pool.map(_outcomes, [None, *range(len(todo))], [Fold(), *(move.fold for move in todo)])
    return base, list(zip(todo, moved, strict=True))


@dataclass(frozen=True)
class Told:
    """A clip, what the fold tells of it by default, and which moves may change that."""

    clip: Clip
    found: Mapping[Kind, Sequence[Span]]
    mattering: frozenset[int]

    @staticmethod
    def by_defaults(clips: Sequence[Clip], least_s: float, todo: Sequence[Move]) -> "list[Told]":
        """Fold each clip once."""
        moved: dict[str, Others] = {}
        told = []
        for clip in clips:
            version = clip.rules.version
            moved[version] = moved.get(version) or others(clip.rules, [move.fold.rules(clip.rules) for move in todo])
            book = Witness(clip.rules, moved[version])
            told.append(Told(clip, Fold().find(clip, least_s, book), frozenset(book.mattering)))
        return told


_known: dict[str, tuple[list[Told], Sequence[Kind], float]] = {}
"""What every worker process is given."""


def _outcomes(move: int | None, fold: Fold) -> dict[str, Outcome]:
    """What the fold tells of every clip, by set and kind; None: by default."""
    outcomes = {}
    for name, (clips, kinds, least_s) in _known.items():
        found = [fold.find(told.clip, least_s) if move in told.mattering else told.found for told in clips]
        for kind in kinds:
            judged = [(tuple(one[kind]), told.clip.labelled[kind])
                      for one, told in zip(found, clips, strict=True) if kind in told.clip.labelled]  # fmt: skip
            total = sum((tally(spans, labelled, TIOU) for spans, labelled in judged), Tally())
            outcomes[f"{name}: {kind}"] = Outcome(total.f1, total.time_f1, tuple(spans for spans, _ in judged))
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
