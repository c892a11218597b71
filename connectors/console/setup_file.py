"""Versions of the rules as files: <data_dir>/rules/<site_id>/<rules_version>.yaml, whole site files that nothing uses
until somebody starts a process with one."""

import hashlib
import re
import threading
from dataclasses import dataclass
from pathlib import Path

from connectors.console.setup import BadDrawing, Drawing, Wrong, drawn
from connectors.console.setup_yaml import CannotRewrite, redrawn
from infra.whole import WholeFile
from schemas.errors import InputError
from schemas.ids import safe_name
from schemas.site import Site, SiteError, read_site

NOTE = "# console: "
"""A line of a version's head: who drew what, when and why, the last one first."""
NOTE_MAX = 200
_saving = threading.Lock()


class Changed(InputError):
    """The file is not the one any more that the drawing began with: open the page again and draw on that."""


@dataclass(frozen=True)
class Opened:
    """A site file that is drawn on."""

    name: str
    """Of the version; empty: the file that the console was started with."""
    path: Path
    text: str
    site: Site

    @property
    def seal(self) -> str:
        """Differs when the text does."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Version:
    """A version on disk."""

    name: str
    path: Path
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Saved:
    """What saving came to."""

    path: Path
    rules_version: str
    is_new: bool
    """False: the same was there already."""


@dataclass(frozen=True)
class Note:
    """Who saves, when (as the site's people write it) and why."""

    by: str
    at: str
    reason: str

    def line(self, camera_id: str, rules_version: str) -> str:
        """One line of comment, whatever the fields hold."""
        why = f": {_clean(self.reason)}" if _clean(self.reason) else ""
        said = f"rules {rules_version} of camera {camera_id}, drawn by {_clean(self.by)} on {_clean(self.at)}{why}"
        return f"{NOTE}{said}\n"


def _clean(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:NOTE_MAX]


def folder(data_dir: Path, site_id: str) -> Path:
    """Where a site's versions are kept."""
    return data_dir / "rules" / safe_name(site_id)


def versions(data_dir: Path, site_id: str) -> list[Version]:
    """Those on this machine, the newest first."""
    found = [
        path for path in folder(data_dir, site_id).glob("*.yaml") if re.fullmatch(r"[0-9a-f]{16}(_\d+)?", path.stem)
    ]
    found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [Version(path.stem, path, _split(path.read_text(encoding="utf-8"))[0]) for path in found]


def opened(data_dir: Path, site_path: Path, site_id: str, name: str = "") -> Opened:
    """The file as it is now; name: of a version instead. Raises SiteError."""
    path = site_path
    if name:
        by_name = {version.name: version.path for version in versions(data_dir, site_id)}
        if name not in by_name:
            raise SiteError(
                f"there is no version {name!r} of the rules of {site_id}; leave it out, or choose one listed"
            )
        path = by_name[name]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: cannot read the site file: {error}") from error
    return Opened(name, path, text, read_site(text, path))


def save(data_dir: Path, of: Opened, camera_id: str, drawing: Drawing, note: Note) -> Saved:
    """Keep the drawing as a version; the same content twice is the same file.

    Raises BadDrawing where the site file would not be valid, CannotRewrite, SiteError for an unknown camera.
    """
    before = drawn(of.site.camera(camera_id))
    if drawing == before:
        return Saved(of.path, of.site.effective_rules(camera_id).version, is_new=False)
    notes, body = _split(of.text)
    text = redrawn(body, camera_id, before, drawing, str(of.site.base(of.path)))
    try:
        site = read_site(text, Path("new version"))
    except SiteError as error:
        raise BadDrawing([Wrong("", None, line) for line in str(error).splitlines()]) from error
    if drawn(site.camera(camera_id)) != drawing:
        raise CannotRewrite(
            "the site file could not be rewritten so that it says what was drawn; draw it there by hand"
        )
    rules_version = site.effective_rules(camera_id).version
    head = note.line(camera_id, rules_version) + "".join(f"{NOTE}{line}\n" for line in notes)
    where = folder(data_dir, of.site.site_id)
    where.mkdir(parents=True, exist_ok=True)
    with _saving:
        number = 1
        while True:  # the same rules of this camera may stand beside other rules of another one
            path = where / f"{rules_version}{'' if number == 1 else f'_{number}'}.yaml"
            if not path.exists():
                break
            if _split(path.read_text(encoding="utf-8"))[1] == text:
                return Saved(path, rules_version, is_new=False)
            number += 1
        with WholeFile(path) as file:
            file.write((head + text).encode())
    return Saved(path, rules_version, is_new=True)


def _split(text: str) -> tuple[tuple[str, ...], str]:
    """The notes in the head, and what follows."""
    notes = []
    while text.startswith(NOTE):
        line, _, text = text.partition("\n")
        notes.append(line.removeprefix(NOTE))
    return tuple(notes), text
