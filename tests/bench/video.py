"""Recording and cutting, both without re-encoding, beside the ffmpeg command line: `python -m tests.bench.video`.

The film is ours: H.264, 1280 x 720, 25 pictures per second, a key frame every two seconds, noise as at night.
"""

import argparse
import resource
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import av
import numpy as np

from connectors.clip import recording
from connectors.clip.coverage import Piece
from connectors.clip.remux import remux
from inference.recorder import SEGMENT_MS, Recorder
from inference.source import Epoch, FileSource
from infra.clock import WallClock
from schemas.hashing import sha256_of_file
from schemas.records import RecordingSegment
from schemas.windows import Window
from tests.bench.peers import NotThere, ffmpeg
from tests.bench.report import Figure, Report, paired

CAMERA, RATE_HZ, GOP_S, SIZE = "cam", 25, 2, (1280, 720)
START_MS = 1_772_445_600_000
CLIP_FROM_S, CLIP_S = 31, 20
NOISE = 26
"""Shades of grey; with it the film has the size that a camera's has."""
OURS, FFMPEG = "ours", "ffmpeg -c copy"


def film(path: Path, minutes: int) -> Path:
    """Eight seconds, encoded once, over and over: its packets are copied."""
    piece = path.with_name("piece.mp4")
    width, height = SIZE
    noise = np.random.default_rng(1)
    still = noise.integers(60, 90, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(piece), "w") as container:
        options = {"preset": "ultrafast", "bf": "0", "g": str(GOP_S * RATE_HZ), "sc_threshold": "0", "crf": "26"}
        stream = container.add_stream("libx264", rate=RATE_HZ, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(8 * RATE_HZ):
            grey = still + noise.integers(0, NOISE, still.shape, np.uint8)
            grey[200:500, number * 4 : number * 4 + 120] = 180  # somebody walks
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE_HZ)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(path), "w") as out:
        copied = None
        for turn in range(round(minutes * 60 / 8)):
            with av.open(str(piece)) as container:
                source = container.streams.video[0]
                copied = copied or out.add_stream_from_template(source)
                assert source.time_base is not None
                later = round(8 * turn / source.time_base)
                for packet in container.demux(source):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, copied
                        out.mux(packet)
    return path


def record(source: FileSource, folder: Path) -> None:
    """As inference records, without the decoding that the detector needs: packets into segments, index, checksums."""
    shutil.rmtree(folder, ignore_errors=True)
    announced: list[RecordingSegment] = []
    recorder = Recorder(folder, "shop", CAMERA, "live", "host", WallClock(), announced.append)
    probe = source.probe
    with av.open(str(probe.path)) as container:
        stream = container.streams.video[0]
        epoch = Epoch(
            stream_epoch=START_MS,
            stream=stream,
            time_base=probe.time_base,
            clock=source.clock,
            width=probe.width,
            height=probe.height,
            frame_hz=probe.frame_hz,
            key_gap_s=probe.key_gap_s,
            times_missing=probe.reordered_without_times,
            live=False,
        )
        recorder.open(epoch)
        for packet in container.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                recorder.packet(packet, packet.pts)
        recorder.close()
    assert not any(segment.transcoded for segment in announced)


def cut(folder: Path, out: Path) -> None:
    """As the clip service cuts: find it in the recording, copy the packets, checksum."""
    window = Window(START_MS + CLIP_FROM_S * 1000, START_MS + (CLIP_FROM_S + CLIP_S) * 1000)
    found = recording.find(folder, CAMERA, "live", window)
    pieces = [
        Piece(segment, number)
        for segment in found.segments
        for number, gop in enumerate(segment.gops)
        if gop.end_at > window.from_at and gop.key_at <= window.to_at
    ]
    remux(pieces, window, out, comment="benchmark")
    sha256_of_file(out)


@dataclass
class Timed:
    """Gives paired() seconds by the clock, and keeps those of CPU, of this process and of those it starts."""

    do: Callable[[], object]
    times: int = 1
    """How often it is done in one run."""
    cpu: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        before, began = _cpu_s(), perf_counter()
        for _ in range(self.times):
            self.do()
        took_s = perf_counter() - began
        self.cpu.append((_cpu_s() - before) / self.times)
        return took_s / self.times


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.video", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=4, help="of film")
    minutes = max(1, parser.parse_args().minutes)
    report = Report("video", "Recording and cutting clips beside the ffmpeg command line")
    with TemporaryDirectory(prefix="trackfold-video-") as name:
        folder = Path(name)
        source = FileSource(film(folder / "film.mp4", minutes), START_MS)
        recordings, clip = folder / "recordings", folder / "clip.mp4"
        works = {
            "recording": {OURS: Timed(lambda: record(source, recordings))},
            "clip": {OURS: Timed(lambda: cut(recordings, clip), times=5)},
        }
        without = None
        try:
            tool = ffmpeg(folder / "peer")
            works["recording"][FFMPEG] = Timed(lambda: run(tool, source.probe.path, segmented(folder)))
            works["clip"][FFMPEG] = Timed(lambda: run(tool, source.probe.path, one_clip(folder)), times=5)
        except NotThere as error:
            without = str(error)
        mb, segment_s = source.probe.path.stat().st_size / 1e6 / minutes, SEGMENT_MS // 1000
        report.text(
            f"{minutes} minutes of H.264, {SIZE[0]} x {SIZE[1]} at {RATE_HZ} Hz, {mb:.0f} MB a minute. Recording: "
            f"fragmented MP4 in segments of {segment_s} s, ours with index, checksum and fsync. Clip: {CLIP_S} s, ours "
            f"out of the recording's segments with checksum, ffmpeg's out of one file at `-ss {CLIP_FROM_S}`. Ours in "
            "a process that runs already, as the services do; ffmpeg's start is in its figures."
        )
        if without:
            report.text(f"No ffmpeg to compare with: {without}.")
        for what, unit in (("recording", "per minute of video"), ("clip", "per clip")):
            times = minutes if what == "recording" else 1
            print(what)
            clock = {n: scaled(one.runs, times) for n, one in paired(works[what]).items()}
            cpu = {n: scaled(timed.cpu, times) for n, timed in works[what].items()}
            report.table(
                (f"{what}, {unit}", "milliseconds", "milliseconds of CPU", "CPU, ours is so many times"),
                [(n, clock[n].shown(".1f"), cpu[n].shown(".1f"), cpu[OURS].times(cpu[n])) for n in clock],
            )
            report.bars(f"milliseconds of CPU, {what}, {unit}", cpu)
    report.write()


def scaled(seconds: tuple[float, ...] | list[float], times: int) -> Figure:
    """Milliseconds each."""
    return Figure(tuple(s * 1000 / times for s in seconds))


def segmented(folder: Path) -> list[str]:
    """Arguments that record."""
    flags = "segment_format_options=movflags=frag_keyframe+empty_moov+default_base_moof"
    kind = ["-f", "segment", "-segment_time", str(SEGMENT_MS // 1000), f"-{flags.partition('=')[0]}"]
    return [*kind, flags.partition("=")[2], "-reset_timestamps", "1", str(folder / "theirs-%03d.mp4")]


def one_clip(folder: Path) -> list[str]:
    """Arguments that cut."""
    return ["-t", str(CLIP_S), "-movflags", "+faststart", str(folder / "theirs.mp4")]


def run(tool: Path, source: Path, arguments: list[str]) -> None:
    """The command line tool, copying packets."""
    at = ["-ss", str(CLIP_FROM_S)] if "-t" in arguments else []
    argv = [str(tool), "-v", "error", "-nostdin", "-y", *at, "-i", str(source), "-an", "-c", "copy", *arguments]
    subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
