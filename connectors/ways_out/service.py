"""Reading what failed from the topics, and putting a person's word into them."""

import time
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from connectors import removals
from connectors.sink import decoded
from connectors.ways_out.failures import STEPS, Failure, Job, Result, Word, of_halt, of_work
from connectors.work import Work, numbered, read_work, split
from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics, read_to_end
from schemas.acts import EvidenceRemoved, FoldSkip, RetryAsked, Step
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import ClipCut, ClipUploaded, FoldHalt, IncidentReported
from schemas.removals import newest
from schemas.site import Site
from schemas.topics import FOLD_HALTS, FOLD_SKIPS, RETRIES, work

LOOK_EVERY_S = 0.5
_DECODERS: dict[Step, msgspec.json.Decoder[Any]] = {
    "clip": msgspec.json.Decoder(Work[Job, ClipCut]),
    "upload": msgspec.json.Decoder(Work[Job, ClipUploaded]),
    "incident": msgspec.json.Decoder(Work[Job, IncidentReported]),
}


class NotHalted(InputError):
    """The camera's fold takes its records, so there is none to pass over; the text names those that stand still."""


@dataclass(frozen=True)
class Standing:
    """How all steps stand, as the topics say it."""

    works: dict[Step, dict[str, Work[Job, Result]]]
    halts: list[FoldHalt]
    removed: Container[str] = ()
    """Episodes of which no picture is made any more."""

    def failures(self, settings: Settings, site_id: str) -> list[Failure]:
        """Everything of the site that did not come to a good end."""
        honours = {
            "upload": settings.upload.honours_idempotency_key,
            "incident": settings.incident.honours_idempotency_key,
        }
        found: list[Failure] = []
        for step, works in self.works.items():
            found += of_work(step, works, honours_keys=honours.get(step, False))
        found += [of_halt(halt) for halt in self.halts]
        of_site = [failure for failure in found if failure.site_id == site_id]
        return [f for f in of_site if f.step not in ("clip", "upload") or f.episode_id not in self.removed]


def standing(settings: Settings) -> Standing:
    """Read it: whole topics. Raises KafkaUnavailable, RegistryUnavailable."""
    ensure_topics(settings)
    codec = connect_codec(settings)
    return Standing({step: _works(settings, step) for step in STEPS}, halts(settings, codec), removed(settings, codec))


def failures(settings: Settings, site: Site) -> list[Failure]:
    """Everything of the site that did not come to a good end. Raises KafkaUnavailable, RegistryUnavailable."""
    return standing(settings).failures(settings, site.site_id)


def removed(settings: Settings, codec: Codec) -> dict[str, EvidenceRemoved]:
    """episode_id -> why its pictures were removed for good: no step makes any again."""
    return newest(removal for _, removal in removals.read(settings, codec))


def _works(settings: Settings, step: Step) -> dict[str, Work[Job, Result]]:
    """What the work records mean to the connector: a late write over finished work is none."""
    topic = work(step)
    records = (((m.key() or b"").decode(), m.value()) for m in read_to_end(settings, topic))
    there = read_work(records, _DECODERS[step], topic.name)
    return {**there.open, **there.unpublished, **there.finished}


def halts(settings: Settings, codec: Codec) -> list[FoldHalt]:
    """The cameras whose fold stands still."""
    last = {message.key(): message for message in read_to_end(settings, FOLD_HALTS)}
    records = decoded(last.values(), codec, None)
    return [halt for _, halt in records if isinstance(halt, FoldHalt)]


def send(settings: Settings, asks: Sequence[RetryAsked]) -> None:
    """Put a person's word into the topic; durable when this returns."""
    publisher = Publisher(settings, connect_codec(settings))
    for ask in asks:
        publisher.publish(RETRIES, ask.camera_id, ask)
    publisher.flush()


def followed(settings: Settings, asks: Sequence[RetryAsked], timeout_s: float) -> Iterator[tuple[RetryAsked, str]]:
    """Each word with what came of it, as it comes; "under way" for those that nobody followed in time."""
    until = time.monotonic() + timeout_s
    left = list(asks)
    while left:
        works = {step: _works(settings, step) for step in {ask.step for ask in left}}
        out_of_time = time.monotonic() >= until
        for ask in list(left):
            came = came_of(works[ask.step], ask.work_key, ask.revision)
            if came is not None or out_of_time:
                left.remove(ask)
                yield ask, came or "under way"
        if left:
            time.sleep(LOOK_EVERY_S)


def came_of(works: dict[str, Work[Job, Result]], work_key: str, revision: int) -> str | None:
    """What came of a step that was asked for again when `revision` was published; None while it is under way."""
    numbers = [number for base, number in map(split, works) if base == work_key]
    newest = works[numbered(work_key, max(numbers))] if numbers else None
    if newest is None or newest.state != "finished" or newest.result or newest.revision <= revision:
        return None
    return newest.before.status if newest.before is not None else "done"


def skip(settings: Settings, site: Site, camera_id: str, lane: str, word: Word) -> FoldSkip:
    """Tell the fold to pass over the record before which a camera stands. Raises NotHalted."""
    codec = connect_codec(settings)
    there = [halt for halt in halts(settings, codec) if halt.site_id == site.site_id]
    halt = next((halt for halt in there if (halt.camera_id, halt.lane) == (camera_id, lane)), None)
    if halt is None:
        names = ", ".join(halt.camera_id for halt in there) or "none"
        raise NotHalted(f"camera {camera_id} (lane {lane}) is not halted; halted of this site: {names}")
    record = FoldSkip(
        site_id=halt.site_id,
        camera_id=camera_id,
        lane=lane,
        stream_epoch=halt.stream_epoch,
        sequence=halt.sequence,
        reason=word.reason,
        skipped_by=word.by,
        skipped_at=word.at,
        captured_at=halt.captured_at,
    )
    publisher = Publisher(settings, codec)
    publisher.publish(FOLD_SKIPS, f"{camera_id}/{lane}/{halt.stream_epoch}/{halt.sequence}", record)
    publisher.flush()
    return record


def goes_on(settings: Settings, record: FoldSkip, timeout_s: float) -> str:
    """Wait until the camera has left that record; what is so then."""
    until, codec = time.monotonic() + timeout_s, connect_codec(settings)
    while True:
        still = [h for h in halts(settings, codec) if (h.camera_id, h.lane) == (record.camera_id, record.lane)]
        if not still:
            return "goes on"
        if (still[0].stream_epoch, still[0].sequence) != (record.stream_epoch, record.sequence):
            return f"halted again at {still[0].stream_epoch}:{still[0].sequence}: {still[0].error}"
        if time.monotonic() >= until:
            return "still stands; the streams worker looks every few seconds"
        time.sleep(LOOK_EVERY_S)
