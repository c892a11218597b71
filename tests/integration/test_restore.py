"""docs/deployment.md, "Restore": after each loss its commands are done word for word, and all is as it was."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.clickhouse.client import connected, query
from infra.config import Settings, load_settings
from infra.kafka import client_settings, connect_codec
from infra.partitions import partition_of
from schemas.site import Site, load_site
from schemas.topics import TRACK_UPDATES
from tests import recipes, world, world_servers
from tests.scenario import TEN_O_CLOCK, Scenario, ended, fold, zone
from tests.streams_process import publish
from trackfold import main

DAY = "2026-03-02"
"""As the document has it."""
LIVELY = {"life_edge_share": 0.0, "life_edge_min_px": 0.0}
"""Scripted people stand still."""
OF_THE_VERSION = ("version", "activation")
Tell = Callable[[str], None]
Shown = dict[str, list[dict[str, Any]]]
pytestmark = pytest.mark.timeout(1800)


def scripted(camera_id: str, start_at: int) -> Scenario:
    """Customers served for 40 and for 11 seconds, one who waits in vain, and a camera that is blind for a while."""
    shop = Scenario(seconds=106, hz=5, camera_id=camera_id, start_at=start_at, blind=[(97.0, 102.0)])
    shop.staff((0, 0.0, 6.0))
    for at_s, for_s in ((5, 40), (60, 11)):
        leaves_s = at_s + 3 + for_s
        path = (at_s, 5.0, 9.0), (at_s + 3, 1.0, 6.0), (leaves_s, 1.0, 6.0), (leaves_s + 3, 5.0, 9.0)
        shop.customer(*path).leaves(leaves_s + 4)
    shop.customer((20, -3.0, 9.0), (24, -3.0, 9.5), (92, -3.0, 9.5)).leaves(94)
    return shop


@dataclass
class Shop:
    """A shop after a business day: counter as it was live, at the door a replay counts; its log is exported."""

    settings: Settings
    site: Site
    folder: Path
    live: Shown
    """What the views showed before the replay was promoted."""

    def recipe(self, mark: str, tell: Tell = print) -> recipes.Done:
        """Do what the document says, and tell what it took."""
        before = sum(os.times()[:4])
        done = recipes.run("docs/deployment.md", mark, self.folder)
        tell(f"{mark}: {sum(os.times()[:4]) - before:.1f} s of CPU")
        return done

    def run(self, *words: str, site: str = "site.yaml") -> int:
        """One command of ours; its exit code."""
        return main(["--data-dir", str(self.settings.data_dir), *words, "--site", str(self.folder / site)])

    def shown(self) -> Shown:
        """Everything that the views show, and which version counts since when."""
        views = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
        names = [*(name for (name,) in query(self.settings, views).rows), "active_versions"]
        return {name: query(self.settings, f"SELECT * FROM {name} ORDER BY ALL").as_dicts() for name in names}

    def snapshots(self) -> dict[str, bytes]:
        """File name -> bytes."""
        folder = self.settings.snapshots_dir / self.site.site_id
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def shop(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, name = tmp_path_factory.mktemp("restore"), f"r{uuid.uuid4().hex[:8]}"
    cameras = [f"{name}-counter", f"{name}-door"]
    settings = load_settings(stack_dir=stack_dir, data_dir=folder / "var", consumer_group=name)
    settings.clickhouse.database = name

    # the live day, with all its evidence
    floor = zone(-6, 3, 6, 12).model_dump(mode="json", exclude_none=True)
    body: dict[str, Any] = {
        "site_id": name,
        "branch_id": "17",
        "cameras": [{"camera_id": c, "zones": [floor], "rules": {"person": LIVELY}} for c in cameras],
    }
    (folder / "site.yaml").write_text(yaml.safe_dump(body))
    site = load_site(folder / "site.yaml")
    log, told = [], []
    for number, camera in enumerate(cameras):
        of_camera = ended(scripted(camera, TEN_O_CLOCK + number * 3_600_000).log())
        log += [msgspec.structs.replace(update, site_id=name) for update in of_camera]
        told += fold(log[-len(of_camera) :], site.effective_rules(camera))
    live = world.of_events(told, site, world_servers.poster(settings), settings.host)
    world_servers.fill(settings, live)
    publish(settings, connect_codec(settings), log)
    made = Shop(settings, site, folder, {})
    made.live = made.shown()

    # a replay that counts, and the backup
    (folder / "sooner.yaml").write_text(yaml.safe_dump(body | {"rules": {"interaction": {"confirm_s": 10.0}}}))
    with pytest.MonkeyPatch.context() as patched:
        for line in (stack_dir / "stack.env").read_text().splitlines():
            patched.setenv(*line.split("=", 1))
        patched.setenv("TRACKFOLD_CONSUMER_GROUP", name)
        patched.setenv("TRACKFOLD_CLICKHOUSE__DATABASE", name)
        asked = ["--version", "sooner", "--day", DAY, "--camera", cameras[1]]
        assert made.run("replay", *asked, "--processes", "1", site="sooner.yaml") == 0
        assert made.run("promote", "--version", "sooner") == 0
        assert made.run("snapshot", "--rebuild") == 0
        kept = made.recipe("backup")
        assert kept.codes == [0], kept
        yield made


def test_a_lost_database_is_loaded_again_and_every_view_shows_what_it_showed(shop: Shop, figures: Tell) -> None:
    # given a day of episodes, visits and outages, some of them of a replay that counts
    before = shop.shown()
    assert {row["version"] for row in before["episodes"]} == {"live", "sooner"}
    assert all(before[view] for view in ("current_visits", "current_outages", "interactions_hourly", "first_contact"))

    # when the database is lost
    with connected(shop.settings, database="default") as client:
        client.command(f"DROP DATABASE `{shop.settings.clickhouse.database}`")
    done = shop.recipe("restore rows", figures)

    # then all of it is there again
    assert done.codes == [0, 0], done
    assert shop.shown() == before
    assert "all stores agree" in done.outputs[-1]


def test_lost_snapshots_are_written_again_byte_for_byte(shop: Shop, figures: Tell) -> None:
    before = shop.snapshots()
    assert f"{DAY}.json" in before
    for name in before:
        (shop.settings.snapshots_dir / shop.site.site_id / name).unlink()

    done = shop.recipe("restore snapshots", figures)

    assert done.codes == [0, 0], done
    assert shop.snapshots() == before
    assert "all stores agree" in done.outputs[-1]


def test_a_day_whose_log_is_gone_is_folded_again_from_its_export(
    shop: Shop, figures: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    # given that the log is gone from the topic
    here = {partition_of(camera.camera_id, TRACK_UPDATES.partitions) for camera in shop.site.cameras}
    lost = [TopicPartition(TRACK_UPDATES.name, partition, OFFSET_END) for partition in here]
    admin = AdminClient(client_settings(shop.settings))
    for future in admin.delete_records(lost).values():
        future.result()
    assert shop.run("replay", "--version", "gone", "--day", DAY) == 2
    assert "no record of" in capsys.readouterr().err

    # when it is folded again from the export
    done = shop.recipe("restore a day", figures)

    # then it differs in nothing from what was live, and counts in its place: the same rows, under another name
    assert done.codes == [0, 0, 0, 0, 0], done
    assert "0 differences" in done.outputs[1]
    assert without_version(shop.shown()) == without_version(shop.live)
    assert "all stores agree" in done.outputs[-1]


def without_version(shown: Shown) -> Shown:
    """The views' rows without what names the version."""
    return {
        view: [{column: row[column] for column in row if column not in OF_THE_VERSION} for row in rows]
        for view, rows in shown.items()
        if view not in ("active_versions", "current_versions", "switched_versions")
    }
