"""Every rule's settings are searched the same way: chosen on some clips, scored on others that had no part in it."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

from tests.evaluation.baselines import Baseline, measure
from tests.evaluation.clips import Clip, Kind
from tests.evaluation.ours import Fold
from tests.evaluation.spans import Span, Tally, tally

Setting = Baseline | Fold
TIOUS = (0.3, 0.5)
Scores = dict[float, Tally]
"""By temporal IoU."""

OURS, ONE_DISTANCE, FOR_A_TIME, PIXELS = "trackfold", "one distance", "near for a time", "pixels"
DEPTHS, GAPS_S = (1.0, 0.7, 1.4), (1.0, 0.5, 3.0, 6.0)
GRIDS: dict[str, list[Setting]] = {
    OURS: [
        Fold({"interaction": {"near_m": near, "stay_m": near * 1.5}}, depth)
        for depth, near in product(DEPTHS, (1.5, 1.2, 1.9, 2.4))
    ],
    ONE_DISTANCE: [
        Baseline(near, gap_s=gap, depth_times=depth)
        for depth, near, gap in product(DEPTHS, (1.8, 0.9, 1.2, 1.5, 2.2, 2.7, 3.3, 4.0), GAPS_S)
    ],
    FOR_A_TIME: [
        Baseline(near, lasts_s=lasts, gap_s=gap, depth_times=depth)
        for depth, near, lasts, gap in product(DEPTHS, (2.0, 1.2, 1.5, 2.5, 3.0, 4.0), (15.0, 10.0, 5.0), GAPS_S)
    ],
    PIXELS: [
        Baseline(near, "pixels", gap_s=gap)
        for near, gap in product((150.0, 75.0, 100.0, 125.0, 200.0, 250.0, 300.0, 400.0, 500.0, 700.0), GAPS_S)
    ],
}
"""The first setting of each is what its makers publish."""


@dataclass(frozen=True)
class Result:
    """How one rule does on one set: per clip (all its seeds together), as published and as searched."""

    published: dict[str, Scores]
    searched: dict[str, Scores]
    chosen: dict[str, Setting]
    """The setting that did best on the clips of the other folds."""
    published_setting: Setting


def folds(names: Sequence[str], count: int) -> dict[str, int]:
    """Each clip's fold, by the rank of the hash of its name: count folds of the same size."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return {name: rank % count for rank, name in enumerate(ranked)}


def compare(clips: Sequence[Clip], kinds: Sequence[Kind], least_s: float, count: int) -> dict[Kind, dict[str, Result]]:
    """All rules on all clips of one set, for each kind of episode.

    least_s: shorter interactions are not scored, whoever finds them. count: folds; as many as there are clips means
    that each is scored by what all others chose. Clips of one name (degraded by several seeds) are one clip.
    """
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        scored = list(pool.map(_score_all, clips, [tuple(kinds)] * len(clips), [least_s] * len(clips)))
    names = [clip.name for clip in clips]
    return {kind: _results(names, [scores[kind] for scores in scored], count) for kind in kinds}


def _results(clips: Sequence[str], scored: Sequence[dict[str, list[Scores]]], count: int) -> dict[str, Result]:
    names = sorted(set(clips))
    fold = folds(names, count)
    results = {}
    for rule, grid in GRIDS.items():
        per_clip = {
            name: [
                _sum([s[rule][at] for clip, s in zip(clips, scored, strict=True) if clip == name])
                for at in range(len(grid))
            ]
            for name in names
        }
        best = [_best([per_clip[name] for name in names if fold[name] != f]) for f in range(count)]
        results[rule] = Result(
            published={name: per_clip[name][0] for name in names},
            searched={name: per_clip[name][best[fold[name]]] for name in names},
            chosen={name: grid[best[fold[name]]] for name in names},
            published_setting=grid[0],
        )
    return results


def total(clips: Mapping[str, Scores], tiou: float) -> Tally:
    """All clips together."""
    return sum((scores[tiou] for scores in clips.values()), Tally())


def _sum(scores: Sequence[Scores]) -> Scores:
    return {t: sum((s[t] for s in scores), Tally()) for t in TIOUS}


def _best(clips: list[list[Scores]]) -> int:
    """Index of the setting with the best F1 at tIoU 0.5, then at 0.3, then the first."""

    def quality(index: int) -> tuple[float, float, int]:
        summed = _sum([scores[index] for scores in clips])
        return summed[0.5].f1, summed[0.3].f1, -index

    return max(range(len(clips[0])), key=quality)


def _score_all(clip: Clip, kinds: Sequence[Kind], least_s: float) -> dict[Kind, dict[str, list[Scores]]]:
    measured = measure(clip)
    found = {rule: [one.run(measured, least_s) for one in grid] for rule, grid in GRIDS.items()}
    return {
        kind: {rule: [scores_of(clip, spans[kind], kind) for spans in all_] for rule, all_ in found.items()}
        for kind in kinds
    }


def scores_of(clip: Clip, found: Sequence[Span], kind: Kind) -> Scores:
    """One clip's tallies."""
    return {t: tally(found, clip.labelled[kind], t) for t in TIOUS}
