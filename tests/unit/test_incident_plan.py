"""What the incident API is told, field by field."""

import msgspec
import pytest

from connectors.incident import plan
from connectors.incident.plan import IncidentJob
from connectors.incident.service import IncidentConnector
from connectors.partner import Answer, Refused
from connectors.work import Again, Done, Halt, Unsure
from infra.config import ConfigError, IncidentSettings, Settings
from infra.local.partner_rules import incident_errors
from schemas.hashing import hash_of
from schemas.records import ClipUploaded, IncidentReported
from tests.connector_records import T0, event, site, subject, upload

NOW = T0 + 100_000


def job(of: ClipUploaded | None = None, max_age_s: float | None = None, now_ms: int = NOW) -> IncidentJob:
    (found,) = plan.jobs(of or upload(), now_ms, max_age_s).values()
    return found


def test_the_opener_of_an_occurrence_asks_for_one_incident_with_its_alert_clip() -> None:
    of = upload()
    found = plan.jobs(of, NOW, None)
    assert list(found) == [of.incident_id]
    assert found[of.incident_id].image == of.uploaded_filename
    assert found[of.incident_id].previous_hash == of.hash


def test_a_later_member_and_a_closing_clip_ask_for_none() -> None:
    later = msgspec.structs.replace(subject(), opens=False)
    assert plan.jobs(upload(later), NOW, None) == {}
    assert plan.jobs(upload(part="closing"), NOW, None) == {}


@pytest.mark.parametrize("status", ["failed", "ambiguous"])
def test_without_a_stored_clip_it_is_reported_with_an_empty_image(status: str) -> None:
    assert job(upload(status=status, uploaded_filename="maybe.mp4")).image == ""
    assert job(upload(uploaded_filename=None)).image == ""


def test_its_age_is_judged_by_the_confirmation() -> None:
    confirmed_at = T0 + 15_000
    assert not job(max_age_s=60.0, now_ms=confirmed_at + 60_000).is_suppressed
    assert job(max_age_s=60.0, now_ms=confirmed_at + 60_001).is_suppressed
    assert not job(max_age_s=None, now_ms=confirmed_at + 10**12).is_suppressed


def test_an_interaction_is_told_field_by_field() -> None:
    assert plan.payload(job(), "B-7", "Europe/Berlin") == {
        "branch_id": "B-7",
        "incident_time": "2026-03-02 11:00:15",
        "reported_location": "Counter",
        "incident_type": "customer_staff_interaction",
        "status": "Open",
        "image": "prolific_upload_1772445595_abcdef.mp4",
        "percentage": 99,
        "vehicle_template": "",
        "unattended_customer": 0,
    }


def test_an_unattended_customer_is_told_field_by_field() -> None:
    of = upload(subject(event(kind="unattended")))
    assert plan.payload(job(of), "B-7", "Europe/Berlin") == {
        "branch_id": "B-7",
        "incident_time": "2026-03-02 11:01:00",
        "reported_location": "Counter",
        "incident_type": "unattended_customer",
        "status": "Open",
        "image": "prolific_upload_1772445595_abcdef.mp4",
        "percentage": 99,
        "vehicle_template": "",
        "unattended_customer": 1,
        "unattended_duration_seconds": 60.0,
        "unattended_timer_seconds": 60.0,
        "unattended_summary": {
            "total_customers": 4,
            "unattended_customers": 2,
            "confirmed_unattended": 1,
            "pending_confirmation": 1,
        },
        "unattended_customer_details": [
            {
                "customer_id": 200,
                "status": "confirmed",
                "bounding_box": [110, 20, 150, 60],
                "unattended_duration_seconds": 60.0,
                "timer_duration_seconds": 60.0,
                "first_detected_time": "2026-03-02 10:58:30",
                "last_attended_time": "2026-03-02 10:58:59",
            },
            {
                "customer_id": 201,
                "status": "pending",
                "bounding_box": [10.5, 20, 50, 60],
                "unattended_duration_seconds": 12.5,
                "timer_duration_seconds": 60.0,
                "first_detected_time": "2026-03-02 11:00:47",
                "last_attended_time": "",
            },
        ],
    }


def test_the_summary_counts_those_that_are_named_and_never_fewer_customers_than_those() -> None:
    of = subject(event(kind="unattended"))
    assert of.alert is not None
    confirmed, pending = of.alert.waiting
    for waiting, counts in (([confirmed], (1, 0)), ([pending, pending, confirmed], (1, 2)), ([confirmed] * 2, (2, 0))):
        alert = msgspec.structs.replace(of.alert, waiting=waiting, counts=None)
        body = plan.payload(job(upload(msgspec.structs.replace(of, alert=alert))), "B", "UTC")
        assert body["unattended_summary"] == {
            "total_customers": len(waiting),
            "unattended_customers": len(waiting),
            "confirmed_unattended": counts[0],
            "pending_confirmation": counts[1],
        }
    nobody = msgspec.structs.replace(of.alert, waiting=[], counts=None)
    body = plan.payload(job(upload(msgspec.structs.replace(of, alert=nobody))), "B", "UTC")
    assert body["unattended_summary"]["total_customers"] == 0


def test_without_a_drawn_place_it_is_reported_from_the_camera() -> None:
    body = plan.payload(job(upload(msgspec.structs.replace(subject(), alert=None))), "B", "UTC")
    assert body["reported_location"] == "cam"


@pytest.mark.parametrize("kind", ["interaction", "unattended"])
def test_what_is_told_is_what_the_partners_stand_in_accepts(kind: str) -> None:
    body = plan.payload(job(upload(subject(event(kind=kind)))), "B-7", "Europe/Berlin")
    assert incident_errors(msgspec.json.decode(msgspec.json.encode(body))) == []


@pytest.mark.parametrize(
    ("support", "percentage"),
    [(0.0, 0), (0.004, 0), (0.125, 13), (0.5, 50), (0.985, 99), (1.0, 100), (1.2, 100), (-0.1, 0)],
)
def test_the_percentage_is_a_whole_number(support: float, percentage: int) -> None:
    of = upload(msgspec.structs.replace(subject(), support=support))
    body = plan.payload(job(of), "B", "UTC")
    assert body["percentage"] == percentage
    assert type(body["percentage"]) is int


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b'{"id": "ext-1"}', "ext-1"),
        (b'{"success": true, "data": {"incident_id": 17}}', "17"),
        (b'{"result": {"_id": "65f"}}', "65f"),
        (b'{"alert_id": "a"}', "a"),
        (b'{"id": "", "data": {"id": 5}}', "5"),
        (b'{"id": "' + b"x" * 200 + b'"}', "x" * 200),
        (b'{"id": "' + b"x" * 201 + b'"}', None),
        (b'{"id": true}', None),
        (b'{"id": "a\\u0000b"}', None),
        (b"[1]", None),
        (b"[" * 100_000, None),
        (b"OK", None),
        (b"", None),
    ],
)
def test_the_apis_own_id_is_taken_where_there_is_one(answer: bytes, found: str | None) -> None:
    assert plan.external_id(answer) == found


def test_the_record_is_chained_and_what_was_observed_is_outside_its_hash() -> None:
    asked = job()
    one = plan.reported(asked, "reported", payload_sha256="p", now_ms=1, attempts=1, external_incident_id="a")
    two = plan.reported(asked, "reported", payload_sha256="p", now_ms=2, attempts=5, external_incident_id="b")
    assert one.previous_hash == asked.previous_hash
    assert one.hash == hash_of(one) == two.hash
    assert one.facet_revision == 1


def connector(**more: object) -> IncidentConnector:
    api = IncidentSettings.model_validate({"api_key": "s3cr3t", "url": "http://127.0.0.1:9/api"} | more)
    return IncidentConnector(Settings(incident=api), site("cam"))


def judged(answer: Answer | Again | Unsure | Refused, service: IncidentConnector | None = None) -> object:
    return (service or connector())._outcome(job(), answer, 1)


def told(outcome: object) -> IncidentReported:
    assert isinstance(outcome, Done), outcome
    assert isinstance(outcome.result, IncidentReported)
    return outcome.result


def answer(status: int, body: bytes = b"{}", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, True)


def test_an_accepted_incident_is_reported_also_without_an_id() -> None:
    assert told(judged(answer(200, b'{"id": "ext-1"}'))).external_incident_id == "ext-1"
    bare = told(judged(answer(201, b"OK")))
    assert (bare.status, bare.external_incident_id, bare.http_status) == ("reported", None, 201)


def test_a_web_page_is_no_certain_answer() -> None:
    assert isinstance(judged(answer(200, b"<html>", content_type="text/html")), Unsure)


def test_an_answer_that_says_no_is_a_no() -> None:
    for body in (b'{"success": false}', b'{"status": false}'):
        assert told(judged(answer(200, body))).status == "failed"
    for body in (b'{"success": true, "status": true}', b'{"status": "Open"}', b"{}"):
        assert told(judged(answer(200, body))).status == "reported"


def test_a_refused_payload_is_final_and_a_wrong_key_stops() -> None:
    refused = told(judged(answer(400, b'{"errors": ["x"]}')))
    assert (refused.status, refused.http_status) == ("failed", 400)
    assert isinstance(judged(answer(401)), Halt)
    worked = connector()
    judged(answer(200), worked)
    assert isinstance(judged(answer(401), worked), Again)


def test_a_suppressed_incident_asks_nobody_and_is_no_risk() -> None:
    service = connector(alert_max_age_s=60)
    old = job(max_age_s=60.0, now_ms=T0 + 10**9)
    assert not service.is_risky(old)
    record = told(service.do(old, 1))
    assert (record.status, record.http_status) == ("suppressed", None)
    assert "60 s" in str(record.reason)


def test_asking_twice_is_risky_unless_the_api_honours_our_key() -> None:
    assert connector().is_risky(job())
    assert not connector(honours_idempotency_key=True).is_risky(job())


def test_only_this_sites_live_uploads_are_reported() -> None:
    service = connector(alert_max_age_s=0)
    assert service.plan(upload(), NOW)
    assert not service.plan(upload(lane="backfill"), NOW)
    assert not service.plan(upload(subject(event(camera_id="elsewhere"))), NOW)


def test_without_a_key_the_service_does_not_start() -> None:
    with pytest.raises(ConfigError, match="TRACKFOLD_INCIDENT__API_KEY"):
        IncidentConnector(Settings(incident=IncidentSettings()), site("cam"))
