"""Ports for the stacks of this user: chosen once, kept, and never given to two stacks."""

import hashlib
import random
import socket
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from infra.local.files import locked, read_json
from infra.local.packages import cache_dir
from schemas.errors import ServerError

FIRST, LAST = 20_000, 30_000
"""Below what systems give to outgoing connections, so that a stopped stack finds its ports again."""


def is_free(port: int) -> bool:
    """Can a server listen on 127.0.0.1:port now? TIME_WAIT left by a killed server does not count as taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(names: Iterable[str], kept: Mapping[str, int], taken_by_others: set[int]) -> dict[str, int]:
    """name -> port: the kept one while it is free, else a new one. Raises ServerError when none is free."""
    chosen: dict[str, int] = {}
    for name in names:
        port = kept.get(name, 0)
        tries = 0
        while port in taken_by_others or port in chosen.values() or not port or not is_free(port):
            tries += 1
            if tries > 1000:
                raise ServerError(f"no free port between {FIRST} and {LAST} on 127.0.0.1: stop what listens there")
            port = random.randrange(FIRST, LAST)
        chosen[name] = port
    return chosen


class PortBook:
    """Which folders of this user have a stack, so that one does not take a port that another keeps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._book = cache_dir() / "stacks"

    def of_other_stacks(self) -> set[int]:
        """The ports kept in the stack.json of all other folders; entries of deleted folders are dropped."""
        ports: set[int] = set()
        for entry in self._book.glob("*.path"):
            folder = Path(entry.read_text(encoding="utf-8"))
            state = read_json(folder / "stack.json")
            if state is None:
                entry.unlink(missing_ok=True)
            elif folder != self._folder:
                ports |= set(state["ports"].values())
        return ports

    def enter(self) -> None:
        """Remember this folder; its stack.json must be there."""
        self._book.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]
        (self._book / f"{name}.path").write_text(str(self._folder), encoding="utf-8")

    def lock(self) -> AbstractContextManager[None]:
        """Held from choosing to entering."""
        return locked(self._book / ".lock")
