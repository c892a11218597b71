"""The state: exact through bytes, and bounded."""

from uuid import UUID

import msgspec
import pytest

from schemas.records import Cause
from streams.bounds import BOUNDS
from streams.interaction import BINS
from streams.mannequins import MANNEQUINS_MAX
from streams.near import METHODS
from streams.party import BESIDE_MAX
from streams.state import (
    LINEAGE_MAX,
    CameraState,
    Contact,
    Mannequin,
    Occurrence,
    Opened,
    OpenOutage,
    Pair,
    Person,
    Stay,
    UnreadableState,
    dump,
    load,
)
from streams.unattended import STAYS_MAX
from tests.scenario import TEN_O_CLOCK, Folder, Scenario, book_of, counter, rules, zone

SOME_ID = UUID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")


def opened() -> Opened:
    """An episode as long as it gets."""
    occurrence = Occurrence(SOME_ID, TEN_O_CLOCK, TEN_O_CLOCK)
    return Opened(
        SOME_ID, 100_000, TEN_O_CLOCK, b"f" * 32, SOME_ID, TEN_O_CLOCK, occurrence, True, "staff_busy", 300_000
    )


def crowd() -> CameraState:
    """Everything at its cap, every number as long as it gets."""
    people, pairs = BOUNDS.people_max, BOUNDS.pairs_max
    third = 1 / 3
    state = CameraState(
        site_id="s" * 64,
        camera_id="c" * 64,
        lane="l" * 64,
        rules_version="r" * 16,
        business_day="2026-03-02",
        day_begins_at=TEN_O_CLOCK,
        day_ends_at=TEN_O_CLOCK,
        seen_at=TEN_O_CLOCK,
        position=Cause(stream_epoch=TEN_O_CLOCK, sequence=10**7, captured_at=TEN_O_CLOCK),
        frame_at=TEN_O_CLOCK,
        outage=OpenOutage(TEN_O_CLOCK, "interrupted", "f" * 64),
        last_key=10**6,
        epoch=TEN_O_CLOCK,
        idle_ms=[10**8] * 16,
        party_at=TEN_O_CLOCK,
        beside_ms={10**6 << 32 | n: 10_000 for n in range(BESIDE_MAX)},
        mannequins=[Mannequin(10_000, third, 10_000)] * MANNEQUINS_MAX,
    )
    for key in range(10**6, 10**6 + people):
        state.tracks[key] = key
        state.people[key] = Person(
            key,
            2**47 + key,
            [(TEN_O_CLOCK, 10**6, 100)] * LINEAGE_MAX,
            TEN_O_CLOCK,
            TEN_O_CLOCK,
            *[third] * 10,
            10_000,
            10_000,
            10_000,
            *[third] * 3,
            TEN_O_CLOCK,
            4,
            third,
            True,
            1000,
            "customer",
            third,
            third,
            10**7,
            10**7,
            Contact(TEN_O_CLOCK, TEN_O_CLOCK, 1000, True),
            TEN_O_CLOCK,
            10**6,
            2000,
            10**6,
            [Stay(9, *[TEN_O_CLOCK] * 3, 10**7, third, TEN_O_CLOCK, opened()) for _ in range(STAYS_MAX)],
        )
    for n in range(pairs):
        # 30 min of support over all bins: 30 s in each
        state.pairs[10**6 << 32 | n] = Pair(
            10**6,
            10**6,
            *[TEN_O_CLOCK] * 3,
            10**7,
            5000,
            third,
            [30_000] * BINS,
            [10**6] * len(METHODS),
            9,
            9,
            opened(),
            third,
        )
    return state


def test_at_every_cap_it_is_at_most_64_kilobytes() -> None:
    assert len(dump(crowd())) <= 64 * 1024


def test_it_goes_through_bytes_exactly() -> None:
    state = crowd()
    assert load(dump(state)) == state
    assert dump(load(dump(state))) == dump(state)


def test_so_does_the_state_of_a_busy_shop() -> None:
    shop = Scenario(seconds=30, jitter_px=1.5)
    shop.staff((0, 0.0, 6.6))
    for index in range(6):
        shop.customer((index, -2.0 + 0.7 * index, 5.4))
    folder = Folder(book_of(rules(zones=[zone(-3, 4, 3, 6)], service_points=[counter()])))
    folder.fold(shop.log())
    assert folder.state is not None
    assert folder.state.pairs
    assert load(dump(folder.state)) == folder.state


def test_other_bytes_are_refused() -> None:
    with pytest.raises(UnreadableState, match="no camera state"):
        load(b"\x00")


def test_a_state_of_another_layout_is_refused() -> None:
    state = crowd()
    state.layout = 99
    with pytest.raises(UnreadableState, match="layout 99"):
        load(msgspec.msgpack.encode(state))


def test_a_real_crowd_stays_within_its_caps() -> None:
    # given many more people than there is room for, coming and going under ever new ids
    shop = Scenario(seconds=40, hz=5)
    for index in range(160):
        x, y = -3.5 + (index % 8), 5.0 + (index // 8 % 4)
        shop.person("person", (index * 0.2, x, y)).leaves(index * 0.2 + 12)
    law = rules(pairs="any")
    folder = Folder(book_of(law))
    for update in shop.log():
        folder.fold([update])
        assert folder.state is not None
        assert len(folder.state.people) <= BOUNDS.people_max
        assert len(folder.state.pairs) <= BOUNDS.pairs_max
    started = [e.episode_id for e in folder.events if e.facet_revision == 1]  # type: ignore[union-attr]
    assert len(started) > 20
