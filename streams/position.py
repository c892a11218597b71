"""Positions are logical: (stream_epoch, sequence), contiguous from 0 in each epoch. Here is decided what is next."""

from typing import Literal

from schemas.records import TrackUpdate
from streams.state import CameraState


def judge(state: CameraState | None, update: TrackUpdate) -> Literal["fold", "skip", "rewind"]:
    """fold: it is next. skip: it is known already, or says nothing (any more). rewind: records before it are missing.

    After a rewind that found nothing, `camera.step_missing` folds it behind a recorded outage. Continuity is not judged
    across the cut of the business day, for a replay of one day must do the same without the day before.
    """
    if update.control is not None:
        return "fold" if state is not None and update.captured_at > state.control_at else "skip"
    if update.stream_state == "LOST":
        return "fold" if state is not None and _is_lost(state, update) else "skip"
    if state is None or state.position is None:
        return "fold"
    at = state.position
    if (update.stream_epoch, update.sequence) <= (at.stream_epoch, at.sequence):
        return "skip"
    if update.captured_at >= state.day_ends_at:
        return "fold"
    if update.stream_epoch == at.stream_epoch:
        return "fold" if update.sequence == at.sequence + 1 else "rewind"
    before = update.previous
    follows = before is None or (before.stream_epoch, before.sequence) == (at.stream_epoch, at.sequence)
    return "fold" if update.sequence == 0 and follows else "rewind"


def _is_lost(state: CameraState, update: TrackUpdate) -> bool:
    """The watchdog's record counts at its position alone, while the stream was not known to have stopped."""
    at = state.position
    here = at is not None and (update.stream_epoch, update.sequence) == (at.stream_epoch, at.sequence)
    return here and state.outage is None and state.stopped != "ended"
