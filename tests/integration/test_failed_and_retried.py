"""What failed is seen, done again when its cause is gone, and told: over real servers and the whole pipeline."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import trackfold
from connectors.audit.service import episode_story, verify
from connectors.clickhouse import service as clickhouse
from connectors.clickhouse.client import query
from connectors.clip import service as clip_service
from connectors.incident import service as incident
from connectors.snapshots import service as snapshots
from connectors.upload import service as upload
from connectors.ways_out.service import failures
from infra.config import Settings, load_settings
from schemas.ids import uploaded_filename
from schemas.records import Episode, InteractionEvent
from schemas.site import Camera, Site
from schemas.topics import CLIPS, EPISODES, INTERACTION_EVENTS, RETRIES, UPLOADS
from tests.clip_recording import record
from tests.connector_records import T0, clip, event, subject
from tests.connector_stack import Partner, Topics, running, wait_for
from tests.streams_process import PATIENCE_S, Process, write_site
from tests.world_servers import s3

SHOWN = "segment_{}_20260302_110000_interaction_start"
Say = Callable[..., tuple[int, str]]


class Shop:
    """One pipeline with cameras of its own: the join, and every connector."""

    def __init__(self, settings: Settings, site: Site, site_file: Path) -> None:
        self.settings, self.site, self.site_file = settings, site, site_file
        self.partner = Partner(settings)
        self.topics = {camera.camera_id: Topics(settings, camera.camera_id) for camera in site.cameras}
        self._ordinal = 0

    def camera(self, purpose: str) -> str:
        return next(camera.camera_id for camera in self.site.cameras if camera.camera_id.startswith(purpose))

    def happens(self, camera: str) -> InteractionEvent:
        """An interaction from start to end, short enough to need no closing clip; its confirmed event."""
        self._ordinal += 1
        known = {"camera_id": camera, "site_id": self.site.site_id, "ordinal": self._ordinal}
        started = event("started", **known)
        of = known | {"episode_id": started.episode_id}
        confirmed = event("confirmed", previous_hash=started.hash, **of)
        ended = event("ended", previous_hash=confirmed.hash, ended_at=confirmed.confirmed_at, opens=True, **of)
        self.topics[camera].publish(INTERACTION_EVENTS, started, confirmed, ended)
        assert isinstance(confirmed, InteractionEvent)
        return confirmed

    def clip_of(self, confirmed: InteractionEvent, *, there: bool = True) -> Any:
        """Its clip, as the clip service states it; there: the file, too."""
        stem = SHOWN.format(confirmed.ordinal)
        file = self.settings.segments_dir / confirmed.camera_id / f"{stem}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\0\0\0\x18ftypisom" + confirmed.episode_id.encode() * 20)
        cut = clip(
            subject(confirmed),
            file=file,
            sidecar_filename=f"{stem}.json",
            previous_hash=confirmed.hash,
            host=self.settings.host,
        )
        names = ("episode_id", "part", "camera_id", "segment_filename", "covered_from", "covered_to")
        people = [{"person_id": confirmed.staff_id}, {"person_id": confirmed.customer_id}]
        sidecar = {name: getattr(cut, name) for name in names} | {"participants": people}
        file.with_suffix(".json").write_bytes(msgspec.json.encode(sidecar))
        if not there:
            file.rename(file.with_suffix(".away"))
        return cut

    def episode(self, of: InteractionEvent) -> Episode | None:
        """The newest record of an episode."""
        found = Topics(self.settings, of.episode_id).read(EPISODES)
        return max(found, key=lambda e: e.revision) if found else None

    def evidence(self, of: InteractionEvent) -> str | None:
        """What the newest record of an episode says of its evidence."""
        episode = self.episode(of)
        return None if episode is None else episode.evidence.status

    def settles(self) -> None:
        """Until all stores agree."""
        deadline = time.monotonic() + PATIENCE_S
        while not (report := verify(self.settings, self.site)).agrees:
            assert time.monotonic() < deadline, report.text()


@pytest.fixture(scope="module")
def shop(stack_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("ways")
    name = f"ways-{uuid.uuid4().hex[:8]}"
    purposes = ("hundred", "recut", "unsure", "letters", "erased")
    cameras = tuple(Camera(camera_id=f"{purpose}-{name}") for purpose in purposes)
    site = Site(site_id=f"shop-{name}", branch_id="B-7", timezone="Europe/Berlin", cameras=cameras)
    site_file = write_site(
        folder,
        [{"camera_id": camera.camera_id} for camera in cameras],
        site_id=site.site_id,
        branch_id="B-7",
        timezone="Europe/Berlin",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S", "0")
        patch.setenv("TRACKFOLD_INCIDENT__BACKOFF_S", "0.2")
        patch.setenv("TRACKFOLD_INCIDENT__RETRY_5XX", "false")
        patch.setenv("TRACKFOLD_UPLOAD__BACKOFF_S", "50")
        patch.setenv("TRACKFOLD_UPLOAD__ATTEMPTS_MAX", "100")
        settings = load_settings(stack_dir=stack_dir, data_dir=folder / "data", consumer_group=name)
    made = Shop(settings, site, site_file)
    of_one = site.model_copy(update={"cameras": (cameras[1],)})  # the other cameras' clips are stated by the tests
    services = [(run, (settings, site)) for run in (upload.run, incident.run, clickhouse.run, snapshots.run)]
    with (
        Process(settings, stack_dir, site_file, "streams"),
        running((clip_service.run, (settings, of_one)), *services),
    ):
        yield made


@pytest.fixture
def say(shop: Shop, capsys: pytest.CaptureFixture[str]) -> Say:
    """The command line: its exit code and what it printed."""

    def call(*words: str) -> tuple[int, str]:
        site = [] if words[0] == "dlq" else ["--site", str(shop.site_file)]
        arguments = trackfold.parser().parse_args([*words, *site])
        capsys.readouterr()
        code: int = arguments.call(arguments, shop.settings)
        return code, capsys.readouterr().out

    return call


def test_uploads_that_always_fail_delay_no_other_and_are_done_when_their_cause_is_gone(shop: Shop, say: Say) -> None:
    # given one clip whose object cannot be stored, one whose file is not there, and a hundred others
    camera = shop.camera("hundred")
    refused, missing = (shop.happens(camera) for _ in range(2))
    name = uploaded_filename(T0 - 5_000, refused.episode_id, "alert", 1)
    bucket = shop.settings.s3.bucket
    s3(shop.settings).put_object(Bucket=bucket, Key=name, Body=b"theirs", Metadata={"episode_id": "theirs"})
    others = [shop.happens(camera) for _ in range(100)]
    cuts = [shop.clip_of(refused), shop.clip_of(missing, there=False), *(shop.clip_of(other) for other in others)]

    # when they are to be uploaded
    shop.topics[camera].publish(CLIPS, *cuts)

    # then the hundred are, while the two are seen for what they are
    def uploaded() -> set[str]:
        return {u.episode_id for u in shop.topics[camera].uploads() if u.status == "uploaded"}

    wait_for(lambda: uploaded() == {other.episode_id for other in others}, PATIENCE_S)
    wait_for(lambda: len(shop.topics[camera].incidents()) == 101, PATIENCE_S)
    code, text = say("failed", "--camera", camera, "--json")
    told = {one["episode_id"]: one for one in json.loads(text)}
    assert (code, set(told)) == (1, {refused.episode_id, missing.episode_id})
    assert told[refused.episode_id]["state"] == "failed"
    assert "another episode's clip" in told[refused.episode_id]["reason"]
    assert told[missing.episode_id]["state"] == "retrying"
    assert told[missing.episode_id]["attempts"] > 0
    assert "no such clip" in told[missing.episode_id]["reason"]
    wait_for(lambda: shop.evidence(refused) == "failed", PATIENCE_S)

    # when the causes are gone, and a person says so
    s3(shop.settings).delete_object(Bucket=bucket, Key=name)
    file = shop.settings.segments_dir / camera / f"{SHOWN.format(missing.ordinal)}.mp4"
    file.with_suffix(".away").rename(file)
    why = ("--by", "Ada", "--reason", "it was put away", "--wait", str(PATIENCE_S))
    code, text = say("retry", "--camera", camera, "--step", "upload", *why)

    # then both are there, in every store, and who had it done is told
    assert code == 0, text
    assert f"{refused.episode_id}: done" in text
    assert say("failed", "--camera", camera) == (
        0,
        "nothing failed, nothing is being tried again, no camera stands still\n",
    )
    wait_for(lambda: [shop.evidence(one) for one in (refused, missing)] == ["available"] * 2, PATIENCE_S)
    revisions = [u.facet_revision for u in shop.topics[camera].uploads() if u.episode_id == refused.episode_id]
    assert revisions == [1, 2]
    shop.settles()
    rows = query(shop.settings, f"SELECT evidence_status FROM episodes WHERE episode_id = '{refused.episode_id}'").rows
    assert list(rows) == [("available",)]
    story = episode_story(shop.settings, shop.site, refused.episode_id)
    assert story.sound, story.text()
    assert "upload alert, again, by Ada: it was put away" in story.text()
    # one incident each, though the clip came late
    keys = [report.incident_id for report in shop.topics[camera].incidents()]
    assert len(shop.partner.incidents(*keys)) == len(set(keys)) == 102


def test_a_clip_that_is_cut_again_goes_all_the_way_and_its_incident_is_not_posted_again(shop: Shop, say: Say) -> None:
    # given a recording that lacks the end of what was asked
    camera = shop.camera("recut")
    at = [T0 + ms for ms in range(-6_000, 10_000, 200)]
    record(shop.settings.recordings_dir, camera, T0, at)
    of = shop.happens(camera)
    wait_for(lambda: shop.evidence(of) == "partial", PATIENCE_S)
    wait_for(shop.topics[camera].incidents, PATIENCE_S)
    assert say("failed", "--camera", camera)[0] == 0
    assert "partial  clip alert" in say("failed", "--camera", camera, "--partial")[1]

    # when it is cut again from the same recording
    code, text = say("retry", of.episode_id[:13], "--step", "clip", "--wait", str(PATIENCE_S))
    assert (code, ": partial" in text) == (0, True), text
    wait_for(lambda: len(shop.topics[camera].uploads()) == 2, PATIENCE_S)
    wait_for(lambda: shop.evidence(of) == "partial", PATIENCE_S)
    # then the same bytes are not stored twice
    assert len({u.uploaded_filename for u in shop.topics[camera].uploads()}) == 1

    # when the rest of the recording has come, and it is cut once more
    record(
        shop.settings.recordings_dir,
        camera,
        T0,
        [T0 + ms for ms in range(10_000, 26_000, 200)],
        index=1,
        first_number=len(at),
    )
    assert say("retry", of.episode_id, "--step", "clip", "--by", "Ada", "--wait", str(PATIENCE_S))[0] == 0

    # then the better clip is stored under a name of its own and is the evidence, and there is still one incident
    wait_for(lambda: shop.evidence(of) == "available", PATIENCE_S)
    episode = shop.episode(of)
    assert episode is not None
    assert str(episode.evidence.uploaded_filename).endswith("_r3.mp4")
    assert [c.facet_revision for c in shop.topics[camera].clips()] == [1, 2, 3]
    assert [u.facet_revision for u in shop.topics[camera].uploads()] == [1, 2, 3]
    (told,) = shop.topics[camera].incidents()
    assert len(shop.partner.incidents(told.incident_id)) == 1
    shop.settles()
    assert episode_story(shop.settings, shop.site, of.episode_id).sound
    with pytest.raises(trackfold.InputError, match="no such failed step"):
        say("retry", of.episode_id)


def test_what_may_have_been_accepted_is_left_until_a_person_says_what_became_of_it(shop: Shop, say: Say) -> None:
    # given an incident that was accepted without an answer, and one that was not accepted and may have been
    camera = shop.camera("unsure")
    with shop.partner.mode("incident", "reset_after_accept"):
        lost = shop.happens(camera)
        shop.topics[camera].publish(CLIPS, shop.clip_of(lost))
        wait_for(lambda: len(shop.topics[camera].incidents()) == 1, PATIENCE_S)
    with shop.partner.mode("incident", "error_500"):
        broken = shop.happens(camera)
        shop.topics[camera].publish(CLIPS, shop.clip_of(broken))
        wait_for(lambda: len(shop.topics[camera].incidents()) == 2, PATIENCE_S)
    assert [told.status for told in shop.topics[camera].incidents()] == ["ambiguous", "ambiguous"]

    # then no command repeats them by itself
    code, text = say("failed", "--ambiguous", "--camera", camera)
    assert (code, text.count("ambiguous  incident")) == (1, 2)
    code, text = say("retry", "--all", "--wait", "5")
    assert (code, text.count("may have been accepted")) == (1, 2), text
    with pytest.raises(trackfold.InputError, match="said of one step"):
        say("retry", "--camera", camera, "--accepted", "ext")

    # when a person has found out
    key = shop.topics[camera].incidents()[0].incident_id
    ((number, posted),) = [(one["id"], one) for one in shop.partner.incidents(key)]
    assert say("retry", lost.episode_id, "--accepted", number, "--wait", str(PATIENCE_S))[0] == 0
    assert say("retry", broken.episode_id, "--not-accepted", "--wait", str(PATIENCE_S))[0] == 0

    # then each is there once, under its number, and all stores agree
    reports = shop.topics[camera].incidents()
    assert [told.status for told in reports] == ["ambiguous", "ambiguous", "reported", "reported"]
    assert reports[2].external_incident_id == posted["id"]
    assert [len(shop.partner.incidents(told.incident_id)) for told in reports[2:]] == [1, 1]
    shop.settles()
    text = episode_story(shop.settings, shop.site, lost.episode_id).text()
    assert f"incident, found accepted {number}, by " in text


def test_what_is_erased_while_it_is_tried_is_given_up_and_never_done_again(shop: Shop, say: Say) -> None:
    # given a clip that is stored, and one whose upload is tried in vain
    camera = shop.camera("erased")
    stored, tried = (shop.happens(camera) for _ in range(2))
    shop.topics[camera].publish(CLIPS, shop.clip_of(stored), shop.clip_of(tried, there=False))
    wait_for(lambda: shop.evidence(stored) == "available", PATIENCE_S)
    wait_for(lambda: "retrying" in say("failed", "--camera", camera)[1], PATIENCE_S)

    # when both are erased while everything runs
    for one in (stored, tried):
        code, text = say("erase", one.episode_id, "--reason", "somebody asked", "--by", "Ada")
        assert code == 0, text

    # then the join says so, what was tried is given up, and its incident is reported without a picture
    wait_for(lambda: [shop.evidence(one) for one in (stored, tried)] == ["erased"] * 2, PATIENCE_S)
    (told,) = (u for u in shop.topics[camera].uploads() if u.episode_id == tried.episode_id)
    assert (told.status, told.reason) == ("failed", "its pictures were removed for good")
    wait_for(lambda: "" in {report.image for report in shop.topics[camera].incidents()}, PATIENCE_S)
    # and nobody has it done again
    assert say("failed", "--camera", camera)[0] == 0
    with pytest.raises(trackfold.InputError, match="decided by Ada"):
        say("retry", tried.episode_id)
    shop.settles()
    assert episode_story(shop.settings, shop.site, tried.episode_id).sound


def test_a_dead_letter_is_shown_corrected_sent_again_and_not_shown_any_more(
    shop: Shop, say: Say, tmp_path: Path
) -> None:
    # given a clip record that nobody can decode
    camera = shop.camera("letters")
    of = shop.happens(camera)
    cut = shop.clip_of(of)
    junk = b"\x07junk of " + of.episode_id.encode()
    shop.topics[camera].publish(CLIPS, junk)

    def letters() -> list[str]:
        return [line for line in say("dlq", "--topic", "clips")[1].splitlines() if f" {camera} " in line]

    (line,) = wait_for(letters, PATIENCE_S)
    letter = line.split()[0]
    assert "not in wire format" in line

    # then it is shown with its bytes, and not sent as it is
    code, text = say("dlq", "show", letter)
    assert (code, "07 6a 75 6e 6b" in text, ".junk of" in text) == (0, True, True)
    with pytest.raises(trackfold.InputError, match="would only come back"):
        say("dlq", "republish", letter)
    with pytest.raises(trackfold.InputError, match="no dead letter 'clips/99/1'; there are clips/"):
        say("dlq", "show", "clips/99/1")
    assert say("dlq", "show", letter, "--out", str(tmp_path / "raw"))[0] == 0
    assert (tmp_path / "raw").read_bytes() == junk

    # when it is corrected and sent again
    corrected = tmp_path / "clip.json"
    corrected.write_bytes(msgspec.json.encode(cut))
    code, text = say("dlq", "republish", letter, "--file", str(corrected), "--by", "Ada", "--reason", "bad bytes")
    assert (code, "was sent again, as clips/" in text) == (0, True)

    # then it takes its way, is told, and is shown only when asked for
    wait_for(lambda: shop.topics[camera].read(UPLOADS), PATIENCE_S)
    assert letters() == []
    assert "by Ada" in next(line for line in say("dlq", "--all")[1].splitlines() if line.startswith(letter))
    shop.settles()
    assert f"{letter} as " in episode_story(shop.settings, shop.site, of.episode_id).text()


def test_what_was_asked_for_stays_in_the_topic_and_nothing_is_left_to_do(shop: Shop, say: Say) -> None:
    asked = [ask for topics in shop.topics.values() for ask in topics.read(RETRIES)]
    assert {ask.verdict for ask in asked} == {"again", "accepted", "not_accepted"}
    assert failures(shop.settings, shop.site) == []
