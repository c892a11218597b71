"""The stand-in of the partner's upload and incident APIs: `python -m infra.local.partner_server FOLDER PORT`.

What it accepts is in incidents.jsonl, uploads.jsonl and files/, on the disk before the answer. How it behaves is set by
POST /mode {"api": "incident" | "upload", "mode": ..., "times": n | null}; after n requests it is as it was before.
GET /incidents and /uploads show what was accepted, GET /faults which requests were treated otherwise than well.

honours_keys        the first answer again for an Idempotency-Key that it has seen (at the start)
ignores_keys        accepts every request anew
reset_before_accept resets the connection without an answer, accepts nothing
reset_after_accept  accepts, then resets the connection without an answer
error_500           answers 500, accepts nothing
no_id               accepts, answers without an id (incident) or without a name (upload)
rate_limited        answers 429 with Retry-After: 1, accepts nothing
garbage             accepts, answers 200 with a page that is no JSON
shape:<shape>       upload only: accepts, names the stored file in another way
"""

import hashlib
import hmac
import json
import os
import socket
import struct
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from aiohttp import BodyPartReader, web

from infra.local.partner_rules import MODES, Behaviour, incident_errors, upload_answer, upload_errors

UPLOAD_BYTES_MAX = 1024**3
FAULTS_KEPT = 10_000


class Journal:
    """Accepted requests, one JSON object a line; append() returns when the line is on the disk."""

    def __init__(self, path: Path) -> None:
        self.entries: list[dict[str, Any]] = []
        self._by_key: dict[str, dict[str, Any]] = {}
        path.touch()
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]  # a line cut by a kill was never answered
        for line in whole.splitlines():
            self._take(json.loads(line))
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        self._file = path.open("ab")

    def append(self, entry: dict[str, Any]) -> None:
        """Keep an entry."""
        self._file.write(json.dumps(entry).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._take(entry)

    def of_key(self, key: str | None) -> dict[str, Any] | None:
        """The first entry that came with this Idempotency-Key."""
        return self._by_key.get(key) if key else None

    def _take(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        if entry["idempotency_key"]:
            self._by_key.setdefault(entry["idempotency_key"], entry)


class Partner:
    """Both APIs over one folder."""

    def __init__(self, folder: Path, base_url: str, incident_key: str, upload_key: str) -> None:
        self._folder = folder
        self._base_url = base_url
        self._keys = {"incident": incident_key, "upload": upload_key}
        self._behaviour = {api: Behaviour() for api in MODES}
        self._faults: deque[dict[str, Any]] = deque(maxlen=FAULTS_KEPT)
        self.incidents = Journal(folder / "incidents.jsonl")
        self.uploads = Journal(folder / "uploads.jsonl")
        (folder / "files").mkdir(exist_ok=True)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=UPLOAD_BYTES_MAX)
        app.router.add_post("/api/Addprolificai_alerts", self.post_incident)
        app.router.add_post("/uploadFile", self.post_upload)
        app.router.add_post("/mode", self.post_mode)
        app.router.add_get("/mode", self.get_mode)
        app.router.add_get("/incidents", self.get_incidents)
        app.router.add_get("/uploads", self.get_uploads)
        app.router.add_get("/faults", self.get_faults)
        app.router.add_static("/files", self._folder / "files")
        return app

    async def post_incident(self, request: web.Request) -> web.StreamResponse:
        """The incident API."""
        self._authenticate(request, "incident")
        raw = await request.read()
        behaviour = self._behaviour["incident"]
        fault = self._next_fault("incident", request)
        if (refused := _refusal(request, fault)) is not None:
            return refused
        try:
            body = json.loads(raw)
        except ValueError:
            return _errors(["body: is no JSON"])
        if request.content_type != "application/json":
            return _errors([f"Content-Type: must be application/json, not {request.content_type}"])
        if errors := incident_errors(body):
            return _errors(errors)
        key = request.headers.get("Idempotency-Key")
        entry = self.incidents.of_key(key) if behaviour.keys == "honours_keys" else None
        if entry is None:
            number = len(self.incidents.entries) + 1
            entry = {"id": f"ext-{number:06d}", "received_at": _now_ms(), "idempotency_key": key, "body": body}
            self.incidents.append(entry)
        elif entry["body"] != body:
            return _errors([f"Idempotency-Key {key}: came before with another body"], 422)
        answer = {"success": True, "message": "alert added"} | ({} if fault == "no_id" else {"id": entry["id"]})
        return _accepted(request, fault, answer)

    async def post_upload(self, request: web.Request) -> web.StreamResponse:
        """The upload API."""
        self._authenticate(request, "upload")
        if request.content_type != "multipart/form-data":
            return _errors([f"Content-Type: must be multipart/form-data, not {request.content_type}"])
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".upload.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                filename, content_type, errors = await _receive(request, file)
                file.flush()
                os.fsync(file.fileno())
            behaviour = self._behaviour["upload"]
            fault = self._next_fault("upload", request)
            if (refused := _refusal(request, fault)) is not None:
                return refused
            size_bytes = temporary.stat().st_size
            with temporary.open("rb") as stored:
                head = stored.read(12)
                stored.seek(0)
                sha256 = hashlib.file_digest(stored, "sha256").hexdigest()
            errors += upload_errors(filename, content_type, size_bytes, head) if not errors else []
            if errors:
                return _errors(errors)
            key = request.headers.get("Idempotency-Key")
            entry = self.uploads.of_key(key) if behaviour.keys == "honours_keys" else None
            if entry is None:
                same = sum(one["filename"] == filename for one in self.uploads.entries)
                stored_name = f"{same + 1:06d}_{filename}"
                temporary.chmod(0o644)
                temporary.rename(self._folder / "files" / stored_name)
                entry = {"stored_name": stored_name, "received_at": _now_ms(), "idempotency_key": key}
                entry |= {"filename": filename, "size_bytes": size_bytes, "sha256": sha256}
                self.uploads.append(entry)
            elif entry["sha256"] != sha256:
                return _errors([f"Idempotency-Key {key}: came before with another file"], 422)
        finally:
            temporary.unlink(missing_ok=True)
        shape = fault.removeprefix("shape:") if fault and fault.startswith("shape:") else "filename"
        answer = {"success": True} if fault == "no_id" else upload_answer(shape, entry["stored_name"], self._base_url)
        return _accepted(request, fault, answer)

    async def post_mode(self, request: web.Request) -> web.Response:
        """Change how an API behaves."""
        self._authenticate(request, *MODES)
        try:
            asked = dict(await request.json())
        except (TypeError, ValueError):
            return _errors(["body: must be a JSON object"])
        api, mode, times = asked.get("api"), asked.get("mode"), asked.get("times")
        if api not in MODES or mode not in MODES[api]:
            known = "; ".join(f"{name}: {', '.join(modes)}" for name, modes in MODES.items())
            return _errors([f"no mode {mode!r} of an api {api!r}; there are {known}"])
        if times is not None and (type(times) is not int or times < 1):
            return _errors([f"times: must be a whole number from 1, or null, not {times!r}"])
        self._behaviour[api].set(mode, times)
        return await self.get_mode(request)

    async def get_mode(self, request: web.Request) -> web.Response:
        """How both behave now."""
        self._authenticate(request, *MODES)
        return web.json_response({api: vars(behaviour) for api, behaviour in self._behaviour.items()})

    async def get_incidents(self, request: web.Request) -> web.Response:
        """All accepted incidents, in order."""
        self._authenticate(request, *MODES)
        return web.json_response({"incidents": self.incidents.entries})

    async def get_uploads(self, request: web.Request) -> web.Response:
        """All accepted uploads, in order."""
        self._authenticate(request, *MODES)
        return web.json_response({"uploads": self.uploads.entries})

    async def get_faults(self, request: web.Request) -> web.Response:
        """The requests that met a fault, in order: which API, which Idempotency-Key, which fault."""
        self._authenticate(request, *MODES)
        return web.json_response({"faults": list(self._faults)})

    def _next_fault(self, api: str, request: web.Request) -> str | None:
        fault = self._behaviour[api].next()
        if fault is not None:
            self._faults.append({"api": api, "key": request.headers.get("Idempotency-Key"), "fault": fault})
        return fault

    def _authenticate(self, request: web.Request, *apis: str) -> None:
        given = request.headers.get("X-API-Key", "").encode()
        if not any(hmac.compare_digest(given, self._keys[api].encode()) for api in apis):
            raise web.HTTPUnauthorized(
                text='{"errors": ["X-API-Key: is missing or wrong"]}', content_type="application/json"
            )


async def _receive(request: web.Request, file: Any) -> tuple[str | None, str | None, list[str]]:
    """Write the part `file` to file; its name, its type, and what is wrong with the form."""
    filename = content_type = None
    errors: list[str] = []
    parts = 0
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name != "file":
            errors.append(f"form: has a field {getattr(part, 'name', None)!r}; only `file` is known")
            continue
        parts += 1
        filename, content_type = part.filename, part.headers.get("Content-Type")
        size_bytes = 0
        while piece := await part.read_chunk(1024 * 1024):
            size_bytes += len(piece)
            if size_bytes > UPLOAD_BYTES_MAX:
                raise web.HTTPRequestEntityTooLarge(max_size=UPLOAD_BYTES_MAX, actual_size=size_bytes)
            file.write(piece)
    if parts != 1:
        errors.append(f"form: must have one field `file`, not {parts}")
    return filename, content_type, errors


def _refusal(request: web.Request, fault: str | None) -> web.Response | None:
    if fault == "reset_before_accept":
        return _reset(request)
    if fault == "error_500":
        return _errors(["out of order, as asked for by /mode"], 500)
    if fault == "rate_limited":
        return web.json_response({"errors": ["too many requests"]}, status=429, headers={"Retry-After": "1"})
    return None


def _accepted(request: web.Request, fault: str | None, answer: Any) -> web.StreamResponse:
    if fault == "reset_after_accept":
        return _reset(request)
    if fault == "garbage":
        return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
    if isinstance(answer, str):
        return web.Response(text=answer)
    return web.json_response(answer)


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        # lingering for 0 s makes the close a reset
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


def _errors(errors: list[str], status: int = 400) -> web.Response:
    return web.json_response({"errors": errors}, status=status)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main(folder: Path, port: int) -> None:
    """Serve until SIGTERM. The keys come from PARTNER_INCIDENT_KEY and PARTNER_UPLOAD_KEY."""
    keys = os.environ["PARTNER_INCIDENT_KEY"], os.environ["PARTNER_UPLOAD_KEY"]
    partner = Partner(folder, f"http://127.0.0.1:{port}", *keys)
    web.run_app(partner.application(), host="127.0.0.1", port=port, access_log=None, print=None, shutdown_timeout=5)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
