"""Cameras of the RTSP server: their films, and a handle that makes them misbehave."""

import json
import struct
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from tests.unit.inference_videos import picture

SERVER = Path(__file__).with_name("server.py")
PYTHON = "/usr/bin/python3"
"""The system's: it has the bindings of Debian's gir1.2-gst-rtsp-server-1.0."""
FPS = 25


def is_there() -> bool:
    """Can the server run on this machine?"""
    tried = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    return Path(PYTHON).exists() and subprocess.run([PYTHON, "-c", tried], capture_output=True).returncode == 0


def write_units(
    path: Path,
    frames: int,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (320, 240),
    gop: int = 10,
    b_frames: int = 0,
) -> None:
    """A film of picture(), as the server reads it."""
    pictures = (av.VideoFrame.from_ndarray(picture(number, size), format="bgr24") for number in range(frames))
    write_film(path, pictures, codec=codec, size=size, gop=gop, b_frames=b_frames)


def write_film(
    path: Path,
    frames: Iterable[av.VideoFrame],
    *,
    codec: str = "libx264",
    size: tuple[int, int] | None = None,
    gop: int = 2 * FPS,
    b_frames: int = 0,
) -> None:
    """Any film, FPS frames per second. size: the frames' own when not told."""
    encoder: Any = None
    with path.open("wb") as file:
        file.write(json.dumps({"codec": "h264" if codec == "libx264" else "hevc"}).encode() + b"\n")

        def write(packets: list[Any]) -> None:
            for packet in packets:
                file.write(struct.pack(">II", packet.size, packet.pts) + bytes(packet))

        for number, shown in enumerate(frames):
            encoder = encoder or _encoder(codec, size or (shown.width, shown.height), gop, b_frames)
            frame = shown.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            write(encoder.encode(frame))
        write(encoder.encode(None))


def _encoder(codec: str, size: tuple[int, int], gop: int, b_frames: int) -> Any:
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, FPS), FPS
    encoder.thread_count = 1
    if codec == "libx264":
        encoder.options = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "bf": str(b_frames)}
        encoder.options |= {} if b_frames else {"tune": "zerolatency"}
        encoder.options |= {"b_strategy": "0"} if b_frames else {}
    else:
        encoder.options = {"x265-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:log-level=none"}
    return encoder


class Cameras:
    """A running server."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(SERVER), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._port: int = self._heard()["port"]

    def url(self, path: str) -> str:
        """Address of one camera."""
        return f"rtsp://127.0.0.1:{self._port}/{path}"

    def do(self, what: str, **how: Any) -> None:
        """Make all cameras do something (see server.py); it is done on return."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what} | how) + "\n")
        self._process.stdin.flush()
        self._heard()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("the RTSP server has ended")
        return json.loads(line)

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
