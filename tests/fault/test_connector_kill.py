"""Each connector is killed with SIGKILL at its worst places and started again: the same end result."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from infra.config import Settings, load_settings
from infra.local.stack import Endpoints, status
from schemas.hashing import hash_of, sha256_of_file
from schemas.records import ClipCut, ClipUploaded, IncidentReported
from schemas.topics import CLIPS, INTERACTION_EVENTS, UPLOADS
from tests.clip_recording import record
from tests.connector_records import T0, clip, event, subject, upload
from tests.connector_stack import RECORDS, Partner, Process, Topics, wait_for, write_site

ENVIRONMENT = {
    "TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0",
    "TRACKFOLD_INCIDENT__BACKOFF_S": "0.2",
    "TRACKFOLD_UPLOAD__BACKOFF_S": "0.2",
}
OVER_HTTP = {"TRACKFOLD_UPLOAD__ADAPTER": "http"}
HONOURED = {"TRACKFOLD_INCIDENT__HONOURS_IDEMPOTENCY_KEY": "true"}
R = TypeVar("R", ClipCut, ClipUploaded, IncidentReported)


class Shop:
    """One camera, its topics and the partner; one connector as a process with a consumer group of its own."""

    def __init__(self, stack_dir: Path, folder: Path, connector: str, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        group = f"test-{uuid.uuid4().hex[:8]}"
        self.settings: Settings = load_settings(stack_dir=stack_dir, data_dir=folder / "data", consumer_group=group)
        self.camera = f"cam-{uuid.uuid4().hex[:8]}"
        self.topics, self.partner = Topics(self.settings, self.camera), Partner(self.settings)
        self.died = folder / "died"
        self._stack_dir, self._connector, self._environment = stack_dir, connector, environment
        self._site = write_site(folder / "site.yaml", self.camera)
        self._started: list[Process] = []

    def start(self, **environment: str) -> Process:
        """The connector."""
        everything = ENVIRONMENT | self._environment | environment
        process = Process(self.settings, self._stack_dir, self._connector, self._site, **everything)
        self._started.append(process)
        return process

    def start_to_die(self, place: str) -> Process:
        """The connector, which is to be killed at a place."""
        return self.start(TRACKFOLD_FAILPOINT=f"{self._connector}.{place}:1:{self.died}")

    def given(self, kind: str) -> None:
        """One piece of work for the connector."""
        self.confirmed = event(camera_id=self.camera)
        if kind == "clip":
            ms = range(-6_000, 30_000, 200)
            record(self.settings.recordings_dir, self.camera, T0, [T0 + at for at in ms])
            self.topics.publish(INTERACTION_EVENTS, self.confirmed)
        elif kind == "upload":
            file = self.settings.segments_dir / self.camera / "segment_3_20260302_110000_interaction_start.mp4"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"\0\0\0\x18ftypisom" + uuid.uuid4().bytes * 100)
            self.cut = clip(subject(self.confirmed), file=file)
            self.topics.publish(CLIPS, self.cut)
        else:
            self.stored = upload(subject(self.confirmed))
            self.topics.publish(UPLOADS, self.stored)

    def told(self) -> list[Any]:
        """What the connector published."""
        return self.topics.read(RECORDS[self._connector])

    def clean_up(self) -> None:
        for process in self._started:
            process.kill()


def has_died(process: Process, shop: Shop) -> bool:
    assert process.wait(120) == -signal.SIGKILL, process.log.read_text()
    return shop.died.exists()


@pytest.fixture(scope="module", params=["after_attempting", "after_result_stored"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shops(place: str, stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Shop]]:
    """Every connector had one piece of work, was killed at `place`, started again, and stopped when it had told."""
    made = {
        name: Shop(stack_dir, tmp_path_factory.mktemp(name.replace(" ", "-")), name.split()[0], **environment)
        for name, environment in {
            "clip": {},
            "upload to s3": {},
            "upload over http": OVER_HTTP,
            "incident": {},
            "incident honoured": HONOURED,
        }.items()
    }
    partner = made["incident"].partner
    try:
        with partner.mode("upload", "ignores_keys"), partner.mode("incident", "ignores_keys"):
            for name, shop in made.items():
                shop.given(name.split()[0])
            victims = [(shop.start_to_die(place), shop) for shop in made.values()]
            assert all(has_died(victim, shop) for victim, shop in victims)
            survivors = [(shop.start(), shop) for shop in made.values()]
            for survivor, shop in survivors:
                wait_for(shop.told, 120)
                assert survivor.stop() == 0, survivor.log.read_text()
        yield made
    finally:
        for shop in made.values():
            shop.clean_up()


def the_one(records: list[R]) -> R:
    """All records are one and the same, and its hash is right."""
    assert records
    assert all(one == records[0] for one in records), "one fact, two stories"
    assert hash_of(records[0]) == records[0].hash
    return records[0]


def test_the_clip_is_the_same(shops: dict[str, Shop]) -> None:
    shop = shops["clip"]
    cut = the_one(shop.topics.clips())
    folder = shop.settings.segments_dir / shop.camera
    assert (cut.status, cut.previous_hash) == ("complete", shop.confirmed.hash)
    assert sha256_of_file(folder / str(cut.segment_filename)) == cut.sha256
    assert {path.name for path in folder.iterdir()} == {cut.segment_filename, cut.sidecar_filename}


def test_the_object_is_stored(shops: dict[str, Shop]) -> None:
    shop = shops["upload to s3"]
    stored = the_one(shop.topics.uploads())
    assert (stored.status, stored.sha256, stored.previous_hash) == ("uploaded", shop.cut.sha256, shop.cut.hash)


def test_an_upload_that_must_not_be_repeated_is_not(shops: dict[str, Shop], place: str) -> None:
    shop = shops["upload over http"]
    stored = the_one(shop.topics.uploads())
    accepted = shop.partner.uploads(f"{shop.cut.episode_id}:alert:1")
    if place == "after_attempting":
        # it died between saying that it would ask and asking: nobody can know, so nobody asks again
        assert (stored.status, accepted) == ("ambiguous", [])
    else:
        assert (stored.status, len(accepted)) == ("uploaded", 1)


def test_an_incident_that_must_not_be_repeated_is_not(shops: dict[str, Shop], place: str) -> None:
    shop = shops["incident"]
    told = the_one(shop.topics.incidents())
    accepted = shop.partner.incidents(shop.stored.incident_id)
    if place == "after_attempting":
        assert (told.status, accepted) == ("ambiguous", [])
        assert "before the answer was stored" in str(told.reason)
    else:
        assert (told.status, len(accepted)) == ("reported", 1)
        assert told.external_incident_id == accepted[0]["id"]


def test_an_incident_that_may_be_repeated_ends_as_reported(shops: dict[str, Shop]) -> None:
    shop = shops["incident honoured"]
    assert the_one(shop.topics.incidents()).status == "reported"
    assert len(shop.partner.incidents(shop.stored.incident_id)) == 1


@pytest.fixture
def shop(stack_dir: Path, tmp_path: Path) -> Iterator[Shop]:
    """The incident connector, not yet running."""
    made = Shop(stack_dir, tmp_path, "incident")
    yield made
    made.clean_up()


def test_an_incident_that_was_accepted_and_not_stored_is_ambiguous_and_not_asked_again(shop: Shop) -> None:
    shop.given("incident")
    with shop.partner.mode("incident", "ignores_keys"):
        assert has_died(shop.start_to_die("before_result_stored"), shop)
        assert len(shop.partner.incidents(shop.stored.incident_id)) == 1
        survivor = shop.start()
        wait_for(shop.topics.incidents)
        assert survivor.stop() == 0
        assert len(shop.partner.incidents(shop.stored.incident_id)) == 1
    assert the_one(shop.topics.incidents()).status == "ambiguous"


def test_a_connector_without_work_stops_at_once_on_sigterm(shop: Shop) -> None:
    process = shop.start()
    wait_for(lambda: "working" in process.log.read_text())
    assert process.stop(10) == 0
    assert "Traceback" not in process.log.read_text()


def test_a_connector_without_its_key_says_so_in_one_line(shop: Shop) -> None:
    shop.given("incident")
    process = shop.start(TRACKFOLD_INCIDENT__API_KEY="wrong")
    assert process.wait() == 2
    (line,) = [line for line in process.log.read_text().splitlines() if line.startswith("trackfold: ")]
    assert "answers 401: it does not take our key" in line
    assert "TRACKFOLD_INCIDENT__API_KEY" in line
    survivor = shop.start()
    (told,) = wait_for(shop.topics.incidents)
    assert survivor.stop() == 0
    assert told.status == "reported"


@pytest.fixture
def broker(stack_dir: Path, stack: Endpoints) -> Iterator[int]:
    """Pid of the Kafka broker; afterwards everything is up again."""
    (kafka,) = [server for server in status(stack_dir) if server.name == "kafka"]
    assert kafka.pid is not None
    yield kafka.pid
    wait_for(lambda: all(server.ready for server in status(stack_dir)), 180)


def test_a_connector_survives_the_kill_of_the_broker(shop: Shop, broker: int) -> None:
    process = shop.start()
    shop.given("incident")
    first = shop.stored.incident_id
    wait_for(shop.topics.incidents)

    os.kill(broker, signal.SIGKILL)
    shop.given("incident")  # the producer waits until the broker is back

    wait_for(lambda: len(shop.topics.incidents()) == 2, 120)
    assert process.stop(60) == 0, process.log.read_text()
    ids = [first, shop.stored.incident_id]
    assert [one["idempotency_key"] for one in shop.partner.incidents(*ids)] == ids
    assert "Traceback" not in process.log.read_text()
