"""Named places where a test may kill the process, to show that what remains is right. Off unless the environment asks.

TRACKFOLD_FAILPOINT=<name>:<n>:<file> ends the process with SIGKILL the n-th time it passes <name>, once: <file> is
created first, and where it exists nothing happens any more.
"""

import os
import signal
from pathlib import Path

_spec = os.environ.get("TRACKFOLD_FAILPOINT", "")
_name, _count, _marker = [*_spec.split(":", 2), "", "", ""][:3]
_left = int(_count) if _count else 0


def failpoint(name: str) -> None:
    """A place worth dying at."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left <= 0 and not Path(_marker).exists():
        Path(_marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
