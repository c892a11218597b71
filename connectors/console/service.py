"""Serving the console until it is stopped."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from connectors.console.app import make
from connectors.console.page import Differ
from connectors.console.sign_in import doors
from infra.config import ConsoleSettings, Settings
from schemas.errors import InputError
from schemas.site import Site

Say = Callable[[str], None]


class CannotServe(InputError):
    """The address is taken, or would let everybody in; the text says what to do."""


def run(settings: Settings, site: Site, site_path: Path, differ: Differ, *, say: Say) -> int:
    """Serve until Ctrl-C. Raises CannotServe."""
    server, listening, address = _prepared(settings, site, site_path, differ)
    with listening:
        say(f"console: {address}")
        say("stop it with Ctrl-C")
        server.run([listening])
    return 0


@contextmanager
def serving(settings: Settings, site: Site, site_path: Path, differ: Differ) -> Iterator[str]:
    """Serve in a thread; gives the address, which signs in where there is a token. Raises CannotServe."""
    server, listening, address = _prepared(settings, site, site_path, differ)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with listening:
        thread = threading.Thread(target=server.run, args=([listening],), name="console")
        thread.start()
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join()


def _prepared(
    settings: Settings, site: Site, site_path: Path, differ: Differ
) -> tuple[uvicorn.Server, socket.socket, str]:
    wanted = settings.console
    known, made = doors(wanted)
    if made is not None and not _is_loopback(wanted.host):
        raise CannotServe(
            f"--host {wanted.host}: others could reach it, so say who may: users or tokens in [console], see the README"
        )
    listening = _listen(wanted)
    shown = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
    address = f"http://{shown}:{listening.getsockname()[1]}/"
    if made is not None:
        address += f"sign-in?token={made}"
    app = make(settings, site, site_path, known, differ)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # an address may carry a token or a signed link
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return uvicorn.Server(config), listening, address


def _listen(wanted: ConsoleSettings) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
        return socket.create_server((wanted.host, wanted.port), family=family, backlog=256)
    except OSError as error:
        raise CannotServe(
            f"{wanted.host}:{wanted.port}: cannot listen there ({error.strerror}); --port N takes another port"
        ) from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
