"""How long from a confirmed episode in the log to its incident in the log, with twenty cameras at 10 frames/s.

    python -m tests.bench.latency --cameras 20 --minutes 5

Scripted people in real time; the recording is on disk already, so that what a clip waits for, the five seconds behind
the confirmation, is not in the figure. Streams, connectors and servers share this machine.
"""

import argparse
import tempfile
import time
from pathlib import Path

from connectors.audit import service as audit
from schemas.site import load_site
from tests.soak.camera import Feed, write_site
from tests.soak.day import BLOCK_S, block
from tests.soak.running import Running
from tests.soak.verdict import quantiles


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--minutes", type=int, default=5, help="in steps of five")
    given = parser.parse_args()
    cameras = [f"cam-{number:02}" for number in range(given.cameras)]
    with tempfile.TemporaryDirectory(prefix="trackfold-latency-") as name:
        folder = Path(name).resolve()
        write_site(folder / "site.yaml", cameras)
        with Running(folder, folder / "site.yaml") as running:
            feed, blocks = Feed(running.settings, cameras), max(1, round(given.minutes * 60 / BLOCK_S))
            began = time.monotonic()
            for number in range(blocks):
                feed.bring([block(c, number, seed=1) for c in cameras], last=number == blocks - 1, live=True)
            took_s, lag = time.monotonic() - began, running.lag()
            feed.close()
            audit.settle(running.settings, timeout_s=120, say=print, site=load_site(folder / "site.yaml"))
            print(
                f"{given.cameras} cameras: {blocks * BLOCK_S} s of frames in {took_s:.0f} s, {lag} records to fold then"
            )
            print(f"confirmed to incident: {quantiles(running.latencies_s())}")


if __name__ == "__main__":
    main()
