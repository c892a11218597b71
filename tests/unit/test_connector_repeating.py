"""A step is done again when a person or a newer record asks for it, and never where it could be accepted twice."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.incident.plan import IncidentJob, jobs
from connectors.repeating import asked_by_person
from connectors.upload.plan import Stored, as_before, uploaded
from connectors.upload.service import UploadConnector
from connectors.work import Done, Outcome, Partition, Work
from infra.config import Settings
from schemas.acts import RetryAsked
from schemas.hashing import hash_of, sealed
from schemas.records import ClipUploaded, IncidentReported
from tests.connector_records import T0, clip, event, site, subject, upload
from tests.unit.test_connector_worker import Api, Kafka, Killed, Reporting, live, reports, statuses

__all__ = ["live"]
Live = Callable[[Kafka, Reporting], None]


def ask(of: ClipUploaded, revision: int = 1, verdict: Any = "again", **more: Any) -> RetryAsked:
    """A person's word about the incident of an upload."""
    known = {"site_id": "shop", "camera_id": of.camera_id, "lane": "live", "business_day": of.business_day}
    known |= {"episode_id": of.episode_id, "step": "incident", "work_key": of.incident_id, "revision": revision}
    known |= {"verdict": verdict, "reason": "", "asked_by": "somebody", "asked_at": T0, "hash": ""}
    return sealed(RetryAsked(**known | more))


def after(live: Live, answers: list[str], *records: ClipUploaded | RetryAsked, risky: bool = True) -> tuple[Kafka, Api]:
    """A worker's whole life over these records; it asks an API that answers so, and then accepts."""
    kafka, api = Kafka(list(records)), Api(answers=list(answers))
    live(kafka, Reporting(api, risky))
    return kafka, api


FAILED, UNCERTAIN, LOST = ["refused"] * 4, ["no answer"], ["accepted, no answer"]


def test_what_failed_is_done_again_when_a_person_asks_and_has_the_next_revision(live: Live) -> None:
    # given an incident that was refused as often as it is tried
    one = upload(subject(event()))
    kafka, api = after(live, [*FAILED, "accepted"], one)
    assert [(r.facet_revision, r.status) for r in reports(kafka)] == [(1, "failed")]

    # when a person asks
    kafka.source.append(ask(one))
    live(kafka, Reporting(api))

    # then it is asked once more, and the new record follows the same upload
    _, second = reports(kafka)
    assert (second.facet_revision, second.status, api.accepted) == (2, "reported", [one.incident_id])
    assert (second.previous_hash, second.hash) == (one.hash, hash_of(second))
    # and the same word again, or an older one, changes nothing
    kafka.source += [ask(one), ask(one)]
    live(kafka, Reporting(api))
    assert (len(reports(kafka)), len(api.accepted)) == (2, 1)


def test_what_fails_again_may_be_asked_for_again(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, FAILED * 2, one)
    for revision in (1, 2):
        kafka.source.append(ask(one, revision))
        live(kafka, Reporting(api))
    assert [(r.facet_revision, r.status) for r in reports(kafka)] == [(1, "failed"), (2, "failed"), (3, "reported")]


def test_a_word_that_meant_an_earlier_failure_changes_nothing(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, FAILED * 2, one)
    for _ in range(3):
        kafka.source.append(ask(one))
        live(kafka, Reporting(api))
    assert [(r.facet_revision, r.status) for r in reports(kafka)] == [(1, "failed"), (2, "failed")]


def test_an_ambiguous_incident_is_not_asked_again_until_a_person_says_that_it_was_not_accepted(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, UNCERTAIN, one, ask(one))
    kafka.source.append(ask(one))
    live(kafka, Reporting(api))
    assert (statuses(kafka), api.accepted) == ({one.incident_id: "ambiguous"}, [])

    kafka.source.append(ask(one, verdict="not_accepted"))
    live(kafka, Reporting(api))
    assert (statuses(kafka), api.accepted) == ({one.incident_id: "reported"}, [one.incident_id])


def test_an_ambiguous_incident_that_a_person_found_accepted_is_reported_without_asking(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, LOST, one)
    kafka.source.append(ask(one, verdict="accepted", external_id="ext-7"))
    live(kafka, Reporting(api))
    first, second = reports(kafka)
    assert (second.status, second.external_incident_id, second.facet_revision) == ("reported", "ext-7", 2)
    assert (second.payload_sha256, second.image, second.previous_hash) == (first.payload_sha256, first.image, one.hash)
    assert second.hash == hash_of(second)
    assert len(api.accepted) == 1


def test_an_ambiguous_incident_of_an_api_that_honours_keys_may_simply_be_asked_again(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, UNCERTAIN * 4, one, risky=False)
    assert statuses(kafka) == {one.incident_id: "ambiguous"}
    kafka.source.append(ask(one))
    live(kafka, Reporting(api, risky=False))
    assert statuses(kafka) == {one.incident_id: "reported"}


@pytest.mark.parametrize("verdict", ["again", "not_accepted", "accepted"])
def test_what_is_reported_is_never_asked_again(live: Live, verdict: str) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, [], one, ask(one, verdict=verdict))
    kafka.source.append(ask(one, verdict=verdict))
    live(kafka, Reporting(api))
    assert ([r.status for r in reports(kafka)], len(api.accepted)) == (["reported"], 1)


def test_a_word_about_a_failure_that_it_was_accepted_is_not_believed(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, FAILED, one)
    kafka.source.append(ask(one, verdict="accepted"))
    live(kafka, Reporting(api))
    assert [r.status for r in reports(kafka)] == ["failed"]


def test_wherever_it_is_killed_a_persons_word_is_followed_and_nothing_is_accepted_twice(live: Live) -> None:
    one = upload(subject(event()))
    for answers, verdict in ((FAILED, "again"), (UNCERTAIN, "not_accepted"), (LOST, "accepted")):
        quiet, _ = after(live, list(answers), one)
        begun, work, committed = len(quiet.public), list(quiet.work), quiet.committed
        public = list(quiet.public)
        quiet.operations, quiet.source = 0, [one, ask(one, verdict=verdict)]
        live(quiet, Reporting(Api()))
        assert quiet.operations > 8
        for place in range(1, quiet.operations + 1):
            kafka = Kafka([one, ask(one, verdict=verdict)], list(work), list(public), committed, dies_at=place)
            api = Api()
            try:
                live(kafka, Reporting(api))
            except Killed:
                kafka.dies_at = None
                live(kafka, Reporting(api))
            told = reports(kafka)
            assert [r.facet_revision for r in told] == [1, 2], f"{verdict}, killed at {place}"
            assert told[1].status in ("reported", "ambiguous"), f"{verdict}, killed at {place}"
            assert len(api.accepted) <= (0 if verdict == "accepted" else 1), f"{verdict}, killed at {place}"
        assert begun == 1


class Seeing(Reporting):
    """Remembers with which picture it asked."""

    images: list[str]

    def do(self, job: IncidentJob, attempt: int) -> Outcome[IncidentReported]:
        self.images = [*getattr(self, "images", []), job.image]
        return super().do(job, attempt)


def newer(of: ClipUploaded) -> ClipUploaded:
    """The upload after a retry: now there is a file."""
    return sealed(msgspec.structs.replace(of, facet_revision=2, status="uploaded", uploaded_filename="b.mp4", hash=""))


def test_a_newer_upload_is_reason_to_ask_again_only_where_the_incident_surely_was_not_accepted(live: Live) -> None:
    one = upload(subject(event()), status="failed")
    for answers, asked in (([], [""]), (LOST, [""]), (FAILED, [*[""] * 4, "b.mp4"])):
        connector = Seeing(Api(answers=list(answers)))
        kafka = Kafka([one])
        live(kafka, connector)
        kafka.source.append(newer(one))
        live(kafka, connector)
        assert connector.images == asked
        assert len(connector.api.accepted) == 1
        # and records that come again, in any order, change nothing
        kafka.source += [newer(one), one]
        live(kafka, connector)
        assert connector.images == asked


def test_an_upload_that_is_stated_anew_before_its_incident_was_certain_does_not_ask_twice(live: Live) -> None:
    one = upload(subject(event()), status="failed")
    connector = Seeing(Api())
    kafka = Kafka([one, newer(one)])
    live(kafka, connector)
    assert connector.images == [""]
    assert [(r.facet_revision, r.status) for r in reports(kafka)] == [(1, "reported")]


def test_a_person_has_an_ambiguous_incident_asked_with_the_newest_picture_and_the_revisions_have_no_hole(
    live: Live,
) -> None:
    one = upload(subject(event()), status="failed")
    connector = Seeing(Api(answers=list(UNCERTAIN)))
    kafka = Kafka([one, newer(one)])
    live(kafka, connector)
    kafka.source.append(ask(one, verdict="not_accepted"))
    live(kafka, connector)
    assert connector.images == ["", "b.mp4"]
    assert [(r.facet_revision, r.previous_hash) for r in reports(kafka)] == [(1, one.hash), (2, newer(one).hash)]


def test_another_sites_work_and_another_steps_word_are_left_alone(live: Live) -> None:
    # given failed work of ours and of another site's camera
    one, theirs = upload(subject(event())), upload(subject(event(camera_id="elsewhere")), status="failed")
    kafka, api = after(live, FAILED, one)
    ((key, job),) = jobs(theirs, T0, None).items()
    failed = reports(kafka)[0]
    kafka.work.append((key, msgspec.json.encode(Work(state="finished", taken_in_at=T0, input=job, before=failed))))
    # when somebody asks for theirs, and for a step that is not ours
    kafka.source += [ask(theirs), ask(one, step="upload")]
    live(kafka, Reporting(api))
    assert (len(kafka.public), api.accepted) == (1, [])


def test_a_failure_of_long_ago_cannot_be_done_again_for_nothing_would_show_it(live: Live) -> None:
    one = upload(subject(event()))
    kafka, api = after(live, FAILED, one)
    key, value = kafka.work[-1]
    old = msgspec.json.decode(value or b"") | {"taken_in_at": T0 - 31 * 24 * 3600 * 1000}
    kafka.work.append((key, msgspec.json.encode(old)))
    kafka.source.append(ask(one))
    live(kafka, Reporting(api))
    assert [r.status for r in reports(kafka)] == ["failed"]
    assert "input" not in msgspec.json.decode(kafka.work[-1][1] or b""), "and it is short"


def connector(http: bool = True) -> UploadConnector:
    class Store:
        name = "http" if http else "s3"
        repeat_is_safe = not http

        def store(self, clip: Any, path: Any) -> Any:
            raise AssertionError

    return UploadConnector(Settings(), site(), Store(), clock=None)


def test_work_that_waits_for_its_next_attempt_is_due_when_a_person_asks_with_all_attempts_before_it() -> None:
    # given an incident whose API asks for an hour's patience
    one = upload(subject(event()))
    ((key, job),) = jobs(one, T0, None).items()
    waiting: Work[IncidentJob, IncidentReported] = Work(
        state="pending", taken_in_at=T0, due_at=T0 + 3_600_000, attempts=3, last_error="429", input=job
    )
    part = Partition(open={key: waiting})

    def asked(word: RetryAsked) -> Any:
        return asked_by_person(part, word, Reporting(Api()), T0 + 1000)

    # then it is due now, whoever says so may be told that nothing was accepted, and not while it is being done
    assert asked(ask(one, 0)) == (key, msgspec.structs.replace(waiting, due_at=T0 + 1000, attempts=0))
    assert asked(ask(one, 1)) == asked(ask(one, 0, "accepted")) == "it is still open and nothing came of it yet"
    part.running.add(key)
    assert asked(ask(one, 0)) == "it is being done at this moment"


def test_a_clip_cut_again_with_the_same_bytes_is_not_stored_again(tmp_path: Any) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    first = clip(file=file, status="partial")
    stored = uploaded(first, "uploaded", "http", now_ms=T0, attempts=1, stored=Stored("a_1.mp4", "https://x/a_1.mp4"))
    unknown = uploaded(first, "ambiguous", "http", now_ms=T0, attempts=1, reason="reset")
    failed = uploaded(first, "failed", "http", now_ms=T0, attempts=1, reason="refused")
    again = sealed(msgspec.structs.replace(first, facet_revision=2))

    def follow(before: ClipUploaded, job: Any, http: bool = True) -> Any:
        prior = Work(state="finished", taken_in_at=T0, input=first, before=before)
        outcome = connector(http).follow(job, prior)
        return outcome.result if isinstance(outcome, Done) else outcome

    same = follow(stored, again)
    assert (same.status, same.uploaded_filename, same.sha256) == ("uploaded", "a_1.mp4", first.sha256)
    assert (same.previous_hash, same.hash) == (again.hash, hash_of(same))
    assert (follow(unknown, again).status, follow(unknown, again).previous_hash) == ("ambiguous", again.hash)
    assert follow(unknown, again, http=False) is None, "to repeat it is safe there"
    assert follow(failed, again) is None
    # and with other bytes it is
    file.write_bytes(b"better")
    assert follow(stored, clip(first.subject, file=file, facet_revision=2)) is None
    assert as_before(again, stored, now_ms=T0).video_url == "https://x/a_1.mp4"


def test_a_file_that_a_person_found_becomes_the_evidence(tmp_path: Any) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"one")
    cut = clip(file=file)
    unknown = uploaded(cut, "ambiguous", "http", now_ms=T0, attempts=1, reason="reset")
    found = connector().accepted(cut, unknown, "000007_a.mp4")
    assert (found.status, found.uploaded_filename, found.sha256) == ("uploaded", "000007_a.mp4", cut.sha256)
    with pytest.raises(ValueError, match="cannot be a file name"):
        connector().accepted(cut, unknown, "../../etc/passwd")
