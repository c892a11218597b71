"""The clips: from this machine's disk where the file is, else from the object store; only the bytes of the record."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from fastapi.responses import FileResponse, Response, StreamingResponse

from connectors.clip.place import sidecar_name
from connectors.clip.sidecar import Sidecar
from connectors.console.page import NotFound
from connectors.upload import s3
from infra.config import Settings
from infra.replays import NoReplay, day_folder
from schemas.errors import ServerError
from schemas.hashing import sha256_of_file
from schemas.ids import safe_name

CHUNK_BYTES = 256 * 1024
SIDECAR_BYTES_MAX = 16 * 1024 * 1024
MEDIA = "video/mp4"
_ONE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")


class NoClip(NotFound):
    """There is no such clip, or none that can be shown from here; the text says why and what to do."""


class StorageUnavailable(ServerError):
    """The object store gives no answer: try again, or see whether it is up."""


@dataclass(frozen=True)
class Clip:
    """One clip as the episode's row names it."""

    camera_id: str
    day: str
    version: str
    filename: str
    uploaded: str | None
    """Key of its object."""
    sha256: str | None


@dataclass
class Videos:
    """Gives clips and the boxes beside them."""

    settings: Settings
    _s3: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def file(self, clip: Clip) -> Path | None:
        """The clip on this machine's disk: one component in a folder of clips, with the bytes of its record."""
        for folder in self._folders(clip):
            path = _inside(folder, clip.filename)
            if path is not None and clip.sha256 is not None and _sha256(path) == clip.sha256:
                return path
        return None

    def answer(self, clip: Clip, asked: Mapping[str, str], *, head: bool) -> Response:
        """The clip, or the range of it that the headers ask for. Raises NoClip, StorageUnavailable."""
        path = self.file(clip)
        if path is not None:
            return FileResponse(path, media_type=MEDIA)
        if self.settings.upload.adapter != "s3" or clip.uploaded is None:
            raise NoClip(f"{clip.filename} is not on this machine: open the console where the clips are cut")
        return self._object(clip, clip.uploaded, asked.get("range", ""), head=head)

    def boxes(self, clip: Clip) -> Sidecar | None:
        """Where each participant is, in clip time. None: the clip was cut on another machine, the boxes are there."""
        path = self.file(clip)
        beside = None if path is None else _inside(path.parent, sidecar_name(clip.filename))
        if beside is None or beside.stat().st_size > SIDECAR_BYTES_MAX:
            return None
        try:
            found = msgspec.json.decode(beside.read_bytes(), type=Sidecar)
        except msgspec.DecodeError as error:
            raise NoClip(f"{beside.name} cannot be read: {error}; restore it from a backup of this machine") from error
        return found if found.segment_filename == clip.filename else None

    def _folders(self, clip: Clip) -> Iterator[Path]:
        """Where it may lie: a promotion made its own clips beside its replay's events."""
        try:
            yield self.settings.segments_dir / safe_name(clip.camera_id)
            if clip.version != "live":
                yield day_folder(self.settings.replays_dir, clip.version, clip.camera_id, clip.day)
        except (ValueError, NoReplay):
            return

    def _object(self, clip: Clip, key: str, asked: str, *, head: bool) -> Response:
        wanted: dict[str, Any] = {"Bucket": self.settings.s3.bucket, "Key": key}
        if _ONE_RANGE.fullmatch(asked):
            wanted["Range"] = asked
        try:
            client = self._client()
            found = client.head_object(**wanted) if head else client.get_object(**wanted)
        except ClientError as error:
            return _refused(clip, error)
        except BotoCoreError as error:
            raise StorageUnavailable(f"s3://{wanted['Bucket']}/{key}: {type(error).__name__}; is it up?") from error
        if found.get("Metadata", {}).get("sha256") != clip.sha256:
            if not head:
                found["Body"].close()
            raise NoClip(f"the object {key} is not the clip of the record: `trackfold verify` says what differs")
        headers = {"accept-ranges": "bytes", "content-length": str(found["ContentLength"])}
        if found.get("ContentRange"):
            headers["content-range"] = found["ContentRange"]
        status = 206 if "content-range" in headers else 200
        if head:
            return Response(None, status, headers, MEDIA)
        return StreamingResponse(_pieces(found["Body"]), status, headers, MEDIA)

    def _client(self) -> Any:
        with self._lock:
            if self._s3 is None:
                self._s3 = s3.client(self.settings)
            return self._s3


def _refused(clip: Clip, error: ClientError) -> Response:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status == 416:
        size = error.response["ResponseMetadata"]["HTTPHeaders"].get("content-range", "bytes */*")
        return Response(None, 416, {"content-range": size})
    if status == 404:
        what = f"neither this machine nor the storage has {clip.filename}: `trackfold verify` says where it belongs"
        raise NoClip(what) from error
    raise StorageUnavailable(f"{clip.uploaded}: {error.response['Error'].get('Code')}") from error


def _pieces(body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(CHUNK_BYTES)
    finally:
        body.close()


def _inside(folder: Path, name: str) -> Path | None:
    """A file of this name directly in the folder; never one that a link leads elsewhere to."""
    try:
        path = (folder / safe_name(name)).resolve()
    except (ValueError, OSError):
        return None
    return path if path.parent == folder.resolve() and path.is_file() else None


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_as_it_is(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=2048)
def _sha256_as_it_is(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Kept as long as the file does not change: a clip is asked for in many pieces."""
    return sha256_of_file(path)
