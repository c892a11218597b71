"""What an S3 server's answers mean, for servers that are not at hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from connectors.partner import Refused
from connectors.upload.plan import Stored, object_name
from connectors.upload.s3 import S3Store
from connectors.work import Again, Halt, Unsure
from infra.config import S3Settings, Settings
from schemas.records import ClipCut
from tests.connector_records import clip, subject

BUCKET, BASE = "shop-clips", "https://cdn.example/clips"


class Server:
    """The answers that a server gives, in order."""

    def __init__(self, stub: Stubber, of: ClipCut, path: Path, store: S3Store) -> None:
        self._stub, self._of, self._path, self._store = stub, of, path, store
        self.key = f"berlin/{object_name(of)}"

    def heads(self, found: dict[str, Any] | int) -> None:
        """HEAD finds an object, or answers with a status."""
        expected = {"Bucket": BUCKET, "Key": self.key}
        if isinstance(found, int):
            self._stub.add_client_error("head_object", str(found), http_status_code=found, expected_params=expected)
        else:
            self._stub.add_response("head_object", found, expected)

    def puts(self, error: str | None = None, status: int = 400, *, condition: bool = True) -> None:
        """PUT is accepted or answers with an error."""
        expected: dict[str, Any] = dict.fromkeys(
            ("Bucket", "Key", "Body", "ContentType", "ContentMD5", "Metadata"), ANY
        )
        expected |= {"IfNoneMatch": "*"} if condition else {}
        if error is None:
            self._stub.add_response("put_object", {"ETag": '"e"'}, expected)
        else:
            self._stub.add_client_error("put_object", error, http_status_code=status, expected_params=expected)

    def holds(self, **more: Any) -> dict[str, Any]:
        """HEAD of the object as it must be."""
        metadata = {"sha256": self._of.sha256, "episode_id": self._of.episode_id} | more
        return {"Metadata": metadata, "ContentLength": self._of.size_bytes, "ETag": '"e"'}

    def store(self) -> object:
        """Store the clip; every answer must be asked for."""
        outcome = self._store.store(self._of, self._path)
        self._stub.assert_no_pending_responses()
        return outcome


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"0000ftyp")
    s3 = S3Settings.model_validate(
        {"bucket": BUCKET, "prefix": "berlin/", "access_key_id": "a", "secret_access_key": "b", "public_base_url": BASE}
    )
    store = S3Store(Settings(s3=s3))
    with Stubber(store._client) as stub:
        yield Server(stub, clip(subject(), file=path), path, store)


def test_a_new_object_is_put_only_where_there_is_none_and_checked(server: Server) -> None:
    server.heads(404)
    server.puts()
    server.heads(server.holds())
    stored = server.store()
    assert stored == Stored(server.key, f"{BASE}/{server.key}", bucket=BUCKET, etag="e")


def test_where_a_look_is_not_allowed_before_it_is_there_it_is_put_all_the_same(server: Server) -> None:
    server.heads(403)
    server.puts()
    server.heads(server.holds())
    assert isinstance(server.store(), Stored)


def test_an_object_of_these_bytes_is_not_put_again(server: Server) -> None:
    server.heads(server.holds())
    assert isinstance(server.store(), Stored)


@pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409)])
def test_one_that_appeared_meanwhile_is_compared(server: Server, code: str, status: int) -> None:
    server.heads(404)
    server.puts(code, status)
    server.heads(server.holds())
    assert isinstance(server.store(), Stored)


def test_where_conditions_are_not_known_it_is_put_without(server: Server) -> None:
    server.heads(404)
    server.puts("NotImplemented", 501)
    server.puts(condition=False)
    server.heads(server.holds())
    assert isinstance(server.store(), Stored)


def test_other_bytes_of_the_same_episode_are_replaced_and_another_episodes_are_not(server: Server) -> None:
    server.heads(server.holds(sha256="other"))
    server.puts(condition=False)
    server.heads(server.holds())
    assert isinstance(server.store(), Stored)
    server.heads(server.holds(sha256="other", episode_id="theirs"))
    assert isinstance(server.store(), Refused)


def test_what_the_storage_then_does_not_hold_is_tried_again(server: Server) -> None:
    server.heads(404)
    server.puts()
    server.heads(404)
    assert isinstance(server.store(), Again)


@pytest.mark.parametrize(
    ("code", "setting"),
    [("NoSuchBucket", "BUCKET"), ("InvalidAccessKeyId", "ACCESS_KEY_ID"), ("AccessDenied", "ACCESS_KEY_ID")],
)
def test_a_wrong_setting_stops_and_is_named(server: Server, code: str, setting: str) -> None:
    server.heads(404)
    server.puts(code, 403)
    outcome = server.store()
    assert isinstance(outcome, Halt)
    assert f"TRACKFOLD_S3__{setting}" in str(outcome.error)


def test_a_wrong_setting_after_it_has_worked_is_their_fault_and_tried_again(server: Server) -> None:
    server.heads(server.holds())
    server.store()
    server.heads(404)
    server.puts("AccessDenied", 403)
    assert isinstance(server.store(), Again)


def test_a_storage_that_is_busy_is_tried_again(server: Server) -> None:
    server.heads(404)
    server.puts("SlowDown", 503)
    assert isinstance(server.store(), Again)
    server.heads(500)
    assert isinstance(server.store(), Again)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(EndpointConnectionError(endpoint_url="x"), Again), (ReadTimeoutError(endpoint_url="x"), Unsure)],
)
def test_no_connection_is_told_apart_from_no_answer(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: type[Again | Unsure]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(server._store._client, "head_object", fail)
    assert isinstance(server.store(), outcome)
