"""A replay is looked at, promoted and rolled back, by the commands, on real servers: topic, SQL and snapshot agree."""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from connectors.audit import service as audit
from connectors.clickhouse.client import query
from connectors.sink import decoded
from infra.config import Settings, load_settings
from infra.kafka import connect_codec, read_to_end
from schemas.ids import incident_id
from schemas.records import Episode
from schemas.site import Site, load_site
from schemas.topics import EPISODES
from tests import world, world_servers
from tests.clip_recording import record
from tests.connector_stack import Partner, Topics
from tests.scenario import TEN_O_CLOCK, Scenario, ended, fold
from tests.streams_process import publish
from tests.world import World
from tests.world_servers import put_object, s3
from trackfold import main

DAY = "2026-03-02"
LIVELY = {"life_edge_share": 0.0, "life_edge_min_px": 0.0}
"""Scripted people stand still."""


@dataclass
class Shop:
    """A shop whose day was folded live, with all its evidence, and whose log is still there."""

    settings: Settings
    folder: Path
    site: Site
    live: World
    camera: str

    def rules(self, name: str, **interaction: float) -> Path:
        """A site file with other thresholds."""
        body = yaml.safe_load((self.folder / "site.yaml").read_text())
        body["rules"] = {"interaction": interaction}
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(body))
        return path

    def run(self, command: str, *words: str, site: Path | None = None) -> int:
        """One command of ours; its exit code."""
        named = ["--site", str(site or self.folder / "site.yaml")]
        return main(["--data-dir", str(self.settings.data_dir), command, *words, *named])

    def replayed(self, version: str, **interaction: float) -> None:
        """Fold the day again under other thresholds."""
        site = self.rules(version, **interaction)
        assert self.run("replay", "--version", version, "--day", DAY, site=site) == 0


def scripted(camera_id: str) -> Scenario:
    """One staff member; four customers, who stay for 40, 11, 6 and 7 seconds."""
    shop = Scenario(seconds=150, camera_id=camera_id)
    shop.staff((0, 0.0, 6.0))
    for at_s, for_s in ((5, 40), (60, 11), (90, 6), (115, 7)):
        leaves_s = at_s + 3 + for_s
        path = (at_s, 5.0, 9.0), (at_s + 3, 1.0, 6.0), (leaves_s, 1.0, 6.0), (leaves_s + 3, 5.0, 9.0)
        shop.customer(*path).leaves(leaves_s + 4)
    return shop


@pytest.fixture
def shop(stack_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose commands find the session's servers, in var/demo of the test's folder."""
    for line in (stack_dir / "stack.env").read_text().splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)

    name = f"p{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "var" / "demo"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TRACKFOLD_CONSUMER_GROUP", name)
    settings = load_settings(data_dir=folder)
    body: dict[str, Any] = {
        "site_id": name,
        "branch_id": "17",
        "cameras": [{"camera_id": f"{name}-cam", "rules": {"person": LIVELY}}],
    }
    (folder / "site.yaml").write_text(yaml.safe_dump(body))
    site = load_site(folder / "site.yaml")
    camera = site.cameras[0].camera_id
    log = [msgspec.structs.replace(update, site_id=name) for update in ended(scripted(camera).log())]
    told = fold(log, site.effective_rules(camera))
    live = world.of_events(told, site, world_servers.poster(settings), settings.host)
    world_servers.fill(settings, live)
    publish(settings, connect_codec(settings), log)
    return Shop(settings, folder, site, live, camera)


def test_a_replay_under_the_same_rules_does_not_differ_and_one_under_others_is_shown(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a replay under the rules that are live, and one that confirms sooner
    shop.replayed("same", confirm_s=15.0)
    shop.replayed("lower", confirm_s=10.0)
    capsys.readouterr()

    # then the one differs in nothing
    assert shop.run("diff", "--version", "same") == 0
    assert "0 differences" in capsys.readouterr().out

    # and the other in one new episode
    assert shop.run("diff", "--version", "lower", "--format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["differences"], told["totals"]["new"]) == (1, 1)

    # and gone is what the live day had: with its clip
    assert shop.run("diff", "--version", "lower", "--against", "same", "--camera", shop.camera, "--day", DAY) == 1
    assert "1 new" in capsys.readouterr().out


def test_a_name_that_no_replay_has_is_told_with_those_that_there_are(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.replayed("same", confirm_s=15.0)
    assert shop.run("diff", "--version", "other") == 2
    assert "there are: same" in capsys.readouterr().err


Told = list[tuple[str, float | None]]


def in_sql(shop: Shop) -> Told:
    """(version, seconds) of every episode that is shown."""
    asked = "SELECT version, duration_s FROM episodes WHERE site_id = {site:String} ORDER BY started_at"
    return [(row[0], row[1]) for row in query(shop.settings, asked, parameters={"site": shop.site.site_id}).rows]


def in_topic(shop: Shop) -> Told:
    """The same from the topic."""
    newest = newest_of(shop)
    shown = sorted((e for e in newest.values() if e.phase == "ended"), key=lambda e: e.started_at)
    return [(episode.version, episode.duration_s) for episode in shown]


def newest_of(shop: Shop) -> dict[str, Episode]:
    found: dict[str, Episode] = {}
    codec = connect_codec(shop.settings)
    for _, episode in decoded(read_to_end(shop.settings, EPISODES), codec, None):
        assert isinstance(episode, Episode)
        there = found.get(episode.episode_id)
        if episode.site_id == shop.site.site_id and (
            there is None or (episode.activation, episode.revision) >= (there.activation, there.revision)
        ):
            found[episode.episode_id] = episode
    return found


def in_snapshot(shop: Shop) -> list[float]:
    """Seconds of every interaction of the day's file, as it is made from the topic."""
    assert shop.run("snapshot", "--rebuild") == 0
    body = json.loads((shop.settings.snapshots_dir / shop.site.site_id / f"{DAY}.json").read_text())
    return [item["interaction_duration"] for item in body["interaction_metrics"]["interaction_times"]]


def all_agree(shop: Shop, version: str) -> Told:
    """SQL, topic and snapshot show the same episodes of one version, and verify finds nothing."""
    shown = in_sql(shop)
    assert in_topic(shop) == shown
    assert in_snapshot(shop) == [seconds for _, seconds in shown]
    assert {of for of, _ in shown} == {version}
    report = audit.verify(shop.settings, shop.site)
    assert report.agrees, report.text()
    return shown


def seconds(told: Told) -> list[float | None]:
    return [s for _, s in told]


def test_a_promoted_replay_counts_everywhere_with_inherited_clips_and_a_rollback_restores_what_was(shop: Shop) -> None:
    # given a live day of one episode, and a replay that finds a second one
    live, before = all_agree(shop, "live"), shop.live.episodes
    shop.replayed("lower", confirm_s=10.0)
    accepted = len(Partner(shop.settings).all_incidents())

    # when it is promoted
    assert shop.run("promote", "--version", "lower", "--reason", "sooner") == 0

    # then it counts in SQL, topic and snapshot alike
    shown = all_agree(shop, "lower")
    assert (len(live), len(shown)) == (1, 2)
    assert seconds(live) == seconds(shown)[:1]

    # and the episode that stayed has its clip and incident, the new one says that its recording is gone
    stayed, new = sorted(newest_of(shop).values(), key=lambda e: e.started_at)
    was = before[stayed.episode_id]
    assert (stayed.evidence, stayed.incident) == (was.evidence, was.incident)
    assert (new.evidence.status, new.incident.status) == ("expired", "suppressed")
    assert len(Partner(shop.settings).all_incidents()) == accepted

    # and their stories are the same, read from near them and from the whole log
    for of in (stayed.episode_id, new.episode_id):
        near = audit.episode_story(shop.settings, shop.site, of)
        assert "promote" in [step.what for step in near.steps]
        assert near == audit.episode_story(shop.settings, shop.site, of[:-1])

    # when it is rolled back
    assert shop.run("rollback") == 0

    # then all is as it was, and the new one is withdrawn
    assert all_agree(shop, "live") == live
    after = newest_of(shop)
    assert after[new.episode_id].phase == "retracted"
    assert msgspec.structs.replace(after[stayed.episode_id], activation=0) == was

    # and rolling that back is the replay again
    assert shop.run("rollback") == 0
    assert all_agree(shop, "lower") == shown


class Killed(BaseException):
    """As SIGKILL: nobody catches it, and what was done before is done."""


class Breaking:
    """Breaks commands off where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._at: str | None = None
        for module in ("service", "evidence"):
            monkeypatch.setattr(f"connectors.promote.{module}.failpoint", self._passed)

    def _passed(self, name: str) -> None:
        if name == self._at:
            self._at = None
            raise Killed(name)

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """What runs within is broken off the first time that it comes there."""
        self._at = name
        with pytest.raises(Killed, match=name):
            yield


READS = 1_000
WITHIN_PROMOTE = (
    "promote.after_clip",
    "promote.after_upload",
    "promote.before_decision",
    "promote.after_decision",
    "promote.after_rows",
    "promote.after_views",
    "promote.within_topic",
    "promote.after_topic",
)
WITHIN_ROLLBACK = ("promote.after_decision", "promote.after_views", "promote.within_topic")
IN_VIEWS = (
    "SELECT arraySort(groupArray((version, duration_s))) FROM episodes WHERE site_id = {site:String}",
    "SELECT sum(interactions), round(sum(duration_s_total), 3) FROM interactions_hourly WHERE site_id = {site:String}",
)
"""What somebody might ask; the second looks at the tables twice."""


class Reader:
    """Asks the views all the time; keeps every different answer."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.answers: list[set[str]] = [set() for _ in IN_VIEWS]
        self.reads = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(n,)) for n in range(len(IN_VIEWS))]

    def ask(self, number: int) -> str:
        return str(query(self._shop.settings, IN_VIEWS[number], parameters={"site": self._shop.site.site_id}).rows)

    def _read(self, number: int) -> None:
        while not self._stop.is_set():
            self.answers[number].add(self.ask(number))
            self.reads += 1

    def __enter__(self) -> "Reader":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.timeout(900)
def test_broken_off_anywhere_the_same_command_again_ends_the_same_and_no_reader_ever_sees_a_mixture(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a replay with a new episode, whose recording is still there
    shop.replayed("lower", confirm_s=10.0)
    began = TEN_O_CLOCK + 50_000
    record(shop.settings.recordings_dir, shop.camera, began, range(began, began + 50_000, 100))
    breaking = Breaking(monkeypatch)

    def run(names: Sequence[str], *command: str) -> None:
        """The command, broken off at each of these places, and then to its end."""
        for name in names:
            with breaking.at(name):
                shop.run(*command)
        assert shop.run(*command) == 0

    with Reader(shop) as reader:
        # when it is promoted and rolled back, broken off everywhere
        live = [reader.ask(n) for n in range(len(IN_VIEWS))]
        run(WITHIN_PROMOTE, "promote", "--version", "lower")
        lower = [reader.ask(n) for n in range(len(IN_VIEWS))]
        promoted = newest_of(shop)
        run(WITHIN_ROLLBACK, "rollback")
        assert [reader.ask(n) for n in range(len(IN_VIEWS))] == live

        # and again, as often as it takes for so many reads
        while reader.reads < READS:
            assert shop.run("rollback") == 0

    # then every read was wholly the one or wholly the other
    assert all(one != other for one, other in zip(live, lower, strict=True))
    assert reader.answers == [{one, other} for one, other in zip(live, lower, strict=True)]

    # and the new episode has its clip: cut once, beside the replay, stored and found by the audit
    new = next(e for e in promoted.values() if e.episode_id not in shop.live.episodes)
    assert (new.phase, new.version, new.evidence.status) == ("ended", "lower", "available")
    folder = shop.settings.replays_dir / "lower" / shop.camera / DAY
    assert (folder / str(new.evidence.segment_filename)).is_file()
    if newest_of(shop)[new.episode_id].phase == "retracted":
        assert shop.run("rollback", "--to", "lower") == 0
    all_agree(shop, "lower")
    again = msgspec.structs.replace(newest_of(shop)[new.episode_id], activation=new.activation)
    assert again == new


def new_of(shop: Shop) -> list[Episode]:
    """The episodes that live had not, in their order."""
    new = [episode for episode in newest_of(shop).values() if episode.episode_id not in shop.live.episodes]
    return sorted(new, key=lambda episode: episode.started_at)


def accepted(shop: Shop, new: Sequence[Episode]) -> list[int]:
    """How many incidents the API has of each."""
    partner = Partner(shop.settings)
    return [len(partner.incidents(incident_id(str(episode.occurrence_id)))) for episode in new]


def test_what_a_promotion_adds_is_reported_on_request_alone_and_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a replay with three new episodes, promoted as it is
    shop.replayed("short", confirm_s=4.0)
    before = len(Partner(shop.settings).all_incidents())
    assert shop.run("promote", "--version", "short") == 0

    # then nothing is reported, and that is said
    assert [episode.incident.status for episode in new_of(shop)] == ["suppressed"] * 3
    assert len(Partner(shop.settings).all_incidents()) == before

    # when it is asked for, and the API takes all but the first
    monkeypatch.setenv("TRACKFOLD_INCIDENT__ATTEMPTS_MAX", "1")
    with Partner(shop.settings).mode("incident", "error_500", times=1):
        assert shop.run("promote", "--version", "short", "--report-incidents") == 0
    assert [episode.incident.status for episode in new_of(shop)] == ["failed", "reported", "reported"]

    # then the next time the first is reported, and what was there is not reported again
    for _ in range(2):
        assert shop.run("promote", "--version", "short", "--report-incidents") == 0
        assert accepted(shop, new_of(shop)) == [1, 1, 1]
        assert len(Partner(shop.settings).all_incidents()) == before + 3
    assert [episode.incident.status for episode in new_of(shop)] == ["reported"] * 3
    all_agree(shop, "short")

    # nor with another version that has the same episodes
    shop.replayed("shorter", confirm_s=3.5)
    assert shop.run("promote", "--version", "shorter", "--report-incidents") == 0
    assert len(Partner(shop.settings).all_incidents()) == before + 3
    all_agree(shop, "shorter")


@pytest.mark.parametrize("keys", ["honours_keys", "ignores_keys"])
def test_broken_off_while_it_asks_nothing_is_asked_twice_unless_that_is_safe(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    # given APIs for clips and incidents that honour our keys, or ignore them, and a replay with three new episodes
    partner, breaking = Partner(shop.settings), Breaking(monkeypatch)
    monkeypatch.setenv("TRACKFOLD_UPLOAD__ADAPTER", "http")
    for api in ("UPLOAD", "INCIDENT"):
        monkeypatch.setenv(f"TRACKFOLD_{api}__HONOURS_IDEMPOTENCY_KEY", str(keys == "honours_keys"))
    shop.replayed("short", confirm_s=4.0)
    began = TEN_O_CLOCK + 50_000
    record(shop.settings.recordings_dir, shop.camera, began, range(began, began + 90_000, 100))
    promote = ("promote", "--version", "short")
    with partner.mode("upload", keys), partner.mode("incident", keys):
        # when it is broken off at one clip before it asks, at the next before it hears, and then before it clears up
        for place in ("upload.after_mark", "upload.after_answer", "upload.after_record", "incident.after_mark"):
            with breaking.at(f"promote.{place}"):
                shop.run(*promote, "--report-incidents")
        with breaking.at("promote.incident.after_answer"):
            shop.run(*promote, "--report-incidents")

        # and then called without a wish for incidents, and with it
        assert shop.run(*promote) == 0
        without = [episode.incident.status for episode in new_of(shop)]
        with breaking.at("promote.incident.after_record"):
            shop.run(*promote, "--report-incidents")
        assert shop.run(*promote, "--report-incidents") == 0

    # then what was begun was finished by whichever came next: three alert clips and two closing ones, three incidents
    new = new_of(shop)
    uploads = [u for u in Topics(shop.settings, shop.camera).uploads() if u.lane == "short"]
    told = [(u.status, len(partner.uploads(f"{u.episode_id}:{u.part}:1"))) for u in uploads]
    if keys == "honours_keys":
        assert without == ["reported", "suppressed", "suppressed"]
        assert told == [("uploaded", 1)] * 5
        assert [episode.incident.status for episode in new] == ["reported"] * 3
        assert accepted(shop, new) == [1, 1, 1]
    else:  # nobody can know, so nobody asks again
        assert without == ["ambiguous", "ambiguous", "suppressed"]
        assert told == [("ambiguous", 0), ("ambiguous", 1)] + [("uploaded", 1)] * 3
        assert [episode.incident.status for episode in new] == ["ambiguous", "ambiguous", "reported"]
        assert accepted(shop, new) == [0, 1, 1]
        assert [episode.evidence.status for episode in new] == ["ambiguous", "available", "available"]
    all_agree(shop, "short")


def test_what_is_lost_of_a_promoted_versions_clips_is_named_and_comes_back_as_it_is_advised(shop: Shop) -> None:
    # given a promoted version with an episode that inherited its clip, and one with a clip of its own
    shop.replayed("lower", confirm_s=10.0)
    began = TEN_O_CLOCK + 50_000
    record(shop.settings.recordings_dir, shop.camera, began, range(began, began + 50_000, 100))
    assert shop.run("promote", "--version", "lower") == 0
    stayed, new = sorted((e for e in newest_of(shop).values()), key=lambda e: e.started_at)
    uploads = {u.episode_id: u for u in Topics(shop.settings, shop.camera).uploads() if u.part == "alert"}
    folders = {
        stayed.episode_id: f"segments/{shop.camera}",
        new.episode_id: f"replays/lower/{shop.camera}/{DAY}",
    }
    assert all_agree(shop, "lower")

    def file(of: Episode) -> Path:
        return shop.settings.data_dir / folders[of.episode_id] / str(of.evidence.segment_filename)

    def named() -> dict[tuple[str, str], str]:
        found = audit.verify(shop.settings, shop.site).differences
        return {(d.store, d.episode_id): d.do for d in found}

    for one, other in ((stayed, new), (new, stayed)):
        # when the object of one's clip has other bytes under the old metadata, and the file of the other's is gone
        good = file(one).read_bytes()
        put_object(shop.settings, uploads[one.episode_id], good[:-1] + b"!")
        file(other).unlink()

        # then both are named, and nothing else
        advice = named()
        assert set(advice) == {("S3", one.episode_id), ("clip files", other.episode_id)}

        # and what is advised mends them
        assert re.findall(r"(\w+)=(\S+?)(?:,|$)", advice["S3", one.episode_id]) == [
            ("episode_id", one.episode_id),
            ("sha256", one.evidence.clip_sha256),
        ]
        put_object(shop.settings, uploads[one.episode_id], good)
        place = f"copy the stored object to {folders[other.episode_id]}/{other.evidence.segment_filename}: "
        assert advice["clip files", other.episode_id].startswith(place)
        key, bucket = uploads[other.episode_id].uploaded_filename, shop.settings.s3.bucket
        s3(shop.settings).download_file(bucket, key, str(file(other)))
        assert named() == {}

    # when the object is gone and the file was altered, then the same
    s3(shop.settings).delete_object(Bucket=shop.settings.s3.bucket, Key=uploads[new.episode_id].uploaded_filename)
    file(stayed).write_bytes(b"!" + file(stayed).read_bytes()[1:])
    assert set(named()) == {("S3", new.episode_id), ("clip files", stayed.episode_id)}

    # and to promote again neither hides nor mends it
    assert shop.run("promote", "--version", "lower") == 0
    assert set(named()) == {("S3", new.episode_id), ("clip files", stayed.episode_id)}


README = (Path(__file__).parents[2] / "README.md").read_text()


@pytest.mark.timeout(900)
def test_the_readmes_recipe_does_what_it_says(shop: Shop, stack_dir: Path, tmp_path: Path) -> None:
    # given what `make demo` leaves behind: a folder with its servers and a site file
    (shop.folder / "stack").symlink_to(stack_dir.resolve())
    (shop.folder / "shop-1").mkdir()
    (shop.folder / "site.yaml").rename(shop.folder / "shop-1" / "site.yaml")
    ours = tmp_path / "bin" / "trackfold"
    ours.parent.mkdir()
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m trackfold "$@"\n')
    ours.chmod(0o755)
    found = {"PATH": f"{ours.parent}:{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}

    # when its lines are run word for word in one shell, and each says with which code it ended
    (recipe,) = re.findall(r"<!-- recipe -->\n```\n(.*?)```", README, re.S)
    script = "\n".join(f"{line}\necho '=>' $?" for line in recipe.splitlines())
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=os.environ | found, capture_output=True, text=True, check=False
    )

    # then only the diff ends with 1, for there is one new episode, and a picture of it
    said = re.split(r"=> (\d+)\n", done.stdout)
    codes, outputs = said[1::2], said[0::2]
    assert codes == ["0", "0", "0", "1", "0", "0", "0", "0"], done.stdout + done.stderr
    _, _, _, differs, _, counted, rolled_back, again, _ = outputs
    assert "1 new" in differs
    assert (tmp_path / "sooner.png").read_bytes().startswith(b"\x89PNG")

    # and SQL shows it from the promotion to the rollback
    assert re.search(r"^sooner +interaction +2$", counted, re.M), counted
    assert ": live, 1 episodes" in rolled_back
    assert "sooner" not in again
