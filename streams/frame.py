"""One record being folded: what every rule is given, and where it leaves its events."""

from dataclasses import dataclass, field

import msgspec

from schemas.geometry import Point
from schemas.records import CameraOutage, Cause, CustomerVisit, InteractionEvent, TrackUpdate, UnattendedEvent
from streams.book import Law
from streams.ground import Spot
from streams.state import CameraState, Person

Event = InteractionEvent | UnattendedEvent | CustomerVisit | CameraOutage


@dataclass(slots=True)
class Frame:
    """The record, the state before it and the rules that hold."""

    state: CameraState
    law: Law
    update: TrackUpdate
    cause: Cause
    now: int
    """captured_at of the record, ms UTC."""
    events: list[Event] = field(default_factory=list)
    open: bool = True
    """Within opening hours; known once the frame is seen."""

    @property
    def elapsed_ms(self) -> int:
        """Known time since the frame before: at most what a sample may count."""
        before = self.state.frame_at
        return 0 if before is None else min(self.now - before, self.law.sample_max_ms)


class Seen(msgspec.Struct, gc=False):
    """One person in one frame. Pixels from the top-left."""

    person: Person
    key: int
    x: float
    y: float
    """Middle of the box's lower edge, a little inside the image: the foot, where it is visible."""
    depth_y: float
    """y stretched to floor depth: differences count as many pixels as sideways ones."""
    height: float
    reach: float
    """Half of how far "near" is, in pixels at this person's height."""
    whole: bool
    """The box does not touch the image's edge: its foot and its height count."""
    headed: bool
    """At most its lower edge touches the image's: the head counts."""
    weight_ms: int
    """Time since this person was seen before, at most what a sample may count."""
    spot: Spot
    """What is drawn where the foot is."""
    at: Point | None
    """Where the foot stands on the calibrated floor, metres (under the head, if the foot is out of the picture); None:
    not known."""
    tall_m: float
    """How tall the person is if the box's lower edge is the foot; 0: not known."""
    heading: Point | None
    """Where the body looks: a unit vector on the floor; None: not known."""
