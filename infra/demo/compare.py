"""Found episodes beside scripted ones: what was matched, missed, and made up. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.geometry import iou

TOLERANCE_MS = 1500
SAME_PERSON_IOU = 0.3
_BOX_AGE_MAX_MS = 600

People = Literal["right", "wrong", "unknown"]


@dataclass(frozen=True, slots=True)
class Match:
    """A scripted episode and the one that was found for it; differences are found - scripted."""

    scripted: Mapping[str, Any]
    found: Mapping[str, Any]
    start_difference_ms: int
    end_difference_ms: int
    people: People


@dataclass(frozen=True, slots=True)
class Comparison:
    """All is well when nothing is missing and nothing is extra."""

    matched: tuple[Match, ...]
    missing: tuple[Mapping[str, Any], ...]
    extra: tuple[Mapping[str, Any], ...]

    @property
    def incidents(self) -> tuple[int, int]:
        """How many scripted occurrences were found as one that is nobody else's, and how many there are."""
        found: dict[tuple[str, int], set[str | None]] = {}
        for match in self.matched:
            found.setdefault(_occurrence(match.scripted), set()).add(match.found["occurrence"])
        scripted = found.keys() | {_occurrence(one) for one in self.missing}
        seen = Counter(name for names in found.values() for name in names)
        right = [names for names in found.values() if len(names) == 1 and all(seen[name] == 1 for name in names)]
        return len(right), len(scripted)

    @property
    def perfect(self) -> bool:
        """Every scripted episode was found, and no other."""
        return not self.missing and not self.extra


def _occurrence(scripted: Mapping[str, Any]) -> tuple[str, int]:
    return scripted["camera_id"], scripted["occurrence"]


def compare(
    found: Sequence[Mapping[str, Any]], truth: Mapping[str, Any], *, tolerance_ms: int = TOLERANCE_MS
) -> Comparison:
    """Match one to one: same camera and kind, start and end within tolerance_ms, not other people.

    found: camera_id, kind, occurrence, started_at and ended_at (ms UTC; ended_at None = never ended, no match), and
    optionally `boxes_at` (ms UTC) with `boxes`: role (staff, customer) -> (x1, y1, x2, y2) px. truth: what truth.json
    holds.
    """
    pairs = []
    for number, scripted in enumerate(truth["episodes"]):
        for place, one in enumerate(found):
            match = _match(scripted, one, truth, tolerance_ms)
            if match is not None:
                cost = abs(match.start_difference_ms) + abs(match.end_difference_ms)
                pairs.append((match.people != "right", cost, number, place, match))
    matched: dict[int, Match] = {}
    taken: set[int] = set()
    for _, _, number, place, match in sorted(pairs, key=lambda pair: pair[:4]):
        if number not in matched and place not in taken:
            matched[number] = match
            taken.add(place)
    return Comparison(
        matched=tuple(matched[number] for number in sorted(matched)),
        missing=tuple(e for number, e in enumerate(truth["episodes"]) if number not in matched),
        extra=tuple(one for place, one in enumerate(found) if place not in taken),
    )


def _match(
    scripted: Mapping[str, Any], found: Mapping[str, Any], truth: Mapping[str, Any], tolerance_ms: int
) -> Match | None:
    if (scripted["camera_id"], scripted["kind"]) != (found["camera_id"], found["kind"]) or found["ended_at"] is None:
        return None
    start, end = found["started_at"] - scripted["started_at"], found["ended_at"] - scripted["ended_at"]
    people = _people(scripted, found, truth)
    if abs(start) > tolerance_ms or abs(end) > tolerance_ms or people == "wrong":
        return None
    return Match(scripted, found, start, end, people)


def _people(scripted: Mapping[str, Any], found: Mapping[str, Any], truth: Mapping[str, Any]) -> People:
    """Whether the boxes that the event carries are those of the scripted people."""
    boxes, at_ms = found.get("boxes"), found.get("boxes_at")
    if not boxes or at_ms is None:
        return "unknown"
    for role, box in boxes.items():
        who = who_is_at(truth, found["camera_id"], at_ms, tuple(box))
        if who is None:
            return "unknown"
        if who != scripted.get(role):
            return "wrong"
    return "right"


def who_is_at(
    truth: Mapping[str, Any], camera_id: str, at_ms: int, box: tuple[float, float, float, float]
) -> str | None:
    """The actor whose true box lies best under this one at that moment; None when nobody's does."""
    best, who = SAME_PERSON_IOU, None
    for actor in truth["actors"]:
        if actor["camera_id"] != camera_id:
            continue
        for second, x1, y1, x2, y2 in actor["boxes"]:
            if abs(truth["start_ms"] + second * 1000 - at_ms) <= _BOX_AGE_MAX_MS:
                share = iou(box, (x1, y1, x2, y2))
                if share > best:
                    best, who = share, actor["name"]
    return who
