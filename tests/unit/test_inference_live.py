"""Live sources over HTTP on this machine: they break off, come back, and never put time back."""

import itertools
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from inference import backoff, live
from inference.errors import LaneError, SourceError
from inference.live import LiveSource
from inference.source import Address
from infra.clock import WallClock
from tests.unit.inference_videos import Taken, number_of, write_video


class Camera:
    """An HTTP server that answers each request with a video, or with nothing."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[str] = []
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.requests.append(self.path)
                self.send_response(200 if camera.content else 404)
                self.send_header("Content-Type", "video/mp2t")
                self.end_headers()
                self.wfile.write(camera.content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://u:${{PASSWORD}}@127.0.0.1:{self.server.server_port}/live.ts?key=${{KEY}}"


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Camera]:
    monkeypatch.setattr(backoff, "MAX_S", 0.01)
    found = Camera(write_video(tmp_path / "v.ts", 12, rate=25, gop_s=0.2).read_bytes())
    yield found
    found.server.shutdown()
    found.server.server_close()


def source(camera: Camera, after: int = 0) -> LiveSource:
    address = Address(camera.address, Path(), {"PASSWORD": "s3cret", "KEY": "k3y"})
    return LiveSource(address, WallClock(), after=after)


def test_a_stream_that_breaks_off_comes_back_as_a_new_epoch_and_time_only_grows(camera: Camera) -> None:
    sink = Taken(stop_after_epochs=3)
    before = WallClock().now_ms()
    source(camera).read(sink, sink.stop)
    assert len(sink.epochs) == 3
    assert sink.closed == ["INTERRUPTED"] * 3
    assert [[number_of(f.picture.to_ndarray(format="bgr24")) for f in frames] for frames in sink.frames] == [
        list(range(12))
    ] * 3
    times = [f.captured_at for frames in sink.frames for f in frames]
    assert times == sorted(set(times))
    assert all(later[0].captured_at > earlier[-1].captured_at + 1 for earlier, later in itertools.pairwise(sink.frames))
    assert [e.stream_epoch for e in sink.epochs] == [frames[0].captured_at for frames in sink.frames]
    assert all(e.live and e.clock.source == "wall" for e in sink.epochs)
    assert before - 2000 <= times[0]
    assert times[-1] <= WallClock().now_ms()


def test_the_distance_of_frames_is_that_of_the_camera_and_not_of_their_arrival(camera: Camera) -> None:
    sink = Taken(stop_after_epochs=1)
    source(camera).read(sink, sink.stop)
    times = [f.captured_at for f in sink.frames[0]]
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([40] * 11, abs=3)


def test_no_secret_is_in_any_log_line_or_error(camera: Camera, caplog: pytest.LogCaptureFixture) -> None:
    sink = Taken(stop_after_epochs=2)
    with caplog.at_level(logging.DEBUG):
        source(camera).read(sink, sink.stop)
        camera.content = b""
        with pytest.raises(SourceError) as caught:
            source(camera).read(Taken(), threading.Event())
    assert "k3y" in camera.requests[0]
    assert "trying again" in caplog.text
    for said in (caplog.text, str(caught.value)):
        assert "s3cret" not in said
        assert "k3y" not in said


def test_an_address_that_never_answers_is_given_up_with_one_clear_line(camera: Camera) -> None:
    camera.content = b""
    with pytest.raises(SourceError, match=r"cannot be opened.*tried 5 times: check the address") as caught:
        source(camera).read(Taken(), threading.Event())
    assert "\n" not in str(caught.value)
    assert len(camera.requests) == 5


def test_a_device_that_is_not_there_is_given_up_with_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_S", 0.01)
    address = Address("/dev/video77", Path())
    assert address.is_live
    with pytest.raises(SourceError, match=r"^/dev/video77: cannot be opened \(No such file.*plugged in.*group video"):
        LiveSource(address, WallClock()).read(Taken(), threading.Event())


def test_what_takes_the_connection_and_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "MAX_S", 0.01)
    monkeypatch.setattr(live, "OPEN_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = Address(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/live", Path())
        with pytest.raises(SourceError, match=r"cannot be opened.*tried 5 times"):
            LiveSource(address, WallClock()).read(Taken(), threading.Event())


def test_a_camera_that_was_seen_is_waited_for_however_long_it_is_away(camera: Camera) -> None:
    content = camera.content

    class Watching(Taken):
        def close(self, state: Any) -> None:
            super().close(state)
            if not self.stop.is_set():
                camera.content = b""
                threading.Thread(target=come_back, daemon=True).start()

    def come_back() -> None:
        seen = len(camera.requests)
        while len(camera.requests) < seen + 5:
            sink.stop.wait(0.01)
        camera.content = content

    sink = Watching(stop_after_epochs=2)
    source(camera).read(sink, sink.stop)
    assert len(sink.epochs) == 2
    assert len(camera.requests) >= 7


def test_what_is_no_video_is_given_up(camera: Camera) -> None:
    camera.content = b"<html>log in first</html>" * 100
    with pytest.raises(SourceError, match="tried 5 times"):
        source(camera).read(Taken(), threading.Event())


def test_a_host_whose_clock_is_behind_the_log_stops_and_says_by_how_much(camera: Camera) -> None:
    with pytest.raises(LaneError, match=r"clock is 3[56]\d\d\.\d s behind the log"):
        source(camera, after=WallClock().now_ms() + 3_600_000).read(Taken(), threading.Event())


def test_pictures_without_times_get_their_time_of_arrival(camera: Camera, tmp_path: Path) -> None:
    camera.content = write_video(tmp_path / "v.mjpeg", 8, codec="mjpeg", container_format="mpjpeg").read_bytes()
    sink = Taken(stop_after_epochs=1)
    source(camera).read(sink, sink.stop)
    times = [f.captured_at for f in sink.frames[0]]
    assert len(times) >= 7
    assert times == sorted(set(times))
    assert times[-1] - times[0] < 60_000
