"""The clip service: cuts the video of confirmed episodes from the recording on this host."""

import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from connectors.clip import coverage, place, plan, recording, sidecar
from connectors.clip.coverage import Piece
from connectors.clip.plan import ClipFile, ClipJob
from connectors.clip.remux import CutError, Run, remux
from connectors.serve import serve
from connectors.work import KEPT_DAYS, PARTIAL_KEPT_DAYS, Again, Done, Later, Outcome, Retry, Work
from infra.clock import Clock, WallClock
from infra.config import Settings
from infra.recordings import read_tracks
from schemas import topics
from schemas.hashing import sha256_of_file
from schemas.ids import safe_name, segment_filename
from schemas.records import ClipCut, InteractionEvent, UnattendedEvent
from schemas.site import Site

LOOK_AGAIN_S = 1.0
LANES = frozenset({"live"})


class ClipConnector:
    """Events in, clips on disk and ClipCut out."""

    name = "clip"
    sources = (topics.INTERACTION_EVENTS, topics.UNATTENDED_EVENTS)
    target = topics.CLIPS
    retry = Retry(attempts_max=6, backoff_s=2.0)
    """A minute: a disk that is full for a moment costs no clip."""
    work_type = Work[ClipJob, ClipCut]

    def __init__(self, settings: Settings, site: Site, clock: Clock | None = None) -> None:
        self._settings, self._site, self._clock = settings, site, clock or WallClock()
        self._cameras = {camera.camera_id for camera in site.cameras}

    def plan(self, record: msgspec.Struct, now_ms: int) -> Mapping[str, ClipJob]:
        """The clips that an event asks for; only for this site's cameras."""
        assert isinstance(record, InteractionEvent | UnattendedEvent)
        if record.camera_id not in self._cameras or record.lane not in LANES:
            return {}
        return plan.jobs(record, now_ms)

    def is_ours(self, job: ClipJob) -> bool:
        """True for a camera of our site."""
        return job.subject.camera_id in self._cameras

    def is_risky(self, job: ClipJob) -> bool:
        """Cutting twice gives the same file."""
        return False

    def kept_days(self, result: ClipCut) -> int:
        """What could not be cut, or not whole, may be cut again when the recording is there."""
        return {"complete": 0, "partial": PARTIAL_KEPT_DAYS}.get(result.status, KEPT_DAYS)

    def follow(self, job: ClipJob, prior: Work[ClipJob, ClipCut]) -> Outcome[ClipCut] | None:
        """An event is stated once."""
        return None

    def accepted(self, job: ClipJob, before: ClipCut, external_id: str | None) -> ClipCut:
        """Cutting is never ambiguous."""
        raise AssertionError(f"a clip is {before.status}, nobody accepts one")

    def do(self, job: ClipJob, attempt: int) -> Outcome[ClipCut]:
        """Cut the clip once the recording has it."""
        camera_id, now_ms = job.subject.camera_id, self._clock.now_ms()
        recorded = recording.find(self._settings.recordings_dir, camera_id, job.subject.lane, job.reach)
        if not coverage.is_due(job, recorded, now_ms):
            return Later(LOOK_AGAIN_S)
        host = self._settings.host
        pieces = coverage.pieces(recorded, job)
        if not pieces:
            return Done(plan.nothing_to_cut(job, recorded.begins_at, host=host, attempts=attempt, now_ms=now_ms))
        try:
            clip = self._cut(job, pieces)
        except (CutError, OSError) as error:
            return Again(str(error))
        return Done(plan.cut(job, clip, host=host, attempts=attempt, now_ms=self._clock.now_ms()))

    def give_up(self, job: ClipJob, reason: str, attempts: int, *, unsure: bool) -> ClipCut:
        """There is no clip, and the next step is told why."""
        return plan.failed(job, reason, host=self._settings.host, attempts=attempts, now_ms=self._clock.now_ms())

    def _cut(self, job: ClipJob, pieces: list[Piece]) -> ClipFile:
        subject = job.subject
        folder = self._settings.segments_dir / safe_name(subject.camera_id)
        name = segment_filename(subject.kind, job.part, subject.ordinal, subject.started_at, self._site.timezone)
        with place.temporary(folder) as temp:
            run = remux(pieces, job.window, temp, comment=f"episode_id={subject.episode_id} part={job.part}")
            sha256, size_bytes = sha256_of_file(temp), temp.stat().st_size
            path = place.put(
                temp, folder, name, subject.episode_id, job.part, lambda chosen: self._sidecar(job, run, chosen)
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

    def _sidecar(self, job: ClipJob, run: Run, name: str) -> bytes:
        subject, shown = job.subject, run.shown
        recordings: Path = self._settings.recordings_dir
        frames = {
            epoch: read_tracks(recordings, subject.camera_id, epoch, shown[0], shown[-1])
            for epoch in sidecar.epochs(job)
        }
        symmetric = self._site.pairs == "any"
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


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Cut clips until SIGTERM, SIGINT or `stop`."""
    serve(settings, ClipConnector(settings, site), stop)
