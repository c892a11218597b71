"""Clips and sidecars on this machine: finding those of some episodes, and taking them away."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec

from connectors.clip.place import sidecar_name, temporary
from infra.config import Settings
from infra.replays import NoReplay, clip_folder
from schemas.hashing import sha256_of_file
from schemas.ids import safe_name
from schemas.records import ClipCut


class _Owner(msgspec.Struct, frozen=True):
    episode_id: str


def of_record(settings: Settings, clip: ClipCut) -> Iterator[Path]:
    """The files that a record names and that are still its episode's: a name may have been given away since."""
    try:
        video = clip_folder(settings, clip) / safe_name(clip.segment_filename or "")
    except (NoReplay, ValueError):
        return
    sidecar = video.with_name(sidecar_name(video.name))
    owner = owner_of(sidecar)
    if video.is_file() and (owner == clip.episode_id or (owner is None and sha256_of_file(video) == clip.sha256)):
        yield video
    if owner == clip.episode_id:
        yield sidecar


def of_day(settings: Settings, camera_id: str, day: str, episode_ids: Collection[str]) -> Iterator[Path]:
    """Clips of these episodes that no record may name yet: one that was cut just before its process ended.

    A business day is of at most two dates on the shop's clock.
    """
    dates = [date.fromisoformat(day) + timedelta(days=n) for n in (0, 1)]
    for folder in _folders(settings, camera_id, day):
        for of in dates:
            for sidecar in sorted(folder.glob(f"segment_*_{of:%Y%m%d}_*.json")):
                if owner_of(sidecar) in episode_ids:
                    video = sidecar.with_suffix(".mp4")
                    if video.is_file():
                        yield video
                    yield sidecar


def _folders(settings: Settings, camera_id: str, day: str) -> list[Path]:
    """Where clips of a camera's business day lie: those of live, and beside each replay those that promotions cut."""
    camera = safe_name(camera_id)
    return [settings.segments_dir / camera, *settings.replays_dir.glob(f"*/{camera}/{day}")]


def remove(paths: Collection[Path]) -> list[Path]:
    """Take these away, the video before the sidecar that says whose it is. Gives those that were there."""
    gone = []
    for path in dict.fromkeys(paths):
        if path.exists():
            path.unlink(missing_ok=True)
            gone.append(path)
    return gone


def sweep_half_cut(settings: Settings, camera_id: str, day: str) -> None:
    """What a killed cut left behind has no name yet, and may show anybody; a promotion's too."""
    for folder in _folders(settings, camera_id, day):
        if folder.is_dir():
            with temporary(folder):
                pass


def owner_of(sidecar: Path) -> str | None:
    """The episode that a sidecar names; None where it cannot be read."""
    try:
        return msgspec.json.decode(sidecar.read_bytes(), type=_Owner).episode_id
    except (OSError, msgspec.DecodeError):
        return None
