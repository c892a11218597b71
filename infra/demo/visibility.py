"""Whether people hide one another: judged by upright boxes on the image, before anything is drawn."""

from collections.abc import Iterator, Sequence

from infra.demo.actors import Actor
from infra.demo.camera import Pinhole
from infra.demo.views import View

COVERED_MAX = 0.40
TOLERATED_S = 1.5
"""Somebody who walks by may hide another for this long, but not longer."""
_STEP_S = 0.25
_HALF_WIDTH_M = 0.24

Rect = tuple[float, float, float, float]


def check_visible(view: View, actors: Sequence[Actor], seconds: float) -> list[str]:
    """One line per person who is hidden too much for too long by others; empty when all is well."""
    since: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for tick in range(int(seconds / _STEP_S)):
        t = tick * _STEP_S
        for name, by, share in _covered(view.camera, [a for a in actors if a.there(t)], t):
            if share <= COVERED_MAX:
                since.pop(name, None)
            elif t - since.setdefault(name, t) > TOLERATED_S:
                wrong.setdefault(name, f"{name} is {share:.0%} hidden by {by} at {t:.1f} s")
    return list(wrong.values())


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
