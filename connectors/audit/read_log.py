"""Reading the topics for the audit: the site's records, each once, and which were repeated with other bytes."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from connectors.audit.facts import Difference, Fact, Log, Replay, SentAgain, topic_name
from connectors.sink import decoded
from connectors.ways_out.dead_letters import Letter
from infra.config import Settings
from infra.kafka import ensure_topics, read_to_end
from infra.replays import NoReplay, Told, read_day
from schemas.acts import EvidenceRemoved, EvidenceViewed, FoldSkip, Promotion, RetryAsked
from schemas.codec import HEADER, Codec, UndecodableError
from schemas.promotions import CameraDay, active
from schemas.records import (
    CameraOutage,
    ClipCut,
    ClipUploaded,
    CustomerVisit,
    Episode,
    IncidentReported,
    InteractionEvent,
    UnattendedEvent,
)
from schemas.site import Site
from schemas.topics import (
    CAMERA_OUTAGES,
    CLIPS,
    CUSTOMER_VISITS,
    EPISODES,
    EVIDENCE_REMOVALS,
    EVIDENCE_VIEWS,
    FOLD_SKIPS,
    INCIDENTS,
    INTERACTION_EVENTS,
    PROMOTIONS,
    RETRIES,
    UNATTENDED_EVENTS,
    UPLOADS,
)

TOPICS = (
    INTERACTION_EVENTS,
    UNATTENDED_EVENTS,
    CLIPS,
    UPLOADS,
    INCIDENTS,
    EPISODES,
    CUSTOMER_VISITS,
    CAMERA_OUTAGES,
    RETRIES,
    EVIDENCE_VIEWS,
    EVIDENCE_REMOVALS,
    FOLD_SKIPS,
    PROMOTIONS,
)
ALTERED = "two producers stated different things, or one was altered: compare both records in the topic"


def read_log(settings: Settings, site: Site, codec: Codec) -> Log:
    """All of the site's records, and what its replays told that count. Raises KafkaUnavailable, RegistryUnavailable."""
    ensure_topics(settings)
    log = collect(
        (message.value() or b"", record)
        for topic in TOPICS
        for message, record in decoded(read_to_end(settings, topic), codec, None)
        if isinstance(record, Fact) and record.site_id == site.site_id
    )
    log.replays = read_replays(settings, log)
    return log


def read_replays(settings: Settings, log: Log, camera_day: CameraDay | None = None) -> dict[Replay, list[Told]]:
    """What the replays told that count, or of which there are clips, as far as they are on this machine.

    camera_day: only of this one.
    """
    wanted = {(of.version, *key) for key, of in active(log.promotions).items() if of.version != "live"}
    clips = [clip for found in log.clips.values() for clip in found if clip.lane != "live"]
    wanted |= {(clip.lane, clip.camera_id, clip.business_day) for clip in clips}
    found = {}
    for replay in sorted(one for one in wanted if camera_day in (None, one[1:])):
        with suppress(NoReplay):
            found[replay] = read_day(settings.replays_dir, *replay)
    return found


def collect(records: Iterable[tuple[bytes, Fact]]) -> Log:
    """The log of these records: (value in wire format, record) in the order of each topic. Pure."""
    log = Log()
    seen: dict[tuple[object, ...], bytes] = {}
    for value, record in records:
        if _is_new(value, record, seen, log):
            _keep(record, log)
    for events in log.events.values():
        events.sort(key=lambda e: e.facet_revision)
    for found in (log.clips, log.uploads, log.incidents):
        for facets in found.values():
            facets.sort(key=lambda r: r.facet_revision)
    return log


def _is_new(value: bytes, record: Fact, seen: dict[tuple[object, ...], bytes], log: Log) -> bool:
    """False for a repetition. The same fact twice is no harm, as long as it is the same: told by the bytes."""
    name, about, revision = topic_name(record), *_identity(record)
    digest = hashlib.sha256(value[HEADER.size :]).digest()
    if (name, about, revision) not in seen:
        seen[name, about, revision] = digest
        return True
    if seen[name, about, revision] != digest:
        what = f"there are two records of revision {revision} with different content"
        log.repeats.append(Difference(name, about.partition(":")[0], what, ALTERED))
    return False


def _identity(record: Fact) -> tuple[str, object]:
    """(id, revision): what a consumer recognises a repetition by."""
    match record:
        case InteractionEvent() | UnattendedEvent():
            return record.episode_id, record.facet_revision
        case ClipCut() | ClipUploaded():
            return f"{record.episode_id}:{record.part}", record.facet_revision
        case IncidentReported():
            return record.episode_id, record.facet_revision
        case Episode():
            return record.episode_id, (record.version, record.activation, record.revision)
        case CustomerVisit():
            return record.visit_id, 1
        case CameraOutage():
            return record.outage_id, record.facet_revision
        case RetryAsked():
            return f"{record.episode_id}:{record.work_key}", (record.hash, record.asked_by, record.asked_at)
        case FoldSkip():
            return f"{record.camera_id}/{record.lane}", (record.stream_epoch, record.sequence, record.skipped_at)
        case EvidenceViewed():
            return record.episode_id, record
        case EvidenceRemoved():
            return record.episode_id or record.camera_id, (record.hash, record.finished_at)
        case Promotion():
            return f"{record.site_id}/{record.activation}", record.finished_at


def _keep(record: Fact, log: Log) -> None:
    match record:
        case InteractionEvent() | UnattendedEvent():
            log.events.setdefault(record.episode_id, []).append(record)
        case ClipCut():
            log.clips.setdefault((record.episode_id, record.part), []).append(record)
        case ClipUploaded():
            log.uploads.setdefault((record.episode_id, record.part), []).append(record)
        case IncidentReported():
            log.incidents.setdefault(record.occurrence_id, []).append(record)
        case Episode():
            there = log.episodes.get(record.episode_id)
            if there is None or (record.activation, record.revision) >= (there.activation, there.revision):
                log.episodes[record.episode_id] = record
        case RetryAsked():
            log.asks.append(record)
        case FoldSkip():
            log.skips.append(record)
        case EvidenceViewed():
            log.views.append(record)
        case EvidenceRemoved():
            log.removals.append(record)
        case Promotion():
            log.promotions.append(record)
        case CustomerVisit():
            log.visits[record.visit_id] = record
        case CameraOutage():
            there_outage = log.outages.get(record.outage_id)
            if there_outage is None or record.facet_revision >= there_outage.facet_revision:
                log.outages[record.outage_id] = record


def sent_again(letters: Iterable[Letter], codec: Codec) -> Iterator[SentAgain]:
    """The dead letters that were sent again and can be read now, with the episode that each is about."""
    for letter in letters:
        for mark in letter.republished:
            try:
                record = codec.decode(mark.value, letter.source_kind)
            except UndecodableError:
                continue
            episode_id = getattr(record, "episode_id", None)
            if episode_id is not None:
                sha256 = hashlib.sha256(mark.value or b"").hexdigest()
                yield SentAgain(episode_id, letter.id, mark.where, mark.by, mark.at, mark.reason, sha256)
