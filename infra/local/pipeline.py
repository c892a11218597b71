"""Every part of trackfold as processes of one machine: what `trackfold run` and the demo start."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.config import Settings
from infra.local.runner import Runner, Service

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
    parts: Sequence[Service] = [
        *services(settings.data_dir, site_path),
        inference(settings.data_dir, site_path),
    ]
    folder = settings.data_dir / "run"
    with Runner(folder, parts) as runner:
        say(f"running {', '.join(part.name for part in parts)}; logs in {folder / 'logs'}; Ctrl-C stops all")
        runner.run()
    say("stopped")
    return 0
