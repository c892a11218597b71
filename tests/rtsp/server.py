"""An RTSP server whose cameras misbehave on command: run by the system's python3, which has GStreamer's bindings.

    python3 server.py FOLDER        each FOLDER/<clip>.units is a camera, rtsp://127.0.0.1:<port>/<clip>;
                                    <clip>-wraps is the same, and its RTP times pass 2^32 after two seconds

Says {"port": n} on stdout, {} after each command. Commands are JSON lines on stdin; the end of stdin ends it.
    {"do": "stall"} {"do": "go"}    nothing is sent any more, without closing; as before, the clock having gone on
    {"do": "pause"}                 as stall, but the clock stands meanwhile
    {"do": "drop"}                  all connections are closed
    {"do": "jump", "ms": 60000}     the clock of the connections there are is put forwards, or back
    {"do": "show", "clip": "x"}     all cameras show another clip from now on; null: each its own
    {"do": "garble", "units": 5}    so many of the next units are noise
"""

import itertools
import json
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

FPS = 25
START_MS = 3_600_000
"""Time of a connection's first frame: so that the clock can be put back."""
WRAP_AFTER_S = 2


class Clip:
    """The access units of a film: a line of JSON, then for each its length, the number of its picture, its bytes."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self.codec: str = json.loads(file.readline())["codec"]
            self.units = []
            while head := file.read(8):
                length, shown = struct.unpack(">II", head)
                self.units.append((shown - len(self.units), file.read(length)))


class Feed:
    """Pushes a clip into one connection's appsrc, at its pace, over and over."""

    def __init__(self, cameras: "Cameras", source: Any, name: str) -> None:
        self.cameras, self.source, self.name = cameras, source, name
        self.began, self.sent, self.jump_ms, self.stood_s = time.monotonic(), 0, 0, 0.0
        self.showing, self.units = "", iter(())
        self.over = False
        GLib.timeout_add(10, self.feed)

    def feed(self) -> bool:
        """Push what is due; False when nobody listens any more."""
        if self.cameras.stopped_at is None:
            while self.sent / FPS <= time.monotonic() - self.began - self.stood_s:
                self.push()
        return not self.over

    def push(self) -> None:
        """Push one unit."""
        show = self.cameras.shown or self.name
        if show != self.showing:
            self.showing, self.units = show, itertools.cycle(self.cameras.clips[show].units)
        later, data = next(self.units)
        if self.cameras.garble:
            self.cameras.garble -= 1
            data = data[:8] + random.randbytes(max(0, len(data) - 8))
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = (START_MS + (self.sent + later) * 1000 // FPS + self.jump_ms) * Gst.MSECOND
        self.sent += 1
        self.source.emit("push-buffer", buffer)


class Cameras:
    """All cameras, and what they do at present."""

    def __init__(self, folder: Path) -> None:
        self.clips = {path.stem: Clip(path) for path in folder.glob("*.units")}
        self.feeds: list[Feed] = []
        self.clients: list[Any] = []
        self.stopped_at: float | None = None
        self.clock_stands = False
        self.garble = 0
        self.shown: str | None = None
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address("127.0.0.1")
        self.server.set_service("0")
        self.server.connect("client-connected", lambda _, client: self.clients.append(client))
        for name, clip in self.clips.items():
            for path, wraps in ((f"/{name}", False), (f"/{name}-wraps", True)):
                factory = GstRtspServer.RTSPMediaFactory()
                factory.set_launch(pipeline(clip, wraps))
                factory.connect("media-configure", self.begin, name)
                self.server.get_mount_points().add_factory(path, factory)
        self.server.attach(None)

    def begin(self, factory: Any, media: Any, name: str) -> None:
        """A connection begins."""
        top = media.get_element()
        feed = Feed(self, top.get_by_name("src"), name)
        self.feeds.append(feed)
        media.connect("unprepared", lambda _: self.end(feed))
        while top.get_parent() is not None:
            top = top.get_parent()
        top.connect("deep-element-added", unleash)

    def end(self, feed: Feed) -> None:
        """A connection is over."""
        feed.over = True
        self.feeds.remove(feed)

    def obey(self, command: dict[str, Any]) -> None:
        """One command."""
        match command["do"]:
            case "stall" | "pause":
                self.stopped_at, self.clock_stands = time.monotonic(), command["do"] == "pause"
            case "go":
                for feed in self.feeds if self.clock_stands and self.stopped_at is not None else []:
                    feed.stood_s += time.monotonic() - max(self.stopped_at or 0.0, feed.began)
                self.stopped_at = None
            case "drop":
                for client in self.clients:
                    client.close()
                self.clients.clear()
            case "jump":
                for feed in self.feeds:
                    feed.jump_ms += command["ms"]
            case "show":
                self.shown = command["clip"]
            case "garble":
                self.garble = command["units"]


def pipeline(clip: Clip, wraps: bool) -> str:
    """GStreamer's line for a camera."""
    kind = {"h264": "264", "hevc": "265"}[clip.codec]
    offset = f"timestamp-offset={(2**32 - (START_MS // 1000 + WRAP_AFTER_S) * 90_000) % 2**32}" if wraps else ""
    return (
        f"( appsrc name=src format=time caps=video/x-h{kind},stream-format=byte-stream,alignment=au "
        f"! rtph{kind}pay name=pay0 pt=96 config-interval=-1 {offset} )"
    )


def unleash(top: Any, where: Any, element: Any) -> None:
    """A sink that keeps time would hold back what seems to lie in the future."""
    if element.get_factory().get_name() == "appsink":
        element.set_property("sync", False)
        element.connect("notify::sync", lambda sink, _: sink.get_property("sync") and sink.set_property("sync", False))


def main(folder: Path) -> None:
    """Serve until stdin ends."""
    Gst.init(None)
    cameras, loop = Cameras(folder), GLib.MainLoop()

    def hear(*_: Any) -> bool:
        line = sys.stdin.readline()
        if line:
            cameras.obey(json.loads(line))
            print("{}", flush=True)
        else:
            loop.quit()
        return bool(line)

    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, hear)
    print(json.dumps({"port": cameras.server.get_bound_port()}), flush=True)
    loop.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
