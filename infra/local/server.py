"""What every server of the local stack has in common: a process to keep, an address, and a real operation to try."""

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local.runner import Service

HOST = "127.0.0.1"
Say = Callable[[str], None]
"""Tells a person what is going on, one line at a time."""


@dataclass(frozen=True)
class Server:
    """One server. prepare() does what must be there before it starts (files, downloads), and may be said again.

    check() does one real operation and raises what stands in the way; it may be tried many times.
    """

    label: str
    port: int
    service: Service
    prepare: Callable[[Say], None]
    check: Callable[[], None]


@dataclass(frozen=True)
class Secrets:
    """Made at random for each stack and kept in its stack.json (0600)."""

    s3_access_key: str
    s3_secret_key: str
    clickhouse_password: str
    upload_api_key: str
    incident_api_key: str

    @classmethod
    def new(cls) -> "Secrets":
        """Fresh ones."""
        return cls(*(secrets.token_hex(16) for _ in range(5)))


def fresh_folder(path: Path) -> Path:
    """The folder, made if it is not there."""
    path.mkdir(parents=True, exist_ok=True)
    return path


def require_listener(port: int) -> None:
    """Raise OSError unless something listens: cheaper than a client that waits and complains."""
    socket.create_connection((HOST, port), timeout=2.0).close()
