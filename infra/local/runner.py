"""Keeps processes running: starts them, restarts those that crash, stops them all, finds them again if it was killed.

Every process carries the runner's folder in its environment (TRACKFOLD_RUNNER), and runner.json holds its pid and start
time. So whoever comes after a killed runner finds what it left, and a pid that was given to somebody else is never hit.

In the foreground:  with Runner(folder, services) as runner: runner.run(until=...)
In the background:  start_detached(folder, services), later stop(folder)
"""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import psutil

from infra.local.files import read_json, write_private

MARK = "TRACKFOLD_RUNNER"
BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 30.0
"""A process that lived this long begins again with the shortest backoff."""
LOG_BYTES_MAX = 20 * 1024 * 1024
OPEN_FILES = 10240
"""Kafka keeps some files per partition open; macOS gives 256 unless asked."""


@dataclass(frozen=True)
class Service:
    """A process to keep. Its output goes to <folder>/logs/<name>.log.

    env is added to the runner's own; stop_s: how long SIGTERM may take before SIGKILL; always: restart also after an
    exit with 0 (a server), else such an exit means that it is finished.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    stop_s: float = 10.0
    always: bool = False


@dataclass(frozen=True)
class ServiceState:
    """What is known of a service. pid is None while it does not run; exit_code is that of its last end."""

    name: str
    pid: int | None
    started_at: float
    """Start time of the process as the system tells it, s since 1970; together with pid it names one process."""
    starts: int
    exit_code: int | None
    finished: bool


class AlreadyRunning(RuntimeError):
    """Another runner is alive in this folder: stop that one first, or take another folder."""


class Runner:
    """Runs services until stopped. What a killed runner left in the same folder is stopped first."""

    def __init__(self, folder: Path, services: Sequence[Service]) -> None:
        names = [service.name for service in services]
        if len(set(names)) != len(names):
            raise ValueError(f"two services have one name: {', '.join(sorted(names))}")
        self.folder = folder.resolve()
        self.services = tuple(services)
        self._states = {name: ServiceState(name, None, 0.0, 0, None, False) for name in names}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all services; returns at once. Raises AlreadyRunning."""
        other = runner_pid(self.folder)
        if other is not None and other != os.getpid():
            raise AlreadyRunning(
                f"{self.folder}: a runner is alive there (pid {other}); stop it, or take another folder"
            )
        stop(self.folder)
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        _raise_open_files()
        self._note()
        for service in self.services:
            thread = threading.Thread(target=self._keep, args=(service,), name=service.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that outlive their stop_s; returns when none is left."""
        self._stopping.set()
        with self._lock:
            running = dict(self._processes)
        for process in running.values():
            process.terminate()
        deadlines = {service.name: time.monotonic() + service.stop_s for service in self.services}
        for name, process in running.items():
            try:
                process.wait(max(0.0, deadlines[name] - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        for thread in self._threads:
            thread.join()
        _end(_others(_marked(self.folder)), grace_s=2.0)  # children that a killed service left behind
        self._note()

    def run(self, until: Callable[[], bool] = lambda: False, *, poll_s: float = 0.2) -> None:
        """Wait until all services are finished, until() is true, or Ctrl-C, SIGTERM or SIGHUP came; then stop all.

        Call it in the main thread. It returns normally in all these cases; look at states() for what happened.
        """
        before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
        try:
            rotated_at = time.monotonic()
            while not all(state.finished for state in self.states()) and not until():
                time.sleep(poll_s)
                if time.monotonic() - rotated_at > 60:
                    rotated_at = time.monotonic()
                    self._rotate_logs()
        except KeyboardInterrupt:
            pass
        finally:
            for number in _SIGNALS:  # a second Ctrl-C must not leave half of them running; stop_s bounds the wait
                signal.signal(number, signal.SIG_IGN)
            try:
                self.stop()
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    def states(self) -> list[ServiceState]:
        """The services as they are now, in their order."""
        with self._lock:
            return list(self._states.values())

    def pids(self) -> dict[str, int]:
        """name -> pid of those that run."""
        return {state.name: state.pid for state in self.states() if state.pid is not None}

    def _keep(self, service: Service) -> None:
        backoff_s = BACKOFF_MIN_S
        while True:
            began = time.monotonic()
            code = self._run_once(service)
            if code is None or (code == 0 and not service.always):
                return
            if time.monotonic() - began >= STEADY_S:
                backoff_s = BACKOFF_MIN_S
            if self._stopping.wait(backoff_s):
                return
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    def _run_once(self, service: Service) -> int | None:
        """Run it to its end. None when we are stopping."""
        log = self.folder / "logs" / f"{service.name}.log"
        env = os.environ | loopback_without_proxy() | dict(service.env) | {MARK: str(self.folder)}
        with self._lock:
            if self._stopping.is_set():
                return None
            starts = self._states[service.name].starts + 1
            process: subprocess.Popen[bytes] | None = None
            try:
                with log.open("ab") as out:  # a file and no pipe: it outlives us if we are killed
                    process = subprocess.Popen(
                        list(service.argv),
                        env=env,
                        cwd=service.cwd,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C reaches us alone, and we stop it
                    )
            except OSError as error:
                with log.open("a") as out:
                    out.write(f"cannot start {service.argv[0]}: {error}\n")
                self._states[service.name] = ServiceState(service.name, None, 0.0, starts, 127, False)
            else:
                self._processes[service.name] = process
                started_at = _created(process.pid)
                self._states[service.name] = ServiceState(service.name, process.pid, started_at, starts, None, False)
        self._note()
        if process is None:
            return 127
        code = process.wait()
        with self._lock:
            del self._processes[service.name]
            finished = code == 0 and not service.always
            self._states[service.name] = ServiceState(service.name, None, 0.0, starts, code, finished)
        self._note()
        return None if self._stopping.is_set() else code

    def _note(self) -> None:
        with self._lock:
            me = {"pid": os.getpid(), "started_at": _created(os.getpid())}
            states = {state.name: asdict(state) for state in self._states.values()}
            write_private(self.folder / "runner.json", json.dumps({"runner": me, "services": states}, indent=1))

    def _rotate_logs(self) -> None:
        # The processes append, so a copied log may be cut to nothing under them.
        for log in (self.folder / "logs").glob("*.log"):
            if log.stat().st_size > LOG_BYTES_MAX:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)


def start_detached(folder: Path, services: Sequence[Service]) -> None:
    """Start a runner of its own that outlives this process and its terminal; stop(folder) ends it."""
    folder = folder.resolve()
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    write_private(folder / "services.json", _as_text(services))
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)
    with (folder / "logs" / "runner.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "infra.local.runner", str(folder)],
            env=os.environ | {MARK: str(folder), "PYTHONPATH": path},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def runs_these(folder: Path, services: Sequence[Service]) -> bool:
    """Is a runner alive in this folder that keeps exactly these services?"""
    if runner_pid(folder) is None:
        return False
    path = folder.resolve() / "services.json"
    return path.exists() and path.read_text(encoding="utf-8") == _as_text(services)


def runner_pid(folder: Path) -> int | None:
    """The pid of the runner that is alive in this folder, if one is."""
    state = read_json(folder / "runner.json")
    runner = state["runner"] if state else None
    return runner["pid"] if runner and _is(runner, folder) else None


def states(folder: Path) -> list[ServiceState]:
    """The services of this folder's runner, as far as they are alive, also when the runner is not."""
    state = read_json(folder / "runner.json") or {"services": {}}
    return [
        ServiceState(**(entry if _is(entry, folder) else entry | {"pid": None, "started_at": 0.0}))
        for entry in state["services"].values()
    ]


def stop(folder: Path, *, grace_s: float = 15.0) -> int:
    """Stop the runner of this folder, if any, and every process that it or a killed one left. How many there were."""
    folder = folder.resolve()
    processes = _others(_marked(folder) | _recorded(folder))
    runner = runner_pid(folder)
    ours = [process for process in processes if process.pid == runner]
    if ours:  # a live runner stops its services by itself, each with its own bound
        services = read_json(folder / "services.json") or {"services": []}
        _end(ours, grace_s=grace_s + max((entry["stop_s"] for entry in services["services"]), default=0.0))
    _end(_others(_marked(folder) | _recorded(folder)), grace_s=grace_s)
    return len(processes)


def loopback_without_proxy() -> dict[str, str]:
    """NO_PROXY as it is, with this machine added: clients must not ask a proxy for our own servers."""
    named = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = [host for host in named.split(",") if host]
    value = ",".join(hosts + [host for host in ("127.0.0.1", "localhost") if host not in hosts])
    return {"NO_PROXY": value, "no_proxy": value}


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _as_text(services: Sequence[Service]) -> str:
    entries = [asdict(service) | {"argv": list(service.argv), "env": dict(service.env)} for service in services]
    return json.dumps({"services": entries}, indent=1, sort_keys=True)


def _created(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def _is(entry: Mapping[str, Any], folder: Path) -> bool:
    """Does the process that runner.json speaks of still live? Not another with its pid, nor one of a copied folder."""
    pid, started_at = entry["pid"], entry["started_at"]
    # the system's clock may be set between two readings; two processes with one pid are further apart
    if pid is None or abs(_created(pid) - started_at) > 1.0:
        return False
    return _mark_of(psutil.Process(pid)) in (None, str(folder.resolve()))


def _marked(folder: Path) -> set[psutil.Process]:
    return {process for process in psutil.process_iter() if _mark_of(process) == str(folder)}


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.Error, OSError):  # somebody else's, or gone in this moment
        return None


def _recorded(folder: Path) -> set[psutil.Process]:
    state: dict[str, Any] = read_json(folder / "runner.json") or {
        "runner": {"pid": None, "started_at": 0.0},
        "services": {},
    }
    entries = [state["runner"], *state["services"].values()]
    return {psutil.Process(entry["pid"]) for entry in entries if _is(entry, folder)}


def _others(processes: set[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.pid != os.getpid()]


def _end(processes: Sequence[psutil.Process], *, grace_s: float) -> None:
    """SIGTERM, then SIGKILL. psutil compares the start time before it signals, so a reused pid is safe."""
    for process in processes:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(list(processes), timeout=grace_s)
    for process in alive:
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=10.0)


def _signal(send: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):  # it ended by itself
        send()


def _raise_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _main(folder: Path) -> None:
    described = read_json(folder / "services.json")
    if described is None:
        raise SystemExit(f"{folder / 'services.json'}: not there; a runner is started by start_detached()")
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    try:
        with Runner(folder, [Service(**entry) for entry in described["services"]]) as runner:
            runner.run()
    except KeyboardInterrupt:
        pass  # it came before run(); leaving the with block has stopped what was started


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
