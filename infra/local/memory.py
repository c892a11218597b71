"""Peak memory of this process and all it started, children of children included."""

import threading
from types import TracebackType
from typing import Self

import psutil

SAMPLE_S = 0.5


class PeakMemory:
    """with PeakMemory(also=pids) as peak: ...; then peak.total_gb and peak.by_name().

    Resident memory is summed over processes, so pages that they share count more than once: never too low.
    """

    def __init__(self) -> None:
        self.total_bytes = 0
        self._by_name: dict[str, int] = {}
        self._roots: set[int] = {psutil.Process().pid}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def also(self, pid: int) -> None:
        """Count this process and its children too (servers that were started detached)."""
        self._roots.add(pid)

    @property
    def total_gb(self) -> float:
        """Largest sum seen, GB of 10^9 bytes."""
        return self.total_bytes / 1e9

    def by_name(self) -> list[tuple[str, float]]:
        """(what, GB) of the processes at the moment of the peak, largest first."""
        return sorted(((name, size / 1e9) for name, size in self._by_name.items()), key=lambda item: -item[1])

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        sizes: dict[str, int] = {}
        seen: set[int] = set()
        for root in list(self._roots):
            try:
                tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for process in tree:
                if process.pid in seen:
                    continue
                seen.add(process.pid)
                try:
                    name = _what(process)
                    sizes[name] = sizes.get(name, 0) + process.memory_info().rss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue  # it ended between the listing and the reading
        if (total := sum(sizes.values())) > self.total_bytes:
            self.total_bytes, self._by_name = total, sizes


def _what(process: psutil.Process) -> str:
    words = process.cmdline()
    if "trackfold" in words:
        rest = words[words.index("trackfold") + 1 :]
        rest = rest[2:] if rest[:1] == ["--data-dir"] else rest
        return "trackfold " + " ".join(rest[: 2 if rest[:1] == ["connect"] else 1])
    for mark in ("kafka.Kafka", "quarkus-run.jar", "infra.local.clickhouse", "infra.local.partner"):
        if any(mark in word for word in words):
            return mark
    return process.name()
