"""A camera over HTTP that plays a scripted scene once, in real time, and can be lost for a while."""

import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import av

from tests.chaos.shop import encode
from tests.scenario import Scenario

PIECE_S = 1.0
"""A key frame begins each piece; a viewer who comes in the middle waits for the next one."""


class LiveCamera:
    """with LiveCamera(scene, seconds) as camera: camera.url; the scene begins with the first viewer."""

    def __init__(self, scene: Scenario, seconds: int) -> None:
        self._pieces = _pieces(scene, seconds)
        self._began: float | None = None
        self.began_at = 0
        """When the scene began, ms UTC."""
        self._lost_until = 0.0
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.play(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/camera.ts"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def position_s(self) -> float:
        """How far the scene has come; 0 before the first viewer."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def lose(self, for_s: float) -> None:
        """Break off now and serve nobody for so long."""
        self._lost_until = time.monotonic() + for_s

    def play(self, viewer: BaseHTTPRequestHandler) -> None:
        """Send every piece when it is due."""
        if time.monotonic() < self._lost_until:
            viewer.send_error(503)
            return
        viewer.send_response(200)
        viewer.end_headers()
        if self._began is None:
            self._began, self.began_at = time.monotonic(), time.time_ns() // 1_000_000
        for number in range(-int(-self.position_s() // PIECE_S), len(self._pieces)):
            while self.position_s() < number * PIECE_S:
                if time.monotonic() < self._lost_until:
                    return
                time.sleep(0.02)
            try:
                viewer.wfile.write(self._pieces[number])
            except OSError:
                return


def _pieces(scene: Scenario, seconds: int) -> list[bytes]:
    """The scene as MPEG-TS, cut before each key frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.ts"
        encode(path, scene, seconds, gop_s=PIECE_S)
        data = path.read_bytes()
        with av.open(str(path)) as container:
            begins = [
                packet.pos for packet in container.demux(video=0) if packet.is_keyframe and packet.pos is not None
            ]
    return [data[begin:end] for begin, end in zip([0, *begins[1:]], [*begins[1:], len(data)], strict=True)]
