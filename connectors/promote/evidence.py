"""Cutting, storing and reporting what a promoted version has and nothing before it had: one at a time, each step's
record published before the next begins, so that a new run goes on where the one before was broken off.

A file beside the replays says that we are asking. What was begun is finished by the next run, whatever it was called
for: asked again with the same key where that is safe, else stated as `ambiguous`.
"""

import time
from pathlib import Path
from typing import TypeVar

from connectors.clip import coverage, recording
from connectors.clip import plan as clip_plan
from connectors.clip.cutting import cut_file
from connectors.clip.plan import ClipJob
from connectors.clip.remux import CutError
from connectors.connector import Connector
from connectors.incident import plan as incident_plan
from connectors.incident.plan import IncidentJob
from connectors.incident.service import IncidentConnector
from connectors.promote import plan
from connectors.upload.service import UploadConnector
from connectors.work import Again, GivenUp, Halt, Later, Work, after
from infra.clock import WallClock
from infra.config import Settings
from infra.failpoint import failpoint
from infra.kafka import Publisher
from infra.recordings import lane_root
from infra.replays import day_folder
from infra.whole import WholeFile
from schemas.records import ClipCut, ClipUploaded, IncidentReported
from schemas.site import Site
from schemas.topics import CLIPS, INCIDENTS, UPLOADS, Topic

J = TypeVar("J")
R = TypeVar("R", bound=ClipUploaded | IncidentReported)
NOT_ASKED = "promoted from a replay, and nobody asked to report it"
ENDED = "the process ended after asking"


class Making:
    """Makes the evidence of one version."""

    def __init__(self, settings: Settings, site: Site, publisher: Publisher, version: str) -> None:
        self._settings, self._site, self._publisher, self._version = settings, site, publisher, version
        self._clock = WallClock()
        self._upload = UploadConnector(settings, site)

    def clip(self, job: ClipJob, before: ClipCut | None) -> ClipCut:
        """Cut one clip into the version's folder, or say that its recording is gone; published when this returns."""
        subject, host, now = job.subject, self._settings.host, self._clock.now_ms
        recordings = lane_root(self._settings.recordings_dir, subject.lane)
        recorded = recording.find(recordings, subject.camera_id, subject.lane, job.reach)
        folder = day_folder(self._settings.replays_dir, self._version, subject.camera_id, subject.business_day)
        pieces = coverage.pieces(recorded, job)
        if pieces:
            try:
                file = cut_file(job, pieces, folder, recordings, self._site)
                made = clip_plan.cut(job, file, host=host, attempts=1, now_ms=now())
            except (CutError, OSError) as error:
                made = clip_plan.failed(job, str(error), host=host, attempts=1, now_ms=now())
        else:
            made = clip_plan.gone(job, host=host, now_ms=now())
        made = plan.of_version(made, self._version, before)
        self._publish(CLIPS, made.camera_id, made)
        return made

    def upload(self, clip: ClipCut, before: ClipUploaded | None) -> ClipUploaded:
        """Store one clip; published when this returns. Raises what a person has to correct first."""
        mark = self._mark(f"{clip.episode_id}-{clip.part}", before)
        made = plan.of_version(done(self._upload, clip, mark), self._version, before)
        self._publish(UPLOADS, made.camera_id, made)
        failpoint("promote.upload.after_record")
        mark.clear()
        return made

    def is_asked(self, job: IncidentJob, before: IncidentReported | None) -> bool:
        """Did a run begin to report this occurrence, and end before it said what came of it?"""
        return self._mark(job.incident_id, before).is_there

    def suppressed(self, job: IncidentJob) -> IncidentReported:
        """Nobody asked for this incident: that is said, and nothing sent; published when this returns."""
        now_ms = self._clock.now_ms()
        made = incident_plan.reported(job, "suppressed", payload_sha256="", now_ms=now_ms, attempts=0, reason=NOT_ASKED)
        return self._reported(made, None)

    def incident(self, job: IncidentJob, before: IncidentReported | None) -> IncidentReported:
        """Report one occurrence; published when this returns. before: that it was suppressed until now, or failed."""
        mark = self._mark(job.incident_id, before)
        record = self._reported(done(IncidentConnector(self._settings, self._site), job, mark), before)
        failpoint("promote.incident.after_record")
        mark.clear()
        return record

    def _mark(self, step: str, before: ClipUploaded | IncidentReported | None) -> "Mark":
        """Of the step's next record, whichever version says it: what was left of one that is there means nothing."""
        return Mark(self._settings.replays_dir / f"{step}-{plan.next_revision(before)}.asking")

    def _reported(self, made: IncidentReported, before: IncidentReported | None) -> IncidentReported:
        record = plan.of_version(made, self._version, before)
        self._publish(INCIDENTS, record.camera_id, record)
        return record

    def _publish(self, topic: Topic, camera_id: str, record: ClipCut | ClipUploaded | IncidentReported) -> None:
        self._publisher.publish(topic, camera_id, record)
        self._publisher.flush()


class Mark:
    """A file that is there from before we ask until the answer is a record."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_there(self) -> bool:
        """Did a run end before it heard the answer?"""
        return self._path.exists()

    def make(self) -> None:
        """Durably."""
        with WholeFile(self._path):
            pass

    def clear(self) -> None:
        """Nothing is open any more."""
        self._path.unlink(missing_ok=True)


def done(connector: Connector[J, R], job: J, mark: Mark) -> R:
    """What came of a job in the end. The mark stays where something may have been accepted, until it is published.

    Raises the error that a person has to correct first.
    """
    risky = connector.is_risky(job)
    if risky and mark.is_there:
        return connector.give_up(job, ENDED, 1, unsure=True)
    work: Work[J, R] = Work(state="pending", taken_in_at=0, input=job, unsure=mark.is_there)
    while True:
        mark.make()
        failpoint(f"promote.{connector.name}.after_mark")
        outcome = connector.do(job, work.attempts + 1)
        failpoint(f"promote.{connector.name}.after_answer")
        if isinstance(outcome, Again | Halt | Later) and not work.unsure:  # surely nothing happened
            mark.clear()
        if isinstance(outcome, Halt):
            raise outcome.error
        next_ = after(work, outcome, connector.retry, risky, 0)
        if isinstance(next_, GivenUp):
            return connector.give_up(job, next_.reason, next_.attempts, unsure=next_.unsure)
        if next_.result is not None:
            return next_.result
        work = next_
        time.sleep(work.due_at / 1000)
