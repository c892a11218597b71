"""All servers of the local stack, up and down.

A stack is its folder: data, logs, ports and secrets stay there, so that it comes up again as it was, also after it was
killed. `up` may be said at any time; where everything runs it only looks whether all answers.
"""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local import clickhouse, kafka, partner, preflight, registry, runner, s3
from infra.local.files import locked, read_json, write_private
from infra.local.ports import PortBook, choose
from infra.local.server import HOST, Say, Secrets, Server, fresh_folder
from schemas.errors import InputError, ServerError

READY_S = 300.0
"""How long a server may take to answer; the slowest needs 8 s on two idle cores, 80 s on two very busy ones."""
CRASHES_MAX = 3
_PORTS = (*kafka.PORTS, *registry.PORTS, *s3.PORTS, *clickhouse.PORTS, *partner.PORTS)


class StackError(ServerError):
    """A server does not come up; the text names it, its address, the reason and the end of its log."""


@dataclass(frozen=True)
class Endpoints:
    """Where everything is and how to get in."""

    kafka_bootstrap_servers: str
    registry_url: str
    s3_endpoint_url: str
    s3_bucket: str
    s3_access_key_id: str
    s3_secret_access_key: str
    s3_public_base_url: str
    upload_url: str
    upload_api_key: str
    upload_public_base_url: str
    incident_url: str
    incident_api_key: str
    clickhouse_url: str
    clickhouse_username: str
    clickhouse_password: str
    clickhouse_database: str
    partner_url: str

    def as_env(self) -> dict[str, str]:
        """TRACKFOLD_<GROUP>__<KEY> -> value, as the settings are named."""
        parts = (name.partition("_") for name in asdict(self))
        return {
            f"TRACKFOLD_{group.upper()}__{key.upper()}": value
            for (group, _, key), value in zip(parts, asdict(self).values(), strict=True)
        }


@dataclass(frozen=True)
class State:
    """What is kept in stack.json (0600): the ports by name, and the secrets."""

    ports: dict[str, int]
    secrets: Secrets


@dataclass(frozen=True)
class ServerStatus:
    """A server as it is now. ready: it just did a real operation; else problem says what stands in the way."""

    name: str
    label: str
    address: str
    pid: int | None
    starts: int
    ready: bool
    problem: str | None


def up(folder: Path, *, say: Say) -> Endpoints:
    """Start what does not run, wait until each server did a real operation, write stack.env.

    Raises InputError for what this machine lacks, DownloadError, StackError. What this call started is stopped again
    then, and also on Ctrl-C.
    """
    if problems := preflight.check(folder):
        raise InputError("\n".join(str(problem) for problem in problems))
    folder = folder.resolve()
    fresh_folder(folder).chmod(0o700)
    with locked(folder / ".lock", lambda: say(f"waiting: another command is at work in {folder}")):
        state = _kept(folder)
        if state is not None and runner.runs_these(folder, [one.service for one in _servers(folder, state)]):
            try:
                _wait(folder, _servers(folder, state), say)
            except StackError as error:
                say(f"{str(error).splitlines()[0]}; starting all anew")
                state = _start(folder, state, say)
        else:
            state = _start(folder, state, say)
        endpoints = _endpoints(state)
        lines = [f"{name}={value}\n" for name, value in endpoints.as_env().items()]
        write_private(folder / "stack.env", "".join(lines))
    return endpoints


def down(folder: Path, *, say: Say) -> None:
    """Stop everything that runs for this folder, also what a killed runner left. The data stay."""
    folder = folder.resolve()
    if not folder.exists():
        say(f"{folder}: no stack there, nothing to stop")
        return
    with locked(folder / ".lock", lambda: say(f"waiting: another command is at work in {folder}")):
        stopped = _stop(folder)
    say(f"stopped {stopped} processes; the data stay in {folder}" if stopped else "nothing was running")


def status(folder: Path) -> list[ServerStatus]:
    """Every server after one real operation each; empty where there never was a stack."""
    folder = folder.resolve()
    kept = _kept(folder)
    if kept is None:
        return []
    servers = _servers(folder, kept)
    states = {state.name: state for state in runner.states(folder)}
    with ThreadPoolExecutor(len(servers)) as threads:
        problems = list(threads.map(_problem, servers))
    return [
        ServerStatus(
            name=server.service.name,
            label=server.label,
            address=f"{HOST}:{server.port}",
            pid=states[server.service.name].pid if server.service.name in states else None,
            starts=states[server.service.name].starts if server.service.name in states else 0,
            ready=problem is None,
            problem=problem,
        )
        for server, problem in zip(servers, problems, strict=True)
    ]


def _start(folder: Path, kept: State | None, say: Say) -> State:
    if left := _stop(folder):
        say(f"stopped {left} processes of an earlier run")
    book = PortBook(folder)
    try:
        with book.lock():
            before = kept.ports if kept else {}
            ports = choose(_PORTS, before, book.of_other_stacks())
            for name in (name for name, port in before.items() if ports.get(name, port) != port):
                say(f"port {before[name]} of {name} is taken by another program: now {ports[name]}")
            state = State(ports, kept.secrets if kept else Secrets.new())
            write_private(folder / "stack.json", json.dumps(asdict(state), indent=1))
            book.enter()
        servers = _servers(folder, state)
        for server in servers:
            server.prepare(say)
        for server in servers:
            say(f"{server.label}: starting on {HOST}:{server.port}")
        runner.start_detached(folder, [server.service for server in servers])
        _wait(folder, servers, say)
    except BaseException:  # also Ctrl-C: what we began we take back
        _stop(folder)
        raise
    return state


def _stop(folder: Path) -> int:
    stopped = runner.stop(folder)
    if (state := _kept(folder)) is not None:
        s3.remove_sockets(state.ports)
    return stopped


def _kept(folder: Path) -> State | None:
    state = read_json(folder / "stack.json")
    return State(state["ports"], Secrets(**state["secrets"])) if state else None


def _servers(folder: Path, state: State) -> list[Server]:
    return [
        kafka.server(folder / "kafka", state.ports),
        registry.server(folder / "registry", state.ports),
        s3.server(folder / "s3", state.ports, state.secrets),
        clickhouse.server(folder / "clickhouse", state.ports, state.secrets),
        partner.server(folder / "partner", state.ports, state.secrets),
    ]


def _wait(folder: Path, servers: Sequence[Server], say: Say) -> None:
    """Until each has done its operation. Raises StackError for the first that cannot."""
    began = time.monotonic()
    starts_before = _starts(folder)
    cancelled = threading.Event()

    def wait_for(server: Server) -> None:
        while (problem := _problem(server)) is not None:
            name = server.service.name
            crashes = _starts(folder).get(name, 0) - starts_before.get(name, 0)
            if time.monotonic() - began > READY_S or crashes > CRASHES_MAX:
                log = folder / "logs" / f"{name}.log"
                raise StackError(f"{server.label} does not come up on {HOST}:{server.port}: {problem}\n{_tail(log)}")
            if cancelled.wait(0.2):
                return
        say(f"{server.label} ready in {time.monotonic() - began:.1f} s")

    threads = ThreadPoolExecutor(len(servers))
    try:
        for done in as_completed([threads.submit(wait_for, server) for server in servers]):
            done.result()
    finally:
        cancelled.set()
        threads.shutdown()


def _problem(server: Server) -> str | None:
    """None after a real operation, else why there was none, in one line."""
    try:
        server.check()
    except Exception as error:  # noqa: BLE001 - every client has errors of its own, and each means: not now
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


def _starts(folder: Path) -> dict[str, int]:
    return {state.name: state.starts for state in runner.states(folder)}


def _tail(log: Path, lines: int = 10) -> str:
    if not log.exists():
        return f"{log}: no output"
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return "\n".join([f"the end of {log}:", *(f"  {line}" for line in last)])


def _endpoints(state: State) -> Endpoints:
    ports, secrets = state.ports, state.secrets
    s3_url, partner_url = s3.endpoint(ports["s3"]), partner.url(ports["partner"])
    return Endpoints(
        kafka_bootstrap_servers=f"{HOST}:{ports['kafka']}",
        registry_url=registry.url(ports["registry"]),
        s3_endpoint_url=s3_url,
        s3_bucket=s3.BUCKET,
        s3_access_key_id=secrets.s3_access_key,
        s3_secret_access_key=secrets.s3_secret_key,
        s3_public_base_url=f"{s3_url}/{s3.BUCKET}",
        upload_url=f"{partner_url}/uploadFile",
        upload_api_key=secrets.upload_api_key,
        upload_public_base_url=f"{partner_url}/files",
        incident_url=f"{partner_url}/api/Addprolificai_alerts",
        incident_api_key=secrets.incident_api_key,
        clickhouse_url=clickhouse.url(ports["clickhouse"]),
        clickhouse_username=clickhouse.USER,
        clickhouse_password=secrets.clickhouse_password,
        clickhouse_database=clickhouse.DATABASE,
        partner_url=partner_url,
    )
