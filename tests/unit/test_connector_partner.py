"""What is certain after asking somebody's HTTP API once."""

import gzip
import socket
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from connectors.partner import (
    ANSWER_BYTES_MAX,
    Answer,
    PartnerRefuses,
    Refused,
    client,
    is_loopback,
    judge,
    post,
    retry_after_s,
    settled,
)
from connectors.work import Again, Halt, Unsure

NOW = datetime(2026, 3, 2, 10, 0, 0, tzinfo=UTC)


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request and then does as it likes; gives its address."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                answer(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api?token=hidden"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def ask(url: str, timeout_s: float = 5.0) -> Answer | Again | Unsure | Refused:
    with client(url, timeout_s) as http:
        return post(http, url, timeout_s, content=b"")


def respond(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_an_answer_is_an_answer() -> None:
    with server(respond(b'HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{"id":1}')) as url:
        answer = ask(url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.is_whole, answer.is_page) == (201, b'{"id":1}', True, False)


def test_a_refused_connection_surely_did_not_happen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert isinstance(ask(f"http://127.0.0.1:{port}/api"), Again)


def test_a_name_that_nobody_knows_surely_did_not_happen() -> None:
    assert isinstance(ask("http://no-such-host.invalid/api"), Again)


@pytest.mark.parametrize("end", [reset, lambda connection: None], ids=["reset", "closed"])
def test_a_connection_that_ends_after_sending_is_unsure(end: Callable[[socket.socket], None]) -> None:
    with server(end) as url:
        outcome = ask(url)
    assert isinstance(outcome, Unsure)
    assert "hidden" not in outcome.reason


def test_no_answer_in_time_is_unsure() -> None:
    done = threading.Event()
    with server(lambda connection: done.wait(10) and None) as url:
        outcome = ask(url, timeout_s=0.3)
        done.set()
    assert isinstance(outcome, Unsure)


def test_an_answer_that_is_cut_off_still_has_a_status() -> None:
    with server(respond(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id"')) as url:
        answer = ask(url)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.is_whole) == (200, False)


def test_an_answer_that_is_too_large_is_not_read_to_its_end() -> None:
    def flood(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(10_000):
                connection.sendall(b"x" * 65536)
        except OSError:
            return

    with server(flood) as url:
        answer = ask(url)
    assert isinstance(answer, Answer)
    assert (len(answer.body), answer.is_whole) == (ANSWER_BYTES_MAX, False)


@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_small_answer_that_unpacks_to_a_large_one_fills_no_memory(packing: str) -> None:
    # given 200 MB of JSON in 200 kB
    packed = gzip.compress(b'{"id": "' + b"x" * 200_000_000, 9)
    packed = zlib.compress(gzip.decompress(packed)) if packing == "deflate" else packed
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {packing}\r\nContent-Length: {len(packed)}\r\n\r\n"
    with server(respond(head.encode() + packed)) as url:
        tracemalloc.start()
        try:
            answer = ask(url)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()

    # then its beginning is read, and it is known not to be whole
    assert isinstance(answer, Answer)
    assert (answer.status, answer.is_whole) == (200, False)
    assert len(answer.body) <= ANSWER_BYTES_MAX


def test_an_answer_that_drips_is_not_waited_for_for_ever() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not stop.wait(0.05):
                connection.sendall(b"x" * 4096)
        except OSError:
            return

    with server(drip) as url:
        answer = ask(url, timeout_s=0.4)
        stop.set()
    assert isinstance(answer, Answer)
    assert not answer.is_whole


def test_an_address_that_is_none_is_a_wrong_setting() -> None:
    refused = ask("obs.example/upload")
    assert isinstance(refused, Refused)
    assert refused.setting == "url"


def judged(status: int, *, retry_5xx: bool = True, body: bytes = b"", **headers: str) -> object:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return judge(Answer(status, named, body, True), "the API", retry_5xx=retry_5xx, secret="s3cr3t", now=NOW)


def test_every_2xx_is_accepted() -> None:
    assert [judged(status) for status in (200, 201, 204)] == [None, None, None]


def test_too_many_requests_are_tried_again_when_the_server_says() -> None:
    assert judged(429, retry_after="17") == Again("the API answers 429", 17.0)
    assert judged(429) == Again("the API answers 429", None)


def test_a_5xx_is_tried_again_only_where_the_setting_says_that_it_was_not_accepted() -> None:
    assert isinstance(judged(503, retry_after="3"), Again)
    assert isinstance(judged(500, retry_5xx=False), Unsure)


def test_a_refused_request_says_why_and_never_repeats_our_key() -> None:
    refused = judged(400, body=b'{"errors": ["image: unknown"],\n "you sent": "s3cr3t"}')
    assert refused == Refused('the API answers 400: {"errors": ["image: unknown"], "you sent": "***"}')


@pytest.mark.parametrize(("status", "setting"), [(401, "api_key"), (403, "api_key"), (404, "url"), (301, "url")])
def test_a_wrong_key_or_address_names_the_setting(status: int, setting: str) -> None:
    refused = judged(status, location="https://elsewhere.example/")
    assert isinstance(refused, Refused)
    assert refused.setting == setting


def test_a_wrong_setting_stops_the_process_until_the_api_has_once_accepted() -> None:
    refused = Refused("the API answers 401: it does not take our key", setting="api_key")
    halt = settled(refused, "incident", worked_before=False)
    assert isinstance(halt, Halt)
    assert isinstance(halt.error, PartnerRefuses)
    assert "TRACKFOLD_INCIDENT__API_KEY" in str(halt.error)
    assert settled(refused, "incident", worked_before=True) == Again(refused.reason)
    assert settled(Refused("400"), "incident", worked_before=False) == Refused("400")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("Mon, 02 Mar 2026 10:00:30 GMT", 30.0),
        ("Mon, 02 Mar 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_no_proxy_stands_before_this_machine() -> None:
    assert [is_loopback(url) for url in ("http://127.0.0.1:8/x", "http://localhost/", "http://[::1]:9/")] == [True] * 3
    assert not is_loopback("https://api.example.com/")
