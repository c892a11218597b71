"""The snapshot sink on real servers: its files are what the topic says, also after a restart and for old days."""

import threading
import uuid
from pathlib import Path

import msgspec
import pytest

from connectors.audit.settled import FLOW, not_taken
from connectors.snapshots import service
from connectors.snapshots.plan import DAYS_HELD, DEFAULT
from infra.config import Settings
from schemas.records import Episode
from tests import world, world_servers
from tests.connector_stack import running, wait_for
from tests.world import World

DAY_MS = 24 * 3_600_000


@pytest.fixture
def shop() -> World:
    """A world of its own site."""
    return world.make(f"s{uuid.uuid4().hex[:8]}")


def on_disk(settings: Settings, shop: World) -> dict[str, bytes]:
    folder = service.folder_of(settings, shop.site)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


def of_day(episode: Episode, day: str) -> Episode:
    """The same facts as another episode of another business day."""
    other = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{episode.episode_id} {day}"))
    return msgspec.structs.replace(episode, episode_id=other, business_day=day)


def test_the_files_are_what_the_topic_says_and_a_rebuild_is_the_same_bytes(settings: Settings, shop: World) -> None:
    # given a world in the topic
    world_servers.publish(settings, shop.stated)

    # when the service runs
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: on_disk(settings, shop) == world.planned(shop))
        wait_for(lambda: not list(not_taken(settings, "snapshots", dict(FLOW)["snapshots"])))
    written = on_disk(settings, shop)

    # then a rebuild from the topic is the same file, byte for byte, and nothing else lies there
    for path in service.folder_of(settings, shop.site).iterdir():
        path.unlink()
    paths = service.rebuild(settings, shop.site)
    assert on_disk(settings, shop) == written
    assert sorted(path.name for path in paths) == ["2026-03-02.json", DEFAULT.last_days_name]


def test_what_comes_later_changes_the_file_and_a_retraction_takes_the_item_out(settings: Settings, shop: World) -> None:
    # given a service that has written a day
    world_servers.publish(settings, shop.stated)
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: on_disk(settings, shop) == world.planned(shop))

        # when one of its episodes is retracted
        episode = next(iter(shop.episodes.values()))
        retracted = msgspec.structs.replace(episode, phase="retracted", revision=episode.revision + 4)
        world_servers.publish(settings, [retracted])

        # then its item goes
        wait_for(lambda: episode.episode_id.encode() not in on_disk(settings, shop)["2026-03-02.json"])


def test_a_restart_keeps_the_days_that_it_does_not_hold_and_writes_an_old_one_when_it_changes(
    settings: Settings, shop: World
) -> None:
    # given a service that has written an old day and one much later
    episode = next(iter(shop.episodes.values()))
    old, new = of_day(episode, "2026-01-05"), of_day(episode, "2026-03-20")
    assert DAYS_HELD < 70
    world_servers.publish(settings, [old, new])
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: set(on_disk(settings, shop)) == {"2026-01-05.json", "2026-03-20.json", DEFAULT.last_days_name})
        wait_for(lambda: not list(not_taken(settings, "snapshots", dict(FLOW)["snapshots"])))
    before = on_disk(settings, shop)
    changed_at = (service.folder_of(settings, shop.site) / "2026-01-05.json").stat().st_mtime_ns

    # when it starts again
    with running((service.run, (settings, shop.site))):
        # and one more episode of the old day comes
        wait_for(lambda: not list(not_taken(settings, "snapshots", dict(FLOW)["snapshots"])))
        assert (service.folder_of(settings, shop.site) / "2026-01-05.json").stat().st_mtime_ns == changed_at
        late = of_day(msgspec.structs.replace(episode, episode_id="late"), "2026-01-05")
        world_servers.publish(settings, [late])
        wait_for(lambda: late.episode_id.encode() in on_disk(settings, shop)["2026-01-05.json"])

    # then that day has both, and the others are as they were
    after = on_disk(settings, shop)
    assert old.episode_id.encode() in after["2026-01-05.json"]
    assert after["2026-03-20.json"] == before["2026-03-20.json"]


def test_a_folder_that_cannot_be_written_is_waited_for(
    settings: Settings, shop: World, caplog: pytest.LogCaptureFixture
) -> None:
    # given a file where the folder should be
    settings.snapshots_dir.parent.mkdir(parents=True)
    settings.snapshots_dir.write_text("in the way")
    world_servers.publish(settings, shop.stated)
    with running((service.run, (settings, shop.site))):
        wait_for(lambda: any("cannot be written" in record.getMessage() for record in caplog.records))

        # when it is moved away, the files are written
        settings.snapshots_dir.unlink()
        wait_for(lambda: on_disk(settings, shop) == world.planned(shop))


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    # given a reader that looks all the time
    path, torn = tmp_path / "day.json", threading.Event()
    contents = [bytes([65 + n]) * 200_000 for n in range(20)]
    service.write(path, contents[0])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if path.read_bytes() not in contents:
                torn.set()

    reader = threading.Thread(target=read)
    reader.start()

    # when the file is written again and again
    for content in contents:
        service.write(path, content)
    done.set()
    reader.join(10)

    # then it was never seen half written, and what is the same is not written again
    assert not torn.is_set()
    assert not service.write(path, contents[-1])
    assert [p.name for p in tmp_path.iterdir()] == ["day.json"]
