"""The catalogue of metrics: name, type, unit, labels, and why. Nothing else names a metric.

Labels are bounded: cameras and connectors of the site, reasons and states of the contract. A metric that is given more
label sets than SERIES_MAX counts the rest under "other", so that names out of data cannot fill the memory.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

disable_created_metrics()  # type: ignore[no-untyped-call]
SERIES_MAX = 500
OTHER = "other"
REGISTRY = CollectorRegistry()
"""Of this process."""
CATALOGUE: "list[Metric]" = []

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Sample:
    """A figure on its way from a camera's process to the one that is asked for it."""

    name: str
    labels: tuple[str, ...]
    value: float


class Metric:
    """One metric. Its methods take the label values in the catalogue's order; safe between threads."""

    def __init__(
        self, kind: Kind, name: str, unit: str, why: str, *labels: str, buckets: tuple[float, ...] = ()
    ) -> None:
        self.kind, self.name, self.unit, self.why, self.labels, self.buckets = kind, name, unit, why, labels, buckets
        self._children: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()
        make: Any = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}[kind]
        more = {"buckets": buckets} if buckets else {}
        self._metric: Any = make(name, why, labels, registry=REGISTRY, **more)
        CATALOGUE.append(self)

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Count."""
        self._at(labels).inc(by)

    def set(self, value: float, *labels: str) -> None:
        """What a gauge shows from now on."""
        self._at(labels).set(value)

    def observe(self, value: float, *labels: str) -> None:
        """One more for a histogram."""
        self._at(labels).observe(max(0.0, value))

    def forget(self) -> None:
        """Drop all label sets: what they told of is another worker's now."""
        with self._lock:
            self._children.clear()
            self._metric.clear()

    def samples(self) -> list[Sample]:
        """Every label set with its value (of a counter or gauge)."""
        suffix = "_total" if self.kind == "counter" else ""
        wanted = self.name.removesuffix("_total") + suffix
        return [
            Sample(self.name, tuple(sample.labels[label] for label in self.labels), sample.value)
            for family in self._metric.collect()
            for sample in family.samples
            if sample.name == wanted
        ]

    def _at(self, labels: tuple[str, ...]) -> Any:
        if (child := self._children.get(labels)) is not None:
            return child
        with self._lock:
            if labels and len(self._children) >= SERIES_MAX:
                return self._metric.labels(*[OTHER] * len(labels))
            child = self._metric.labels(*labels) if labels else self._metric
            self._children[labels] = child
            return child


_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0, 1800.0)

# Every process.
PROCESS_MEMORY = Metric(
    "gauge", "trackfold_process_memory_bytes", "bytes", "Resident memory: a slope is a leak.", "process"
)
READY = Metric("gauge", "trackfold_ready", "0 or 1", "What /health/ready answers, for alerts.", "process")
LAG_RECORDS = Metric(
    "gauge", "trackfold_lag_records", "records", "Not yet committed: does it keep up.", "process", "topic"
)
DEAD_LETTERS = Metric(
    "counter", "trackfold_dead_letters_total", "records", "Undecodable and put aside; somebody writes rubbish.", "topic"
)

# Inference, per camera.
CAMERA_READ = Metric("counter", "trackfold_camera_read_total", "frames", "Read from the source: it is alive.", "camera")
CAMERA_FRAMES = Metric(
    "counter", "trackfold_camera_frames_total", "frames", "Detected and published; its rate is frames/s.", "camera"
)
CAMERA_SKIPPED = Metric(
    "counter", "trackfold_camera_skipped_total", "slots", "Of the detection grid, without a frame.", "camera"
)
CAMERA_CAPTURED = Metric(
    "gauge", "trackfold_camera_captured_timestamp_seconds", "s since 1970", "When the last frame was seen.", "camera"
)
CAMERA_RECONNECTS = Metric(
    "counter", "trackfold_camera_reconnects_total", "times", "The source broke off or could not be opened.", "camera"
)
CAMERA_IMPAIRED = Metric(
    "gauge", "trackfold_camera_impaired", "0 or 1", "Moved, covered or black: its frames do not count.", "camera"
)
CAMERA_OFFSET = Metric(
    "gauge",
    "trackfold_camera_recording_offset_seconds",
    "s",
    "How much later the recorded stream is than the one that is detected on (detect_source).",
    "camera",
)
CAMERA_SEGMENTS = Metric(
    "counter", "trackfold_camera_segments_total", "segments", "Recorded and closed: clips can be cut.", "camera"
)
CAMERA_SEGMENT_BYTES = Metric(
    "counter", "trackfold_camera_segment_bytes_total", "bytes", "Recorded: how soon the disk is full.", "camera"
)
CAMERA_RUNNING = Metric("gauge", "trackfold_camera_running", "0 or 1", "The camera's process runs.", "camera")
CAMERA_MEMORY = Metric(
    "gauge", "trackfold_camera_memory_bytes", "bytes", "Resident memory of the camera's process.", "camera"
)
RECORDING_BYTES = Metric("gauge", "trackfold_recording_bytes", "bytes", "All recordings on this machine.")
RECORDING_BYTES_MAX = Metric("gauge", "trackfold_recording_bytes_max", "bytes", "What they may take: recording.max_gb.")

# The folds.
FOLD_RECORDS = Metric("counter", "trackfold_fold_records_total", "records", "Folded into the state.", "camera")
FOLD_CAPTURED = Metric(
    "gauge", "trackfold_fold_captured_timestamp_seconds", "s since 1970", "captured_at of the last folded.", "camera"
)
FOLD_LAG = Metric(
    "gauge", "trackfold_fold_lag_seconds", "s", "From captured_at to folded, of the last record.", "camera"
)
FOLD_HALTED = Metric("gauge", "trackfold_fold_halted", "0 or 1", "The fold cannot take a record.", "camera")
EVENTS = Metric("counter", "trackfold_events_total", "records", "Published by the fold.", "kind", "phase")
FACTS_JOINED = Metric("counter", "trackfold_facts_joined_total", "records", "Joined into episodes.", "topic")

# Connectors with work.
WORK_OPEN = Metric("gauge", "trackfold_work_open", "pieces", "pending, or attempting now.", "connector", "state")
WORK_OLDEST = Metric(
    "gauge", "trackfold_work_oldest_timestamp_seconds", "s since 1970", "Oldest open taken in; 0: none.", "connector"
)
WORK_RESULTS = Metric(
    "counter", "trackfold_work_results_total", "records", "Published; also failed, ambiguous.", "connector", "status"
)
WORK_ATTEMPTS = Metric(
    "counter",
    "trackfold_work_attempts_total",
    "attempts",
    "done, again, unsure, later, nothing, halt.",
    "connector",
    "outcome",
)
EVIDENCE_SECONDS = Metric(
    "histogram",
    "trackfold_evidence_seconds",
    "s",
    "From confirmed to clip, object or incident; the post-roll of 5 s is part of it.",
    "connector",
    buckets=_SECONDS,
)

# Sinks.
SINK_ROWS = Metric("counter", "trackfold_sink_rows_total", "rows", "Stored in ClickHouse.", "table")
SINK_FILES = Metric("counter", "trackfold_sink_files_total", "files", "Snapshots written because they changed.")
SINK_BATCH_SECONDS = Metric(
    "histogram", "trackfold_sink_batch_seconds", "s", "To store one batch.", "sink", buckets=_SECONDS
)


def exposed(process: str) -> bytes:
    """Everything in Prometheus' text format."""
    PROCESS_MEMORY.set(psutil.Process().memory_info().rss, process)
    return generate_latest(REGISTRY)


class Changes:
    """What has changed in this process since it was last asked: for a camera's process, which serves nothing itself."""

    def __init__(self, *metrics: Metric) -> None:
        self._metrics = metrics
        self._told: dict[tuple[str, tuple[str, ...]], float] = {}

    def __iter__(self) -> Iterator[Sample]:
        for metric in self._metrics:
            for sample in metric.samples():
                place = sample.name, sample.labels
                before = self._told.get(place)
                if sample.value != before:
                    self._told[place] = sample.value
                    by = sample.value - (before or 0.0) if metric.kind == "counter" else sample.value
                    yield Sample(*place, by)


def take(changes: list[Sample]) -> None:
    """Add what another process counted."""
    known = {metric.name: metric for metric in CATALOGUE}
    for change in changes:
        metric = known[change.name]
        if metric.kind == "counter":
            metric.add(*change.labels, by=change.value)
        else:
            metric.set(change.value, *change.labels)


def age_s(at_ms: int) -> float:
    """Seconds since a moment in ms UTC."""
    return time.time() - at_ms / 1000
