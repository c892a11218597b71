"""What is stored for others to see: which clips, under which names, and the record of it (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from schemas.hashing import sealed
from schemas.ids import incident_id, uploaded_filename
from schemas.records import ClipCut, ClipUploaded, UploadStatus


@dataclass(frozen=True)
class Stored:
    """A clip that the storage holds. etag as the server said."""

    name: str
    video_url: str | None
    bucket: str | None = None
    etag: str | None = None


def jobs(clip: ClipCut) -> Mapping[str, ClipCut]:
    """Every clip is work, also one that failed: then the next step is told why."""
    return {f"{clip.episode_id}:{clip.part}": clip}


def has_file(clip: ClipCut) -> bool:
    """True when there is something to store."""
    return clip.segment_filename is not None and clip.covered_from is not None and clip.sha256 is not None


def object_name(clip: ClipCut) -> str:
    """prolific_upload_....mp4: no name is ever used for other bytes."""
    assert clip.covered_from is not None
    return uploaded_filename(clip.covered_from, clip.episode_id, clip.part, clip.facet_revision)


def address(base_url: str | None, name: str) -> str | None:
    """Public address of a stored object; None without a public base."""
    return f"{base_url.rstrip('/')}/{quote(name)}" if base_url else None


def idempotency_key(clip: ClipCut) -> str:
    """The same for every repetition of one upload."""
    return f"{clip.episode_id}:{clip.part}:{clip.facet_revision}"


def uploaded(
    clip: ClipCut,
    status: UploadStatus,
    adapter: str,
    *,
    now_ms: int,
    attempts: int,
    reason: str | None = None,
    stored: Stored | None = None,
) -> ClipUploaded:
    """The record of what came of it."""
    return sealed(
        ClipUploaded(
            episode_id=clip.episode_id,
            occurrence_id=clip.occurrence_id,
            site_id=clip.site_id,
            camera_id=clip.camera_id,
            lane=clip.lane,
            business_day=clip.business_day,
            part=clip.part,
            facet_revision=1,
            subject=clip.subject,
            status=status,
            reason=reason,
            clip_status=clip.status,
            adapter=adapter,
            segment_filename=clip.segment_filename,
            uploaded_filename=stored.name if stored else None,
            video_url=stored.video_url if stored else None,
            bucket=stored.bucket if stored else None,
            etag=stored.etag if stored else None,
            sha256=clip.sha256 if stored else None,
            size_bytes=clip.size_bytes if stored else None,
            incident_id=incident_id(clip.occurrence_id),
            covered_from=clip.covered_from,
            covered_to=clip.covered_to,
            upload_timestamp=now_ms,
            attempts=attempts,
            hash="",
            previous_hash=clip.hash,
        )
    )


FOUND = "a person found that it was accepted"


def as_before(clip: ClipCut, before: ClipUploaded, *, now_ms: int) -> ClipUploaded:
    """The record of a clip that was cut again with the same bytes: what is known of them still holds."""
    stored = _stored(before) if before.status == "uploaded" else None
    return uploaded(clip, before.status, before.adapter, now_ms=now_ms, attempts=0, reason=before.reason, stored=stored)


def found(clip: ClipCut, before: ClipUploaded, name: str, base_url: str | None, *, now_ms: int) -> ClipUploaded:
    """The record when a person found a file of which nobody knew whether it was stored."""
    stored = Stored(name, address(base_url, name))
    return uploaded(
        clip, "uploaded", before.adapter, now_ms=now_ms, attempts=before.attempts, reason=FOUND, stored=stored
    )


def _stored(upload: ClipUploaded) -> Stored:
    assert upload.uploaded_filename is not None
    return Stored(upload.uploaded_filename, upload.video_url, upload.bucket, upload.etag)
