"""The relay does what it is told, to the connections that are open and to new ones."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import SLOW_S, Relay


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.server.heard.append(data)  # type: ignore[attr-defined]
            self.request.sendall(data)


@pytest.fixture
def server() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as echo:
        echo.daemon_threads, echo.heard = True, []  # type: ignore[attr-defined]
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        yield echo
        echo.shutdown()


@pytest.fixture
def relay(server: socketserver.ThreadingTCPServer) -> Iterator[Relay]:
    with Relay(server.server_address[1]) as made:
        yield made


def connect(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=5)


def test_it_passes_everything_on(relay: Relay) -> None:
    with connect(relay) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
    assert relay.hurt == 0


def test_it_refuses_and_then_listens_at_the_same_port_again(relay: Relay) -> None:
    with connect(relay) as client:
        client.sendall(b"hello")
        client.recv(100)
        relay.behave("refuse")
        with pytest.raises(ConnectionError):
            client.recv(100)
        with pytest.raises(ConnectionRefusedError):
            connect(relay)
    relay.behave("pass")
    with connect(relay) as client:
        client.sendall(b"again")
        assert client.recv(100) == b"again"
    assert relay.hurt > 0


def test_a_reset_comes_after_what_was_sent_has_arrived(relay: Relay, server: socketserver.ThreadingTCPServer) -> None:
    relay.behave("reset")
    with connect(relay) as client:
        client.sendall(b"post")
        with pytest.raises(ConnectionError):
            client.recv(100)
    assert server.heard == [b"post"]  # type: ignore[attr-defined]


def test_it_can_be_slow_and_can_give_no_answer(relay: Relay) -> None:
    relay.behave("slow")
    began = time.monotonic()
    with connect(relay) as client:
        client.sendall(b"slow")
        assert client.recv(100) == b"slow"
        assert time.monotonic() - began >= SLOW_S
        relay.behave("hang")
        client.settimeout(0.5)
        client.sendall(b"silence")
        with pytest.raises(TimeoutError):
            client.recv(100)
        relay.behave("pass")
        client.settimeout(5)
        assert client.recv(100) == b"silence"
