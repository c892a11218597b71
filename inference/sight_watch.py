"""Watches what a camera sees, and tells the operator when it is moved, covered or black, and when it sees again."""

import logging
from pathlib import Path

import av

from inference.errors import SourceError
from inference.probe import open_file
from inference.sight import Grey, Look, Sight, grey_of
from inference.source import Frame
from infra import metrics
from schemas.records import Impairment

log = logging.getLogger(__name__)


def read_reference(path: Path) -> Grey:
    """The picture (PNG, JPEG; of a film the first) that a camera's pictures are compared with. Raises SourceError."""
    with open_file(path) as container:
        try:
            return grey_of(next(container.decode(video=0)))
        except (av.error.FFmpegError, StopIteration) as error:
            raise SourceError(f"reference {path}: no picture in it; make one with trackfold calibrate") from error


class SightWatch:
    """One camera's."""

    def __init__(self, camera_id: str, reference: Grey | None = None) -> None:
        """reference: as for Sight."""
        self._camera_id = camera_id
        self._sight = Sight(reference)
        self._misfit: str | None = None
        self._told: Look = Look(None)
        metrics.CAMERA_IMPAIRED.set(0, camera_id)

    def begin(self, misfit: str | None) -> None:
        """A new epoch; misfit: why what is drawn does not fit its pictures."""
        self._misfit = misfit
        if misfit is not None:
            log.error("camera %s: %s; until then its frames count as displaced", self._camera_id, misfit)

    def judge(self, frame: Frame) -> Impairment | None:
        """Why this frame does not count; None when it does."""
        if self._sight.is_due(frame.captured_at):
            self._tell(self._sight.look(frame.captured_at, grey_of(frame.picture)))
        found: Impairment | None = "displaced" if self._misfit is not None else self._sight.said.impairment
        metrics.CAMERA_IMPAIRED.set(found is not None, self._camera_id)
        return found

    def _tell(self, look: Look) -> None:
        if (look.impairment is None) == (self._told.impairment is None):
            return
        self._told = look
        if look.impairment is None:
            log.warning("camera %s: it sees again what it is to see", self._camera_id)
        elif look.impairment == "blind":
            log.error(
                "camera %s: its picture is black, covered or out of focus; nothing counts meanwhile", self._camera_id
            )
        else:
            log.error(
                "camera %s: it shows another view than its reference picture%s; nothing counts until it is turned "
                "back, or what is drawn and `reference` are renewed in the site file",
                self._camera_id,
                "" if look.moved is None else f" (moved by {_shares(look.moved)})",
            )


def _shares(moved: tuple[float, float]) -> str:
    right, down = moved
    parts = [(right, "to the right" if right > 0 else "to the left"), (down, "down" if down > 0 else "up")]
    return " and ".join(f"{abs(share):.0%} of the width {where}" for share, where in parts if abs(share) >= 0.005)
