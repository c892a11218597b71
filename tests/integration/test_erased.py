"""Erasing over real servers: the pictures go from the disk and the storage, the episode stays, all stores agree."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import msgspec
import pytest

import trackfold
from connectors.audit.service import episode_story, verify
from connectors.clickhouse.client import query
from connectors.erase.plan import Word
from connectors.erase.service import Erased, Erasing
from connectors.snapshots import service as snapshots
from infra.config import Settings, load_settings
from schemas.records import ClipCut, ClipUploaded, Episode
from schemas.topics import EPISODES, EVIDENCE_REMOVALS
from tests import world, world_servers
from tests.connector_stack import Topics
from tests.streams_process import write_site
from tests.world_servers import put_object, s3

WORD = Word("Ada", "the customer asked", world.MORNING + 9_000_000)


class Shop:
    """A world in the servers, at rest: nothing of ours runs."""

    def __init__(self, stack_dir: Path, folder: Path) -> None:
        self.stack_dir, self.folder = stack_dir, folder
        self.settings: Settings = load_settings(
            stack_dir=stack_dir, data_dir=folder / "data", consumer_group=f"test-{uuid.uuid4().hex[:8]}"
        )
        self.world = world.make(
            f"e{uuid.uuid4().hex[:8]}", host=self.settings.host, post=world_servers.poster(self.settings)
        )
        world_servers.fill(self.settings, self.world)
        self.first, self.second, self.wait = self.world.episodes
        self.site_file = write_site(
            folder,
            [{"camera_id": camera.camera_id} for camera in self.world.site.cameras],
            site_id=self.world.site.site_id,
            branch_id="17",
            timezone="Europe/Berlin",
        )

    def erase(self, given: str) -> Erased:
        erasing = Erasing(self.settings, self.world.site)
        done = erasing.remove(*erasing.episode(given), WORD, wait_s=0.0)
        self.sinks()
        return done

    def sinks(self) -> None:
        """What ClickHouse and the snapshots take from the topic."""
        made = [self.episode(episode_id) for episode_id in self.world.episodes]
        with world_servers.connected(self.settings) as client:
            world_servers.store(client, world_servers.by_table(made, self.world.site))
        snapshots.rebuild(self.settings, self.world.site)

    def episode(self, episode_id: str) -> Episode:
        found: list[Episode] = Topics(self.settings, episode_id).read(EPISODES)
        return max(found, key=lambda e: (e.activation, e.revision))

    def files(self) -> set[str]:
        return {path.name for path in self.settings.segments_dir.rglob("segment_*")}

    def objects(self) -> set[str]:
        names = [u.uploaded_filename for u in self.world.of(ClipUploaded)]
        there = set()
        for name in filter(None, names):
            found = s3(self.settings).list_objects_v2(Bucket=self.settings.s3.bucket, Prefix=name)
            there |= {one["Key"] for one in found.get("Contents", [])}
        return there

    def names_of(self, *episode_ids: str) -> set[str]:
        clips = [clip for clip in self.world.of(ClipCut) if clip.episode_id in episode_ids]
        return {str(name) for clip in clips for name in (clip.segment_filename, clip.sidecar_filename)}

    def objects_of(self, *episode_ids: str) -> set[str]:
        return {str(u.uploaded_filename) for u in self.world.of(ClipUploaded) if u.episode_id in episode_ids}


@pytest.fixture
def shop(stack_dir: Path, tmp_path: Path) -> Shop:
    return Shop(stack_dir, tmp_path)


def test_an_erased_episode_has_no_picture_anywhere_and_all_stores_agree(shop: Shop) -> None:
    # given three episodes, two of them in one clip
    assert shop.names_of(shop.first) <= shop.files()
    assert shop.objects_of(shop.first, shop.wait) <= shop.objects()

    # when the one that is shown in the other's clip is erased
    done = shop.erase(shop.second[:13])

    # then the pictures of both are gone, and the third's are there
    assert done.episode_ids == sorted([shop.first, shop.second])
    assert (done.left, done.unfinished) == ([], [])
    assert shop.files() == shop.names_of(shop.wait)
    assert shop.objects() == shop.objects_of(shop.wait)
    # and topic, rows and snapshot say it
    for episode_id in (shop.first, shop.second):
        assert shop.episode(episode_id).evidence.status == "erased"
        asked = f"SELECT evidence_status, video_url, segment_filename FROM episodes WHERE episode_id = '{episode_id}'"
        assert list(query(shop.settings, asked).rows) == [("erased", None, None)]
    snapshot = (snapshots.folder_of(shop.settings, shop.world.site) / "2026-03-02.json").read_text()
    assert shop.first in snapshot
    assert not [name for name in shop.names_of(shop.first) | shop.objects_of(shop.first) if name in snapshot]
    # and the audit agrees and tells it
    report = verify(shop.settings, shop.world.site)
    assert report.agrees, report.text()
    story = episode_story(shop.settings, shop.world.site, shop.first)
    assert story.sound, story.text()
    assert f"{shop.first} by Ada: the customer asked" in story.text()

    # when it is erased again, then nothing is decided and nothing changes
    again, revision = shop.erase(shop.first), shop.episode(shop.first).revision
    assert (again.decided, again.gone, shop.episode(shop.first).revision) == ([], [], revision)
    assert verify(shop.settings, shop.world.site).agrees

    # when a picture comes back, then that is said
    upload = next(u for u in shop.world.of(ClipUploaded) if u.episode_id == shop.first)
    put_object(shop.settings, upload, b"again")
    (told,) = verify(shop.settings, shop.world.site).differences
    assert (told.store, "still there" in told.what) == ("S3", True)


@pytest.mark.parametrize("place", ["after_decision", "after_clips", "after_topic"])
def test_killed_anywhere_the_same_command_goes_on(shop: Shop, place: str) -> None:
    # given that it was killed on the way
    lines = (shop.stack_dir / "stack.env").read_text().splitlines()
    mark = shop.folder / "killed"
    env = os.environ | dict(line.split("=", 1) for line in lines if "=" in line)
    env |= {"TRACKFOLD_CONSUMER_GROUP": shop.settings.consumer_group, "TRACKFOLD_HOST": shop.settings.host}
    env |= {"TRACKFOLD_FAILPOINT": f"erase.{place}:1:{mark}"}
    words = ["--data-dir", str(shop.settings.data_dir), "erase", shop.first, "--site", str(shop.site_file)]
    words += ["--reason", WORD.reason, "--by", "Ada", "--wait", "0"]
    ended = subprocess.run([sys.executable, "-m", "trackfold", *words], env=env, capture_output=True, timeout=300)
    assert (ended.returncode, mark.exists()) == (-9, True), ended.stderr.decode()
    shop.sinks()
    report = verify(shop.settings, shop.world.site)
    assert any("not finished" in d.what for d in report.differences), report.text()

    # when it is called again, then all is as if it had not been
    done = shop.erase(shop.first)
    assert done.decided == []
    assert shop.files() == shop.names_of(shop.wait)
    assert shop.objects() == shop.objects_of(shop.wait)
    report = verify(shop.settings, shop.world.site)
    assert report.agrees, report.text()


def test_a_camera_s_day_goes_with_its_recording(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    # given what recorded the camera
    camera = shop.world.site.cameras[0].camera_id
    arguments = [
        "erase",
        "--camera",
        camera,
        "--day",
        "2026-03-02",
        "--reason",
        "a test",
        "--recordings",
        "--wait",
        "0",
    ]

    def say(*more: str) -> tuple[int, str]:
        parsed = trackfold.parser().parse_args([*arguments, "--site", str(shop.site_file), *more])
        code: int = parsed.call(parsed, shop.settings)
        return code, capsys.readouterr().out

    # when only asked what would go, then nothing does
    code, text = say("--dry-run")
    assert (code, text.count("to erase: ")) == (0, 2)
    assert shop.names_of(shop.first) <= shop.files()
    # when it is done, then the camera's are gone, and that its recording goes is a record
    code, text = say()
    assert (code, "2 decided" in text or "3 decided" in text) == (0, True), text
    assert shop.files() == shop.names_of(shop.wait)
    removals = Topics(shop.settings, camera).read(EVIDENCE_REMOVALS)
    of_recording = [msgspec.structs.asdict(r)["finished_at"] for r in removals if r.episode_id is None]
    assert [at is None for at in of_recording] == [True, False]
