"""What happens in the demo: who comes when, who serves whom, who is left waiting. One seed, one script.

Two timetables (`stories`) are drawn at random within bounds that leave every threshold a clear margin; `truth.judge`
then says what really happens. A draw whose judgement is not what was planned, or where somebody is hidden whom the
story does not hide, is thrown away.
"""

from dataclasses import dataclass

import numpy as np

from infra.demo.actors import Actor
from infra.demo.stories import Cast, Planned, at_the_counter, on_the_floor
from infra.demo.truth import Happened, judge
from infra.demo.views import CAMERAS, CameraId, View, view
from infra.demo.visibility import check_visible

SECONDS = 190
QUIET_END_S = 12.0
"""Nothing ends later than this before the end of the recording, so that every end is seen."""
SEEDS_END = 1_000_000_000


class ScriptError(ValueError):
    """No script can be made from this seed or length; take another one."""


@dataclass(frozen=True, slots=True)
class Part:
    """One camera's share of the script."""

    view: View
    actors: tuple[Actor, ...]
    happened: tuple[Happened, ...]
    """Everything scripted on this camera: the episodes (confirmed) and the near-misses."""

    @property
    def episodes(self) -> tuple[Happened, ...]:
        """What the pipeline must find, and nothing else."""
        return tuple(h for h in self.happened if h.confirmed)


@dataclass(frozen=True, slots=True)
class Script:
    """The whole demo."""

    seed: int
    seconds: int
    parts: dict[CameraId, Part]

    @property
    def episodes(self) -> tuple[Happened, ...]:
        """Of both cameras."""
        return tuple(h for part in self.parts.values() for h in part.episodes)


def make_script(seed: int, seconds: int = SECONDS) -> Script:
    """The script of a seed (0 to 999,999,999). Raises ScriptError: seconds too few, or nothing valid found."""
    if not 0 <= seed < SEEDS_END:
        raise ScriptError(f"seed {seed} is not between 0 and {SEEDS_END - 1}")
    if seconds < SECONDS:
        raise ScriptError(f"the script needs {SECONDS} s, not {seconds}")
    return Script(seed, seconds, {camera_id: _part(camera_id, seed, seconds) for camera_id in CAMERAS})


def _part(camera_id: CameraId, seed: int, seconds: int) -> Part:
    what = view(camera_id, seed)
    wrong: list[str] = []
    for attempt in range(40):
        cast = Cast(np.random.default_rng((seed, CAMERAS.index(camera_id), attempt)))
        (at_the_counter if camera_id == "counter" else on_the_floor)(cast)
        actors = tuple(cast.actors)
        happened = judge(what, actors, seconds)
        wrong = [*_differences(cast.planned, happened, seconds), *check_visible(what, actors, seconds, cast.hidden)]
        if not wrong:
            return Part(what, actors, tuple(happened))
    raise ScriptError(f"seed {seed}, camera {camera_id}: no valid script in 40 draws; the last failed by: {wrong[0]}")


def _differences(planned: list[Planned], happened: list[Happened], seconds: int) -> list[str]:
    """What the judge sees beside the plan, or the plan beside the judge; ends too close to the end of the recording."""
    judged = [(h.kind, h.staff, h.customer, h.confirmed) for h in happened]
    return (
        [f"planned and not there: {p}" for p in planned if p not in judged]
        + [f"not planned: {j}" for j in judged if j[3] and j not in planned]
        + [f"too late: {h}" for h in happened if h.end_s > seconds - QUIET_END_S]
    )
