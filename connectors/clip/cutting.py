"""Cutting one clip: the file with its sidecar, in its folder."""

from pathlib import Path

import msgspec

from connectors.clip import place, sidecar
from connectors.clip.coverage import Piece
from connectors.clip.plan import ClipFile, ClipJob
from connectors.clip.remux import Run, remux
from infra.recordings import read_tracks
from schemas.hashing import sha256_of_file
from schemas.ids import segment_filename
from schemas.site import Site


def cut_file(job: ClipJob, pieces: list[Piece], folder: Path, recordings: Path, site: Site) -> ClipFile:
    """Write the clip that the pieces show to `folder`. recordings: of the job's lane. Raises CutError, OSError."""
    subject = job.subject
    name = segment_filename(subject.kind, job.part, subject.ordinal, subject.started_at, site.timezone)
    symmetric = site.pairs == "any"
    with place.temporary(folder) as temp:
        run = remux(pieces, job.window, temp, comment=f"episode_id={subject.episode_id} part={job.part}")
        sha256, size_bytes = sha256_of_file(temp), temp.stat().st_size
        path = place.put(
            temp,
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
        codec=run.codec,
        shown=run.shown,
        ends_at=run.ends_at,
    )


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
