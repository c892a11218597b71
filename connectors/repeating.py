"""When a step is done again: a newer record asks for it, or a person does (pure).

Nothing that is finished is opened again. A repetition is a piece of work of its own, done after the one before, and its
result has the next revision. What a person may have repeated is refused here where it could be accepted twice.
"""

from typing import Any

import msgspec

from connectors.connector import Connector, J, R
from connectors.work import Done, Outcome, Partition, Work, episode_of, numbered, split
from schemas.acts import EvidenceRemoved, RetryAsked
from schemas.hashing import sealed
from schemas.records import ClipCut, ClipUploaded

DAY_MS = 24 * 3600 * 1000
REMOVED = "its pictures were removed for good"


def source_revision(record: Any) -> int:
    """Which of its kind the record is that asks: a clip or an upload may be stated anew, an event is stated once."""
    return record.facet_revision if isinstance(record, ClipCut | ClipUploaded) else 1


def asked_by_record(part: Partition[J, R], key: str, job: J, of: int, now_ms: int) -> tuple[str, Work[J, R]] | None:
    """The work that a record asks for, with its key; None when it asked before, or an older one of its kind does."""
    newest = part.newest(key)
    if newest is not None and of <= newest[1].of:
        return None
    own = key if newest is None else _next(newest[0])
    return own, Work(state="pending", taken_in_at=now_ms, due_at=now_ms, of=of, input=job)


def asked_by_person(
    part: Partition[J, R], ask: RetryAsked, connector: Connector[J, R], now_ms: int
) -> tuple[str, Work[J, R]] | str:
    """The work that a person asks for, with its key: new, or still open and now due. Else why there is none."""
    if episode_of(ask.work_key) in part.removed:
        return REMOVED
    newest = part.newest(ask.work_key)
    if newest is None:
        return "no such work is known here"
    key, work = newest
    if work.input is not None and not connector.is_ours(work.input):
        return "it is another site's"
    if key in part.open:
        return _hurried(part, key, work, ask, now_ms)
    if key in part.unpublished or ask.revision != work.revision:
        return f"revision {ask.revision} was meant, and {work.revision} is there by now"
    if work.input is None or work.before is None or is_past(work, connector, now_ms):
        return "it is done and well, or too long ago"
    ambiguous = work.before.status == "ambiguous"
    if ask.verdict == "accepted" and not ambiguous:
        return f"it is {work.before.status}, so that nobody has to say whether it was accepted"
    if ask.verdict not in ("again", "accepted", "not_accepted"):
        return f"this program does not know the verdict {ask.verdict!r}"
    if ask.verdict == "again" and ambiguous and connector.is_risky(work.input):
        return "it may have been accepted: a person must say whether it was"
    new: Work[J, R] = Work(
        state="pending", taken_in_at=now_ms, due_at=now_ms, of=work.of, asked=ask.hash, input=work.input
    )
    if ask.verdict == "accepted":
        try:
            result = revised(connector.accepted(work.input, work.before, ask.external_id), work.revision + 1)
        except ValueError as error:
            return str(error)
        new = msgspec.structs.replace(new, state="finished", revision=work.revision + 1, result=result)
    return _next(key), new


def remove(part: Partition[J, R], removal: EvidenceRemoved, now_ms: int) -> None:
    """Of this episode no picture is made any more: what still waits is given up now."""
    if removal.episode_id is not None:
        part.removed.add(removal.episode_id)
        for key, work in part.open.items():
            if episode_of(key) == removal.episode_id and key not in part.running:
                part.open[key] = msgspec.structs.replace(work, due_at=now_ms)


def _hurried(
    part: Partition[J, R], key: str, work: Work[J, R], ask: RetryAsked, now_ms: int
) -> tuple[str, Work[J, R]] | str:
    """Work that waits for its next attempt is due now, with all its attempts before it."""
    if key in part.running or work.state != "pending":
        return "it is being done at this moment"
    if ask.revision != next_revision(part, key) - 1 or ask.verdict == "accepted":
        return "it is still open and nothing came of it yet"
    return key, msgspec.structs.replace(work, due_at=now_ms, attempts=0)


def _next(key: str) -> str:
    base, number = split(key)
    return numbered(base, number + 1)


def next_revision(part: Partition[J, R], key: str) -> int:
    """The revision that the result of a piece of work has."""
    prior = part.prior(key)
    return split(key)[1] if prior is None else prior.revision + 1


def foregone(part: Partition[J, R], key: str, connector: Connector[J, R]) -> Outcome[R] | None:
    """What is certain before anything is done; None: it is to be done. A person's word is done.

    Of what was removed for good nothing is made; of a repetition the connector says.
    """
    work, prior = part.open[key], part.prior(key)
    if work.input is not None and episode_of(key) in part.removed:
        return Done(connector.give_up(work.input, REMOVED, work.attempts, unsure=work.unsure))
    if prior is None or work.asked is not None or work.input is None:
        return None
    return connector.follow(work.input, prior)


def revised(result: R, revision: int) -> R:
    """The result under its revision."""
    return (
        result
        if result.facet_revision == revision
        else sealed(msgspec.structs.replace(result, facet_revision=revision))
    )


def marker(work: Work[J, R], prior: Work[J, R] | None, connector: Connector[J, R]) -> Work[J, R]:
    """What remains once the result is published, or when it came to nothing: short, unless it may be done again."""
    if work.result is None:  # it came to nothing: what was published before still stands
        before = None if prior is None else prior.before
        revision = work.revision - 1
    else:
        before = work.result if connector.kept_days(work.result) else None
        revision = work.revision
    return msgspec.structs.replace(
        work,
        revision=revision,
        input=None if before is None else work.input,
        result=None,
        before=before,
        result_hash=None if work.result is None else work.result.hash,
    )


def is_past(work: Work[J, R], connector: Connector[J, R], now_ms: int) -> bool:
    """Can a marker no longer be done again? The join forgets after that time, and nothing would show it."""
    return work.before is not None and now_ms - work.taken_in_at > connector.kept_days(work.before) * DAY_MS


def shortened(work: Work[J, R]) -> Work[J, R]:
    """A marker that nobody can have done again."""
    return msgspec.structs.replace(work, input=None, before=None)
