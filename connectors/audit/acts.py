"""What persons did: had a step done again, a record passed over, pictures removed. Each is followed (pure)."""

import itertools
from collections.abc import Iterator, Sequence

from connectors.audit.facts import Difference, Log, topic_name
from schemas.acts import EvidenceRemoved, FoldSkip, RetryAsked
from schemas.hashing import hash_of
from schemas.records import ClipCut, ClipUploaded, IncidentReported

Facet = ClipCut | ClipUploaded | IncidentReported
STORE = "topic retries"
UNDER_WAY = "it may still be under way (`trackfold verify --wait 60`); else see the log of the connector, and ask again"


def check(log: Log) -> Iterator[Difference]:
    """Every word was followed, and what was done again had a reason."""
    for ask in log.asks:
        if hash_of(ask) != ask.hash:
            what = f"the retry of {ask.work_key}: its hash does not fit its content"
            yield Difference(STORE, ask.episode_id, what, "compare it with a backup of the topic")
        refused = ask.episode_id in log.removed and ask.step != "incident"
        if not refused and all(facet.facet_revision <= ask.revision for facet in facets(ask, log)):
            what = f"the retry of its {step(ask)} that {ask.asked_by} asked for has not been followed"
            yield Difference(STORE, ask.episode_id, what, UNDER_WAY)
    for removal in log.removed.values():
        yield from _removal(removal)
    steps: list[Sequence[Facet]] = [*log.clips.values(), *log.uploads.values(), *log.incidents.values()]
    for found in steps:
        yield from _unasked(found, log)


def _removal(removal: EvidenceRemoved) -> Iterator[Difference]:
    store, episode_id = topic_name(removal), removal.episode_id or ""
    if hash_of(removal) != removal.hash:
        what = f"the removal that {removal.decided_by} decided: its hash does not fit its content"
        yield Difference(store, episode_id, what, "compare it with a backup of the topic")
    if removal.finished_at is None:
        what = f"that its pictures go was decided by {removal.decided_by}, and not finished"
        yield Difference(store, episode_id, what, f"run it again: `trackfold erase {episode_id}`")


def facets(ask: RetryAsked, log: Log) -> Sequence[Facet]:
    """The records of the step that was to be done again."""
    if ask.step == "incident":
        reports = [report for found in log.incidents.values() for report in found]
        return [report for report in reports if report.incident_id == ask.work_key]
    kept = log.clips if ask.step == "clip" else log.uploads
    return kept.get((ask.episode_id, ask.part or "alert"), [])


def _unasked(found: Sequence[Facet], log: Log) -> Iterator[Difference]:
    """A later revision follows a person's word, or another record than the revision before."""
    for before, facet in itertools.pairwise(found):
        asked = any(ask.revision == before.facet_revision and facet in facets(ask, log) for ask in log.asks)
        promoted = facet.lane != "live"  # a promotion may report what it suppressed before
        if not asked and not promoted and facet.previous_hash == before.previous_hash:
            what = f"revision {facet.facet_revision} of {before.hash[:8]} was done again, and nobody asked for it"
            yield Difference(topic_name(facet), facet.episode_id, what, "find out what did it: see the connector's log")


def asks_about(episode_id: str, owner: str, occurrence_id: str | None, log: Log) -> list[RetryAsked]:
    """The words about one episode. owner: the episode whose alert clip shows it."""
    of_incident = {report.incident_id for report in log.incidents.get(occurrence_id or "", [])}
    keys = {f"{owner}:alert", f"{episode_id}:closing", *of_incident}
    return [ask for ask in log.asks if ask.work_key in keys]


def skips_about(episode_id: str, log: Log) -> list[FoldSkip]:
    """What was passed over while an episode was going on."""
    events = log.events.get(episode_id, [])
    if not events:
        return []
    begin, end = events[0].started_at, max(event.cause.captured_at for event in events)
    camera = (events[0].camera_id, events[0].lane)
    return [
        skip
        for skip in log.skips
        if (skip.camera_id, skip.lane) == camera and skip.captured_at and begin <= skip.captured_at <= end
    ]


def step(ask: RetryAsked) -> str:
    """For people: step and part."""
    return f"{ask.step} {ask.part}" if ask.part else ask.step
