"""Clip, upload and incident on real Kafka, registry, S3 and the partner's stand-in."""

import time
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from connectors.clip import service as clip_service
from connectors.incident import service as incident_service
from connectors.partner import PartnerRefuses
from connectors.upload import service as upload_service
from infra.config import Settings, load_settings
from infra.kafka import read_to_end
from schemas.hashing import hash_of, sha256_of_file
from schemas.ids import incident_id
from schemas.records import ClipUploaded
from schemas.topics import CLIPS, DEAD_LETTERS, INTERACTION_EVENTS, UNATTENDED_EVENTS, UPLOADS
from tests.clip_recording import numbers_in, record
from tests.connector_records import T0, clip, event, site, subject, upload
from tests.connector_stack import Partner, Topics, running, wait_for

ASIDE = next(topic for topic in DEAD_LETTERS if topic.name == INTERACTION_EVENTS.dead_letters)


@pytest.fixture
def camera() -> str:
    return f"cam-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def always(settings: Settings, monkeypatch: pytest.MonkeyPatch, stack_dir: Path) -> Settings:
    """Settings that report episodes however old, and try quickly."""
    monkeypatch.setenv("TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S", "0")
    monkeypatch.setenv("TRACKFOLD_INCIDENT__BACKOFF_S", "0.2")
    monkeypatch.setenv("TRACKFOLD_UPLOAD__BACKOFF_S", "0.2")
    return load_settings(stack_dir=stack_dir, data_dir=settings.data_dir, consumer_group=settings.consumer_group)


def changed(settings: Settings, group: str, **values: object) -> Settings:
    return settings.model_copy(update={group: getattr(settings, group).model_copy(update=values)})


def a_recording(settings: Settings, camera: str) -> None:
    record(settings.recordings_dir, camera, T0, [T0 + ms for ms in range(-6_000, 70_000, 200)])


def a_clip_file(settings: Settings, camera: str) -> Path:
    file = settings.segments_dir / camera / "segment_3_20260302_110000_interaction_start.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\0\0\0\x18ftypisom" + uuid.uuid4().bytes * 500)
    return file


def s3(settings: Settings):  # type: ignore[no-untyped-def]
    assert settings.s3.secret_access_key is not None
    return boto3.client(
        "s3",
        endpoint_url=settings.s3.endpoint_url,
        region_name=settings.s3.region,
        aws_access_key_id=settings.s3.access_key_id,
        aws_secret_access_key=settings.s3.secret_access_key.get_secret_value(),
        config=Config(proxies={}),
    )


def test_a_confirmed_episode_becomes_a_clip_an_object_and_an_incident(always: Settings, camera: str) -> None:
    # given a recording, an interaction that ends 40 s later, and an unattended customer
    topics, partner, shop = Topics(always, camera), Partner(always), site(camera)
    a_recording(always, camera)
    confirmed = event(camera_id=camera)
    ended = event("ended", camera_id=camera, episode_id=confirmed.episode_id, ended_at=T0 + 40_000, opens=True)
    waiting = event(kind="unattended", camera_id=camera)
    services = (clip_service, upload_service, incident_service)

    # when all three run
    with running(*((service.run, (always, shop)) for service in services)):
        topics.publish(INTERACTION_EVENTS, confirmed, ended)
        topics.publish(UNATTENDED_EVENTS, waiting)
        wait_for(lambda: len(topics.incidents()) == 2 and len(topics.uploads()) == 3)

    # then each fact rests on the one before
    for of in (confirmed, waiting):
        (cut,) = [c for c in topics.clips() if c.episode_id == of.episode_id]
        (stored,) = [u for u in topics.uploads() if u.episode_id == of.episode_id and u.part == "alert"]
        (told,) = [i for i in topics.incidents() if i.episode_id == of.episode_id]
        assert (cut.status, stored.status, told.status) == ("complete", "uploaded", "reported")
        assert (cut.previous_hash, stored.previous_hash, told.previous_hash) == (of.hash, cut.hash, stored.hash)
        assert all(hash_of(fact) == fact.hash for fact in (cut, stored, told))
        # and the file, the object and the incident are what the records say
        file = always.segments_dir / camera / str(cut.segment_filename)
        assert sha256_of_file(file) == cut.sha256
        assert (cut.covered_from, numbers_in(file)[0]) == (T0 - 6_000, 0)
        found = s3(always).get_object(Bucket=stored.bucket, Key=stored.uploaded_filename)
        assert found["Body"].read() == file.read_bytes()
        assert found["Metadata"] == {"episode_id": of.episode_id, "part": "alert", "sha256": cut.sha256}
        assert stored.video_url == f"{always.s3.public_base_url}/{stored.uploaded_filename}"
        (accepted,) = partner.incidents(told.incident_id)
        assert accepted["body"]["image"] == stored.uploaded_filename
        assert accepted["id"] == told.external_incident_id
    (closing,) = topics.clips("closing")
    assert (closing.status, closing.requested_from) == ("complete", T0 + 30_000)
    assert closing.previous_hash == ended.hash


def test_records_that_come_again_repeat_nothing_also_for_another_consumer_group(always: Settings, camera: str) -> None:
    topics, shop = Topics(always, camera), site(camera)
    a_recording(always, camera)
    confirmed = event(camera_id=camera)
    topics.publish(INTERACTION_EVENTS, confirmed, confirmed)
    with running((clip_service.run, (always, shop))):
        wait_for(topics.clips)
    later = event(camera_id=camera)
    again = always.model_copy(update={"consumer_group": f"test-{uuid.uuid4().hex[:8]}"})
    with running((clip_service.run, (again, shop))):
        topics.publish(INTERACTION_EVENTS, confirmed, later)
        wait_for(lambda: len(topics.clips()) > 1)
    assert [cut.episode_id for cut in topics.clips()] == [confirmed.episode_id, later.episode_id]
    work = topics.work_of("clip", f"{confirmed.episode_id}:alert")[f"{confirmed.episode_id}:alert"]
    assert work["state"] == "finished"
    assert "result" not in work
    assert work["result_hash"] == topics.clips()[0].hash


def test_an_undecodable_record_is_put_aside_and_what_follows_is_done(always: Settings, camera: str) -> None:
    topics, shop = Topics(always, camera), site(camera)
    a_recording(always, camera)
    rubbish = f"rubbish for {camera}".encode()
    confirmed = event(camera_id=camera)
    with running((clip_service.run, (always, shop))):
        topics.publish(INTERACTION_EVENTS, rubbish, confirmed)
        wait_for(topics.clips)
    letters = [m for m in read_to_end(always, ASIDE) if m.value() == rubbish]
    assert letters
    headers = dict(letters[0].headers() or [])
    assert headers["source.topic"] == b"interaction-events"
    assert b"not in wire format" in headers["error"]


def test_without_a_recording_the_chain_goes_on_with_an_empty_image(always: Settings, camera: str) -> None:
    topics, partner, shop = Topics(always, camera), Partner(always), site(camera)
    of = subject(event(camera_id=camera))
    with running((upload_service.run, (always, shop)), (incident_service.run, (always, shop))):
        topics.publish(CLIPS, clip(of))
        (told,) = wait_for(topics.incidents)
    (stored,) = topics.uploads()
    assert (stored.status, stored.reason, told.status, told.image) == ("failed", "no recording", "reported", "")
    assert partner.incidents(told.incident_id)[0]["body"]["image"] == ""


def uploaded_over_http(settings: Settings, camera: str, mode: str, times: int | None = None) -> ClipUploaded:
    topics, partner, shop = Topics(settings, camera), Partner(settings), site(camera)
    of = clip(subject(event(camera_id=camera)), file=a_clip_file(settings, camera))
    http = changed(settings, "upload", adapter="http")
    with partner.mode("upload", mode, times), running((upload_service.run, (http, shop))):
        topics.publish(CLIPS, of)
        (stored,) = wait_for(topics.uploads)
    assert len(partner.uploads(f"{of.episode_id}:alert:1")) == 1, "accepted exactly once"
    return stored


@pytest.mark.parametrize("mode", ["ignores_keys", "shape:data.filename", "shape:plain", "shape:url", "shape:path"])
def test_the_upload_api_names_the_file_in_its_own_way(always: Settings, camera: str, mode: str) -> None:
    stored = uploaded_over_http(always, camera, mode)
    assert (stored.status, stored.adapter) == ("uploaded", "http")
    name = str(stored.uploaded_filename)
    assert name.endswith(".mp4")
    assert "prolific_upload_" in name
    assert stored.video_url == f"{always.upload.public_base_url}/{name}"


@pytest.mark.parametrize("mode", ["reset_after_accept", "garbage", "no_id"])
def test_an_upload_without_a_certain_answer_is_ambiguous_and_not_repeated(
    always: Settings, camera: str, mode: str
) -> None:
    stored = uploaded_over_http(always, camera, mode)
    assert stored.status == "ambiguous"
    assert stored.uploaded_filename is None


@pytest.mark.parametrize("mode", ["error_500", "rate_limited"])
def test_an_upload_that_was_surely_not_accepted_is_repeated(always: Settings, camera: str, mode: str) -> None:
    stored = uploaded_over_http(always, camera, mode, times=2)
    assert (stored.status, stored.attempts) == ("uploaded", 3)


def test_an_object_of_the_same_bytes_is_found_and_one_of_another_episode_is_left_alone(
    always: Settings, camera: str
) -> None:
    topics, shop = Topics(always, camera), site(camera)
    file = a_clip_file(always, camera)
    of = clip(subject(event(camera_id=camera)), file=file)
    store = upload_service.store_of(always, upload_service.WallClock())
    first = store.store(of, file)
    assert isinstance(first, upload_service.Stored)
    assert store.store(of, file) == first, "the same bytes again are as once"
    # given another episode's object under the name of this one
    taken = clip(subject(event(camera_id=camera)), file=file)
    name = upload_service.plan.object_name(taken)
    s3(always).put_object(Bucket=always.s3.bucket, Key=name, Body=b"theirs", Metadata={"episode_id": "theirs"})
    with running((upload_service.run, (always, shop))):
        topics.publish(CLIPS, taken)
        (stored,) = wait_for(topics.uploads)
    assert stored.status == "failed"
    assert "another episode" in str(stored.reason)
    assert s3(always).get_object(Bucket=always.s3.bucket, Key=name)["Body"].read() == b"theirs"


def test_an_object_of_our_own_that_is_broken_is_put_again(always: Settings, camera: str) -> None:
    file = a_clip_file(always, camera)
    of = clip(subject(event(camera_id=camera)), file=file)
    name, metadata = upload_service.plan.object_name(of), {"episode_id": of.episode_id, "sha256": "other"}
    s3(always).put_object(Bucket=always.s3.bucket, Key=name, Body=b"half", Metadata=metadata)
    stored = upload_service.store_of(always, upload_service.WallClock()).store(of, file)
    assert isinstance(stored, upload_service.Stored)
    assert s3(always).get_object(Bucket=always.s3.bucket, Key=name)["Body"].read() == file.read_bytes()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"secret_access_key": "wrong"}, "TRACKFOLD_S3__SECRET_ACCESS_KEY"),
        ({"access_key_id": "wrong"}, "TRACKFOLD_S3__ACCESS_KEY_ID"),
    ],
)
def test_a_wrong_storage_setting_stops_the_service_and_names_it(
    always: Settings, camera: str, values: dict[str, object], said: str
) -> None:
    wrong = type(always.s3).model_validate(always.s3.model_dump() | values)
    settings = always.model_copy(update={"s3": wrong})
    file = a_clip_file(always, camera)
    topics, shop = Topics(always, camera), site(camera)
    of = clip(subject(event(camera_id=camera)), file=file)
    topics.publish(CLIPS, of)
    with pytest.raises(PartnerRefuses, match=said):
        upload_service.run(settings, shop)
    # and with the right one nothing is lost
    with running((upload_service.run, (always, shop))):
        (stored,) = wait_for(topics.uploads)
    assert stored.status == "uploaded"


def reported(settings: Settings, camera: str, mode: str, times: int | None = None, **more: object):  # type: ignore[no-untyped-def]
    topics, partner, shop = Topics(settings, camera), Partner(settings), site(camera)
    of = upload(subject(event(camera_id=camera)))
    with (
        partner.mode("incident", mode, times),
        running((incident_service.run, (changed(settings, "incident", **more), shop))),
    ):
        topics.publish(UPLOADS, of)
        (told,) = wait_for(topics.incidents)
    return told, partner.incidents(of.incident_id)


@pytest.mark.parametrize("mode", ["reset_after_accept", "garbage"])
def test_an_incident_without_a_certain_answer_is_ambiguous_and_accepted_once(
    always: Settings, camera: str, mode: str
) -> None:
    told, accepted = reported(always, camera, mode)
    assert told.status == "ambiguous"
    assert len(accepted) == 1


def test_an_api_that_honours_our_key_is_asked_again_after_a_reset(always: Settings, camera: str) -> None:
    told, accepted = reported(always, camera, "reset_after_accept", 1, honours_idempotency_key=True)
    assert (told.status, told.attempts, told.external_incident_id) == ("reported", 2, accepted[0]["id"])
    assert len(accepted) == 1


def test_an_incident_without_an_id_is_reported(always: Settings, camera: str) -> None:
    told, accepted = reported(always, camera, "no_id")
    assert (told.status, told.external_incident_id, len(accepted)) == ("reported", None, 1)


def test_an_incident_api_out_of_order_is_asked_again_and_at_last_given_up(always: Settings, camera: str) -> None:
    told, accepted = reported(always, camera, "error_500", 2)
    assert (told.status, told.attempts, len(accepted)) == ("reported", 3, 1)


def test_an_incident_api_that_stays_out_of_order_is_given_up(always: Settings, camera: str) -> None:
    told, accepted = reported(always, camera, "error_500", attempts_max=2)
    assert (told.status, told.attempts, accepted) == ("failed", 2, [])
    assert "500" in str(told.reason)


def test_a_500_that_may_have_been_accepted_is_ambiguous(always: Settings, camera: str) -> None:
    told, _ = reported(always, camera, "error_500", retry_5xx=False)
    assert (told.status, told.attempts) == ("ambiguous", 1)


def test_one_occurrence_is_one_incident_and_old_ones_are_suppressed(settings: Settings, camera: str) -> None:
    topics, partner, shop = Topics(settings, camera), Partner(settings), site(camera)
    fresh_at = time.time_ns() // 1_000_000 - 20_000
    fresh = subject(event(camera_id=camera, started_at=fresh_at))
    old = subject(event(camera_id=camera))
    with running((incident_service.run, (settings, shop))):
        topics.publish(UPLOADS, upload(old), upload(fresh), upload(fresh, facet_revision=2))
        wait_for(lambda: len(topics.incidents()) == 2)
    status = {told.episode_id: told.status for told in topics.incidents()}
    assert status == {old.episode_id: "suppressed", fresh.episode_id: "reported"}
    ids = [incident_id(of.occurrence_id) for of in (old, fresh)]
    assert len(partner.incidents(*ids)) == 1


def test_a_wrong_incident_key_stops_the_service_and_the_incident_waits(always: Settings, camera: str) -> None:
    topics, partner, shop = Topics(always, camera), Partner(always), site(camera)
    of = upload(subject(event(camera_id=camera)))
    topics.publish(UPLOADS, of)
    wrong = type(always.incident).model_validate(always.incident.model_dump() | {"api_key": "wrong"})
    with pytest.raises(PartnerRefuses, match="TRACKFOLD_INCIDENT__API_KEY"):
        incident_service.run(always.model_copy(update={"incident": wrong}), shop)
    assert topics.incidents() == []
    with running((incident_service.run, (always, shop))):
        (told,) = wait_for(topics.incidents)
    assert (told.status, len(partner.incidents(of.incident_id))) == ("reported", 1)


def test_work_moves_with_its_partition_when_a_second_worker_joins_and_leaves(always: Settings) -> None:
    # given more work than one worker does at once, on many partitions
    cameras = [f"cam-{uuid.uuid4().hex[:8]}" for _ in range(8)]
    shop, topics = site(*cameras), {camera: Topics(always, camera) for camera in cameras}
    partner = Partner(always)
    of = {camera: [upload(subject(event(camera_id=camera))) for _ in range(6)] for camera in cameras}
    ids = [one.incident_id for many in of.values() for one in many]

    with running((incident_service.run, (always, shop))):
        for camera in cameras:
            topics[camera].publish(UPLOADS, *of[camera][:3])
        # when a second one joins under load and leaves again
        with running((incident_service.run, (always, shop))):
            for camera in cameras:
                topics[camera].publish(UPLOADS, *of[camera][3:])
            wait_for(lambda: len(partner.incidents(*ids)) > len(ids) // 2)
        wait_for(lambda: sum(len(topics[camera].incidents()) for camera in cameras) >= len(ids), 90)

    # then every incident was accepted once and told one way
    assert sorted(one["idempotency_key"] for one in partner.incidents(*ids)) == sorted(ids)
    told = {one.incident_id: one for camera in cameras for one in topics[camera].incidents()}
    assert {one.status for one in told.values()} == {"reported"}
    assert set(told) == set(ids)
