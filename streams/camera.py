"""One step over one camera's log: identity, then roles, then interaction and unattended over the same people.

Pure: no clock, no chance, no I/O. The same log under the same rules gives the same events, byte for byte, however it
is cut into runs. Whether a record is to be folded at all says `position.judge`.
"""

from schemas.ids import business_day, day_span
from schemas.records import Cause, CloseReason, OutageReason, TrackUpdate
from streams import hiding, identity, interaction, outage, party, unattended
from streams.book import RulesBook
from streams.frame import Event, Frame
from streams.state import CameraState


class FoldError(ValueError):
    """A record that no correct producer writes: the camera halts until the cause is mended or the record is skipped."""


def step(state: CameraState | None, update: TrackUpdate, book: RulesBook) -> tuple[CameraState, list[Event]]:
    """Fold one record. state is changed or replaced: go on with the one that is returned.

    state None: nothing of this camera and lane is known. Raises UnknownRules, FoldError.
    """
    return _fold(state, update, book, None)


def step_missing(
    state: CameraState | None, update: TrackUpdate, book: RulesBook, reason: OutageReason
) -> tuple[CameraState, list[Event]]:
    """Fold a record before which others are gone (`missing`) or passed over (`skipped`): an outage up to it is told."""
    return _fold(state, update, book, reason)


def _fold(
    state: CameraState | None, update: TrackUpdate, book: RulesBook, missing: OutageReason | None
) -> tuple[CameraState, list[Event]]:
    if state is None:
        state, missing = _new_day(None, update, book), None
    if (update.camera_id, update.lane) != (state.camera_id, state.lane):
        raise FoldError(
            f"{_where(update)}: folded into the state of camera {state.camera_id}, lane {state.lane}; "
            "one state folds one camera and lane"
        )
    cause = Cause(stream_epoch=update.stream_epoch, sequence=update.sequence, captured_at=update.captured_at)
    frame = Frame(state, book.law(state.rules_version), update, cause, update.captured_at)
    if update.control is not None:
        _apply_rules(frame, book)
    elif update.stream_state == "LOST":
        _lose(frame)
    else:
        if update.captured_at >= state.day_ends_at:
            frame, missing = _cut_day(frame, book, missing), None
        _follow(frame, missing)
        frame.state.position = cause
    return frame.state, frame.events


def _follow(frame: Frame, missing: OutageReason | None) -> None:
    """A record of the sequence: a frame, an empty slot, or the stream's word that it stops."""
    state, update, now = frame.state, frame.update, frame.now
    sight = update.stream_state == "LIVE" and not update.skipped and update.impairment is None
    if sight and now <= (state.day_begins_at - 1 if state.frame_at is None else state.frame_at):
        raise FoldError(f"{_where(update)}: time does not advance; correct the camera's clock and begin a new epoch")
    if update.stream_state == "ENDED":
        if missing is not None:
            _be_blind(frame, missing, over=True)
        _close_all(frame, "end_of_stream")
        state.stopped = "ended"
    elif update.stream_state == "INTERRUPTED":
        _judge_blindness(frame, missing, sight)
        state.stopped = state.stopped or "interrupted"
    elif update.stream_state == "LIVE":
        if update.impairment == "UNRECOGNISED":
            raise FoldError(f"{_where(update)}: unknown impairment; update trackfold")
        state.stopped = update.impairment or state.stopped
        _judge_blindness(frame, missing, sight)
        if sight:
            _see(frame)
    else:
        raise FoldError(f"{_where(update)}: unknown stream_state {update.stream_state!r}; update trackfold")


def _see(frame: Frame) -> None:
    """One frame: who is there, and what follows."""
    state, now = frame.state, frame.now
    frame.open = frame.law.hours.open(state.business_day, now)
    identity.enter_epoch(state, frame.update.stream_epoch)
    gone = identity.superfluous(frame)
    for person in gone:
        interaction.leave(frame, person)
        unattended.leave(frame, person)
    identity.forget(state, gone)
    here = identity.observe(frame)
    hiding.hide(frame)
    party.watch(frame, here)
    contacts = interaction.advance(frame, here)
    party.share_contacts(frame, here, contacts)
    unattended.advance(frame, here, contacts)
    state.seen_at = state.frame_at = now
    state.stopped = None


def _judge_blindness(frame: Frame, missing: OutageReason | None, sight: bool) -> None:
    """Up to `unknown_s` without a frame is unknown time, more is an outage; a frame ends one."""
    state = frame.state
    if state.outage is not None and sight:
        outage.end(frame, frame.now)
        return
    reason = outage.reason_now(frame, frame.now, missing)
    if reason is not None and (sight or reason != "ended"):
        _be_blind(frame, reason, over=sight or missing is not None)


def _be_blind(frame: Frame, reason: OutageReason, over: bool) -> None:
    """Episodes do not go on over what nobody saw. over: it is known until when, namely now."""
    _close_all(frame, "interrupted")
    if not over:
        outage.begin(frame, reason)
        return
    outage.tell(frame, frame.state.seen_at, frame.now, reason)
    frame.state.seen_at = frame.now


def _lose(frame: Frame) -> None:
    """The watchdog missed the camera: outside the sequence, the position stays."""
    _be_blind(frame, frame.state.stopped or "lost", over=False)


def _apply_rules(frame: Frame, book: RulesBook) -> None:
    """A person applies rules at once: all that is open is rolled, all that was learned forgotten; the day goes on."""
    state, control = frame.state, frame.update.control
    assert control is not None
    if control.action != "apply_rules":
        raise FoldError(f"{_where(frame.update)}: unknown control action {control.action!r}; update trackfold")
    law = book.law(control.rules_version)
    _close_all(frame, "rolled")
    state.tracks, state.people, state.mannequins = {}, {}, []
    state.rules_version = control.rules_version
    state.idle_ms = [0] * len(law.counters)
    state.control_at = frame.update.captured_at


def _cut_day(frame: Frame, book: RulesBook, missing: OutageReason | None) -> Frame:
    """The first record of another business day: the old one is closed at its end, the new one begins with nothing."""
    old = frame.state
    fresh = _new_day(old, frame.update, book)
    reason = old.outage.reason if old.outage is not None else outage.reason_now(frame, old.day_ends_at, missing)
    if old.outage is not None:
        outage.end(frame, old.day_ends_at)
    elif reason is not None and reason != "ended":
        _close_all(frame, "interrupted")
        outage.tell(frame, old.seen_at, old.day_ends_at, reason)
    _close_all(frame, "rolled")
    if old.stopped != "ended":
        outage.tell_blind_days(frame, fresh.business_day, reason or old.stopped or "gap")
    return Frame(fresh, book.law(fresh.rules_version), frame.update, frame.cause, frame.now, frame.events)


def _new_day(old: CameraState | None, update: TrackUpdate, book: RulesBook) -> CameraState:
    """A state that knows the day and its rules, and nothing else; the record gives it its position."""
    version = book.version_of(update.camera_id)
    law = book.law(version)
    timezone, starts_min = law.rules.timezone, law.rules.day_starts_min
    day = business_day(update.captured_at, timezone, starts_min)
    begins_at, ends_at = day_span(day, timezone, starts_min)
    first_ever = update.sequence == 0 and update.previous is None
    return CameraState(
        site_id=update.site_id,
        camera_id=update.camera_id,
        lane=update.lane,
        rules_version=version,
        business_day=day,
        day_begins_at=begins_at,
        day_ends_at=ends_at,
        seen_at=update.captured_at if first_ever else begins_at,
        control_at=0 if old is None else old.control_at,
        idle_ms=[0] * len(law.counters),
    )


def _close_all(frame: Frame, reason: CloseReason) -> None:
    interaction.close_all(frame, reason)
    unattended.close_all(frame, reason)


def _where(update: TrackUpdate) -> str:
    return (
        f"camera {update.camera_id}, lane {update.lane}, epoch {update.stream_epoch}, sequence {update.sequence}, "
        f"captured_at {update.captured_at}"
    )
