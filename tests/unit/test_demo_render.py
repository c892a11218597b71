"""The recordings, the site file and the truth as they are written."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from infra.demo import render as demo
from infra.demo.counter import read_counter
from infra.demo.script import SECONDS, make_script
from infra.demo.site_file import write_site
from infra.demo.views import CAMERAS, CameraId
from schemas.geometry import inside
from schemas.site import Site

pytestmark = pytest.mark.slow


def test_a_recording_is_what_the_pipeline_and_a_browser_can_take(tmp_path: Path) -> None:
    # given three seconds of the till
    part = make_script(1).parts["counter"]
    boxes = demo.film(part, 1, tmp_path / "counter.mp4", 3, lambda _: None)
    # then it is H.264 with a key frame every 2 s, no B-frames, its own time and every frame number
    with av.open(str(tmp_path / "counter.mp4")) as container:
        (stream,) = container.streams.video
        assert container.metadata["creation_time"].startswith("2026-03-02T10:00:00")
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        packets = [p for p in container.demux(stream) if p.size]
        assert all(p.pts == p.dts for p in packets)
        assert [n for n, p in enumerate(packets) if p.is_keyframe] == [0, 20]
    with av.open(str(tmp_path / "counter.mp4")) as container:
        frames = list(container.decode(video=0))
        assert [read_counter(np.asarray(f.to_ndarray(format="bgr24"), np.uint8)) for f in frames] == list(range(30))
        assert [round(float(f.time), 3) for f in frames] == [n / 10 for n in range(30)]
    # and the truth knows where everybody was once a second
    assert [b[0] for b in boxes["anna"]] == [0.0, 1.0, 2.0]
    assert not (tmp_path / "counter.mp4.part").exists()


def fake_film(script: object, videos: dict[CameraId, Path], say: object) -> dict[CameraId, demo.Boxes]:
    for video in videos.values():
        video.write_bytes(b"film")
    return {camera_id: {} for camera_id in videos}


def test_what_is_there_is_used_again_until_seed_or_code_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_film", fake_film)
    said: list[str] = []
    # when the same demo is asked for twice
    assert not demo.render(2, tmp_path, say=said.append).reused
    assert demo.render(2, tmp_path, say=said.append).reused
    assert "there already" in said[-1]
    # then another seed, other code or a missing film mean filming again
    assert not demo.render(3, tmp_path, say=said.append).reused
    monkeypatch.setattr(demo, "code_version", lambda: "other")
    assert not demo.render(3, tmp_path, say=said.append).reused
    (tmp_path / "floor.mp4").unlink()
    assert not demo.render(3, tmp_path, say=said.append).reused


def test_the_truth_names_episodes_and_near_misses_in_ms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_film", fake_film)
    rendered = demo.render(2, tmp_path, say=lambda _: None)
    truth = json.loads(rendered.truth.read_text())
    assert truth["start_ms"] == 1_772_445_600_000
    assert len(truth["episodes"]) >= 12
    assert truth["near_misses"]
    for told in truth["episodes"]:
        assert told["started_at"] == pytest.approx(truth["start_ms"] + told["start_s"] * 1000, abs=1)
        assert told["confirmed"]
        assert told["kind"] in {"interaction", "unattended"}
    assert {(a["camera_id"], a["role"]) for a in truth["actors"]} == {
        (c, r) for c in CAMERAS for r in ("staff", "customer")
    }


def test_recorded_detections_are_offered_for_the_default_seed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_film", fake_film)
    with pytest.raises(demo.RenderError, match="seed 1 alone"):
        demo.render(2, tmp_path, say=lambda _: None, detector="recorded")
    rendered = demo.render(1, tmp_path, say=lambda _: None, detector="recorded")
    assert "kind: recorded" in rendered.site.read_text()


def test_a_camera_that_cannot_be_filmed_is_named(tmp_path: Path) -> None:
    # given a folder where the till's video cannot be put
    (tmp_path / "counter.mp4.part").mkdir()
    with pytest.raises(demo.RenderError, match="counter"):
        demo.render(1, tmp_path, say=lambda _: None)
    assert not (tmp_path / "rendered.json").exists()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    views = {c: part.view for c, part in make_script(1).parts.items()}
    detectors = dict.fromkeys(CAMERAS, Path("shop.pt"))
    path = tmp_path_factory.mktemp("site") / "site.yaml"
    return write_site(path, views, rate_hz=10, kind="yolo", detectors=detectors)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_feet_are_in_a_zone_on_the_image_when_they_are_on_the_floor(site: Site, seed: int) -> None:
    for camera_id, part in make_script(seed).parts.items():
        drawn = {zone.zone_id: zone.polygon for zone in site.camera(camera_id).zones}
        for actor in part.actors:
            for second in range(SECONDS):
                x, y = actor.position(second)
                if actor.there(second) and y > 2.6:
                    for zone in part.view.zones:
                        assert inside(part.view.camera.pixel(x, y), drawn[zone.zone_id]) == zone.area.holds(x, y)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_service_point_on_the_image_holds_those_who_serve_and_are_served(site: Site, seed: int) -> None:
    part = make_script(seed).parts["counter"]
    (point,) = site.camera("counter").service_points
    (counter,) = part.view.counters
    people = {actor.name: actor for actor in part.actors}
    for served in (h for h in part.episodes if h.kind == "interaction"):
        middle = (served.start_s + served.end_s) / 2
        assert served.staff is not None
        x, y = people[served.staff].position(middle)
        # the counter cuts the body off at its far edge, along the line of sight
        camera = part.view.camera
        column, row = camera.pixel(x, y, 0.9)[0], camera.pixel(x, counter.far_y_m, counter.high_m)[1]
        for error_px in (-8, 8):
            assert inside((column, row + error_px), point.staff_area)
            assert inside(camera.pixel(*people[served.customer].position(middle)), point.customer_strip)
