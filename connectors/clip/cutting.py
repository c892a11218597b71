"""Cutting one clip: the file with its sidecar, in its folder."""

from contextlib import nullcontext
from pathlib import Path

import msgspec

from connectors.clip import place, sidecar
from connectors.clip.blur import blurred
from connectors.clip.coverage import Piece
from connectors.clip.covers import HOLD_MS, people
from connectors.clip.plan import ClipFile, ClipJob
from connectors.clip.remux import CutError, Run, remux
from infra.recordings import read_tracks
from schemas.hashing import sha256_of_file
from schemas.ids import segment_filename
from schemas.site import Site


def cut_file(job: ClipJob, pieces: list[Piece], folder: Path, recordings: Path, site: Site) -> ClipFile:
    """Write the clip that the pieces show to `folder`. recordings: of the job's lane. Raises CutError, OSError."""
    subject = job.subject
    name = segment_filename(subject.kind, job.part, subject.ordinal, subject.started_at, site.timezone)
    symmetric, blur = site.pairs == "any", site.blur_of(subject.camera_id)
    comment = f"episode_id={subject.episode_id} part={job.part}"
    with place.temporary(folder) as temp, nullcontext(temp) if blur == "none" else place.temporary(folder) as clip:
        run = remux(pieces, job.window, temp, comment=comment)
        if blur != "none":
            _blur(job, run, pieces, temp, clip, recordings, site, comment)
        sha256, size_bytes = sha256_of_file(clip), clip.stat().st_size
        path = place.put(
            clip,
            folder,
            name,
            subject.episode_id,
            job.part,
            lambda chosen: _sidecar(job, run, chosen, recordings, symmetric=symmetric),
        )
    return ClipFile(
        segment_filename=path.name,
        sidecar_filename=place.sidecar_name(path.name),
        sha256=sha256,
        size_bytes=size_bytes,
        codec=run.codec if blur == "none" else "h264",
        shown=run.shown,
        ends_at=run.ends_at,
        blur=blur,
    )


def _blur(
    job: ClipJob, run: Run, pieces: list[Piece], clip: Path, out: Path, recordings: Path, site: Site, comment: str
) -> None:
    """Write the clip with everybody covered who was tracked in it, whether of the episode or not. Raises CutError."""
    subject, shown = job.subject, run.shown
    camera, alert = site.camera(subject.camera_id), subject.alert
    there = {piece.segment.head.stream_epoch for piece in pieces}
    everybody = people(
        {
            epoch: read_tracks(recordings, subject.camera_id, epoch, shown[0] - HOLD_MS, shown[-1] + HOLD_MS)
            for epoch in sorted(there)
        }
    )
    if not everybody:
        raise CutError(f"{subject.camera_id}: the boxes of this time are not kept, so that nobody could be blurred")
    size = run.width, run.height
    if camera.image_width and camera.image_height:
        size = camera.image_width, camera.image_height
    elif alert is not None:
        size = alert.image_width, alert.image_height
    blurred(clip, out, everybody, site.blur_of(subject.camera_id), zero_at=shown[0], boxes_of=size, comment=comment)


def _sidecar(job: ClipJob, run: Run, name: str, recordings: Path, *, symmetric: bool) -> bytes:
    subject, shown = job.subject, run.shown
    frames = {
        epoch: read_tracks(recordings, subject.camera_id, epoch, shown[0], shown[-1]) for epoch in sidecar.epochs(job)
    }
    return msgspec.json.encode(
        sidecar.Sidecar(
            episode_id=subject.episode_id,
            part=job.part,
            camera_id=subject.camera_id,
            segment_filename=name,
            width=run.width,
            height=run.height,
            covered_from=shown[0],
            covered_to=shown[-1],
            participants=sidecar.participants(job, frames, shown[0], symmetric=symmetric),
        )
    )
