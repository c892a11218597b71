"""One record being folded: what every rule is given, and where it leaves its events."""

from dataclasses import dataclass, field

from schemas.records import CameraOutage, Cause, CustomerVisit, InteractionEvent, TrackUpdate, UnattendedEvent
from streams.book import Law
from streams.state import CameraState, Person

Event = InteractionEvent | UnattendedEvent | CustomerVisit | CameraOutage


@dataclass(slots=True)
class Frame:
    """The record, the state before it and the rules that hold."""

    state: CameraState
    law: Law
    update: TrackUpdate
    cause: Cause
    events: list[Event] = field(default_factory=list)

    @property
    def now(self) -> int:
        """captured_at of the record, ms UTC."""
        return self.cause.captured_at


@dataclass(slots=True)
class Seen:
    """One person in one frame. Pixels from the top-left."""

    person: Person
    x: float
    y: float
    """Middle of the box's lower edge, a little inside the image: the foot, where it is visible."""
    depth_y: float
    """y stretched to floor depth: differences count as many pixels as sideways ones."""
    height: float
    whole: bool
    """The box does not touch the image's edge: its foot and its height count."""
    weight_ms: int
    """Time since this person was seen before, at most what a sample may count."""
    behind: int = -1
    """Index of the service point in whose staff area the body ends; -1: none."""
    at_strip: int = -1
    """Index of the service point in whose customer strip the foot is; -1: none."""
