"""What differs between two versions, as the page shows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from connectors.console import app as console_app
from connectors.console.sign_in import doors
from infra.config import ConsoleSettings, Settings
from infra.replays import FILES, WHOLE, day_folder
from schemas.promotions import CameraDay
from streams.diff import DayDiff, diff
from tests.scenario import CAMERA, Scenario, rules, with_thresholds
from tests.unit.test_diff import DAY, SHOP, episodes, served

TOKEN = "t" * 32


def compared(settings: Settings, site: Any, against: str, version: str, wanted: Sequence[CameraDay]) -> list[DayDiff]:
    """Two customers of 40 and 11 seconds, before and after the threshold went from 15 s to 10 s."""
    shop = Scenario(seconds=110)
    shop.staff((0, 0.0, 6.0))
    served(shop, 5, 40)
    served(shop, 60, 11)
    lower = with_thresholds(rules(), interaction={"confirm_s": 10.0})
    return diff(episodes(shop, rules()), episodes(shop, lower), wanted)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    settings = Settings(data_dir=tmp_path, console=ConsoleSettings(operator_token=SecretStr(TOKEN)))
    app = console_app.make(settings, SHOP, Path("site.yaml"), doors(settings.console)[0], compared)
    app.state.console.beside.clear()
    client = TestClient(app)
    client.get(f"/sign-in?token={TOKEN}", follow_redirects=False)
    return client


def replayed(folder: Path, version: str) -> None:
    """As `trackfold replay` leaves it."""
    there = day_folder(folder, version, CAMERA, DAY)
    there.mkdir(parents=True)
    for name in (*(f"{topic.name}.avro" for topic in FILES), WHOLE):
        (there / name).touch()


def test_a_changed_threshold_shows_what_is_new_and_what_is_the_same(client: TestClient, tmp_path: Path) -> None:
    replayed(tmp_path / "replays", "sooner")
    assert "sooner against live" in client.get("/versions/sooner").text
    page = client.get("/versions/sooner/diff?against=live").text
    assert "1 difference<" in page
    assert "1 new" in page
    assert "1 the same" in page
    assert page.count('class="diff-new"') == 1
    assert page.count('class="diff-same"') == 2


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e", "a%2fb", "<script>"])
def test_a_version_that_is_not_there_is_said_to_be_so(client: TestClient, tmp_path: Path, name: str) -> None:
    replayed(tmp_path / "replays", "sooner")
    for path in (f"/versions/{name}/diff", f"/versions/sooner?against={name}"):
        answer = client.get(path)
        assert answer.status_code in (404, 422)
        assert "<script>" not in answer.text
