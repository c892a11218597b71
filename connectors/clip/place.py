"""Putting a clip where it belongs: whole or not at all, and never over another episode's file."""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from schemas.ids import safe_name

CUTTING = ".cutting-"


class NameTaken(Exception):
    """Every name that this clip may have belongs to another episode; the text names the folder."""


class _Owner(msgspec.Struct, frozen=True):
    episode_id: str
    part: str


@contextmanager
def temporary(folder: Path, suffix: str = ".mp4") -> Iterator[Path]:
    """A name in `folder` to write to; whatever is left there afterwards is removed.

    So is what a killed process left: the lock on its file went with it, and nobody else's does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{CUTTING}*"):
        with suppress(FileNotFoundError, BlockingIOError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
    with _locked(folder, suffix) as path:
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path, suffix: str) -> Iterator[Path]:
    while True:
        handle, name = tempfile.mkstemp(prefix=CUTTING, suffix=suffix, dir=folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if Path(name).exists():  # else another process took it away before it was locked
                yield Path(name)
                return
        finally:
            os.close(handle)


def sidecar_name(clip_name: str) -> str:
    """Name of the JSON beside a clip."""
    return str(Path(clip_name).with_suffix(".json"))


def put(clip: Path, folder: Path, name: str, episode_id: str, part: str, sidecar: Callable[[str], bytes]) -> Path:
    """Move a finished clip to folder/name with its sidecar, durably; gives where it went.

    The sidecar comes first and claims the name: it says whose it is. A name that another episode has (the same ordinal
    and second, folded anew with other people) gets the episode's id added. Raises NameTaken.
    """
    stem = Path(safe_name(name)).stem
    for candidate in (name, f"{stem}_{episode_id[:8]}.mp4", f"{stem}_{episode_id}.mp4"):
        if _claim(folder, candidate, _Owner(episode_id, part), sidecar(candidate)):
            _sync(clip)
            clip.replace(folder / candidate)
            _sync(folder)
            return folder / candidate
    raise NameTaken(f"{folder}: {name} and the names made from it belong to other episodes; move them elsewhere")


def _claim(folder: Path, name: str, owner: _Owner, sidecar: bytes) -> bool:
    """Write the sidecar unless the name is another's."""
    target = folder / sidecar_name(name)
    with temporary(folder, ".json") as temp:
        with temp.open("wb") as file:
            file.write(sidecar)
            file.flush()
            os.fsync(file.fileno())
        if not target.exists() and not (folder / name).exists():
            with suppress(FileExistsError):  # a link fails where a name is taken meanwhile, which a rename does not
                os.link(temp, target)
                return True
        if _owner(target) != owner:
            return False
        temp.replace(target)
        return True


def _owner(sidecar: Path) -> _Owner | None:
    try:
        return msgspec.json.decode(sidecar.read_bytes(), type=_Owner)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
