"""Names, answers and records of uploads."""

from pathlib import Path

import msgspec
import pytest

from connectors.partner import Refused
from connectors.upload import plan
from connectors.upload.answer import NoName, stored_name
from connectors.upload.plan import Stored
from connectors.upload.service import UploadConnector
from connectors.work import Again, Done, Halt, Unsure
from infra.config import Settings
from schemas.hashing import hash_of
from schemas.ids import incident_id
from schemas.records import ClipCut, ClipUploaded
from tests.connector_records import T0, clip, event, site, subject


@pytest.mark.parametrize(
    "body",
    [
        b'{"filename": "a_1.mp4"}',
        b'{"file": "a_1.mp4"}',
        b'{"name": "a_1.mp4"}',
        b'{"stored_name": "a_1.mp4"}',
        b'{"saved_as": "a_1.mp4"}',
        b'{"path": "/srv/uploads/a_1.mp4"}',
        b'{"path": "uploads\\\\a_1.mp4"}',
        b'{"url": "https://cdn.example/x/a_1.mp4?sig=1#t"}',
        b'{"data": {"filename": "a_1.mp4"}}',
        b'{"success": true, "result": {"url": "https://cdn.example/a_1.mp4"}}',
        b'{"data": {"file": {"name": "a_1.mp4"}}}',
        b'{"filename": "", "path": "x/a_1.mp4"}',
        b'{"data": "a_1.mp4"}',
        b'"a_1.mp4"',
        b"a_1.mp4\n",
    ],
)
def test_the_stored_name_is_found_in_every_shape(body: bytes) -> None:
    assert stored_name(body) == "a_1.mp4"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"17",
        b"OK",
        b'{"data": "true"}',
        b'{"success": true}',
        b'{"filename": "../../etc/passwd/.."}',
        b'{"filename": "a b.mp4"}',
        b'{"filename": "<script>.mp4"}',
        b'{"filename": ".hidden"}',
        b'{"url": "https://cdn.example/"}',
        b"the file was stored, thank you",
        b"\xff\xfe",
        b'{"filename": "' + b"a" * 300 + b'.mp4"}',
        b"[" * 100_000,
        b'{"data":' * 900 + b"{}" + b"}" * 900,
    ],
)
def test_an_answer_without_a_plain_name_is_refused(body: bytes) -> None:
    with pytest.raises(NoName):
        stored_name(body)


def test_a_web_page_is_no_answer() -> None:
    with pytest.raises(NoName, match="web page"):
        stored_name(b"ok", "text/html; charset=utf-8")


def cut(tmp_path: Path, **more: object) -> ClipCut:
    file = tmp_path / "segments" / "cam" / "segment_3_x_interaction_start.mp4"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"0000ftypisom-and-so-on")
    return clip(file=file, **more)  # type: ignore[arg-type]


def test_the_object_is_named_by_the_clips_start_and_its_episode(tmp_path: Path) -> None:
    of = subject(event(episode_id="abcdef01-2345-5000-8000-000000000000"))
    assert plan.object_name(cut(tmp_path, of=of)) == "prolific_upload_1772445595_abcdef.mp4"
    assert plan.object_name(cut(tmp_path, of=of, part="closing")) == "prolific_upload_1772445595_abcdef_end.mp4"
    assert plan.object_name(cut(tmp_path, of=of, facet_revision=2)) == "prolific_upload_1772445595_abcdef_r2.mp4"


def test_an_address_is_the_public_base_and_the_name() -> None:
    assert plan.address("https://s3.example/vizo/", "a/b c.mp4") == "https://s3.example/vizo/a/b%20c.mp4"
    assert plan.address(None, "a.mp4") is None


def test_the_record_of_an_upload_is_chained_to_its_clip_and_makes_the_incident_id(tmp_path: Path) -> None:
    of = cut(tmp_path)
    stored = Stored("x/a.mp4", "https://e/x/a.mp4", bucket="b", etag="e")
    record = plan.uploaded(of, "uploaded", "s3", now_ms=T0, attempts=2, stored=stored)
    assert record.previous_hash == of.hash
    assert record.hash == hash_of(record)
    assert record.incident_id == incident_id(of.occurrence_id)
    assert (record.uploaded_filename, record.bucket, record.sha256) == ("x/a.mp4", "b", of.sha256)
    assert record.size_bytes == of.size_bytes
    again = plan.uploaded(of, "uploaded", "s3", now_ms=T0 + 5, attempts=9, stored=stored)
    assert again.hash == record.hash, "how it went is outside the hash"


def test_a_repetition_of_one_upload_has_one_key_and_every_other_upload_another(tmp_path: Path) -> None:
    of = subject(event(episode_id="abc"))
    assert plan.idempotency_key(cut(tmp_path, of=of)) == "abc:alert:1"
    assert plan.idempotency_key(cut(tmp_path, of=of, part="closing", facet_revision=2)) == "abc:closing:2"


@pytest.mark.parametrize("missing", ["segment_filename", "covered_from", "sha256"])
def test_a_clip_of_which_anything_is_missing_has_no_file(tmp_path: Path, missing: str) -> None:
    of = cut(tmp_path)
    assert plan.has_file(of)
    assert not plan.has_file(msgspec.structs.replace(of, **{missing: None}))


class Store:
    """Says what it is told to."""

    name = "double"

    def __init__(self, *outcomes: object, safe: bool = True) -> None:
        self.outcomes, self.repeat_is_safe, self.asked = list(outcomes), safe, 0

    def store(self, clip: ClipCut, path: Path) -> Stored | Again | Unsure | Refused | Halt:
        self.asked += 1
        return self.outcomes.pop(0)  # type: ignore[return-value]


def service(tmp_path: Path, store: Store) -> UploadConnector:
    return UploadConnector(Settings(data_dir=tmp_path, host="here"), site("cam"), store)


def result(outcome: object) -> ClipUploaded:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.result, ClipUploaded)
    return outcome.result


def test_a_stored_clip_is_uploaded(tmp_path: Path) -> None:
    record = result(service(tmp_path, Store(Stored("a.mp4", None))).do(cut(tmp_path), 3))
    assert (record.status, record.uploaded_filename, record.attempts) == ("uploaded", "a.mp4", 3)


def test_a_clip_that_failed_is_told_on_without_asking_anybody(tmp_path: Path) -> None:
    store = Store(safe=False)
    failed = clip(status="failed")
    record = result(service(tmp_path, store).do(failed, 1))
    assert (record.status, record.reason, record.clip_status) == ("failed", "no recording", "failed")
    assert store.asked == 0
    assert not service(tmp_path, store).is_risky(failed)


def test_asking_is_risky_only_where_the_storage_does_not_know_a_clip_again(tmp_path: Path) -> None:
    assert service(tmp_path, Store(safe=False)).is_risky(cut(tmp_path))
    assert not service(tmp_path, Store(safe=True)).is_risky(cut(tmp_path))


def test_a_clip_that_is_not_on_this_host_is_waited_for_and_says_where_it_is(tmp_path: Path) -> None:
    of = cut(tmp_path, host="elsewhere")
    (tmp_path / "segments" / "cam" / str(of.segment_filename)).unlink()
    outcome = service(tmp_path, Store()).do(of, 1)
    assert isinstance(outcome, Again)
    assert "elsewhere" in outcome.reason


def test_a_clip_that_was_altered_is_not_stored(tmp_path: Path) -> None:
    of = cut(tmp_path)
    (tmp_path / "segments" / "cam" / str(of.segment_filename)).write_bytes(b"something else")
    record = result(service(tmp_path, Store()).do(of, 1))
    assert record.status == "failed"
    assert "SHA-256 has changed" in str(record.reason)


def test_a_refusal_is_final_and_an_unsure_answer_is_ambiguous_when_given_up(tmp_path: Path) -> None:
    assert result(service(tmp_path, Store(Refused("400"))).do(cut(tmp_path), 1)).status == "failed"
    connector = service(tmp_path, Store())
    assert connector.give_up(cut(tmp_path), "reset", 1, unsure=True).status == "ambiguous"
    assert connector.give_up(cut(tmp_path), "refused", 5, unsure=False).status == "failed"


def test_only_this_sites_live_clips_are_stored(tmp_path: Path) -> None:
    connector = service(tmp_path, Store())
    of = cut(tmp_path)
    assert list(connector.plan(of, T0)) == [f"{of.episode_id}:alert"]
    assert not connector.plan(cut(tmp_path, lane="backfill"), T0)
    assert not connector.plan(clip(subject(event(camera_id="elsewhere"))), T0)
