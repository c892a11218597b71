"""What a unit's files were made from. A unit whose files are whole and whose inputs are the same is not made again.

manifest.json is written last and taken away first, so that where it is the files beside it are whole.
"""

import hashlib
from collections.abc import Callable, Collection
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from infra.whole import WholeFile
from streams.progress import Place
from streams.replay.share import Share, Stretch
from streams.replay.unit import Outcome, Unit

NAME = "manifest.json"
ROOT = Path(__file__).parents[2]


class FromTopic(msgspec.Struct, frozen=True, tag="topic"):
    """A stretch of a partition. It can only change while the day is not closed, for a log is only appended to."""

    topic: str
    topic_id: str
    partition: int
    closed_at: int | None
    """Offset of the record that closed the day; None: it was not there yet."""
    end: int | None
    """Where the partition ended then, of a day that was not closed."""


class FromExport(msgspec.Struct, frozen=True, tag="export"):
    """An exported file, by what is in it."""

    sha256: str


class Inputs(msgspec.Struct, frozen=True):
    """Equal inputs give equal bytes."""

    program: str
    lane: str
    begins_at: int
    ends_at: int
    source: FromTopic | FromExport
    skips: list[tuple[int, int]] = []
    """(stream_epoch, sequence) of records that are passed over."""
    rules_version: str | None = None


class Written(msgspec.Struct, frozen=True):
    """A container file."""

    sha256: str
    records: int


class Manifest(msgspec.Struct, frozen=True):
    """Inputs, how many of the log's records are of the day, and the files by name."""

    inputs: Inputs
    records: int
    files: dict[str, Written]


def inputs_of(
    unit: Unit, share: Share, closed_at: int | None, skips: Collection[Place], program: str, rules_version: str | None
) -> Inputs:
    """Of a unit that was read from its share. closed_at: offset of the closing record; None: there was none."""
    here = share.source
    source: FromTopic | FromExport
    if isinstance(here, Stretch):
        end = here.end if closed_at is None else None
        source = FromTopic(here.topic, here.topic_id, here.partition, closed_at, end)
    else:
        source = FromExport(here.sha256)
    return Inputs(program, unit.lane, unit.begins_at, unit.ends_at, source, unit.skips(skips), rules_version)


def whole(folder: Path) -> Manifest | None:
    """What stands in a folder's manifest, if every file is as it says."""
    try:
        found = msgspec.json.decode((folder / NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if all(sha256_of(folder / name) == file.sha256 for name, file in found.files.items()) else None


def kept(folder: Path, unit: Unit, inputs: Callable[[int | None], Inputs]) -> Outcome | None:
    """The unit if its files are whole and from the same inputs. inputs(closed_at): what it would be made from now."""
    found = whole(folder)
    if found is None:
        return None
    source = found.inputs.source
    same = found.inputs == inputs(source.closed_at if isinstance(source, FromTopic) else None)
    return _outcome(unit, found, kept=True) if same else None


def begin(folder: Path) -> None:
    """From here on the folder's files are not whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).unlink(missing_ok=True)


def seal(folder: Path, unit: Unit, manifest: Manifest) -> Outcome:
    """All files are written."""
    with WholeFile(folder / NAME) as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return _outcome(unit, manifest, kept=False)


def _outcome(unit: Unit, manifest: Manifest, kept: bool) -> Outcome:
    written = {name.removesuffix(".avro"): file.records for name, file in manifest.files.items()}
    return Outcome(unit, manifest.records, written, kept=kept)


def sha256_of(path: Path) -> str | None:
    """Of a file's bytes; None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


@cache
def program() -> str:
    """The version of trackfold, and a digest of what decides: its rules and its contract."""
    digest = hashlib.sha256()
    for package in ("schemas", "streams"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".avsc"):
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"trackfold {version('trackfold')} {digest.hexdigest()[:16]}"
