"""What failed is done again from the browser, and what came of it appears by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from connectors.ways_out import dead_letters, service
from connectors.ways_out.failures import Job
from connectors.ways_out.service import Standing
from connectors.work import Work
from schemas.site import Site
from tests.browser.served import alone, looking
from tests.connector_records import T0, event, subject, upload

OF = subject(event())
KEY = f"{OF.episode_id}:alert"


def ended(**fields: Any) -> Work[Job, Any]:
    before = upload(OF, clip_status="complete", **fields)
    job = Job(subject=OF, part="alert")
    return Work(state="finished", taken_in_at=T0, input=job, before=before, revision=before.facet_revision)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> dict[str, Work[Job, Any]]:
    """The upload's work list; what is asked for again succeeds when somebody says so in it."""
    there = {KEY: ended(status="failed", reason="403 <b>forbidden</b>")}
    monkeypatch.setattr(
        service, "standing", lambda _: Standing({"clip": {}, "upload": dict(there), "incident": {}}, [])
    )
    monkeypatch.setattr(service, "send", lambda *_: None)
    monkeypatch.setattr(dead_letters, "read_letters", lambda _: [])
    return there


@pytest.fixture
def address(works: object, tmp_path: Path) -> Iterator[str]:
    site = Site.model_validate({"site_id": OF.site_id, "cameras": [{"camera_id": OF.camera_id}]})
    with alone(site, tmp_path / "site.yaml") as served:
        yield served


def test_a_retry_is_one_click_and_its_outcome_comes_by_itself(
    browser: Browser, address: str, works: dict[str, Work[Job, Any]]
) -> None:
    with looking(browser, address, "/failed") as page:
        row = page.locator("#list .failure")
        expect(row).to_contain_text("403 <b>forbidden</b>")
        row.get_by_role("button", name="Retry").click()
        expect(row).to_contain_text("under way")
        works[f"{KEY}:2"] = ended(status="uploaded", facet_revision=2)
        expect(row).to_contain_text("uploaded", timeout=20_000)


def test_a_viewer_reads_the_same_list_and_finds_no_button(browser: Browser, address: str) -> None:
    with looking(browser, address, "/failed", role="viewer") as page:
        expect(page.locator("#list .failure")).to_contain_text("forbidden")
        assert page.locator("#list .failure button").count() == 0
