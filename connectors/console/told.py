"""What the states of evidence and incident mean, and what to do about them; pure."""

from dataclasses import dataclass
from typing import Literal

from connectors.console.reading import Listed
from schemas.records import ClipPart

Level = Literal["", "warn", "bad"]
PARTS: tuple[ClipPart, ...] = ("alert", "closing")
GONE = ("expired", "erased")
"""Evidence that is not shown, whatever lies where."""


@dataclass(frozen=True)
class Told(Listed):
    """An episode as its row tells it. Times: ms UTC."""

    activation: int
    occurrence_id: str
    opens: bool
    continues: str | None
    confidence: float
    support: float
    distance_m_median: float | None
    rules_version: str
    evidence_from: str | None
    segment_filename: str | None
    uploaded_filename: str | None
    video_url: str | None
    clip_sha256: str | None
    covered_from: int | None
    covered_to: int | None
    closing_filename: str | None
    closing_uploaded_filename: str | None
    closing_sha256: str | None
    external_incident_id: str | None
    incident_reason: str | None
    reported_at: int | None
    counts: bool
    """False: retracted, or another version counts for its camera's day."""

    def filename(self, part: ClipPart) -> str | None:
        """Of a clip that can be asked for."""
        if self.evidence_status in GONE:
            return None
        return self.segment_filename if part == "alert" else self.closing_filename


@dataclass(frozen=True)
class Notice:
    """A state in words. do: what somebody can do about it; empty: nothing has to be done."""

    level: Level
    title: str
    text: str
    do: str = ""


def notices(one: Told, *, on_disk: dict[ClipPart, bool], stored_in_s3: bool) -> list[Notice]:
    """What has to be said above the video. on_disk: of each clip that there is, whether its file is on this machine."""
    said = [_version(one), _evidence(one), _elsewhere(one, on_disk, stored_in_s3)]
    return [notice for notice in said if notice is not None]


def _version(one: Told) -> Notice | None:
    if one.phase == "retracted":
        text = "It was confirmed and then taken back: its people proved to be others, or a replay does not have it."
        return Notice("warn", "Retracted", f"{text} It is in no list and no figure; what was reported stays.")
    if not one.counts:
        text = f"This is of version {one.version}, and another version counts for this camera and day."
        return Notice("warn", "Not the version that counts", text, "Versions shows which one does.")
    return None


def _evidence(one: Told) -> Notice | None:
    why = f" Reason: {one.evidence_reason}." if one.evidence_reason else ""
    return {
        "pending": Notice(
            "warn",
            "The clip is not there yet",
            "It is cut some seconds after the confirmation, then stored.",
            "Load this page again in a minute. If it stays so, see on Failures whether its step waits for something.",
        ),
        "partial": Notice(
            "warn",
            "The clip shows less than was asked for",
            f"The recording has a gap there, or the episode was longer than a clip may be.{why}",
            "If the recording has the rest by now, have it cut again from Failures.",
        ),
        "failed": Notice(
            "bad", "There is no clip", f"A step failed.{why}", "Mend the cause, then retry it on Failures."
        ),
        "ambiguous": Notice(
            "bad",
            "Nobody knows whether the clip was stored",
            f"The storage was asked and gave no certain answer, so it is not asked again by itself.{why}",
            "Look there whether it has the clip, then say so on Failures.",
        ),
        "expired": Notice(
            "warn",
            "The recording was gone",
            f"It was deleted by age or for want of room before a clip was cut, or its time is over.{why}",
            "Nothing brings it back. [recording] max_age_h and max_gb say how long recordings are kept.",
        ),
        "erased": Notice(
            "warn",
            "The video was erased",
            f"Somebody had it removed on purpose.{why} That the episode was is kept for the audit.",
        ),
    }.get(one.evidence_status)


def _elsewhere(one: Told, on_disk: dict[ClipPart, bool], stored_in_s3: bool) -> Notice | None:
    if all(on_disk.values()):
        return None
    if stored_in_s3:
        text = "It is not on this machine, so it is played from the storage; the boxes lie beside the file."
        return Notice("", "The clip was cut on another machine", text, "To see the boxes, run the console there.")
    if one.video_url:
        text = "It is not on this machine, and what the upload API stored cannot be read back through it."
        return Notice("warn", "The clip is elsewhere", text, f"Open it where it was stored: {one.video_url}")
    text = "It is not on this machine and was stored nowhere else."
    return Notice("bad", "The clip is elsewhere", text, "Run the console on the machine where clips are cut.")


def incident(one: Told) -> Notice:
    """What became of the report."""
    why = f" Reason: {one.incident_reason}." if one.incident_reason else ""
    if one.incident_status is None:
        return Notice("", "Not reported yet", "The report goes out once the clip is stored, or surely is not.")
    return {
        "reported": Notice("", "Reported", ""),
        "failed": Notice("bad", "Not reported", f"The incident API refused it.{why}", "Retry it on Failures."),
        "ambiguous": Notice(
            "bad",
            "Nobody knows whether it was reported",
            f"The incident API was asked and gave no certain answer, so it is not asked again by itself.{why}",
            "Ask its people, then say on Failures what they found.",
        ),
        "suppressed": Notice("", "Not reported on purpose", f"It was too old when its clip was there.{why}"),
    }.get(one.incident_status, Notice("warn", one.incident_status, why))
