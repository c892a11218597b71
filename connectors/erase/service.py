"""Erasing: the decision in the topic first, then every picture, then what the stores say, then that it is finished.

    decision in `evidence-removals` -> clip and upload make none any more -> files, objects -> Episodes, rows
             -> the decision again, finished

Killed anywhere, the same command called again ends in the same state: what was decided is not decided again, what is
gone is not missed, and records have the same bytes.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from connectors.audit.service import resolve
from connectors.audit.settled import not_done
from connectors.clickhouse import schema
from connectors.clickhouse.client import connected
from connectors.erase import files, plan, recording
from connectors.erase.objects import Objects
from connectors.erase.plan import Known, Word
from connectors.sink import decoded
from connectors.upload.plan import has_file, object_name
from connectors.upload.s3 import client
from infra.config import Settings
from infra.failpoint import failpoint
from infra.kafka import Publisher, connect_codec, ensure_topics, read_to_end
from infra.local.files import locked
from infra.partitions import partition_of
from schemas.acts import EvidenceRemoved
from schemas.errors import InputError
from schemas.ids import day_span
from schemas.promotions import CameraDay
from schemas.records import ClipUploaded
from schemas.removals import REVISIONS, newest
from schemas.site import Site
from schemas.topics import CLIPS, EPISODES, EVIDENCE_REMOVALS, UPLOADS, work

LOOK_EVERY_S = 0.5
JOIN_S = 10.0
"""How long the join may take to state what was decided; what it cannot is stated here."""
OF_CAMERA = (CLIPS, UPLOADS, EVIDENCE_REMOVALS)
NAMELESS = """\
    INSERT INTO episode_log SELECT * REPLACE (
        {status:String} AS evidence_status, NULL AS evidence_reason, revision + {more:UInt32} AS revision,
        NULL AS segment_filename, NULL AS uploaded_filename, NULL AS video_url, NULL AS clip_sha256,
        NULL AS covered_from, NULL AS covered_to, NULL AS uploaded_at, NULL AS closing_filename,
        NULL AS closing_uploaded_filename, NULL AS closing_sha256
    ) FROM episode_log FINAL
    WHERE site_id = {site:String} AND toString(business_day) IN {days:Array(String)}
        AND episode_id IN {episodes:Array(String)} AND version NOT IN {shown:Array(String)}
        AND evidence_status NOT IN ('erased', {status:String})"""


class NotErased(InputError):
    """What was asked for cannot be erased now; nothing was changed. The text says why and what to do."""


@dataclass
class Erased:
    """What became of it."""

    episode_ids: list[str] = field(default_factory=list)
    decided: list[EvidenceRemoved] = field(default_factory=list)
    """New decisions."""
    gone: list[str] = field(default_factory=list)
    """Files and objects that were there."""
    left: list[str] = field(default_factory=list)
    """What this program cannot take away: one line each, with whom to ask."""
    unfinished: list[str] = field(default_factory=list)
    """Why the same command has to be called again: one line each."""


class Erasing:
    """One command, or one turn of the retention. Promotions and others like it on this machine wait meanwhile."""

    def __init__(self, settings: Settings, site: Site, publisher: Publisher | None = None) -> None:
        self._settings, self._site = settings, site
        ensure_topics(settings)
        self._publisher = publisher or Publisher(settings, connect_codec(settings))
        self._objects: Objects | None = None

    def episode(self, given: str) -> tuple[set[str], Known]:
        """The one episode whose id is `given` or begins so, and what is known of its camera. Raises UnknownEpisode."""
        known = self.known()
        episode_id = resolve(given, known.episodes)
        return {episode_id}, known

    def day(self, camera_id: str, day: str) -> tuple[set[str], Known]:
        """The episodes of a camera's business day. Raises SiteError for a camera that is none of the site's."""
        self._site.camera(camera_id)
        known = self.known([camera_id])
        return plan.of_day(known, camera_id, day), known

    def known(self, cameras: Collection[str] = ()) -> Known:
        """What the topics say; cameras: only of these. Raises KafkaUnavailable, RegistryUnavailable."""
        known = Known()
        for topic in (EPISODES, *OF_CAMERA):
            there = None
            if cameras and topic is not EPISODES:
                there = sorted({partition_of(camera, topic.partitions) for camera in cameras})
            for _, record in decoded(read_to_end(self._settings, topic, there), self._publisher.codec, None):
                of_site = getattr(record, "site_id", None) == self._site.site_id
                if of_site and (not cameras or getattr(record, "camera_id", None) in cameras):
                    known.take(record)
        return known

    def remove(
        self,
        asked: Collection[str],
        known: Known,
        word: Word,
        *,
        wait_s: float = 30.0,
        recording_of: CameraDay | None = None,
    ) -> Erased:
        """Remove the pictures of these episodes and of all that share a clip with them.

        recording_of: (camera_id, day) whose continuous recording goes as well. Raises NotErased, ServerErrors.
        """
        with locked(self._settings.replays_dir / ".promoting"):
            return self._remove(asked, known, word, wait_s, recording_of)

    def _remove(
        self, asked: Collection[str], known: Known, word: Word, wait_s: float, recording_of: CameraDay | None
    ) -> Erased:
        done = Erased(sorted(plan.group(asked, known)))
        done.decided = plan.decisions(asked, done.episode_ids, known, word)
        paths = [] if recording_of is None else list(self._recorded(*recording_of))
        if recording_of is not None and (paths or not _of_recording(known, recording_of)):
            done.decided.append(plan.of_recording(self._site.site_id, *recording_of, word))
        self._publish(done.decided)
        failpoint("erase.after_decision")
        known.removals += done.decided
        done.unfinished += self._settled(done.episode_ids, wait_s)
        removed = known.removed()
        fresh = self.known({removed[i].camera_id for i in done.episode_ids if i in removed} or {""})
        self._take_away(fresh, done)
        done.gone += [path.name for path in files.remove(paths)]
        failpoint("erase.after_files")
        self._state(done.episode_ids, fresh.removals, wait_s)
        failpoint("erase.after_topic")
        self._rows(done.episode_ids, fresh)
        if not done.unfinished:
            now_ms = time.time_ns() // 1_000_000
            open_ = [r for i, r in newest(fresh.removals).items() if i in done.episode_ids and r.finished_at is None]
            open_ += _unfinished(known, recording_of)
            self._publish([msgspec.structs.replace(r, finished_at=now_ms) for r in open_])
        return done

    def _recorded(self, camera_id: str, day: str) -> Iterator[Path]:
        begin, end = self.span(camera_id, day)
        if end > time.time_ns() // 1_000_000:
            raise NotErased(
                f"--recordings: {day} is not over on {camera_id}: its recorder still writes; wait for the end"
            )
        yield from recording.of_span(self._settings.recordings_dir, camera_id, begin, end)

    def span(self, camera_id: str, day: str) -> tuple[int, int]:
        """[begin, end) of a camera's business day, ms UTC."""
        rules = self._site.effective_rules(camera_id)
        return day_span(day, rules.timezone, rules.day_starts_min)

    def _publish(self, records: Sequence[EvidenceRemoved]) -> None:
        for record in records:
            self._publisher.publish(EVIDENCE_REMOVALS, record.camera_id, record)
        self._publisher.flush()

    def _settled(self, episode_ids: Collection[str], wait_s: float) -> list[str]:
        """Wait until nothing is being made of these episodes; what still is after wait_s."""
        until = time.monotonic() + wait_s
        while open_ := [line for part in ("clip", "upload") for line in self._under_way(part, episode_ids)]:
            if time.monotonic() >= until:
                return [
                    f"{line}; run this again when the {line.partition(':')[0]} service has left it" for line in open_
                ]
            time.sleep(LOOK_EVERY_S)
        return []

    def _under_way(self, part: str, episode_ids: Collection[str]) -> list[str]:
        messages = read_to_end(self._settings, work(part))
        records = (((m.key() or b"").decode(), m.value()) for m in messages)
        return list(not_done(((k, v) for k, v in records if k.partition(":")[0] in episode_ids), part, self._site))

    def _take_away(self, known: Known, done: Erased) -> None:
        """Files, sidecars and objects."""
        clips, ids = known.clips_of(done.episode_ids), set(done.episode_ids)
        paths = [path for clip in clips for path in files.of_record(self._settings, clip)]
        for camera_id, day in {(r.camera_id, r.business_day) for i, r in known.removed().items() if i in ids}:
            paths += files.of_day(self._settings, camera_id, day, ids)
            files.sweep_half_cut(self._settings, camera_id, day)
        done.gone += [f"{path.parent.name}/{path.name}" for path in files.remove(paths)]
        for host in {clip.host for clip in clips} - {None, self._settings.host}:
            count = sum(clip.host == host for clip in clips)
            done.left.append(f"{count} clip files were cut on {host}: run the same command there")
        failpoint("erase.after_clips")
        for bucket, key, episode_id in dict.fromkeys(self._stored(known, done)):
            if self._s3().remove(bucket, key, episode_id):
                done.gone.append(f"s3://{bucket}/{key}")

    def _stored(self, known: Known, done: Erased) -> Iterator[tuple[str, str, str]]:
        """(bucket, key, episode_id) of every object; also those whose upload nobody came to state."""
        for upload in known.uploads_of(done.episode_ids):
            if upload.adapter == "s3" and upload.uploaded_filename:
                yield upload.bucket or self._settings.s3.bucket, upload.uploaded_filename, upload.episode_id
            elif upload.adapter != "s3":
                done.left.append(_to_ask(upload))
        if self._settings.upload.adapter == "s3":
            for clip in known.clips_of(done.episode_ids):
                if has_file(clip):
                    yield self._settings.s3.bucket, self._settings.s3.prefix + object_name(clip), clip.episode_id

    def _s3(self) -> Objects:
        self._objects = self._objects or Objects(client(self._settings))
        return self._objects

    def _state(self, episode_ids: Collection[str], removals: list[EvidenceRemoved], wait_s: float) -> None:
        """Wait until the join says it; what it does not (its entry is gone, or another version counts), we say."""
        until = time.monotonic() + min(wait_s, JOIN_S)
        while due := plan.stated(episode_ids, self._stated_now(episode_ids, removals)):
            if time.monotonic() >= until:
                for episode in due:
                    self._publisher.publish(EPISODES, episode.episode_id, episode)
                self._publisher.flush()
                return
            time.sleep(LOOK_EVERY_S)

    def _stated_now(self, episode_ids: Collection[str], removals: list[EvidenceRemoved]) -> Known:
        known, keys = Known(removals=removals), {episode_id.encode() for episode_id in episode_ids}
        there = sorted({partition_of(episode_id, EPISODES.partitions) for episode_id in episode_ids})
        messages = (m for m in read_to_end(self._settings, EPISODES, there) if m.key() in keys)
        for _, record in decoded(messages, self._publisher.codec, None):
            known.take(record)
        return known

    def _rows(self, episode_ids: Collection[str], known: Known) -> None:
        """Rows of versions that do not count name no clip either; those that count follow the topic."""
        removed = known.removed()
        schema.apply(self._settings)
        with connected(self._settings) as click:
            for status in dict.fromkeys(removed[i].status for i in episode_ids if i in removed):
                of_status = [i for i in episode_ids if i in removed and removed[i].status == status]
                parameters = {
                    "site": self._site.site_id,
                    "days": sorted({removed[i].business_day for i in of_status}),
                    "episodes": of_status,
                    "shown": sorted({known.episodes[i].version for i in of_status if i in known.episodes}),
                    "status": status,
                    "more": REVISIONS[status],
                }
                click.command(NAMELESS, parameters=parameters)


def _of_recording(known: Known, recording_of: CameraDay | None) -> list[EvidenceRemoved]:
    """The decisions about a camera's recording of a day."""
    return [r for r in known.removals if r.episode_id is None and (r.camera_id, r.business_day) == recording_of]


def _unfinished(known: Known, recording_of: CameraDay | None) -> list[EvidenceRemoved]:
    decided = _of_recording(known, recording_of)
    finished = {removal.hash for removal in decided if removal.finished_at is not None}
    return [removal for removal in decided if removal.hash not in finished]


def _to_ask(upload: ClipUploaded) -> str:
    what = upload.uploaded_filename or f"{upload.segment_filename}, which may have been accepted under an unknown name,"
    return f"{what} of episode {upload.episode_id}: ask the upload API's people to delete it; it has no way to do so"
