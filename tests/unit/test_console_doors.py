"""Who gets in, what he may do, and what nobody gets who did not sign in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from connectors.console import app as console_app
from connectors.console import passwords, service, sign_in
from connectors.console.sign_in import COOKIE, TRIES_MAX, doors, operator
from infra.config import ConsoleSettings, ConsoleUser, Settings
from schemas.site import Site

OPERATOR, VIEWER = "o" * 32, "v" * 32
SITE = Site.model_validate({"site_id": "shop", "name": "<script>x</script>", "cameras": [{"camera_id": "till"}]})


def made(**given: object) -> FastAPI:
    console = ConsoleSettings.model_validate({"operator_token": OPERATOR, "viewer_token": VIEWER, **given})
    app = console_app.make(Settings(console=console), SITE, Path("site.yaml"), doors(console)[0])
    app.state.console.beside.clear()  # there is no Kafka to follow

    @app.get("/asked")
    def asked() -> str:
        return "something"

    @app.post("/done", dependencies=[Depends(operator)])
    def done() -> str:
        return "done"

    return app


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(made(), follow_redirects=False) as one:
        yield one


def signed_in(client: TestClient, token: str) -> str:
    """The word that forms need."""
    assert client.get(f"/sign-in?token={token}").status_code == 303
    session = client.app.state.doors.opened(client.cookies[COOKIE])  # type: ignore[attr-defined]
    return str(session.csrf)


def test_without_signing_in_a_browser_is_led_to_the_door_and_all_else_gets_nothing(client: TestClient) -> None:
    led = client.get("/asked?a=1", headers={"accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fasked%3Fa%3D1")
    for answer in (client.get("/asked"), client.post("/done"), client.get("/asked", headers={"cookie": f"{COOKIE}=x"})):
        assert answer.status_code == 401
        assert "something" not in answer.text


def test_a_viewer_looks_and_only_an_operator_changes(client: TestClient) -> None:
    word = signed_in(client, VIEWER)
    assert client.get("/asked").status_code == 200
    assert client.post("/done", data={"csrf": word}).status_code == 403
    word = signed_in(client, OPERATOR)
    assert client.post("/done", data={"csrf": word}).status_code == 200
    assert client.post("/done", headers={"x-csrf": word}).status_code == 200


def test_a_form_of_another_site_does_nothing(client: TestClient) -> None:
    word = signed_in(client, OPERATOR)
    for given in ({}, {"csrf": ""}, {"csrf": word[:-1]}, {"csrf": "wörd"}):
        assert client.post("/done", data=given).status_code == 403


def test_a_cookie_that_was_changed_or_is_another_consoles_is_none(client: TestClient) -> None:
    signed_in(client, OPERATOR)
    cookie = client.cookies[COOKIE]
    client.cookies.clear()
    assert client.get("/asked", headers={"cookie": f"{COOKIE}={cookie[:-2]}xx"}).status_code == 401
    with TestClient(made()) as other:
        assert other.get("/asked", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_a_password_signs_in_by_name_and_the_role_is_what_settings_say_now() -> None:
    anna = ConsoleUser(role="operator", password_hash=SecretStr(passwords.hashed("s3cret")))
    app = made(users={"anna": anna})
    with TestClient(app, follow_redirects=False) as client:
        assert client.post("/sign-in", data={"name": "anna", "password": "wrong"}).status_code == 401
        assert client.post("/sign-in", data={"name": "bert", "password": "s3cret"}).status_code == 401
        assert client.post("/sign-in", data={"name": "anna", "password": "s3cret"}).status_code == 303
        assert client.get("/asked").status_code == 200
        app.state.doors.settings.users["anna"] = anna.model_copy(update={"role": "viewer"})
        assert client.get("/asked").status_code == 401


def test_guessing_is_slowed_down_and_signing_in_goes_on_after_a_minute(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(TRIES_MAX):
        assert client.post("/sign-in", data={"token": "guess"}).status_code == 401
    assert client.post("/sign-in", data={"token": OPERATOR}).status_code == 429
    later = sign_in.time.monotonic() + 61
    monkeypatch.setattr(sign_in.time, "monotonic", lambda: later)
    assert client.post("/sign-in", data={"token": OPERATOR}).status_code == 303


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", ""])
def test_signing_in_leads_to_no_other_site(client: TestClient, where: str) -> None:
    answer = client.post("/sign-in", data={"token": OPERATOR, "next": where})
    assert answer.headers["location"] == "/"


def test_signing_out_ends_it(client: TestClient) -> None:
    word = signed_in(client, OPERATOR)
    client.post("/sign-out", data={"csrf": word})
    assert client.get("/asked").status_code == 401


def test_every_answer_forbids_scripts_from_elsewhere_and_a_name_from_the_site_file_is_only_text(
    client: TestClient,
) -> None:
    page = client.get("/sign-in")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "<script>x" not in page.text
    assert "&lt;script&gt;x" in page.text


def test_a_page_that_is_too_large_is_not_taken(client: TestClient) -> None:
    assert client.post("/sign-in", data={"token": "x" * 1_100_000}).status_code == 413


def test_nobody_else_is_let_to_a_console_without_users() -> None:
    settings = Settings(console=ConsoleSettings(host="0.0.0.0", port=0))
    with pytest.raises(service.CannotServe, match="users or tokens"):
        service.run(settings, SITE, Path("site.yaml"), lambda *_: [], say=print)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32 characters"):
        ConsoleSettings(secret=SecretStr("short"))
