"""The page of an episode, its clips and links: who is shown what, what is on record of it, and what nobody gets."""

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.audit.facts import Difference
from connectors.audit.story import Step, Story
from connectors.clickhouse.answer import Result
from connectors.console import app as console_app
from connectors.console import episode, sharing, told
from connectors.console.sharing import NotShared, Shared
from connectors.console.sign_in import doors
from connectors.console.told import Told
from connectors.console.video import Clip, NoClip, Videos
from connectors.console.viewed import Viewer, Views
from infra.config import ConsoleSettings, Settings
from infra.kafka import KafkaUnavailable, PublishError
from schemas.acts import EvidenceViewed
from schemas.records import EvidenceStatus, IncidentStatus
from schemas.site import Site

OPERATOR, VIEWER, SECRET = "o" * 32, "v" * 32, "s" * 32
SITE = Site.model_validate({"site_id": "shop", "timezone": "Europe/Berlin", "cameras": [{"camera_id": "till"}]})
EPISODE = "6f6f5c1e-0000-5000-8000-000000000001"
AT = f"/episodes/{EPISODE}"
STARTED = 1_772_445_640_200
VIDEO = bytes(range(256)) * 20
NAME = "segment_4_20260302_110040_interaction_start.mp4"
ROW: dict[str, Any] = {
    **dict.fromkeys(field for field in Told.__dataclass_fields__),
    "episode_id": EPISODE,
    "camera_id": "till",
    "day": "2026-03-02",
    "ordinal": 4,
    "kind": "interaction",
    "phase": "ended",
    "started_at": STARTED,
    "confirmed_at": STARTED + 15_000,
    "ended_at": STARTED + 40_000,
    "duration_s": 40.0,
    "staff_id": 11,
    "customer_id": 12,
    "evidence_status": "available",
    "version": "live",
    "activation": 0,
    "occurrence_id": EPISODE,
    "opens": True,
    "confidence": 0.9,
    "support": 0.8,
    "rules_version": "0a4be1f2a94c71d0",
    "segment_filename": NAME,
    "uploaded_filename": "prolific_upload_1772445635_6f6f5c.mp4",
    "clip_sha256": hashlib.sha256(VIDEO).hexdigest(),
    "covered_from": STARTED - 5_000,
    "covered_to": STARTED + 20_000,
    "counts": True,
}
SIDECAR = {
    "version": 1,
    "episode_id": EPISODE,
    "part": "alert",
    "camera_id": "till",
    "segment_filename": NAME,
    "width": 640,
    "height": 360,
    "covered_from": STARTED - 5_000,
    "covered_to": STARTED + 20_000,
    "participants": [{"person_id": 11, "role": "staff", "boxes": [[0, 1.0, 2.0, 30.0, 90.0]]}],
}


class Log:
    """Stands for Kafka: what was acknowledged, or that nothing is."""

    def __init__(self) -> None:
        self.views: list[EvidenceViewed] = []
        self.is_down = False

    def publish(self, topic: Any, key: str, record: EvidenceViewed) -> None:
        assert (topic.name, key) == ("evidence-views", record.camera_id)
        self.views.append(record)

    def flush(self, timeout_s: float) -> None:
        if self.is_down:
            self.views.clear()
            raise PublishError("not acknowledged")

    def told(self) -> list[tuple[str, str, str, str | None]]:
        return [(view.by, view.role, view.how, view.part) for view in self.views]


class Shop:
    """The console over one row, one clip on disk and a log."""

    def __init__(self, folder: Path, **row: Any) -> None:
        wanted = ConsoleSettings.model_validate({"operator_token": OPERATOR, "viewer_token": VIEWER, "secret": SECRET})
        self.settings = Settings(console=wanted, data_dir=folder)
        self.app: FastAPI = console_app.make(self.settings, SITE, Path("site.yaml"), doors(wanted)[0])
        self.rows = [ROW | row]
        self.app.state.console.ask = self.ask
        clips = folder / "segments" / "till"
        clips.mkdir(parents=True)
        (clips / NAME).write_bytes(VIDEO)
        (clips / NAME.replace(".mp4", ".json")).write_text(json.dumps(SIDECAR))

    def ask(self, sql: str, parameters: dict[str, Any], **_: Any) -> Result:
        rows = [row for row in self.rows if row["episode_id"] == parameters["episode"]]
        if "LIMIT 1" in sql and "FINAL" not in sql:
            return Result(("day", "camera_id"), tuple((row["day"], row["camera_id"]) for row in rows))
        return Result(tuple(ROW), tuple(tuple(row[name] for name in ROW) for row in rows))

    def client(self, token: str = "") -> TestClient:
        client = TestClient(self.app, follow_redirects=False)
        assert not token or client.get(f"/sign-in?token={token}").status_code == 303
        return client


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(Views, "_connected", lambda _: made)
    return made


@pytest.fixture
def shop(tmp_path: Path, log: Log) -> Shop:
    return Shop(tmp_path)


def link(client: TestClient, seconds: int = 3600) -> str:
    """A shared link's path, as the page of an operator makes it."""
    answer = client.post(f"{AT}/share", data={"seconds": seconds}, headers={"x-csrf": word(client)})
    assert answer.status_code == 200, answer.text
    return str(answer.text.partition('value="http://testserver')[2].partition('"')[0])


def word(client: TestClient) -> str:
    return str(client.get(AT).text.partition('<meta name="csrf" content="')[2].partition('"')[0])


def test_nobody_gets_anything_who_did_not_sign_in(shop: Shop, log: Log) -> None:
    client = shop.client()
    for path in ("", "/clip/alert", "/clip/alert/boxes", "/story"):
        answer = client.get(AT + path)
        assert answer.status_code == 401
        assert VIDEO[:50] not in answer.content
    assert client.head(f"{AT}/clip/alert").status_code == 401
    assert log.views == []


def test_the_page_says_what_happened_and_its_looking_is_on_record(shop: Shop, log: Log) -> None:
    page = shop.client(VIEWER).get(AT)

    assert page.status_code == 200
    for words in ("Served at 11:00:40", "staff 00011 with customer 00012", "2026-03-02", 'data-alert="/episodes/'):
        assert words in page.text
    assert "Make a link" not in page.text, "a viewer shares nothing"
    assert log.told() == [("viewer token", "viewer", "page", None)]


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "body"),
    [
        ("", 200, None, VIDEO),
        ("bytes=0-99", 206, "bytes 0-99/5120", VIDEO[:100]),
        ("bytes=5000-", 206, "bytes 5000-5119/5120", VIDEO[5000:]),
        ("bytes=-20", 206, "bytes 5100-5119/5120", VIDEO[-20:]),
        ("bytes=9999-", 416, "bytes */5120", b""),
    ],
)
def test_a_clip_comes_in_the_pieces_that_are_asked_for(
    shop: Shop, log: Log, asked: str, status: int, content_range: str | None, body: bytes
) -> None:
    client = shop.client(VIEWER)

    answer = client.get(f"{AT}/clip/alert", headers={"range": asked} if asked else {})

    assert (answer.status_code, answer.headers.get("content-range")) == (status, content_range)
    assert answer.content == body
    if status != 416:
        assert (answer.headers["content-type"], answer.headers["accept-ranges"]) == ("video/mp4", "bytes")
        assert answer.headers["content-length"] == str(len(body))
        assert answer.headers["cache-control"] == "no-store", "evidence stays in no browser's cache"


def test_a_clip_in_many_pieces_is_one_view_and_its_head_alone_is_none(shop: Shop, log: Log) -> None:
    client = shop.client(VIEWER)
    head = client.head(f"{AT}/clip/alert")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(VIDEO)))
    assert log.views == []
    for first in range(0, 3000, 500):
        assert client.get(f"{AT}/clip/alert", headers={"range": f"bytes={first}-{first + 499}"}).status_code == 206
    assert log.told() == [("viewer token", "viewer", "clip", "alert")]

    # and another person's is another one
    shop.client(OPERATOR).get(f"{AT}/clip/alert")
    assert log.told()[1:] == [("operator token", "operator", "clip", "alert")]


def test_what_cannot_be_put_on_record_is_not_shown(shop: Shop, log: Log) -> None:
    client = shop.client(OPERATOR)
    of_page = word(client)
    log.is_down = True
    for answer in (
        client.get(AT),
        client.get(f"{AT}/clip/alert"),
        client.post(f"{AT}/share", data={"seconds": 3600}, headers={"x-csrf": of_page}),
    ):
        assert answer.status_code == 503
        assert "staff 00011" not in answer.text
        assert "/shared/" not in answer.text
        assert VIDEO[:50] not in answer.content

    # and the view counts once it can be: the one that failed did not
    log.is_down = False
    log.views.clear()
    assert client.get(f"{AT}/clip/alert").content == VIDEO
    assert log.told() == [("operator token", "operator", "clip", "alert")]


def test_the_boxes_are_those_beside_the_clip(shop: Shop) -> None:
    assert shop.client(VIEWER).get(f"{AT}/clip/alert/boxes").json() == SIDECAR


def test_an_operator_s_link_shows_this_episode_to_whoever_has_it_and_each_look_is_on_record(
    shop: Shop, log: Log
) -> None:
    # given a link
    path = link(shop.client(OPERATOR))
    assert log.told()[-1] == ("operator token", "operator", "share", None)
    log.views.clear()

    # when somebody opens it who is not signed in
    visitor = shop.client()
    page = visitor.get(path)

    # then he sees the page read only, with its clip and boxes
    assert page.status_code == 200
    assert "shared with you by operator token" in page.text
    assert f'data-alert="{path}/clip/alert"' in page.text
    assert "Make a link" not in page.text
    assert 'href="/episodes' not in page.text
    assert visitor.get(f"{path}/clip/alert", headers={"range": "bytes=0-9"}).content == VIDEO[:10]
    assert visitor.get(f"{path}/clip/alert/boxes").json() == SIDECAR
    assert log.told() == [("operator token", "link", "page", None), ("operator token", "link", "clip", "alert")]

    # and nothing else
    assert visitor.get(AT).status_code == 401
    assert visitor.get(f"{AT}/clip/alert").status_code == 401
    assert visitor.post(f"{path}/share", data={"seconds": 3600}).status_code in (404, 405)


def test_a_link_is_made_by_an_operator_alone_from_his_own_page_and_for_a_time_that_there_is(shop: Shop) -> None:
    viewer, operator = shop.client(VIEWER), shop.client(OPERATOR)
    share = f"{AT}/share"
    assert viewer.post(share, data={"seconds": 3600}, headers={"x-csrf": word(viewer)}).status_code == 403
    assert operator.post(share, data={"seconds": 3600}).status_code == 403
    assert operator.post(share, data={"seconds": 10**9}, headers={"x-csrf": word(operator)}).status_code == 400


def test_an_expired_altered_or_invented_link_gets_nothing(
    shop: Shop, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a link, and the cookie of a session, which the same secret signs
    operator, visitor = shop.client(OPERATOR), shop.client()
    path = link(operator)
    session = operator.cookies["trackfold_session"]
    log.views.clear()
    payload, _, signature = path.removeprefix("/shared/").rpartition(".")
    others = [f"{payload}x.{signature}", f"{payload}.{signature[:-2]}xx", f"{payload}.", "nonsense", session]

    def gets_nothing(path: str) -> None:
        for what in ("", "/clip/alert", "/clip/alert/boxes", "/story"):
            answer = visitor.get(path + what)
            assert answer.status_code == 404
            assert "not valid" in answer.text
            assert VIDEO[:50] not in answer.content

    # then what is not that link is none
    for token in others:
        gets_nothing(f"/shared/{token}")
    # and when its hour is over, it is none either
    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at + 3601)
    gets_nothing(path)
    assert log.views == []


def test_a_link_holds_until_its_last_second_and_is_not_one_of_another_secret() -> None:
    shared = Shared(EPISODE, "2026-03-02", "till", "anna", 1000)
    made = sharing.token("secret", shared)
    assert sharing.opened("secret", made, 999.9) == shared
    for secret, now_s in (("secret", 1000.0), ("another", 1.0)):
        with pytest.raises(NotShared):
            sharing.opened(secret, made, now_s)


def test_an_episode_that_is_not_there_is_not_found_however_it_is_called(shop: Shop) -> None:
    client = shop.client(VIEWER)
    for name in ("other", "x" * 5000, "'; DROP TABLE episode_log; --", "..%2f..%2fetc%2fpasswd", "%00"):
        answer = client.get(f"/episodes/{name}")
        assert answer.status_code == 404, name


def test_a_hint_that_is_wrong_is_only_slower(shop: Shop) -> None:
    for hint in (
        "?day=2026-03-02&camera=till",
        "?day=2026-99-99&camera=till",
        "?day=x&camera=<script>",
        "?day=0001-01-01",
    ):
        assert shop.client(VIEWER).get(AT + hint).status_code == 200


def test_hostile_words_of_the_data_are_only_words(tmp_path: Path, log: Log) -> None:
    script = "<script>alert(1)</script>"
    shop = Shop(
        tmp_path,
        evidence_status="failed",
        evidence_reason=script,
        zone_id=script,
        incident_id=script,
        incident_status="failed",
        incident_reason=script,
        external_incident_id='" onload="x',
        close_reason=script,
        video_url="javascript:alert(1)",
    )
    page = shop.client(OPERATOR).get(AT).text
    assert "<script>alert" not in page
    assert '"javascript:' not in page
    assert '" onload' not in page
    assert page.count("&lt;script&gt;") >= 5


def test_the_trail_names_each_step_with_its_hash_and_says_in_red_what_differs(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a story that does not hold
    step = Step(STARTED, "2026-03-02 11:00:40.200", "started", "<script>x</script>", "ab" * 32, None)
    forged = Difference("topic clips", EPISODE, "its hash does not fit its content", "compare it with a backup")
    story = Story(EPISODE, "title", [step], [("video", "https://x")], broken=[forged])
    monkeypatch.setattr(episode, "episode_story", lambda *_: story)

    # when the trail is asked for
    trail = shop.client(VIEWER).get(f"{AT}/story").text

    # then it says so, and what to do
    assert "The chain does not hold." in trail
    assert "All stores agree" in trail
    assert "What to do: compare it with a backup" in trail
    assert ("abababab" in trail, "<script>" in trail) == (True, False)


def test_a_log_that_cannot_be_read_is_said_where_the_trail_would_be(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any) -> Story:
        raise KafkaUnavailable("no broker at 127.0.0.1:9092")

    monkeypatch.setattr(episode, "episode_story", down)
    trail = shop.client(VIEWER).get(f"{AT}/story")
    assert trail.status_code == 200, "what htmx puts into a page must not be an error"
    assert "no broker at 127.0.0.1:9092" in trail.text
    assert "Try again" in trail.text


def clip(**change: Any) -> Clip:
    given = {"camera_id": "till", "day": "2026-03-02", "version": "live", "filename": NAME, "uploaded": None}
    return Clip(**given | {"sha256": ROW["clip_sha256"]} | change)


@pytest.mark.parametrize(
    "names",
    [
        {"filename": "../../secret.mp4"},
        {"filename": "/etc/passwd"},
        {"filename": ".."},
        {"filename": ""},
        {"filename": "linked.mp4"},
        {"camera_id": ".."},
        {"camera_id": "../segments/till"},
        {"version": "../segments", "camera_id": "x"},
        {"filename": NAME, "day": "..", "version": "v1", "camera_id": "y"},
    ],
    ids=str,
)
def test_no_name_in_the_data_leads_out_of_the_folder_of_clips(shop: Shop, names: dict[str, str]) -> None:
    # given the very bytes of a record outside the folder, and a link in it that leads there
    outside = shop.settings.data_dir / "secret.mp4"
    outside.write_bytes(VIDEO)
    (shop.settings.segments_dir / "till" / "linked.mp4").symlink_to(outside)
    videos = Videos(shop.settings)
    assert videos.file(clip()) is not None

    assert videos.file(clip(**names)) is None
    with pytest.raises(NoClip):
        videos.answer(clip(**names), {}, head=False)


def test_a_file_with_other_bytes_than_its_record_says_is_not_shown(shop: Shop) -> None:
    videos = Videos(shop.settings)
    path = videos.file(clip())
    assert path is not None
    path.write_bytes(b"!" + VIDEO[1:])
    assert videos.file(clip()) is None
    assert videos.boxes(clip()) is None
    assert videos.file(clip(sha256=None)) is None


class Storage:
    """Stands for S3."""

    def __init__(self, sha256: Any = ROW["clip_sha256"], error: int = 0) -> None:
        self.asked: list[dict[str, Any]] = []
        self._sha256, self._error = sha256, error

    def get_object(self, **wanted: Any) -> dict[str, Any]:
        self.asked.append(wanted)
        if self._error:
            code = {"HTTPStatusCode": self._error, "HTTPHeaders": {"content-range": "bytes */5120"}}
            raise ClientError({"Error": {"Code": "x"}, "ResponseMetadata": code}, "GetObject")  # type: ignore[typeddict-item]
        found = {"Metadata": {"sha256": self._sha256}, "ContentLength": 10, "Body": self}
        return found | ({"ContentRange": "bytes 0-9/5120"} if "Range" in wanted else {})

    head_object = get_object

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield VIDEO[:10]

    def close(self) -> None:
        """Nothing is open."""


def test_a_clip_that_was_cut_elsewhere_comes_from_the_storage(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage()
    monkeypatch.setattr(Videos, "_client", lambda _: storage)
    shop = Shop(tmp_path, segment_filename="segment_9_20260302_110040_unattended.mp4")
    client = shop.client(VIEWER)

    assert "cut on another machine" in client.get(AT).text
    part = client.get(f"{AT}/clip/alert", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-range"], part.content) == (206, "bytes 0-9/5120", VIDEO[:10])
    assert storage.asked[-1] == {"Bucket": "trackfold", "Key": ROW["uploaded_filename"], "Range": "bytes=0-9"}
    assert client.get(f"{AT}/clip/alert", headers={"range": "bytes=0-1,4-5"}).status_code == 200, "many ranges: all"
    assert client.head(f"{AT}/clip/alert").headers["content-length"] == "10"
    assert client.get(f"{AT}/clip/alert/boxes").status_code == 404
    assert log.told().count(("viewer token", "viewer", "clip", "alert")) == 1


@pytest.mark.parametrize(
    ("storage", "status", "words"),
    [
        (Storage(error=404), 404, "neither this machine nor the storage"),
        (Storage(error=416), 416, ""),
        (Storage(error=403), 503, ""),
        (Storage(sha256="of another"), 404, "not the clip of the record"),
    ],
    ids=["gone", "range", "refused", "another's"],
)
def test_what_the_storage_does_not_give_is_said(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch, storage: Storage, status: int, words: str
) -> None:
    monkeypatch.setattr(Videos, "_client", lambda _: storage)
    shop = Shop(tmp_path, segment_filename="segment_9_20260302_110040_unattended.mp4")
    answer = shop.client(VIEWER).get(f"{AT}/clip/alert")
    assert answer.status_code == status
    assert words in answer.text
    assert VIDEO[:10] not in answer.content


def test_an_erased_or_expired_clip_is_not_shown_though_its_file_is_there(tmp_path: Path, log: Log) -> None:
    for number, status in enumerate(told.GONE):
        client = Shop(tmp_path / str(number), evidence_status=status).client(OPERATOR)
        page = client.get(AT)
        assert "<video" not in page.text
        assert "Make a link" not in page.text
        assert client.get(f"{AT}/clip/alert").status_code == 404
        assert client.get(f"{AT}/clip/alert/boxes").status_code == 404
    assert {how for _, _, how, _ in log.told()} == {"page"}


STATES = [state for state in EvidenceStatus.__args__ if state not in ("available", "UNRECOGNISED")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", STATES)
def test_every_state_of_the_evidence_is_said_with_its_reason_and_what_to_do(status: str) -> None:
    one = Told(**ROW | {"evidence_status": status, "evidence_reason": "the disk is full"})
    (notice,) = told.notices(one, on_disk={"alert": True}, stored_in_s3=True)
    assert notice.text
    assert notice.do or status == "erased"
    assert ("the disk is full" in notice.text) == (status != "pending")


@pytest.mark.parametrize("status", [s for s in IncidentStatus.__args__ if s != "UNRECOGNISED"] + [None])  # type: ignore[attr-defined]
def test_every_state_of_the_incident_is_said(status: str | None) -> None:
    notice = told.incident(Told(**ROW | {"incident_status": status}))
    assert notice.title
    assert bool(notice.do) == (status in ("failed", "ambiguous"))


def test_what_does_not_count_says_so() -> None:
    assert told.notices(Told(**ROW), on_disk={"alert": True}, stored_in_s3=True) == []
    for change in ({"phase": "retracted", "counts": False}, {"counts": False, "version": "lower"}):
        (notice,) = told.notices(Told(**ROW | change), on_disk={"alert": True}, stored_in_s3=True)
        assert notice.level == "warn"


def test_one_person_s_views_of_two_episodes_are_two(log: Log) -> None:
    views, who = Views(Settings()), Viewer("anna", "operator")
    for episode_id in ("a", "b", "a"):
        views.note("shop", "till", episode_id, "2026-03-02", who, "clip", "alert")
    assert [view.episode_id for view in log.views] == ["a", "b"]
