"""The fold as one of the rules that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.ids import person_id
from schemas.records import CustomerVisit, InteractionEvent, TrackRef, UnattendedEvent
from schemas.rules import CameraRules, Thresholds
from streams.book import RulesBook
from streams.camera import step
from streams.state import CameraState
from tests.evaluation.baselines import Measured
from tests.evaluation.clips import START_AT, Clip, Kind, who
from tests.evaluation.spans import Span

TRACKLETS = 4
"""No scripted track is cut more often."""
Changes = Mapping[str, Mapping[str, Any]]
"""Thresholds that differ from the clip's own: group -> name -> value."""


@dataclass(frozen=True)
class Fold:
    """One setting of our rules."""

    changes: Changes = field(default_factory=dict)
    depth_times: float = 1.0
    """The camera's depth factor is taken so many times."""

    def run(self, measured: Measured, least_s: float) -> dict[Kind, list[Span]]:
        """What the fold finds: confirmed episodes; in pairs `any` started interactions; none shorter than least_s."""
        return self.find(measured.clip, least_s)

    def find(self, clip: Clip, least_s: float, book: RulesBook | None = None) -> dict[Kind, list[Span]]:
        """The same, under these rules or those of the book."""
        rules = self.rules(clip.rules)
        found: dict[Kind, list[Span]] = {"interaction": [], "unattended": [], "visit": []}
        for event in _last_events(clip, book or RulesBook(current={rules.camera_id: rules})):
            if isinstance(event, CustomerVisit):
                if "visit" in clip.labelled:
                    found["visit"].append(_visit(clip, event))
                continue
            kind: Kind = "interaction" if isinstance(event, InteractionEvent) else "unattended"
            told = event.phase == "ended" or (event.phase == "discarded" and clip.rules.pairs == "any")
            short = kind == "interaction" and (event.ended_at or 0) - event.started_at < least_s * 1000
            if not told or short or event.ended_at is None:
                continue
            start, end = event.started_at - START_AT, event.ended_at - START_AT
            sides = [event.lineage.customer] if kind == "unattended" else [event.lineage.staff, event.lineage.customer]
            people = tuple(sorted(who(clip, _tracks(side), start, end) for side in sides))
            found[kind].append(Span(people, start, end))
        return found

    def rules(self, rules: CameraRules) -> CameraRules:
        """A clip's rules with what this setting changes."""
        numbers = rules.thresholds.model_dump()
        numbers["near"]["depth_factor"] = max(1.0, numbers["near"]["depth_factor"] * self.depth_times)
        for group, values in self.changes.items():
            numbers[group].update(values)
        return rules.model_copy(update={"thresholds": Thresholds.model_validate(numbers)})


def _visit(clip: Clip, event: CustomerVisit) -> Span:
    """A visit names its customer by the number of their first tracklet alone."""
    start, end = event.entered_at - START_AT, event.left_at - START_AT
    firsts = {(update.stream_epoch, track.track_id) for update in clip.log for track in update.tracks}
    tracks = {
        track
        for epoch, track in firsts
        for part in range(TRACKLETS)
        if event.customer_id == _number(event, TrackRef(stream_epoch=epoch, track_id=track, tracklet=part))
    }
    return Span((who(clip, tracks, start, end),), start, end)


def _number(event: CustomerVisit, first: TrackRef) -> int:
    return person_id(event.site_id, event.camera_id, event.lane, first)


def _last_events(clip: Clip, book: RulesBook) -> list[InteractionEvent | UnattendedEvent | CustomerVisit]:
    """Each episode's last word, and the visits."""
    state: CameraState | None = None
    last: dict[str, InteractionEvent | UnattendedEvent | CustomerVisit] = {}
    for update in clip.log:
        state, events = step(state, update, book)
        last |= {e.episode_id: e for e in events if isinstance(e, InteractionEvent | UnattendedEvent)}
        last |= {e.visit_id: e for e in events if isinstance(e, CustomerVisit)}
    return list(last.values())


def _tracks(refs: list[TrackRef]) -> set[int]:
    return {ref.track_id for ref in refs}
