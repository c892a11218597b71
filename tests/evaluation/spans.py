"""Found against labelled spans of time: who matches whom, F1, time-F1, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """The same people at one thing, from start to end (ms since the clip's first frame)."""

    people: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Tally:
    """Matches and time of some clips: of two tallies the sum is that of all their clips."""

    matched: int = 0
    found: int = 0
    labelled: int = 0
    shared_ms: int = 0
    found_ms: int = 0
    labelled_ms: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """In the order of the fields."""
        return self.matched, self.found, self.labelled, self.shared_ms, self.found_ms, self.labelled_ms

    @property
    def f1(self) -> float:
        """Of whole spans; 1 when there is nothing to find and nothing was found."""
        return _f1(self.matched, self.found, self.labelled)

    @property
    def time_f1(self) -> float:
        """Of seconds, whatever the spans they are cut into."""
        return _f1(self.shared_ms, self.found_ms, self.labelled_ms)


def _f1(shared: int, found: int, labelled: int) -> float:
    return 2 * shared / (found + labelled) if found + labelled else 1.0


def overlap_ms(a: Span, b: Span) -> int:
    """Time that the two have in common."""
    return max(0, min(a.end, b.end) - max(a.start, b.start))


def temporal_iou(a: Span, b: Span) -> float:
    """Common time over the time of both."""
    shared = overlap_ms(a, b)
    return shared / max(1, a.end - a.start + b.end - b.start - shared)


def matches(found: Sequence[Span], labelled: Sequence[Span], tiou: float) -> list[tuple[int, int]]:
    """(index in found, index in labelled), one to one, the best overlaps first: same people, at least tiou."""
    pairs = sorted(
        (-temporal_iou(a, b), i, j)
        for i, a in enumerate(found)
        for j, b in enumerate(labelled)
        if a.people == b.people and temporal_iou(a, b) >= tiou
    )
    taken: tuple[set[int], set[int]] = (set(), set())
    matched = []
    for _, i, j in pairs:
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            matched.append((i, j))
    return matched


def tally(found: Sequence[Span], labelled: Sequence[Span], tiou: float) -> Tally:
    """One clip's tally."""
    there, true = _merged(found), _merged(labelled)
    shared = sum(overlap_ms(a, b) for a in there for b in true if a.people == b.people)
    return Tally(len(matches(found, labelled, tiou)), len(found), len(labelled), shared, _length(there), _length(true))


def interval(clips: Sequence[Tally], share: float = 0.9, draws: int = 2000) -> tuple[float, float]:
    """Bootstrap interval of F1 over whole clips, drawn with replacement; share of the draws lies inside."""
    if not clips:
        return 0.0, 1.0
    counts = np.array([clip.counts[:3] for clip in clips])
    drawn = counts[np.random.default_rng(1).integers(0, len(clips), (draws, len(clips)))].sum(axis=1)
    total = drawn[:, 1] + drawn[:, 2]
    f1 = np.where(total > 0, 2 * drawn[:, 0] / np.maximum(total, 1), 1.0)
    low, high = np.quantile(f1, ((1 - share) / 2, (1 + share) / 2))
    return float(low), float(high)


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same time with the same people counts once."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and merged[-1].people == span.people and span.start <= merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _length(spans: Sequence[Span]) -> int:
    return sum(span.end - span.start for span in spans)
