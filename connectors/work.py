"""What a connector has to do, as data, and the rules over it: what counts after a crash, what is due, when to give up.

One record of <connector>-work per piece of work, JSON, key episode_id:part (incidents: incident_id), in the partition
of the record that asked for it. A step that is done again is a new piece of work, key episode_id:part:2 and so on, so
that what is finished stays finished:

    pending -> [attempting ->] finished with its result -> finished, published

`attempting` is written only where asking twice is not safe. The result is stored before it is published, so that a
crash repeats the same bytes. What remains is a short marker, so that a repeated source record repeats no work; where
something may have to be done again, the marker holds what it takes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import msgspec

from schemas.errors import ExplainedError

J = TypeVar("J")
R = TypeVar("R")
BACKOFF_MAX_S = 60.0
RETRY_AFTER_MAX_S = 3600.0
KEPT_DAYS = 30
PARTIAL_KEPT_DAYS = 7
"""How long a step may be done again: as long as the join of the evidence keeps what it would be joined to."""


class WorkUnreadable(ExplainedError):
    """A work record is none: written by something else or by a newer version. Its text names the place."""


class Work(msgspec.Struct, Generic[J, R], frozen=True, kw_only=True, omit_defaults=True):
    """The value of one work record; times in ms UTC on the wall clock."""

    state: Literal["pending", "attempting", "finished"]
    taken_in_at: int
    due_at: int = 0
    attempts: int = 0
    unsure: bool = False
    """An earlier attempt had no certain answer."""
    last_error: str | None = None
    of: int = 1
    """Revision of the record that asks for it."""
    revision: int = 1
    """Of the result; of work that came to nothing, of the result before."""
    asked: str | None = None
    """`hash` of the RetryAsked by which a person had it done again."""
    input: J | None = None
    """What is to be done; gone once it is published, unless it may have to be done again."""
    result: R | None = None
    """What came of it; gone once it is published."""
    before: R | None = None
    """The last published result, where it may have to be done again."""
    result_hash: str | None = None
    """`hash` of the published record."""


@dataclass(frozen=True)
class Done(Generic[R]):
    """It is done, or finally failed: this is to be published."""

    result: R


@dataclass(frozen=True)
class Again:
    """Surely nothing happened: to be tried again, up to a bound. after_s: what the other side asked for."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True)
class Unsure:
    """It was asked and nobody knows what came of it: repeated only where that is safe."""

    reason: str


@dataclass(frozen=True)
class Later:
    """Nothing was tried yet, and this is no failure: look again."""

    after_s: float


@dataclass(frozen=True)
class Nothing:
    """There is nothing to do (any more), and nothing to say."""


@dataclass(frozen=True)
class Halt:
    """Nothing happened, and nothing will until a person corrects something: the process says so and ends."""

    error: ExplainedError


Outcome = Done[R] | Again | Unsure | Later | Nothing | Halt


@dataclass(frozen=True)
class Retry:
    """How often and how soon: backoff_s, then twice as long each time, up to a minute, or what the server asks for."""

    attempts_max: int
    backoff_s: float

    def wait_s(self, attempts: int, asked_s: float | None = None) -> float:
        """Seconds to wait after the n-th failed attempt."""
        backoff = min(self.backoff_s * 2.0 ** min(attempts - 1, 30), BACKOFF_MAX_S)
        return max(backoff, min(asked_s or 0.0, RETRY_AFTER_MAX_S))


@dataclass
class Partition(Generic[J, R]):
    """The work of one partition, as its owner holds it in memory."""

    open: dict[str, Work[J, R]] = field(default_factory=dict)
    """pending or attempting."""
    unpublished: dict[str, Work[J, R]] = field(default_factory=dict)
    """finished, result stored, perhaps not yet published."""
    finished: dict[str, Work[J, R]] = field(default_factory=dict)
    """Markers."""
    running: set[str] = field(default_factory=set)
    """Keys of open work that a thread is doing."""
    removed: set[str] = field(default_factory=set)
    """Episodes whose pictures were removed for good: none is made of them any more."""

    def knows(self, key: str) -> bool:
        """True when this work was taken in before, whatever became of it."""
        return key in self.open or key in self.unpublished or key in self.finished

    def newest(self, key: str) -> tuple[str, Work[J, R]] | None:
        """The last of the pieces of work that a step's key stands for, with its own key; None when there was none."""
        found = None
        number = 1
        while self.knows(numbered(key, number)):
            found = numbered(key, number)
            number += 1
        if found is None:
            return None
        return found, self.open.get(found) or self.unpublished.get(found) or self.finished[found]

    def prior(self, key: str) -> Work[J, R] | None:
        """The marker of the piece of work before this one."""
        base, number = split(key)
        return self.finished.get(numbered(base, number - 1))


def numbered(key: str, number: int) -> str:
    """Key of the n-th piece of work of a step, from 1 on."""
    return key if number == 1 else f"{key}:{number}"


def split(key: str) -> tuple[str, int]:
    """(the step's key, n) of numbered(key, n)."""
    base, _, number = key.rpartition(":")
    return (base, int(number)) if base and number.isdigit() else (key, 1)


def read_work(
    records: Iterable[tuple[str, bytes | None]], decoder: "msgspec.json.Decoder[Work[J, R]]", where: str
) -> Partition[J, R]:
    """The state of a partition from its records in order.

    What is finished stays so: a stalled worker may have written an older state over its successor's. Only a tombstone
    ends it. Raises WorkUnreadable.
    """
    part: Partition[J, R] = Partition()
    for key, value in records:
        if value is None:
            part.open.pop(key, None)
            part.unpublished.pop(key, None)
            part.finished.pop(key, None)
            continue
        try:
            work = decoder.decode(value)
        except msgspec.DecodeError as error:
            raise WorkUnreadable(
                f"{where}: the record of {key!r} is no work of ours: {error}; a newer version may have written it: run "
                "that, or delete the record with a tombstone of the same key"
            ) from error
        if work.state != "finished":
            if key not in part.finished and key not in part.unpublished:
                part.open[key] = work
        else:
            part.open.pop(key, None)
            if work.result is None:
                part.unpublished.pop(key, None)
                part.finished[key] = work
            elif key not in part.finished:
                part.unpublished[key] = work
    return part


def episode_of(key: str) -> str:
    """The part of a key within which the order is kept: the episode, or the incident."""
    return key.partition(":")[0]


def due(part: Partition[J, R], now_ms: int, room: int) -> list[str]:
    """Keys to start now, at most `room`: the longest due first, and one at a time per episode, alert before closing.

    Of an episode whose last result is not published yet nothing is started: what comes next depends on it.
    """
    chosen: list[str] = []
    taken = {episode_of(key) for key in (*part.running, *part.unpublished)}
    first: dict[str, str] = {}
    for key in sorted(part.open, key=lambda k: (part.open[k].taken_in_at, k)):
        first.setdefault(episode_of(key), key)
    for key in sorted(first.values(), key=lambda k: (part.open[k].due_at, k)):
        if len(chosen) >= room or part.open[key].due_at > now_ms:
            break
        if episode_of(key) not in taken:
            chosen.append(key)
    return chosen


def finished(work: Work[J, R], result: R | None) -> Work[J, R]:
    """The work with its result, not yet published."""
    return Work(
        state="finished",
        taken_in_at=work.taken_in_at,
        attempts=work.attempts + 1,
        of=work.of,
        revision=work.revision,
        asked=work.asked,
        input=work.input,
        result=result,
    )


@dataclass(frozen=True)
class GivenUp:
    """No further attempt: the connector says so in a record of its own."""

    reason: str
    attempts: int
    unsure: bool


def after(work: Work[J, R], outcome: Outcome[R], retry: Retry, risky: bool, now_ms: int) -> Work[J, R] | GivenUp:
    """What becomes of work: finished, to be looked at later, to be tried again, or given up.

    Without a certain answer risky work is given up at once, other work is repeated; `unsure` is never forgotten, since
    an attempt that seemed to fail may have been accepted.
    """
    if isinstance(outcome, Later):
        return msgspec.structs.replace(work, state="pending", due_at=now_ms + round(outcome.after_s * 1000))
    if isinstance(outcome, Done | Nothing):
        return finished(work, outcome.result if isinstance(outcome, Done) else None)
    attempts = work.attempts + 1
    reason = str(outcome.error) if isinstance(outcome, Halt) else outcome.reason
    unsure = work.unsure or isinstance(outcome, Unsure)
    if attempts >= retry.attempts_max or (risky and isinstance(outcome, Unsure)):
        return GivenUp(reason, attempts, unsure)
    wait_s = retry.wait_s(attempts, outcome.after_s if isinstance(outcome, Again) else None)
    return msgspec.structs.replace(
        work,
        state="pending",
        attempts=attempts,
        due_at=now_ms + round(wait_s * 1000),
        unsure=unsure,
        last_error=reason[:500],
    )
