"""How the folds are seen from outside."""

from collections.abc import Sequence

from infra import metrics
from schemas.records import InteractionEvent, TrackUpdate, UnattendedEvent
from streams.frame import Event


def anew() -> None:
    """Other cameras may be ours now: what was said of the old ones is their new owner's to say."""
    for metric in (metrics.FOLD_CAPTURED, metrics.FOLD_LAG, metrics.FOLD_HALTED):
        metric.forget()


def folded(update: TrackUpdate, events: Sequence[Event]) -> None:
    """A record is in the state, and its events are in their topics."""
    camera_id = update.camera_id
    metrics.FOLD_RECORDS.add(camera_id)
    metrics.FOLD_CAPTURED.set(update.captured_at / 1000, camera_id)
    metrics.FOLD_LAG.set(metrics.age_s(update.captured_at), camera_id)
    metrics.FOLD_HALTED.set(0, camera_id)
    for event in events:
        if isinstance(event, InteractionEvent | UnattendedEvent):
            metrics.EVENTS.add("interaction" if isinstance(event, InteractionEvent) else "unattended", event.phase)


def halted(camera_id: str) -> None:
    """The fold cannot take a record of this camera."""
    metrics.FOLD_HALTED.set(1, camera_id)
