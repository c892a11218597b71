"""The body of a request to ClickHouse: decompressed as it comes, bounded, in the parts that are asked for."""

import sys
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import lz4.frame  # type: ignore[import-untyped]
from aiohttp import web

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

HEAD_BYTES = 64 * 1024
BODY_BYTES_MAX = 4 * 1024**3


class Refused(Exception):
    """The request cannot be served; the text begins with ClickHouse's `Code: N.`"""


async def head(body: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """Enough of the body to see what is asked, and whether that is all."""
    head = bytearray()
    async for piece in body:
        head += piece
        if len(head) >= HEAD_BYTES:
            return bytes(head), False
    return bytes(head), True


async def rest(body: AsyncIterator[bytes], bytes_max: int) -> bytes:
    """All that is left of the body. Raises Refused above bytes_max."""
    rest = bytearray()
    async for piece in body:
        rest += piece
        if len(rest) > bytes_max:
            raise Refused(f"Code: 62. DB::Exception: The query is longer than {bytes_max} bytes. (SYNTAX_ERROR)")
    return bytes(rest)


async def nothing() -> AsyncIterator[bytes]:
    """A body of which nothing is left."""
    return
    yield b""


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a multipart form: query and param_*. Raises Refused for files."""
    fields: dict[str, str] = {}
    for name, value in (await request.post()).items():
        if not isinstance(value, str):
            raise Refused("Code: 48. DB::Exception: External tables are not supported here. (NOT_IMPLEMENTED)")
        fields[name] = value
    return fields


async def decompressed(request: web.Request) -> AsyncIterator[bytes]:
    """The body as its sender meant it. Raises Refused when it is damaged, cut or too large."""
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
    """Frames of one encoding, one after another."""

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
