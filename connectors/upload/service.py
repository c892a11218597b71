"""The upload service: stores clips where others can see them, and gives the occurrence its incident_id."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from connectors.partner import Refused
from connectors.serve import serve
from connectors.upload import plan
from connectors.upload.http_api import HttpStore
from connectors.upload.plan import Stored
from connectors.upload.s3 import S3Store
from connectors.work import KEPT_DAYS, PARTIAL_KEPT_DAYS, Again, Done, Halt, Outcome, Retry, Unsure, Work
from infra.clock import Clock, WallClock
from infra.config import Settings
from infra.replays import clip_folder
from schemas import topics
from schemas.hashing import sha256_of_file
from schemas.ids import safe_name
from schemas.records import ClipCut, ClipUploaded, UploadStatus
from schemas.site import Site

LANES = frozenset({"live"})


class Store(Protocol):
    """A place for clips."""

    @property
    def name(self) -> str:
        """s3 or http."""

    @property
    def repeat_is_safe(self) -> bool:
        """True when storing a clip twice is as storing it once."""

    def store(self, clip: ClipCut, path: Path) -> Stored | Again | Unsure | Refused | Halt:
        """Store the clip's file, asking once."""


def store_of(settings: Settings, clock: Clock) -> Store:
    """The adapter that the settings name."""
    return S3Store(settings) if settings.upload.adapter == "s3" else HttpStore(settings, clock)


class UploadConnector:
    """Clips in, stored objects and ClipUploaded out."""

    name = "upload"
    sources = (topics.CLIPS,)
    target = topics.UPLOADS
    work_type = Work[ClipCut, ClipUploaded]

    def __init__(self, settings: Settings, site: Site, store: Store | None = None, clock: Clock | None = None) -> None:
        self._settings, self._clock = settings, clock or WallClock()
        self._store = store or store_of(settings, self._clock)
        self._cameras = {camera.camera_id for camera in site.cameras}
        self.retry = Retry(settings.upload.attempts_max, settings.upload.backoff_s)

    def plan(self, record: msgspec.Struct, now_ms: int) -> Mapping[str, ClipCut]:
        """The upload that a clip asks for; only for this site's cameras."""
        assert isinstance(record, ClipCut)
        if record.camera_id not in self._cameras or record.lane not in LANES:
            return {}
        return plan.jobs(record)

    def is_ours(self, job: ClipCut) -> bool:
        """True for a camera of our site."""
        return job.camera_id in self._cameras

    def is_risky(self, job: ClipCut) -> bool:
        """A second upload leaves a second file, unless the storage knows it by its name or key."""
        return plan.has_file(job) and not self._store.repeat_is_safe

    def kept_days(self, result: ClipUploaded) -> int:
        """What was not stored may be stored later; a clip that is not whole may be cut and stored again."""
        if result.status != "uploaded":
            return KEPT_DAYS
        return 0 if result.clip_status == "complete" else PARTIAL_KEPT_DAYS

    def follow(self, job: ClipCut, prior: Work[ClipCut, ClipUploaded]) -> Outcome[ClipUploaded] | None:
        """A clip that was cut again is stored under a name of its own, unless its bytes are those that were stored."""
        before, old = prior.before, prior.input
        if before is None or old is None or not plan.has_file(job) or old.sha256 != job.sha256:
            return None
        if before.status == "uploaded" or (before.status == "ambiguous" and self.is_risky(job)):
            return Done(plan.as_before(job, before, now_ms=self._clock.now_ms()))
        return None

    def accepted(self, job: ClipCut, before: ClipUploaded, external_id: str | None) -> ClipUploaded:
        """The storage has it under this name."""
        name = safe_name(external_id or plan.object_name(job))
        return plan.found(job, before, name, self._settings.upload.public_base_url, now_ms=self._clock.now_ms())

    def do(self, job: ClipCut, attempt: int) -> Outcome[ClipUploaded]:
        """Store the clip."""
        if not plan.has_file(job):
            return Done(self.give_up(job, job.reason or "there is no clip", attempt, unsure=False))
        assert job.segment_filename is not None
        path = clip_folder(self._settings, job) / safe_name(job.segment_filename)
        if not path.is_file():
            return Again(f"{path}: no such clip on {self._settings.host}; it was cut on {job.host}")
        if sha256_of_file(path) != job.sha256:
            reason = f"{path}: is not the clip that was cut: its SHA-256 has changed since"
            return Done(self.give_up(job, reason, attempt, unsure=False))
        outcome = self._store.store(job, path)
        if isinstance(outcome, Stored):
            now_ms = self._clock.now_ms()
            return Done(
                plan.uploaded(job, "uploaded", self._store.name, now_ms=now_ms, attempts=attempt, stored=outcome)
            )
        if isinstance(outcome, Refused):
            return Done(self.give_up(job, outcome.reason, attempt, unsure=False))
        return outcome

    def give_up(self, job: ClipCut, reason: str, attempts: int, *, unsure: bool) -> ClipUploaded:
        """Not stored, or nobody knows; the incident is reported all the same."""
        status: UploadStatus = "ambiguous" if unsure else "failed"
        now_ms = self._clock.now_ms()
        return plan.uploaded(job, status, self._store.name, now_ms=now_ms, attempts=attempts, reason=reason)


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Store clips until SIGTERM, SIGINT or `stop`."""
    serve(settings, UploadConnector(settings, site), stop)
