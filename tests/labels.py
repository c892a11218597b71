"""Hand-labelled people as the log that a perfect tracker would publish, and episodes compared by overlap."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.geometry import iou
from schemas.records import InteractionEvent, Producer, Track, TrackUpdate
from schemas.rules import CameraRules
from streams.book import RulesBook
from streams.camera import step
from streams.state import CameraState

Box = tuple[float, float, float, float]
MARGIN_PX = 1e-6


@dataclass(frozen=True)
class Spell:
    """Two people together: from, to (ms UTC) and their boxes (pixels) when it was confirmed at `confirmed_at`."""

    episode_id: str
    started_at: int
    ended_at: int
    confirmed_at: int
    boxes: tuple[Box, ...]


def pets_boxes(path: Path) -> dict[int, dict[int, Box]]:
    """frame number -> label id -> box (x1, y1, x2, y2) of a PETS2009 annotation file (CVML)."""
    frames: dict[int, dict[int, Box]] = {}
    for frame in ET.parse(path).getroot().iter("frame"):
        people: dict[int, Box] = {}
        for thing in frame.iter("object"):
            box = thing.find("box")
            assert box is not None
            w, h, xc, yc = (float(box.attrib[k]) for k in ("w", "h", "xc", "yc"))
            people[int(thing.attrib["id"])] = (xc - w / 2, yc - h / 2, xc + w / 2, yc + h / 2)
        frames[int(frame.attrib["number"])] = people
    return frames


def log_of(
    frames: dict[int, dict[int, Box]], rules: CameraRules, *, start_at: int, frame_ms: int, width: int, height: int
) -> list[TrackUpdate]:
    """Labels as TrackUpdates, one per frame and an ENDED record behind them; boxes are cut at the image's edge."""
    updates = []
    for sequence, number in enumerate([*sorted(frames), None]):
        at = start_at + frame_ms * (sequence if number is None else number)
        tracks = [
            Track(
                track_id=label,
                class_name="person",
                confidence=1.0,
                x1=max(0.0, box[0]),
                y1=max(0.0, box[1]),
                x2=min(width, box[2]),
                y2=min(height, box[3]),
            )
            for label, box in sorted(({} if number is None else frames[number]).items())
            if box[0] < width - MARGIN_PX and box[1] < height - MARGIN_PX and box[2] > 0 and box[3] > 0
        ]
        updates.append(
            TrackUpdate(
                site_id=rules.site_id,
                camera_id=rules.camera_id,
                lane="live",
                stream_epoch=start_at,
                sequence=sequence,
                frame_index=-1 if number is None else number,
                captured_at=at,
                published_at=at,
                clock_source="pts",
                stream_state="ENDED" if number is None else "LIVE",
                image_width=width,
                image_height=height,
                tracks=tracks,
                producer=Producer(model="labels", tracker="labels", version="0"),
            )
        )
    return updates


def labelled_spells(updates: Sequence[TrackUpdate], rules: CameraRules) -> list[tuple[Spell, tuple[int, ...]]]:
    """The confirmed interactions that the fold finds in a log of labels, each with the label ids of its people."""
    book = RulesBook(current={rules.camera_id: rules}, by_version={rules.version: rules})
    state: CameraState | None = None
    events: list[InteractionEvent] = []
    for update in updates:
        state, stated = step(state, update, book)
        events += [e for e in stated if isinstance(e, InteractionEvent)]
    ids = {e.episode_id: (e.lineage.staff[0].track_id, e.lineage.customer[0].track_id) for e in events}
    return [(spell, ids[spell.episode_id]) for spell in spells(events)]


def spells(events: Sequence[InteractionEvent]) -> list[Spell]:
    """One Spell per episode that was confirmed and ended."""
    confirmed = {e.episode_id: e for e in events if e.phase == "confirmed"}
    found = []
    for event in {(e.episode_id, e.facet_revision): e for e in events}.values():
        if event.phase == "ended" and event.episode_id in confirmed:
            said = confirmed[event.episode_id]
            assert said.alert is not None
            assert said.confirmed_at is not None
            assert event.ended_at is not None
            boxes = tuple((b.x1, b.y1, b.x2, b.y2) for b in said.alert.boxes)
            found.append(Spell(event.episode_id, event.started_at, event.ended_at, said.confirmed_at, boxes))
    return sorted(found, key=lambda s: (s.started_at, s.ended_at))


def temporal_iou(a: Spell, b: Spell) -> float:
    """Overlap of two spells in time over their union."""
    both = min(a.ended_at, b.ended_at) - max(a.started_at, b.started_at)
    return max(0, both) / max(1, max(a.ended_at, b.ended_at) - min(a.started_at, b.started_at))


def f1(
    found: Sequence[Spell], labelled: Sequence[tuple[Spell, tuple[int, ...]]], frames: dict[int, dict[int, Box]],
    *, start_at: int, frame_ms: int, tiou: float
) -> tuple[float, int]:  # fmt: skip
    """F1 of found against labelled spells, and the number of matches.

    labelled: each with the label ids of its two people. A match overlaps in time by `tiou` and is about the same two
    people: the found boxes at confirmation lie on theirs (IoU >= 0.4).
    """
    free, matches = list(labelled), 0
    for one in found:
        people = frames.get(round((one.confirmed_at - start_at) / frame_ms), {})
        for candidate in free:
            spell, labels = candidate
            theirs = [people[label] for label in labels if label in people]
            same = len(theirs) == 2 and all(max(iou(box, their) for their in theirs) >= 0.4 for box in one.boxes)
            if same and temporal_iou(one, spell) >= tiou:
                free.remove(candidate)
                matches += 1
                break
    total = len(found) + len(labelled)
    return (2 * matches / total if total else 1.0), matches
