"""Reading history for a comparison or a promotion: the facts of some cameras' days, and what each version says."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from aiokafka.partitioner import murmur2

from infra.config import Settings
from infra.kafka import connect_codec
from infra.replays import CameraDay, read_day
from schemas.codec import Codec, UndecodableError
from schemas.ids import day_begins_ms
from schemas.records import ClipCut, ClipUploaded, Episode, InteractionEvent, UnattendedEvent
from schemas.site import Site
from streams.evidence import Fact
from streams.joining import SOURCES
from streams.reread import LogReader, offset_at, watermarks
from streams.versions import live, stated

SLACK_MS = 60_000
"""How much the brokers' clock may be behind the cameras'."""


def day_span(site: Site, camera_id: str, day: str) -> tuple[int, int]:
    """[begin, end) of a camera's business day, ms UTC."""
    rules = site.effective_rules(camera_id)
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    begin, end = (day_begins_ms(d, rules.timezone, rules.day_starts_min) for d in (day, following))
    return begin, end


def read_facts(settings: Settings, codec: Codec, site: Site, wanted: Collection[CameraDay]) -> list[Fact]:
    """Events, clips, uploads and incidents of these cameras' days, of every lane. Raises KafkaUnavailable.

    All of them were published after their day began, so that the topics are read from there.
    """
    since = min(day_span(site, *camera_day)[0] for camera_day in wanted) - SLACK_MS
    cameras = {camera_id for camera_id, _ in wanted}
    found: list[Fact] = []
    for topic in SOURCES:
        kind: Any = topic.value
        for partition in {_partition(camera, topic.partitions) for camera in cameras}:
            for key, value in _values(settings, topic.name, partition, since):
                if key.decode(errors="replace") in cameras:
                    try:
                        fact: Fact = codec.decode(value, kind)
                    except UndecodableError:  # put aside by who folds and joins
                        continue
                    if (fact.camera_id, fact.business_day) in wanted and fact.site_id == site.site_id:
                        found.append(fact)
    return found


def _values(settings: Settings, topic: str, partition: int, since_ms: int) -> Iterator[tuple[bytes, bytes]]:
    end = watermarks(settings, topic, partition)[1]
    start = offset_at(settings, topic, partition, since_ms)
    if start >= end:
        return
    with LogReader(settings, topic, partition, start) as log:
        while log.position < end:
            yield from ((r.key or b"", r.value or b"") for r in log.read() if r.offset < end)


def episodes_of(
    settings: Settings, site: Site, version: str, wanted: Sequence[CameraDay], facts: Sequence[Fact]
) -> list[Episode]:
    """What a version says of these camera-days: live, or a replay on this machine. Raises NoReplay."""
    if version == "live":
        return live(facts)
    evidence = [fact for fact in facts if isinstance(fact, ClipCut | ClipUploaded)]
    told = [one for camera_day in wanted for one in read_day(settings.replays_dir, version, *camera_day)]
    events = [one for one in told if isinstance(one, InteractionEvent | UnattendedEvent)]
    return stated(events, evidence, {}, version=version)


def two_versions(
    settings: Settings, site: Site, one: str, other: str, wanted: Sequence[CameraDay]
) -> tuple[list[Episode], list[Episode]]:
    """What two versions say of these camera-days. Raises NoReplay, ServerErrors."""
    facts = read_facts(settings, connect_codec(settings), site, wanted)
    return episodes_of(settings, site, one, wanted, facts), episodes_of(settings, site, other, wanted, facts)


def _partition(camera_id: str, partitions: int) -> int:
    """Where every producer of ours puts the camera."""
    return (int(murmur2(camera_id.encode())) & 0x7FFFFFFF) % partitions
