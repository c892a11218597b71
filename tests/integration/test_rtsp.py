"""Cameras that misbehave, at a real RTSP server: time only grows, no picture is lost, the recording is whole."""

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import psutil
import pytest

from inference import backoff, timing
from inference.camera import CameraPipeline
from inference.live import LiveSource
from inference.producer import TrackProducer
from inference.recorder import Recorder
from inference.recording import MainStream
from inference.sight_watch import SightWatch
from inference.source import Address, End, Epoch, Frame
from inference.tracker import TrackerSettings
from inference.tracks_log import TracksLog
from infra.clock import WallClock
from infra.recordings import read_index
from schemas.records import Producer, RecordingSegment
from tests.rtsp.camera import Cameras, is_there, write_units
from tests.unit.inference_videos import BlockDetector, Published, number_of

pytestmark = pytest.mark.skipif(not is_there(), reason="needs Debian's gir1.2-gst-rtsp-server-1.0, see .ci/run")

FILM = 50
"""Pictures in a film, then it begins again; a key frame every 10 (0.4 s)."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cameras]:
    folder = tmp_path_factory.mktemp("films")
    write_units(folder / "till.units", FILM)
    write_units(folder / "small.units", FILM, size=(192, 144))
    write_units(folder / "hevc.units", FILM, codec="libx265")
    write_units(folder / "reordered.units", 250, b_frames=2)
    cameras = Cameras(folder)
    yield cameras
    cameras.close()


@pytest.fixture
def cameras(server: Cameras) -> Iterator[Cameras]:
    yield server
    server.do("go")
    server.do("show", clip=None)
    server.do("drop")


class Shop:
    """Takes what the source hands over, as a camera's process does, and records it."""

    def __init__(self, folder: Path) -> None:
        self.epochs: list[tuple[int, int, int]] = []
        """(stream_epoch, width, height); not the stream itself, which holds its connection."""
        self.frames: list[list[tuple[int, int]]] = []
        """By epoch: (captured_at, number of the picture)."""
        self.early_ms = 0
        """The most that a frame was from the future when it was handed over."""
        self.closed: list[End] = []
        self.segments: list[RecordingSegment] = []
        self.folder = folder
        self._recorder = Recorder(folder, "site", "till", "live", "host", WallClock(), self.segments.append)

    def open(self, epoch: Epoch) -> None:
        self._recorder.open(epoch)
        self.frames.append([])
        self.epochs.append((epoch.stream_epoch, epoch.width, epoch.height))

    def packet(self, packet: Any, pts: int) -> None:
        self._recorder.packet(packet, pts)

    def frame(self, frame: Frame) -> None:
        self._recorder.frame(frame)
        self.early_ms = max(self.early_ms, frame.captured_at - WallClock().now_ms())
        self.frames[-1].append((frame.captured_at, number_of(frame.picture.to_ndarray(format="bgr24"))))

    def close(self, state: End) -> None:
        self._recorder.close()
        self.closed.append(state)

    def seen(self, epochs: int, frames: int = 12) -> bool:
        """Are there so many epochs, and so many frames in the last?"""
        return len(self.epochs) >= epochs and len(self.frames[-1]) >= frames

    @property
    def times(self) -> list[int]:
        """captured_at of all frames."""
        return [at for frames in self.frames for at, _ in frames]


@contextmanager
def reading(cameras: Cameras, path: str, folder: Path) -> Iterator[tuple[Shop, LiveSource]]:
    """A source that is read in another thread; afterwards its times are checked."""
    shop, stop, failed = Shop(folder), threading.Event(), []
    source = LiveSource(Address(cameras.url(path), Path()), WallClock())

    def read() -> None:
        try:
            source.read(shop, stop)
        except BaseException as error:  # noqa: BLE001 - it fails the test below
            failed.append(error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield shop, source
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert failed == []
    assert shop.times == sorted(set(shop.times)), "time only grows"
    assert shop.early_ms <= 0, "no frame is from the future"
    assert [epoch[0] for epoch in shop.epochs] == [frames[0][0] for frames in shop.frames if frames]
    assert set(shop.closed) == {"INTERRUPTED"}


def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for it."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def follow_each_other(numbers: list[int]) -> bool:
    return all(other == (one + 1) % FILM for one, other in itertools.pairwise(numbers))


def recorded(shop: Shop) -> list[list[int]]:
    """The pictures of each segment's file; every one was announced, decodes, and begins with a key frame."""
    indexes = [read_index(path) for path in sorted((shop.folder / "till").glob("*.idx"))]
    assert all(index is not None and index.tail is not None for index in indexes)
    paths = sorted(index.path for index in indexes if index is not None and index.gops)
    assert paths == sorted(shop.folder / segment.path for segment in shop.segments)
    films = []
    for path in paths:
        with av.open(str(path)) as container:
            pictures = list(container.decode(video=0))
        assert pictures[0].key_frame
        films.append([number_of(picture.to_ndarray(format="bgr24")) for picture in pictures])
    return films


def test_a_connection_that_is_dropped_is_made_again_and_every_segment_is_whole(
    cameras: Cameras, tmp_path: Path
) -> None:
    with reading(cameras, "till", tmp_path) as (shop, _):
        for epoch in (1, 2, 3):
            until(lambda epoch=epoch: shop.seen(epoch))
            cameras.do("drop")
    seen = [[number for _, number in frames] for frames in shop.frames if frames]
    assert all(follow_each_other(numbers) for numbers in seen)
    assert [numbers[0] for numbers in seen] == [0] * len(seen), "from the very first picture of a connection"
    assert recorded(shop) == seen


def test_a_camera_that_stalls_without_closing_is_left_and_comes_back(cameras: Cameras, tmp_path: Path) -> None:
    with reading(cameras, "till", tmp_path) as (shop, _):
        until(lambda: shop.seen(1))
        cameras.do("stall")
        until(lambda: len(shop.closed) == 1)
        cameras.do("go")
        until(lambda: shop.seen(2))
    assert [frames[0][1] for frames in shop.frames] == [0, 0]


def test_a_clock_that_jumps_either_way_begins_a_new_epoch_and_no_picture_is_lost(
    cameras: Cameras, tmp_path: Path
) -> None:
    with reading(cameras, "till", tmp_path) as (shop, _):
        for epoch, jump_ms in ((1, 60_000), (2, -90_000), (3, -400)):
            until(lambda epoch=epoch: shop.seen(epoch, 30))
            cameras.do("jump", ms=jump_ms)
        until(lambda: shop.seen(3, 60))
    assert len(shop.epochs) == 3, "400 ms are no jump"
    assert follow_each_other([number for frames in shop.frames for _, number in frames])
    assert shop.times[-1] - shop.times[0] < 60_000
    assert all(film[0] % 10 == 0 and follow_each_other(film) for film in recorded(shop))


def test_a_clock_that_stood_still_is_not_believed_for_ever(
    cameras: Cameras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing, "LAG_MS", 300)
    monkeypatch.setattr(timing, "JUMP_MS", 500)
    with reading(cameras, "till", tmp_path) as (shop, _):
        until(lambda: shop.seen(1))
        began = time.monotonic()
        cameras.do("pause")
        until(lambda: time.monotonic() - began > 1.0)
        cameras.do("go")
        until(lambda: shop.seen(2))
        behind_ms = WallClock().now_ms() - shop.times[-1]
    assert behind_ms < 900


def test_rtp_times_that_wrap_are_no_break(cameras: Cameras, tmp_path: Path) -> None:
    with reading(cameras, "till-wraps", tmp_path) as (shop, _):
        until(lambda: shop.seen(1, 100))
    assert len(shop.epochs) == 1
    assert follow_each_other([number for _, number in shop.frames[0]])
    assert shop.times[99] - shop.times[0] == pytest.approx(99 * 40, abs=500)


def test_pictures_of_another_size_begin_a_new_epoch_with_a_recording_of_that_size(
    cameras: Cameras, tmp_path: Path
) -> None:
    with reading(cameras, "till", tmp_path) as (shop, _):
        until(lambda: shop.seen(1))
        cameras.do("show", clip="small")
        until(lambda: shop.seen(2))
    assert [epoch[1:] for epoch in shop.epochs] == [(320, 240), (192, 144)]
    assert all(follow_each_other(film) for film in recorded(shop))
    for segment, size in zip(shop.segments, [(320, 240), (192, 144)], strict=True):
        with av.open(str(tmp_path / segment.path)) as container:
            assert {(p.width, p.height) for p in container.decode(video=0)} == {size}


def test_broken_packets_are_passed_over_and_the_stream_goes_on(cameras: Cameras, tmp_path: Path) -> None:
    with reading(cameras, "till", tmp_path) as (shop, _):
        until(lambda: shop.seen(1))
        before = len(shop.frames[0])
        cameras.do("garble", units=9)
        until(lambda: shop.seen(1, before + 80))
    assert len(shop.epochs) == 1
    numbers = [number for _, number in shop.frames[0]]
    assert follow_each_other(numbers[-25:])
    assert len(recorded(shop)) == 1


def test_hevc_is_recorded_as_h264_and_says_so(cameras: Cameras, tmp_path: Path) -> None:
    with reading(cameras, "hevc", tmp_path) as (shop, _):
        until(lambda: shop.seen(1, 60))
    assert [(segment.codec, segment.transcoded) for segment in shop.segments] == [("h264", True)]
    assert recorded(shop) == [[number for _, number in shop.frames[0]]]


def test_one_stream_is_detected_on_and_another_recorded(cameras: Cameras, tmp_path: Path) -> None:
    stop, published, clock = threading.Event(), Published(), WallClock()
    recorder = Recorder(tmp_path, "site", "till", "live", "host", clock, published.segments.append)
    main = MainStream("till", LiveSource(Address(cameras.url("till"), Path()), clock), recorder)
    producer = TrackProducer(
        published,
        TracksLog(tmp_path, "till", live=True),
        clock,
        site_id="site",
        camera_id="till",
        lane="live",
        producer=Producer(model="block@0", tracker="deepsort@0", version="0"),
        source=None,
        previous=None,
    )

    def on_frame(at: int) -> None:
        if len(published.updates) > 50:
            stop.set()

    pipeline = CameraPipeline(
        LiveSource(Address(cameras.url("small"), Path()), clock),
        recorder,
        BlockDetector(),
        producer,
        rate_hz=10,
        tracker_settings=TrackerSettings(),
        check_image=lambda width, height: None,
        sight=SightWatch("till"),
        live=True,
        main=main,
        on_frame=on_frame,
    )
    pipeline.run(stop)
    # then the log is of the one, the recording of the other, and both of the same time
    assert {(u.image_width, u.image_height) for u in published.updates} == {(192, 144)}
    assert published.updates[-1].stream_state == "INTERRUPTED"
    (segment,) = published.segments
    with av.open(str(tmp_path / segment.path)) as container:
        assert {(p.width, p.height) for p in container.decode(video=0)} == {(320, 240)}
    assert segment.from_at < published.updates[-1].captured_at
    assert published.updates[0].captured_at < segment.to_at


def test_a_recorded_stream_that_is_never_there_ends_the_camera_with_its_address(
    cameras: Cameras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "MAX_S", 0.01)
    recorder = Recorder(tmp_path, "site", "till", "live", "host", WallClock(), [].append)
    nowhere = LiveSource(Address(cameras.url("nowhere"), Path()), WallClock())
    failed: list[BaseException] = []
    MainStream("till", nowhere, recorder).start(threading.Event(), failed.append).join(30)
    assert "/nowhere: cannot be opened" in str(failed[0])


def test_reordered_frames_are_shown_and_recorded_in_order_from_the_first(cameras: Cameras, tmp_path: Path) -> None:
    with reading(cameras, "reordered", tmp_path) as (shop, _):
        until(lambda: shop.seen(1, 60))
    (numbers,) = [[number for _, number in frames] for frames in shop.frames]
    assert numbers[:60] == list(range(60))
    steps = [other - one for one, other in itertools.pairwise(shop.times)]
    assert sum(abs(step - 40) > 15 for step in steps) < 5, steps
    assert [segment.transcoded for segment in shop.segments] == [False]
    assert recorded(shop) == [numbers]


def test_connecting_over_and_over_takes_no_memory(
    cameras: Cameras, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures: Callable[[str], None]
) -> None:
    monkeypatch.setattr(backoff, "MAX_S", 0.1)
    memory, mb = psutil.Process(), []
    with reading(cameras, "till", tmp_path) as (shop, _):
        for epoch in range(1, 10):
            until(lambda epoch=epoch: shop.seen(epoch, 1))
            gc.collect()
            mb.append(memory.memory_info().rss / 1e6)
            cameras.do("drop")
    figures(f"memory after each of {len(mb)} connections to an RTSP camera: {[round(m, 1) for m in mb]} MB")
    assert mb[-1] - mb[2] < 5
