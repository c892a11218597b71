"""The runner with real processes: they crash, hang, multiply, and the runner itself is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.local import runner
from infra.local.runner import AlreadyRunning, Runner, Service, ServiceState

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
PARENT = [
    sys.executable,
    "-c",
    f"import subprocess, time; print(subprocess.Popen({SLEEP!r}).pid, flush=True); time.sleep(600)",
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    if (tmp_path / "run").exists():
        runner.stop(tmp_path / "run", grace_s=1.0)


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.02)


def state(running: Runner, name: str) -> ServiceState:
    return next(one for one in running.states() if one.name == name)


def is_there(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def log(folder: Path, name: str) -> str:
    path = folder / "logs" / f"{name}.log"
    return path.read_text() if path.exists() else ""


def test_a_killed_service_is_started_again(folder: Path) -> None:
    with Runner(folder, [Service("one", SLEEP)]) as running:
        wait_until(lambda: running.pids(), "one runs")
        before = running.pids()["one"]
        # when
        os.kill(before, signal.SIGKILL)
        # then
        wait_until(lambda: running.pids().get("one", before) != before, "one runs again")
        assert (state(running, "one").starts, state(running, "one").exit_code) == (2, None)
        after = running.pids()["one"]
    assert not is_there(after)


def test_a_service_that_crashes_at_once_is_tried_with_longer_and_longer_pauses(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given pauses that are told instead of waited for
    pauses: list[float] = []
    running = Runner(folder, [Service("bad", [sys.executable, "-c", "raise SystemExit(3)"])])
    monkeypatch.setattr(running._stopping, "wait", lambda pause_s: pauses.append(pause_s) or len(pauses) >= 9)
    # when
    running.start()
    wait_until(lambda: len(pauses) == 9, "nine crashes")
    running.stop()
    # then
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert (state(running, "bad").exit_code, state(running, "bad").finished) == (3, False)


def test_a_service_that_ends_with_0_is_finished_unless_it_is_to_run_always(folder: Path) -> None:
    ends = [sys.executable, "-c", "print('done')"]
    with Runner(folder, [Service("once", ends), Service("always", ends, always=True)]) as running:
        wait_until(lambda: state(running, "always").starts >= 2, "always starts again")
        wait_until(lambda: state(running, "once").finished, "once is finished")
        assert state(running, "once").starts == 1
    assert log(folder, "once") == "done\n"


def test_run_returns_when_all_are_finished_or_when_told(folder: Path) -> None:
    with Runner(folder, [Service("once", [sys.executable, "-c", ""])]) as running:
        running.run()
    assert state(running, "once").exit_code == 0
    with Runner(folder, [Service("long", SLEEP)]) as running:
        running.run(until=lambda: bool(running.pids()))
    assert running.pids() == {}


def test_a_service_that_does_not_hear_sigterm_is_killed(folder: Path) -> None:
    with Runner(folder, [Service("deaf", DEAF, stop_s=0.2)]) as running:
        wait_until(lambda: "deaf" in log(folder, "deaf"), "it is deaf by now")
        pid = running.pids()["deaf"]
    assert not is_there(pid)
    assert state(running, "deaf").exit_code == -signal.SIGKILL


def test_children_of_a_killed_service_are_stopped_too(folder: Path) -> None:
    with Runner(folder, [Service("parent", PARENT, stop_s=0.2)]):
        wait_until(lambda: log(folder, "parent"), "the child was started")
        child = int(log(folder, "parent").split()[0])
        assert is_there(child)
    assert not is_there(child)


def test_a_program_that_is_not_there_is_told_in_the_log(folder: Path) -> None:
    with Runner(folder, [Service("none", ["/no/such/program"])]) as running:
        wait_until(lambda: state(running, "none").exit_code, "it failed")
    assert state(running, "none").exit_code == 127
    assert "cannot start /no/such/program" in log(folder, "none")


def test_a_second_runner_in_the_same_folder_is_refused_and_harms_nobody(folder: Path) -> None:
    runner.start_detached(folder, [Service("one", SLEEP)])
    wait_until(lambda: [one for one in runner.states(folder) if one.pid], "one runs")
    pid = runner.states(folder)[0].pid
    assert pid is not None
    with pytest.raises(AlreadyRunning, match="a runner is alive there"), Runner(folder, [Service("two", SLEEP)]):
        pass
    assert is_there(pid)


def test_what_a_killed_runner_left_is_found_and_stopped(folder: Path) -> None:
    # given a detached runner with two services, one with a child, that is killed
    runner.start_detached(folder, [Service("one", SLEEP), Service("parent", PARENT)])
    wait_until(lambda: log(folder, "parent") and all(one.pid for one in runner.states(folder)), "all run")
    pids = [one.pid or 0 for one in runner.states(folder)] + [int(log(folder, "parent").split()[0])]
    killed = runner.runner_pid(folder)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: runner.runner_pid(folder) is None, "the runner is dead")
    assert all(is_there(pid) for pid in pids)
    # when / then
    assert runner.stop(folder) == 3
    assert not any(is_there(pid) for pid in pids)
    assert runner.stop(folder) == 0


def test_the_next_runner_stops_what_a_killed_one_left(folder: Path) -> None:
    runner.start_detached(folder, [Service("one", SLEEP)])
    wait_until(lambda: [one for one in runner.states(folder) if one.pid], "one runs")
    left = runner.states(folder)[0].pid or 0
    os.kill(runner.runner_pid(folder) or 0, signal.SIGKILL)
    wait_until(lambda: runner.runner_pid(folder) is None, "the runner is dead")
    with Runner(folder, [Service("one", SLEEP)]) as running:
        wait_until(lambda: running.pids(), "one runs anew")
        assert not is_there(left)


def test_a_pid_that_belongs_to_somebody_else_by_now_is_not_hit(folder: Path) -> None:
    # given a folder whose runner.json speaks of pids that others have today
    other = subprocess.Popen(SLEEP)
    try:
        folder.mkdir()
        gone = {"pid": other.pid, "started_at": 1.0}
        service = {"name": "one", "starts": 1, "exit_code": None, "finished": False} | gone
        (folder / "runner.json").write_text(json.dumps({"runner": gone, "services": {"one": service}}))
        # when / then
        assert runner.stop(folder) == 0
        assert runner.runner_pid(folder) is None
        assert runner.states(folder)[0].pid is None
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_copied_folder_has_nothing_to_do_with_the_processes_of_the_original(folder: Path, tmp_path: Path) -> None:
    runner.start_detached(folder, [Service("one", SLEEP)])
    wait_until(lambda: [one for one in runner.states(folder) if one.pid], "one runs")
    shutil.copytree(folder, tmp_path / "copy")
    assert runner.runner_pid(tmp_path / "copy") is None
    assert runner.stop(tmp_path / "copy") == 0
    assert runner.states(folder)[0].pid is not None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_stop_a_runner_in_the_foreground_with_all_its_services(folder: Path, number: signal.Signals) -> None:
    # given a program that keeps two services
    program = (
        "import sys; from pathlib import Path; from infra.local.runner import Runner, Service\n"
        f"with Runner(Path(sys.argv[1]), [Service('one', {SLEEP!r}), Service('two', {SLEEP!r})]) as running:\n"
        "    running.run()\n"
        "print('clean')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: len([one for one in runner.states(folder) if one.pid]) == 2, "both run")
    pids = [one.pid or 0 for one in runner.states(folder)]
    # when
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    # then
    assert (out, process.returncode) == ("clean\n", 0)
    assert not any(is_there(pid) for pid in pids)


def test_ctrl_c_in_a_terminal_reaches_the_runner_alone_which_then_ends_its_services_in_order(folder: Path) -> None:
    # given a service that tells which signal it gets, under a runner in a process group of its own
    tells = (
        "import signal, sys, time\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda number, frame: (print(signal.Signals(number).name), sys.exit(0)))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    program = (
        "import sys; from pathlib import Path; from infra.local.runner import Runner, Service\n"
        f"with Runner(Path(sys.argv[1]), [Service('tells', [sys.executable, '-c', {tells!r}])]) as running:\n"
        "    running.run()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], start_new_session=True)
    wait_until(lambda: "ready" in log(folder, "tells"), "it is ready")
    # when all of the group are interrupted, as a terminal does
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(30) == 0
    # then
    assert log(folder, "tells").split() == ["ready", "SIGTERM"]


def test_services_do_not_ask_a_proxy_for_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.org:3128")
    show = [
        sys.executable,
        "-c",
        "import os; print(os.environ['NO_PROXY'], os.environ['HTTPS_PROXY'], os.environ['X'])",
    ]
    with Runner(folder, [Service("show", show, {"X": "given"})]) as running:
        running.run()
    assert log(folder, "show") == "example.org,127.0.0.1,localhost http://proxy.example.org:3128 given\n"


def test_a_log_that_grew_too_large_is_kept_once_and_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOG_BYTES_MAX", 1000)
    writes = [sys.executable, "-c", "import time\nfor n in range(3): print('x' * 999, flush=True)\ntime.sleep(600)"]
    with Runner(folder, [Service("talks", writes)]) as running:
        wait_until(lambda: len(log(folder, "talks")) == 3000, "it has talked")
        running._rotate_logs()
        assert log(folder, "talks") == ""
        assert len((folder / "logs" / "talks.log.1").read_text()) == 3000
