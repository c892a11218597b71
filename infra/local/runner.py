"""Keeps processes running: starts them, restarts those that crash, stops them all, finds them again if it was killed.

In the foreground:  with Runner(folder, services) as runner: runner.run(until=...)
In the background:  start_detached(folder, services), later stop(folder)
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from infra.local import processes
from infra.local.files import read_json, write_private
from schemas.errors import ExplainedError

BACKOFF_MIN_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 30.0
"""A process that lived this long begins again with the shortest backoff."""
LOG_BYTES_MAX = 20 * 1024 * 1024


class AlreadyRunning(ExplainedError):
    """Another runner is alive in this folder: stop that one first, or take another folder."""


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


class Runner:
    """Runs services until stopped; what a killed runner left in the same folder is stopped first.

    While it runs, SIGTERM and SIGHUP of the main thread raise KeyboardInterrupt as Ctrl-C does, so that leaving the
    `with` block stops everything.
    """

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
        self._handlers: dict[int, Any] = {}
        self._began = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:  # also Ctrl-C in the midst of it
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all services; returns at once. Raises AlreadyRunning."""
        other = runner_pid(self.folder)
        if other is not None and other != os.getpid():
            raise AlreadyRunning(f"{self.folder}: a runner is alive there (pid {other}); stop it first")
        self._began = True
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self._handle_signals(_interrupt, signal.SIGTERM, signal.SIGHUP)
        processes.end(processes.of_folder(self.folder), grace_s=10.0)
        processes.raise_open_files()
        self._note()
        for service in self.services:
            thread = threading.Thread(target=self._keep, args=(service,), name=service.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that outlive their stop_s; returns when none is left."""
        if not self._began:
            return
        # another Ctrl-C must not leave half of them running; stop_s bounds the wait
        self._handle_signals(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        try:
            self._stopping.set()
            with self._lock:
                running = dict(self._processes)
            for process in running.values():
                process.terminate()
            began = time.monotonic()
            for service in self.services:
                if (one := running.get(service.name)) is not None:
                    try:
                        one.wait(max(0.0, began + service.stop_s - time.monotonic()))
                    except subprocess.TimeoutExpired:
                        one.kill()
            for thread in self._threads:
                thread.join()
            processes.end(processes.of_folder(self.folder), grace_s=2.0)  # children that a killed service left
            self._note()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            self._handlers.clear()

    def run(self, until: Callable[[], bool] = lambda: False, *, poll_s: float = 0.2) -> None:
        """Wait until all services are finished, until() is true, or Ctrl-C, SIGTERM or SIGHUP came; then stop all.

        Call it in the main thread. It returns normally in all these cases; look at states() for what happened.
        """
        rotated_at = time.monotonic()
        try:
            while not all(state.finished for state in self.states()) and not until():
                time.sleep(poll_s)
                if time.monotonic() - rotated_at > 60:
                    rotated_at = time.monotonic()
                    self._rotate_logs()
        except KeyboardInterrupt:
            pass  # that is how it is told to end
        finally:
            self.stop()

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
        """Run it to its end; its exit code. None when we are stopping."""
        with self._lock:
            if self._stopping.is_set():
                return None
            starts = self._states[service.name].starts + 1
            process = self._spawn(service)
            if process is None:
                state = ServiceState(service.name, None, 0.0, starts, 127, False)
            else:
                self._processes[service.name] = process
                started_at = processes.started_at(process.pid)
                state = ServiceState(service.name, process.pid, started_at, starts, None, False)
            self._states[service.name] = state
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

    def _spawn(self, service: Service) -> subprocess.Popen[bytes] | None:
        env = os.environ | processes.loopback_without_proxy() | dict(service.env) | {processes.MARK: str(self.folder)}
        with (self.folder / "logs" / f"{service.name}.log").open("ab") as log:
            try:
                return subprocess.Popen(
                    list(service.argv),
                    env=env,
                    cwd=service.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,  # a file and no pipe: it outlives us if we are killed
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C reaches us alone, and we stop it
                )
            except OSError as error:
                log.write(f"cannot start {service.argv[0]}: {error}\n".encode())
                return None

    def _note(self) -> None:
        with self._lock:
            me = {"pid": os.getpid(), "started_at": processes.started_at(os.getpid())}
            states = {state.name: asdict(state) for state in self._states.values()}
            write_private(self.folder / "runner.json", json.dumps({"runner": me, "services": states}, indent=1))

    def _rotate_logs(self) -> None:
        # The processes append, so a copied log may be cut to nothing under them.
        for log in (self.folder / "logs").glob("*.log"):
            if log.stat().st_size > LOG_BYTES_MAX:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)

    def _handle_signals(self, handler: Any, *numbers: int) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in numbers:
                self._handlers.setdefault(number, signal.signal(number, handler))


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
            env=os.environ | {processes.MARK: str(folder), "PYTHONPATH": path},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def runs_these(folder: Path, services: Sequence[Service]) -> bool:
    """Is a detached runner alive in this folder that keeps exactly these services?"""
    path = folder / "services.json"
    return runner_pid(folder) is not None and path.exists() and path.read_text(encoding="utf-8") == _as_text(services)


def runner_pid(folder: Path) -> int | None:
    """The pid of the runner that is alive in this folder, if one is."""
    known = read_json(folder / "runner.json")
    process = processes.find(known["runner"], folder) if known else None
    return process.pid if process else None


def states(folder: Path) -> list[ServiceState]:
    """The services of this folder's runner as they are now, also when the runner was killed."""
    known = read_json(folder / "runner.json") or {"services": {}}
    return [
        ServiceState(**(entry if processes.find(entry, folder) else entry | {"pid": None, "started_at": 0.0}))
        for entry in known["services"].values()
    ]


def stop(folder: Path, *, grace_s: float = 8.0) -> int:
    """Stop the runner of this folder, if any, and every process that it or a killed one left. How many there were."""
    found = processes.of_folder(folder)
    alive = [process for process in found if process.pid == runner_pid(folder)]
    if alive:  # it stops its services by itself, each with its own bound
        services = read_json(folder / "services.json") or {"services": []}
        processes.end(alive, grace_s=grace_s + max((entry["stop_s"] for entry in services["services"]), default=0.0))
    processes.end(processes.of_folder(folder), grace_s=grace_s)
    return len(found)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _as_text(services: Sequence[Service]) -> str:
    entries = [asdict(service) | {"argv": list(service.argv), "env": dict(service.env)} for service in services]
    return json.dumps({"services": entries}, indent=1, sort_keys=True)


def _main(folder: Path) -> None:
    described = read_json(folder / "services.json")
    if described is None:
        raise SystemExit(f"{folder / 'services.json'}: not there; a runner is started by start_detached()")
    with Runner(folder, [Service(**entry) for entry in described["services"]]) as runner:
        runner.run()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
