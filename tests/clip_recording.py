"""Tiny recordings for tests, in the format of infra/recordings.py, whose pictures carry their frame number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from infra.recordings import FrameTracks, Gop, Head, Tail, index_path, line, segment_path, tracks_path

WIDTH, HEIGHT, BIT_PX = 320, 64, 20
MOVFLAGS = "frag_keyframe+empty_moov+default_base_moof"


def picture(number: int, width: int = WIDTH) -> av.VideoFrame:
    """A picture with `number` as 16 black or white squares."""
    image = np.full((HEIGHT, width), 128, np.uint8)
    for bit in range(16):
        image[20:44, bit * BIT_PX : (bit + 1) * BIT_PX] = 255 if number >> bit & 1 else 0
    return av.VideoFrame.from_ndarray(np.repeat(image[:, :, None], 3, 2), format="rgb24")


def number_of(frame: av.VideoFrame) -> int:
    """The number in a decoded picture."""
    middle = frame.to_ndarray(format="gray")[32]
    return sum(1 << bit for bit in range(16) if middle[bit * BIT_PX + BIT_PX // 2] > 128)


def record(
    recordings: Path,
    camera_id: str,
    stream_epoch: int,
    at: Sequence[int],
    *,
    index: int = 0,
    first_number: int = 0,
    gop: int = 10,
    b_frames: int = 0,
    lane: str = "live",
    live: bool = False,
    closed: bool = True,
    last: bool = True,
    width: int = WIDTH,
) -> Path:
    """One segment with a frame at each captured_at of `at` (ms UTC), numbered from first_number.

    closed: it has its tail; last: its epoch ends with it.
    """
    path = segment_path(recordings, camera_id, stream_epoch, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    keys: list[int] = []
    with av.open(str(path), "w", format="mp4", options={"movflags": MOVFLAGS}) as container:
        options = {"bf": str(b_frames), "g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "preset": "fast"}
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = width, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        stream.codec_context.thread_count = 1
        packets = []
        for number, captured_at in enumerate(at):
            frame = picture(first_number + number, width)
            frame.pts, frame.time_base = (captured_at - at[0]) * 90, Fraction(1, 90_000)
            packets += stream.encode(frame)
        for packet in packets + stream.encode(None):
            if packet.is_keyframe:
                assert packet.pts is not None
                keys.append(packet.pts)
            container.mux(packet)
    head = Head(
        site_id="shop",
        camera_id=camera_id,
        lane=lane,
        stream_epoch=stream_epoch,
        index=index,
        codec="h264",
        time_base_den=90_000,
        transcoded=False,
        live=live,
    )
    key_ats = [at[0] + pts // 90 for pts in keys]
    ends = [*key_ats[1:], at[-1] + 100]
    gops = [Gop(key_at=k, key_pts=p, end_at=e) for k, p, e in zip(key_ats, keys, ends, strict=True)]
    tail = [line(Tail(last=last))] if closed else []
    index_path(path).write_bytes(b"".join([line(head), *map(line, gops), *tail]))
    return path


def keep_tracks(recordings: Path, camera_id: str, stream_epoch: int, frames: Sequence[FrameTracks]) -> None:
    """Write published boxes as inference does."""
    for frame in frames:
        path = tracks_path(recordings, camera_id, stream_epoch, frame.at)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(line(frame))


def numbers_in(clip: Path) -> list[int]:
    """The numbers of all pictures that a player shows, in order."""
    with av.open(str(clip)) as container:
        return [number_of(frame) for frame in container.decode(video=0)]


def times_in(clip: Path) -> list[int]:
    """When each picture is shown, ms from the beginning of the file."""
    with av.open(str(clip)) as container:
        return [round(float(frame.time) * 1000) for frame in container.decode(video=0) if frame.time is not None]
