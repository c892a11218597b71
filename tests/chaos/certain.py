"""Where an API must not be asked twice: exactly that is `ambiguous` of which nobody can know what came of it (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.records import ClipUploaded, IncidentReported

UNSURE = {
    "incident": {"reset_before_accept", "reset_after_accept", "garbage"},
    "upload": {"reset_before_accept", "reset_after_accept", "garbage", "no_id"},
}
"""After these nobody knows; the other faults say what happened."""
BROKEN_OFF = "the process ended after asking"


@dataclass(frozen=True)
class Judged:
    """wrong: what is marked and should not be, or the other way round. occurrences: what is not as in a quiet run."""

    wrong: list[str]
    occurrences: frozenset[str]
    asked: int
    """How many were left without an answer by a fault of the API."""
    broken_off: int
    """How many were under way when their process was killed."""


def key_of(record: ClipUploaded | IncidentReported) -> tuple[str, str]:
    """(API, Idempotency-Key) of the request that a record tells of."""
    if isinstance(record, IncidentReported):
        return "incident", record.incident_id
    return "upload", f"{record.episode_id}:{record.part}:{record.facet_revision}"


def judge(
    records: Iterable[ClipUploaded | IncidentReported],
    faults: Iterable[Mapping[str, str]],
    kills: Collection[tuple[str, int]],
    attempting: Mapping[tuple[str, str], Sequence[int]],
    *,
    honours: bool,
) -> Judged:
    """honours: the APIs know a repetition by its key, so that nothing may be ambiguous.

    faults: {api, key, fault} of each request that met one; kills: (process, ms UTC); attempting: when it was noted that
    a request is about to be sent (ms UTC), by API and key.
    """
    injected = {(f["api"], f["key"]) for f in faults if f["fault"] in UNSURE[f["api"]] and not honours}
    wrong: list[str] = []
    occurrences: set[str] = set()
    asked = broken_off = 0
    for record in {key_of(record): record for record in records}.values():
        api, key = key_of(record)
        is_ambiguous, was_injected = record.status == "ambiguous", (api, key) in injected
        if is_ambiguous:
            occurrences.add(record.occurrence_id)
        if was_injected and is_ambiguous:
            asked += 1
        elif was_injected:
            wrong.append(f"{api} {key}: was asked and not answered, and is {record.status}")
        elif is_ambiguous and not honours and BROKEN_OFF in str(record.reason):
            broken_off += 1
            begun = attempting.get((api, key), ())
            if not any(process == api and at <= killed for process, killed in kills for at in begun):
                wrong.append(f"{api} {key}: is said to be broken off, but its process was not killed after asking")
        elif is_ambiguous:
            wrong.append(f"{api} {key}: is ambiguous, and no fault made it so: {record.reason}")
    return Judged(wrong, frozenset(occurrences), asked, broken_off)
