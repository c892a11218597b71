"""Recorded detections: kept whole, checked against their video."""

from pathlib import Path

import numpy as np
import pytest

from infra.demo.recorded import Found, RecordedError, load, save
from infra.demo.render import DEFAULT_SEED, RATE_HZ, recorded_path
from infra.demo.script import SECONDS
from infra.demo.views import CAMERAS, CameraId

META = {"image_width": 640, "image_height": 360}


def some_frames(count: int) -> list[list[Found]]:
    random = np.random.default_rng(4)
    frames: list[list[Found]] = []
    for _ in range(count):
        boxes = random.uniform(0, 639, (int(random.integers(0, 6)), 4)).tolist()
        frames.append([(("customer", "staff")[len(frames) % 2], float(random.uniform(0.25, 1)), *box) for box in boxes])
    return frames


def test_detections_come_back_as_they_were_kept(tmp_path: Path) -> None:
    frames = some_frames(50)
    save(tmp_path / "kept.npz", frames, META | {"seed": 9})
    back = load(tmp_path / "kept.npz")
    assert back.meta["seed"] == 9
    assert [len(f) for f in back.frames] == [len(f) for f in frames]
    for one, other in zip((d for f in frames for d in f), (d for f in back.frames for d in f), strict=True):
        assert one[0] == other[0]
        assert other[1] == pytest.approx(one[1], abs=0.003)
        assert other[2:] == pytest.approx(one[2:], abs=1 / 16 + 1e-9)


def test_a_video_without_anybody_can_be_kept(tmp_path: Path) -> None:
    save(tmp_path / "nobody.npz", [[], [], []], META)
    assert load(tmp_path / "nobody.npz").frames == ((), (), ())


@pytest.mark.parametrize("video", [(49, 640, 360), (51, 640, 360), (50, 320, 180)])
def test_another_video_is_refused(tmp_path: Path, video: tuple[int, int, int]) -> None:
    save(tmp_path / "kept.npz", some_frames(50), META)
    recorded = load(tmp_path / "kept.npz")
    recorded.check(50, 640, 360)
    recorded.check(None, 640, 360)
    with pytest.raises(RecordedError, match="another video"):
        recorded.check(*video)


def test_a_missing_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    save(tmp_path / "whole.npz", some_frames(50), META)
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-200])
    (tmp_path / "text.npz").write_text("no numbers")
    np.savez(tmp_path / "foreign.npz", other=np.zeros(3))
    for name in ("missing", "half", "text", "foreign"):
        with pytest.raises(RecordedError, match=f"{name}.npz"):
            load(tmp_path / f"{name}.npz")


@pytest.mark.parametrize("camera_id", CAMERAS)
def test_the_default_seed_has_recorded_detections_of_its_whole_length(camera_id: CameraId) -> None:
    path = recorded_path(camera_id)
    recorded = load(path)
    recorded.check(SECONDS * RATE_HZ, 640, 360)
    assert path.stat().st_size < 300_000
    assert recorded.meta["seed"] == DEFAULT_SEED
    assert {found[0] for frame in recorded.frames for found in frame} == {"customer", "staff"}
