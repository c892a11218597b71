"""The cameras of a simulated day: their site file, their recording on disk, their records in the log."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from inference.retention import sweep
from inference.tracks_log import TracksLog
from infra.config import RecordingSettings, Settings
from infra.kafka import Publisher, connect_codec
from infra.recordings import Head, SegmentIndex, Tail, camera_folder, index_path, line, read_index, segment_path
from schemas.topics import TRACK_UPDATES
from tests.clip_recording import record
from tests.scenario import counter, zone
from tests.soak.day import BLOCK_S, CAMERA, HZ, SITE, STEP_MS, TIMEZONE, Block, at_ms, ended

SEGMENT_S = 30
KEEP = RecordingSettings(max_age_h=2.0, max_gb=0.25)


def write_site(path: Path, camera_ids: Sequence[str]) -> None:
    """The shop as the pipeline is told of it, with the rules as they come."""
    till, floor = counter(), zone(1.7, 4.2, 3.2, 5.6)
    described = {
        "site_id": SITE,
        "branch_id": "B-1",
        "timezone": TIMEZONE,
        "cameras": [
            {
                "camera_id": camera_id,
                "image_width": CAMERA.width_px,
                "image_height": CAMERA.height_px,
                "zones": [floor.model_dump(mode="json", exclude_none=True)],
                "service_points": [till.model_dump(mode="json")],
            }
            for camera_id in camera_ids
        ],
    }
    path.write_text(yaml.safe_dump(described, sort_keys=False))


class Feed:
    """Brings block after block of every camera: first what is recorded, then the records."""

    def __init__(self, settings: Settings, camera_ids: Sequence[str]) -> None:
        self._publisher = Publisher(settings, connect_codec(settings))
        self._recordings, self._ids = settings.recordings_dir, camera_ids
        self._model = record(settings.data_dir / "model", "model", 0, range(0, SEGMENT_S * 1000, STEP_MS), gop=2 * HZ)
        index = read_index(index_path(self._model))
        assert index is not None
        self._index: SegmentIndex = index
        self._tracks = {camera_id: TracksLog(self._recordings, camera_id) for camera_id in camera_ids}

    def close(self) -> None:
        """No more blocks come; while Kafka is there."""
        for tracks in self._tracks.values():
            tracks.close()
        del self._publisher  # one that is left complains when its broker goes

    def bring(self, blocks: Sequence[Block], *, last: bool, live: bool = False) -> None:
        """The same five minutes of all cameras, in the order of time. last: their streams end with it. live: every
        frame's records when five minutes have gone as far."""
        for block in blocks:
            self._record(block.camera_id, block.number, last=last)
        began = time.monotonic()
        for tick, updates in enumerate(zip(*(block.records() for block in blocks), strict=True)):
            if live:
                self._publisher.flush()
                time.sleep(max(0.0, began + tick / HZ - time.monotonic()))
            for update in updates:
                self._tracks[update.camera_id].add(update)
                self._publisher.publish(TRACK_UPDATES, update.camera_id, update)
        if last:
            for block in blocks:
                self._publisher.publish(TRACK_UPDATES, block.camera_id, ended(block.camera_id, block.number + 1))
        self._publisher.flush()
        self._age(blocks[0].number)

    def _record(self, camera_id: str, number: int, *, last: bool) -> None:
        """Every segment is the same pictures, on disk once."""
        each = BLOCK_S // SEGMENT_S
        for place in range(each):
            at = at_ms(number) + place * SEGMENT_S * 1000
            head = Head(
                site_id=SITE,
                camera_id=camera_id,
                lane="live",
                stream_epoch=at_ms(0),
                index=number * each + place,
                codec="h264",
                time_base_den=self._index.head.time_base_den,
                transcoded=False,
                live=False,
            )
            gops = [
                type(gop)(key_at=at + gop.key_at, key_pts=gop.key_pts, end_at=at + gop.end_at)
                for gop in self._index.gops
            ]
            path = segment_path(self._recordings, camera_id, head.stream_epoch, head.index)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(self._model, path)
            tail = Tail(last=last and place == each - 1)
            index_path(path).write_bytes(b"".join(map(line, [head, *gops, tail])))

    def _age(self, number: int) -> None:
        """Files are as old as what they show, and retention goes by that time; links to one file share an age, so the
        index, of which there is one each, tells it."""
        now_s = at_ms(number + 1) / 1000
        for camera_id in self._ids:
            for path in camera_folder(self._recordings, camera_id).iterdir():
                if path.suffix != ".mp4" and path.stat().st_mtime > now_s:
                    os.utime(path, (now_s, now_s))
        os.utime(self._model, (0, 0))
        sweep(self._recordings, KEEP, now_s)
