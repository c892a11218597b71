"""Scripted people before a simple camera, as the records that inference would publish of them.

    shop = Scenario(seconds=60)
    anna = shop.staff((0, 0.0, 5.0))                          # at 0 s at (0 m, 5 m), and there until the end
    ben = shop.customer((2, 3.0, 8.0), (5, 1.0, 5.0))         # walks, then stays
    ben.hidden(20, 22)
    log = shop.log()

Floor: metres, x to the right, y away from the camera. Times: seconds from the scenario's start.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Literal

import msgspec

from schemas.hours import Spans, opening_hours
from schemas.records import (
    CameraOutage,
    Control,
    CustomerVisit,
    Impairment,
    InteractionEvent,
    Position,
    Producer,
    StreamState,
    Track,
    TrackUpdate,
    UnattendedEvent,
)
from schemas.rules import CameraRules, FloorPlan, FloorPoint, PersonRules, Point, ServicePoint, Thresholds, Zone
from streams.book import RulesBook
from streams.bounds import BOUNDS, Bounds
from streams.camera import step, step_missing
from streams.frame import Event
from streams.position import judge
from streams.state import CameraState
from tests.scene import Camera, Figure, rectangle

LIVELY = Thresholds(person=PersonRules(life_edge_share=0, life_edge_min_px=0))
"""Scripted people stand like statues: all count as alive, unless a test is about that."""
TEN_O_CLOCK = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1000)
SITE, CAMERA = "shop", "cam-1"
PRODUCER = Producer(model="scripted", tracker="scripted", version="0")


@dataclass
class Scenario:
    """A scene and its log. hz: frames per second; blind: spans [s, s) without any record; skips: with empty slots.

    dropped: share of the slots without a frame; uneven: how far a frame may be from its slot, as a share of the slot.
    """

    seconds: float = 60.0
    hz: float = 10.0
    start_at: int = TEN_O_CLOCK
    camera: Camera = field(default_factory=Camera)
    camera_id: str = CAMERA
    lane: str = "live"
    jitter_px: float = 0.0
    missed: float = 0.0
    dropped: float = 0.0
    uneven: float = 0.0
    seed: int = 1
    people: list[Figure] = field(default_factory=list)
    blind: list[tuple[float, float]] = field(default_factory=list)
    skips: list[tuple[float, float]] = field(default_factory=list)
    impaired: list[tuple[float, float, Impairment]] = field(default_factory=list)
    """Spans whose frames do not count, and why."""
    epochs_at: list[float] = field(default_factory=list)

    def person(self, class_name: str, *path: tuple[float, float, float], tall_m: float = 1.7) -> Figure:
        """Add somebody whom the detector calls class_name."""
        figure = Figure(len(self.people) + 1, class_name, list(path), tall_m=tall_m)
        self.people.append(figure)
        return figure

    def staff(self, *path: tuple[float, float, float]) -> Figure:
        """Add a staff member."""
        return self.person("staff", *path)

    def customer(self, *path: tuple[float, float, float]) -> Figure:
        """Add a customer."""
        return self.person("customer", *path)

    def log(self) -> list[TrackUpdate]:
        """All records, contiguous, in new epochs where asked for."""
        random = Random(self.seed)
        updates: list[TrackUpdate] = []
        sequence, epoch, previous = 0, self.start_at, None
        pending = sorted(self.epochs_at)
        for index in range(int(self.seconds * self.hz) + 1):
            s = index / self.hz
            if self.uneven and index:
                s += random.uniform(-self.uneven, self.uneven) / self.hz
            if any(a <= s < b for a, b in self.blind):
                continue
            at = self.at(s)
            first = None
            if pending and s >= pending[0]:
                pending.pop(0)
                first = Position(stream_epoch=epoch, sequence=sequence - 1)
                sequence, epoch, previous = 0, at, first
            skipped = any(a <= s < b for a, b in self.skips) or (self.dropped > 0 and random.random() < self.dropped)
            tracks = [] if skipped else self._tracks(s, random)
            updates.append(
                record(
                    at,
                    sequence,
                    tracks,
                    epoch=epoch,
                    previous=previous if sequence == 0 else None,
                    camera=self.camera,
                    camera_id=self.camera_id,
                    lane=self.lane,
                    skipped=skipped,
                    impairment=next((why for a, b, why in self.impaired if a <= s < b), None),
                )
            )
            sequence += 1
        return updates

    def _tracks(self, s: float, random: Random) -> list[Track]:
        tracks = []
        for figure in self.people:
            shake = (random.gauss(0, self.jitter_px), random.gauss(0, self.jitter_px)) if self.jitter_px else (0.0, 0.0)
            seen = random.random() >= self.missed
            track = figure.track(s, self.camera, shake)
            if track is not None and seen:
                tracks.append(track)
        return tracks

    def at(self, s: float) -> int:
        """Seconds of the script as ms UTC."""
        return self.start_at + round(s * 1000)


def record(
    at: int,
    sequence: int,
    tracks: Sequence[Track] = (),
    *,
    epoch: int = TEN_O_CLOCK,
    stream_state: StreamState = "LIVE",
    skipped: bool = False,
    previous: Position | None = None,
    control: Control | None = None,
    impairment: Impairment | None = None,
    camera: Camera | None = None,
    camera_id: str = CAMERA,
    lane: str = "live",
) -> TrackUpdate:
    """One record of the log, captured at `at` (ms UTC)."""
    camera = camera or Camera()
    return TrackUpdate(
        site_id=SITE,
        camera_id=camera_id,
        lane=lane,
        stream_epoch=epoch,
        sequence=sequence,
        frame_index=-1 if skipped or stream_state != "LIVE" else sequence,
        captured_at=at,
        published_at=at,
        clock_source="pts",
        stream_state=stream_state,
        skipped=skipped,
        image_width=camera.width_px,
        image_height=camera.height_px,
        tracks=list(tracks),
        producer=PRODUCER,
        previous=previous,
        control=control,
        impairment=impairment,
    )


def after(update: TrackUpdate, s: float, stream_state: StreamState = "LIVE", **changes: object) -> TrackUpdate:
    """The next record of the same epoch, s seconds later, without tracks unless given."""
    fields = {
        "sequence": update.sequence + 1,
        "captured_at": update.captured_at + round(s * 1000),
        "published_at": update.captured_at + round(s * 1000),
        "stream_state": stream_state,
        "tracks": [],
        "previous": None,
        **changes,
    }
    return msgspec.structs.replace(update, **fields)


def counter(
    camera: Camera | None = None, x1: float = -1.5, x2: float = 1.5, y: float = 6.0, name: str = "till"
) -> ServicePoint:
    """A counter across the image from x1 to x2 at depth y: staff beyond it, customers on the near side."""
    camera = camera or Camera()
    return ServicePoint(
        service_point_id=name,
        name=name.title(),
        counter_line=(camera.pixel(x1, y), camera.pixel(x2, y)),
        counter_length_m=x2 - x1,
        staff_area=camera.polygon(rectangle(x1, y + 0.1, x2, y + 1.5)),
        customer_strip=camera.polygon(rectangle(x1, y - 1.0, x2, y)),
    )


def zone(
    x1: float,
    y1: float,
    x2: float,
    y2: float,
    *,
    zone_id: str = "floor",
    kind: Literal["service", "queue"] = "service",
    service_point: str | None = None,
    camera: Camera | None = None,
) -> Zone:
    """A rectangle of floor as a zone."""
    polygon = (camera or Camera()).polygon(rectangle(x1, y1, x2, y2))
    return Zone(zone_id=zone_id, name=zone_id.title(), kind=kind, polygon=polygon, service_point=service_point)


CORNERS = [(-4.0, 3.0), (4.0, 3.0), (5.0, 9.0), (-5.0, 9.0)]
"""Floor that the scenario's camera sees, metres."""


def floor_plan(corners: Iterable[Point] = CORNERS, camera: Camera | None = None, lens: bool = True) -> FloorPlan:
    """The floor as somebody measured it at these spots."""
    camera = camera or Camera()
    points = tuple(FloorPoint(pixel=camera.pixel(*corner), floor_m=corner) for corner in corners)
    return FloorPlan(points=points, lens_m=(0.0, 0.0, camera.height_m) if lens else None)


def rules(
    *,
    zones: Sequence[Zone] = (),
    service_points: Sequence[ServicePoint] = (),
    staff_areas: Sequence[tuple[Point, ...]] = (),
    ignore_areas: Sequence[tuple[Point, ...]] = (),
    pairs: Literal["roles", "any"] = "roles",
    thresholds: Thresholds | None = None,
    floor: FloorPlan | None = None,
    camera_id: str = CAMERA,
    timezone: str = "UTC",
    open_by_day: Mapping[str, Spans] | None = None,
) -> CameraRules:
    """Effective rules of the scenario's camera; the business day begins at 04:00."""
    return CameraRules(
        site_id=SITE,
        camera_id=camera_id,
        camera_name="Front",
        timezone=timezone,
        day_starts_min=240,
        pairs=pairs,
        zones=tuple(zones),
        service_points=tuple(service_points),
        staff_areas=tuple(staff_areas),
        ignore_areas=tuple(ignore_areas),
        opening_hours=None if open_by_day is None else opening_hours(open_by_day),
        floor=floor,
        thresholds=thresholds or LIVELY,
    )


def book_of(*sets: CameraRules, bounds: Bounds = BOUNDS) -> RulesBook:
    """The first set of each camera is current, all are known by version."""
    current: dict[str, CameraRules] = {}
    for one in sets:
        current.setdefault(one.camera_id, one)
    return RulesBook(current=current, by_version={one.version: one for one in sets}, bounds=bounds)


@dataclass
class Folder:
    """Folds logs as the worker does: judged by position, a rewind that finds nothing becomes an outage."""

    book: RulesBook
    state: CameraState | None = None
    events: list[Event] = field(default_factory=list)

    def fold(self, updates: Iterable[TrackUpdate]) -> list[Event]:
        """The events of these records, which are also kept."""
        new: list[Event] = []
        for update in updates:
            verdict = judge(self.state, update)
            if verdict == "fold":
                self.state, events = step(self.state, update, self.book)
                new += events
            elif verdict == "rewind":
                self.state, events = step_missing(self.state, update, self.book, "missing")
                new += events
        self.events += new
        return new


def fold(updates: Iterable[TrackUpdate], *sets: CameraRules, bounds: Bounds = BOUNDS) -> list[Event]:
    """All events of a log under the first rules set."""
    return Folder(book_of(*sets, bounds=bounds)).fold(updates)


def ended(updates: Sequence[TrackUpdate]) -> list[TrackUpdate]:
    """The log with the record that says that it is over."""
    return [*updates, after(updates[-1], 0.1, "ENDED")]


def interactions(events: Iterable[Event]) -> list[InteractionEvent]:
    """Of interactions alone."""
    return [event for event in events if isinstance(event, InteractionEvent)]


def waits(events: Iterable[Event]) -> list[UnattendedEvent]:
    """Of unattended customers alone."""
    return [event for event in events if isinstance(event, UnattendedEvent)]


def visits(events: Iterable[Event]) -> list[CustomerVisit]:
    """Visits alone."""
    return [event for event in events if isinstance(event, CustomerVisit)]


def outages(events: Iterable[Event]) -> list[CameraOutage]:
    """Outages alone."""
    return [event for event in events if isinstance(event, CameraOutage)]


def phases(events: Iterable[InteractionEvent | UnattendedEvent]) -> list[str]:
    """What happened, in a word each."""
    return [event.phase for event in events]


def with_thresholds(base: CameraRules, **groups: dict[str, object]) -> CameraRules:
    """The rules with some numbers changed: with_thresholds(r, interaction={"far_s": 2.0})."""
    numbers = base.thresholds.model_dump()
    for group, values in groups.items():
        numbers[group].update(values)
    return base.model_copy(update={"thresholds": Thresholds.model_validate(numbers)})
