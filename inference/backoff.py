"""How long to wait before a camera that went away is tried again."""

import random
from collections.abc import Callable

FIRST_S = 0.25
"""A connection that merely broke off is tried again within the time that counts as unknown and not as blind (3 s)."""
MAX_S = 15.0
STEADY_S = 30.0
"""A connection that lasted so long was a good one: waiting begins anew."""


class Backoff:
    """Doubles the wait with every try that did not last, up to MAX_S, and never lets cameras try in step."""

    def __init__(self, chance: Callable[[], float] = random.random) -> None:
        """chance: a number from 0 to 1, each time another."""
        self._chance = chance
        self._tries = 0

    def wait_s(self, lasted_s: float) -> float:
        """The wait after a connection that lasted so long (0: there was none): half of it is left to chance."""
        self._tries = 0 if lasted_s >= STEADY_S else self._tries
        longest = min(MAX_S, FIRST_S * 2.0 ** min(self._tries, 20))
        self._tries += 1
        return longest * (1 + self._chance()) / 2
