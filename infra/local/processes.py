"""Finding and ending the processes of a folder, whoever started them; what they inherit.

Every process that a runner starts carries the folder in its environment (MARK), and so do its children. runner.json
holds pids with start times besides. So a pid that meanwhile belongs to somebody else is never hit.
"""

import os
import resource
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from infra.local.files import read_json

MARK = "TRACKFOLD_RUNNER"
KILL_S = 10.0
OPEN_FILES = 10240
"""Kafka keeps some files per partition open; macOS gives 256 unless asked."""


def started_at(pid: int) -> float:
    """Start time as the system tells it, s since 1970; 0 when there is no such process."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def find(entry: Mapping[str, Any], folder: Path) -> psutil.Process | None:
    """The process of an entry {pid, started_at} in this folder's runner.json, if it still runs.

    Another one with its pid does not count, nor one of another folder that this one was copied from.
    """
    if entry["pid"] is None:
        return None
    try:
        process = psutil.Process(entry["pid"])
        # the system's clock may be set between two readings; two processes with one pid are further apart
        same = abs(process.create_time() - entry["started_at"]) < 1.0
    except psutil.NoSuchProcess:
        return None
    ours = same and _mark_of(process) in (None, str(folder.resolve())) and not _is_over(process)
    return process if ours else None


def of_folder(folder: Path) -> set[psutil.Process]:
    """All processes of a folder but ourselves."""
    name = str(folder.resolve())
    recorded: dict[str, Any] = read_json(folder / "runner.json") or {"runner": {"pid": None}, "services": {}}
    noted = (find(entry, folder) for entry in (recorded["runner"], *recorded["services"].values()))
    marked = (process for process in psutil.process_iter() if _mark_of(process) == name)
    return {process for process in (*noted, *marked) if process is not None and process.pid != os.getpid()}


def end(processes: Iterable[psutil.Process], *, grace_s: float) -> None:
    """SIGTERM, after grace_s SIGKILL; returns when all are gone. psutil compares start times before it signals."""
    left = list(processes)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    left = _still_there(left, grace_s)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _still_there(left, KILL_S)


def loopback_without_proxy() -> dict[str, str]:
    """NO_PROXY as it is, with this machine added: clients must not ask a proxy for our own servers."""
    named = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = [host for host in named.split(",") if host]
    value = ",".join(hosts + [host for host in ("127.0.0.1", "localhost") if host not in hosts])
    return {"NO_PROXY": value, "no_proxy": value}


def raise_open_files() -> None:
    """Allow this process and those that it starts OPEN_FILES files, or as many as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _still_there(processes: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until all are over, at most timeout_s; those that are not."""
    deadline = time.monotonic() + timeout_s
    while (left := [process for process in processes if not _is_over(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _is_over(process: psutil.Process) -> bool:
    # a zombie is over too: nobody may be there to fetch its exit code
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):  # somebody else's, or gone in this moment
        return None
