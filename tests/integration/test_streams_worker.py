"""The streams worker over a real Kafka and registry: what it publishes, puts aside, halts at, and how it stops."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

import trackfold
from infra.config import Settings, load_settings
from infra.kafka import Publisher, client_settings, connect_codec, ensure_topics, read_to_end
from schemas.codec import Codec
from schemas.records import CustomerVisit, Episode, InteractionEvent, TrackUpdate
from schemas.site import load_site
from schemas.topics import (
    CLIPS,
    DEAD_LETTERS,
    INCIDENTS,
    INTERACTION_EVENTS,
    TRACK_UPDATES,
    UPLOADS,
    Topic,
)
from streams.joining import SOURCES
from streams.progress import CameraEntry, further, load_entry
from streams.store import changelog
from tests.scenario import Folder, Scenario, book_of, ended
from tests.streams_fakes import updates
from tests.streams_process import Process, Watch, not_taken, publish, wait_until, write_site
from tests.streams_worker import POISON
from tests.unit.test_evidence import clip, event, incident, upload


@dataclass
class Shop:
    """A running worker with the counting fold, and cameras of its own."""

    settings: Settings
    codec: Codec
    worker: Process
    cameras: dict[str, str]
    """What each camera is for -> its id."""

    def stored(self, camera: str, so: Callable[[CameraEntry], bool] = lambda entry: True) -> CameraEntry:
        """What the changelog holds of a camera, once it is so: it is written with the next commit."""
        found: list[CameraEntry] = []

        def there() -> bool:
            found[:] = [entry for entry in self._held(camera) if so(entry)]
            return bool(found)

        wait_until(there, [self.worker])
        return found[0]

    def _held(self, camera: str) -> list[CameraEntry]:
        key, held = f"{self.cameras[camera]}|live".encode(), None
        for message in read_to_end(self.settings, changelog(f"{self.settings.consumer_group}-streams", "cameras")):
            if message.key() == key:
                held = further(held, message.value())
        return [] if held is None else [load_entry(held)]

    def watch(self, *cameras: str) -> Watch[CustomerVisit]:
        """The counts of these cameras."""
        return Watch(self.settings, self.codec, CustomerVisit, [self.cameras[camera] for camera in cameras])


def prepared(stack_dir: Path, folder: Path) -> tuple[Settings, Codec, str]:
    name = f"t{uuid.uuid4().hex[:8]}"
    settings = load_settings(stack_dir=stack_dir, data_dir=folder / "data", consumer_group=name)
    codec = connect_codec(settings)
    ensure_topics(settings)
    return settings, codec, name


@pytest.fixture(scope="module")
def shop(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("streams")
    settings, codec, name = prepared(stack_dir, folder)
    cameras = {purpose: f"{name}-{purpose}" for purpose in ("calm", "halting", "silent", "junk", "evidence")}
    site = write_site(
        folder,
        [{"camera_id": camera} for camera in cameras.values()],
    )
    with Process(settings, stack_dir, site, "worker", counting=True, lost_after_s=1.0) as worker:
        wait_until(lambda: worker.says("are ours"), [worker])
        yield Shop(settings, codec, worker, cameras)


def say(shop: Shop, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The command line: its exit code and what it printed."""
    site = shop.settings.data_dir.parent / "site.yaml"
    arguments = trackfold.parser().parse_args([*words, "--site", str(site)])
    code: int = arguments.call(arguments, shop.settings)
    return code, capsys.readouterr().out


def test_a_record_that_the_fold_cannot_take_halts_its_camera_until_it_is_skipped(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    # given two cameras, one with a record that the fold cannot take
    log = updates(shop.cameras["halting"], 100, ended=True)
    log[70] = msgspec.structs.replace(log[70], image_width=POISON)
    watch = shop.watch("calm", "halting")
    publish(shop.settings, shop.codec, [*log, *updates(shop.cameras["calm"], 100, ended=True)])

    # when the neighbour has been folded to its end
    def last_of(camera: str) -> list[CustomerVisit]:
        return [v for v in watch.records if v.camera_id == shop.cameras[camera] and v.served]

    watch.until(lambda _: bool(last_of("calm")), workers=[shop.worker])
    wait_until(lambda: shop.worker.says(f"camera {shop.cameras['halting']} HALTED"), [shop.worker])

    # then the halted one stands before its record, and its later records were acknowledged without being folded
    assert [v.customer_id for v in last_of("calm")] == [100]
    assert last_of("halting") == []
    halted = shop.stored("halting", lambda entry: entry.halt is not None)
    assert halted.halt is not None
    assert halted.halt.sequence == 70
    assert halted.last is not None
    assert halted.last.sequence == 69

    # and everybody can see it, and what to do
    code, text = say(shop, capsys, "failed", "--camera", shop.cameras["halting"])
    assert (code, f"trackfold skip {shop.cameras['halting']} --reason WHY" in text) == (1, True), text
    with pytest.raises(trackfold.InputError, match=f"is not halted; halted of this site: .*{shop.cameras['halting']}"):
        say(shop, capsys, "skip", shop.cameras["calm"], "--reason", "broken")

    # and when a person has the record skipped, it goes back there and tells of the gap
    code, text = say(shop, capsys, "skip", shop.cameras["halting"], "--reason", "broken", "--wait", "60")
    assert (code, f"{log[70].stream_epoch}:70 is passed over" in text, "goes on" in text) == (0, True, True), text
    assert say(shop, capsys, "failed", "--camera", shop.cameras["halting"])[0] == 0
    watch.until(lambda _: bool(last_of("halting")), workers=[shop.worker])
    assert [(v.customer_id, v.waited_s) for v in last_of("halting")] == [(99, 1.0)]
    watch.close()


def _publish(shop: Shop, topic: Topic, key: str, *records: msgspec.Struct | bytes) -> None:
    publisher = Publisher(shop.settings, shop.codec)
    for record in records:
        publisher.publish(topic, key, record)
    publisher.flush()


def test_an_undecodable_record_is_put_aside_raw_with_where_it_came_from(shop: Shop) -> None:
    # given a camera with bytes in its log that are no record
    camera = shop.cameras["junk"]
    log = updates(camera, 50, ended=True)
    publish(shop.settings, shop.codec, log[:20])
    _publish(shop, TRACK_UPDATES, camera, b"\x00\x00\x00\x00\x00junk")
    publish(shop.settings, shop.codec, log[20:])

    # when the log is folded to its end
    watch = shop.watch("junk")
    [visit] = watch.until(lambda visits: bool(visits), workers=[shop.worker])
    watch.close()

    # then nothing else was lost, and the bytes lie in the dead letters
    assert (visit.customer_id, visit.waited_s, visit.served) == (50, 0.0, True)
    aside = next(topic for topic in DEAD_LETTERS if topic.name == TRACK_UPDATES.dead_letters)
    [letter] = [m for m in read_to_end(shop.settings, aside) if m.key() == camera.encode()]
    headers = dict(letter.headers() or [])
    assert letter.value() == b"\x00\x00\x00\x00\x00junk"
    assert headers["source.topic"] == b"track-updates"
    assert headers["source.partition"].isdigit()
    assert headers["source.offset"].isdigit()
    assert b"schema 0" in headers["error"]


def test_a_camera_that_falls_silent_is_recorded_as_lost_in_its_own_log(shop: Shop) -> None:
    # given a live camera whose records stop without a word
    camera = shop.cameras["silent"]
    log = updates(camera, 10)
    watch = Watch(shop.settings, shop.codec, TrackUpdate, [camera])
    publish(shop.settings, shop.codec, log)

    # when nothing comes for the time that the site allows
    watch.until(lambda found: len(found) > 10, workers=[shop.worker])

    # then a record at the last position says that it is lost, in the camera's partition, and only one
    lost = watch.records[-1]
    assert (lost.stream_state, lost.stream_epoch, lost.sequence) == ("LOST", log[-1].stream_epoch, 9)
    assert (lost.captured_at, lost.tracks) == (log[-1].captured_at, [])
    assert len({partition for partition, _ in watch.bodies}) == 1
    wait_until(lambda: (last := shop.stored("silent").last) is not None and last.stream_state == "LOST", [shop.worker])
    assert len(watch.read()) == 11
    watch.close()


def test_facts_of_all_steps_become_one_episode(shop: Shop) -> None:
    # given the facts of one occurrence in five topics
    camera = shop.cameras["evidence"]

    def here(record: msgspec.Struct) -> msgspec.Struct:
        return msgspec.structs.replace(record, camera_id=camera)

    episode_id = f"episode-of-{camera}"
    confirmed = event(episode_id, "confirmed", occurrence_id=episode_id, opens=True)
    finished = event(episode_id, "ended", after=confirmed, occurrence_id=episode_id)
    cut = msgspec.structs.replace(clip(confirmed), occurrence_id=episode_id)
    stored = msgspec.structs.replace(upload(cut), occurrence_id=episode_id)
    reported = msgspec.structs.replace(incident(stored), occurrence_id=episode_id)

    # when they come, the last ones first
    watch = Watch(shop.settings, shop.codec, Episode, [camera])
    _publish(shop, INCIDENTS, camera, here(reported))
    _publish(shop, UPLOADS, camera, here(stored))
    _publish(shop, CLIPS, camera, here(cut))
    _publish(shop, INTERACTION_EVENTS, camera, here(confirmed), here(finished))
    watch.until(lambda found: bool(found) and found[-1].revision == 3 + 1 + 1 + 1, workers=[shop.worker])
    watch.close()

    # then the last Episode knows everything
    last = watch.records[-1]
    assert (last.phase, last.evidence.status, last.incident.status) == ("ended", "available", "reported")
    assert [step.facet for step in last.audit] == ["event", "event", "clip", "upload", "incident"]


def test_when_all_is_taken_all_is_committed(shop: Shop) -> None:
    topics = (TRACK_UPDATES, *SOURCES)
    wait_until(lambda: not_taken(shop.settings, topics) == 0, [shop.worker])


def test_the_changelogs_are_compacted_only_after_a_day(shop: Shop) -> None:
    admin = AdminClient(client_settings(shop.settings))
    for table in ("cameras", "occurrences"):
        topic = changelog(f"{shop.settings.consumer_group}-streams", table)
        described = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic.name)])
        config = next(iter(described.values())).result(20)
        assert config["cleanup.policy"].value == "compact"
        assert int(config["min.compaction.lag.ms"].value) == 24 * 3600 * 1000
        assert len(admin.list_topics(topic.name, timeout=20).topics[topic.name].partitions) == TRACK_UPDATES.partitions


def test_the_live_events_are_those_of_the_pure_fold_and_a_stop_is_quick(stack_dir: Path, tmp_path: Path) -> None:
    # given three scripted cameras, whose ids spread over the partitions
    settings, codec, name = prepared(stack_dir, tmp_path)
    logs = {f"{name}-{number}": scene(f"{name}-{number}", number) for number in range(3)}
    site = write_site(tmp_path, [{"camera_id": camera} for camera in logs], pairs="any")
    everything = [update for together in zip(*logs.values(), strict=True) for update in together]
    publish(settings, codec, everything)
    book = book_of(*(load_site(site).effective_rules(camera) for camera in logs))
    events = [event for log in logs.values() for event in Folder(book).fold(log)]
    wanted = {codec.body(event) for event in events if isinstance(event, InteractionEvent)}
    assert len(wanted) >= 3 * 3

    # when a worker folds them
    watch = Watch(settings, codec, InteractionEvent, logs)
    with Process(settings, stack_dir, site, "worker") as worker:
        watch.until(lambda found: len(found) >= len(wanted), workers=[worker])
        code, seconds = worker.stop()
    watch.close()

    # then its events are those of the fold, byte for byte, in the partition of their camera
    assert {body for _, body in watch.bodies} == wanted
    assert len(watch.bodies) == len(wanted)
    assert partitions(settings, INTERACTION_EVENTS, logs) == partitions(settings, TRACK_UPDATES, logs)
    assert (code, seconds < 10) == (0, True)
    assert "Traceback" not in worker.text()


def scene(camera_id: str, seed: int) -> list[TrackUpdate]:
    """Two people who talk for half a minute, and one who walks past."""
    shop = Scenario(seconds=60, camera_id=camera_id, seed=seed, jitter_px=0.5)
    shop.person("person", (0, 0.0, 6.0))
    shop.person("person", (0, 6.0, 9.0), (5 + seed, 1.0, 6.0), (35 + seed, 1.0, 6.0), (42 + seed, 6.0, 9.0))
    shop.person("person", (0, -6.0, 6.5), (12, 6.0, 6.5)).leaves(12)
    return ended(shop.log())


def partitions(settings: Settings, topic: Topic, cameras: dict[str, list[TrackUpdate]]) -> dict[str, set[int]]:
    """Where each camera's records are."""
    found: dict[str, set[int]] = {}
    for message in read_to_end(settings, topic):
        key = (message.key() or b"").decode()
        if key in cameras:
            found.setdefault(key, set()).add(message.partition() or 0)
    return found
