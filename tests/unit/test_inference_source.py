"""Files as sources: time, order, faults, and beginning in the middle."""

import logging
import wave
from fractions import Fraction
from pathlib import Path
from threading import Event

import av
import pytest

from inference.errors import SourceError
from inference.probe import Timeline, probe_file
from inference.source import Address, FileSource
from tests.unit.inference_videos import START_MS, Taken, number_of, write_video


def taken(path: Path, start_ms: int | None = START_MS, begin_at: int | None = None) -> Taken:
    source = FileSource(path, start_ms)
    source.begin_at = begin_at
    sink = Taken()
    source.read(sink, sink.stop)
    return sink


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [
        ("h264.mp4", "libx264", 0),
        ("b.mp4", "libx264", 2),
        ("old.avi", "msmpeg4v2", 0),
        ("x.gif", "gif", 0),
        ("b.avi", "libx264", 2),
    ],
)
def test_every_frame_of_a_file_comes_once_in_order_and_at_its_time(
    tmp_path: Path, name: str, codec: str, b_frames: int
) -> None:
    sink = taken(write_video(tmp_path / name, 45, codec=codec, b_frames=b_frames))
    (frames,) = sink.frames
    assert [number_of(f.picture.to_ndarray(format="bgr24")) for f in frames] == list(range(45))
    assert [f.captured_at - START_MS for f in frames] == [n * 100 for n in range(45)]
    assert [f.index for f in frames] == list(range(45))
    assert len(sink.packets[0]) == 45
    assert sink.epochs[0].stream_epoch == START_MS
    assert sink.closed == ["ENDED"]


def test_the_containers_creation_time_is_the_start_when_nobody_says_another(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 5, created="2026-03-02T10:00:00.000000Z")
    assert taken(path, start_ms=None).frames[0][0].captured_at == START_MS
    assert taken(path, start_ms=START_MS + 5).frames[0][0].captured_at == START_MS + 5


@pytest.mark.parametrize("created", [None, "1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_file_that_does_not_say_when_it_was_taken_is_refused(tmp_path: Path, created: str | None) -> None:
    path = write_video(tmp_path / "v.avi", 5, codec="msmpeg4v2", created=created)
    with pytest.raises(SourceError, match="--start-time"):
        FileSource(path, None)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no such video file: .*nowhere\.mp4"):
        FileSource(tmp_path / "nowhere.mp4", START_MS)


def test_a_broken_file_is_one_clear_line(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "v.mp4", 20).read_bytes()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(whole[: len(whole) // 2])  # its table of contents is at the end
    with pytest.raises(SourceError, match=r"broken\.mp4 cannot be read as video") as caught:
        FileSource(broken, START_MS)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    with pytest.raises(SourceError, match="no video stream"):
        FileSource(path, START_MS)


def test_a_file_that_is_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "v.ts", 40).read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole[: len(whole) // 2])
    frames = taken(cut).frames[0]
    assert 10 < len(frames) < 40
    assert [f.captured_at for f in frames] == [START_MS + n * 100 for n in range(len(frames))]


def test_packets_that_do_not_decode_are_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_video(tmp_path / "v.mp4", 40, gop_s=0.1)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for position, size in (places[12], places[25]):
        data[position : position + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    source, sink = FileSource(path, START_MS), Taken()
    with caplog.at_level(logging.WARNING):
        source.read(sink, sink.stop)
    assert [f.index for f in sink.frames[0]] == [n for n in range(40) if n not in (12, 25)]
    assert sink.closed == ["ENDED"]
    assert source.undecodable == 2
    assert "2 packets did not decode" in caplog.text


def test_beginning_in_the_middle_gives_the_same_frames_as_reading_all(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", 50, b_frames=2, gop_s=1.0)
    everything = taken(path).frames[0]
    sink = taken(path, begin_at=START_MS + 2_350)
    (frames,) = sink.frames
    assert [(f.index, f.captured_at) for f in frames] == [(f.index, f.captured_at) for f in everything[24:]]
    assert [number_of(f.picture.to_ndarray(format="bgr24")) for f in frames] == list(range(24, 50))
    assert sink.epochs[0].stream_epoch == START_MS + 2_400
    assert len(sink.packets[0]) == 30, "from the key frame before"


def test_beginning_after_the_end_gives_nothing(tmp_path: Path) -> None:
    assert taken(write_video(tmp_path / "v.mp4", 20), begin_at=START_MS + 60_000).epochs == []


def test_stopping_a_file_interrupts_it(tmp_path: Path) -> None:
    source, sink = FileSource(write_video(tmp_path / "v.mp4", 50), START_MS), Taken(stop_after_frames=12)
    source.read(sink, sink.stop)
    assert sink.closed == ["INTERRUPTED"]
    assert 12 <= len(sink.frames[0]) < 20


def test_a_stop_before_the_first_frame_gives_nothing(tmp_path: Path) -> None:
    stop, sink = Event(), Taken()
    stop.set()
    source = FileSource(write_video(tmp_path / "v.mp4", 10), START_MS)
    source.begin_at = START_MS
    source.read(sink, stop)
    assert sink.epochs == []


def test_where_a_files_own_time_runs_backwards_a_new_epoch_begins_after_the_last_frame(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", 30).read_bytes()
    both = tmp_path / "both.ts"
    both.write_bytes(first + first)
    sink = taken(both)
    assert [len(frames) for frames in sink.frames] == [30, 30]
    assert sink.closed == ["INTERRUPTED", "ENDED"]
    times = [f.captured_at for frames in sink.frames for f in frames]
    assert times == sorted(set(times))
    assert sink.epochs[1].stream_epoch == sink.frames[1][0].captured_at > sink.frames[0][-1].captured_at
    assert [f.index for f in sink.frames[1]] == list(range(30, 60))


def test_a_timeline_keeps_small_faults_apart_from_breaks() -> None:
    timeline = Timeline(Fraction(1, 10))
    placed = [
        timeline.place(pts, dts, 1)
        for pts, dts in [(0, 0), (1, 1), (1, 1), (2, 2), (None, None), (None, 30), (0, 0), (1, 1)]
    ]
    assert [(p.pts, p.dts, p.breaks) if p else None for p in placed] == [
        (0, 0, False),
        (1, 1, False),
        (2, 2, False),
        (3, 3, False),
        None,
        (30, 30, False),
        (31, 31, True),
        (32, 32, False),
    ]


@pytest.mark.parametrize(("gop_s", "expected"), [(1.0, 1.0), (6.0, 6.0)])
def test_the_probe_measures_how_far_key_frames_are_apart(tmp_path: Path, gop_s: float, expected: float) -> None:
    probe = probe_file(write_video(tmp_path / "v.mp4", 150, gop_s=gop_s))
    assert probe.key_gap_s == pytest.approx(expected)
    assert probe.frame_hz == pytest.approx(10)
    assert probe.frames == 150
    assert probe.duration_ms == 14_900


def test_a_hole_in_the_stream_is_no_long_group_of_pictures(tmp_path: Path) -> None:
    times = [*range(15), *range(600, 630)]
    probe = probe_file(write_video(tmp_path / "v.mp4", 45, gop_s=1.0, times=times))
    assert probe.key_gap_s < 3


def test_secrets_come_from_the_environment_and_are_not_shown() -> None:
    address = Address(
        "rtsp://${CAM_USER}:${CAM_PASSWORD}@10.0.0.5/live?key=${KEY}",
        Path(),
        {"CAM_USER": "u", "CAM_PASSWORD": "pw1", "KEY": "k9"},
    )
    assert address.is_url
    assert address.url() == "rtsp://u:pw1@10.0.0.5/live?key=k9"
    assert str(address) == "rtsp://***@10.0.0.5/live?key=${KEY}"
    assert str(Address("http://joe:secret@host/x", Path())) == "http://***@host/x"


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SourceError, match="environment variable CAM_PASSWORD"):
        Address("rtsp://u:${CAM_PASSWORD}@host/", Path(), {}).url()


def test_a_file_is_relative_to_the_site_file(tmp_path: Path) -> None:
    address = Address("videos/a.mp4", tmp_path)
    assert not address.is_url
    assert address.path == tmp_path / "videos" / "a.mp4"
