"""The probes over real HTTP, and how a process is found."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra import probes
from infra.config import ConfigError, ProbeSettings, Settings


def get(address: str, path: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def answer(address: str, path: str) -> tuple[int, Any]:
    status, body = get(address, path)
    return status, json.loads(body)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_a_process_answers_on_loopback_with_the_reason_as_json(settings: Settings) -> None:
    with probes.serving(settings, "clip") as health:
        [place] = probes.found(settings.data_dir)
        assert (place.process, place.address.partition(":")[0]) == ("clip", "127.0.0.1")

        # given nothing is assigned to it yet: live, not ready
        assert answer(place.address, "/health/live")[0] == 200
        assert answer(place.address, "/health/ready") == (
            503,
            {
                "process": "clip",
                "ok": False,
                "reason": "nothing is assigned to it yet",
                "facts": {"assigned": None, "waiting": 0},
            },
        )
        assert 'trackfold_ready{process="clip"} 0.0' in get(place.address, "/metrics")[1]

        # when partitions are, then it is ready
        health.holds(12)
        assert answer(place.address, "/health/ready")[0] == 200
        assert 'trackfold_ready{process="clip"} 1.0' in get(place.address, "/metrics")[1]
        assert get(place.address, "/etc/passwd")[0] == 404
    with pytest.raises(urllib.error.URLError):
        get(place.address, "/health/live")
    assert probes.found(settings.data_dir) == []


def test_the_note_of_a_process_is_a_target_for_prometheus_and_goes_when_the_process_is_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with probes.serving(settings, "clip"):
        [path] = (settings.data_dir / "probes").glob("*.json")
        [entry] = json.loads(path.read_text())
        assert entry["labels"]["process"] == "clip"
        assert get(entry["targets"][0], "/metrics")[0] == 200

        # given it was killed: its note is still there
        monkeypatch.setattr(psutil, "pid_exists", lambda pid: False)
        assert probes.found(settings.data_dir) == []
        assert not path.exists()


def test_a_port_that_is_taken_is_named_with_what_to_do(settings: Settings) -> None:
    with probes.serving(settings, "clip"):
        port = int(probes.found(settings.data_dir)[0].address.rpartition(":")[2])
        taken = settings.model_copy(update={"probe": ProbeSettings(port=port)})
        with (
            pytest.raises(ConfigError, match=rf"probe.port: 127.0.0.1:{port} .*TRACKFOLD_PROBE__PORT"),
            probes.serving(taken, "upload"),
        ):
            pass
