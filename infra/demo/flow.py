"""The demo: a rendered shop (or a person's own video) through every part on real servers, then what came out of it."""

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from infra.config import Settings, load_settings
from infra.demo import own, report
from infra.local import preflight, stack
from infra.local.memory import PeakMemory
from infra.local.pipeline import process_files
from infra.local.runner import runner_pid
from schemas.errors import InputError
from schemas.site import Site, load_site

SETTLE_S = 240.0
# files are old by the time they are processed, and a demo should show its incidents all the same
ENV = {"TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0"}


@dataclass(frozen=True)
class Options:
    """What a person asked for. seconds: length of the rendered videos."""

    folder: Path
    seed: int = 1
    source: str | None = None
    weights: str | None = None
    detector: Literal["yolo", "recorded"] = "yolo"
    seconds: int = 190
    start_time: datetime | None = None


class Audit(Protocol):
    """What the demo needs of the audit."""

    def settle(self, settings: Settings, *, timeout_s: float, say: Callable[[str], None]) -> list[str]:
        """Wait until nothing is under way; what still was at the end of timeout_s."""

    def verify(self, settings: Settings, site: Any) -> Any:
        """Reconcile all stores."""


Serve = Callable[[Settings, Site, Path], AbstractContextManager[str]]
"""Serves the console; gives its address."""


def run(
    options: Options,
    *,
    audit: Audit,
    ask: Callable[[Settings, str], str],
    say: Callable[[str], None],
    serve: Serve | None = None,
) -> int:
    """Exit code 0 when every scripted episode was found with all its evidence and verify agrees, else 1.

    serve: then keep the servers and the console up until Ctrl-C.
    """
    began = time.monotonic()
    found = preflight.check(options.folder, detect=options.detector == "yolo")
    if found:
        raise InputError("\n".join(str(problem) for problem in found))
    _clear(options.folder, say)
    stack_dir = options.folder / "stack"
    try:
        with PeakMemory() as memory, ThreadPoolExecutor(1) as pool:
            servers = pool.submit(stack.up, stack_dir, say=say)
            site_path = _prepare(options, say)
            servers.result()
            if (pid := runner_pid(stack_dir)) is not None:
                memory.also(pid)
            settings = load_settings(stack_dir=stack_dir, data_dir=options.folder)
            say(f"servers and input ready after {time.monotonic() - began:.0f} s")
            infer_s = process_files(
                settings, site_path, settle=lambda s: audit.settle(s, timeout_s=SETTLE_S, say=say), say=say, env=ENV
            )
            text, good = report.write(options, settings, load_site(site_path), audit=audit, ask=ask)
        say(text)
        say(f"took {time.monotonic() - began:.0f} s, of which inference {infer_s:.0f} s")
        say(
            f"peak memory of all processes {memory.total_gb:.1f} GB: "
            + ", ".join(f"{name} {size:.2f}" for name, size in memory.by_name()[:8])
        )
        if serve is None:
            look = f"trackfold --data-dir {options.folder}"
            say(f"to look around: `{look} up`, `{look} console --site {site_path}`, and `{look} down` when done")
        else:
            _show(serve, settings, site_path, say)
        return 0 if good else 1
    finally:
        stack.down(stack_dir, say=say)


def _show(serve: Serve, settings: Settings, site_path: Path, say: Callable[[str], None]) -> None:
    """What came out of it in a browser, for as long as the person wants."""
    wanted = settings.model_copy(update={"console": settings.console.model_copy(update={"port": 0})})
    with serve(wanted, load_site(site_path), site_path) as address:
        say(f"console: {address}")
        say("look around as long as you like; Ctrl-C stops the servers")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _prepare(options: Options, say: Callable[[str], None]) -> Path:
    """The site file: of a person's own source, or of the rendered shop, whose truth no part reads."""
    if options.source:
        return own.prepare(options.folder, options.source, options.weights, options.start_time, say=say)
    from infra.demo.render import render

    folder = options.folder / f"shop-{options.seed}"
    return render(options.seed, folder, seconds=options.seconds, say=say, detector=options.detector).site


def _clear(folder: Path, say: Callable[[str], None]) -> None:
    """A demo starts from nothing but the rendered videos: the same file twice in one log would be refused."""
    mark = folder / "demo.json"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise InputError(f"{folder}: not empty and not from a demo; name an empty or new folder with --folder")
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps({"made_by": "trackfold demo"}))
    stack.down(folder / "stack", say=lambda _: None)
    for name in ("stack", "run", "recordings", "segments", "snapshots", "faust", "replays"):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
            say(f"cleared {folder / name} of an earlier demo")
