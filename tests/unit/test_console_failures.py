"""The page of failures: what is listed, who may do what about it, and how the outcome comes to the page."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from connectors.console import app as console_app
from connectors.console.kept import Kept
from connectors.console.sign_in import COOKIE, doors
from connectors.ways_out import dead_letters, service
from connectors.ways_out.dead_letters import Letter
from connectors.ways_out.failures import Job, Word
from connectors.ways_out.service import Standing
from connectors.work import Work
from infra.config import ConsoleSettings, Settings
from schemas.acts import RetryAsked
from schemas.errors import ServerError
from schemas.hashing import sealed
from schemas.records import FoldHalt, IncidentReported
from schemas.site import Site
from schemas.topics import CLIPS
from tests.connector_records import T0, clip, event, subject, upload

TOKENS = {"operator": "o" * 32, "viewer": "v" * 32}
OF = subject(event())
SITE = Site.model_validate({"site_id": OF.site_id, "cameras": [{"camera_id": OF.camera_id}, {"camera_id": "door"}]})
KEY = f"{OF.episode_id}:alert"


def ended(before: Any) -> Work[Job, Any]:
    job = Job(subject=OF, part=getattr(before, "part", None))
    return Work(state="finished", taken_in_at=T0, input=job, before=before, revision=before.facet_revision)


REFUSED = ended(upload(OF, status="failed", reason="403 <b>forbidden</b>", clip_status="complete", attempts=5))
UNSURE = ended(
    sealed(
        IncidentReported(
            incident_id="incident_1",
            episode_id=OF.episode_id,
            occurrence_id=OF.occurrence_id,
            site_id=OF.site_id,
            camera_id=OF.camera_id,
            lane=OF.lane,
            business_day=OF.business_day,
            facet_revision=1,
            status="ambiguous",
            reason="no answer within 10 s",
            image="",
            payload_sha256="",
            reported_at=T0,
            attempts=1,
            hash="",
        )
    )
)
HALT = FoldHalt(
    site_id=OF.site_id,
    camera_id="door",
    lane="live",
    stream_epoch=T0,
    sequence=7,
    captured_at=T0,
    error="ZeroDivisionError",
    halted_at=T0,
)


@dataclass
class Topics:
    """What would be read from Kafka, and what was put there."""

    works: dict[str, dict[str, Work[Job, Any]]] = field(
        default_factory=lambda: {"clip": {}, "upload": {}, "incident": {}}
    )
    halts: list[FoldHalt] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    sent: list[RetryAsked] = field(default_factory=list)
    skipped: list[tuple[str, str, Word]] = field(default_factory=list)
    down: bool = False

    def standing(self, _: Settings) -> Standing:
        if self.down:
            raise ServerError("the brokers do not answer")
        return Standing(dict(self.works), list(self.halts))  # type: ignore[arg-type]

    def skip(self, _: Settings, site: Site, camera_id: str, lane: str, word: Word) -> None:
        self.skipped.append((camera_id, lane, word))


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    made = Topics()
    monkeypatch.setattr(service, "standing", made.standing)
    monkeypatch.setattr(service, "send", lambda _, asks: made.sent.extend(asks))
    monkeypatch.setattr(service, "skip", made.skip)
    monkeypatch.setattr(dead_letters, "read_letters", lambda _: made.letters)
    monkeypatch.setattr("connectors.console.failures.FRESH_S", 0.0)
    monkeypatch.setattr("connectors.console.failures.POLLED_S", 0.0)
    return made


@pytest.fixture
def client(topics: Topics) -> TestClient:
    given = ConsoleSettings.model_validate({f"{role}_token": token for role, token in TOKENS.items()})
    made = console_app.make(Settings(console=given), SITE, Path("site.yaml"), doors(given)[0])
    return TestClient(made, follow_redirects=False)  # without its lifespan: nothing is read beside the pages


def sign_in(client: TestClient, role: str = "operator") -> dict[str, str]:
    client.get(f"/sign-in?token={TOKENS[role]}")
    return {"x-csrf": client.app.state.doors.opened(client.cookies[COOKIE]).csrf}  # type: ignore[attr-defined]


def polls(text: str) -> list[str]:
    """The addresses that rows ask by themselves."""
    return [found.replace("&amp;", "&") for found in re.findall(r'hx-get="(/failed/came[^"]*)"', text)]


def test_the_page_itself_reads_no_topic_and_passes_its_filters_on(client: TestClient, topics: Topics) -> None:
    topics.down = True
    sign_in(client)
    text = client.get("/failed?camera=door&state=person").text
    assert 'hx-get="/failed/list?camera=door&amp;state=person"' in text
    assert '<option value="person" selected>' in text


def test_what_failed_is_listed_with_why_and_what_to_do_and_its_words_are_text(
    client: TestClient, topics: Topics
) -> None:
    topics.works["upload"][KEY] = REFUSED
    sign_in(client)
    text = client.get("/failed/list").text
    assert "upload alert" in text
    assert "403 &lt;b&gt;forbidden&lt;/b&gt;" in text
    assert f"<code>trackfold retry {OF.episode_id[:8]} --step upload</code>" in text
    assert f"/episodes/{OF.episode_id}?day={OF.business_day}" in text


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("", 3),
        ("state=person", 3),
        ("state=ambiguous", 1),
        ("state=partial", 0),
        ("camera=door", 1),
        ("step=upload", 1),
        (f"day={OF.business_day}", 2),
        ("day=2001-01-01", 0),
    ],
)
def test_filters_leave_the_others_out_and_say_how_many_there_are(
    client: TestClient, topics: Topics, query: str, listed: int
) -> None:
    topics.works |= {"upload": {KEY: REFUSED}, "incident": {"incident_1": UNSURE}}
    topics.halts = [HALT]
    sign_in(client)
    text = client.get(f"/failed/list?{query}").text
    assert text.count('class="failure"') == listed
    assert listed or "None that fits the filters; 3 without them" in text


@pytest.mark.parametrize("query", ["day=x", "step=rm", "state=any", "camera=" + "x" * 99])
def test_a_filter_that_is_none_is_refused(client: TestClient, query: str) -> None:
    sign_in(client)
    assert client.get(f"/failed/list?{query}").status_code == 422


def test_a_retry_is_sent_in_the_operators_name_and_its_outcome_comes_by_itself(
    client: TestClient, topics: Topics
) -> None:
    topics.works["upload"][KEY] = REFUSED
    word = sign_in(client)
    answer = client.post("/failed/retry", data={"key": f"upload {KEY}", "reason": "back"}, headers=word).text
    (ask,) = topics.sent
    assert (ask.step, ask.work_key, ask.verdict, ask.asked_by, ask.reason) == (
        "upload",
        KEY,
        "again",
        "operator token",
        "back",
    )
    (poll,) = polls(answer)
    # as long as nothing came of it the row stays
    assert client.get(poll).status_code == 204
    again = ended(upload(OF, status="failed", reason="still 403", clip_status="complete", facet_revision=2))
    topics.works["upload"][f"{KEY}:2"] = again
    assert "still 403" in client.get(poll).text
    topics.works["upload"][f"{KEY}:2"] = ended(upload(OF, status="uploaded", clip_status="complete", facet_revision=2))
    assert f"upload of {KEY}: uploaded" in client.get(poll).text


def test_all_that_are_shown_are_asked_for_again_but_not_what_may_have_been_accepted(
    client: TestClient, topics: Topics
) -> None:
    late = ended(clip(OF, status="failed", reason="no such segment"))
    topics.works |= {"clip": {KEY: late}, "upload": {KEY: REFUSED}, "incident": {"incident_1": UNSURE}}
    word = sign_in(client)
    shown = re.findall(
        r'name="key" value="([^"]*)"', client.get("/failed/list").text.split('hx-post="/failed/retry-all"')[1]
    )
    answer = client.post("/failed/retry-all", data={"key": shown, "reason": "mended"}, headers=word).text
    assert {ask.step for ask in topics.sent} == {"clip", "upload"}
    assert "2 asked for again" in answer
    assert len(polls(answer)) == 2


def test_what_may_have_been_accepted_is_sent_again_only_on_a_persons_word(client: TestClient, topics: Topics) -> None:
    topics.works["incident"]["incident_1"] = UNSURE
    word = sign_in(client)
    key = {"key": "incident incident_1"}
    assert "say first whether it is there" in client.post("/failed/retry", data=key, headers=word).text
    unexplained = client.post("/failed/retry", data={**key, "verdict": "not_accepted"}, headers=word)
    assert "say how you know" in unexplained.text
    assert topics.sent == []
    said = {**key, "verdict": "accepted", "external_id": " ext-17 ", "reason": "they told me"}
    client.post("/failed/retry", data=said, headers=word)
    client.post("/failed/retry", data={**key, "verdict": "not_accepted", "reason": "they looked"}, headers=word)
    assert [(a.verdict, a.external_id) for a in topics.sent] == [("accepted", "ext-17"), ("not_accepted", None)]


def test_a_camera_that_stands_still_goes_on_after_a_word_and_a_reason(client: TestClient, topics: Topics) -> None:
    topics.halts = [HALT]
    word = sign_in(client)
    key = {"key": "fold door/live"}
    assert "say why" in client.post("/failed/skip", data=key, headers=word).text
    answer = client.post("/failed/skip", data={**key, "reason": "a broken frame"}, headers=word).text
    ((camera, lane, said),) = topics.skipped
    assert (camera, lane, said.by, said.reason) == ("door", "live", "operator token", "a broken frame")
    (poll,) = polls(answer)
    assert client.get(poll).status_code == 204
    topics.halts = []
    assert "the camera goes on" in client.get(poll).text


def test_a_viewer_sees_everything_and_can_do_nothing(client: TestClient, topics: Topics) -> None:
    topics.works |= {"upload": {KEY: REFUSED}, "incident": {"incident_1": UNSURE}}
    topics.halts = [HALT]
    word = sign_in(client, "viewer")
    text = client.get("/failed/list").text
    assert text.count('class="failure"') == 3
    assert "hx-post" not in text
    for act in ("retry", "retry-all", "skip"):
        assert (
            client.post(f"/failed/{act}", data={"key": "fold door/live", "reason": "x"}, headers=word).status_code
            == 403
        )
    assert (topics.sent, topics.skipped) == ([], [])


def test_a_row_that_is_not_there_any_more_is_said_to_be_so(client: TestClient, topics: Topics) -> None:
    word = sign_in(client)
    answer = client.post("/failed/retry", data={"key": "upload ../../x:alert", "reason": ""}, headers=word)
    assert "not listed any more" in answer.text
    assert topics.sent == []


def test_nothing_failed_is_said_and_so_is_a_server_that_is_away(client: TestClient, topics: Topics) -> None:
    sign_in(client)
    assert "Nothing failed" in client.get("/failed/list").text
    topics.down = True
    stale = client.get("/failed/list").text
    assert "could not be read again since: the brokers do not answer" in stale


def test_dead_letters_are_counted_with_the_command_that_shows_them(client: TestClient, topics: Topics) -> None:
    topics.letters = [Letter(CLIPS, 3, 17 + n, "till", b"x", "no <schema>", T0) for n in range(2)]
    sign_in(client)
    text = client.get("/failed/letters").text
    assert "trackfold dlq show clips/3/18" in text
    assert '<span class="badge badge-bad">2</span>' in text
    assert "no &lt;schema&gt;" in text


class TestKept:
    def test_it_is_read_again_once_it_is_too_old_and_not_before(self) -> None:
        now, reads = [100.0], iter(range(10))
        kept = Kept(lambda: next(reads), lambda: now[0])
        assert [kept.get(5).value, kept.get(5).value] == [0, 0]
        now[0] += 6
        assert (kept.get(5).value, kept.get(0).value) == (1, 1)
        now[0] += 0.1
        assert kept.get(0).value == 2

    def test_what_was_read_before_a_server_went_away_is_kept_and_says_so(self) -> None:
        now, answers = [100.0], iter([1])

        def read() -> int:
            value = next(answers, None)
            if value is None:
                raise ServerError("away")
            return value

        kept = Kept(read, lambda: now[0])
        assert kept.get(5).trouble == ""
        now[0] += 6
        assert (kept.get(5).value, kept.get(5).trouble, kept.get(5).at) == (1, "away", 100_000)

    def test_without_any_reading_the_trouble_is_raised(self) -> None:
        def read() -> int:
            raise ServerError("away")

        with pytest.raises(ServerError):
            Kept(read).get(5)
