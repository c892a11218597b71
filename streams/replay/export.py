"""Export: the log of a unit as a container file, with the rules and skips that its fold needs beside it.

<dir>/<lane>/<camera_id>/<day>/track-updates.avro, camera-rules.avro, fold-skips.avro. Retention in Kafka is finite; a
replay of these files gives the same events as one of the topic, and needs no server.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from fastavro.write import Writer

from infra.failpoint import failpoint
from infra.whole import WholeFile
from schemas.acts import FoldSkip
from schemas.avro import schema_text
from schemas.codec import Codec, MemoryRegistry
from schemas.errors import InputError
from schemas.records import RulesSet, TrackUpdate
from schemas.topics import CAMERA_RULES, FOLD_SKIPS, TRACK_UPDATES
from streams.progress import place_of
from streams.replay import files, manifest
from streams.replay.manifest import Inputs, Manifest, inputs_of
from streams.replay.share import Exported, Share
from streams.replay.unit import Outcome, Unit
from streams.replay.work import CUT_OFF, Head, Job

LOG = files.name_of(TRACK_UPDATES)


def folder_of(exported: Path, unit: Unit) -> Path:
    """Where a unit's files are."""
    return exported / unit.lane / unit.camera_id / unit.day


def shares(exported: Path, units: Sequence[Unit]) -> list[Share]:
    """The units that are there. Raises InputError when a file is not as it was written, or not of these days."""
    found = []
    for unit in units:
        folder = folder_of(exported, unit)
        if not folder.exists():
            continue
        known = manifest.whole(folder)
        if known is None:
            raise InputError(f"{folder}: its files are not whole; export {unit} again, or leave it out")
        if (known.inputs.begins_at, known.inputs.ends_at) != (unit.begins_at, unit.ends_at):
            raise InputError(
                f"{folder}: exported when the business day began at another time; "
                "give the site file the timezone and business_day_starts of then"
            )
        log = known.files[LOG]
        found.append(Share(Exported(folder / LOG, log.sha256, log.records), (unit,)))
    return found


def beside(exported: Path, found: Sequence[Share]) -> tuple[list[RulesSet], list[FoldSkip]]:
    """The rules and skips of these units."""
    rules: list[RulesSet] = []
    skips: list[FoldSkip] = []
    for share in found:
        folder = folder_of(exported, share.units[0])
        rules += files.read_topic(folder / files.name_of(CAMERA_RULES), RulesSet)
        skips += files.read_topic(folder / files.name_of(FOLD_SKIPS), FoldSkip)
    return rules, skips


@dataclass(frozen=True)
class Exporting:
    """Writes units to their folders in `out`."""

    out: Path
    rules: Mapping[str, RulesSet]
    """Every set that was published, by its version."""
    skips: Sequence[FoldSkip]

    def job(self, unit: Unit, share: Share) -> Job:
        """A file being written."""
        return _ExportJob(self, unit, share)

    def kept(self, unit: Unit, share: Share) -> Outcome | None:
        """A unit that was exported."""
        folder = folder_of(self.out, unit)
        return manifest.kept(folder, unit, lambda closed_at: self.inputs(unit, share, closed_at))

    def inputs(self, unit: Unit, share: Share, closed_at: int | None) -> Inputs:
        """What the file is made from: rules are under their hash, and the log names those that it needs."""
        schema = hashlib.sha256(schema_text(TrackUpdate).encode()).hexdigest()
        return inputs_of(unit, share, closed_at, [place_of(s) for s in self.skips], f"track-updates {schema}", None)


class _ExportJob:
    def __init__(self, work: Exporting, unit: Unit, share: Share) -> None:
        self._work, self._unit, self._share = work, unit, share
        self._folder = folder_of(work.out, unit)
        self._head = Head(unit, share)
        self._skips = [skip for skip in work.skips if (skip.camera_id, skip.lane) == (unit.camera_id, unit.lane)]
        self._places = {place_of(skip) for skip in self._skips}
        self._named: set[str] = set()
        self._all = self._records = 0
        self._closed_at: int | None = None
        self._file: WholeFile | None = None
        self.over = False

    def take(self, update: TrackUpdate, at: int) -> None:
        if self._head.before(update):
            return
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = WholeFile(self._folder / LOG)
            self._writer: Writer = files.log_writer(self._file.file, _marker(self._unit))
        self._writer.write(msgspec.to_builtins(update))
        self._all += 1
        self._records += update.captured_at < self._unit.ends_at
        if update.control is not None:
            self._named.add(update.control.rules_version)
        if self._unit.is_closed_by(update) and place_of(update) not in self._places:
            self._closed_at, self.over = at, True

    def finish(self) -> Outcome:
        if self._file is None or not self._records or self._head.missing:
            self.leave()
            return Outcome(self._unit, self._records, error=CUT_OFF if self._records else None)
        manifest.begin(self._folder)
        self._writer.flush()
        self._file.commit()
        failpoint("replay.file")
        codec = Codec(MemoryRegistry())
        rules = [self._work.rules[name] for name in sorted(self._named) if name in self._work.rules]
        skips = sorted(self._skips, key=place_of)
        written = {
            LOG: files.written(self._folder / LOG, self._all),
            files.name_of(CAMERA_RULES): files.write_topic(self._folder, CAMERA_RULES, rules, codec),
            files.name_of(FOLD_SKIPS): files.write_topic(self._folder, FOLD_SKIPS, skips, codec),
        }
        failpoint("replay.sealing")
        inputs = self._work.inputs(self._unit, self._share, self._closed_at)
        return manifest.seal(self._folder, self._unit, Manifest(inputs, self._records, written))

    def leave(self) -> None:
        if self._file is not None:
            self._file.abort()


def _marker(unit: Unit) -> bytes:
    """Of the blocks of a unit's file."""
    return hashlib.sha256(f"{unit.lane}|{unit.camera_id}|{unit.begins_at}".encode()).digest()[:16]
