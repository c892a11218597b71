"""Real files, topics, objects, rows, incidents and snapshots: one thing is removed or altered, and verify names it."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from connectors.audit.service import UnknownEpisode, episode_story, verify
from connectors.clickhouse import schema
from connectors.snapshots import service as snapshots
from infra.config import Settings, load_settings
from schemas.records import ClipCut, ClipUploaded, IncidentReported, InteractionEvent
from tests import world, world_servers
from tests.world import World, resealed
from tests.world_servers import ask, command, publish, put_object, s3


@dataclass
class Shop:
    """A world in the servers."""

    settings: Settings
    world: World

    @property
    def first(self) -> str:
        """The episode that everything is done to."""
        return next(iter(self.world.episodes))

    def clip(self) -> ClipCut:
        return next(c for c in self.world.of(ClipCut) if c.episode_id == self.first)

    def upload(self) -> ClipUploaded:
        return next(u for u in self.world.of(ClipUploaded) if u.episode_id == self.first)

    def incident(self) -> IncidentReported:
        return next(i for i in self.world.of(IncidentReported) if i.episode_id == self.first)

    def clip_path(self) -> Path:
        return self.settings.segments_dir / self.clip().camera_id / str(self.clip().segment_filename)

    def snapshot(self) -> Path:
        return snapshots.folder_of(self.settings, self.world.site) / "2026-03-02.json"


def settled(stack_dir: Path, data_dir: Path) -> Shop:
    settings = load_settings(stack_dir=stack_dir, data_dir=data_dir, consumer_group=f"test-{uuid.uuid4().hex[:8]}")
    made = world.make(f"v{uuid.uuid4().hex[:8]}", host=settings.host, post=world_servers.poster(settings))
    world_servers.fill(settings, made)
    return Shop(settings, made)


@pytest.fixture(scope="module")
def kept(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A world for what can be put back afterwards."""
    return settled(stack_dir, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def lost(stack_dir: Path, tmp_path: Path) -> Shop:
    """A world for what cannot: topics and accepted incidents only grow."""
    return settled(stack_dir, tmp_path)


def named(shop: Shop, store: str, words: str) -> None:
    """verify does not agree, and names this store, the episode and the damage; other stores are not blamed."""
    report = verify(shop.settings, shop.world.site)
    assert not report.agrees
    assert any(d.store == store and d.episode_id == shop.first and words in d.what for d in report.differences), (
        report.text()
    )
    assert {d.store for d in report.differences} == {store}, report.text()


def test_an_undamaged_world_agrees_over_all_days_and_over_one(kept: Shop) -> None:
    everything = verify(kept.settings, kept.world.site)
    assert everything.agrees, everything.text()
    assert all(count > 0 for count in everything.checked.values()), everything.text()
    assert verify(kept.settings, kept.world.site, days=["2026-03-02"]).agrees
    assert (
        verify(kept.settings, kept.world.site, days=["2026-03-03"]).differences[0].what == "there is no episode at all"
    )


def rows_again(shop: Shop) -> None:
    world_servers.fill_rows(shop.settings, shop.world)


def table(shop: Shop) -> str:
    return f"WHERE episode_id = '{shop.first}'"


Change = Callable[[Shop], object]
REMOVED_OR_ALTERED: dict[str, tuple[Change, Change, str, str]] = {
    "file removed": (
        lambda shop: shop.clip_path().unlink(),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "clip files",
        "is missing",
    ),
    "file altered": (
        lambda shop: shop.clip_path().write_bytes(b"!" + shop.clip_path().read_bytes()[1:]),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "clip files",
        "its record says",
    ),
    "sidecar removed": (
        lambda shop: shop.clip_path().with_suffix(".json").unlink(),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "clip files",
        "is missing",
    ),
    "sidecar altered": (
        lambda shop: shop.clip_path().with_suffix(".json").write_text('{"episode_id": "another"}'),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "clip files",
        "says episode_id 'another'",
    ),
    "object removed": (
        lambda shop: s3(shop.settings).delete_object(
            Bucket=shop.settings.s3.bucket, Key=shop.upload().uploaded_filename
        ),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "S3",
        "is missing",
    ),
    "object altered under its old metadata": (
        lambda shop: put_object(shop.settings, shop.upload(), b"other bytes"),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "S3",
        "its record says",
    ),
    "object's metadata altered": (
        lambda shop: put_object(shop.settings, shop.upload(), shop.clip_path().read_bytes(), episode_id="nobody"),
        lambda shop: world_servers.fill_files(shop.settings, shop.world),
        "S3",
        "metadata name episode nobody",
    ),
    "row removed": (
        lambda shop: command(shop.settings, f"ALTER TABLE episode_log DELETE {table(shop)}"),
        rows_again,
        "ClickHouse",
        "has 0 rows in episode_log",
    ),
    "row altered": (
        lambda shop: command(shop.settings, f"ALTER TABLE episode_log UPDATE duration_s = 1 {table(shop)}"),
        lambda shop: (
            command(shop.settings, f"ALTER TABLE episode_log DELETE {table(shop)}"),
            rows_again(shop),
        ),
        "ClickHouse",
        "duration_s 1.0 instead of 62.4",
    ),
    "row of another version shown": (
        lambda shop: command(
            shop.settings,
            "INSERT INTO active_versions VALUES "
            f"('{shop.world.site.site_id}', '{shop.clip().camera_id}', '2026-03-02', 'trial', 1, 0)",
        ),
        lambda shop: command(
            shop.settings, f"ALTER TABLE active_versions DELETE WHERE site_id = '{shop.world.site.site_id}'"
        ),
        "ClickHouse",
        "is shown 0 times by the view episodes",
    ),
    "snapshot item removed": (
        lambda shop: without_item(shop),
        lambda shop: snapshots.rebuild(shop.settings, shop.world.site),
        "snapshot",
        "has 0 items of it",
    ),
    "snapshot item altered": (
        lambda shop: shop.snapshot().write_text(shop.snapshot().read_text().replace('n": 62.4', 'n": 1.0')),
        lambda shop: snapshots.rebuild(shop.settings, shop.world.site),
        "snapshot",
        "differs in interaction_duration",
    ),
}


def without_item(shop: Shop) -> None:
    body = json.loads(shop.snapshot().read_bytes())
    del body["interaction_metrics"]["interaction_times"][0]
    shop.snapshot().write_text(json.dumps(body))


@pytest.mark.parametrize("what", REMOVED_OR_ALTERED)
def test_what_is_removed_or_altered_in_a_store_is_named(kept: Shop, what: str) -> None:
    damage, repair, store, words = REMOVED_OR_ALTERED[what]
    # given one thing removed or altered in one store
    damage(kept)

    # then verify names it, and blames no other store
    try:
        named(kept, store, words)
    finally:
        repair(kept)


def test_when_all_of_it_is_put_back_all_stores_agree_again(kept: Shop) -> None:
    report = verify(kept.settings, kept.world.site)
    assert report.agrees, report.text()


def without(shop: Shop, kind: type, **fields: object) -> list[world.Fact]:
    """The world's records but those of a kind with these values."""
    return [
        record
        for record in shop.world.records
        if not (isinstance(record, kind) and all(getattr(record, n) == v for n, v in fields.items()))
    ]


IN_A_TOPIC: dict[str, tuple[Callable[[Shop], list[world.Fact]], str, str]] = {
    "event removed": (
        lambda shop: without(shop, InteractionEvent, episode_id=shop.first, phase="ended"),
        "topic interaction-events",
        "has no end",
    ),
    "clip record removed": (
        lambda shop: without(shop, ClipCut, episode_id=shop.first, part="alert"),
        "topic clips",
        "no record of its alert clip",
    ),
    "upload record removed": (
        lambda shop: without(shop, ClipUploaded, episode_id=shop.first, part="alert"),
        "topic uploads",
        "no upload of its alert clip",
    ),
    "incident record removed": (
        lambda shop: without(shop, IncidentReported, episode_id=shop.first),
        "topic incidents",
        "no report of the incident",
    ),
    "hash altered": (
        lambda shop: [msgspec.structs.replace(r, hash="0" * 64) if r == shop.clip() else r for r in shop.world.records],
        "topic clips",
        "the alert clip: its hash does not fit its content",
    ),
    "chain altered": (
        lambda shop: [resealed(r, previous_hash="0" * 64) if r == shop.clip() else r for r in shop.world.records],
        "topic clips",
        "does not follow the record in topic interaction-events by hash",
    ),
}


@pytest.mark.parametrize("what", IN_A_TOPIC)
def test_what_is_missing_or_altered_in_a_topic_is_named(kept: Shop, what: str) -> None:
    change, store, words = IN_A_TOPIC[what]
    # given another site's topics, in which one record is missing or altered: what is in a topic cannot be taken out
    shop = Shop(kept.settings, world.make(f"v{uuid.uuid4().hex[:8]}", host=kept.settings.host))
    publish(shop.settings, change(shop))

    # when all is verified
    report = verify(shop.settings, shop.world.site)

    # then it is named
    assert any(d.store == store and d.episode_id == shop.first and words in d.what for d in report.differences), (
        report.text()
    )


def test_an_incident_that_was_never_accepted_is_named(stack_dir: Path, tmp_path: Path) -> None:
    # given a world whose incidents are in the topic, and were never posted
    settings = load_settings(stack_dir=stack_dir, data_dir=tmp_path, consumer_group="test-never")
    shop = Shop(settings, world.make(f"v{uuid.uuid4().hex[:8]}", host=settings.host))
    world_servers.fill(settings, shop.world)
    report = verify(settings, shop.world.site)
    assert {d.store for d in report.differences} == {"incident API"}
    assert {d.what.partition(" ")[2] for d in report.differences} == {"was accepted 0 times, its record says reported"}


def test_an_incident_that_was_accepted_twice_is_named(lost: Shop) -> None:
    # given an API that ignores keys, asked once more
    partner_url = lost.settings.partner.url
    incident = lost.incident()
    ask(lost.settings, f"{partner_url}/mode", b'{"api": "incident", "mode": "ignores_keys"}')
    try:
        world_servers.poster(lost.settings)(incident.incident_id, lost.world.payloads[incident.incident_id])
    finally:
        ask(lost.settings, f"{partner_url}/mode", b'{"api": "incident", "mode": "honours_keys"}')

    # then verify names it
    named(lost, "incident API", "was accepted 2 times")


def test_a_site_without_episodes_does_not_pass(settings: Settings) -> None:
    empty = world.make(f"e{uuid.uuid4().hex[:8]}")
    schema.apply(settings)
    report = verify(settings, empty.site)
    assert not report.agrees
    assert "there is no episode at all" in report.text()


def test_the_story_of_an_episode_is_told_by_the_beginning_of_its_id(kept: Shop) -> None:
    # when the story is asked for by a prefix
    story = episode_story(kept.settings, kept.world.site, kept.first[:8])

    # then it has every step, holds, and says where everything is
    assert [step.what for step in story.steps] == [
        "started",
        "confirmed",
        "ended",
        "clip alert",
        "upload alert",
        "incident",
        "clip closing",
        "upload closing",
    ]
    assert story.sound, story.text()
    places = dict(story.places)
    assert places["video"] == kept.upload().video_url
    assert places["snapshot"] == "2026-03-02.json, last_7_days.json"
    assert "1 in episode_log, shown 1 times" in places["row"]


def test_the_story_of_a_damaged_episode_says_so_and_that_of_another_does_not(kept: Shop) -> None:
    # given a clip file that is gone
    kept.clip_path().unlink()
    try:
        # then its episode's story does not hold
        story = episode_story(kept.settings, kept.world.site, kept.first)
        assert not story.sound
        assert "is missing" in story.text()

        # and one that has nothing to do with it does
        wait = list(kept.world.episodes)[2]
        assert episode_story(kept.settings, kept.world.site, wait).sound
    finally:
        world_servers.fill_files(kept.settings, kept.world)


def test_a_story_read_from_near_the_episode_says_what_one_from_the_whole_log_does(kept: Shop) -> None:
    # given an episode of which a file is gone, the row is another, and the snapshot's item was altered
    item = kept.snapshot().read_text()
    kept.clip_path().unlink()
    command(kept.settings, f"ALTER TABLE episode_log UPDATE ordinal = 77 {table(kept)}")
    kept.snapshot().write_text(item.replace('"interaction_duration": 62.4', '"interaction_duration": 2.4'))
    try:
        for episode_id in kept.world.episodes:
            # when it is told by its whole id, and by so much of it that only the whole log knows which is meant
            near = episode_story(kept.settings, kept.world.site, episode_id)
            whole = episode_story(kept.settings, kept.world.site, episode_id[:-1])

            # then nothing is lost
            assert near == whole
        first = episode_story(kept.settings, kept.world.site, kept.first)
        assert {difference.store for difference in first.differences} == {"clip files", "ClickHouse", "snapshot"}
    finally:
        kept.snapshot().write_text(item)
        command(kept.settings, f"ALTER TABLE episode_log DELETE {table(kept)}")
        rows_again(kept)
        world_servers.fill_files(kept.settings, kept.world)


def test_an_unknown_episode_is_answered_with_the_nearest(kept: Shop) -> None:
    with pytest.raises(
        UnknownEpisode, match=f"no episode begins with '{kept.first[:10]}zz'; the nearest are {kept.first}"
    ):
        episode_story(kept.settings, kept.world.site, f"{kept.first[:10]}zz")
