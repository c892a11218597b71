"""Copies of the project in a temporary folder, and processes that run some of its tests there."""

import cProfile
import gc
import io
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType

import hypothesis
import pytest

ROOT = Path(__file__).parents[2]
OURS = ("connectors", "inference", "infra", "schemas", "streams", "tests", "trackfold")
MEMORY_MAX = 8 << 30
"""Bytes of address space: a loop that never ends may also fill lists."""

Called = set[tuple[str, int]]
"""(file relative to the tree, first line) of each function that was called."""


@contextmanager
def copies(count: int) -> Iterator[list[Path]]:
    """So many copies of the project, compiled files and all; gone afterwards, whatever happens."""
    with TemporaryDirectory(prefix="trackfold-mutants-") as folder:
        trees = [Path(folder) / str(index) for index in range(count)]
        for tree in trees:
            unwanted = shutil.ignore_patterns(".*", "var", "build", "*.egg-info")
            shutil.copytree(ROOT, tree, ignore=unwanted)
        yield trees


def write(path: Path, source: str) -> None:
    """Change a source, and forget what it was compiled to: size and second of change may be the same."""
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()
    path.write_text(source)


def start(work: Callable[[], int], said: Path) -> int:
    """Fork; gives the pid of the process that does the work, exits with its result and writes its output to `said`."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        code = work()
        sys.stdout.flush()
    finally:
        os._exit(code)


def warm_up(tests: list[str]) -> None:
    """Load here once what the tests import, so that no fork has to."""
    with redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *tests])
    gc.collect()
    gc.freeze()


def run_tests(tree: Path, tests: list[str], cpu_s: float) -> int:
    """Run test files in this process, in this order, up to the first that fails. 0: all passed.

    After cpu_s of computing the kernel ends the process: a limit that a busy machine does not move.
    """
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in OURS or (getattr(module, "__file__", None) or "").startswith(f"{ROOT}/tests/"):
            del sys.modules[name]
    os.chdir(tree)
    sys.path[:] = [str(tree), *(p for p in sys.path if p and (not p.startswith(str(ROOT)) or "site-packages" in p))]
    sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in getattr(finder, "__module__", "")]
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 2))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    # the same examples for every mutant; the first that fails is enough
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", hypothesis.settings.get_profile("ci"), phases=phases)
    quiet = ("-q", "-x", "--no-header", "--tb=short", "-p", "no:cacheprovider", "--hypothesis-profile=mutants")
    # one by one, for most mutants need not load more than the first
    return next((code for test in tests if (code := int(pytest.main([*quiet, test])))), 0)


def run_and_watch(tree: Path, test: str, cpu_s: float) -> tuple[int, Called]:
    """As run_tests for one file; gives also which functions of the tree it called (a module's body is one of them)."""
    watch = cProfile.Profile(subcalls=False, builtins=False)
    watch.enable()
    result = run_tests(tree, [test], cpu_s)
    watch.disable()
    root = f"{tree}/"
    met = [entry.code for entry in watch.getstats()]
    ours = [code for code in met if isinstance(code, CodeType) and code.co_filename.startswith(root)]
    return result, {(code.co_filename[len(root) :], code.co_firstlineno) for code in ours}
