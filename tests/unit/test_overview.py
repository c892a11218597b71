"""What `trackfold status` shows, from figures as the processes serve them."""

from pathlib import Path
from typing import Any

from infra import metrics
from infra.local.overview import Overview, Process, _figures, text
from infra.local.stack import ServerStatus
from infra.metrics import Metric

NOW = 1_800_000_000.0


def process(name: str, *figures: tuple[Metric, tuple[str, ...], float], **more: Any) -> Process:
    values = {(metric.name, labels): value for metric, labels, value in figures}
    return Process(
        **{"name": name, "pid": 7, "address": "127.0.0.1:1", "ready": True, "reason": "x"} | more, figures=values
    )


def screen(*processes: Process, rates: dict[str, float] | None = None, servers: tuple[ServerStatus, ...] = ()) -> str:
    return text(Overview(servers, processes, rates or {}, Path("var"), 40_000_000_000, NOW))


def line(shown: str, begin: str) -> list[str]:
    """The words of the line that begins so."""
    return next(one.split() for one in shown.splitlines() if one.startswith(begin))


INFER = process(
    "infer",
    (metrics.CAMERA_CAPTURED, ("door",), NOW - 0.4),
    (metrics.CAMERA_RUNNING, ("door",), 1),
    (metrics.CAMERA_CAPTURED, ("till",), NOW - 80),
    (metrics.CAMERA_RUNNING, ("till",), 1),
    (metrics.CAMERA_RECONNECTS, ("till",), 3),
    (metrics.RECORDING_BYTES, (), 12.3e9),
    (metrics.RECORDING_BYTES_MAX, (), 50e9),
)
STREAMS = process(
    "streams",
    (metrics.FOLD_LAG, ("door",), 0.52),
    (metrics.FOLD_HALTED, ("till",), 1),
    (metrics.LAG_RECORDS, ("streams", "track-updates"), 40),
    (metrics.LAG_RECORDS, ("streams", "clips"), 2),
    (metrics.DEAD_LETTERS, ("clips",), 3),
    (metrics.DEAD_LETTERS, ("uploads",), 0),
)


def test_a_camera_shows_how_fresh_and_how_far_it_is() -> None:
    shown = screen(INFER, process("streams", (metrics.FOLD_LAG, ("door",), 0.52)), rates={"door": 9.84})
    assert line(shown, "door") == ["door", "0.4", "s", "ago", "9.8", "0.5", "s", "0", "0", "running"]
    assert line(shown, "till")[-2:] == ["3", "SILENT"]
    assert line(shown, "DISK")[:6] == ["DISK:", "recordings", "12.3", "GB", "of", "50.0"]


def test_a_halted_camera_a_backlog_and_dead_letters_stand_out() -> None:
    shown = screen(INFER, STREAMS)
    assert "HALTED" in line(shown, "till")[-13:][0] or "HALTED:" in line(shown, "till")
    assert line(shown, "streams")[4] == "42"
    assert "DEAD LETTERS: clips 3" in shown


def test_evidence_under_way_is_shown_by_step_with_its_oldest_piece() -> None:
    upload = process(
        "upload",
        (metrics.WORK_OPEN, ("upload", "pending"), 3),
        (metrics.WORK_OPEN, ("upload", "attempting"), 1),
        (metrics.WORK_OLDEST, ("upload",), NOW - 600),
        (metrics.WORK_RESULTS, ("upload", "uploaded"), 40),
        (metrics.WORK_RESULTS, ("upload", "failed"), 2),
    )
    shown = [one for one in screen(upload).splitlines() if one.startswith("upload")][-1]
    assert shown.split() == ["upload", "3", "1", "10", "min", "42", "2", "0"]


def test_a_process_that_is_not_ready_says_why_and_nothing_is_well() -> None:
    clip = process("clip", ready=False, reason="does not answer: refused")
    assert "NOT READY: does not answer: refused" in screen(clip)
    assert not Overview((), (clip,), {}, Path("var"), 0, NOW).well
    assert Overview((), (INFER,), {}, Path("var"), 0, NOW).well


def test_where_nothing_runs_it_says_what_to_start() -> None:
    shown = screen()
    assert "`trackfold up`" in shown
    assert "`trackfold run`" in shown
    assert not Overview((), (), {}, Path("var"), 0, NOW).well


def test_figures_are_read_back_from_what_is_served() -> None:
    metrics.EVENTS.add("interaction", "started", by=0)
    told = _figures(metrics.exposed("test").decode())
    assert (metrics.EVENTS.name, ("interaction", "started")) in told
    assert told[metrics.PROCESS_MEMORY.name, ("test",)] > 1e6
