"""A clip: its log as inference would publish it, its rules, and what is known to have happened in it."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import hypot, inf
from typing import Literal

import numpy as np

from schemas.records import Producer, Track, TrackUpdate
from schemas.rules import CameraRules
from tests.evaluation.spans import Span

Box = tuple[float, float, float, float]
Kind = Literal["interaction", "unattended", "visit"]
START_AT = 1_772_445_600_000
"""2026-03-02 10:00 UTC, ms: every clip's first frame."""
RATE_HZ = 10
FRAME_MS = 1000 // RATE_HZ
EDGE_PX = 1.0


@dataclass(frozen=True)
class Person:
    """One box of one frame as it is labelled. name: the same person, whoever tracks them."""

    name: str
    track_id: int
    class_name: str
    box: Box
    confidence: float = 1.0


Frames = Sequence[Sequence[Person]]
"""RATE_HZ per second."""


@dataclass(frozen=True)
class Clip:
    """One clip of one set."""

    name: str
    rules: CameraRules
    width: int
    height: int
    frames: Frames
    labelled: Mapping[Kind, tuple[Span, ...]]

    @cached_property
    def log(self) -> list[TrackUpdate]:
        """The frames as records, and an ENDED one behind them."""
        return list(_log(self))

    @cached_property
    def owners(self) -> dict[int, dict[str, list[int]]]:
        """Track -> name -> the numbers of the frames in which the track has that person's box."""
        owners: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, people in enumerate(self.frames):
            for person in people:
                owners[person.track_id][person.name].append(number)
        return {track: dict(names) for track, names in owners.items()}


def degraded(clip: Clip, seed: int, *, lost_every_s: float = 60.0, missed: float = 0.05, noise_px: float = 2.0) -> Clip:
    """The clip as a tracker sees it: each id is lost after lost_every_s on average, boxes miss and shake.

    An id that is lost becomes another at once; noise_px: standard deviation of each edge.
    """
    random = np.random.default_rng((seed, *clip.name.encode()))
    ids: dict[int, int] = {}
    given = 0
    frames = []
    for people in clip.frames:
        seen = []
        for person in people:
            if person.track_id not in ids or random.random() < FRAME_MS / 1000 / lost_every_s:
                given += 1
                ids[person.track_id] = given
            shake = random.normal(0, noise_px, 4)
            if random.random() >= missed:
                x1, y1, x2, y2 = (float(edge) for edge in np.add(person.box, shake))
                box = min(x1, x2 - EDGE_PX), min(y1, y2 - EDGE_PX), x2, y2
                seen.append(Person(person.name, ids[person.track_id], person.class_name, box))
        frames.append(seen)
    return Clip(clip.name, clip.rules, clip.width, clip.height, frames, clip.labelled)


def named_by(found: Frames, true: Frames, apart_max: float = 0.4) -> list[list[Person]]:
    """found with the names of those whose true boxes are nearest, by their centres, at most apart_max of their height
    away (a drawn body with bag and arms is wider than its true box); the others are nobody we know."""
    frames = []
    for people, there in zip(found, true, strict=True):
        frames.append([])
        for person in people:
            apart, name = min(((_apart(other.box, person.box), other.name) for other in there), default=(inf, ""))
            name = name if apart <= apart_max else f"nobody {person.track_id}"
            frames[-1].append(Person(name, person.track_id, person.class_name, person.box, person.confidence))
    return frames


def _apart(true: Box, found: Box) -> float:
    """Between the centres, in heights of the true box."""
    across, down = (true[0] + true[2] - found[0] - found[2]) / 2, (true[1] + true[3] - found[1] - found[3]) / 2
    return hypot(across, down) / (true[3] - true[1])


def who(clip: Clip, track_ids: set[int], start: int, end: int) -> str:
    """Whose boxes these tracks have most often between start and end (ms since the first frame)."""
    votes: Counter[str] = Counter()
    for track_id in track_ids:
        for name, frames in clip.owners.get(track_id, {}).items():
            votes[name] += bisect_right(frames, end // FRAME_MS) - bisect_left(frames, start // FRAME_MS)
    return max(sorted(votes), key=votes.__getitem__, default="nobody")


def _log(clip: Clip) -> Iterator[TrackUpdate]:
    producer = Producer(model="labels", tracker="labels", version="0")
    for number, people in enumerate([*clip.frames, None]):
        at = START_AT + number * FRAME_MS
        yield TrackUpdate(
            site_id=clip.rules.site_id,
            camera_id=clip.rules.camera_id,
            lane="live",
            stream_epoch=START_AT,
            sequence=number,
            frame_index=-1 if people is None else number,
            captured_at=at,
            published_at=at,
            clock_source="pts",
            stream_state="ENDED" if people is None else "LIVE",
            image_width=clip.width,
            image_height=clip.height,
            tracks=[t for t in (_track(person, clip) for person in people or []) if t.x2 > t.x1 and t.y2 > t.y1],
            producer=producer,
        )


def _track(person: Person, clip: Clip) -> Track:
    x1, y1, x2, y2 = person.box
    return Track(
        track_id=person.track_id,
        class_name=person.class_name,
        confidence=person.confidence,
        x1=max(0.0, x1),
        y1=max(0.0, y1),
        x2=min(float(clip.width), x2),
        y2=min(float(clip.height), y2),
    )
