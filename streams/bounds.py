"""What keeps the state, an episode and a sample from growing without end: numbers that no shop has a reason to change.

They are no rules: none of them decides whether something happened, and `rules_version` does not cover them.
"""

from typing import NamedTuple


class Bounds(NamedTuple):
    """All of them; tests have smaller ones."""

    people_max: int = 48
    """Remembered of one camera. The one unseen longest is given up; who appears while all are in sight is not taken in.
    With `pairs_max` it keeps a state below 64 KB."""
    pairs_max: int = 48
    sample_max_ms: int = 500
    """A sample stands for the time since the one before, but for no more than this: nobody saw what was between. It is
    the time between frames at the lowest rate that makes sense, two per second."""
    roll_ms: int = 30 * 60_000
    """An interaction that lasts longer goes on as another that `continues` it, so that it is told, and its clip cut,
    in finite time; the SQL views make one of them again."""
    occurrence_max_ms: int = 30 * 60_000
    """An incident takes nobody in after that: a till that stays deserted is reported every half hour."""


BOUNDS = Bounds()
