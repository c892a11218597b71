"""One picture of a run: memory of each process, lag, disk, and how long incidents took."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tests.soak.verdict import Sample


def draw(path: Path, samples: Sequence[Sample], latencies_s: Sequence[float]) -> None:
    """Write it."""
    figure = Figure(figsize=(13, 8), layout="constrained")
    (memory, lag), (disk, latency) = figure.subplots(2, 2)
    hours = [sample.hours for sample in samples]
    by_name: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for sample in samples:
        for (name, _), mb in sample.memory_mb.items():
            by_name[name].append((sample.hours, mb))
    for name, points in sorted(by_name.items()):
        memory.plot(*zip(*points, strict=True), label=name, linewidth=1)
    memory.legend(fontsize=7, ncols=2)
    lag.plot(hours, [max(sample.lag, 0) for sample in samples], linewidth=1)
    for name in samples[-1].disk_mb:
        disk.plot(hours, [sample.disk_mb[name] for sample in samples], label=name, linewidth=1)
    disk.legend(fontsize=7)
    latency.hist(latencies_s, bins=40)
    titles = ("memory, MB", "records to fold", "disk, MB", "confirmed to incident, s")
    for axes, title in zip((memory, lag, disk, latency), titles, strict=True):
        axes.set_title(title)
        if axes is not latency:
            axes.set_xlabel("simulated hours")
    figure.savefig(path, dpi=110)
