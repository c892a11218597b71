"""When the recording allows to cut a clip, and which of its GOPs show it (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.clip.plan import HICCUP_MS, ClipJob
from infra.recordings import Gop, SegmentIndex

PATIENCE_MS = 30_000
"""How long a live recording may be late, wall time since the work was taken in."""


@dataclass(frozen=True)
class Recorded:
    """What of a camera's recording is on this host, around a window."""

    segments: Sequence[SegmentIndex]
    """From the last that begins at or before the window to the last within it, in order of time."""
    goes_on_after: bool = False
    """There is recording that begins after the window."""
    begins_at: int | None = None
    """Begin of the oldest recording that is left, ms UTC; None: this host has nothing of this camera."""


def is_due(job: ClipJob, recorded: Recorded, now_ms: int) -> bool:
    """True when waiting would not bring more of the window.

    The recording has reached its end, or goes on after it, or its epoch has ended; a live camera, or one of which this
    host has nothing, is waited for PATIENCE_MS since taking in. A file is waited for until it says that it ended.
    """
    if recorded.goes_on_after:
        return True
    impatient = now_ms - job.taken_in_at >= PATIENCE_MS
    if not recorded.segments:
        return impatient
    last = recorded.segments[-1]
    if last.gops and last.gops[-1].end_at >= job.window.to_at:
        return True
    if last.tail is not None and last.tail.last:
        return True
    return last.head.live and impatient


@dataclass(frozen=True)
class Piece:
    """One GOP to take: the n-th of its segment."""

    segment: SegmentIndex
    number: int

    @property
    def gop(self) -> Gop:
        """Its index line."""
        return self.segment.gops[self.number]


def pieces(recorded: Recorded, job: ClipJob) -> list[Piece]:
    """The GOPs that show the window and what follows at once, in order: from the key frame at or before its begin.

    Where more was asked than a clip may last, from the first key frame after its begin, so that it never lasts longer.
    """
    window, reach = job.window, job.reach
    found: list[Piece] = []
    for segment in recorded.segments:
        for number, gop in enumerate(segment.gops):
            is_later = not found or gop.key_at > found[-1].gop.key_at
            if is_later and gop.key_at <= reach.to_at and gop.end_at > window.from_at - HICCUP_MS:
                found.append(Piece(segment, number))
    while len(found) > 1 and found[1].gop.key_at <= window.from_at:
        del found[0]
    if job.is_trimmed and len(found) > 1 and found[0].gop.key_at < window.from_at:
        del found[0]
    return found if found and found[0].gop.key_at <= window.to_at else []
