"""What `trackfold status` shows: servers, processes, cameras, evidence under way, failures and disk, on one screen.

Figures come from the processes' own /metrics, so counts begin when the process did.
"""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from infra import metrics, probes
from infra.config import Settings
from infra.local.stack import ServerStatus
from infra.metrics import Metric

ANSWER_S = 3.0
RATE_OVER_S = 2.5
SILENT_S = 15.0
"""A camera without a new frame for so long is pointed out."""
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy of the environment is not for loopback


@dataclass(frozen=True)
class Process:
    """One of our processes and what it says of itself. figures: (metric, labels) -> value."""

    name: str
    pid: int
    address: str
    ready: bool
    reason: str
    figures: dict[tuple[str, tuple[str, ...]], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Overview:
    """Everything that is shown."""

    servers: Sequence[ServerStatus]
    processes: Sequence[Process]
    frames_per_s: dict[str, float]
    data_dir: Path
    disk_free_bytes: int
    now_s: float

    @property
    def well(self) -> bool:
        """Does everything that was started answer that it is ready, and was anything?"""
        return (
            bool(self.servers or self.processes)
            and all(server.ready for server in self.servers)
            and all(process.ready for process in self.processes)
        )

    def all_of(self, metric: Metric) -> dict[tuple[str, ...], float]:
        """labels -> value, added over the processes that serve the metric."""
        found: dict[tuple[str, ...], float] = {}
        for process in self.processes:
            for (name, labels), value in process.figures.items():
                if name == metric.name:
                    found[labels] = found.get(labels, 0.0) + value
        return found

    def of(self, metric: Metric, *labels: str) -> float | None:
        """One value; None when nobody tells it."""
        return self.all_of(metric).get(labels)


def look(settings: Settings, servers: Sequence[ServerStatus]) -> Overview:
    """Ask every process twice, a moment apart, for the rates. Takes about three seconds."""
    places = probes.found(settings.data_dir)
    with ThreadPoolExecutor(max(1, len(places))) as threads:
        before, began = list(threads.map(_ask, places)), time.monotonic()
        if any(process.name == "infer" for process in before):
            time.sleep(RATE_OVER_S)
        processes, passed_s = list(threads.map(_ask, places)), time.monotonic() - began
    rates = {
        labels[0]: (value - old.figures[name, labels]) / passed_s
        for old, new in zip(before, processes, strict=True)
        for (name, labels), value in new.figures.items()
        if name == metrics.CAMERA_FRAMES.name and (name, labels) in old.figures
    }
    folder = next(p for p in (settings.data_dir.resolve(), *settings.data_dir.resolve().parents) if p.exists())
    return Overview(servers, processes, rates, settings.data_dir, shutil.disk_usage(folder).free, time.time())


def _ask(place: probes.Place) -> Process:
    try:
        answer = json.loads(_get(place.address, "/health/ready"))
        told = _figures(_get(place.address, "/metrics").decode())
        return Process(place.process, place.pid, place.address, answer["ok"], answer["reason"], told)
    except (OSError, ValueError, LookupError) as error:
        return Process(place.process, place.pid, place.address, False, f"does not answer: {error}")


def _get(address: str, path: str) -> bytes:
    try:
        with _direct.open(f"http://{address}{path}", timeout=ANSWER_S) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:  # 503: not ready, and the body says why
        return error.read()


def _figures(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    known = {metric.name: metric.labels for metric in metrics.CATALOGUE}
    return {
        (sample.name, tuple(sample.labels[label] for label in known[sample.name])): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in known
    }


def text(seen: Overview) -> str:
    """The screen."""
    parts = [_servers(seen), _processes(seen), _cameras(seen), _evidence(seen), [_disk(seen)]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _servers(seen: Overview) -> list[str]:
    rows = [
        (s.label, s.address, str(s.pid or "-"), "ready" if s.ready else f"NOT READY: {s.problem}") for s in seen.servers
    ]
    return _table(("SERVER", "ADDRESS", "PID", "STATE"), rows) or ["no local servers; `trackfold up` starts them"]


def _processes(seen: Overview) -> list[str]:
    rows = [
        (
            p.name,
            p.address,
            str(p.pid),
            _bytes(p.figures.get((metrics.PROCESS_MEMORY.name, (p.name,)))),
            _lag(p),
            f"ready, {p.reason}" if p.ready else f"NOT READY: {p.reason}",
        )
        for p in seen.processes
    ]
    head = ("PROCESS", "METRICS AT", "PID", "MEMORY", "BEHIND", "STATE")
    return _table(head, rows) or [f"no process of ours runs with data in {seen.data_dir}; `trackfold run` starts them"]


def _lag(process: Process) -> str:
    lags = [value for (name, _), value in process.figures.items() if name == metrics.LAG_RECORDS.name]
    return f"{sum(lags):.0f}" if lags else "-"


def _cameras(seen: Overview) -> list[str]:
    captured, folded = seen.all_of(metrics.CAMERA_CAPTURED), seen.all_of(metrics.FOLD_CAPTURED)
    rows = []
    for (camera,) in sorted(captured | folded | seen.all_of(metrics.CAMERA_RUNNING)):
        last = max(captured.get((camera,), 0.0), folded.get((camera,), 0.0))
        lag = seen.of(metrics.FOLD_LAG, camera)
        rate = seen.frames_per_s.get(camera)
        rows.append(
            (
                camera,
                _ago(seen.now_s - last) if last else "never",
                "-" if rate is None else f"{rate:.1f}",
                "-" if lag is None else _seconds(lag),
                f"{seen.of(metrics.CAMERA_SKIPPED, camera) or 0:.0f}",
                f"{seen.of(metrics.CAMERA_RECONNECTS, camera) or 0:.0f}",
                _camera_state(seen, camera, seen.now_s - last),
            )
        )
    return _table(("CAMERA", "LAST RECORD", "FRAMES/S", "FOLDED AFTER", "SKIPPED", "RECONNECTS", "STATE"), rows)


def _camera_state(seen: Overview, camera: str, age_s: float) -> str:
    if seen.of(metrics.FOLD_HALTED, camera):
        return "HALTED: its fold cannot take a record; see the log of streams"
    running = seen.of(metrics.CAMERA_RUNNING, camera)
    if running is None:
        return "not read on this machine"
    if not running:
        return "its process has ended"
    if seen.of(metrics.CAMERA_IMPAIRED, camera):
        return "IMPAIRED: moved, covered or black; see the log of infer"
    if not seen.frames_per_s.get(camera) and age_s > SILENT_S:
        return "SILENT"
    offset_s = seen.of(metrics.CAMERA_OFFSET, camera)
    return "running" if offset_s is None else f"running, its recording is {offset_s:+.2f} s off"


def _evidence(seen: Overview) -> list[str]:
    open_, results = seen.all_of(metrics.WORK_OPEN), seen.all_of(metrics.WORK_RESULTS)
    rows = []
    for step in dict.fromkeys(labels[0] for labels in open_):
        done = {status: count for (connector, status), count in results.items() if connector == step}
        oldest = seen.of(metrics.WORK_OLDEST, step)
        rows.append(
            (
                step,
                f"{open_.get((step, 'pending'), 0):.0f}",
                f"{open_.get((step, 'attempting'), 0):.0f}",
                _seconds(seen.now_s - oldest) if oldest else "-",
                f"{sum(done.values()):.0f}",
                f"{done.get('failed', 0):.0f}",
                f"{done.get('ambiguous', 0):.0f}",
            )
        )
    lines = _table(("EVIDENCE", "PENDING", "ATTEMPTING", "OLDEST", "FINISHED", "FAILED", "AMBIGUOUS"), rows)
    dead = seen.all_of(metrics.DEAD_LETTERS)
    if dead:
        some = ", ".join(f"{topic} {count:.0f}" for (topic,), count in sorted(dead.items()) if count)
        lines += ["", f"DEAD LETTERS: {some or 'none'}"]
    return lines


def _disk(seen: Overview) -> str:
    used, bound = seen.of(metrics.RECORDING_BYTES), seen.of(metrics.RECORDING_BYTES_MAX)
    recordings = f"recordings {_bytes(used)} of {_bytes(bound)}, " if bound else ""
    return f"DISK: {recordings}{_bytes(seen.disk_free_bytes)} free where {seen.data_dir} is"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Columns as wide as they must be; no lines without rows."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head) - 1)]
    texts = ["  ".join([*(c.ljust(w) for c, w in zip(line, widths, strict=False)), line[-1]]) for line in lines]
    return texts if len(texts) > 1 else []


def _bytes(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def _seconds(value: float) -> str:
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if value >= 2 * size:
            return f"{value / size:.0f} {unit}"
    return f"{max(0.0, value):.1f} s"


def _ago(value: float) -> str:
    return f"{_seconds(value)} ago"
