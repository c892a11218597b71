"""Inference on a real Kafka and registry: what is in the log after runs that end, fail, are killed and start again."""

import functools
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest
import yaml

from inference.detector import KeepingDetector
from inference.lane import read_last
from inference.run import run
from infra.config import RegistrySettings, Settings
from infra.kafka import ConfluentRegistry, KafkaUnavailable, read_to_end
from infra.partitions import partition_of
from infra.recordings import read_index
from schemas.codec import Codec
from schemas.hashing import sha256_of_file
from schemas.records import Position, RecordingSegment, TrackUpdate
from schemas.site import SiteError, load_site
from schemas.topics import RECORDING_SEGMENTS, TRACK_UPDATES, TRACK_UPDATES_BACKFILL, Topic
from tests.unit.inference_videos import START_MS, BlockDetector, decoded, write_video

DATA = Path(os.environ.get("TRACKFOLD_TESTDATA", "../shared"))
MODEL = DATA / "models" / "yolo26n_int8_openvino_model"
FRAMES = 120


@pytest.fixture
def camera_id() -> str:
    return f"cam-{uuid.uuid4().hex[:8]}"


def camera(camera_id: str, video: Path, **more: object) -> dict[str, object]:
    """A camera over a video of ours, with the detections of its moving block."""
    kept = video.with_suffix(".npz")
    keeper = KeepingDetector(BlockDetector(), kept)
    for index, image in enumerate(decoded(video)):
        keeper.detect(image, index)
    keeper.save()
    return {
        "camera_id": camera_id,
        "source": str(video),
        "start_time": "2026-03-02T10:00:00+00:00",
        "detector": {"kind": "recorded", "recorded": str(kept)},
    } | more


def write_site(folder: Path, *cameras: dict[str, object]) -> Path:
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump({"site_id": "test", "cameras": list(cameras)}, sort_keys=False))
    return path


def infer(settings: Settings, site_path: Path, **options: object) -> int:
    return run(settings, load_site(site_path), site_path, **options)  # type: ignore[arg-type]


def infer_apart(settings: Settings, site_path: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """The same in a process group of its own, as the command line starts it."""
    (site_path.parent / "settings.json").write_text(
        settings.model_dump_json(include={"data_dir", "kafka", "registry", "consumer_group"})
    )
    program = (
        "import json, sys; from pathlib import Path; from infra import log; from infra.config import Settings; "
        "from inference.run import run; from schemas.site import load_site; log.set_up(); p = Path(sys.argv[1]); "
        "s = Settings.model_validate_json(p.with_name('settings.json').read_text()); sys.exit(run(s, load_site(p), p))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", program, str(site_path)],
        env=os.environ | env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@functools.cache
def codec_at(registry_url: str) -> Codec:
    return Codec(ConfluentRegistry(Settings(registry=RegistrySettings(url=registry_url))))


def in_log(settings: Settings, camera_id: str, topic: Topic = TRACK_UPDATES) -> list[TrackUpdate]:
    codec = codec_at(settings.registry.url)
    messages = read_to_end(settings, topic, [partition_of(camera_id, topic.partitions)])
    return [codec.decode(m.value(), TrackUpdate) for m in messages if m.key() == camera_id.encode()]


def segments_in_log(settings: Settings, camera_id: str) -> list[RecordingSegment]:
    codec = codec_at(settings.registry.url)
    messages = read_to_end(settings, RECORDING_SEGMENTS, [partition_of(camera_id, RECORDING_SEGMENTS.partitions)])
    return [codec.decode(m.value(), RecordingSegment) for m in messages if m.key() == camera_id.encode()]


def assert_is_whole(updates: Sequence[TrackUpdate], frames: int) -> None:
    """One record for every frame, in one sequence, then the end."""
    assert [u.sequence for u in updates] == list(range(frames + 1))
    assert [u.frame_index for u in updates] == [*range(frames), -1]
    assert [u.stream_state for u in updates] == ["LIVE"] * frames + ["ENDED"]
    times = [u.captured_at for u in updates]
    assert times == sorted(set(times))
    assert all(u.captured_at <= u.published_at for u in updates)


def test_a_file_is_in_the_log_and_on_disk_and_a_second_run_adds_nothing(
    settings: Settings, tmp_path: Path, camera_id: str
) -> None:
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", FRAMES)))
    assert infer(settings, site_path) == 0
    updates = in_log(settings, camera_id)
    assert_is_whole(updates, FRAMES)
    assert sum(len(u.tracks) for u in updates) > FRAMES * 0.8

    segments = segments_in_log(settings, camera_id)
    assert [(s.index, s.last) for s in segments] == [(0, False), (1, True)]
    for segment in segments:
        assert segment.sha256 == sha256_of_file(settings.recordings_dir / segment.path)

    assert infer(settings, site_path) == 0
    assert in_log(settings, camera_id) == updates


@pytest.mark.parametrize("at", [1, 57, FRAMES + 1])
def test_a_camera_killed_before_any_record_goes_on_without_a_gap_or_a_double(
    settings: Settings, tmp_path: Path, camera_id: str, at: int
) -> None:
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", FRAMES)))
    failpoint = {"TRACKFOLD_FAILPOINT": f"inference.before_publish:{at}:{tmp_path / 'killed'}"}

    first = infer_apart(settings, site_path, failpoint)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 1
    assert "ended with code -9" in said
    assert len(in_log(settings, camera_id)) < at + 1

    assert infer(settings, site_path) == 0
    assert_is_whole(in_log(settings, camera_id), FRAMES)
    folder = settings.recordings_dir / camera_id
    found = [read_index(p) for p in sorted(folder.glob("*.idx"))]
    assert [bool(i and i.tail and i.tail.last) for i in found] == [False, True]
    assert sum(len(decoded(p)) for p in folder.glob("*.mp4")) == FRAMES


def test_the_whole_of_inference_killed_leaves_nobody_behind_and_goes_on(
    settings: Settings, tmp_path: Path, camera_id: str
) -> None:
    # given a run whose parent dies while the camera is at work
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", FRAMES * 4, gop_s=2.0)))
    first = infer_apart(settings, site_path, {})
    until = time.monotonic() + 100
    while not in_log(settings, camera_id) and time.monotonic() < until:
        assert first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)

    # when it is started again: the camera's lock is free only when the first camera process is gone
    assert infer(settings, site_path) == 0

    # then
    assert_is_whole(in_log(settings, camera_id), FRAMES * 4)


def test_ctrl_c_ends_the_epoch_and_the_next_run_begins_a_new_one_behind_it(
    settings: Settings, tmp_path: Path, camera_id: str
) -> None:
    frames = FRAMES * 4
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", frames, gop_s=2.0)))
    first = infer_apart(settings, site_path, {})
    until = time.monotonic() + 100
    while not in_log(settings, camera_id) and time.monotonic() < until:
        assert first.poll() is None
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 0, said
    before = in_log(settings, camera_id)
    assert [u.stream_state for u in before[-2:]] == ["LIVE", "INTERRUPTED"]

    assert infer(settings, site_path) == 0
    after = in_log(settings, camera_id)[len(before) :]
    assert after[0].previous == Position(stream_epoch=before[0].stream_epoch, sequence=before[-1].sequence)
    assert [u.frame_index for u in [*before, *after] if u.frame_index >= 0] == list(range(frames))
    assert [u.sequence for u in after] == list(range(len(after)))


def test_one_camera_that_fails_is_one_line_and_its_neighbour_goes_on(
    settings: Settings, tmp_path: Path, camera_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = camera(camera_id, write_video(tmp_path / "v.mp4", 30))
    broken, zone = dict(good), dict(good)
    (tmp_path / "broken.mp4").write_bytes((tmp_path / "v.mp4").read_bytes()[:3000])
    broken |= {"camera_id": f"{camera_id}-b", "source": "broken.mp4"}
    polygon = [[0, 0], [900, 0], [900, 50]]
    zone |= {"camera_id": f"{camera_id}-z", "zones": [{"zone_id": "till", "kind": "service", "polygon": polygon}]}
    missing = good | {"camera_id": f"{camera_id}-m", "source": "nowhere.mp4"}
    with caplog.at_level(logging.ERROR):
        assert infer(settings, write_site(tmp_path, broken, good, zone, missing)) == 1
    said = {r.getMessage().split(":")[0]: r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR}
    assert "cannot be read as video" in said.pop(f"camera {camera_id}-b")
    drawn = said.pop(f"camera {camera_id}-z")
    assert drawn.startswith(f"camera {camera_id}-z: zone till: point (900, 0)")
    assert "outside its image of 96x64" in drawn
    assert "no such video file" in said.pop(f"camera {camera_id}-m")
    assert said == {}
    assert_is_whole(in_log(settings, camera_id), 30)


def test_other_settings_for_the_same_file_need_a_lane_of_their_own(
    settings: Settings, tmp_path: Path, camera_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    given = camera(camera_id, write_video(tmp_path / "v.mp4", 30))
    assert infer(settings, write_site(tmp_path, given)) == 0
    given["detector"] = {**given["detector"], "confidence": 0.5}  # type: ignore[dict-item]
    site_path = write_site(tmp_path, given)
    with caplog.at_level(logging.ERROR):
        assert infer(settings, site_path) == 1
    assert "--lane NAME" in caplog.text
    assert len(in_log(settings, camera_id)) == 31

    assert infer(settings, site_path, lane="trial") == 0
    backfill = in_log(settings, camera_id, TRACK_UPDATES_BACKFILL)
    assert_is_whole(backfill, 30)
    assert {u.lane for u in backfill} == {"trial"}
    assert len(in_log(settings, camera_id)) == 31
    assert len(list((settings.recordings_dir / ".lanes" / "trial" / camera_id).glob("*.mp4"))) == 1


def test_the_last_record_is_found_far_back_behind_those_of_other_cameras(settings: Settings, tmp_path: Path) -> None:
    # given two cameras that share a partition, the second with many records after the first one's
    first = f"cam-{uuid.uuid4().hex[:8]}"
    wanted = partition_of(first, TRACK_UPDATES.partitions)
    second = next(
        name for name in (f"{first}-{n}" for n in range(1000)) if partition_of(name, TRACK_UPDATES.partitions) == wanted
    )
    video = write_video(tmp_path / "v.mp4", 20)
    assert infer(settings, write_site(tmp_path, camera(first, video))) == 0
    long = write_video(tmp_path / "long.mp4", 700, gop_s=4.0)
    assert infer(settings, write_site(tmp_path, camera(second, long))) == 0

    # then
    last = read_last(settings, codec_at(settings.registry.url), first, "live")
    assert last is not None
    assert (last.update.sequence, last.update.stream_state) == (20, "ENDED")
    assert last.source is not None
    assert last.source.endswith(f"@{START_MS}")
    assert read_last(settings, codec_at(settings.registry.url), first, "other") is None


def test_an_unknown_camera_is_named_with_those_there_are(settings: Settings, tmp_path: Path, camera_id: str) -> None:
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", 10)))
    with pytest.raises(SiteError, match=rf"no camera 'till'.*{camera_id}"):
        infer(settings, site_path, camera_ids=["till"])


def test_a_kafka_that_is_not_there_is_one_clear_line(settings: Settings, tmp_path: Path, camera_id: str) -> None:
    site_path = write_site(tmp_path, camera(camera_id, write_video(tmp_path / "v.mp4", 10)))
    nowhere = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})}
    )
    with pytest.raises(KafkaUnavailable, match=r"127\.0\.0\.1:1"):
        infer(nowhere, site_path)


def test_a_live_camera_that_breaks_off_is_a_chain_of_epochs_until_it_is_stopped(
    settings: Settings, tmp_path: Path, camera_id: str
) -> None:
    # given a camera whose stream ends again and again
    given = camera(camera_id, write_video(tmp_path / "v.ts", 12, gop_s=0.5))
    content = (tmp_path / "v.ts").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given |= {"source": f"http://user:${{CAMERA_PASSWORD}}@127.0.0.1:{server.server_port}/v.ts"}

    # when it runs for three epochs and is stopped
    process = infer_apart(settings, write_site(tmp_path, given), {"CAMERA_PASSWORD": "s3cret"})
    until = time.monotonic() + 150
    while len({u.stream_epoch for u in in_log(settings, camera_id)}) < 3 and time.monotonic() < until:
        assert process.poll() is None
    process.terminate()
    _, said = process.communicate(timeout=60)
    server.shutdown()
    server.server_close()

    # then
    assert process.returncode == 0, said
    assert "s3cret" not in said
    updates = in_log(settings, camera_id)
    times = [u.captured_at for u in updates]
    assert times == sorted(set(times))
    assert all(u.captured_at <= u.published_at and u.clock_source == "wall" for u in updates)
    epochs = [
        [u for u in updates if u.stream_epoch == epoch] for epoch in dict.fromkeys(u.stream_epoch for u in updates)
    ]
    assert len(epochs) >= 3
    assert [e[-1].stream_state for e in epochs] == ["INTERRUPTED"] * len(epochs)
    for before, after in itertools.pairwise(epochs):
        assert [u.sequence for u in after] == list(range(len(after)))
        assert after[0].previous == Position(stream_epoch=before[0].stream_epoch, sequence=before[-1].sequence)
    segments = segments_in_log(settings, camera_id)
    assert [(s.stream_epoch, s.last, s.live) for s in segments] == [(e[0].stream_epoch, True, True) for e in epochs]


@pytest.mark.skipif(not MODEL.exists(), reason=f"no footage and model at {DATA} (TRACKFOLD_TESTDATA)")
@pytest.mark.timeout(600)
def test_real_footage_with_a_real_model_on_two_cameras_at_once(
    settings: Settings, tmp_path: Path, camera_id: str
) -> None:
    # given the first ten seconds of two real videos
    cameras: list[dict[str, object]] = []
    for name, file in (("a", "one-by-one-person-detection.mp4"), ("b", "vtest.avi")):
        first_seconds(DATA / "footage" / file, tmp_path / file)
        cameras.append(
            {
                "camera_id": f"{camera_id}-{name}",
                "source": file,
                "start_time": "2026-03-02T10:00:00+00:00",
                "detector": {"weights": str(MODEL.resolve())},
            }
        )

    # when
    assert infer(settings, write_site(tmp_path, *cameras)) == 0

    # then
    for given in cameras:
        name = str(given["camera_id"])
        updates = in_log(settings, name)
        assert_is_whole(updates, len(decoded(tmp_path / str(given["source"]))))
        assert {t.class_name for u in updates for t in u.tracks} <= {"person"}
        files = sorted((settings.recordings_dir / name).glob("*.mp4"))
        assert sum(len(decoded(p)) for p in files) == len(updates) - 1
    people = in_log(settings, f"{camera_id}-b")[50:-1]
    assert sum(len(u.tracks) for u in people) / len(people) > 3, "vtest.avi shows several people at any time"


def first_seconds(source: Path, target: Path, seconds: float = 10.0) -> None:
    """The first seconds of a video, as they are."""
    with av.open(str(source)) as given, av.open(str(target), "w") as taken:
        stream = given.streams.video[0]
        out = taken.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.size and packet.pts is not None and packet.pts * stream.time_base < seconds:
                packet.stream = out
                taken.mux(packet)
