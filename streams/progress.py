"""How far one camera's fold has come, and what the next record of the log means for it. Pure; the live worker and a
replay decide by this very code.
"""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from schemas.acts import FoldSkip
from schemas.records import Cause, OutageReason, TrackUpdate
from streams import camera, position
from streams import state as camera_state
from streams.book import RulesBook
from streams.frame import Event

Place = tuple[str, str, int, int]
"""(camera_id, lane, stream_epoch, sequence): what a person names to have it passed over."""


class Positioned(Protocol):
    """What is asked of a fold's state here."""

    position: Cause | None


S = TypeVar("S", bound=Positioned)


@dataclass(frozen=True)
class Fold(Generic[S]):
    """A pure fold: its step, what it says of a record's place, and its state as bytes."""

    step: Callable[[S | None, TrackUpdate, RulesBook], tuple[S, list[Event]]]
    step_missing: Callable[[S | None, TrackUpdate, RulesBook, OutageReason], tuple[S, list[Event]]]
    judge: Callable[[S | None, TrackUpdate], Literal["fold", "skip", "rewind"]]
    dump: Callable[[S], bytes]
    load: Callable[[bytes], S]


CAMERA_FOLD = Fold(camera.step, camera.step_missing, position.judge, camera_state.dump, camera_state.load)


class Halt(msgspec.Struct, frozen=True):
    """The record that the fold cannot take, and why."""

    stream_epoch: int
    sequence: int
    offset: int
    error: str


class CameraEntry(msgspec.Struct, omit_defaults=True):
    """What is stored of one (camera, lane)."""

    state: bytes | None = None
    offset: int = -1
    """Of the last record folded: the log is taken up again behind it."""
    writes: int = 0
    """How often it was stored: of two entries at one offset the later is the one with more."""
    last: TrackUpdate | None = None
    """The last record of the sequence that was folded, without its tracks."""
    behind: bool = False
    """Records after the offset were acknowledged without being folded; they are still to be fetched from the log."""
    halt: Halt | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CameraEntry)
dump_entry: Callable[[CameraEntry], bytes] = _encoder.encode
load_entry: Callable[[bytes], CameraEntry] = _decoder.decode


def entry_key(update: TrackUpdate) -> bytes:
    """camera|lane."""
    return f"{update.camera_id}|{update.lane}".encode()


def further(one: bytes | None, other: bytes) -> bytes:
    """Of two stored entries of one camera the one that has come further; a stalled worker's late write loses."""
    if one is None:
        return other
    a, b = load_entry(one), load_entry(other)
    return other if (b.offset, b.writes) > (a.offset, a.writes) else one


def place_of(record: TrackUpdate | FoldSkip) -> Place:
    """The record's place in its log, or of the one that is passed over."""
    return record.camera_id, record.lane, record.stream_epoch, record.sequence


def advance(
    fold: Fold[S],
    state: S | None,
    update: TrackUpdate,
    book: RulesBook,
    skips: Container[Place],
    *,
    complete: bool,
) -> tuple[S, list[Event]] | Literal["pass", "rewind"]:
    """What the record brings: a new state with events, nothing ("pass"), or the need to look for those before it.

    complete: the record comes straight from the log behind the last one folded, so that what is not there is missing
    for good. Raises whatever the fold raises.
    """
    at = None if state is None else state.position
    if place_of(update) in skips and not _is_folded(at, update):
        return "pass"
    verdict = fold.judge(state, update)
    if verdict == "skip":
        return "pass"
    if verdict == "fold" and (complete or _follows(at, update)):
        return fold.step(state, update, book)
    if at is not None and _passed_over(at, update, skips):
        return (
            fold.step(state, update, book) if verdict == "fold" else fold.step_missing(state, update, book, "skipped")
        )
    return fold.step_missing(state, update, book, "missing") if complete else "rewind"


def _follows(at: Cause | None, update: TrackUpdate) -> bool:
    """Can nothing be between the two? A fold does not ask before its first record and over the cut of the day, and
    need not, for it is given the log; a live worker is given what Faust delivers.
    """
    if update.control is not None or update.stream_state == "LOST":
        return True  # they stand outside the sequence
    if at is not None and update.stream_epoch == at.stream_epoch:
        return update.sequence == at.sequence + 1
    before = None if at is None else (at.stream_epoch, at.sequence)
    named = None if update.previous is None else (update.previous.stream_epoch, update.previous.sequence)
    return update.sequence == 0 and named in (None, before)


def _is_folded(at: Cause | None, update: TrackUpdate) -> bool:
    here = (update.stream_epoch, update.sequence)
    return at is not None and here <= (at.stream_epoch, at.sequence)


def _passed_over(at: Cause, update: TrackUpdate, skips: Container[Place]) -> bool:
    """Was everything between that position and the record passed over on a person's word?"""
    if update.sequence > 0:
        epoch, sequence = update.stream_epoch, update.sequence - 1
    elif update.previous is not None:
        epoch, sequence = update.previous.stream_epoch, update.previous.sequence
    else:
        return False
    while (update.camera_id, update.lane, epoch, sequence) in skips:
        if sequence == 0:  # what stood before an epoch's first record only that record could tell
            return True
        sequence -= 1
    return (epoch, sequence) == (at.stream_epoch, at.sequence)
