"""Shops at random (`shops`) as clips, from everybody's true boxes.

A true box is what the camera would see of a body: cut off by the counter before it, its head lower or higher as people
look down, lean and look up. Who is covered more than the detector is trained for has none.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from infra.demo.actors import Actor
from infra.demo.render import WEIGHTS
from infra.demo.script import Part
from infra.demo.site_file import write_site
from infra.demo.views import CameraId, View
from schemas.site import Site
from tests.evaluation.clips import RATE_HZ, Box, Clip, Kind, Person
from tests.evaluation.shops import SECONDS, make_shop
from tests.evaluation.spans import Span

HALF_WIDTH_M = 0.24
POSTURE_S, BOWED_M = 9.0, 0.10
"""A posture is held for about so long; it lowers the head by up to this."""
COVERED_MAX = 0.7
"""The demo's detector is trained on people who are seen to 30 % and more."""


def true_clips(seeds: Sequence[int], folder: Path, say: Callable[[str], None] = print) -> list[Clip]:
    """Both cameras of each seed, from true boxes. folder: for the site files."""
    clips = []
    for seed in seeds:
        parts = make_shop(seed)
        site = site_of(parts, folder / f"shop-{seed}.yaml")
        clips += [clip_of(f"{name}-{seed}", part, site, name, true_frames(part)) for name, part in parts.items()]
    episodes = sum(len(spans) for clip in clips for spans in clip.labelled.values())
    say(f"shops at random: {len(clips)} clips with {episodes} episodes")
    return clips


def site_of(parts: Mapping[CameraId, Part], path: Path) -> Site:
    """The shop as the pipeline is told of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    views = {camera_id: part.view for camera_id, part in parts.items()}
    return write_site(path, views, rate_hz=RATE_HZ, kind="yolo", detectors=dict.fromkeys(views, WEIGHTS))


def clip_of(name: str, part: Part, site: Site, camera_id: str, frames: Sequence[Sequence[Person]]) -> Clip:
    labelled: dict[Kind, tuple[Span, ...]] = {
        kind: tuple(
            Span(tuple(sorted(filter(None, (h.staff, h.customer)))), round(h.start_s * 1000), round(h.end_s * 1000))
            for h in part.episodes
            if h.kind == kind
        )
        for kind in ("interaction", "unattended")
    }
    camera = part.view.camera
    return Clip(name, site.effective_rules(camera_id), camera.width_px, camera.height_px, frames, labelled)


def true_frames(part: Part) -> list[list[Person]]:
    frames = []
    numbers = {actor.name: number for number, actor in enumerate(part.actors, 1)}
    for tick in range(SECONDS * RATE_HZ):
        t = tick / RATE_HZ
        nearer: list[Box] = []
        people = []
        for actor in sorted((a for a in part.actors if a.there(t)), key=lambda a: a.position(t)[1]):
            box = _box(part.view, actor, t)
            if box is not None:
                if _covered(box, nearer) <= COVERED_MAX:
                    people.append(Person(actor.name, numbers[actor.name], actor.role, box))
                nearer.append(box)
        frames.append(people)
    return frames


def _box(view: View, actor: Actor, t: float) -> Box | None:
    """The body's upright box, cut by the image's edges and by a counter before it; None when nothing is left."""
    camera, (x, y) = view.camera, actor.position(t)
    (left, bottom), (right, _) = camera.pixel(x - HALF_WIDTH_M, y), camera.pixel(x + HALF_WIDTH_M, y)
    _, top = camera.pixel(x, y, actor.look.height_m - _bowed_m(actor, t))
    for counter in view.counters:
        if y > counter.far_y_m and counter.x[0] <= x <= counter.x[1]:
            bottom = min(bottom, camera.pixel(x, counter.far_y_m, counter.high_m)[1])
    box = max(left, 0.0), max(top, 0.0), min(right, float(camera.width_px)), min(bottom, float(camera.height_px))
    return box if box[2] > box[0] and box[3] > box[1] else None


def _bowed_m(actor: Actor, t: float) -> float:
    """How far the head is bowed: from one posture evenly to the next."""
    if not actor.alive:
        return 0.0
    number, part = divmod(t / POSTURE_S, 1.0)
    seed = zlib.crc32(actor.name.encode())
    before, after = (float(np.random.default_rng((seed, int(n) + 1)).uniform(0, BOWED_M)) for n in (number, number + 1))
    return before + (after - before) * part


def _covered(box: Box, nearer: Sequence[Box]) -> float:
    """The largest share of the box that lies under a nearer one."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    shares = [0.0]
    for other in nearer:
        wide, high = min(box[2], other[2]) - max(box[0], other[0]), min(box[3], other[3]) - max(box[1], other[1])
        if wide > 0 and high > 0:
            shares.append(wide * high / area)
    return max(shares)
