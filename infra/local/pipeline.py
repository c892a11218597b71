"""Every part of trackfold as processes of one machine: what `trackfold run` and the demo start."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra import probes
from infra.config import Settings
from infra.kafka import connect_codec, ensure_topics
from infra.local.runner import Runner, Service
from schemas.errors import ExplainedError
from schemas.site import load_site

CONNECTORS = ("clip", "upload", "incident", "clickhouse", "snapshots")


def command(data_dir: Path, *words: str) -> list[str]:
    """The command line of one part, run by this very Python."""
    return [sys.executable, "-m", "trackfold", "--data-dir", str(data_dir), *words]


def services(data_dir: Path, site_path: Path, env: dict[str, str] | None = None) -> list[Service]:
    """The fold and the connectors, which run for ever."""
    site = ["--site", str(site_path.resolve())]
    folder = data_dir.resolve()
    parts = [Service("streams", command(folder, "streams", *site), env or {}, always=True)]
    parts += [Service(name, command(folder, "connect", name, *site), env or {}, always=True) for name in CONNECTORS]
    return parts


def inference(data_dir: Path, site_path: Path, env: dict[str, str] | None = None) -> Service:
    """The cameras; ends by itself when all of them are files."""
    words = ["infer", "--site", str(site_path.resolve())]
    return Service("infer", command(data_dir.resolve(), *words), env or {}, stop_s=30.0)


def run_until_stopped(settings: Settings, site_path: Path, *, say: Callable[[str], None]) -> int:
    """All parts for a site until Ctrl-C; those that crash are started again. Exit code 0 after a clean stop."""
    parts: list[Service] = [
        *services(settings.data_dir, site_path),
        inference(settings.data_dir, site_path),
    ]
    if load_site(site_path).retention.clips_days is not None:
        words = ("connect", "retention", "--site", str(site_path.resolve()))
        parts.append(Service("retention", command(settings.data_dir.resolve(), *words), {}, always=True))
    folder = settings.data_dir / "run"
    with Runner(folder, parts) as runner:
        say(f"running {', '.join(part.name for part in parts)}; logs in {folder / 'logs'}; Ctrl-C stops all")
        runner.run(until=_Told(settings.data_dir, say))
    say("stopped")
    return 0


class _Told:
    """Says once of each process where its metrics and health are; never ends anything."""

    def __init__(self, data_dir: Path, say: Callable[[str], None]) -> None:
        self._data_dir, self._say, self._known = data_dir, say, set(probes.found(data_dir))

    def __call__(self) -> bool:
        there = set(probes.found(self._data_dir))
        for place in sorted(there - self._known, key=lambda one: one.process):
            self._say(f"{place.process}: http://{place.address}/metrics and /health/ready")
        self._known = there
        return False


class PipelineFailed(ExplainedError):
    """A part did not come to its end; the text names it and its log."""


def process_files(
    settings: Settings,
    site_path: Path,
    *,
    settle: Callable[[Settings], list[str]],
    say: Callable[[str], None],
    env: dict[str, str] | None = None,
) -> float:
    """Run all parts over cameras that are files, until settle(settings) finds nothing under way.

    Returns the seconds that inference took. Raises PipelineFailed when inference cannot do its work or
    something stays undone.
    """
    ensure_topics(settings)
    connect_codec(settings)
    logs = settings.data_dir / "run" / "logs"
    began = shown = time.monotonic()
    stopped, last = False, ""
    parts = [*services(settings.data_dir, site_path, env), inference(settings.data_dir, site_path, env)]
    with Runner(settings.data_dir / "run", parts) as runner:
        say(f"running {', '.join(part.name for part in parts)}; logs in {logs}")
        while not (infer := next(s for s in runner.states() if s.name == "infer")).finished:
            if infer.exit_code not in (None, 0):
                raise PipelineFailed(f"infer failed; {logs / 'infer.log'} ends with:\n{_tail(logs / 'infer.log')}")
            if time.monotonic() - shown > 5:
                shown = time.monotonic()
                line = _tail(logs / "infer.log", 1).strip() or "inference is starting"
                if line != last:
                    say(f"  {line}")
                last = line
            try:
                time.sleep(0.2)
            except KeyboardInterrupt:
                if infer.pid is None or stopped:
                    raise
                say("stopping the cameras; what they saw is still brought to its end (Ctrl-C again stops at once)")
                stopped = True
                os.kill(infer.pid, signal.SIGTERM)
        infer_s = time.monotonic() - began
        say(f"inference done after {infer_s:.0f} s; waiting for clips, uploads, incidents and rows")
        if left := settle(settings):
            raise PipelineFailed("not finished:\n" + "\n".join(f"  {line}" for line in left))
        restarted = [f"{s.name} ({s.starts - 1} times)" for s in runner.states() if s.starts > 1]
        if restarted:
            say(f"restarted during the run: {', '.join(restarted)}; see {logs}")
    return infer_s


def _tail(log: Path, lines: int = 5) -> str:
    text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join(f"  {line}" for line in text)
