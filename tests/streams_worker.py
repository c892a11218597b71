"""The streams worker as a process of its own, for tests that kill it: python -m tests.streams_worker --help.

The counting fold takes any log: it counts what it folds, and states the count as a visit every 50 records and at the
end. A record folded twice or never gives another count, and the same record always gives the same visit.
"""

import argparse
from pathlib import Path

import msgspec

from infra.config import load_settings
from infra.log import set_up
from schemas.hashing import sealed
from schemas.records import Cause, CustomerVisit, OutageReason, TrackUpdate
from schemas.site import load_site
from streams.app import run
from streams.book import RulesBook
from streams.frame import Event
from streams.position import judge
from streams.progress import CAMERA_FOLD, Fold

EVERY = 50
POISON = 13
"""Image width of a record at which the counting fold raises."""


class Count(msgspec.Struct):
    """How many records of one camera were folded, and how often records before one were missing."""

    position: Cause | None = None
    folded: int = 0
    missing: int = 0
    day_ends_at: int = 1 << 62
    control_at: int = 0
    outage: None = None
    stopped: str | None = None


def step(state: Count | None, update: TrackUpdate, book: RulesBook) -> tuple[Count, list[Event]]:
    """Count one record."""
    book.version_of(update.camera_id)  # as every fold: a camera without rules halts at its first record
    state = state or Count()
    state.folded += 1
    state.position = Cause(stream_epoch=update.stream_epoch, sequence=update.sequence, captured_at=update.captured_at)
    if update.image_width == POISON:
        raise ValueError("the counting fold cannot take this record")
    stated = state.folded % EVERY == 0 or update.stream_state == "ENDED"
    return state, [visit(state, update, book)] if stated else []


def step_missing(
    state: Count | None, update: TrackUpdate, book: RulesBook, reason: OutageReason
) -> tuple[Count, list[Event]]:
    """Count one record, and that something before it is missing."""
    state = state or Count()
    state.missing += 1
    return step(state, update, book)


def visit(state: Count, update: TrackUpdate, book: RulesBook) -> CustomerVisit:
    """The count as a record: customer_id = folded, waited_s = missing."""
    cause = state.position
    assert cause is not None
    return sealed(
        CustomerVisit(
            visit_id=f"{update.camera_id}:{update.stream_epoch}:{update.sequence}",
            site_id=update.site_id,
            camera_id=update.camera_id,
            lane=update.lane,
            business_day="2026-03-02",
            customer_id=state.folded,
            zone_id="all",
            entered_at=update.captured_at,
            left_at=update.captured_at,
            waited_s=float(state.missing),
            served=update.stream_state == "ENDED",
            rules_version=book.version_of(update.camera_id),
            cause=cause,
            hash="",
        )
    )


COUNTING_FOLD: Fold[Count] = Fold(
    step,
    step_missing,
    judge,  # type: ignore[arg-type]  it asks for no more than Count has
    msgspec.msgpack.Encoder().encode,
    msgspec.msgpack.Decoder(Count).decode,
)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stack", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--counting", action="store_true")
    given = parser.parse_args()
    set_up()
    settings = load_settings(stack_dir=given.stack, data_dir=given.data, consumer_group=given.group)
    run(settings, load_site(given.site), fold=COUNTING_FOLD if given.counting else CAMERA_FOLD)


if __name__ == "__main__":
    main()
