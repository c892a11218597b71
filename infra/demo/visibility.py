"""Whether people hide one another: judged by upright boxes on the image, before anything is drawn."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from infra.demo.actors import Actor
from infra.demo.camera import Pinhole
from infra.demo.views import View

COVERED_MAX = 0.40
TOLERATED_S = 1.5
"""Somebody who walks by may hide another for this long, but not longer."""
HIDDEN_S = (3.0, 9.0)
"""Whom the story hides is hidden for so long, once."""
_STEP_S = 0.25
_HALF_WIDTH_M = 0.24

Rect = tuple[float, float, float, float]


def check_visible(view: View, actors: Sequence[Actor], seconds: float, hidden: Collection[str] = ()) -> list[str]:
    """One line per person who is hidden too much for too long by others; empty when all is well.

    hidden: who shall be hidden once, for HIDDEN_S; a line for each who is not. What happens to a mannequin is all one.
    """
    spells = _spells(view, actors, seconds)
    wrong = []
    for actor in actors:
        long = [spell for spell in spells.get(actor.name, []) if spell.lasts_s > TOLERATED_S]
        if actor.name in hidden:
            low, high = HIDDEN_S
            if len(long) != 1 or not low <= long[0].lasts_s <= high:
                wrong.append(f"{actor.name} shall be hidden once for {low:g} to {high:g} s, is for {long}")
        elif long and actor.alive:
            wrong.append(f"{actor.name} is hidden by {long[0].by} from {long[0].from_s:.1f} s on")
    return wrong


@dataclass(frozen=True, slots=True)
class Spell:
    """A time for which somebody is hidden."""

    by: str
    from_s: float
    to_s: float

    @property
    def lasts_s(self) -> float:
        """Seconds."""
        return self.to_s - self.from_s


def _spells(view: View, actors: Sequence[Actor], seconds: float) -> dict[str, list[Spell]]:
    """For everybody the times for which more than COVERED_MAX of them is covered."""
    spells: dict[str, list[Spell]] = {}
    for tick in range(int(seconds / _STEP_S)):
        t = tick * _STEP_S
        for name, by, share in _covered(view.camera, [a for a in actors if a.there(t)], t):
            if share <= COVERED_MAX:
                continue
            own = spells.setdefault(name, [])
            if own and t - own[-1].to_s <= _STEP_S:
                own[-1] = Spell(own[-1].by, own[-1].from_s, t)
            else:
                own.append(Spell(by, t, t))
    return spells


def _covered(camera: Pinhole, actors: Sequence[Actor], t: float) -> Iterator[tuple[str, str, float]]:
    """For everybody in the picture: the name, and by whom and how much they are covered most."""
    ordered = sorted(actors, key=lambda a: a.position(t)[1])
    rects = [_rect(camera, a, t) for a in ordered]
    for place, (actor, rect) in enumerate(zip(ordered, rects, strict=True)):
        if rect is None:
            continue
        shares = [
            (_overlap(rect, nearer), ordered[i].name) for i, nearer in enumerate(rects[:place]) if nearer is not None
        ]
        share, by = max(shares, default=(0.0, ""))
        yield actor.name, by, share


def _rect(camera: Pinhole, actor: Actor, t: float) -> Rect | None:
    """The person's upright box within the picture; None when outside."""
    x, y = actor.position(t)
    left, bottom = camera.pixel(x - _HALF_WIDTH_M, y)
    right, _ = camera.pixel(x + _HALF_WIDTH_M, y)
    _, top = camera.pixel(x, y, actor.look.height_m)
    if right <= 0 or left >= camera.width_px or top >= camera.height_px:
        return None
    return max(left, 0.0), max(top, 0.0), min(right, camera.width_px), min(bottom, camera.height_px)


def _overlap(a: Rect, b: Rect) -> float:
    """The share of a that lies under b."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    return wide * high / ((a[2] - a[0]) * (a[3] - a[1]))
