"""Records of what persons did and decided, field by field as in avro/*.avsc. All else is in records.py."""

from typing import Literal

import msgspec

from schemas.records import ClipPart, Day, Name, Time

Step = Literal["clip", "upload", "incident", "UNRECOGNISED"]
Verdict = Literal["again", "not_accepted", "accepted", "UNRECOGNISED"]
PromotionAct = Literal["promote", "rollback", "UNRECOGNISED"]
ViewerRole = Literal["viewer", "operator", "link", "UNRECOGNISED"]
ViewedHow = Literal["page", "clip", "share", "UNRECOGNISED"]
RemovalStatus = Literal["erased", "expired", "UNRECOGNISED"]


class RetryAsked(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A person asked for a step to be done again, or said what became of it. Key: camera_id."""

    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    episode_id: Name
    step: Step
    part: ClipPart | None = None
    work_key: str
    revision: int
    verdict: Verdict
    external_id: str | None = None
    reason: str
    asked_by: str
    asked_at: Time
    hash: str
    previous_hash: str | None = None


class FoldSkip(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A person told the fold to pass over a record that it cannot take. Key: camera_id/lane/epoch/sequence."""

    site_id: Name
    camera_id: Name
    lane: Name
    stream_epoch: Time
    sequence: int
    reason: str
    skipped_by: str
    skipped_at: Time
    captured_at: Time | None = None


class PromotedDay(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One camera's business day and what counts for it."""

    camera_id: Name
    business_day: Day
    version: Name
    content_sha256: str | None = None


class Promotion(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A person decided which version counts for some cameras' days. Key: site_id/activation.

    The highest activation that names a camera's day decides for it.
    """

    site_id: Name
    activation: int
    act: PromotionAct
    days: list[PromotedDay]
    reason: str
    decided_by: str
    decided_at: Time
    finished_at: Time | None = None
    hash: str
    previous_hash: str | None = None


class EvidenceViewed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A person was shown an episode, was given its clip, or made a link to it. Key: camera_id."""

    site_id: Name
    camera_id: Name
    episode_id: Name
    business_day: Day
    part: ClipPart | None = None
    viewed_at: Time
    by: str
    role: ViewerRole
    how: ViewedHow


class EvidenceRemoved(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The pictures of an episode, or a camera's recording of a day, are removed for good. Key: camera_id.

    Decided before anything is taken away, and stated again, with finished_at, once it is gone.
    """

    site_id: Name
    camera_id: Name
    lane: Name
    business_day: Day
    episode_id: Name | None = None
    occurrence_id: Name | None = None
    facet_revision: int
    status: RemovalStatus
    reason: str
    decided_by: str
    decided_at: Time
    finished_at: Time | None = None
    hash: str
    previous_hash: str | None = None
