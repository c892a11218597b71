"""What the pipeline has not finished yet: records not taken, work not done, episodes still waiting for something."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaException

from connectors.audit.facts import Event
from connectors.sink import decoded
from connectors.work import Work, read_work
from infra.config import Settings
from infra.kafka import KafkaUnavailable, connect_codec, consumer, read_to_end
from infra.standing import behind
from schemas.records import Episode, InteractionEvent, UnattendedEvent
from schemas.site import Site
from schemas.topics import (
    CAMERA_OUTAGES,
    CLIPS,
    CUSTOMER_VISITS,
    EPISODES,
    EVIDENCE_REMOVALS,
    INCIDENTS,
    INTERACTION_EVENTS,
    RETRIES,
    TRACK_UPDATES,
    UNATTENDED_EVENTS,
    UPLOADS,
    Topic,
    work,
)

FLOW: Sequence[tuple[str, Sequence[Topic]]] = (
    ("streams", (TRACK_UPDATES,)),
    ("clip", (INTERACTION_EVENTS, UNATTENDED_EVENTS, RETRIES, EVIDENCE_REMOVALS)),
    ("upload", (CLIPS, RETRIES, EVIDENCE_REMOVALS)),
    ("incident", (UPLOADS, RETRIES, EVIDENCE_REMOVALS)),
    ("streams", (INTERACTION_EVENTS, UNATTENDED_EVENTS, CLIPS, UPLOADS, INCIDENTS, EVIDENCE_REMOVALS)),
    ("clickhouse", (EPISODES, CUSTOMER_VISITS, CAMERA_OUTAGES)),
    ("snapshots", (EPISODES,)),
)
"""Who takes what, down the path of a record. Looked at in this order, nothing slips past: who is found idle has
already handed on what the next one is then asked about."""
WITH_WORK = ("clip", "upload", "incident")
TIMEOUT_S = 20.0


_WORK = msgspec.json.Decoder(Work[Any, Any])


def outstanding(settings: Settings, site: Site | None = None) -> list[str]:
    """One line for each thing that is still to come; empty when the pipeline is settled.

    site: leave out the work and the episodes of other sites. Raises KafkaUnavailable, RegistryUnavailable.
    """
    found: list[str] = []
    for part, sources in FLOW:
        found += not_taken(settings, part, sources)
        if part in WITH_WORK:
            found += _not_done(settings, part, site)
    return found or list(_waiting(settings, site))


def not_taken(settings: Settings, part: str, sources: Sequence[Topic]) -> Iterator[str]:
    """One line for each topic whose end a part's consumer group has not committed. Raises KafkaUnavailable."""
    reader = consumer(settings, part)  # asks about the group without joining it
    try:
        for topic in sources:
            if lag := behind(reader, topic, TIMEOUT_S):
                yield f"{part}: {lag} records of {topic.name} to take"
    except KafkaException as error:
        raise KafkaUnavailable(f"asking how far {part} has come: {error.args[0].str()}") from error
    finally:
        reader.close()


def _not_done(settings: Settings, part: str, site: Site | None) -> Iterator[str]:
    """Work that is not finished, or whose result is not yet published."""
    messages = read_to_end(settings, work(part))
    yield from not_done((((m.key() or b"").decode(), m.value()) for m in messages), part, site)


def not_done(records: Iterable[tuple[str, bytes | None]], part: str, site: Site | None) -> Iterator[str]:
    """The same of a connector's work records, in order of each key; they mean here what they mean to it (pure)."""
    there = read_work(records, _WORK, f"{part}-work")
    for key, open_work in there.open.items():
        if site is None or _site_of(open_work) in (None, site.site_id):
            yield f"{part}: {key} is {open_work.state}"
    for key, unpublished in there.unpublished.items():
        if site is None or _site_of(unpublished) in (None, site.site_id):
            yield f"{part}: {key} is to be published"


def _site_of(of: Work[Any, Any]) -> str | None:
    """The site that the work is for, as far as its record still says so."""
    for place in (of.input, of.result):
        if isinstance(place, dict):
            subject = place.get("subject")
            return place.get("site_id") or (subject.get("site_id") if isinstance(subject, dict) else None)
    return None


def _waiting(settings: Settings, site: Site | None) -> Iterator[str]:
    """Episodes without an end, and evidence or incidents without an outcome."""
    codec = connect_codec(settings)
    open_since: dict[str, Event] = {}
    for topic in (INTERACTION_EVENTS, UNATTENDED_EVENTS):
        for _, event in decoded(read_to_end(settings, topic), codec, None):
            assert isinstance(event, InteractionEvent | UnattendedEvent)
            if site is None or event.site_id == site.site_id:
                if event.phase == "started":
                    open_since.setdefault(event.episode_id, event)
                elif event.phase in ("ended", "discarded", "retracted"):
                    open_since.pop(event.episode_id, None)
    for event in open_since.values():
        yield f"streams: episode {event.episode_id} of {event.camera_id} has not ended"
    episodes: dict[str, Episode] = {}
    for _, episode in decoded(read_to_end(settings, EPISODES), codec, None):
        assert isinstance(episode, Episode)
        if site is None or episode.site_id == site.site_id:
            episodes[episode.episode_id] = episode
    for episode in episodes.values():
        if episode.evidence.status == "pending":
            yield f"clip: evidence of episode {episode.episode_id} is pending"
        elif episode.opens and episode.incident.status is None:
            yield f"incident: episode {episode.episode_id} is not reported yet"
