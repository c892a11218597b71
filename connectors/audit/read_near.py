"""Reading only what can concern one episode: its camera's partitions, from a day before it began, and its own key's.

Nothing is published before it happened, so that looking up an offset by record time misses nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing

from confluent_kafka import Message

from connectors.audit.facts import Fact, Log
from connectors.audit.read_log import collect, read_replays, sent_again
from connectors.sink import decoded
from connectors.ways_out.dead_letters import read_letters
from infra.config import Settings
from infra.kafka import consumer, ensure_topics, read_to_end
from infra.partitions import offsets_at, partition_of
from schemas.codec import Codec
from schemas.records import Episode
from schemas.site import Site
from schemas.topics import (
    CLIPS,
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
    Topic,
)

OF_CAMERA = (
    INTERACTION_EVENTS,
    UNATTENDED_EVENTS,
    CLIPS,
    UPLOADS,
    INCIDENTS,
    RETRIES,
    EVIDENCE_VIEWS,
    EVIDENCE_REMOVALS,
)
OF_SITE = (FOLD_SKIPS, PROMOTIONS)
"""Few records, which persons made."""
DAY_MS_MAX = 25 * 3600 * 1000
"""A business day when the clocks go back: an episode's occurrence does not begin before its day."""
SLACK_MS = 60_000
"""How much the brokers' clock may be behind the cameras'."""


def read_near(settings: Settings, site: Site, codec: Codec, episode_id: str) -> Log | None:
    """What read_log() gives and what was sent again, as far as it concerns one episode.

    None: no Episode of the site has this whole id. Raises KafkaUnavailable, RegistryUnavailable.
    """
    ensure_topics(settings)
    reading = _Reading(settings, site, codec)
    episode = collect(reading.episodes({episode_id})).episodes.get(episode_id)
    if episode is None:
        return None
    known: set[str] = set()
    wanted = {episode_id, episode.occurrence_id, episode.evidence.evidence_from or episode_id}
    of_site = list(reading.of_site())
    log = Log()
    while not wanted <= known:
        known |= wanted
        log = collect([*of_site, *reading.of_camera(episode, known), *reading.episodes(known)])
        wanted = log.related(episode_id)
    camera_day = (episode.camera_id, episode.business_day)
    log.replays = read_replays(settings, log, camera_day)
    log.sent_again = list(sent_again(read_letters(settings, _places(episode.camera_id, known)), codec))
    return log


class _Reading:
    """Parts of the site's log, as (value in wire format, record)."""

    def __init__(self, settings: Settings, site: Site, codec: Codec) -> None:
        self._settings, self._site, self._codec = settings, site, codec

    def episodes(self, episode_ids: Collection[str]) -> Iterator[tuple[bytes, Fact]]:
        """What is stated of these episodes."""
        (partitions,) = _places("", episode_ids, of_camera=()).values()
        keys = {episode_id.encode() for episode_id in episode_ids}
        yield from self._ours(m for m in read_to_end(self._settings, EPISODES, partitions) if m.key() in keys)

    def of_camera(self, episode: Episode, episode_ids: Collection[str]) -> Iterator[tuple[bytes, Fact]]:
        """What the topics of the episode's camera say of these episodes."""
        marks = [episode_id.encode() for episode_id in episode_ids]
        for topic, partition, first in self._begins(episode):
            messages = read_to_end(self._settings, topic, [partition], {partition: first})
            yield from self._ours(m for m in messages if any(mark in (m.value() or b"") for mark in marks))

    def of_site(self) -> Iterator[tuple[bytes, Fact]]:
        """What persons decided of the whole site."""
        for topic in OF_SITE:
            yield from self._ours(read_to_end(self._settings, topic))

    def _begins(self, episode: Episode) -> list[tuple[Topic, int, int]]:
        """(topic, partition, offset) of where the camera's records around an episode begin, where there are any."""
        at_ms = episode.started_at - DAY_MS_MAX - SLACK_MS
        places = {(t.name, partition_of(episode.camera_id, t.partitions)): t for t in OF_CAMERA}
        with closing(consumer(self._settings, None)) as asking:
            found = offsets_at(asking, list(places), at_ms)
        return [(places[at], at[1], first) for at, first in found.items() if first is not None]

    def _ours(self, messages: Iterator[Message]) -> Iterator[tuple[bytes, Fact]]:
        for message, record in decoded(messages, self._codec, None):
            if isinstance(record, Fact) and record.site_id == self._site.site_id:
                yield message.value() or b"", record


def _places(
    camera_id: str, episode_ids: Collection[str], of_camera: Collection[Topic] = OF_CAMERA
) -> Mapping[str, list[int]]:
    """Topic name -> the partitions in which records of these episodes are."""
    places = {topic.name: [partition_of(camera_id, topic.partitions)] for topic in of_camera}
    return places | {EPISODES.name: sorted({partition_of(e, EPISODES.partitions) for e in episode_ids})}
