"""The catalogue, and that alerts and dashboard name nothing else."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from infra import metrics
from infra.deploy import dashboard
from infra.metrics import OTHER, SERIES_MAX, Changes, Metric, Sample

DEPLOY = Path(dashboard.__file__).parent
ALERTS = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]
NAME = re.compile(r"trackfold_\w+")
OF_A_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def catalogue() -> set[str]:
    return {metric.name for metric in metrics.CATALOGUE}


def named(text: str) -> set[str]:
    """The metrics that a PromQL text names."""
    return {name if name in catalogue() else OF_A_HISTOGRAM.sub("", name) for name in NAME.findall(text)}


def panels() -> list[dict[str, str]]:
    return [target for panel in json.loads(dashboard.as_json())["panels"] for target in panel.get("targets", [])]


def test_every_metric_says_its_unit_and_why_and_its_labels_are_of_a_bounded_kind() -> None:
    bounded = {
        "process",
        "topic",
        "camera",
        "kind",
        "phase",
        "connector",
        "state",
        "status",
        "outcome",
        "table",
        "sink",
    }
    for metric in metrics.CATALOGUE:
        assert metric.unit, metric.name
        assert metric.why.endswith("."), metric.name
        assert set(metric.labels) <= bounded, metric.name
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name


def test_names_out_of_data_cannot_fill_the_memory() -> None:
    # given a metric that is asked to count ten thousand cameras
    metrics.CAMERA_SKIPPED.forget()
    for number in range(10_000):
        metrics.CAMERA_SKIPPED.add(f"camera-{number}")

    # then the first are there by name, and the rest together
    samples = {sample.labels[0]: sample.value for sample in metrics.CAMERA_SKIPPED.samples()}
    assert len(samples) == SERIES_MAX + 1
    assert samples["camera-3"] == 1
    assert samples[OTHER] == 10_000 - SERIES_MAX
    metrics.CAMERA_SKIPPED.forget()


def test_what_a_cameras_process_counts_arrives_once_in_the_one_that_is_asked() -> None:
    # given a process that tells what has changed, twice
    there = Metric("counter", "trackfold_test_total", "frames", "For a test.", "camera")
    gauge = Metric("gauge", "trackfold_test_bytes", "bytes", "For a test.", "camera")
    changes = Changes(there, gauge)
    there.add("door", by=3)
    gauge.set(10, "door")
    first = list(changes)
    there.add("door", by=2)
    gauge.set(7, "door")
    second = list(changes)
    try:
        assert first == [Sample(there.name, ("door",), 3), Sample(gauge.name, ("door",), 10)]
        assert second == [Sample(there.name, ("door",), 2), Sample(gauge.name, ("door",), 7)]
        assert list(changes) == []

        # when another process takes them
        there.forget()
        metrics.take(first)
        metrics.take(second)

        # then it shows what the first one would
        assert there.samples() == [Sample(there.name, ("door",), 5)]
        assert gauge.samples() == [Sample(gauge.name, ("door",), 7)]
    finally:
        for metric in (there, gauge):
            metrics.CATALOGUE.remove(metric)
            metrics.REGISTRY.unregister(metric._metric)


def test_what_is_served_is_prometheus_text_with_the_catalogues_names() -> None:
    metrics.FOLD_RECORDS.add("door", by=0)
    families = {family.name for family in text_string_to_metric_families(metrics.exposed("test").decode())}
    assert families == {metric.name.removesuffix("_total") for metric in metrics.CATALOGUE}


def test_alerts_and_dashboard_name_only_what_the_catalogue_has() -> None:
    for alert in ALERTS:
        assert named(alert["expr"]) <= catalogue(), alert["alert"]
        assert alert["annotations"]["do"], alert["alert"]
    assert len(panels()) > 20
    for target in panels():
        assert named(target["expr"]), target
        assert named(target["expr"]) <= catalogue(), target


def test_every_metric_is_on_the_dashboard_or_in_an_alert() -> None:
    """But three, of which `trackfold status` shows one."""
    used = {name for text in [a["expr"] for a in ALERTS] + [t["expr"] for t in panels()] for name in named(text)}
    assert catalogue() - used == {
        "trackfold_camera_read_total",
        "trackfold_camera_recording_offset_seconds",
        "trackfold_camera_segments_total",
    }


def test_the_dashboard_file_is_what_its_code_writes() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.as_json(), "python -m infra.deploy.dashboard"


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
    fired = {rule["alertname"] for case in cases for rule in case["alert_rule_test"] if rule["exp_alerts"]}
    assert fired == {alert["alert"] for alert in ALERTS}


@pytest.mark.parametrize(
    "words",
    [("test", "rules", "alerts_test.yml"), ("check", "rules", "alerts.yml"), ("check", "config", "prometheus.yml")],
    ids=" ".join,
)
def test_promtool_finds_the_rules_right(words: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([promtool, *words], cwd=DEPLOY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_has_nothing_against_the_names() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    text = metrics.exposed("test").decode()
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
