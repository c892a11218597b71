"""How a situation is written down: a scene with few people, and beside the script what really happened in it.

    @situation(4, 6, seconds=80, law=FLOOR)
    def staff_fetch_something(shop: Scene, away_s: float) -> None:
        anna, ben = shop.staff(...), shop.customer(...)
        shop.served(anna, ben, 3, 63)

Each value is a clip of its own, with a detector's tremble and misses of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import dist

from schemas.geometry import Point
from schemas.records import TrackUpdate
from schemas.rules import CameraRules, Thresholds
from tests.evaluation.clips import FRAME_MS, Clip, Kind, Person
from tests.evaluation.spans import Span
from tests.scenario import Scenario, ended
from tests.scene import Figure

KINDS: tuple[Kind, ...] = ("interaction", "unattended", "visit")
WALK_M_S = 1.2
Way = list[tuple[float, float, float]]
"""(s, x m, y m): where somebody is when."""
Stay = tuple[float, float, Point]
"""From, to (s), and where on the floor."""


@dataclass
class Scene(Scenario):
    """A script with its labels. Times are seconds from its begin."""

    jitter_px: float = 1.0
    missed: float = 0.03
    happened: list[tuple[Kind, Span]] = field(default_factory=list)
    visits_known: bool = False
    """Visits are labelled too, which they are not where a scene is about something else."""

    def served(self, staff: Figure, customer: Figure, from_s: float, to_s: float) -> None:
        """Label: one service, or talk, of the two."""
        self._happened("interaction", (staff, customer), from_s, to_s)

    def unattended(self, customer: Figure, from_s: float, to_s: float) -> None:
        """Label: the customer waited too long, from entry or the last service on."""
        self._happened("unattended", (customer,), from_s, to_s)

    def visited(self, customer: Figure, from_s: float, to_s: float) -> None:
        """Label: the customer came to look or to wait, and did not walk through."""
        self._happened("visit", (customer,), from_s, to_s)
        self.visits_known = True

    def walked_through(self, customer: Figure) -> None:
        """Label: no visit, of a customer who crossed a zone."""
        self.visits_known = True

    def _happened(self, kind: Kind, people: Sequence[Figure], from_s: float, to_s: float) -> None:
        names = tuple(sorted(_name(figure) for figure in people))
        self.happened.append((kind, Span(names, round(from_s * 1000), round(to_s * 1000))))

    def clip(self, name: str, law: CameraRules) -> "ScriptedClip":
        """The scene under these rules, with everybody's boxes under their own name."""
        log = ended(self.log())
        frames: list[list[Person]] = [[] for _ in range(int(self.seconds * 1000) // FRAME_MS + 2)]
        for update in log:
            names = {figure.id_at((update.captured_at - self.start_at) / 1000): _name(figure) for figure in self.people}
            frames[(update.captured_at - self.start_at) // FRAME_MS] = [
                Person(
                    names[track.track_id], track.track_id, track.class_name, (track.x1, track.y1, track.x2, track.y2)
                )
                for track in update.tracks
            ]
        labelled: dict[Kind, tuple[Span, ...]] = {
            kind: tuple(span for what, span in self.happened if what == kind)
            for kind in (KINDS if self.visits_known else KINDS[:2])
        }
        size = self.camera.width_px, self.camera.height_px
        return ScriptedClip(name, law, *size, frames, labelled, tuple(log))


@dataclass(frozen=True)
class ScriptedClip(Clip):
    """A clip whose log was scripted too: at another rate, with blind times."""

    records: tuple[TrackUpdate, ...] = ()

    @cached_property
    def log(self) -> list[TrackUpdate]:
        """The records as scripted."""
        return list(self.records)


def _name(figure: Figure) -> str:
    return f"{figure.track_id}"


def way(home: Point, *stays: Stay, back: bool = True) -> Way:
    """From home to each stay in time for it, and home again; at a walk, or faster where there is no time."""
    path: Way = []
    free_s, at = 0.0, home
    for from_s, to_s, spot in stays:
        leaves_s = from_s - dist(at, spot) / WALK_M_S
        path += [(leaves_s if not path else max(free_s, leaves_s), *at), (from_s, *spot), (to_s, *spot)]
        free_s, at = to_s, spot
    return [*path, (free_s + dist(at, home) / WALK_M_S, *home)] if back else path


Script = Callable[[Scene, float], None]


@dataclass(frozen=True)
class Situation:
    """A script with the values that it is played with."""

    script: Script
    values: tuple[float, ...]
    seconds: float
    hz: float
    law: CameraRules

    def clips(self) -> Iterator[ScriptedClip]:
        """One clip per value."""
        for seed, value in enumerate(self.values, 1):
            scene = Scene(seconds=self.seconds, hz=self.hz, seed=seed)
            self.script(scene, value)
            name = f"{self.script.__name__} {value:g}".replace("_", " ")
            yield scene.clip(name, self.law.model_copy(update={"thresholds": Thresholds()}))


def situation(*values: float, seconds: float, law: CameraRules, hz: float = 4.0) -> Callable[[Script], Situation]:
    """Makes a script a situation. hz: what lasts minutes needs few frames per second."""
    return lambda script: Situation(script, values, seconds, hz, law)
