"""The loop that every connector with work shares: take in durably, commit, do what is due, store, publish.

One thread talks to Kafka. What a connector does with the world (cut, upload, post) runs in a few other threads and
touches no topic, so a slow or failing piece of work delays no other and never the taking in.
"""

import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Generic

import msgspec

from connectors import removals, repeating
from connectors.connector import Connector, J, R
from connectors.intake import Intake, Taken
from connectors.seen import Seen, about
from connectors.work import (
    Again,
    Done,
    GivenUp,
    Halt,
    Later,
    Outcome,
    Partition,
    Unsure,
    Work,
    after,
    due,
    finished,
    read_work,
)
from infra.clock import Clock, WallClock
from infra.config import Settings
from infra.failpoint import failpoint
from infra.health import Health
from infra.kafka import KafkaUnavailable, Publisher, read_to_end
from schemas import topics
from schemas.acts import EvidenceRemoved, RetryAsked
from schemas.codec import RegistryUnavailable
from schemas.errors import ExplainedError

log = logging.getLogger(__name__)
AT_ONCE = 4
HANDOVER_S = 15.0
STOP_S = 5.0


class Worker(Generic[J, R]):
    """Runs one connector over the partitions that Kafka gives it."""

    def __init__(
        self,
        settings: Settings,
        connector: Connector[J, R],
        publisher: Publisher,
        stop: threading.Event,
        clock: Clock | None = None,
        health: Health | None = None,
    ) -> None:
        self._settings, self._connector, self._publisher, self._stop = settings, connector, publisher, stop
        self._clock = clock or WallClock()
        self._seen = Seen(connector.name, health or Health(connector.name))
        self._topic = topics.work(connector.name)
        self._decoder = msgspec.json.Decoder(connector.work_type)
        self._kept_ms = max(topic.retention_ms or 0 for topic in connector.sources)
        self._parts: dict[int, Partition[J, R]] = {}
        self._to_read: list[int] = []
        self._taken: list[Taken] = []
        self._arrived: list[tuple[Partition[J, R], str, Outcome[R]]] = []
        self._arriving: queue.SimpleQueue[tuple[Partition[J, R], str, Outcome[R]]] = queue.SimpleQueue()
        self._intake = Intake(
            settings,
            connector.name,
            (*connector.sources, topics.RETRIES, topics.EVIDENCE_REMOVALS),
            publisher,
            on_gained=self._gain,
            on_leaving=self._hand_over,
            on_lost=self._drop,
            health=self._seen.health,
        )

    def run(self) -> None:
        """Work until stop is set. Raises ServerError: what is stored is done after a restart."""
        try:
            while not self._stop.is_set():
                taken = self._intake.take(self._idle_s())  # may call _drop, so not in one line with the next
                self._taken += taken
                self._read_gained()
                self._take_in()
                self._finish()
                self._publish()
                self._start()
                self._seen.turned(self._parts.values(), self._clock.now_ms())
        finally:
            self._intake.close()  # calls _hand_over

    def _idle_s(self) -> float:
        """How long to wait for records: short while work is under way, and not beyond the next due time."""
        if any(part.running for part in self._parts.values()):
            return 0.05
        next_at = min((w.due_at for part in self._parts.values() for w in part.open.values()), default=None)
        return 0.5 if next_at is None else min(max((next_at - self._clock.now_ms()) / 1000, 0.0), 0.5)

    def _gain(self, numbers: Sequence[int]) -> None:
        self._drop()
        self._to_read = list(numbers)

    def _drop(self) -> None:
        """These partitions are somebody else's: results that still arrive belong to no partition of ours."""
        self._parts, self._to_read, self._taken, self._arrived = {}, [], [], []

    def _hand_over(self) -> None:
        """Give what is under way some time to arrive, store it while the partitions are still ours, then drop all."""
        deadline = time.monotonic() + HANDOVER_S
        while self._under_way() and time.monotonic() < deadline:
            try:
                self._arrived.append(self._arriving.get(timeout=0.2))
            except queue.Empty:
                continue
            self._finish()
        self._finish()
        self._publish()
        self._drop()

    def _under_way(self) -> int:
        """How many threads have not yet said what came of their work."""
        return sum(len(part.running) for part in self._parts.values()) - len(self._arrived)

    def _read_gained(self) -> None:
        """Read the work of new partitions, and what was removed for good, before anything is done about them."""
        while self._to_read and not self._stop.is_set():
            found: dict[int, list[tuple[str, bytes | None]]] = {number: [] for number in self._to_read}
            try:
                for message in read_to_end(self._settings, self._topic, self._to_read):
                    found[message.partition() or 0].append(((message.key() or b"").decode(), message.value()))
                removed = list(removals.read(self._settings, self._publisher.codec, self._to_read))
            except (KafkaUnavailable, RegistryUnavailable) as error:
                log.warning("%s; reading %s again", error, self._topic.name)
                self._stop.wait(1.0)
                continue
            for number, records in found.items():
                part = read_work(records, self._decoder, f"{self._topic.name}[{number}]")
                part.removed = {r.episode_id for at, r in removed if at == number and r.episode_id is not None}
                self._recover(number, part)
                self._parts[number] = part
            self._to_read = []

    def _recover(self, number: int, part: Partition[J, R]) -> None:
        """What the last owner left: attempts without an answer, and markers that nothing can come back to."""
        for key, work in list(part.open.items()):
            if work.input is None or not self._connector.is_ours(work.input):
                del part.open[key]
            elif work.state == "attempting" and self._connector.is_risky(work.input):
                reason = "the process ended after asking and before the answer was stored"
                result = self._connector.give_up(work.input, reason, work.attempts + 1, unsure=True)
                part.running.add(key)
                self._arrived.append((part, key, Done(result)))
        now_ms = self._clock.now_ms()
        for key, work in list(part.finished.items()):
            if work.taken_in_at < now_ms - self._kept_ms:
                del part.finished[key]
                self._publisher.publish(self._topic, key, None, partition=number)
            elif repeating.is_past(work, self._connector, now_ms):
                part.finished[key] = repeating.shortened(work)
                self._store(number, key, part.finished[key])

    def _take_in(self) -> None:
        """Store what the records ask for, then commit them."""
        if not self._taken or self._to_read or not self._intake.is_ours():
            return
        for item in self._taken:
            part = self._parts[item.partition]
            for key, work in self._asked(part, item.record):
                (part.unpublished if work.state == "finished" else part.open)[key] = work
                self._store(item.partition, key, work)
                with about(work.input):
                    log.info("%s: taken in", key)
        self._await_acks()
        self._intake.keep(self._taken)
        self._taken = []

    def _asked(self, part: Partition[J, R], record: msgspec.Struct | None) -> Iterator[tuple[str, Work[J, R]]]:
        """The work that a record asks for and that was not asked for before, by key."""
        now_ms = self._clock.now_ms()
        if isinstance(record, EvidenceRemoved):
            repeating.remove(part, record, now_ms)
        elif isinstance(record, RetryAsked):
            if record.step == self._connector.name:
                found = repeating.asked_by_person(part, record, self._connector, now_ms)
                if isinstance(found, str):
                    log.warning("%s: %s asked for it again, but %s", record.work_key, record.asked_by, found)
                else:
                    yield found
        elif record is not None:
            for key, job in self._connector.plan(record, now_ms).items():
                new = repeating.asked_by_record(part, key, job, repeating.source_revision(record), now_ms)
                if new is not None:
                    yield new

    def _start(self) -> None:
        """Begin what is due. Where asking twice is not safe, that we are about to ask is stored first."""
        now_ms = self._clock.now_ms()
        room = AT_ONCE - sum(len(part.running) for part in self._parts.values())
        chosen: list[tuple[int, str]] = []
        for number, part in self._parts.items():
            for key in due(part, now_ms, room - len(chosen)):
                foregone = repeating.foregone(part, key, self._connector)
                if foregone is None:
                    chosen.append((number, key))
                else:
                    part.running.add(key)
                    self._arrived.append((part, key, foregone))
        risky = [(number, key) for number, key in chosen if self._is_risky(number, key)]
        if risky and not self._intake.is_ours():
            return
        for number, key in risky:
            part = self._parts[number]
            part.open[key] = msgspec.structs.replace(part.open[key], state="attempting")
            self._store(number, key, part.open[key])
        if risky:
            self._await_acks()
        if chosen:
            failpoint(f"{self._connector.name}.after_attempting")
        for number, key in chosen:
            part = self._parts[number]
            part.running.add(key)
            threading.Thread(target=self._do, args=(part, key, part.open[key]), daemon=True, name=key).start()

    def _is_risky(self, number: int, key: str) -> bool:
        job = self._parts[number].open[key].input
        return job is not None and self._connector.is_risky(job)

    def _do(self, part: Partition[J, R], key: str, work: Work[J, R]) -> None:
        assert work.input is not None
        outcome: Outcome[R]
        try:
            with about(work.input):
                outcome = self._connector.do(work.input, work.attempts + 1)
        except ExplainedError as error:
            outcome = Halt(error)
        except Exception as error:  # whatever it is, it is this work's failure and nobody else's
            with about(work.input):
                log.exception("%s: attempt %d", key, work.attempts + 1)
            reason = f"{type(error).__name__}: {error}"
            outcome = Unsure(reason) if work.state == "attempting" else Again(reason)
        self._arriving.put((part, key, outcome))

    def _finish(self) -> None:
        """Store what came of the work; results are published only after that."""
        while not self._arriving.empty():
            self._arrived.append(self._arriving.get())
        numbers = {id(part): number for number, part in self._parts.items()}
        self._arrived = [arrival for arrival in self._arrived if id(arrival[0]) in numbers]
        if not self._arrived or not self._intake.is_ours():
            return
        failpoint(f"{self._connector.name}.before_result_stored")
        stored = False
        for part, key, outcome in self._arrived:
            part.running.discard(key)
            self._seen.arrived(part.open[key].input, outcome)
            work = self._after(part, key, outcome)
            if work.result is not None:
                part.unpublished[key] = work
            elif work.state == "finished":
                part.finished[key] = work = repeating.marker(work, part.prior(key), self._connector)
            if work.state == "finished":
                del part.open[key]
            else:
                part.open[key] = work
            if not isinstance(outcome, Later):
                self._store(numbers[id(part)], key, work)
                stored = True
        halts = [outcome.error for _, _, outcome in self._arrived if isinstance(outcome, Halt)]
        self._arrived = []
        if stored:
            self._await_acks()
            failpoint(f"{self._connector.name}.after_result_stored")
        if halts:
            raise halts[0]

    def _after(self, part: Partition[J, R], key: str, outcome: Outcome[R]) -> Work[J, R]:
        work = msgspec.structs.replace(part.open[key], revision=repeating.next_revision(part, key))
        assert work.input is not None
        then = after(work, outcome, self._connector.retry, self._connector.is_risky(work.input), self._clock.now_ms())
        if isinstance(then, GivenUp):
            result = self._connector.give_up(work.input, then.reason, then.attempts, unsure=then.unsure)
            then = finished(work, result)
        if then.result is None:
            return then
        return msgspec.structs.replace(then, result=repeating.revised(then.result, then.revision))

    def _publish(self) -> None:
        """Publish stored results, then shorten them to markers.

        Asked anew whether they are ours: who was stalled while storing may find that another has told it otherwise.
        """
        ready = [(n, key, work) for n, part in self._parts.items() for key, work in part.unpublished.items()]
        if not ready or not self._intake.is_ours():
            return
        for _, key, work in ready:
            assert work.result is not None
            self._publisher.publish(self._connector.target, work.result.camera_id, work.result)
            what = {"camera": work.result.camera_id, "episode": work.result.episode_id}
            reason = f": {work.result.reason}" if work.result.reason else ""
            log.info("%s: %s%s", key, work.result.status, reason, extra=what)
        self._await_acks()
        for number, key, work in ready:
            assert work.result is not None
            self._seen.published(work.result.status)
            part = self._parts[number]
            del part.unpublished[key]
            part.finished[key] = repeating.marker(work, part.prior(key), self._connector)
            self._store(number, key, part.finished[key])
        self._await_acks()

    def _store(self, number: int, key: str, work: Work[J, R]) -> None:
        self._publisher.publish(self._topic, key, msgspec.json.encode(work), partition=number)

    def _await_acks(self) -> None:
        """Wait for the broker, however long it is away, unless we are told to stop."""
        patience_s = STOP_S
        while self._publisher.waiting() and patience_s > 0:
            self._publisher.poll(0.2)
            self._seen.health.turned()
            patience_s -= 0.2 if self._stop.is_set() else 0.0
        self._publisher.flush(0.0)
