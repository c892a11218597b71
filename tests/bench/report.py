"""What every benchmark writes: command, machine, medians, a table in Markdown, a picture: docs/benchmarks/<name>.

speeds = paired({"ours": lambda: rows_per_s(ours), "bare insert": lambda: rows_per_s(bare)})
report = Report("sink", "Rows per second into ClickHouse")
report.text("10,000 rows a batch.")
report.table(("what", "rows/s"), [(name, speed.shown()) for name, speed in speeds.items()])
report.bars("rows per second", speeds)
report.write()
"""

import os
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
ROUNDS = 5
COLOURS = ("#2f8f5b", "#5b6770", "#e9b44c", "#d1495b")


@dataclass(frozen=True)
class Figure:
    """One quantity, measured several times, in one unit."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        """What is told of it."""
        return median(self.runs)

    def shown(self, form: str = ",.0f") -> str:
        """The median, and between which values it was found."""
        low, middle, high = (format(value, form) for value in (min(self.runs), self.median, max(self.runs)))
        return middle if len(self.runs) == 1 else f"{middle} ({low} to {high})"

    def times(self, other: "Figure", form: str = ".2f") -> str:
        """How many times the other it is: the median of the ratios, round by round."""
        return format(median(a / b for a, b in zip(self.runs, other.runs, strict=True)), form)


def paired(peers: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, Figure]:
    """Each peer's figures: in every round one after the other, so that what else the machine does meets them alike."""
    found: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        for name, measure in peers.items():
            found[name].append(measure())
            print(f"  round {number + 1} of {rounds}, {name}: {found[name][-1]:,.4g}", flush=True)
    return {name: Figure(tuple(values)) for name, values in found.items()}


def machine() -> str:
    """Cores, processor, memory and system in one line."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M)):
        processor = found[1].strip()
    memory_gib = psutil.virtual_memory().total / 1024**3
    system = f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores ({processor}), {memory_gib:.0f} GiB of memory, {system}"


@dataclass
class Report:
    """One benchmark's page. Its parts come in the order in which they are added; write() prints and stores them."""

    name: str
    """Of the module, of the page and of its pictures."""
    title: str
    _parts: list[str] = field(default_factory=list)
    _load: float = field(default_factory=lambda: os.getloadavg()[0])

    def text(self, paragraph: str) -> None:
        """A paragraph, or a heading."""
        self._parts.append(paragraph)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table; all but the first column to the right."""
        lines = [columns, ["---", *("---:" for _ in columns[1:])], *rows]
        self._parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))

    def bars(self, label: str, figures: Mapping[str, Figure], *, limit: float | None = None) -> None:
        """A picture of these figures, one bar each from the lowest to the highest run; limit: a line to stay below."""
        self.groups(label, {"": figures}, limit=limit)

    def groups(
        self,
        label: str,
        groups: Mapping[str, Mapping[str, Figure]],
        *,
        limit: float | None = None,
        logarithmic: bool = False,
    ) -> None:
        """The same for several sets over the same names, for example before and after."""
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt

        names = list(dict.fromkeys(name for figures in groups.values() for name in figures))
        thick = 0.8 / len(groups)
        canvas, axes = plt.subplots(
            figsize=(9, 0.9 + 0.42 * len(names) * max(1, len(groups) / 2)), layout="constrained"
        )
        for level, (group, figures) in enumerate(groups.items()):
            there = [name for name in names if name in figures]
            medians = [figures[name].median for name in there]
            spread = [
                [figures[n].median - min(figures[n].runs) for n in there],
                [max(figures[n].runs) - figures[n].median for n in there],
            ]
            places = [names.index(name) - 0.4 + thick * (level + 0.5) for name in there]
            axes.barh(places, medians, thick * 0.9, xerr=spread, color=COLOURS[level], label=group or None)
        if limit is not None:
            axes.axvline(limit, color=COLOURS[3], linestyle="--", linewidth=1)
        if logarithmic:
            axes.set_xscale("log")
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        if len(groups) > 1:
            canvas.legend(loc="outside upper right", ncols=len(groups))
        axes.spines[["top", "right"]].set_visible(False)
        FOLDER.mkdir(parents=True, exist_ok=True)
        pictures = sum(part.startswith("![") for part in self._parts)
        file = f"{self.name}{f'-{pictures + 1}' if pictures else ''}.png"
        canvas.savefig(FOLDER / file, dpi=110, metadata={"Software": None})
        plt.close(canvas)
        self._parts.append(f"![{label}]({file})")

    def write(self) -> Path:
        """Print the page and write docs/benchmarks/<name>.md."""
        command = " ".join([f"python -m tests.bench.{self.name}", *sys.argv[1:]])
        measured = f"Measured by `{command}` on {machine()}; load average at the start {self._load:.1f}."
        path = FOLDER / f"{self.name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join([f"# {self.title}", measured, *self._parts]) + "\n", encoding="utf-8")
        print(path.read_text(encoding="utf-8"))
        return path
