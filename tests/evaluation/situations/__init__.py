"""What happens in shops, as short scripted scenes: a third set of clips, for what the other two never show.

Labels say what really happened, at durations and distances that people take, not at the rules' edges. What is a matter
of words and not of fact: a service takes a quarter of a minute and more; who waits for a minute is unattended, in a
queue that moves after five. Where the rules get one wrong, it stays in.
"""

from tests.evaluation.situations import mishaps, serving, waiting
from tests.evaluation.situations.script import KINDS, ScriptedClip, Situation

SITUATIONS = [one for part in (serving, waiting, mishaps) for one in vars(part).values() if isinstance(one, Situation)]

__all__ = ["KINDS", "SITUATIONS", "Situation", "clips"]


def clips() -> list[ScriptedClip]:
    """Every situation with each of its values."""
    return [clip for known in SITUATIONS for clip in known.clips()]
