"""The examples do what they say, on real servers, as a program of another team would."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics
from schemas import topics
from schemas.topics_page import examples
from tests import world, world_servers

EXAMPLES = Path(__file__).parents[2] / "examples"


def environment(settings: Settings, **more: str) -> dict[str, str]:
    password = settings.clickhouse.password.get_secret_value()
    return {k: v for k, v in os.environ.items() if not k.startswith("TRACKFOLD_")} | {
        "CLICKHOUSE_PASSWORD": password,
        "BOOTSTRAP": settings.kafka.bootstrap_servers,
        "REGISTRY": settings.registry.url,
        **more,
    }


def called(settings: Settings, name: str, *arguments: str) -> str:
    where = ["--url", settings.clickhouse.url, "--user", settings.clickhouse.username]
    command = [sys.executable, str(EXAMPLES / name), *where, "--database", settings.clickhouse.database, *arguments]
    done = subprocess.run(command, env=environment(settings), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def known(clickhouse: Settings) -> Settings:
    """A database with one world in it."""
    world_servers.fill_rows(clickhouse, world.make("shop"))
    return clickhouse


def test_the_worst_waits_are_told_with_their_videos(known: Settings) -> None:
    told = called(known, "worst_waits.py", "--days", "7")
    assert "The longest waits" in told
    assert "https://videos.example/shop/prolific_upload_" in told
    assert "customers, 95 % waited less than" in told


def test_the_day_is_drawn_with_every_episode_in_it(known: Settings, tmp_path: Path) -> None:
    day = world.make("shop").stated[-1].business_day
    said = called(known, "draw_day.py", "--day", day, "--out", str(tmp_path / "day.svg"))
    picture = ElementTree.fromstring((tmp_path / "day.svg").read_text(encoding="utf-8"))
    bars = picture.findall(".//{http://www.w3.org/2000/svg}title")
    assert said == f"{tmp_path / 'day.svg'}: {len(bars)} episodes\n"
    assert bars


@contextmanager
def worker(settings: Settings, folder: Path, group: str) -> Iterator["subprocess.Popen[str]"]:
    """The Faust example; stopped as Ctrl-C does."""
    command = [sys.executable, str(EXAMPLES / "faust_busy_cameras.py"), "worker", "-l", "error", "--without-web"]
    env = environment(settings, GROUP=group, EVERY="2", DATA=str(folder / group))
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def test_the_faust_worker_counts_each_customer_once(settings: Settings, tmp_path: Path) -> None:
    # given three customers who were left waiting, one of them told twice and another taken back
    ensure_topics(settings)
    publisher = Publisher(settings, connect_codec(settings))
    camera, group = f"camera-{uuid.uuid4()}", f"busy-{uuid.uuid4().hex[:8]}"
    event = msgspec.convert(examples()["unattended-events"], topics.UNATTENDED_EVENTS.value)

    def publish(*told: tuple[str, str]) -> None:
        for name, phase in told:
            one = msgspec.structs.replace(event, camera_id=camera, episode_id=f"{camera}-{name}", phase=phase)
            publisher.publish(topics.UNATTENDED_EVENTS, camera, one)
        publisher.flush()

    def of_mine(process: "subprocess.Popen[str]") -> int:
        assert process.stdout is not None
        lines = (json.loads(line) for line in process.stdout if line.startswith("{"))
        return int(next(line["left_waiting"] for line in lines if line["camera"] == camera))

    # when it reads them, then the repetition and the one taken back do not count
    publish(("a", "confirmed"), ("a", "confirmed"), ("b", "confirmed"), ("b", "retracted"), ("c", "confirmed"))
    with worker(settings, tmp_path, group) as process:
        assert of_mine(process) == 2  # a and b, before b was taken back
        assert of_mine(process) == 2  # a and c
