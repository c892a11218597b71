"""Reading history for a comparison or a promotion: the facts of some cameras' days, and what each version says."""

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Any

from infra.config import Settings
from infra.kafka import connect_codec, consumer, read_to_end
from infra.partitions import offsets_at, partition_of
from infra.replays import read_day
from schemas import ids
from schemas.acts import EvidenceRemoved
from schemas.codec import Codec, UndecodableError
from schemas.promotions import CameraDay
from schemas.records import ClipCut, ClipUploaded, Episode, InteractionEvent, UnattendedEvent
from schemas.site import Site
from schemas.topics import EPISODES, Topic
from streams.evidence import Fact
from streams.joining import SOURCES
from streams.versions import live as live
from streams.versions import stated as stated

SLACK_MS = 60_000
"""How much the brokers' clock may be behind the cameras'."""
END = 1 << 62


def day_span(site: Site, camera_id: str, day: str) -> tuple[int, int]:
    """[begin, end) of a camera's business day, ms UTC."""
    rules = site.effective_rules(camera_id)
    return ids.day_span(day, rules.timezone, rules.day_starts_min)


def read_facts(settings: Settings, codec: Codec, site: Site, wanted: Collection[CameraDay]) -> list[Fact]:
    """Events, clips, uploads, incidents and removals of these cameras' days, of every lane. Raises KafkaUnavailable.

    All of them were published after their day began, so that the topics are read from there.
    """
    since = min(day_span(site, *camera_day)[0] for camera_day in wanted) - SLACK_MS
    cameras = {camera_id for camera_id, _ in wanted}
    found: list[Fact] = []
    for topic in SOURCES:
        there = sorted({partition_of(camera, topic.partitions) for camera in cameras})
        found += _read(settings, codec, topic, there, since, site, wanted)
    return found


def read_current(settings: Settings, codec: Codec, site: Site, wanted: Collection[CameraDay]) -> list[Episode]:
    """What the topic `episodes` says now of these cameras' days: the newest record of each. Raises KafkaUnavailable."""
    since = min(day_span(site, *camera_day)[0] for camera_day in wanted) - SLACK_MS
    newest: dict[str, Episode] = {}
    for episode in _read(settings, codec, EPISODES, range(EPISODES.partitions), since, site, wanted):
        there = newest.get(episode.episode_id)
        if there is None or (episode.activation, episode.revision) >= (there.activation, there.revision):
            newest[episode.episode_id] = episode
    return list(newest.values())


def _read(
    settings: Settings,
    codec: Codec,
    topic: Topic,
    partitions: Sequence[int],
    since_ms: int,
    site: Site,
    wanted: Collection[CameraDay],
) -> list[Any]:
    kind: Any = topic.value
    with closing(consumer(settings, None)) as asking:
        at = offsets_at(asking, [(topic.name, partition) for partition in partitions], since_ms)
    first = {partition: END if offset is None else offset for (_, partition), offset in at.items()}
    wanted, found = set(wanted), []
    for message in read_to_end(settings, topic, partitions, first):
        try:
            record = codec.decode(message.value(), kind)
        except UndecodableError:  # put aside by who folds and joins
            continue
        if (record.camera_id, record.business_day) in wanted and record.site_id == site.site_id:
            found.append(record)
    return found


def episodes_of(
    settings: Settings, site: Site, version: str, wanted: Sequence[CameraDay], facts: Sequence[Fact]
) -> list[Episode]:
    """What a version says of these camera-days: live, or a replay on this machine. Raises NoReplay."""
    if version == "live":
        return live(facts)
    evidence = [fact for fact in facts if isinstance(fact, ClipCut | ClipUploaded | EvidenceRemoved)]
    told = [one for camera_day in wanted for one in read_day(settings.replays_dir, version, *camera_day)]
    events = [one for one in told if isinstance(one, InteractionEvent | UnattendedEvent)]
    return stated(events, evidence, {}, version=version)


def two_versions(
    settings: Settings, site: Site, one: str, other: str, wanted: Sequence[CameraDay]
) -> tuple[list[Episode], list[Episode]]:
    """What two versions say of these camera-days. Raises NoReplay, ServerErrors."""
    facts = read_facts(settings, connect_codec(settings), site, wanted)
    return episodes_of(settings, site, one, wanted, facts), episodes_of(settings, site, other, wanted, facts)
