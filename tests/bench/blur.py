"""What blurring costs: CPU seconds for each second of a clip, on one core, for pictures of three sizes.

python -m tests.bench.blur
"""

import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from connectors.clip.blur import blurred
from connectors.clip.covers import people
from infra.recordings import FrameTracks

SECONDS, RATE, PEOPLE = 2, 25, 4
SIZES = ((640, 360), (1280, 720), (1920, 1080))


def video(path: Path, width: int, height: int) -> None:
    """Noise that drifts: harder to encode than a shop."""
    noise = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(SECONDS * RATE):
            image = np.roll(np.kron(noise, np.ones((8, 8, 1), np.uint8)), number, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def boxes(width: int, height: int) -> list[tuple[int, float, float, float, float]]:
    """People side by side, each a tenth of the picture wide and seven tenths high."""
    return [(n, (0.1 + 0.2 * n) * width, 0.2 * height, (0.2 + 0.2 * n) * width, 0.9 * height) for n in range(PEOPLE)]


def main() -> None:
    """Print a line a size."""
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            clip, out = Path(folder) / "clip.mp4", Path(folder) / "out.mp4"
            video(clip, width, height)
            frames = [FrameTracks(at, boxes(width, height)) for at in range(0, SECONDS * 1000, 100)]
            began_cpu, began = time.process_time(), time.monotonic()
            blurred(clip, out, people({0: frames}), "people", zero_at=0, boxes_of=(width, height), comment="")
            cpu, wall = time.process_time() - began_cpu, time.monotonic() - began
            cost = f"{cpu / SECONDS:.2f} s of CPU for each second of clip ({wall / SECONDS:.2f} s on the clock)"
            print(f"{width}x{height}, {RATE} pictures/s, {PEOPLE} people: {cost}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
