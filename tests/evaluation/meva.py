"""MEVA: clips of five minutes with boxes and `person_talks_to_person` labels in KPF, read as clips.

Only people in a labelled activity have boxes, each activity its own: somebody who talks and then opens a door has two
ids, and two boxes where the activities overlap in time. Boxes that lie on each other are one person's for the score;
the log keeps them all, as the labels have them.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from statistics import median

from schemas.geometry import iou
from schemas.rules import CameraRules, Thresholds
from tests.evaluation.clips import RATE_HZ, Box, Clip, Person
from tests.evaluation.spans import Span

LABEL_HZ = 30
SECONDS = 300
WIDTH, HEIGHT = 1920, 1072
EVERY = LABEL_HZ // RATE_HZ
TALK = "person_talks_to_person"
SAME_IOU = 0.75
"""Measured: two boxes of one person share 0.76 and more, two people who stand before each other at most 0.73."""
_geom = re.compile(r"id1: (\d+), .*ts0: (\d+), .*g0: (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_type = re.compile(r"id1: (\d+), cset3: \{ (\w+):")
_activity = re.compile(r"act2: \{(\w+): .*?timespan: \[\{tsr0: \[(\d+), (\d+)\]\}\](.*)")
_actor = re.compile(r"id1: (\d+), timespan: \[\{tsr0: \[(\d+), (\d+)\]\}\]")


def load(folder: Path) -> list[Clip]:
    """All clips of a folder, by name."""
    return [_clip(geom) for geom in sorted(folder.glob("*.geom.yml"))]


def _clip(geom: Path) -> Clip:
    name = geom.name.removesuffix(".geom.yml")
    people = {int(m[1]) for m in _type.finditer((geom.parent / f"{name}.types.yml").read_text()) if m[2] == "person"}
    boxes: dict[int, dict[int, Box]] = defaultdict(dict)
    for m in _geom.finditer(geom.read_text()):
        if int(m[1]) in people:
            boxes[int(m[1])][int(m[2])] = (float(m[3]), float(m[4]), float(m[5]), float(m[6]))
    short = {label: number for number, label in enumerate(sorted(boxes, key=lambda i: (min(boxes[i]), i)), 1)}
    by_number = {short[label]: track for label, track in boxes.items()}
    names = same_people(by_number)
    frames = [
        [
            Person(names[number], number, "person", track[frame])
            for number, track in sorted(by_number.items())
            if frame in track
        ]
        for frame in range(0, SECONDS * LABEL_HZ, EVERY)
    ]
    talks = _talks((geom.parent / f"{name}.activities.yml").read_text(), short, names)
    rules = CameraRules(
        site_id="meva",
        camera_id=name.rpartition(".")[2].lower(),
        camera_name=name,
        timezone="UTC",
        day_starts_min=240,
        pairs="any",
        zones=(),
        service_points=(),
        staff_areas=(),
        ignore_areas=(),
        thresholds=Thresholds(),
    )
    return Clip(name, rules, WIDTH, HEIGHT, frames, {"interaction": talks})


def _talks(text: str, short: Mapping[int, int], names: Mapping[int, str]) -> tuple[Span, ...]:
    """Every two people of a talk, while both take part."""
    spans = []
    for activity in _activity.finditer(text):
        if activity[1] == TALK:
            actors = [(names[short[int(a[1])]], int(a[2]), int(a[3])) for a in _actor.finditer(activity[4])]
            for (one, begin, end), (other, other_begin, other_end) in combinations(actors, 2):
                start, stop = max(begin, other_begin), min(end, other_end)
                spans.append(Span(tuple(sorted((one, other))), _ms(start), _ms(stop)))
    return tuple(sorted(spans, key=lambda span: (span.start, span.people)))


def _ms(frame: int) -> int:
    return round(frame * 1000 / LABEL_HZ)


def same_people(boxes: Mapping[int, Mapping[int, Box]]) -> dict[int, str]:
    """Label -> name; labels whose boxes lie on each other (median IoU of their common frames) are one person's."""
    first = {label: label for label in boxes}
    for one, other in combinations(sorted(boxes), 2):
        common = boxes[one].keys() & boxes[other].keys()
        if common and median(iou(boxes[one][f], boxes[other][f]) for f in common) >= SAME_IOU:
            first = {label: first[one] if f == first[other] else f for label, f in first.items()}
    return {label: str(f) for label, f in first.items()}
