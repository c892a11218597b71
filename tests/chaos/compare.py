"""Two runs side by side: what one has and the other has not, or has otherwise (pure)."""

from collections.abc import Collection, Iterator

from tests.chaos import certain
from tests.chaos.certain import Judged
from tests.chaos.collect import Found, unlike

ACCEPTED = ("accepted incidents", "accepted uploads")
TOUCHED = ("uploads", "incidents", "episodes", "rows", "snapshots", *ACCEPTED)
"""Where an `ambiguous` answer shows; events, clips and files are as without it."""


def differences(
    quiet: Found, hurt: Found, *, honours: bool, broken_off: Collection[tuple[str, int]] = ()
) -> tuple[list[str], Judged]:
    """One line each, empty when the runs are equal; and what was judged apart, since nobody can know what came of it.

    honours: the APIs know a repetition by its key. broken_off: which process was killed or stalled when (ms UTC).
    """
    judged = certain.judge(hurt.requests, hurt.faults, broken_off, hurt.attempting, honours=honours)
    aside = {name for occurrence in judged.occurrences for name in hurt.names[occurrence]}
    found = [f"in the undisturbed run: {line}" for line in quiet.wrong] + hurt.wrong + judged.wrong
    found += too_often(hurt)
    for store in sorted({*quiet.stores, *hurt.stores}):
        one, other = quiet.stores.get(store, {}), hurt.stores.get(store, {})
        for key in sorted({*one, *other}):
            if store in TOUCHED and any(name in key for name in aside):
                continue
            if key not in other:
                found.append(f"{store}: {key} is missing")
            elif key not in one:
                found.append(f"{store}: {key} is too much")
            elif one[key] != other[key]:
                found.append(f"{store}: {key} differs: {unlike(one[key], other[key])}")
    return found, judged


def too_often(found: Found) -> Iterator[str]:
    """What an API has accepted more than once, or never although we say that it is there."""
    accepted = {key: len(times) for store in ACCEPTED for key, times in found.stores.get(store, {}).items()}
    yield from (f"{key} was accepted {times} times" for key, times in accepted.items() if times > 1)
    for record in found.requests:
        api, key = certain.key_of(record)
        there = record.status == "reported" or (record.status == "uploaded" and record.adapter == "http")
        if there and key not in accepted:
            yield f"{api} {key}: is said to be {record.status}, and is not there"


def counts(found: Found) -> str:
    """How much there was to compare, by store."""
    return ", ".join(f"{len(values)} {store}" for store, values in sorted(found.stores.items()))
