"""What did not come to a good end, from the connectors' work lists and the halted cameras, and what to do (pure)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from connectors.work import Work, split
from schemas.acts import RetryAsked, Step, Verdict
from schemas.errors import InputError
from schemas.hashing import sealed
from schemas.records import (
    ClipCut,
    ClipPart,
    ClipUploaded,
    EpisodeKind,
    FoldHalt,
    IncidentReported,
    Subject,
)

State = Literal["retrying", "failed", "ambiguous", "expired", "partial", "halted"]
Result = ClipCut | ClipUploaded | IncidentReported
STEPS: tuple[Step, ...] = ("clip", "upload", "incident")
ENDED: tuple[State, ...] = ("failed", "ambiguous", "expired", "partial")
GOOD = ("complete", "uploaded", "reported", "suppressed")


class NothingToRetry(InputError):
    """No step fits what was asked for, or none may be done again so; the text says which, and what may be said."""


class Job(msgspec.Struct, frozen=True):
    """What every connector's job says of its episode."""

    subject: Subject
    part: ClipPart | None = None


@dataclass(frozen=True)
class Failure:
    """One step that failed, may have failed, or is still tried; or a camera that stands still (step fold)."""

    step: Literal["clip", "upload", "incident", "fold"]
    state: State
    site_id: str
    camera_id: str
    lane: str
    since: int
    """ms UTC."""
    reason: str
    do: str
    business_day: str | None = None
    kind: EpisodeKind | None = None
    episode_id: str | None = None
    part: ClipPart | None = None
    work_key: str | None = None
    revision: int = 0
    """Of what is published; 0: nothing yet."""
    hash: str | None = None
    """Of what is published."""
    attempts: int = 0
    next_at: int | None = None
    """When it is tried again by itself, ms UTC."""
    may_be_accepted: bool = False
    """Trying again could be accepted twice: a person must know."""

    @property
    def what(self) -> str:
        """For people: step and part."""
        return f"{self.step} {self.part}" if self.part else self.step


def of_work(step: Step, works: dict[str, Work[Job, Result]], *, honours_keys: bool = False) -> Iterator[Failure]:
    """The failures of one connector, from the last work record of each key. honours_keys: as the settings say."""
    newest: dict[str, int] = {}
    for key in works:
        base, number = split(key)
        newest[base] = max(newest.get(base, 0), number)
    for base, number in newest.items():
        work = works[base if number == 1 else f"{base}:{number}"]
        prior = works.get(base if number == 2 else f"{base}:{number - 1}")
        found = _open(step, base, work, prior) if work.state != "finished" else _ended(step, base, work, honours_keys)
        if found is not None:
            yield found


def _open(step: Step, key: str, work: Work[Job, Result], prior: Work[Job, Result] | None) -> Failure | None:
    """Work that is still to be done, where it did not work at once or was asked for again."""
    if work.input is None or (not work.attempts and prior is None):
        return None
    again = "a person asked for it again" if work.asked else "a newer record asks for it again"
    return Failure(
        **_about(step, key, work.input),
        state="retrying",
        since=work.taken_in_at,
        reason=work.last_error or again,
        do=f"it is tried again by itself; `trackfold retry {_short(work.input)} --step {step}` tries now",
        revision=0 if prior is None else prior.revision,
        hash=None if prior is None or prior.before is None else prior.before.hash,
        attempts=work.attempts,
        next_at=work.due_at,
    )


def _ended(step: Step, key: str, work: Work[Job, Result], honours_keys: bool) -> Failure | None:
    before, job = work.before, work.input
    if before is None or job is None or before.status in GOOD:
        return None
    if isinstance(before, ClipUploaded) and before.clip_status in ("failed", "expired"):
        return None  # there is no clip, and that is named by itself
    state: State = next((s for s in ENDED if s == before.status), "failed")
    in_s3 = isinstance(before, ClipUploaded) and before.adapter == "s3"
    risky = state == "ambiguous" and not in_s3 and not honours_keys
    return Failure(
        **_about(step, key, job),
        state=state,
        since=_at(before),
        reason=before.reason or "",
        do=_todo(step, state, _short(job), risky=risky),
        revision=work.revision,
        hash=before.hash,
        attempts=before.attempts,
        may_be_accepted=risky,
    )


def _todo(step: Step, state: State, episode: str, *, risky: bool) -> str:
    again = f"`trackfold retry {episode} --step {step}`"
    if risky and step == "incident":
        return f"ask the incident API's people, then {again} with --accepted [THEIR_ID] or --not-accepted"
    if risky:
        return f"look whether the file is there, then {again} with --accepted NAME or --not-accepted"
    if state == "expired":
        return f"the recording is gone; if it can be restored, {again}"
    if state == "partial":
        return f"if the missing recording is there now, {again}"
    return f"mend the cause, then {again}"


def of_halt(halt: FoldHalt) -> Failure:
    """A camera whose fold stands before a record that it cannot take."""
    return Failure(
        step="fold",
        state="halted",
        site_id=halt.site_id,
        camera_id=halt.camera_id,
        lane=halt.lane,
        since=halt.halted_at,
        reason=f"record {halt.stream_epoch}:{halt.sequence}: {halt.error}",
        do="mend the cause and start the streams worker again, "
        f"or pass over the record: `trackfold skip {halt.camera_id} --reason WHY`",
    )


def _about(step: Step, key: str, job: Job) -> dict[str, Any]:
    subject = job.subject
    return {
        "step": step,
        "site_id": subject.site_id,
        "camera_id": subject.camera_id,
        "lane": subject.lane,
        "business_day": subject.business_day,
        "kind": subject.kind,
        "episode_id": subject.episode_id,
        "part": job.part,
        "work_key": key,
    }


def _short(job: Job) -> str:
    return job.subject.episode_id[:8]


def _at(result: Result) -> int:
    if isinstance(result, ClipCut):
        return result.cut_at
    return result.upload_timestamp if isinstance(result, ClipUploaded) else result.reported_at


@dataclass(frozen=True)
class Filter:
    """Which failures; None: all. states: partial ones are left out unless named."""

    episode: str | None = None
    """Beginning of an episode_id."""
    camera: str | None = None
    day: str | None = None
    step: str | None = None
    part: str | None = None
    kind: str | None = None
    states: tuple[State, ...] = ("retrying", "failed", "ambiguous", "expired", "halted")

    def of(self, failures: Iterable[Failure]) -> list[Failure]:
        """Those that fit, the oldest first."""
        fit = [failure for failure in failures if self._fits(failure)]
        return sorted(fit, key=lambda f: (f.since, f.camera_id, f.work_key or ""))

    def _fits(self, failure: Failure) -> bool:
        wanted = (
            (self.camera, failure.camera_id),
            (self.day, failure.business_day),
            (self.step, failure.step),
            (self.part, failure.part),
            (self.kind, failure.kind),
        )
        return (
            failure.state in self.states
            and all(one is None or one == other for one, other in wanted)
            and (self.episode is None or (failure.episode_id or "").startswith(self.episode.lower()))
        )


@dataclass(frozen=True)
class Word:
    """What a person says. verdict None: nothing of what may have been accepted."""

    by: str
    reason: str
    at: int
    """ms UTC."""
    verdict: Literal["accepted", "not_accepted"] | None = None
    external_id: str | None = None


def asks(chosen: Iterable[Failure], word: Word) -> tuple[list[RetryAsked], list[Failure]]:
    """The records that have these steps done again, and the steps of which a person must first say what they know.

    Raises NothingToRetry where the word does not fit.
    """
    made: list[RetryAsked] = []
    left: list[Failure] = []
    steps = [failure for failure in chosen if failure.work_key is not None]
    if word.verdict == "accepted":
        steps = [failure for failure in steps if failure.may_be_accepted]
        if len(steps) != 1:
            raise NothingToRetry(
                f"--accepted is said of one step that is ambiguous, and {len(steps)} fit: name the episode and --step; "
                "`trackfold failed --ambiguous` lists them"
            )
        if steps[0].step == "upload" and not word.external_id:
            raise NothingToRetry(
                "--accepted of an upload needs the name under which the file is stored: it is the link"
            )
    for failure in steps:
        if failure.may_be_accepted and word.verdict is None:
            left.append(failure)
        else:
            made.append(_ask(failure, word))
    return made, left


def _ask(failure: Failure, word: Word) -> RetryAsked:
    assert failure.step != "fold"
    assert failure.episode_id is not None
    assert failure.business_day is not None
    assert failure.work_key is not None
    verdict: Verdict = (word.verdict or "again") if failure.may_be_accepted else "again"
    return sealed(
        RetryAsked(
            site_id=failure.site_id,
            camera_id=failure.camera_id,
            lane=failure.lane,
            business_day=failure.business_day,
            episode_id=failure.episode_id,
            step=failure.step,
            part=failure.part,
            work_key=failure.work_key,
            revision=failure.revision,
            verdict=verdict,
            external_id=word.external_id or None if verdict == "accepted" else None,
            reason=word.reason,
            asked_by=word.by,
            asked_at=word.at,
            hash="",
            previous_hash=failure.hash,
        )
    )
