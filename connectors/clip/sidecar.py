"""The JSON beside a clip: where each participant is, in clip time, so that a viewer can say who is who."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from connectors.clip.plan import ClipJob
from infra.recordings import FrameTracks
from schemas.records import Role, TrackRef

Box = tuple[int, float, float, float, float]
"""(ms from the clip's first frame, x1, y1, x2, y2); pixels from the top-left corner."""


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One person of the episode."""

    person_id: int
    role: Role
    boxes: list[Box]


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """The file. Boxes refer to an image of width x height pixels."""

    version: Literal[1] = 1
    episode_id: str
    part: str
    camera_id: str
    segment_filename: str
    width: int
    height: int
    covered_from: int
    covered_to: int
    participants: list[Participant]


def epochs(job: ClipJob) -> list[int]:
    """The stream epochs in which the participants were tracked."""
    lineage = job.subject.lineage
    return sorted({ref.stream_epoch for ref in [*lineage.staff, *lineage.customer]})


def participants(
    job: ClipJob, frames: Mapping[int, Iterable[FrameTracks]], zero_at: int, *, symmetric: bool
) -> list[Participant]:
    """Each participant's boxes by lineage.

    frames: stream_epoch -> published boxes; zero_at: captured_at of the clip's first frame (ms UTC); symmetric: pairs
    `any`, where nobody is staff.
    """
    subject = job.subject
    by_alert = {box.person_id: box.role for box in subject.alert.boxes} if subject.alert else {}
    kept = {epoch: list(items) for epoch, items in frames.items()}
    found: list[Participant] = []
    people: list[tuple[int | None, Role, list[TrackRef]]] = [
        (subject.staff_id, "staff", subject.lineage.staff),
        (subject.customer_id, "customer", subject.lineage.customer),
    ]
    for person_id, role, refs in people:
        if person_id is not None:
            role = by_alert.get(person_id, "undecided" if symmetric else role)
            found.append(Participant(person_id=person_id, role=role, boxes=_boxes(refs, kept, zero_at)))
    return found


def _boxes(refs: list[TrackRef], frames: Mapping[int, list[FrameTracks]], zero_at: int) -> list[Box]:
    boxes: dict[int, Box] = {}
    for epoch in dict.fromkeys(ref.stream_epoch for ref in refs):
        tracks = {ref.track_id for ref in refs if ref.stream_epoch == epoch}
        for frame in frames.get(epoch, []):
            for track_id, x1, y1, x2, y2 in frame.tracks:
                if track_id in tracks:
                    boxes.setdefault(frame.at - zero_at, (frame.at - zero_at, x1, y1, x2, y2))
    return [boxes[at] for at in sorted(boxes)]
