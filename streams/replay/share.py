"""What one process reads in one go: a stretch of a partition, or an exported file, and the units that are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.replay.unit import Unit


@dataclass(frozen=True)
class Stretch:
    """A stretch of one partition of a topic; offsets, `end` exclusive."""

    topic: str
    topic_id: str
    """Another topic under the same name has another."""
    partition: int
    begin: int
    goal: int
    """About where the last of the units is over."""
    end: int
    headless: frozenset[Unit] = frozenset()
    """Units whose first records retention may have taken: the partition begins within the day."""


@dataclass(frozen=True)
class Exported:
    """A day's file as an export wrote it."""

    path: Path
    sha256: str
    records: int


@dataclass(frozen=True)
class Share:
    """Where to read, and for which units."""

    source: Stretch | Exported
    units: tuple[Unit, ...]

    @property
    def records(self) -> int:
        """About how many records there are to be read."""
        here = self.source
        return max(here.goal - here.begin, 1) if isinstance(here, Stretch) else here.records


def dealt(shares: Sequence[Share], hands: int) -> list[list[Share]]:
    """The shares over so many processes, about equally much each; a partition is never in two hands."""
    together: dict[object, list[Share]] = {}
    for number, share in enumerate(shares):
        here = share.source
        together.setdefault(("partition", here.partition) if isinstance(here, Stretch) else number, []).append(share)
    dealt: list[list[Share]] = [[] for _ in range(max(1, min(hands, len(together))))]
    for group in sorted(together.values(), key=lambda group: -sum(share.records for share in group)):
        min(dealt, key=lambda hand: sum(share.records for share in hand)).extend(group)
    return dealt
