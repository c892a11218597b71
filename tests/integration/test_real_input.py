"""The whole pipeline on real video: two cameras at once, from file to row, beside what the labels say."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import av
import pytest
import yaml

from connectors.audit import service as audit
from connectors.clickhouse import client
from infra.config import Settings, load_settings
from infra.kafka import connect_codec, read_to_end
from infra.local import stack
from infra.local.pipeline import process_files
from schemas import topics
from schemas.codec import Codec
from schemas.records import ClipCut, IncidentReported, InteractionEvent
from schemas.site import load_site
from tests import labels

DATA = Path(os.environ.get("TRACKFOLD_TESTDATA", "../shared"))
FOOTAGE, MODEL = DATA / "footage", DATA / "models" / "yolo26n_int8_openvino_model"
LABELS = DATA / "groundtruth" / "pets2009" / "PETS2009-S2L1.xml"
START = datetime(2026, 3, 2, 10, tzinfo=UTC)
FRAME_MS = 100

pytestmark = [
    pytest.mark.skipif(not LABELS.exists(), reason=f"no footage and labels at {DATA} (TRACKFOLD_TESTDATA)"),
    pytest.mark.timeout(900),
]


def write_site(folder: Path) -> Path:
    cameras = [
        {
            "camera_id": name,
            "source": str((FOOTAGE / file).resolve()),
            "start_time": START.isoformat(),
            "detector": {"weights": str(MODEL.resolve())},
        }
        for name, file in (("pets", "vtest.avi"), ("aisle", "one-by-one-person-detection.mp4"))
    ]
    path = folder / "site.yaml"
    path.write_text(
        yaml.safe_dump({"site_id": "real", "branch_id": "1", "pairs": "any", "cameras": cameras}, sort_keys=False)
    )
    return path


def test_real_video_becomes_rows_with_real_clips(tmp_path: Path, figures: Callable[[str], None]) -> None:
    # given two real videos as two cameras at once
    stack_dir = tmp_path / "stack"
    stack.up(stack_dir, say=print)
    try:
        site_path = write_site(tmp_path)
        settings = load_settings(stack_dir=stack_dir, data_dir=tmp_path)
        site = load_site(site_path)

        # when they run through every part
        infer_s = process_files(
            settings,
            site_path,
            settle=lambda s: audit.settle(s, timeout_s=240, say=print),
            say=print,
            env={"TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0"},
        )

        # then all stores agree, and there is an episode with a clip that plays
        report = audit.verify(settings, site)
        assert report.agrees, report.text()
        rows = client.query(
            settings, "SELECT camera_id, segment_filename, evidence_status, incident_status FROM episodes"
        ).rows
        assert rows
        assert {row[2] for row in rows} <= {"available", "partial"}
        assert {row[3] for row in rows} <= {"reported"}
        for camera_id, segment, *_ in rows:
            with av.open(str(settings.segments_dir / camera_id / segment)) as clip:
                assert clip.streams.video[0].codec_context.name == "h264"
                assert sum(1 for _ in clip.decode(video=0)) > 50

        # and the episodes agree with those that the fold finds from hand-labelled boxes
        codec = connect_codec(settings)
        events = [codec.decode(m.value(), InteractionEvent) for m in read_to_end(settings, topics.INTERACTION_EVENTS)]
        pets = [e for e in events if e.camera_id == "pets"]
        frames = labels.pets_boxes(LABELS)
        start_at = int(START.timestamp() * 1000)
        rules = site.effective_rules("pets")
        log = labels.log_of(frames, rules, start_at=start_at, frame_ms=FRAME_MS, width=768, height=576)
        labelled = labels.labelled_spells(log, rules)
        found = labels.spells(pets)
        scores = {
            tiou: labels.f1(found, labelled, frames, start_at=start_at, frame_ms=FRAME_MS, tiou=tiou)
            for tiou in (0.3, 0.5)
        }

        frame_count = sum(1 for _ in read_to_end(settings, topics.TRACK_UPDATES))
        agree = ", ".join(f"{f1:.2f} at tIoU {tiou} ({n} matched)" for tiou, (f1, n) in scores.items())
        figures(f"episodes on vtest.avi: {len(found)} from detections, {len(labelled)} from labels; F1 {agree}")
        figures(
            f"both cameras: {len(rows)} episodes, {frame_count} records in {infer_s:.1f} s of inference, "
            f"{frame_count / infer_s:.1f} frames/s; {_latencies(settings, codec)}"
        )
        assert labelled
        assert scores[0.3][1] >= 1
    finally:
        stack.down(stack_dir, say=print)


def _latencies(settings: Settings, codec: Codec) -> str:
    """Seconds from the confirmed event's publication to the incident's acceptance (record times and reported_at)."""
    confirmed: dict[str, int] = {}
    for message in read_to_end(settings, topics.INTERACTION_EVENTS):
        event = codec.decode(message.value(), InteractionEvent)
        if event.phase == "confirmed":
            confirmed[event.episode_id] = message.timestamp()[1]
    reported = [codec.decode(m.value(), IncidentReported) for m in read_to_end(settings, topics.INCIDENTS)]
    waits = sorted((r.reported_at - confirmed[r.episode_id]) / 1000 for r in reported)
    cut = [codec.decode(m.value(), ClipCut).status for m in read_to_end(settings, topics.CLIPS)]
    p50, p95 = waits[len(waits) // 2], waits[min(len(waits) - 1, int(len(waits) * 0.95))]
    return f"confirmed to incident p50 {p50:.1f} s, p95 {p95:.1f} s; clips {json.dumps({s: cut.count(s) for s in cut})}"
