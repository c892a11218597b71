"""The shared loop against a Kafka in memory: wherever the process dies, the same comes out."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from connectors import removals
from connectors import worker as worker_module
from connectors.incident.plan import IncidentJob, found, jobs, reported
from connectors.incident.service import IncidentConnector
from connectors.intake import Taken
from connectors.work import Again, Done, Outcome, Retry, Unsure, Work, split
from connectors.worker import Worker
from schemas import topics
from schemas.acts import RetryAsked
from schemas.errors import InputError
from schemas.records import ClipUploaded, IncidentReported
from tests.connector_records import T0, event, subject, upload

TICKS = itertools.count(T0)
"""No two results are made at the same time."""


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Kafka:
    """Source, work topic, public topic and committed offset of one partition; it dies at the n-th operation."""

    source: list[ClipUploaded | RetryAsked]
    work: list[tuple[str, bytes | None]] = field(default_factory=list)
    public: list[bytes] = field(default_factory=list)
    committed: int = 0
    operations: int = 0
    dies_at: int | None = None
    dead: bool = False

    def operation(self) -> None:
        """Every call to a broker is a place to die, before it happens."""
        self.operations += 1
        if self.dead or self.operations == self.dies_at:
            self.dead = True
            raise Killed


@dataclass
class Api:
    """Whom the connector asks: accepts, unless told otherwise."""

    accepted: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, key: str) -> str:
        """One request."""
        with self.lock:
            answer = self.answers.pop(0) if self.answers else "accepted"
            if answer in ("accepted", "accepted, no answer"):
                self.accepted.append(key)
            return answer


class Reporting:
    """A connector like incident, over an Api in memory."""

    name = "incident"
    sources = (topics.UPLOADS,)
    target = topics.INCIDENTS
    retry = Retry(attempts_max=4, backoff_s=1.0)
    work_type = Work[IncidentJob, IncidentReported]

    def __init__(self, api: Api, risky: bool = True) -> None:
        self.api, self.risky = api, risky

    def plan(self, record: msgspec.Struct, now_ms: int) -> Mapping[str, IncidentJob]:
        assert isinstance(record, ClipUploaded)
        return jobs(record, now_ms, None)

    def is_ours(self, job: IncidentJob) -> bool:
        return job.subject.camera_id == "cam"

    def is_risky(self, job: IncidentJob) -> bool:
        return self.risky

    kept_days = IncidentConnector.kept_days
    follow = IncidentConnector.follow

    def accepted(self, job: IncidentJob, before: IncidentReported, external_id: str | None) -> IncidentReported:
        return found(before, external_id, now_ms=next(TICKS))

    def do(self, job: IncidentJob, attempt: int) -> Outcome[IncidentReported]:
        answer = self.api.ask(job.incident_id)
        if answer == "accepted":
            return Done(reported(job, "reported", payload_sha256="", now_ms=next(TICKS), attempts=attempt))
        if answer == "refused":
            return Again("refused")
        if answer == "wrong key":
            raise InputError("the API does not take our key")
        if answer == "bug":
            raise RuntimeError("a mistake of ours")
        return Unsure(answer)

    def give_up(self, job: IncidentJob, reason: str, attempts: int, *, unsure: bool) -> IncidentReported:
        status: Any = "ambiguous" if unsure else "failed"
        return reported(job, status, payload_sha256="", now_ms=next(TICKS), attempts=attempts, reason=reason)


@dataclass
class Message:
    """One record of the work topic."""

    stored: tuple[str, bytes | None]

    def partition(self) -> int:
        return 0

    def key(self) -> bytes:
        return self.stored[0].encode()

    def value(self) -> bytes | None:
        return self.stored[1]


class Intake:
    """As connectors.intake, over Kafka in memory."""

    kafka: Kafka
    owner: "Intake | None" = None
    settled: Callable[[], bool]

    def __init__(self, settings: Any, name: str, sources: Any, publisher: Any, **callbacks: Any) -> None:
        self._on_gained, self._on_leaving = callbacks["on_gained"], callbacks["on_leaving"]
        self._position = self.kafka.committed
        self._stop: threading.Event = settings
        Intake.owner = self
        self._gained = False

    def take(self, timeout_s: float) -> list[Taken]:
        if not self._gained:
            self._gained = True
            self._on_gained([0])
        if Intake.settled():
            self._stop.set()
        time.sleep(0.001)
        batch = self.kafka.source[self._position :]
        taken = [Taken("uploads", 0, self._position + n, record) for n, record in enumerate(batch)]
        self._position = len(self.kafka.source)
        return taken

    def is_ours(self) -> bool:
        self.kafka.operation()
        return Intake.owner is self

    def keep(self, taken: Sequence[Taken]) -> None:
        self.kafka.operation()
        self.kafka.committed = max(item.offset for item in taken) + 1

    def close(self) -> None:
        if not self.kafka.dead:
            self._on_leaving()


class Publisher:
    """Appends at once."""

    codec = None

    def __init__(self, kafka: Kafka) -> None:
        self._kafka = kafka

    def publish(self, topic: topics.Topic, key: str, value: Any, *, partition: int | None = None) -> None:
        self._kafka.operation()
        if topic.name == "incident-work":
            self._kafka.work.append((key, value))
        else:
            assert topic.name == "incidents"
            self._kafka.public.append(msgspec.json.encode(value))

    def waiting(self) -> int:
        return 0

    def flush(self, timeout_s: float) -> None:
        self._kafka.operation()


class Clock:
    """Every look is a second later, so that no test waits for a backoff."""

    def __init__(self) -> None:
        self._at = T0

    def now_ms(self) -> int:
        self._at += 1000
        return self._at


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kafka, Reporting], None]:
    """Runs one life of a worker: until all is done, or until it is killed."""
    monkeypatch.setattr(worker_module, "Intake", Intake)
    monkeypatch.setattr(removals, "read", lambda *_: iter(()))

    def run(kafka: Kafka, connector: Reporting) -> None:
        def read(settings: Any, topic: topics.Topic, numbers: Any) -> Iterator[Message]:
            kafka.operation()
            return iter([Message(record) for record in kafka.work])

        monkeypatch.setattr(worker_module, "read_to_end", read)
        stop = threading.Event()
        kafka.dead = False
        Intake.kafka = kafka
        Intake.settled = staticmethod(lambda: settled(kafka))
        worker: Worker[Any, Any] = Worker(stop, connector, Publisher(kafka), stop, Clock())  # type: ignore[arg-type]
        worker.run()

    return run


def markers(kafka: Kafka) -> set[str]:
    """Keys whose last work record is a marker."""
    last = dict(kafka.work)
    decoded = {key: msgspec.json.decode(value) for key, value in last.items() if value is not None}
    return {key for key, work in decoded.items() if work["state"] == "finished" and "result" not in work}


def settled(kafka: Kafka) -> bool:
    """Is everything taken, and all that it asked for done, also what was asked for again?"""
    asked = {key_of(record) for record in kafka.source if record.camera_id == "cam"}
    done = markers(kafka)
    left = {split(key)[0] for key, _ in kafka.work if key not in done}
    return kafka.committed == len(kafka.source) and done >= asked and not left & asked


def key_of(record: ClipUploaded | RetryAsked) -> str:
    return record.work_key if isinstance(record, RetryAsked) else record.incident_id


def reports(kafka: Kafka) -> list[IncidentReported]:
    """What was published, each once, by revision; fails when one revision was published with two contents."""
    found: dict[tuple[str, int], IncidentReported] = {}
    for body in kafka.public:
        record = msgspec.json.decode(body, type=IncidentReported)
        key = (record.incident_id, record.facet_revision)
        assert found.setdefault(key, record) == record, "one incident, two stories"
    return [found[key] for key in sorted(found)]


def statuses(kafka: Kafka) -> dict[str, str]:
    """Last status of each incident."""
    return {record.incident_id: record.status for record in reports(kafka)}


def some_uploads(count: int = 3) -> list[ClipUploaded | RetryAsked]:
    return [upload(subject(event())) for _ in range(count)]


def test_each_record_is_done_once_and_its_result_is_published(live: Callable[..., None]) -> None:
    kafka, api = Kafka(some_uploads()), Api()
    live(kafka, Reporting(api))
    assert set(statuses(kafka).values()) == {"reported"}
    assert sorted(api.accepted) == sorted(statuses(kafka))


def test_a_repeated_record_repeats_no_work_also_after_a_restart(live: Callable[..., None]) -> None:
    uploads = some_uploads(2)
    kafka, api = Kafka([*uploads, *uploads]), Api()
    live(kafka, Reporting(api))
    kafka.source += uploads
    kafka.committed = 0
    live(kafka, Reporting(api))
    assert len(api.accepted) == 2
    assert len(kafka.public) == 2


def test_wherever_it_is_killed_nothing_is_lost_nothing_told_twice_and_risky_work_never_asked_twice(
    live: Callable[..., None],
) -> None:
    uploads = some_uploads(2)
    quiet = Kafka(list(uploads))
    live(quiet, Reporting(Api()))
    assert quiet.operations > 15

    for place in range(1, quiet.operations + 1):
        kafka, api = Kafka(list(uploads), dies_at=place), Api()
        try:
            live(kafka, Reporting(api))
        except Killed:
            kafka.dies_at = None
            live(kafka, Reporting(api))
        told = statuses(kafka)
        assert set(told) == {key_of(record) for record in uploads}, f"killed at {place}"
        assert set(told.values()) <= {"reported", "ambiguous"}, f"killed at {place}"
        assert len(api.accepted) == len(set(api.accepted)), f"killed at {place}"
        assert {key for key, status in told.items() if status == "reported"} <= set(api.accepted)


def test_wherever_it_is_killed_work_that_may_be_repeated_ends_well(live: Callable[..., None]) -> None:
    uploads = some_uploads(2)
    quiet = Kafka(list(uploads))
    live(quiet, Reporting(Api(), risky=False))
    for place in range(1, quiet.operations + 1):
        kafka, api = Kafka(list(uploads), dies_at=place), Api()
        try:
            live(kafka, Reporting(api, risky=False))
        except Killed:
            kafka.dies_at = None
            live(kafka, Reporting(api, risky=False))
        assert set(statuses(kafka).values()) == {"reported"}, f"killed at {place}"


def test_it_is_stored_that_we_are_about_to_ask_before_we_ask(live: Callable[..., None]) -> None:
    kafka = Kafka(some_uploads(1))
    seen: list[str] = []

    class Watching(Reporting):
        def do(self, job: IncidentJob, attempt: int) -> Outcome[IncidentReported]:
            seen.append(msgspec.json.decode(kafka.work[-1][1] or b"")["state"])
            return super().do(job, attempt)

    live(kafka, Watching(Api()))
    assert seen == ["attempting"]


def test_what_was_refused_is_tried_again_and_what_has_no_answer_is_left_to_a_person(live: Callable[..., None]) -> None:
    kafka, api = Kafka(some_uploads(1)), Api(answers=["refused", "refused"])
    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["reported"]

    kafka, api = Kafka(some_uploads(1)), Api(answers=["accepted, no answer"])
    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["ambiguous"]
    assert len(api.accepted) == 1

    kafka, api = Kafka(some_uploads(1)), Api(answers=["refused"] * 9)
    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["failed"]
    assert len(api.answers) == 5


def test_a_mistake_of_ours_fails_one_piece_of_work_and_no_other(live: Callable[..., None]) -> None:
    for risky, outcome in ((True, "ambiguous"), (False, "reported")):
        kafka, api = Kafka(some_uploads(3)), Api(answers=["bug"])
        live(kafka, Reporting(api, risky=risky))
        assert sorted(statuses(kafka).values()) == sorted([outcome, "reported", "reported"])


def test_work_of_another_sites_camera_is_left_alone(live: Callable[..., None]) -> None:
    kafka, api = Kafka(some_uploads(1)), Api()
    other = jobs(upload(subject(event(camera_id="elsewhere"))), T0, None)
    ((key, job),) = other.items()
    kafka.work.append((key, msgspec.json.encode(Work(state="attempting", taken_in_at=T0, input=job))))
    live(kafka, Reporting(api))
    assert key not in statuses(kafka)
    assert [state for k, state in kafka.work if k == key] == [kafka.work[0][1]]


def test_a_wrong_key_stops_the_process_and_loses_nothing(live: Callable[..., None]) -> None:
    kafka, api = Kafka(some_uploads(1)), Api(answers=["wrong key"])
    with pytest.raises(InputError, match="does not take our key"):
        live(kafka, Reporting(api))
    assert kafka.public == []
    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["reported"]


def test_a_worker_that_was_replaced_stores_and_asks_nothing(live: Callable[..., None]) -> None:
    kafka, api = Kafka(some_uploads(1)), Api()

    class Replacing(Reporting):
        def do(self, job: IncidentJob, attempt: int) -> Outcome[IncidentReported]:
            Intake.owner = None  # while we ask, another worker has taken over
            Intake.settled = staticmethod(lambda: len(api.accepted) > 0 and time.monotonic() > deadline)
            return super().do(job, attempt)

    deadline = time.monotonic() + 0.2
    live(kafka, Replacing(api))
    assert kafka.public == []
    assert msgspec.json.decode(kafka.work[-1][1] or b"")["state"] == "attempting"

    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["ambiguous"]
    assert len(api.accepted) == 1


def test_a_worker_that_was_replaced_while_it_stored_its_result_tells_nobody(
    live: Callable[..., None],
) -> None:
    kafka, api = Kafka(some_uploads(1)), Api()

    def stall(place: str) -> None:
        if place == "incident.after_result_stored":
            Intake.owner = None  # while we stood still, another worker has taken over
            Intake.settled = staticmethod(lambda: time.monotonic() > deadline)

    deadline = time.monotonic() + 0.2
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worker_module, "failpoint", stall)
        live(kafka, Reporting(api))
    assert kafka.public == []

    live(kafka, Reporting(api))
    assert list(statuses(kafka).values()) == ["reported"]
    assert len(api.accepted) == 1


def test_markers_that_no_source_record_can_come_back_to_are_removed(live: Callable[..., None]) -> None:
    kafka = Kafka(some_uploads(1))
    old = T0 - (topics.UPLOADS.retention_ms or 0) - 1
    for key, taken_in_at in (("old", old), ("young", T0 - 1000)):
        kafka.work.append((key, msgspec.json.encode(Work(state="finished", taken_in_at=taken_in_at))))
    live(kafka, Reporting(Api()))
    last = dict(kafka.work)
    assert last["old"] is None
    assert last["young"] is not None
