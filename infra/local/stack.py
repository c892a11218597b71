"""All servers of the local stack, up and down: `python -m infra.local.stack up | down | status [FOLDER]`.

A stack is its folder: data, logs, ports and secrets stay there, so that it comes up again as it was, also after it was
killed. `up` may be said at any time; where everything runs it only looks whether all answers.
"""

import json
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from infra.local import clickhouse, kafka, partner, preflight, registry, runner, s3
from infra.local.files import locked, read_json, write_private
from infra.local.ports import PortBook, choose
from infra.local.server import HOST, Secrets, Server, fresh_folder

Say = Callable[[str], None]
READY_S = 120.0
"""How long a server may take to answer; the slowest needs 10 s on two cores."""
CRASHES_MAX = 3
_PORTS = (*kafka.PORTS, *registry.PORTS, *s3.PORTS, *clickhouse.PORTS, *partner.PORTS)


class StackError(RuntimeError):
    """The stack cannot be brought up; one line per problem, with what to do."""


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

    Raises StackError; what this call started is stopped again then, and also on Ctrl-C.
    """
    if problems := preflight.check(folder):
        raise StackError("\n".join(str(problem) for problem in problems))
    folder = folder.resolve()
    fresh_folder(folder).chmod(0o700)
    with locked(folder / ".lock", lambda: say(f"waiting: another command is at work in {folder}")):
        ports, secrets = _kept(folder)
        servers = _servers(folder, ports, secrets, say)
        services = [server.service for server in servers]
        started = not runner.runs_these(folder, services)
        if started:
            if stopped := runner.stop(folder):
                say(f"stopped {stopped} processes left by an earlier run")
            ports, secrets = _plan(folder, say)
            servers = _servers(folder, ports, secrets, say)
            for server in servers:
                say(f"{server.label}: starting on {HOST}:{server.port}")
            runner.start_detached(folder, [server.service for server in servers])
        try:
            _wait(folder, servers, say)
        except BaseException:
            if started:
                runner.stop(folder)
            raise
        endpoints = _endpoints(ports, secrets)
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
        stopped = runner.stop(folder)
    say(f"stopped {stopped} processes; the data stay in {folder}" if stopped else "nothing was running")


def status(folder: Path) -> list[ServerStatus]:
    """Every server after one real operation each; empty where there never was a stack."""
    folder = folder.resolve()
    if not (folder / "stack.json").exists():
        return []
    servers = _servers(folder, *_kept(folder), lambda _: None)
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
