"""How long the recording is kept."""

import os
import time
from pathlib import Path

import pytest

from inference.retention import Kept, sweep, to_remove
from infra.config import RecordingSettings
from infra.recordings import Gop, Head, Tail, index_path, line, pin_path

NOW = 1_800_000_000.0


def kept(name: str, age_h: float, size_gb: float = 1.0, *, pinned: bool = False, growing: bool = False) -> Kept:
    return Kept((Path(name),), NOW - age_h * 3600, int(size_gb * 1e9), pinned, growing)


def removed(files: list[Kept], max_age_h: float = 100, max_gb: float = 100) -> list[str]:
    gone = to_remove(files, NOW, RecordingSettings(max_age_h=max_age_h, max_gb=max_gb))
    return [str(k.files[0]) for k in gone]


def test_what_is_too_old_goes_unless_it_is_pinned() -> None:
    assert removed([kept("old", 101), kept("pinned", 101, pinned=True), kept("young", 99)]) == ["old"]


def test_where_space_is_short_the_oldest_goes_first_and_pinned_ones_last() -> None:
    files = [kept("pinned", 9, pinned=True), kept("c", 3), kept("b", 5), kept("a", 7)]
    assert removed(files, max_gb=2.5) == ["a", "b"]
    assert removed(files, max_gb=0.5) == ["a", "b", "c", "pinned"]


def test_what_is_being_written_is_never_removed() -> None:
    assert removed([kept("growing", 500, 9, growing=True)], max_gb=1) == []


def a_segment(folder: Path, name: str, *, closed: bool = True, pinned: bool = False, age_h: float = 0.0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.mp4"
    path.write_bytes(bytes(1000))
    head = Head(
        site_id="s",
        camera_id="c",
        lane="live",
        stream_epoch=1,
        index=0,
        codec="h264",
        time_base_den=90_000,
        transcoded=False,
        live=True,
    )
    index_path(path).write_bytes(
        line(head) + line(Gop(key_at=1, key_pts=0, end_at=2)) + (line(Tail(last=False)) if closed else b"")
    )
    if pinned:
        pin_path(path).touch()
    for file in (path, index_path(path)):
        os.utime(file, (time.time() - age_h * 3600,) * 2)
    return path


def test_a_sweep_removes_segment_and_index_of_every_camera_and_lane(tmp_path: Path) -> None:
    old = [
        a_segment(tmp_path / "cam", "1_000000", age_h=200),
        a_segment(tmp_path / ".lanes" / "x" / "cam", "1_000000", age_h=200),
    ]
    crashed = a_segment(tmp_path / "cam", "1_000001", closed=False, age_h=200)
    stays = [
        a_segment(tmp_path / "cam", "1_000002"),
        a_segment(tmp_path / "cam", "1_000003", closed=False),
        a_segment(tmp_path / "cam", "1_000004", pinned=True, age_h=200),
    ]
    boxes = tmp_path / "cam" / "tracks_1_60000.jsonl"
    boxes.write_text("")
    os.utime(boxes, (time.time() - 200 * 3600,) * 2)

    sweep(tmp_path, RecordingSettings())

    assert not any(p.exists() or index_path(p).exists() for p in [*old, crashed, boxes])
    assert all(p.exists() and index_path(p).exists() for p in stays)


def test_nothing_recorded_yet_is_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "recordings", RecordingSettings()) == []


def test_the_bound_on_space_takes_a_pinned_segment_too(tmp_path: Path) -> None:
    path = a_segment(tmp_path / "cam", "1_000000", pinned=True, age_h=1)
    sweep(tmp_path, RecordingSettings(max_gb=1e-9))
    assert not path.exists()
    assert not pin_path(path).exists()


@pytest.mark.parametrize("group", [{"max_gb": 0}, {"max_age_h": -1}])
def test_a_bound_of_nothing_is_refused(group: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        RecordingSettings(**group)
