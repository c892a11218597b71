"""Whose pictures go with whose, and the records that decide it (pure)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from schemas.acts import EvidenceRemoved, RemovalStatus
from schemas.hashing import sealed
from schemas.records import ClipCut, ClipUploaded, Episode, Part
from schemas.removals import REVISIONS, newest, removal_fact, without

RETENTION = "retention"
"""Who decides when it is the site's rule."""


@dataclass(frozen=True)
class Word:
    """Who decides, why, and when (ms UTC)."""

    by: str
    reason: str
    at: int
    status: RemovalStatus = "erased"


@dataclass
class Known:
    """What the topics say of a site's pictures."""

    episodes: dict[str, Episode] = field(default_factory=dict)
    """episode_id -> the newest by (activation, revision)."""
    clips: list[ClipCut] = field(default_factory=list)
    """Every revision, of every version."""
    uploads: list[ClipUploaded] = field(default_factory=list)
    removals: list[EvidenceRemoved] = field(default_factory=list)

    def take(self, record: msgspec.Struct) -> None:
        """One more record; others than these are passed over."""
        match record:
            case Episode():
                there = self.episodes.get(record.episode_id)
                if there is None or (record.activation, record.revision) >= (there.activation, there.revision):
                    self.episodes[record.episode_id] = record
            case ClipCut():
                self.clips.append(record)
            case ClipUploaded():
                self.uploads.append(record)
            case EvidenceRemoved():
                self.removals.append(record)

    def removed(self) -> dict[str, EvidenceRemoved]:
        """episode_id -> the removal that counts."""
        return newest(self.removals)

    def clips_of(self, episode_ids: Collection[str]) -> list[ClipCut]:
        """Every cut of these episodes' clips that came to a file."""
        return [clip for clip in self.clips if clip.episode_id in episode_ids and clip.segment_filename]

    def uploads_of(self, episode_ids: Collection[str]) -> list[ClipUploaded]:
        """Every upload of these episodes' clips, also those of which nobody knows."""
        return [upload for upload in self.uploads if upload.episode_id in episode_ids and upload.status != "failed"]


def of_day(known: Known, camera_id: str, day: str) -> set[str]:
    """The episodes of a camera's business day that have, or may have, pictures."""
    records: Iterable[Episode | ClipCut] = [*known.episodes.values(), *known.clips]
    return {one.episode_id for one in records if (one.camera_id, one.business_day) == (camera_id, day)}


def group(asked: Collection[str], known: Known) -> set[str]:
    """The episodes asked for, and all that share a clip with them, over any number of clips."""
    return Sharing.of(known).group(asked)


@dataclass(frozen=True)
class Sharing:
    """Which clips show which episodes, both ways."""

    shows: Mapping[str, Collection[Part]]
    """episode_id -> clips, beside its own."""
    shown: Mapping[Part, Collection[str]]

    @classmethod
    def of(cls, known: Known) -> "Sharing":
        """As the episodes and the clips' bytes say it: a name may be another episode's in another version."""
        files: dict[str | None, set[Part]] = {}
        for clip in known.clips:
            files.setdefault(clip.sha256, set()).add((clip.episode_id, clip.part))
        shows, shown = dict[str, set[Part]](), dict[Part, set[str]]()
        for episode_id, episode in known.episodes.items():
            parts: set[Part] = {(episode.evidence.evidence_from or episode_id, "alert")}
            shows[episode_id] = parts
            if episode.evidence.closing_sha256 is not None:  # another one's perhaps, in a version that inherited it
                parts |= files.get(episode.evidence.closing_sha256, set())
            for part in (*parts, *_own(episode_id)):
                shown.setdefault(part, set()).add(episode_id)
        return cls(shows, shown)

    def group(self, asked: Collection[str]) -> set[str]:
        """These, and all that share a clip with them, over any number of clips.

        A clip is there or it is not: an episode whose clip goes has none any more, and none of its others may stay
        then.
        """
        found, due = set(asked), list(asked)
        while due:
            episode_id = due.pop()
            for part in (*self.shows.get(episode_id, ()), *_own(episode_id)):
                new = {part[0], *self.shown.get(part, ())} - found
                found |= new
                due += new
        return found


def _own(episode_id: str) -> tuple[Part, Part]:
    return (episode_id, "alert"), (episode_id, "closing")


def decisions(asked: Collection[str], found: Collection[str], known: Known, word: Word) -> list[EvidenceRemoved]:
    """The records that decide it, for those episodes of which nobody decided as much before."""
    before, made = known.removed(), []
    places = _places(found, known)
    for episode_id in sorted(found):
        there, place = before.get(episode_id), places.get(episode_id)
        if place is None or (there is not None and there.facet_revision >= REVISIONS[word.status]):
            continue
        shared = "" if episode_id in asked else f" (it shares a clip with {', '.join(sorted(asked)[:3])})"
        made.append(
            sealed(
                EvidenceRemoved(
                    site_id=place.site_id,
                    camera_id=place.camera_id,
                    lane=place.lane if isinstance(place, Episode) else place.subject.lane,
                    business_day=place.business_day,
                    episode_id=episode_id,
                    occurrence_id=place.occurrence_id,
                    facet_revision=REVISIONS[word.status],
                    status=word.status,
                    reason=word.reason + shared,
                    decided_by=word.by,
                    decided_at=word.at,
                    hash="",
                    previous_hash=None if there is None else there.hash,
                )
            )
        )
    return made


def of_recording(site_id: str, camera_id: str, day: str, word: Word) -> EvidenceRemoved:
    """The record that decides that a camera's recording of a day goes."""
    return sealed(
        EvidenceRemoved(
            site_id=site_id,
            camera_id=camera_id,
            lane="live",
            business_day=day,
            facet_revision=REVISIONS[word.status],
            status=word.status,
            reason=word.reason,
            decided_by=word.by,
            decided_at=word.at,
            hash="",
        )
    )


def _places(found: Collection[str], known: Known) -> Mapping[str, Episode | ClipCut]:
    places: dict[str, Episode | ClipCut] = {c.episode_id: c for c in known.clips if c.episode_id in found}
    return places | {i: known.episodes[i] for i in found if i in known.episodes}


def stated(found: Collection[str], known: Known) -> list[Episode]:
    """The Episodes that do not say yet what was decided, as they have to be."""
    removed, due = known.removed(), []
    for episode_id in sorted(set(found) & set(known.episodes)):
        episode = known.episodes[episode_id]
        owner = episode.evidence.evidence_from or episode_id
        facts = [removal_fact(removed[i]) for i in dict.fromkeys((owner, episode_id)) if i in removed]
        if (without_them := without(episode, facts)) != episode:
            due.append(without_them)
    return due
