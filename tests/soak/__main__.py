"""A simulated day of eight cameras at 10 frames/s through the whole pipeline, as fast as it goes.

Opening hours with rush hours, a night, the business day's cut, retention of the recording by age and size; a part of
the pipeline is killed now and then. At the end every scripted episode must be there exactly once, with its clip in the
store, its incident and its row; memory must not have grown, nothing be left to fold, and all stores agree.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from connectors.audit import service as audit
from schemas.errors import ExplainedError
from schemas.site import load_site
from tests.connector_stack import Partner
from tests.soak import picture, verdict
from tests.soak.camera import KEEP, Feed, write_site
from tests.soak.day import BLOCK_S, HZ, Happened, block
from tests.soak.running import Running
from tests.soak.verdict import Sample

Say = Callable[[str], None]
BLOCKS_PER_H = 3600 // BLOCK_S
AHEAD_BLOCKS = 2
"""So far the feed may be ahead of the fold."""
POLL_S, SETTLE_S = 0.5, 600.0
SHOWN = 40


def main(argv: Sequence[str] | None = None) -> int:
    """0: all of it holds; 1: something does not; 2: could not run."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="examples:\n  make soak HOURS=24\n  make soak HOURS=1 SEED=3\n\n"
        "exit codes: 0 all of it holds, 1 something does not, 2 could not run",
    )
    parser.add_argument("--hours", type=float, default=24.0, help="simulated (default: 24)")
    parser.add_argument("--cameras", type=int, default=8, help="how many (default: 8)")
    parser.add_argument("--seed", type=int, default=1, help="of people and faults (default: 1)")
    parser.add_argument("--kill-every-h", type=float, default=1.0, help="simulated hours between faults (default: 1)")
    parser.add_argument("--folder", type=Path, help="keep logs and stores there (default: a folder that is removed)")
    parser.add_argument("--out", type=Path, default=Path("var/soak"), help="for the picture and the samples")
    given = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackfold-soak-")))
        try:
            wrong = run(folder.resolve(), given, _say)
        except ExplainedError as error:
            _say(f"could not run: {error}")
            return 2
    for text in wrong[:SHOWN]:
        _say(f"WRONG  {text}")
    _say(f"{len(wrong)} things wrong")
    return 1 if wrong else 0


def run(folder: Path, given: argparse.Namespace, say: Say) -> list[str]:
    """The whole of it. What is wrong, a line each. Raises ExplainedError."""
    began = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    cameras = [f"cam-{number}" for number in range(given.cameras)]
    site_path, blocks = folder / "site.yaml", max(1, round(given.hours * BLOCKS_PER_H))
    write_site(site_path, cameras)
    site = load_site(site_path)
    samples: list[Sample] = []
    happened: list[Happened] = []
    random = Random(given.seed)
    with Running(folder, site_path) as running:
        feed = Feed(running.settings, cameras)
        fed_from = time.monotonic()
        for number in range(blocks):
            scene = [block(camera, number, given.seed) for camera in cameras]
            happened += [one for part in scene for one in part.happened]
            feed.bring(scene, last=number == blocks - 1)
            hours = (number + 1) / BLOCKS_PER_H
            if int(hours / given.kill_every_h) > int((hours - 1 / BLOCKS_PER_H) / given.kill_every_h):
                say(f"  {hours:.1f} h: killed {running.hurt(random)}")
            samples.append(_wait(running, hours, AHEAD_BLOCKS * BLOCK_S * HZ * len(cameras)))
            if (number + 1) % BLOCKS_PER_H == 0:
                say(_told(samples[-1], len(happened), time.monotonic() - fed_from))
        feed.close()
        samples.append(_wait(running, blocks / BLOCKS_PER_H, 0))
        records, took_s = blocks * BLOCK_S * HZ * len(cameras), time.monotonic() - fed_from
        say(f"{records} records folded in {took_s:.0f} s, {records / took_s:.0f} per second")
        wrong = [
            f"not finished: {text}" for text in audit.settle(running.settings, timeout_s=SETTLE_S, say=say, site=site)
        ]
        samples.append(running.look(blocks / BLOCKS_PER_H))
        found = running.episodes()
        wrong += verdict.episodes(happened, found)
        wrong += verdict.incidents(found, [one["idempotency_key"] for one in Partner(running.settings).all_incidents()])
        wrong += verdict.resources(samples, KEEP.max_gb * 1000)
        report = audit.verify(running.settings, site)
        wrong += [f"stores differ: {difference}" for difference in report.differences]
        latencies = running.latencies_s()
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "samples.jsonl").write_text("".join(map(_line, samples)))
        picture.draw(given.out / "soak.png", samples, latencies)
    for name, slope in verdict.slopes_mb_per_h(samples).items():
        say(f"  memory of {name}: {slope:+.1f} MB per simulated hour")
    say(f"{len(found)} episodes of {len(happened)} scripted; killed: {', '.join(running.killed) or 'nobody'}")
    if latencies:
        say(f"confirmed to incident: {verdict.quantiles(latencies)} (the feed is as fast as the fold)")
    say(f"picture: {given.out / 'soak.png'}; took {time.monotonic() - began:.0f} s")
    return wrong


def _wait(running: Running, hours: float, ahead: int) -> Sample:
    """Until no more than so many records are left to fold; what it looks like then."""
    while not 0 <= (sample := running.look(hours)).lag <= ahead:
        time.sleep(POLL_S)
    return sample


def _line(sample: Sample) -> str:
    """For whoever judges the run anew: one look as JSON."""
    memory = [(*life, round(mb, 1)) for life, mb in sample.memory_mb.items()]
    return json.dumps(sample.__dict__ | {"memory_mb": memory}) + "\n"


def _told(sample: Sample, scripted: int, took_s: float) -> str:
    memory, disk = sum(sample.memory_mb.values()), ", ".join(f"{name} {mb:.0f}" for name, mb in sample.disk_mb.items())
    what = f"{scripted} episodes scripted, {sample.lag} records to fold"
    return f"  {sample.hours:.0f} h in {took_s:.0f} s: {what}; MB of memory: {memory:.0f}; of disk: {disk}"


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
