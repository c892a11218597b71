"""Real hours: the demo's two films over RTSP, over and over, through detector, recorder, fold, clips and incidents.

    python -m tests.soak.real --hours 2

At the end the recording must be without a hole and every episode have its evidence; memory per process and hour is
printed and drawn. Needs the RTSP server of tests/rtsp.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import yaml

from connectors.audit import service as audit
from infra.demo.render import RATE_HZ, WEIGHTS, render
from infra.demo.script import make_script
from infra.demo.site_file import write_site
from infra.recordings import SegmentIndex, camera_folder, read_index
from schemas.site import Site, load_site
from tests.rtsp.camera import FPS, Cameras, is_there, write_film
from tests.soak import picture, verdict
from tests.soak.running import Running
from tests.soak.verdict import Sample

LOOK_S, SAY_S = 15.0, 600.0
HOLE_MS = 500
"""Two segments of one epoch that lie farther apart than a few frames miss something."""
DONE = ("available", "partial")


def main(argv: Sequence[str] | None = None) -> int:
    """0: nothing is missing; 1: something is; 2: could not run."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.real", description=__doc__.partition("\n")[0])
    parser.add_argument("--hours", type=float, default=2.0, help="real ones (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the demo's shop (default: 1)")
    parser.add_argument("--folder", type=Path, help="keep everything there (default: a folder that is removed)")
    parser.add_argument("--out", type=Path, default=Path("var/soak"), help="for the picture")
    given = parser.parse_args(argv)
    if not is_there():
        print("could not run: needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good")
        return 2
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackfold-real-")))
        wrong = run(folder.resolve(), given)
    for text in wrong:
        print(f"WRONG  {text}")
    print(f"{len(wrong)} things wrong")
    return 1 if wrong else 0


def run(folder: Path, given: argparse.Namespace) -> list[str]:
    """The whole of it; what is wrong, a line each."""
    demo = render(given.seed, folder / "films", say=print)
    for camera_id, video in demo.videos.items():
        write_film(folder / "films" / f"{camera_id}.units", _as_shown(video))
    cameras = Cameras(folder / "films")
    samples: list[Sample] = []
    try:
        site = _site(folder / "site.yaml", given.seed, cameras)
        with Running(folder, folder / "site.yaml", cameras=True) as running:
            began = said = time.monotonic()
            while (gone_s := time.monotonic() - began) < given.hours * 3600:
                samples.append(running.look(gone_s / 3600))
                if time.monotonic() - said > SAY_S:
                    said = time.monotonic()
                    print(
                        f"  {gone_s / 60:.0f} min: {sum(samples[-1].memory_mb.values()):.0f} MB of memory", flush=True
                    )
                time.sleep(LOOK_S)
            running.stop_cameras()
            wrong = [
                f"not finished: {text}" for text in audit.settle(running.settings, timeout_s=120, say=print, site=site)
            ]
            found = running.episodes()
            wrong += [
                f"{e.episode_id}: evidence is {e.evidence.status}" for e in found if e.evidence.status not in DONE
            ]
            for camera in site.cameras:
                indexes = list(_indexes(running.settings.recordings_dir, camera.camera_id))
                wrong += holes(indexes)
                seconds = sum(gop.end_at - gop.key_at for index in indexes for gop in index.gops) / 1000
                epochs = len({index.head.stream_epoch for index in indexes})
                print(f"{camera.camera_id}: {len(indexes)} segments, {seconds:.0f} s recorded, {epochs} epochs")
            latencies = running.latencies_s()
    finally:
        cameras.close()
    given.out.mkdir(parents=True, exist_ok=True)
    picture.draw(given.out / "real.png", samples, latencies)
    for name, slope in verdict.slopes_mb_per_h(samples).items():
        print(f"memory of {name}: {slope:+.1f} MB per hour")
    print(f"{len(found)} episodes; picture: {given.out / 'real.png'}")
    return wrong


def holes(indexes: Sequence[SegmentIndex]) -> Iterator[str]:
    """Segments of one epoch that do not follow one another, in number or in time."""
    for one, following in pairwise(indexes):
        if one.head.stream_epoch != following.head.stream_epoch:
            continue
        apart_ms = following.gops[0].key_at - one.gops[-1].end_at if one.gops and following.gops else 0
        if following.head.index != one.head.index + 1:
            yield f"{one.path.stem}: segment {one.head.index + 1} is missing"
        elif apart_ms > HOLE_MS:
            yield f"{one.path.stem}: nothing is recorded for {apart_ms} ms after it"


def _indexes(recordings: Path, camera_id: str) -> Iterator[SegmentIndex]:
    for path in sorted(camera_folder(recordings, camera_id).glob("*_*.idx")):
        index = read_index(path)
        if index is not None:
            yield index


def _as_shown(video: Path) -> Iterator[av.VideoFrame]:
    """The film's frames, as often as the server's rate wants them."""
    with av.open(str(video)) as container:
        shown = 0
        for number, frame in enumerate(container.decode(video=0)):
            while shown * RATE_HZ < (number + 1) * FPS:
                yield frame
                shown += 1


def _site(path: Path, seed: int, cameras: Cameras) -> Site:
    views = {camera_id: part.view for camera_id, part in make_script(seed).parts.items()}
    write_site(path, views, rate_hz=RATE_HZ, kind="yolo", detectors=dict.fromkeys(views, WEIGHTS))
    described = yaml.safe_load(path.read_text())
    for camera in described["cameras"]:
        camera["source"] = cameras.url(camera["camera_id"])
    path.write_text(yaml.safe_dump(described, sort_keys=False))
    return load_site(path)


if __name__ == "__main__":
    sys.exit(main())
