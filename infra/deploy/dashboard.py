"""Writes dashboard.json, which Grafana imports:  python -m infra.deploy.dashboard"""

from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FILE = Path(__file__).with_name("dashboard.json")
SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
HEIGHT, THIRD, HALF = 7, 8, 12

Query = tuple[str, str]
"""(PromQL, legend)."""


def _graph(title: str, unit: str, why: str, *queries: Query, span: int = THIRD) -> timeseries.Panel:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel = timeseries.Panel().title(title).description(why).unit(unit).datasource(SOURCE).min(0)
    panel.legend(legend.show_legend(True)).span(span).height(HEIGHT)
    for query, name in queries:
        panel.with_target(prometheus.Dataquery().expr(query).legend_format(name))
    return panel


def _figure(title: str, why: str, query: str) -> stat.Panel:
    panel = stat.Panel().title(title).description(why).datasource(SOURCE).span(4).height(4)
    return panel.with_target(prometheus.Dataquery().expr(query).instant())


def build() -> dashboard.Dashboard:
    """One screen: is anything wrong, then cameras, evidence, rows, and what the machine gives."""
    source = dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus")
    board = dashboard.Dashboard("trackfold").uid("trackfold").refresh("30s").time("now-6h", "now").with_variable(source)
    board.with_row(dashboard.Row("Is anything wrong?"))
    board.with_panel(_figure("Not ready", "A backlog that does not move.", "sum(1 - trackfold_ready)"))
    board.with_panel(_figure("Halted cameras", "A person has to look.", "sum(trackfold_fold_halted)"))
    board.with_panel(
        _figure(
            "Silent cameras",
            "Nothing new for a minute.",
            "count(time() - trackfold_camera_captured_timestamp_seconds > 60) or vector(0)",
        )
    )
    board.with_panel(
        _figure("Failed, a day", "Given up.", 'sum(increase(trackfold_work_results_total{status="failed"}[1d]))')
    )
    board.with_panel(
        _figure(
            "Ambiguous, a day",
            "Asked, and nobody knows.",
            'sum(increase(trackfold_work_results_total{status="ambiguous"}[1d]))',
        )
    )
    board.with_panel(_figure("Dead letters, a day", "Undecodable.", "sum(increase(trackfold_dead_letters_total[1d]))"))

    board.with_row(dashboard.Row("Cameras"))
    board.with_panel(
        _graph("Detected", "hertz", "Frames per second.", ("rate(trackfold_camera_frames_total[1m])", "{{camera}}"))
    )
    board.with_panel(
        _graph(
            "Skipped and lost",
            "short",
            "Slots without a frame, and connections lost, per minute.",
            ("60 * rate(trackfold_camera_skipped_total[5m])", "{{camera}} skipped"),
            ("60 * rate(trackfold_camera_reconnects_total[5m])", "{{camera}} reconnects"),
        )
    )
    board.with_panel(
        _graph(
            "From captured to folded", "s", "Of the last record folded.", ("trackfold_fold_lag_seconds", "{{camera}}")
        )
    )
    board.with_panel(
        _graph(
            "Events",
            "short",
            "Per hour.",
            ("3600 * sum by (kind, phase) (rate(trackfold_events_total[30m]))", "{{kind}} {{phase}}"),
        )
    )
    board.with_panel(
        _graph("Records behind", "short", "Not yet committed.", ("trackfold_lag_records", "{{process}} {{topic}}"))
    )
    board.with_panel(
        _graph(
            "Folded and joined",
            "hertz",
            "Records per second.",
            ("sum(rate(trackfold_fold_records_total[1m]))", "folded"),
            ("sum(rate(trackfold_facts_joined_total[1m]))", "joined"),
        )
    )

    board.with_row(dashboard.Row("Evidence"))
    quantiles = [
        (f"histogram_quantile({q}, sum by (connector, le) (rate(trackfold_evidence_seconds_bucket[30m])))", name)
        for q, name in ((0.5, "{{connector}} half"), (0.99, "{{connector}} 99 %"))
    ]
    board.with_panel(_graph("Since confirmed", "s", "To clip, object and incident; 5 s are the post-roll.", *quantiles))
    board.with_panel(
        _graph(
            "Open work",
            "short",
            "Pieces that wait or are being done.",
            ("sum by (connector, state) (trackfold_work_open)", "{{connector}} {{state}}"),
        )
    )
    board.with_panel(
        _graph(
            "Attempts",
            "short",
            "Per minute, by what came of them.",
            ("60 * sum by (connector, outcome) (rate(trackfold_work_attempts_total[5m]))", "{{connector}} {{outcome}}"),
        )
    )
    board.with_panel(
        _graph(
            "Oldest open work",
            "s",
            "Since it was taken in.",
            ("time() - (trackfold_work_oldest_timestamp_seconds > 0)", "{{connector}}"),
            span=HALF,
        )
    )
    board.with_panel(
        _graph(
            "Rows and batches",
            "short",
            "Rows per minute, snapshot files per minute, and seconds per batch.",
            ("60 * sum by (table) (rate(trackfold_sink_rows_total[5m]))", "{{table}}"),
            ("60 * rate(trackfold_sink_files_total[5m])", "snapshot files"),
            (
                "sum by (sink) (rate(trackfold_sink_batch_seconds_sum[5m])) "
                "/ sum by (sink) (rate(trackfold_sink_batch_seconds_count[5m]))",
                "{{sink}} s per batch",
            ),
            span=HALF,
        )
    )

    board.with_row(dashboard.Row("Machine"))
    board.with_panel(
        _graph(
            "Memory",
            "bytes",
            "Resident.",
            ("trackfold_process_memory_bytes", "{{process}}"),
            ("trackfold_camera_memory_bytes", "camera {{camera}}"),
        )
    )
    board.with_panel(
        _graph(
            "Recordings",
            "bytes",
            "On disk, and what they may take.",
            ("trackfold_recording_bytes", "used"),
            ("trackfold_recording_bytes_max", "bound"),
        )
    )
    board.with_panel(
        _graph(
            "Recorded",
            "Bps",
            "Bytes per second, by camera.",
            ("rate(trackfold_camera_segment_bytes_total[5m])", "{{camera}}"),
        )
    )
    return board


def as_json() -> str:
    """The file's content."""
    return JSONEncoder(sort_keys=True, indent=1).encode(build().build()) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_json(), encoding="utf-8")
