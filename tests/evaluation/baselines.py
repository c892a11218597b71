"""Three rules that others ship, on the same boxes: one distance, one distance for a time, pixels between box centres.

A pair of tracks is together while it is near; a break of up to `gap_s` (nobody detected, or too far) is bridged, which
is more than those rules promise. Unattended is a customer inside a zone who is together with no staff for a minute.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from schemas.floor import Floor
from schemas.geometry import inside
from tests.evaluation.clips import FRAME_MS, Box, Clip, Kind, who
from tests.evaluation.spans import Span

Pair = tuple[int, int]
"""Two track ids."""
Times = list[tuple[int, int]]
"""From, to: ms since the first frame."""
TIMER_MS = 60_000
FULL_WIDTH = 1920


@dataclass(frozen=True)
class Together:
    """Two tracks in the frames that have both: (N,) each; pixels, heights the mean of the two; floor_m may be NaN."""

    frames: npt.NDArray[np.int64]
    across_px: npt.NDArray[np.float64]
    down_px: npt.NDArray[np.float64]
    height_px: npt.NDArray[np.float64]
    centres_px: npt.NDArray[np.float64]
    floor_m: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What every setting of a baseline asks of a clip, measured once."""

    clip: Clip
    pairs: dict[Pair, Together]
    in_zones: dict[int, npt.NDArray[np.int64]]
    """Each customer's track -> the frames in which its foot was in a zone."""


@dataclass(frozen=True)
class Baseline:
    """One setting of one rule."""

    near: float
    """Metres, on the calibrated floor or else by body height; or pixels between the boxes' centres, of an image 1920
    wide."""
    measure: Literal["metres", "pixels"] = "metres"
    lasts_s: float = 0.0
    """Together for so long to count at all."""
    gap_s: float = 1.0
    depth_times: float = 1.0
    """The camera's depth factor is taken so many times."""

    def run(self, measured: Measured, least_s: float) -> dict[Kind, list[Span]]:
        """What this rule finds."""
        clip = measured.clip
        contacts = {pair: self._contacts(clip, together) for pair, together in measured.pairs.items()}
        least_ms = 1000 * max(least_s, self.lasts_s)
        interactions = [
            Span(tuple(sorted(who(clip, {track}, start, end) for track in pair)), start, end)
            for pair, times in contacts.items()
            for start, end in times
            if end - start >= least_ms
        ]
        return {"interaction": interactions, "unattended": list(self._waits(measured, contacts))}

    def _contacts(self, clip: Clip, together: Together) -> Times:
        if self.measure == "pixels":
            near = together.centres_px <= self.near * clip.width / FULL_WIDTH
        else:
            numbers = clip.rules.thresholds.near
            deep = together.down_px * numbers.depth_factor * self.depth_times
            by_height = np.hypot(together.across_px, deep) * numbers.body_height_m / together.height_px
            near = np.where(np.isnan(together.floor_m), by_height, together.floor_m) <= self.near
        return runs(together.frames[near], self.gap_s)

    def _waits(self, measured: Measured, contacts: dict[Pair, Times]) -> Iterator[Span]:
        met: dict[int, Times] = defaultdict(list)
        for pair, times in contacts.items():
            for track in pair:
                met[track] += [(start, end) for start, end in times if end - start >= self.lasts_s * 1000]
        for track, frames in measured.in_zones.items():
            alone = np.ones(len(frames), bool)
            for start, end in met[track]:
                alone &= (frames * FRAME_MS < start) | (frames * FRAME_MS > end)
            for start, end in runs(frames[alone], self.gap_s):
                if end - start >= TIMER_MS:
                    yield Span((who(measured.clip, {track}, start, end),), start, end)


def runs(frames: npt.NDArray[np.int64], gap_s: float) -> Times:
    """From, to of runs of frame numbers with no break longer than gap_s."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > max(1, round(gap_s * 1000 / FRAME_MS)))
    firsts, lasts = np.r_[0, breaks + 1], np.r_[breaks, len(frames) - 1]
    return [(int(frames[a]) * FRAME_MS, int(frames[b]) * FRAME_MS) for a, b in zip(firsts, lasts, strict=True)]


def measure(clip: Clip) -> Measured:
    """Distances of all pairs that the rules allow, and who is in a zone when. A track is what it is most often."""
    classes: dict[int, Counter[str]] = defaultdict(Counter)
    for people in clip.frames:
        for person in people:
            classes[person.track_id][person.class_name] += 1
    roles = {track: max(sorted(count), key=count.__getitem__) for track, count in classes.items()}
    floor = None if clip.rules.floor is None else clip.rules.floor.floor()
    rows: dict[Pair, list[tuple[float, ...]]] = defaultdict(list)
    in_zones: dict[int, list[int]] = defaultdict(list)
    for number, people in enumerate(clip.frames):
        for one, other in combinations(people, 2):
            if clip.rules.pairs == "any" or {roles[one.track_id], roles[other.track_id]} == {"staff", "customer"}:
                a, b = one.box, other.box
                across, down, middle = (a[0] + a[2] - b[0] - b[2]) / 2, a[3] - b[3], (a[1] + a[3] - b[1] - b[3]) / 2
                height, centres = (a[3] - a[1] + b[3] - b[1]) / 2, float(np.hypot(across, middle))
                floor_m = _floor_m(floor, a, b)
                rows[one.track_id, other.track_id].append((number, across, down, height, centres, floor_m))
        for person in people:
            foot = (person.box[0] + person.box[2]) / 2, min(person.box[3], clip.height - 0.5)
            if roles[person.track_id] == "customer" and any(inside(foot, z.polygon) for z in clip.rules.zones):
                in_zones[person.track_id].append(number)
    tables = {pair: np.array(values) for pair, values in rows.items()}
    pairs = {pair: Together(table[:, 0].astype(int), *table[:, 1:].T) for pair, table in tables.items()}
    return Measured(clip, pairs, {track: np.array(numbers) for track, numbers in in_zones.items()})


def _floor_m(floor: Floor | None, a: Box, b: Box) -> float:
    """Metres between two feet on the calibrated floor; NaN where they are not known."""
    if floor is None:
        return float("nan")
    (one, _), (other, _) = (floor.look((x1 + x2) / 2, y2, y1) for x1, y1, x2, y2 in (a, b))
    return float("nan") if one is None or other is None else float(np.hypot(one[0] - other[0], one[1] - other[1]))
