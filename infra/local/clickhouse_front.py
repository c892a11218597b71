"""ClickHouse's HTTP interface over chdb, in one process: `python -m infra.local.clickhouse_front FOLDER PORT`.

Every request has a connection of its own to the one engine, so that USE and SET of one are not seen by another and
queries run side by side. Results stream: a block is fetched when the client has taken the one before. Inserts stream
too and are undone if the client goes away. Answers are not compressed (this is loopback), sent data may be.
Sessions are accepted and ignored. User and password come from CLICKHOUSE_USER and CLICKHOUSE_PASSWORD.
"""

import asyncio
import hmac
import os
import sys
import tempfile
import uuid
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import chdb
import lz4.frame  # type: ignore[import-untyped]
from aiohttp import web

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from infra.local import clickhouse_sql as sql

T = TypeVar("T")
QUERIES_AT_ONCE = 8
TEXT_BYTES_MAX = 64 * 1024 * 1024
HEAD_BYTES = 64 * 1024
PIECE_BYTES = 1024 * 1024
SPOOL_BYTES = 16 * 1024 * 1024
"""A result that is waited for goes to a temporary file above this size."""
BODY_BYTES_MAX = 4 * 1024**3
FIXED = {"async_insert": "0", "max_execution_time": "120", "max_memory_usage": str(2 * 1024**3)}


class Refused(Exception):
    """The request cannot be served; the text begins with ClickHouse's `Code: N.`"""


class Front:
    """One engine and those who may ask it."""

    def __init__(self, data: Path, user: str, password: str) -> None:
        self._data = str(data)
        self._login = f"{user}:{password}".encode()
        self._threads = ThreadPoolExecutor(QUERIES_AT_ONCE, thread_name_prefix="query")
        self._slots = asyncio.Semaphore(QUERIES_AT_ONCE)
        self._anchor = chdb.connect(self._data)  # keeps the engine open between requests

    def close(self) -> None:
        """Let the engine write what it holds. Not to be called from a signal handler."""
        self._threads.shutdown()
        self._anchor.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request: / with a query, or /ping."""
        if request.path == "/ping" or (request.method == "GET" and not request.query):
            return web.Response(text="Ok.\n")
        tag = uuid.uuid4().hex[:16]
        answer = web.StreamResponse(
            headers={
                "X-ClickHouse-Query-Id": request.query.get("query_id") or str(uuid.uuid4()),
                "X-ClickHouse-Timezone": "UTC",
                "X-ClickHouse-Exception-Tag": tag,
            }
        )
        try:
            self._authenticate(request)
            async with self._slots:
                await self._run(request, answer)
        except (Refused, ValueError, RuntimeError) as error:  # chdb's errors are RuntimeErrors
            text = str(error)
            text = text[max(0, text.find("Code: ")) :]
            code, status = sql.code_and_status(text)
            if answer.prepared:  # too late for a status: say it in the body, and let the client see that it is cut
                await answer.write(sql.late_error(text, tag))
                if request.transport is not None:
                    request.transport.close()
                return answer
            return web.Response(status=status, text=f"{text}\n", headers={"X-ClickHouse-Exception-Code": code})
        await answer.write_eof()
        return answer

    def _authenticate(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                login = b64decode(given, validate=True)
            except ValueError:
                login = b""
        else:
            user = request.headers.get("X-ClickHouse-User") or request.query.get("user", "")
            password = request.headers.get("X-ClickHouse-Key") or request.query.get("password", "")
            login = f"{user}:{password}".encode()
        if not hmac.compare_digest(login, self._login):
            raise Refused(
                "Code: 516. DB::Exception: Authentication failed: user or password is wrong. (AUTHENTICATION_FAILED)"
            )

    async def _run(self, request: web.Request, answer: web.StreamResponse) -> None:
        params = dict(request.query)
        body: AsyncIterator[bytes] = _decompressed(request)
        head = b""
        if request.content_type == "multipart/form-data":
            params |= await _form(request)
            body = _nothing()
        text = params.get("query", "").encode()
        if (insert := sql.insert_of(text)) is None:
            head, ended = await _head(body)
            text = b"\n".join(part for part in (text, head) if part)
            if (insert := sql.insert_of(text)) is not None:
                head = text[insert.data_from :]
            elif not ended:
                text += await _rest(body, TEXT_BYTES_MAX)
        connection = await self._in_thread(lambda: chdb.connect(self._data))
        try:
            fixed = FIXED | ({"readonly": "1"} if request.method == "GET" else {})
            if params.get("database"):
                await self._in_thread(connection.query, f"USE {sql.identifier(params['database'])}")
            await self._in_thread(connection.query, sql.set_statement(params, fixed))
            if insert is not None:
                if insert.settings:
                    await self._in_thread(connection.query, f"SET {insert.settings}")
                await self._insert(connection, insert, head, body, request, answer)
            else:
                default = params.get("default_format") or request.headers.get("X-ClickHouse-Format") or "TabSeparated"
                await self._query(connection, text.decode(), sql.query_parameters(params), default, request, answer)
        finally:
            await self._in_thread(connection.close)

    async def _insert(
        self,
        connection: Any,
        insert: sql.Insert,
        head: bytes,
        body: AsyncIterator[bytes],
        request: web.Request,
        answer: web.StreamResponse,
    ) -> None:
        inserter = await self._in_thread(connection.send_insert, insert.into, insert.format)
        try:
            if head:
                await self._in_thread(inserter.append, head)
            async for piece in body:
                await self._in_thread(inserter.append, piece)
            done = await self._in_thread(inserter.finish)
        except BaseException:
            await self._in_thread(inserter.cancel)
            raise
        answer.headers["X-ClickHouse-Summary"] = (
            f'{{"written_rows":"{done.rows_written}","written_bytes":"{done.bytes_written}"}}'
        )
        await answer.prepare(request)

    async def _query(
        self,
        connection: Any,
        text: str,
        parameters: dict[str, str],
        default: str,
        request: web.Request,
        answer: web.StreamResponse,
    ) -> None:
        if sql.gives_rows(text):
            answer.headers["X-ClickHouse-Format"] = sql.format_of(text, default)
        if not sql.may_stream(text, default):
            result = await self._in_thread(lambda: connection.query(text, default, params=parameters))
            answer.headers["X-ClickHouse-Summary"] = f'{{"read_rows":"{result.rows_read()}"}}'
            await answer.prepare(request)
            await answer.write(result.bytes() or b"")
            return
        stream = await self._in_thread(lambda: connection.send_query(text, default, params=parameters))
        try:
            block = await self._in_thread(stream.fetch)  # errors mostly come with the first block: before the status
            if request.query.get("wait_end_of_query") == "1":
                await self._send_when_whole(stream, block, request, answer)
                return
            await answer.prepare(request)
            while block is not None:
                await answer.write(block.bytes())
                block = await self._in_thread(stream.fetch)
        finally:
            await self._in_thread(stream.cancel)

    async def _send_when_whole(self, stream: Any, block: Any, request: web.Request, answer: web.StreamResponse) -> None:
        """So that an error in the last row still has a status of its own."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            while block is not None:
                await self._in_thread(spool.write, block.bytes())
                block = await self._in_thread(stream.fetch)
            spool.seek(0)
            await answer.prepare(request)
            while piece := await self._in_thread(spool.read, PIECE_BYTES):
                await answer.write(piece)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


async def _head(body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Enough of the body to see what is asked, and whether that is all."""
    head = bytearray()
    async for piece in body:
        head += piece
        if len(head) >= HEAD_BYTES:
            return bytes(head), False
    return bytes(head), True


async def _rest(body: AsyncIterator[bytes], bytes_max: int) -> bytes:
    rest = bytearray()
    async for piece in body:
        rest += piece
        if len(rest) > bytes_max:
            raise Refused(f"Code: 62. DB::Exception: The query is longer than {bytes_max} bytes. (SYNTAX_ERROR)")
    return bytes(rest)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _form(request: web.Request) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            raise Refused("Code: 48. DB::Exception: External tables are not supported here. (NOT_IMPLEMENTED)")
        fields[name] = value
    return fields


async def _decompressed(request: web.Request) -> AsyncIterator[bytes]:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    total = 0
    decoder = _Decoder(encoding)
    async for piece in request.content.iter_any():
        for part in decoder.parts(piece):
            total += len(part)
            if total > BODY_BYTES_MAX:
                raise Refused(f"Code: 307. DB::Exception: The body has over {BODY_BYTES_MAX} bytes. (TOO_MANY_BYTES)")
            yield part
    decoder.check_ended()


class _Decoder:
    """Frames of one encoding, one after another, given out in bounded parts."""

    def __init__(self, encoding: str) -> None:
        makers: dict[str, Callable[[], Any]] = {
            "gzip": lambda: zlib.decompressobj(wbits=31),
            "deflate": lambda: zlib.decompressobj(),
            "lz4": lambda: lz4.frame.LZ4FrameDecompressor(),
            "zstd": lambda: zstd.ZstdDecompressor(),
        }
        if encoding != "identity" and encoding not in makers:
            raise Refused(f"Code: 48. DB::Exception: Content-Encoding {encoding} is not supported. (NOT_IMPLEMENTED)")
        self._encoding = encoding
        self._new = makers.get(encoding)
        self._frame: Any = None

    def parts(self, piece: bytes) -> "list[bytes]":
        """What this piece of the body says. Raises Refused when it is damaged."""
        if self._new is None:
            return [piece]
        parts: list[bytes] = []
        while piece:
            if self._frame is None:
                self._frame = self._new()
            try:
                part = self._frame.decompress(piece)
            except (zlib.error, zstd.ZstdError, RuntimeError) as error:
                what = f"The body is no {self._encoding}: {error}"
                raise Refused(f"Code: 354. DB::Exception: {what}. (ZLIB_INFLATE_FAILED)") from error
            parts.append(part)
            piece = b""
            if self._frame.eof:
                piece = self._frame.unused_data or b""
                self._frame = None
        return parts

    def check_ended(self) -> None:
        """Raises Refused when the body stopped within a frame."""
        if self._frame is not None:
            raise Refused(
                f"Code: 33. DB::Exception: The body ends within a {self._encoding} frame. (CANNOT_READ_ALL_DATA)"
            )


def main(folder: Path, port: int) -> None:
    """Serve until SIGTERM."""
    front: list[Front] = []

    async def application() -> web.Application:
        front.append(Front(folder, os.environ["CLICKHOUSE_USER"], os.environ["CLICKHOUSE_PASSWORD"]))
        app = web.Application(client_max_size=TEXT_BYTES_MAX, handler_args={"auto_decompress": False})
        app.router.add_route("*", "/{path:.*}", front[0].handle)
        return app

    try:
        web.run_app(
            application(), host="127.0.0.1", port=port, access_log=None, print=lambda *_: None, shutdown_timeout=5
        )
    finally:
        for one in front:
            one.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
