"""Break the files that decide, one small change at a time, and count how often the unit and property tests notice.

    python -m tests.mutation                            400 mutants, drawn over all files
    python -m tests.mutation --all                      every one; takes hours
    python -m tests.mutation --all streams/near.py      of one file (or streams/near.py:31, schemas/)

First every test file runs once on the unchanged sources: it must pass, and what it calls is noted. A mutant is then
shown to the test files that call the function it sits in, those of its name first, until one fails.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.changes import Mutant, mutants
from tests.mutation.trees import ROOT, Called, copies, run_and_watch, run_tests, start, warm_up, write
from tests.unit.test_layout import is_pure, modules

TESTS = ["tests/unit/test_*.py", "tests/property/test_*.py"]
NOT_ASKED = ("test_demo_", "test_inference_", "test_packages", "test_preflight")
"""They draw, detect, or look at the machine: minutes in which nothing is decided."""
NOT_DECIDING = ("schemas.avro", "schemas.errors", "schemas.records", "schemas.topics")
"""They say what there is; the tests of the contracts compare them."""
CLEAN_CPU_S = 300
SLACK = 3
"""A mutant may compute so many times as long as the sources do unchanged, and 10 s."""


@dataclass
class TestFile:
    """A test file as it ran on the unchanged sources. calls: of a function by file and first line."""

    path: str
    cpu_s: float = 0.0
    calls: Called = field(default_factory=set)


def deciding_files() -> list[str]:
    """What the layout calls pure, and those schemas that decide; relative to the root."""
    schemas = [n for n in modules() if n.startswith("schemas.") and not n.startswith(NOT_DECIDING)]
    return [str(path.relative_to(ROOT)) for name, path in modules().items() if is_pure(name) or name in schemas]


def share_out(
    jobs: Iterable[Callable[[Path], int]], trees: list[Path], done: Callable[[int, int, float], None]
) -> None:
    """Start every job in a tree of its own as one gets free; done(index, status, CPU seconds) as each ends."""
    free, running = list(trees), dict[int, tuple[int, Path]]()

    def reap() -> None:
        pid, status, usage = os.wait4(-1, 0)
        index, tree = running.pop(pid)
        free.append(tree)
        done(index, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)

    try:
        for index, job in enumerate(jobs):
            if not free:
                reap()
            tree = free.pop()
            running[job(tree)] = (index, tree)
        while running:
            reap()
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def watch_tests(patterns: list[str], trees: list[Path]) -> list[TestFile]:
    """Every test file that a pattern names; stops the program when one does not pass."""
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    files = [TestFile(str(path.relative_to(ROOT))) for path in paths if not path.name.startswith(NOT_ASKED)]

    warm_up([file.path for file in files])

    def job(index: int) -> Callable[[Path], int]:
        def work(tree: Path) -> int:
            result, called = run_and_watch(tree, files[index].path, CLEAN_CPU_S)
            (trees[0] / f"{index}.calls").write_text(json.dumps(sorted(called)))
            return result

        return lambda tree: start(lambda: work(tree), trees[0] / f"{index}.said")

    def done(index: int, status: int, cpu_s: float) -> None:
        if status != 0:
            sys.exit(f"{files[index].path} fails on the unchanged sources:\n{(trees[0] / f'{index}.said').read_text()}")
        files[index].cpu_s = cpu_s
        files[index].calls = {(path, line) for path, line in json.loads((trees[0] / f"{index}.calls").read_text())}

    share_out([job(index) for index in range(len(files))], trees, done)
    return files


def asked_of(mutant: Mutant, files: list[TestFile]) -> list[TestFile]:
    """The test files that call the mutant's function; for what no function holds, those that load the file.

    First those that have its name (test_incident_plan for incident/plan.py), then those that call least.
    """
    names = Path(mutant.path).with_suffix("").parts[1:]

    def calls(file: TestFile) -> bool:
        if mutant.function is not None:
            return (mutant.path, mutant.function) in file.calls
        return any(path == mutant.path for path, _ in file.calls)

    return sorted(filter(calls, files), key=lambda file: (-sum(name in file.path for name in names), len(file.calls)))


def try_all(chosen: list[Mutant], files: list[TestFile], trees: list[Path], say: Callable[[Mutant, str], None]) -> None:
    """Show every mutant to its tests; say(mutant, verdict) as each is judged."""

    def job(mutant: Mutant) -> Callable[[Path], int]:
        asked = asked_of(mutant, files)
        limit_s = 10 + SLACK * sum(file.cpu_s for file in asked)

        def work(tree: Path) -> int:
            sys.dont_write_bytecode = True
            unchanged = (tree / mutant.path).read_text()
            write(tree / mutant.path, mutant.source)
            try:
                return run_tests(tree, [file.path for file in asked], limit_s) if asked else 0
            finally:
                write(tree / mutant.path, unchanged)

        return lambda tree: start(lambda: work(tree), tree / "said")

    def done(index: int, status: int, _: float) -> None:
        ran = "survived" if asked_of(chosen[index], files) else "never run"
        say(chosen[index], ran if status == 0 else "caught" if status > 0 else "no end")

    share_out([job(mutant) for mutant in chosen], trees, done)


def report(verdicts: list[tuple[Mutant, str]]) -> None:
    """Survivors with their place, then the share that was caught, by file and in total."""
    for mutant, verdict in sorted(verdicts, key=lambda v: (v[0].path, v[0].line)):
        if verdict in ("survived", "never run"):
            print(f"{mutant.where}: {verdict}\n    {mutant.before}\n    {mutant.after}")
    print(f"\n{'':<34}{'mutants':>8}{'caught':>8}{'no end':>8}{'survived':>10}{'never run':>11}{'share':>8}")
    by_file: dict[str, Counter[str]] = {}
    for mutant, verdict in verdicts:
        by_file.setdefault(mutant.path, Counter())[verdict] += 1
    for path, count in [*sorted(by_file.items()), ("all", sum(by_file.values(), Counter[str]()))]:
        share = (count["caught"] + count["no end"]) / max(1, count.total())
        shown = f"{count['caught']:>8}{count['no end']:>8}{count['survived']:>10}{count['never run']:>11}"
        print(f"{path:<34}{count.total():>8}{shown}{share:>8.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("where", nargs="*", help="what the mutants' place (file:line) begins with; default: anywhere")
    parser.add_argument("--sample", type=int, default=400, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--all", action="store_true", help="draw none, try all")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="glob patterns of the test files that are asked")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    found = [m for path in deciding_files() for m in mutants(path, (ROOT / path).read_text())]
    found = [m for m in found if m.where.startswith(tuple(args.where) or "")]
    chosen = found if args.all else random.Random(args.seed).sample(found, min(args.sample, len(found)))
    verdicts: list[tuple[Mutant, str]] = []

    def say(mutant: Mutant, verdict: str) -> None:
        verdicts.append((mutant, verdict))
        print(f"{len(verdicts)} of {len(chosen)}: {mutant.where} {verdict}", file=sys.stderr)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    began = time.monotonic()
    try:
        with copies(args.workers) as trees:
            files = watch_tests(args.tests, trees)
            took = f"{sum(file.cpu_s for file in files):.0f} s of computing, {time.monotonic() - began:.0f} s"
            print(f"{len(files)} test files ({took}), {len(chosen)} of {len(found)} mutants", flush=True)
            try_all(chosen, files, trees, say)
    finally:
        report(verdicts)
        print(f"{len(verdicts)} tried in {(time.monotonic() - began) / 60:.1f} min")


if __name__ == "__main__":
    main()
