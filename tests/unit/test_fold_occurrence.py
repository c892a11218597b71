"""Which occurrence an episode joins when it is confirmed."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from streams.occurrence import evidence_of, id_of, open_or_join, opens
from streams.state import Occurrence, Opened

MAX_MS = 30 * 60_000


def at(now: int) -> Any:
    """As much of a frame as is asked."""
    return SimpleNamespace(now=now, law=SimpleNamespace(occurrence_max_ms=MAX_MS))


def episode(number: int, started_at: int = 0, occurrence: Occurrence | None = None) -> Opened:
    return Opened(UUID(int=number), ordinal=number, started_at=started_at, occurrence=occurrence)


def opened(number: int, opened_at: int) -> Occurrence:
    return Occurrence(UUID(int=number), started_at=opened_at - 15_000, opened_at=opened_at)


def test_alone_or_beside_what_is_not_confirmed_it_opens_its_own() -> None:
    for others in ([], [episode(2)]):
        one = episode(1)
        open_or_join(at(15_000), one, others)
        assert (one.confirmed_at, id_of(one), evidence_of(one)) == (15_000, one.episode_id, one.episode_id)
        assert opens(one)


def test_of_two_it_joins_the_newer_one_whatever_their_order() -> None:
    # given the members of two occurrences, as when two parties meet of which the others are served already
    others = [episode(2, occurrence=opened(2, 50_000)), episode(3, occurrence=opened(3, 60_000))]
    for there in (others, others[::-1]):
        one = episode(1, started_at=50_000)
        open_or_join(at(65_000), one, there)
        assert (id_of(one), opens(one), evidence_of(one)) == (UUID(int=3), False, UUID(int=3))


def test_after_half_an_hour_it_takes_nobody_in_any_more() -> None:
    for now, joins in ((100_000 + MAX_MS, True), (100_001 + MAX_MS, False)):
        one = episode(1, started_at=now - 15_000)
        open_or_join(at(now), one, [episode(2, occurrence=opened(2, 100_000))])
        assert opens(one) == (not joins)
        assert evidence_of(one) == one.episode_id  # the opener's clip is long over
