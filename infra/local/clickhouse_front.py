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
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import chdb
from aiohttp import web

from infra.local import clickhouse_bodies as bodies
from infra.local import clickhouse_sql as sql
from infra.local.clickhouse_bodies import Refused

T = TypeVar("T")
QUERIES_AT_ONCE = 8
TEXT_BYTES_MAX = 64 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
SPOOL_BYTES = 16 * 1024 * 1024
"""A result that is waited for goes to a temporary file above this size."""
FIXED = {"async_insert": "0", "max_execution_time": "120", "max_memory_usage": str(2 * 1024**3)}


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
        body: AsyncIterator[bytes] = bodies.decompressed(request)
        head = b""
        if request.content_type == "multipart/form-data":
            params |= await bodies.form(request)
            body = bodies.nothing()
        text = params.get("query", "").encode()
        if (insert := sql.insert_of(text)) is None:
            head, ended = await bodies.head(body)
            text = b"\n".join(part for part in (text, head) if part)
            if (insert := sql.insert_of(text)) is not None:
                head = text[insert.data_from :]
            elif not ended:
                text += await bodies.rest(body, TEXT_BYTES_MAX)
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
