"""What our processes tell of themselves, over real servers."""

import uuid
from pathlib import Path

import msgspec

from connectors.clickhouse import service as clickhouse
from connectors.clip import service as clip
from infra import metrics
from infra.config import ClickHouseSettings, Settings
from infra.kafka import connect_codec
from infra.local.overview import Overview, Process, look, text
from infra.metrics import Metric
from schemas.site import load_site
from schemas.topics import INTERACTION_EVENTS
from tests.connector_stack import Topics, running, wait_for, write_site
from tests.streams_fakes import updates
from tests.streams_process import Process as Worker
from tests.streams_process import publish
from tests.streams_worker import POISON


def seen(settings: Settings, name: str) -> Process | None:
    """What a process says now, if it runs."""
    return next((one for one in look(settings, []).processes if one.name == name), None)


def ready(settings: Settings, name: str) -> Process | None:
    """What it says once it is ready."""
    process = seen(settings, name)
    return process if process and process.ready else None


def value(process: Process, metric: Metric, *labels: str) -> float | None:
    return process.figures.get((metric.name, labels))


def test_a_connector_is_ready_once_it_has_partitions_and_counts_what_it_puts_aside(
    settings: Settings, tmp_path: Path
) -> None:
    # given a topic with a record that nobody can read
    camera = f"seen-{uuid.uuid4().hex[:6]}"
    site = load_site(write_site(tmp_path / "site.yaml", camera))
    before = metrics.DEAD_LETTERS.samples()
    Topics(settings, camera).publish(INTERACTION_EVENTS, b"rubbish")

    # when the clip service has read to the end
    with running((clip.run, (settings, site))):
        behind = (metrics.LAG_RECORDS, "clip", "interaction-events")
        wait_for(lambda: (one := ready(settings, "clip")) and value(one, *behind) == 0)

        # then it has counted the record (an earlier test of this process may have left figures), and holds no work
        wait_for(lambda: metrics.DEAD_LETTERS.samples() != before)
        process = wait_for(lambda: (one := ready(settings, "clip")) and one.reason == "nothing waits" and one)
    assert value(process, metrics.WORK_OPEN, "clip", "pending") == 0
    assert seen(settings, "clip") is None


def test_a_sink_whose_store_is_away_is_live_not_ready_and_names_it(settings: Settings, tmp_path: Path) -> None:
    site = load_site(write_site(tmp_path / "site.yaml", "any"))
    closed = settings.model_copy(update={"clickhouse": ClickHouseSettings(url="http://127.0.0.1:1")})
    with running((clickhouse.run, (closed, site))):
        process = wait_for(lambda: (one := seen(settings, "clickhouse")) and "ClickHouse" in one.reason and one)
    assert not process.ready
    assert "127.0.0.1:1" in process.reason


def test_the_fold_shows_each_camera_its_lag_and_whether_it_halted(
    settings: Settings, stack_dir: Path, tmp_path: Path
) -> None:
    # given two cameras, one with a record that the fold cannot take
    calm, halting = (f"seen-{uuid.uuid4().hex[:6]}" for _ in range(2))
    site = write_site(tmp_path / "site.yaml", calm, halting)
    log = updates(halting, 10)
    log[5] = msgspec.structs.replace(log[5], image_width=POISON)

    # when both have come as far as they can
    with Worker(settings, stack_dir, site, "worker", counting=True):
        wait_for(lambda: ready(settings, "streams"), 120)
        publish(settings, connect_codec(settings), [*log, *updates(calm, 10)])

        def folded() -> Overview | None:
            now = look(settings, [])
            done = now.of(metrics.FOLD_RECORDS, calm) == 10 and now.of(metrics.FOLD_HALTED, halting)
            return now if done else None

        overview = wait_for(folded, 120)

    # then each has a line on the screen that says so
    shown = text(overview).splitlines()
    lines = {camera: next(line for line in shown if line.startswith(camera)) for camera in (calm, halting)}
    assert "HALTED" in lines[halting]
    assert "HALTED" not in lines[calm]
    assert overview.of(metrics.FOLD_RECORDS, halting) == 5
    assert overview.of(metrics.FOLD_LAG, calm) is not None
