"""Which clips an event asks for, and what the record of a clip says (pure)."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from schemas.hashing import sealed
from schemas.records import ClipCut, ClipPart, ClipStatus, EpisodeKind, Gap, InteractionEvent, Subject, UnattendedEvent
from schemas.site import Blur
from schemas.windows import Window, alert_window, closing_is_due, closing_window, cut_window

HICCUP_MS = 1_000
"""A longer time without a frame is a gap."""


class ClipJob(msgspec.Struct, frozen=True, kw_only=True):
    """One clip to cut. Times in ms UTC."""

    part: ClipPart
    subject: Subject
    requested_from: int
    requested_to: int
    previous_hash: str
    taken_in_at: int

    @property
    def asked(self) -> Window:
        """The whole span asked for."""
        return Window(self.requested_from, self.requested_to)

    @property
    def window(self) -> Window:
        """What of it is cut: at most 120 s, its end."""
        return cut_window(self.asked)

    @property
    def reach(self) -> Window:
        """Where to look for it: also just after its end, to know how long the last frame stands."""
        return Window(self.window.from_at, self.window.to_at + HICCUP_MS)

    @property
    def is_trimmed(self) -> bool:
        """True when more was asked for than a clip may last."""
        return self.window != self.asked


def jobs(event: InteractionEvent | UnattendedEvent, now_ms: int) -> Mapping[str, ClipJob]:
    """The work that an event asks for, by key: the alert clip at `confirmed`, the closing clip at `ended`.

    An episode whose evidence is another's clip gets no alert clip of its own. What is retracted keeps its clip.
    """
    if event.occurrence_id is None or event.confirmed_at is None:
        return {}
    if event.phase == "confirmed" and event.evidence_episode_id in (None, event.episode_id):
        return _job(event, "alert", alert_window(event.started_at, event.confirmed_at), now_ms)
    ended_at = event.ended_at
    if event.phase == "ended" and ended_at and closing_is_due(event.started_at, event.confirmed_at, ended_at):
        return _job(event, "closing", closing_window(ended_at), now_ms)
    return {}


def _job(event: InteractionEvent | UnattendedEvent, part: ClipPart, asked: Window, now_ms: int) -> dict[str, ClipJob]:
    kind: EpisodeKind = "interaction" if isinstance(event, InteractionEvent) else "unattended"
    assert event.occurrence_id is not None
    assert event.confirmed_at is not None
    subject = Subject(
        kind=kind,
        episode_id=event.episode_id,
        occurrence_id=event.occurrence_id,
        ordinal=event.ordinal,
        site_id=event.site_id,
        camera_id=event.camera_id,
        lane=event.lane,
        business_day=event.business_day,
        opens=event.opens,
        staff_id=event.staff_id,
        customer_id=event.customer_id,
        zone_id=event.zone_id,
        started_at=event.started_at,
        confirmed_at=event.confirmed_at,
        ended_at=event.ended_at,
        reason=event.reason if isinstance(event, UnattendedEvent) else None,
        support=event.support,
        lineage=event.lineage,
        rules_version=event.rules_version,
        alert=event.alert,
    )
    job = ClipJob(
        part=part,
        subject=subject,
        requested_from=asked.from_at,
        requested_to=asked.to_at,
        previous_hash=event.hash,
        taken_in_at=now_ms,
    )
    return {f"{event.episode_id}:{part}": job}


def gaps(asked: Window, shown: Sequence[int], ends_at: int) -> list[Gap]:
    """What of the window is not covered.

    shown: captured_at of every frame, rising; ends_at: how long the last one stands for, as far as the recording
    itself goes on (all ms UTC).
    """
    if not shown:
        return [Gap(from_at=asked.from_at, to_at=asked.to_at)]
    found = [Gap(from_at=asked.from_at, to_at=shown[0])] if shown[0] > asked.from_at else []
    for one, other in itertools.pairwise(shown):
        if other - one > HICCUP_MS:
            found.append(Gap(from_at=one, to_at=other))
    if ends_at < asked.to_at:
        found.append(Gap(from_at=max(ends_at, asked.from_at), to_at=asked.to_at))
    return found


@dataclass(frozen=True)
class ClipFile:
    """A clip on disk."""

    segment_filename: str
    sidecar_filename: str
    sha256: str
    size_bytes: int
    codec: str
    shown: Sequence[int]
    """captured_at of every frame, rising, ms UTC."""
    ends_at: int
    blur: Blur = "none"


def cut(job: ClipJob, clip: ClipFile, *, host: str, attempts: int, now_ms: int) -> ClipCut:
    """The record of a clip that was cut."""
    missing = gaps(job.asked, clip.shown, clip.ends_at)
    reason = None
    if missing:
        longest = " (longer than 120 s: the end is kept)" if job.is_trimmed else ""
        reason = f"{sum(g.to_at - g.from_at for g in missing) / 1000:.1f} s of what was asked are not covered{longest}"
    return _record(
        job,
        "partial" if missing else "complete",
        reason,
        missing,
        clip=clip,
        host=host,
        attempts=attempts,
        now_ms=now_ms,
    )


def nothing_to_cut(job: ClipJob, begins_at: int | None, *, host: str, attempts: int, now_ms: int) -> ClipCut:
    """The record when no frame of the window is on this host: failed, or expired when it is older than the ring.

    begins_at: begin of the oldest recording that is left (ms UTC), None when there is none.
    """
    status: ClipStatus = "failed"
    reason = f"the recording has no frame of this time on {host}"
    if begins_at is None:
        reason = (
            f"there is no recording of {job.subject.camera_id} on {host}: run the clip service where it is recorded"
        )
    elif begins_at > job.window.to_at:
        status, reason = "expired", "the recording of this time is gone: the oldest that is left is younger"
    return _record(job, status, reason, gaps(job.asked, [], 0), host=host, attempts=attempts, now_ms=now_ms)


def gone(job: ClipJob, *, host: str, now_ms: int) -> ClipCut:
    """The record of an episode that was found long after its time, whose recording is not there any more."""
    reason = f"the recording of this time is no longer on {host}"
    return _record(job, "expired", reason, gaps(job.asked, [], 0), host=host, attempts=1, now_ms=now_ms)


def failed(job: ClipJob, reason: str, *, host: str, attempts: int, now_ms: int) -> ClipCut:
    """The record when cutting did not work."""
    return _record(job, "failed", reason, gaps(job.asked, [], 0), host=host, attempts=attempts, now_ms=now_ms)


def _record(
    job: ClipJob,
    status: ClipStatus,
    reason: str | None,
    missing: list[Gap],
    *,
    host: str,
    attempts: int,
    now_ms: int,
    clip: ClipFile | None = None,
) -> ClipCut:
    subject = job.subject
    return sealed(
        ClipCut(
            episode_id=subject.episode_id,
            occurrence_id=subject.occurrence_id,
            site_id=subject.site_id,
            camera_id=subject.camera_id,
            lane=subject.lane,
            business_day=subject.business_day,
            part=job.part,
            facet_revision=1,
            subject=subject,
            status=status,
            reason=reason,
            segment_filename=clip.segment_filename if clip else None,
            sidecar_filename=clip.sidecar_filename if clip else None,
            sha256=clip.sha256 if clip else None,
            size_bytes=clip.size_bytes if clip else None,
            requested_from=job.requested_from,
            requested_to=job.requested_to,
            covered_from=clip.shown[0] if clip else None,
            covered_to=clip.shown[-1] if clip else None,
            gaps=missing,
            codec=clip.codec if clip else None,
            blur=clip.blur if clip and clip.blur != "none" else None,
            host=host,
            cut_at=now_ms,
            attempts=attempts,
            hash="",
            previous_hash=job.previous_hash,
        )
    )
