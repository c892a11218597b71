"""The streams worker is killed with SIGKILL where it hurts most and started again: the end is that of a quiet run."""

import uuid
from pathlib import Path

import pytest

from infra.config import load_settings
from infra.kafka import connect_codec, ensure_topics
from schemas.records import Episode, InteractionEvent, TrackUpdate
from schemas.site import load_site
from streams.evidence import entry_key, join
from tests.scenario import Folder, Scenario, book_of, ended
from tests.streams_process import Process, Watch, publish, write_site

CAMERAS = 4
SIGKILLED = -9


def scene(camera_id: str, seed: int) -> list[TrackUpdate]:
    """Two conversations, the second with another person, and somebody who walks past."""
    shop = Scenario(seconds=75, camera_id=camera_id, seed=seed, jitter_px=0.5)
    shop.person("person", (0, 0.0, 6.0))
    shop.person("person", (0, 6.0, 9.0), (4 + seed, 1.0, 6.0), (26 + seed, 1.0, 6.0), (33 + seed, 6.0, 9.0)).leaves(45)
    shop.person("person", (45, 6.0, 9.0), (49, 1.0, 6.2))
    shop.person("person", (0, -6.0, 6.5), (12, 6.0, 6.5)).leaves(12)
    return ended(shop.log())


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("place", "times"),
    [("before_publish", 800), ("after_ack", 1200), ("after_state", 1600), ("after_commit", 1)],
)
def test_killed_and_started_again_the_worker_ends_where_a_quiet_run_does(
    place: str, times: int, stack_dir: Path, tmp_path: Path
) -> None:
    # given a backlog of several cameras, and what the pure fold and join make of it
    name = f"k{uuid.uuid4().hex[:8]}"
    settings = load_settings(stack_dir=stack_dir, data_dir=tmp_path / "data", consumer_group=name)
    codec = connect_codec(settings)
    ensure_topics(settings)
    logs = {f"{name}-{number}": scene(f"{name}-{number}", number) for number in range(CAMERAS)}
    site = write_site(tmp_path, [{"camera_id": camera} for camera in logs], pairs="any")
    book = book_of(*(load_site(site).effective_rules(camera) for camera in logs))
    events = [e for log in logs.values() for e in Folder(book).fold(log) if isinstance(e, InteractionEvent)]
    episodes = joined(events)
    assert len(episodes) == 2 * CAMERAS
    publish(settings, codec, [update for together in zip(*logs.values(), strict=True) for update in together])

    # when the worker is killed there, in the middle of its work, and started again
    died = tmp_path / "died"
    with Process(settings, stack_dir, site, "first", failpoint=f"streams.{place}:{times}:{died}") as first:
        assert first.killed() == SIGKILLED
    assert died.exists()
    stated = Watch(settings, codec, InteractionEvent, logs)
    known = Watch(settings, codec, Episode, logs)
    with Process(settings, stack_dir, site, "second") as second:
        stated.until(
            lambda found: len({(e.episode_id, e.facet_revision) for e in found}) == len(events), workers=[second]
        )
        known.until(lambda found: newest(found) == episodes, workers=[second])
        assert second.stop()[0] == 0

    # then every event is there, a repeated one with the same bytes, and the Episodes are the same
    stated.read()
    assert {body for _, body in stated.bodies} == {codec.body(event) for event in events}
    assert newest(known.read()) == episodes
    stated.close()
    known.close()


def joined(events: list[InteractionEvent]) -> dict[str, Episode]:
    """The last Episode of each."""
    entries, last = {}, {}
    for event in events:
        key = entry_key(event)
        if key is not None:
            entries[key], changed = join(entries.get(key), event)
            last |= {episode.episode_id: episode for episode in changed}
    return last


def newest(found: list[Episode]) -> dict[str, Episode]:
    """What a reader of the compacted topic holds: the last record of each key."""
    return {episode.episode_id: episode for episode in found}
