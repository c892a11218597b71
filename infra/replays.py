"""Results of replays on disk, as `trackfold replay` writes them: <folder>/<version>/<camera_id>/<day>/<topic>.avro"""

import hashlib
from pathlib import Path
from typing import Any

import fastavro
import msgspec

from infra.config import Settings
from schemas.avro import schema_of
from schemas.errors import InputError
from schemas.ids import safe_name
from schemas.promotions import CameraDay
from schemas.records import CameraOutage, ClipCut, CustomerVisit, InteractionEvent, UnattendedEvent
from schemas.topics import CAMERA_OUTAGES, CUSTOMER_VISITS, INTERACTION_EVENTS, UNATTENDED_EVENTS

Told = InteractionEvent | UnattendedEvent | CustomerVisit | CameraOutage
"""What a fold tells."""
FILES = (INTERACTION_EVENTS, UNATTENDED_EVENTS, CUSTOMER_VISITS, CAMERA_OUTAGES)

WHOLE = "manifest.json"
"""Written last and taken away first: where it is, the files beside it are whole."""


class NoReplay(InputError):
    """There is no such result on this machine; the text names what there is."""


def day_folder(folder: Path, version: str, camera_id: str, day: str) -> Path:
    """Where one camera's day of a version lies. Raises NoReplay for a name that can be no folder's."""
    try:
        return folder / safe_name(version) / safe_name(camera_id) / safe_name(day)
    except ValueError as error:
        raise NoReplay(str(error)) from error


def camera_days(folder: Path, version: str) -> list[CameraDay]:
    """The whole camera-days that a version has. Raises NoReplay when it has none."""
    try:
        root = folder / safe_name(version)
    except ValueError as error:
        raise NoReplay(f"--version: {error}") from error
    found = [(path.parent.name, path.name) for path in sorted(root.glob("*/*")) if _is_whole(path)]
    if not found:
        there = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        raise NoReplay(
            f"{root}: there is no replay of that name; there are: {', '.join(there) or 'none'}. "
            "`trackfold replay --version NAME` makes one"
        )
    return found


def read_day(folder: Path, version: str, camera_id: str, day: str) -> list[Told]:
    """Everything that the replay of one camera's day told, by topic, in order. Raises NoReplay."""
    path = day_folder(folder, version, camera_id, day)
    if not _is_whole(path):
        raise NoReplay(f"{path}: no replay of {camera_id} on {day}; `trackfold replay --version {version}` makes it")
    found: list[Told] = []
    for topic in FILES:
        kind: Any = topic.value
        with (path / f"{topic.name}.avro").open("rb") as file:
            reader_schema = fastavro.parse_schema(schema_of(kind), named_schemas={})
            found += [msgspec.convert(record, kind) for record in fastavro.reader(file, reader_schema)]
    return found


def content_sha256(told: list[Told]) -> str:
    """Tells two results of one camera's day apart, whatever the files are packed like; hex."""
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def clip_folder(settings: Settings, clip: ClipCut) -> Path:
    """Where a clip's file lies: a replay's beside its events. Raises ValueError, NoReplay for an odd name."""
    if clip.lane == "live":
        return settings.segments_dir / safe_name(clip.camera_id)
    return day_folder(settings.replays_dir, clip.lane, clip.camera_id, clip.business_day)


def _is_whole(path: Path) -> bool:
    return (path / WHOLE).is_file() and all((path / f"{topic.name}.avro").is_file() for topic in FILES)
