"""The clip service: cuts the video of confirmed episodes from the recording on this host."""

import threading
from collections.abc import Mapping

import msgspec

from connectors.clip import coverage, plan, recording, sidecar
from connectors.clip.cutting import cut_file
from connectors.clip.plan import ClipJob
from connectors.clip.remux import CutError
from connectors.serve import serve
from connectors.work import KEPT_DAYS, PARTIAL_KEPT_DAYS, Again, Done, Later, Outcome, Retry, Work
from infra.clock import Clock, WallClock
from infra.config import Settings
from infra.recordings import read_tracks
from schemas import topics
from schemas.ids import safe_name
from schemas.records import ClipCut, InteractionEvent, UnattendedEvent
from schemas.site import Site

LOOK_AGAIN_S = 1.0
BOXES_BEYOND_MS = 5_000
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
        if not coverage.is_due(job, recorded, now_ms) or self._boxes_may_come(job, now_ms):
            return Later(LOOK_AGAIN_S)
        host = self._settings.host
        pieces = coverage.pieces(recorded, job)
        if not pieces:
            return Done(plan.nothing_to_cut(job, recorded.begins_at, host=host, attempts=attempt, now_ms=now_ms))
        try:
            folder = self._settings.segments_dir / safe_name(job.subject.camera_id)
            clip = cut_file(job, pieces, folder, self._settings.recordings_dir, self._site)
        except (CutError, OSError) as error:
            return Again(str(error))
        return Done(plan.cut(job, clip, host=host, attempts=attempt, now_ms=self._clock.now_ms()))

    def _boxes_may_come(self, job: ClipJob, now_ms: int) -> bool:
        """Is the detector behind the recording? What it has not seen yet would not be blurred."""
        if self._site.blur_of(job.subject.camera_id) == "none" or now_ms - job.taken_in_at >= coverage.PATIENCE_MS:
            return False
        recordings, epoch = self._settings.recordings_dir, max(sidecar.epochs(job), default=0)
        end = job.window.to_at
        later = read_tracks(recordings, job.subject.camera_id, epoch, end, end + BOXES_BEYOND_MS)
        return next(later, None) is None

    def give_up(self, job: ClipJob, reason: str, attempts: int, *, unsure: bool) -> ClipCut:
        """There is no clip, and the next step is told why."""
        return plan.failed(job, reason, host=self._settings.host, attempts=attempts, now_ms=self._clock.now_ms())


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Cut clips until SIGTERM, SIGINT or `stop`."""
    serve(settings, ClipConnector(settings, site), stop)
