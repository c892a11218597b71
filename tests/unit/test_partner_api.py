"""The stand-in of the partner APIs: what it accepts, what it keeps, and how it misbehaves when told to."""

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from infra.local.partner_rules import SHAPES, incident_errors, upload_errors
from infra.local.partner_server import Partner

INTERACTION: dict[str, Any] = {
    "branch_id": "branch-7",
    "incident_time": "2025-10-25 11:31:30",
    "reported_location": "Counter 1",
    "incident_type": "customer_staff_interaction",
    "status": "Open",
    "image": "prolific_upload_1761391890_a1b2c3.mp4",
    "percentage": 93,
    "vehicle_template": "",
    "unattended_customer": 0,
}
DETAIL: dict[str, Any] = {
    "customer_id": 300,
    "status": "confirmed",
    "bounding_box": [10, 20.5, 60, 180],
    "unattended_duration_seconds": 61.2,
    "timer_duration_seconds": 60,
    "first_detected_time": "2025-10-25 11:30:00",
    "last_attended_time": "",
}
UNATTENDED: dict[str, Any] = INTERACTION | {
    "incident_type": "unattended_customer",
    "unattended_customer": 1,
    "unattended_duration_seconds": 61.2,
    "unattended_timer_seconds": 60,
    "unattended_summary": {
        "total_customers": 3,
        "unattended_customers": 2,
        "confirmed_unattended": 1,
        "pending_confirmation": 1,
    },
    "unattended_customer_details": [DETAIL, DETAIL | {"customer_id": 301, "status": "pending"}],
}
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(64)
KEY = {"X-API-Key": "incident-key"}
UPLOAD_KEY = {"X-API-Key": "upload-key"}


def with_change(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed; path like unattended_customer_details.0.status."""
    changed = copy.deepcopy(body)
    place: Any = changed
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    return changed


@pytest.mark.parametrize("body", [INTERACTION, UNATTENDED], ids=["interaction", "unattended"])
def test_a_right_incident_is_accepted(body: dict[str, Any]) -> None:
    assert incident_errors(body) == []


def test_an_incident_without_a_clip_is_accepted() -> None:
    assert incident_errors(INTERACTION | {"image": ""}) == []


@pytest.mark.parametrize("body", [INTERACTION, UNATTENDED], ids=["interaction", "unattended"])
def test_every_field_must_be_there(body: dict[str, Any]) -> None:
    for name in body:
        without = {key: value for key, value in body.items() if key != name}
        assert any(name in error for error in incident_errors(without)), name


@pytest.mark.parametrize("part", ["unattended_summary", "unattended_customer_details.0"])
def test_every_field_of_the_parts_must_be_there(part: str) -> None:
    names = DETAIL if part.endswith("0") else UNATTENDED["unattended_summary"]
    for name in names:
        body = copy.deepcopy(UNATTENDED)
        place = body["unattended_summary"] if part == "unattended_summary" else body["unattended_customer_details"][0]
        del place[name]
        assert any(name in error and "missing" in error for error in incident_errors(body)), name


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("branch_id", ""),
        ("branch_id", 7),
        ("incident_time", "2025-10-25T11:31:30"),
        ("incident_time", "2025-13-25 11:31:30"),
        ("incident_time", "2025-10-25 11:31:30.5"),
        ("incident_time", 1761391890),
        ("reported_location", "  "),
        ("incident_type", "theft"),
        ("incident_type", None),
        ("status", "open"),
        ("image", "https://host/clip.mp4"),
        ("image", "../clip.mp4"),
        ("image", "a clip.mp4"),
        ("image", None),
        ("percentage", 101),
        ("percentage", -1),
        ("percentage", 93.0),
        ("percentage", "93"),
        ("percentage", True),
        ("vehicle_template", "car"),
        ("unattended_customer", True),
        ("unattended_customer", 2),
        ("unattended_customer", 0),
        ("unattended_duration_seconds", -1),
        ("unattended_duration_seconds", "61"),
        ("unattended_timer_seconds", float("nan")),
        ("unattended_summary", []),
        ("unattended_summary.total_customers", 1),
        ("unattended_summary.total_customers", 3.0),
        ("unattended_summary.unattended_customers", 3),
        ("unattended_summary.confirmed_unattended", 2),
        ("unattended_summary.pending_confirmation", 0),
        ("unattended_summary.extra", 0),
        ("unattended_customer_details", []),
        ("unattended_customer_details", {}),
        ("unattended_customer_details.0", "nobody"),
        ("unattended_customer_details.0.customer_id", "300"),
        ("unattended_customer_details.1.customer_id", 300),
        ("unattended_customer_details.0.status", "open"),
        ("unattended_customer_details.0.status", "pending"),
        ("unattended_customer_details.0.bounding_box", [10, 20, 60]),
        ("unattended_customer_details.0.bounding_box", [60, 20, 10, 180]),
        ("unattended_customer_details.0.bounding_box", {"x1": 10}),
        ("unattended_customer_details.0.unattended_duration_seconds", None),
        ("unattended_customer_details.0.timer_duration_seconds", -5),
        ("unattended_customer_details.0.first_detected_time", ""),
        ("unattended_customer_details.0.last_attended_time", "never"),
        ("unattended_customer_details.0.extra", 1),
        ("extra", 1),
    ],
)
def test_a_wrong_value_is_refused_and_named(path: str, value: Any) -> None:
    errors = incident_errors(with_change(UNATTENDED, path, value))
    assert errors
    field = next(step for step in reversed(path.split(".")) if not step.isdigit())
    assert any(field in error for error in errors) or "details" in errors[0]


def test_fields_of_the_unattended_are_refused_for_an_interaction() -> None:
    body = INTERACTION | {"unattended_timer_seconds": 60}
    assert incident_errors(body) == ["unattended_timer_seconds: is not known here"]


@pytest.mark.parametrize(
    ("filename", "content_type", "head"),
    [
        ("clip.avi", "video/mp4", MP4),
        ("../clip.mp4", "video/mp4", MP4),
        (None, "video/mp4", MP4),
        ("clip.mp4", "application/octet-stream", MP4),
        ("clip.mp4", None, MP4),
        ("clip.mp4", "video/mp4", b"no video at all"),
        ("clip.mp4", "video/mp4", b""),
    ],
)
def test_a_wrong_upload_is_refused(filename: str | None, content_type: str | None, head: bytes) -> None:
    assert upload_errors("clip.mp4", "video/mp4", len(MP4), MP4) == []
    assert len(upload_errors(filename, content_type, len(head), head)) == 1


# the server itself, on a port of this machine

Steps = Callable[[TestClient[Any, Any]], Awaitable[None]]


def with_partner(folder: Path, steps: Steps) -> None:
    """Serve the folder, run the steps, stop: calling it again is a restart."""

    async def go() -> None:
        partner = Partner(folder, "http://partner.test", "incident-key", "upload-key")
        async with TestClient(TestServer(partner.application())) as client:
            await steps(client)

    asyncio.run(go())


async def post(client: TestClient[Any, Any], body: Any, key: str | None = None) -> aiohttp.ClientResponse:
    headers = KEY | ({"Idempotency-Key": key} if key else {})
    return await client.post("/api/Addprolificai_alerts", json=body, headers=headers)


async def upload(
    client: TestClient[Any, Any], content: bytes = MP4, key: str | None = None, name: str = "segment_1.mp4"
) -> aiohttp.ClientResponse:
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name, content_type="video/mp4")
    headers = UPLOAD_KEY | ({"Idempotency-Key": key} if key else {})
    return await client.post("/uploadFile", data=form, headers=headers)


async def set_mode(client: TestClient[Any, Any], api: str, mode: str, times: int | None = None) -> None:
    answer = await client.post("/mode", json={"api": api, "mode": mode, "times": times}, headers=KEY)
    assert answer.status == 200


async def accepted(client: TestClient[Any, Any], what: str = "incidents") -> list[Any]:
    answer = await client.get(f"/{what}", headers=KEY)
    assert answer.status == 200
    return list((await answer.json())[what])


def test_an_accepted_incident_has_an_id_and_is_listed(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        answer = await post(client, UNATTENDED, "key-1")
        assert (answer.status, (await answer.json())["id"]) == (200, "ext-000001")
        (entry,) = await accepted(client)
        assert (entry["id"], entry["body"], entry["idempotency_key"]) == ("ext-000001", UNATTENDED, "key-1")

    with_partner(tmp_path, steps)


def test_a_refused_incident_says_why_and_is_not_kept(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        answer = await post(client, INTERACTION | {"percentage": 101, "status": ""})
        assert answer.status == 400
        assert [error.split(":")[0] for error in (await answer.json())["errors"]] == ["status", "percentage"]
        text = await client.post("/api/Addprolificai_alerts", data="{", headers=KEY)
        assert text.status == 400
        assert await accepted(client) == []

    with_partner(tmp_path, steps)


@pytest.mark.parametrize("key", [None, "", "wrong", "upload-key"])
def test_another_key_is_refused_before_anything_else(tmp_path: Path, key: str | None) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        headers = {} if key is None else {"X-API-Key": key}
        answer = await client.post("/api/Addprolificai_alerts", json=INTERACTION, headers=headers)
        assert answer.status == 401
        for path in ("/incidents", "/uploads", "/mode"):
            assert (await client.get(path, headers={"X-API-Key": "wrong"})).status == 401
        assert await accepted(client) == []

    with_partner(tmp_path, steps)


def test_a_known_key_gets_the_first_answer_again_also_after_a_restart(tmp_path: Path) -> None:
    async def first(client: TestClient[Any, Any]) -> None:
        assert (await (await post(client, INTERACTION, "key-1")).json())["id"] == "ext-000001"
        assert (await (await post(client, UNATTENDED, "key-2")).json())["id"] == "ext-000002"

    async def again(client: TestClient[Any, Any]) -> None:
        assert (await (await post(client, INTERACTION, "key-1")).json())["id"] == "ext-000001"
        assert len(await accepted(client)) == 2

    with_partner(tmp_path, first)
    with_partner(tmp_path, again)


def test_a_known_key_with_another_body_is_refused(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await post(client, INTERACTION, "key-1")
        assert (await post(client, UNATTENDED, "key-1")).status == 422
        assert len(await accepted(client)) == 1

    with_partner(tmp_path, steps)


def test_ignoring_keys_accepts_the_same_twice(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "incident", "ignores_keys")
        ids = [(await (await post(client, INTERACTION, "key-1")).json())["id"] for _ in range(2)]
        assert ids == ["ext-000001", "ext-000002"]

    with_partner(tmp_path, steps)


def test_a_reset_comes_after_the_incident_was_kept(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "incident", "reset_after_accept", times=1)
        with pytest.raises(aiohttp.ClientError):
            await post(client, INTERACTION, "key-1")
        assert len(await accepted(client)) == 1
        # and the repetition, with keys honoured, is answered with it
        assert (await (await post(client, INTERACTION, "key-1")).json())["id"] == "ext-000001"
        assert len(await accepted(client)) == 1

    with_partner(tmp_path, steps)


def test_a_reset_before_accepting_keeps_nothing(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        for api, ask in (("incident", post(client, INTERACTION, "key-1")), ("upload", upload(client))):
            await set_mode(client, api, "reset_before_accept", times=1)
            with pytest.raises(aiohttp.ClientError):
                await ask
        assert (await accepted(client), await accepted(client, "uploads")) == ([], [])

    with_partner(tmp_path, steps)


def test_the_requests_that_met_a_fault_are_told_with_their_keys(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await post(client, INTERACTION, "key-1")
        await set_mode(client, "incident", "error_500", times=1)
        await post(client, INTERACTION, "key-2")
        await set_mode(client, "upload", "shape:url", times=1)
        await upload(client, key="key-3")
        assert await accepted(client, "faults") == [
            {"api": "incident", "key": "key-2", "fault": "error_500"},
            {"api": "upload", "key": "key-3", "fault": "shape:url"},
        ]

    with_partner(tmp_path, steps)


def test_a_stored_name_depends_on_the_files_own_name_alone(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "upload", "ignores_keys")
        names = [(await (await upload(client, name=name)).json())["filename"] for name in ("a.mp4", "b.mp4", "a.mp4")]
        assert names == ["000001_a.mp4", "000001_b.mp4", "000002_a.mp4"]

    with_partner(tmp_path, steps)


@pytest.mark.parametrize(("mode", "status"), [("error_500", 500), ("rate_limited", 429)])
def test_refusing_modes_keep_nothing_and_end_after_their_times(tmp_path: Path, mode: str, status: int) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "incident", mode, times=2)
        await set_mode(client, "upload", mode, times=1)
        for _ in range(2):
            answer = await post(client, INTERACTION)
            assert answer.status == status
            assert answer.headers.get("Retry-After") == ("1" if status == 429 else None)
        assert (await upload(client)).status == status
        assert (await accepted(client), await accepted(client, "uploads")) == ([], [])
        assert (await post(client, INTERACTION)).status == 200
        assert (await upload(client)).status == 200

    with_partner(tmp_path, steps)


def test_an_answer_without_an_id_still_accepts(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "incident", "no_id")
        answer = await post(client, INTERACTION)
        assert answer.status == 200
        assert "id" not in await answer.json()
        assert len(await accepted(client)) == 1

    with_partner(tmp_path, steps)


def test_garbage_is_a_200_that_is_no_json(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "incident", "garbage")
        answer = await post(client, INTERACTION)
        assert answer.status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(await answer.text())

    with_partner(tmp_path, steps)


def test_an_unknown_mode_is_refused_with_those_there_are(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        for wrong in ({"api": "incident", "mode": "shape:url"}, {"api": "x", "mode": "no_id"}, {"api": "incident"}):
            answer = await client.post("/mode", json=wrong, headers=KEY)
            assert answer.status == 400
            assert "reset_after_accept" in await answer.text()
        answer = await client.post("/mode", json={"api": "incident", "mode": "no_id", "times": 0}, headers=KEY)
        assert answer.status == 400
        assert (await client.post("/mode", data="no_id", headers=KEY)).status == 400

    with_partner(tmp_path, steps)


def test_an_uploaded_file_is_kept_whole_and_can_be_fetched(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        content = MP4 + bytes(range(256)) * 20_000
        name = (await (await upload(client, content, "key-1")).json())["filename"]
        assert name == "000001_segment_1.mp4"
        assert await (await client.get(f"/files/{name}")).read() == content
        (entry,) = await accepted(client, "uploads")
        assert (entry["stored_name"], entry["size_bytes"]) == (name, len(content))
        # the same again is the same file; another one under this key is not
        assert (await (await upload(client, content, "key-1")).json())["filename"] == name
        assert (await upload(client, MP4, "key-1")).status == 422
        assert len(list((tmp_path / "files").iterdir())) == 1

    with_partner(tmp_path, steps)


def test_a_form_that_is_not_one_file_is_refused(tmp_path: Path) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        wrong = aiohttp.FormData()
        wrong.add_field("clip", MP4, filename="a.mp4", content_type="video/mp4")
        answer = await client.post("/uploadFile", data=wrong, headers=UPLOAD_KEY)
        assert answer.status == 400
        assert "only `file` is known" in await answer.text()
        assert (await client.post("/uploadFile", data=b"x", headers=UPLOAD_KEY)).status == 400
        assert list(tmp_path.glob(".upload.*")) == []

    with_partner(tmp_path, steps)


def found_name(answer: Any, shape: str) -> str:
    for step in shape.split("."):
        answer = answer[step]
    return str(answer).rpartition("/")[2]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_names_the_stored_file(tmp_path: Path, shape: str) -> None:
    async def steps(client: TestClient[Any, Any]) -> None:
        await set_mode(client, "upload", f"shape:{shape}", times=1)
        text = await (await upload(client)).text()
        name = text if shape == "plain" else found_name(json.loads(text), shape)
        assert name == "000001_segment_1.mp4"

    with_partner(tmp_path, steps)


def test_a_line_cut_by_a_kill_is_forgotten_and_those_before_it_are_not(tmp_path: Path) -> None:
    async def one(client: TestClient[Any, Any]) -> None:
        await post(client, INTERACTION, "key-1")

    async def another(client: TestClient[Any, Any]) -> None:
        assert len(await accepted(client)) == 1
        assert (await (await post(client, UNATTENDED, "key-2")).json())["id"] == "ext-000002"

    # given one accepted incident and half a line of another
    with_partner(tmp_path, one)
    with (tmp_path / "incidents.jsonl").open("ab") as journal:
        journal.write(b'{"id": "ext-000002", "rece')
    # when it starts again and takes one
    with_partner(tmp_path, another)
    # then the journal is whole
    lines = (tmp_path / "incidents.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["ext-000001", "ext-000002"]
