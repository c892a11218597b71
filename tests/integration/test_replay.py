"""A replay from a real log: its bodies are the live ones, also from topics with other numbers of partitions."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from infra.config import Settings, load_settings
from infra.kafka import connect_codec, ensure_topics
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import CameraOutage, CustomerVisit, InteractionEvent, TrackUpdate, UnattendedEvent
from schemas.site import Site, SiteError, load_site
from schemas.topics import TRACK_UPDATES, Topic, topic_of
from streams.replay import WRITTEN, replay
from tests.scenario import Folder, book_of
from tests.streams_process import Process, Watch, publish, wait_until, write_site
from tests.unit.test_streams_replay import CUT, DAY, NEXT, around_the_cut

OTHER_PARTITIONS = (1, 5)


@dataclass
class Live:
    """What the live worker made of a log that goes over the cut of the business day."""

    settings: Settings
    codec: Codec
    site: Site
    cameras: list[str]
    log: list[TrackUpdate]
    watches: list[Watch[Any]]

    def bodies(self) -> dict[tuple[str, str, str], list[bytes]]:
        """(camera, day, topic) -> the bodies published live, in their order."""
        found: dict[tuple[str, str, str], list[bytes]] = {
            (camera, day, topic.name): [] for camera in self.cameras for day in (DAY, NEXT) for topic in WRITTEN
        }
        for watch in self.watches:
            for event in watch.read():
                found[event.camera_id, event.business_day, topic_of(type(event)).name].append(self.codec.body(event))
        return found


@pytest.fixture(scope="module")
def live(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Live:
    folder, name = tmp_path_factory.mktemp("replay"), f"r{uuid.uuid4().hex[:8]}"
    settings = load_settings(stack_dir=stack_dir, data_dir=folder / "data", consumer_group=name)
    codec = connect_codec(settings)
    ensure_topics(settings)
    cameras = [f"{name}-{number}" for number in range(3)]
    path = write_site(folder, [{"camera_id": camera} for camera in cameras], pairs="any")
    site = load_site(path)
    log = [msgspec.structs.replace(update, camera_id=camera) for update in around_the_cut() for camera in cameras]
    publish(settings, codec, log)
    kinds = (InteractionEvent, UnattendedEvent, CustomerVisit, CameraOutage)
    watches: list[Watch[Any]] = [Watch(settings, codec, kind, cameras) for kind in kinds]
    found = Live(settings, codec, site, cameras, log, watches)
    expected = len(cameras) * len(Folder(book_of(site.effective_rules(cameras[0]))).fold(log[::3]))
    with Process(settings, stack_dir, path, "worker") as worker:
        wait_until(lambda: sum(map(len, found.bodies().values())) >= expected, [worker])
        assert worker.stop()[0] == 0
    return found


def written(folder: Path, codec: Codec) -> dict[str, list[bytes]]:
    """Topic -> the bodies in its file."""
    found = {}
    for topic in WRITTEN:
        assert topic.value is not None
        with (folder / f"{topic.name}.avro").open("rb") as file:
            found[topic.name] = [codec.body(msgspec.convert(record, topic.value)) for record in fastavro.reader(file)]
    return found


def test_a_replay_gives_the_live_bodies_also_from_other_partition_counts(live: Live, tmp_path: Path) -> None:
    # given the log of the live run, and copies of it in topics with fewer partitions
    logs: dict[str, Topic | None] = {"same": None}
    for partitions in OTHER_PARTITIONS:
        name = f"again-{partitions}-{live.cameras[0]}"
        copy = Topic(name, "camera_id", TrackUpdate, "The log again.", 3_600_000, partitions=partitions)
        ensure_topics(live.settings, [copy])
        publish(live.settings, live.codec, live.log, copy)
        logs[f"from-{partitions}"] = copy
    assert TRACK_UPDATES.partitions not in OTHER_PARTITIONS

    # when both days of all cameras are replayed from each
    told: list[str] = []
    asked: dict[str, Any] = {"camera_ids": live.cameras, "days": [DAY, NEXT], "out": tmp_path, "say": told.append}
    summaries = [
        replay(live.settings, live.site, version=version, topic=topic, **asked) for version, topic in logs.items()
    ]

    # then every file holds the bodies of its day as they were published live, and is the same each time
    bodies = live.bodies()
    for camera in live.cameras:
        for day in (DAY, NEXT):
            published = {topic.name: bodies[camera, day, topic.name] for topic in WRITTEN}
            assert sum(map(len, published.values())) > 0
            assert written(tmp_path / "same" / camera / day, live.codec) == published
            for topic in WRITTEN:
                files = {(tmp_path / version / camera / day / f"{topic.name}.avro").read_bytes() for version in logs}
                assert len(files) == 1

    # and it says what it did
    records = sum(update.captured_at < CUT for update in live.log[::3])
    for summary in summaries:
        assert f"{live.cameras[0]} {DAY}: {records} records" in str(summary)
    assert any(live.cameras[2] in line for line in told)


def test_other_rules_give_other_events_under_another_rules_version(live: Live, tmp_path: Path) -> None:
    # given a site file in which people must stay together for longer than they did
    strict = live.site.model_dump()
    strict["rules"]["interaction"]["confirm_s"] = 3600.0
    site = Site.model_validate(strict)

    # when the day is replayed under it
    replay(live.settings, site, camera_ids=live.cameras[:1], days=[DAY], version="strict", out=tmp_path)

    # then nothing is confirmed, and the events say under which rules
    with (tmp_path / "strict" / live.cameras[0] / DAY / "interaction-events.avro").open("rb") as file:
        events: list[Any] = list(fastavro.reader(file))
    assert {event["phase"] for event in events} == {"started", "discarded"}
    assert {event["rules_version"] for event in events} == {site.effective_rules(live.cameras[0]).version}


def test_a_day_without_a_record_is_an_error_and_not_an_empty_result(live: Live, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"camera_ids": live.cameras[:1], "days": ["2020-01-01"], "version": "x", "out": tmp_path}

    with pytest.raises(InputError, match=r"no record of .* on 2020-01-01 in track-updates"):
        replay(live.settings, live.site, **asked)

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_camera_is_named(live: Live, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no camera 'door'"):
        replay(live.settings, live.site, camera_ids=["door"], days=[DAY], version="x", out=tmp_path)
