"""A relay before one server, which can refuse, hang, be slow, or reset: what a network does and no server's mode can.

Its own, because toxiproxy has to be built with Go, and these faults must also run where only Python is.
"""

import asyncio
import random
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

from infra.local.ports import FIRST, LAST, is_free

Mode = Literal["pass", "refuse", "hang", "slow", "reset"]
"""refuse: nobody listens; hang: takes what is sent and answers nothing; slow: SLOW_BYTES at a time with SLOW_S between;
reset: what is sent arrives, and the connection is reset before the answer."""
SLOW_S, SLOW_BYTES = 0.3, 16 * 1024
CHUNK_BYTES = 64 * 1024


class Relay:
    """with Relay(port_of_the_server) as relay: relay.port; relay.behave("refuse")."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.port = 0
        self.mode: Mode = "pass"
        self.hurt = 0
        """Connections that met something else than `pass`."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"relay to {to_port}", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        while not self.port:
            port = random.randrange(FIRST, LAST)
            self.port = port if is_free(port) else 0
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def behave(self, mode: Mode) -> None:
        """From now on, also for the connections that are open."""
        self._call(self._behave(mode))

    def _call(self, what: "asyncio.Future[None] | object") -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)  # type: ignore[arg-type]

    async def _behave(self, mode: Mode) -> None:
        before, self.mode = self.mode, mode
        if mode in ("refuse", "reset"):
            for writer in list(self._open):
                self.hurt += 1
                _reset(writer)
        if mode == "refuse":
            await self._close()
        elif before == "refuse":
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port, reuse_address=True)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            _reset(writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode != "pass":
            self.hurt += 1
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            answers, there = await asyncio.open_connection("127.0.0.1", self._to_port)
            self._open.add(there)
            await asyncio.gather(self._copy(reader, there, answer=False), self._copy(answers, writer, answer=True))
        except OSError:
            _reset(writer)
        finally:
            for one in (writer, there):
                if one is not None:
                    self._open.discard(one)
                    with suppress(OSError, RuntimeError):
                        one.close()

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answer: bool) -> None:
        while data := await source.read(SLOW_BYTES if self.mode == "slow" else CHUNK_BYTES):
            if answer and self.mode == "reset":
                _reset(target)
                raise ConnectionResetError("as told")
            if self.mode == "slow":
                await asyncio.sleep(SLOW_S)
            while answer and self.mode == "hang":
                await asyncio.sleep(0.1)
            target.write(data)
            await target.drain()
        with suppress(OSError, RuntimeError):
            target.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: lingering for 0 s."""
    with suppress(OSError, RuntimeError, AttributeError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
