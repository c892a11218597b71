"""Replays of a real log: their bodies are the live ones, wherever the log is read and however often they are killed."""

import os
import signal
import subprocess
import sys
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
from schemas.topics import TRACK_UPDATES, TRACK_UPDATES_BACKFILL, Topic, topic_of
from streams.replay.files import WRITTEN
from streams.replay.run import Asked, Summary, export, replay
from tests.scenario import Folder, book_of
from tests.streams_process import ROOT, Process, Watch, not_taken, publish, wait_until, write_site
from tests.unit.test_streams_replay import CUT, DAY, NEXT, around_the_cut

OTHER_PARTITIONS = (1, 5)


@dataclass
class Live:
    """What the live worker made of a log that goes over the cut of the business day."""

    settings: Settings
    codec: Codec
    site: Site
    site_file: Path
    stack_dir: Path
    cameras: list[str]
    log: list[TrackUpdate]
    watches: list[Watch[Any]]

    def replay(self, out: Path, version: str, *, exported: Path | None = None, **asked: Any) -> Summary:
        """Of both days of all cameras unless told otherwise."""
        wanted: dict[str, Any] = {"camera_ids": self.cameras, "days": [DAY, NEXT], "processes": 1} | asked
        return replay(self.settings, self.site, Asked(**wanted), version=version, out=out, exported=exported)

    def command(self, *words: str, failpoint: str = "") -> "subprocess.Popen[str]":
        """The command line, in a process of its own."""
        stack_env = (self.stack_dir / "stack.env").read_text().splitlines()
        env = os.environ | dict(line.split("=", 1) for line in stack_env if "=" in line)
        argv = [sys.executable, "-m", "trackfold", "--data-dir", str(self.settings.data_dir), *words]
        return subprocess.Popen(
            [*argv, "--site", str(self.site_file)],
            cwd=ROOT,
            env=env | {"TRACKFOLD_FAILPOINT": failpoint},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

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
    found = Live(settings, codec, site, path, stack_dir, cameras, log, watches)
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


def events_in(folder: Path) -> dict[str, bytes]:
    """Every file of events under the folder, by its place there."""
    files = [path for topic in WRITTEN for path in folder.rglob(f"{topic.name}.avro")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def all_in(folder: Path) -> dict[str, bytes]:
    """Every file at all."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def quiet(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed replay in one process writes."""
    out = tmp_path_factory.mktemp("quiet")
    live.replay(out, "trial")
    return out / "trial"


def test_a_replay_gives_the_live_bodies_and_leaves_the_live_workers_offsets_alone(live: Live, tmp_path: Path) -> None:
    # given how far the live worker has committed
    before = not_taken(live.settings, [TRACK_UPDATES])

    # when both days of all cameras are replayed
    summary = live.replay(tmp_path, "trial")

    # then every file holds the bodies of its day as they were published live
    bodies = live.bodies()
    for camera in live.cameras:
        for day in (DAY, NEXT):
            published = {topic.name: bodies[camera, day, topic.name] for topic in WRITTEN}
            assert sum(map(len, published.values())) > 0
            assert written(tmp_path / "trial" / camera / day, live.codec) == published

    # and it says what it did, and the live worker has as much to take as before
    records = sum(update.captured_at < CUT for update in live.log[:: len(live.cameras)])
    assert f"{live.cameras[0]} {DAY}: {records} records" in str(summary)
    assert not_taken(live.settings, [TRACK_UPDATES]) == before


@pytest.mark.parametrize("partitions", OTHER_PARTITIONS)
def test_published_again_to_another_number_of_partitions_the_log_gives_the_same_files(
    partitions: int, live: Live, quiet: Path, tmp_path: Path
) -> None:
    # given a copy of the log in a topic with fewer partitions
    assert partitions != TRACK_UPDATES.partitions
    name = f"again-{partitions}-{live.cameras[0]}"
    copy = Topic(name, "camera_id", TrackUpdate, "The log again.", 3_600_000, partitions=partitions)
    ensure_topics(live.settings, [copy])
    publish(live.settings, live.codec, live.log, copy)

    # when it is replayed from there by two processes
    live.replay(tmp_path, "trial", topic=copy, processes=2)

    # then the files are the same, byte for byte
    assert events_in(tmp_path / "trial") == events_in(quiet)


def test_exported_and_with_no_server_left_the_log_gives_the_same_files(live: Live, quiet: Path, tmp_path: Path) -> None:
    # given an export of both days, and settings under which nothing answers
    asked = Asked(live.cameras, [DAY, NEXT], processes=2)
    export(live.settings, live.site, asked, out=tmp_path / "log")
    nowhere = Settings(data_dir=tmp_path, kafka={"bootstrap_servers": "127.0.0.1:1"}, registry={"url": "http://127.0.0.1:1"})  # type: ignore[arg-type]  # fmt: skip

    # when the files are replayed by one process and by two
    for processes in (1, 2):
        asked = Asked(live.cameras, [DAY, NEXT], processes=processes)
        replay(nowhere, live.site, asked, version=f"by-{processes}", out=tmp_path, exported=tmp_path / "log")

        # then the events are the same, byte for byte
        assert events_in(tmp_path / f"by-{processes}") == events_in(quiet)

    # and exporting once more, here or elsewhere, gives the same bytes
    first = all_in(tmp_path / "log")
    asked = Asked(live.cameras, [DAY, NEXT], processes=1)
    again = export(live.settings, live.site, asked, out=tmp_path / "log")
    assert str(again).count("(there already)") == len(again.outcomes)
    export(live.settings, live.site, asked, out=tmp_path / "elsewhere")
    assert all_in(tmp_path / "log") == all_in(tmp_path / "elsewhere") == first


@pytest.mark.parametrize(
    ("place", "times", "processes"),
    [("batch", 2, 1), ("batch", 1, 2), ("file", 7, 1), ("file", 2, 2), ("sealing", 2, 1)],
)
def test_killed_and_called_again_it_does_what_is_missing_and_ends_where_a_quiet_one_does(
    place: str, times: int, processes: int, live: Live, quiet: Path, tmp_path: Path
) -> None:
    # given a replay, or one process of it, that is killed in the midst of its work
    words = ["replay", "--day", f"{DAY}..{NEXT}", "--version", "trial", "--out", str(tmp_path / "out")]
    words += ["--processes", str(processes)]
    died = tmp_path / "died"
    killed = live.command(*words, failpoint=f"replay.{place}:{times}:{died}")
    _, said = killed.communicate(timeout=120)
    assert died.exists()
    assert killed.returncode == (-signal.SIGKILL if processes == 1 else 1), said
    assert processes == 1 or "call again" in said
    sealed = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("manifest.json")}

    # when it is called again
    again = live.command(*words)
    out, said = again.communicate(timeout=120)

    # then it keeps what was finished, and ends where an undisturbed one does, to the byte
    assert again.returncode == 0, said
    assert out.count("(there already)") == len(sealed) < 2 * len(live.cameras)
    assert {path: path.stat().st_mtime_ns for path in sealed} == sealed
    assert all_in(tmp_path / "out" / "trial") == all_in(quiet)


def test_stopped_by_ctrl_c_it_leaves_nothing_half_written(live: Live, quiet: Path, tmp_path: Path) -> None:
    # given a replay by two processes that goes slowly
    words = ["replay", "--day", f"{DAY}..{NEXT}", "--version", "trial", "--out", str(tmp_path)]
    slow = live.command(*words, "--processes", "2", "--records-per-second", "200")
    wait_until(lambda: any(tmp_path.iterdir()))

    # when it is stopped
    slow.send_signal(signal.SIGINT)
    _, said = slow.communicate(timeout=60)

    # then it says so, without a traceback, and whatever is there is whole
    assert slow.returncode == 130
    assert said.splitlines()[-1] == "trackfold: stopped"
    assert "Traceback" not in said
    assert not list(tmp_path.rglob("*.tmp"))
    there = events_in(tmp_path / "trial")
    assert there.items() <= events_in(quiet).items()


def test_a_dry_run_counts_and_writes_nothing(live: Live, tmp_path: Path) -> None:
    summary = live.replay(tmp_path, "trial", dry_run=True)

    of_one = live.log[:: len(live.cameras)]
    counts = [sum(u.captured_at < CUT for u in of_one), sum(u.captured_at >= CUT for u in of_one)]
    assert [outcome.records for outcome in summary.outcomes] == counts * len(live.cameras)
    assert list(tmp_path.iterdir()) == []


def test_an_old_lane_is_replayed_as_the_live_log_would_be(live: Live, tmp_path: Path) -> None:
    # given footage that was published under a lane of its own, in the midst of another one's
    lane, other = f"l{uuid.uuid4().hex[:8]}", f"o{uuid.uuid4().hex[:8]}"
    log = [msgspec.structs.replace(update, lane=lane) for update in live.log]
    publish(
        live.settings,
        live.codec,
        [each for update in log for each in (update, msgspec.structs.replace(update, lane=other, tracks=[]))],
        TRACK_UPDATES_BACKFILL,
    )

    # when it is replayed without another name
    words = ["replay", "--day", f"{DAY}..{NEXT}", "--lane", lane, "--out", str(tmp_path)]
    command = live.command(*words)
    _, said = command.communicate(timeout=120)
    assert command.returncode == 0, said

    # then its events are those of the fold over that lane alone, and the lane's name is the version
    book = book_of(*(live.site.effective_rules(camera) for camera in live.cameras))
    for number, camera in enumerate(live.cameras):
        events = Folder(book).fold(log[number :: len(live.cameras)])
        for day in (DAY, NEXT):
            bodies = {
                topic.name: [live.codec.body(e) for e in events if type(e) is topic.value and e.business_day == day]
                for topic in WRITTEN
            }
            assert sum(map(len, bodies.values())) > 0
            assert written(tmp_path / lane / camera / day, live.codec) == bodies


def test_other_rules_give_other_events_under_another_rules_version(live: Live, tmp_path: Path) -> None:
    # given a site file in which people must stay together for longer than they did
    strict = live.site.model_dump()
    strict["rules"]["interaction"]["confirm_s"] = 3600.0
    site = Site.model_validate(strict)

    # when the day is replayed under it, over an earlier result of the same name
    asked = Asked(live.cameras[:1], [DAY], processes=1)
    for rules in (live.site, site):
        replay(live.settings, rules, asked, version="strict", out=tmp_path)

    # then nothing is confirmed, and the events say under which rules
    with (tmp_path / "strict" / live.cameras[0] / DAY / "interaction-events.avro").open("rb") as file:
        events: list[Any] = list(fastavro.reader(file))
    assert {event["phase"] for event in events} == {"started", "discarded"}
    assert {event["rules_version"] for event in events} == {site.effective_rules(live.cameras[0]).version}


def test_a_day_without_a_record_is_an_error_and_not_an_empty_result(live: Live, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no record of .* on 2020-01-01 in track-updates"):
        live.replay(tmp_path, "x", days=["2020-01-01"])

    assert events_in(tmp_path) == {}


def test_an_unknown_camera_is_named(live: Live, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="no camera 'door'"):
        live.replay(tmp_path, "x", camera_ids=["door"])
