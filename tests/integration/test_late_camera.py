"""A camera whose film comes days late, read into a lane of its own, replayed and promoted: history, and no alarm."""

import json
import time
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

from connectors.audit import service as audit
from connectors.clickhouse import schema
from connectors.clickhouse.client import query
from inference.detector import Detection, Image, KeepingDetector
from infra.config import Settings, load_settings
from infra.kafka import connect_codec, ensure_topics, read_to_end
from schemas.records import Track
from schemas.site import load_site
from schemas.topics import INTERACTION_EVENTS, TRACK_UPDATES, TRACK_UPDATES_BACKFILL, Topic
from tests import world, world_servers
from tests.connector_stack import Partner
from tests.scenario import Scenario
from tests.scene import Camera
from tests.unit.inference_videos import write_video
from trackfold import main

START = datetime.fromisoformat("2026-02-28T02:30:00+01:00")
BUSINESS_DAY, LOCAL_HOUR = "2026-02-27", 2
"""The small hours belong to the day before."""
SECONDS = 30
VIEW = Camera(focal_px=450.0, width_px=640, height_px=360)
LIVELY = {"life_edge_share": 0.0, "life_edge_min_px": 0.0}


class Scripted:
    """A detector that sees two people stand together for 22 s."""

    name = "scripted@0"

    def __init__(self) -> None:
        shop = Scenario(seconds=SECONDS, camera=VIEW)
        shop.staff((0, 0.0, 6.0))
        shop.customer((0, 1.0, 6.0), (22, 1.0, 6.0), (25, 4.0, 9.0)).leaves(25)
        self._frames = [update.tracks for update in shop.log()]

    def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
        return [self._detection(track) for track in self._frames[frame_index]]

    def _detection(self, track: Track) -> Detection:
        return Detection(track.class_name, track.confidence, track.x1, track.y1, track.x2, track.y2)


def write_shop(folder: Path, name: str) -> Path:
    """A shop with a camera that is live, and one whose film came late."""
    film = write_video(folder / "late.mp4", SECONDS * 10, size=(VIEW.width_px, VIEW.height_px))
    keeper = KeepingDetector(Scripted(), folder / "late.npz")
    with av.open(str(film)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            keeper.detect(frame.to_ndarray(format="bgr24"), index)
    keeper.save()
    late = {
        "camera_id": f"{name}-late",
        "source": str(film),
        "detector": {"kind": "recorded", "recorded": str(folder / "late.npz")},
        "rules": {"person": LIVELY},
    }
    site = {"site_id": f"shop-{name}", "branch_id": "17", "timezone": "Europe/Berlin"}
    cameras = [{"camera_id": f"counter-{name}"}, {"camera_id": f"door-{name}"}, late]
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump({**site, "cameras": cameras}))
    return path


def of_camera(settings: Settings, topic: Topic, camera_id: str) -> list[Any]:
    return [message for message in read_to_end(settings, topic) if message.key() == camera_id.encode()]


@pytest.mark.timeout(600)
def test_a_late_camera_becomes_history_at_the_right_hour_and_nothing_live_is_touched(
    stack_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a shop whose other cameras were live, and a film of one of February's nights
    for line in (stack_dir / "stack.env").read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    name = f"l{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("TRACKFOLD_CONSUMER_GROUP", name)
    settings = load_settings(data_dir=tmp_path / "data")
    ensure_topics(settings)
    connect_codec(settings)
    schema.apply(settings)
    path = write_shop(tmp_path, name)
    camera = f"{name}-late"
    live = world.make(name, host=settings.host, post=world_servers.poster(settings))
    world_servers.fill(settings, live)
    asked = "SELECT camera_id, toString(business_day), local_hour, version, duration_s FROM episodes "
    asked += "WHERE site_id = {site:String} ORDER BY ALL"

    def shown() -> list[tuple[Any, ...]]:
        return list(query(settings, asked, parameters={"site": f"shop-{name}"}).rows)

    def run(*words: str) -> int:
        return main(["--data-dir", str(settings.data_dir), *words, "--site", str(path)])

    before, incidents, now_ms = shown(), len(Partner(settings).all_incidents()), time.time_ns() // 1_000_000

    # when it is read into a lane of its own and replayed
    assert run("infer", "--camera", camera, "--lane", "february", "--start-time", START.isoformat()) == 0
    assert run("replay", "--camera", camera, "--lane", "february", "--day", BUSINESS_DAY) == 0

    # then its records are none of the live log, are dated by the broker, and so are kept as long as any
    assert of_camera(settings, TRACK_UPDATES, camera) == []
    records = of_camera(settings, TRACK_UPDATES_BACKFILL, camera)
    assert len(records) >= SECONDS * 10
    assert all(record.timestamp()[1] > now_ms - 60_000 for record in records)
    assert shown() == before

    # when it is promoted
    assert run("promote", "--version", "february") == 0

    # then it is in SQL at its hour of the business day that it belongs to, beside what was live
    (late,) = [row for row in shown() if row[0] == camera]
    assert late[1:4] == (BUSINESS_DAY, LOCAL_HOUR, "february")
    assert late[4] == pytest.approx(22, abs=2)
    assert [row for row in shown() if row[0] != camera] == before

    # and in that day's snapshot, with a clip of its own film
    assert run("snapshot", "--rebuild") == 0
    snapshots = settings.snapshots_dir / f"shop-{name}"
    body = json.loads((snapshots / f"{BUSINESS_DAY}.json").read_text())
    (item,) = body["interaction_metrics"]["interaction_times"]
    assert item["interaction_start"].startswith("2026-02-28 02:30")
    assert list(body["hourly_breakdown"][BUSINESS_DAY]) == [f"{LOCAL_HOUR:02d}"]
    clip = settings.replays_dir / "february" / camera / BUSINESS_DAY / item["video_evidence"]["segment_filename"]
    assert clip.is_file()

    # and nobody was alarmed, no event told, and all stores agree
    assert len(Partner(settings).all_incidents()) == incidents
    assert of_camera(settings, INTERACTION_EVENTS, camera) == []
    report = audit.verify(settings, load_site(path))
    assert report.agrees, report.text()
