"""What a demo that is over does not show by itself: brought about for its tests and its pictures."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from playwright.sync_api import Page

from connectors.sink import decoded
from connectors.ways_out.failures import Filter
from connectors.ways_out.service import failures
from infra.kafka import Publisher, connect_codec, read_to_end
from infra.local.pipeline import command
from infra.local.runner import Runner, Service
from schemas.hashing import sealed
from schemas.records import Cause, ClipCut, InteractionEvent, Lineage, UnattendedEvent
from schemas.topics import CLIPS, Topic
from tests.connector_stack import wait_for
from tests.demo.running import Demo

DAY = "2026-03-02"
OTHER_ID = "22222222-2222-5222-8222-222222222222"


def publish(shown: Demo, topic: Topic, *records: Any) -> None:
    """Records of cameras; durable when this returns."""
    publisher = Publisher(shown.settings, connect_codec(shown.settings))
    for record in records:
        publisher.publish(topic, record.camera_id, record)
    publisher.flush()


def waits(shown: Demo, customer_id: int, since_s: float, **more: Any) -> UnattendedEvent:
    """A customer began to wait so long ago, and still does."""
    return UnattendedEvent(**{**_open(shown, customer_id, since_s), **more})


def is_served(shown: Demo, staff_id: int, customer_id: int, since_s: float, **more: Any) -> InteractionEvent:
    """Somebody of the staff came to a customer so long ago, and still is there."""
    return InteractionEvent(**{**_open(shown, customer_id, since_s), "staff_id": staff_id, **more})


def _open(shown: Demo, customer_id: int, since_s: float) -> dict[str, Any]:
    now = time.time_ns() // 1_000_000
    return {
        "episode_id": f"{customer_id:08d}-1111-5111-8111-111111111111", "facet_revision": 1, "phase": "started",
        "ordinal": 99, "site_id": shown.site.site_id, "camera_id": "counter", "lane": "live", "business_day": DAY,
        "customer_id": customer_id, "started_at": now - round(since_s * 1000), "confidence": 0.9, "support": 1.0,
        "lineage": Lineage(), "rules_version": "r", "cause": Cause(stream_epoch=now, sequence=50, captured_at=now),
        "hash": "h",
    }  # fmt: skip


def drawn_without_the_shoes(shown: Demo, page: Page) -> Path:
    """The sales floor is drawn anew in the browser, and nobody waits at the shoes; the new version of the site file."""
    page.goto("/setup/floor")
    page.get_by_role("button", name="Shoes").click()
    page.get_by_role("button", name="Delete this shape").click()
    page.get_by_label("Why").fill("the shoes have moved out")
    page.get_by_role("button", name="Save").click()
    page.locator("#result .badge-ok").wait_for()
    named = re.search(r"\w{16}", page.locator("#result").inner_text())
    assert named is not None
    [version] = shown.folder.glob(f"rules/*/{named[0]}.yaml")
    return version


def replayed(shown: Demo, version: str, site: Path) -> None:
    """The sales floor's day is folded again with another site file."""
    words = ("replay", "--version", version, "--day", DAY, "--camera", "floor", "--site", str(site))
    subprocess.run(command(shown.folder, *words), check=True, capture_output=True, timeout=120)


def clip_of_other_bytes(shown: Demo) -> tuple[ClipCut, Path, Path]:
    """A clip to be stored whose file is not the one that was cut; where it lies, and the file that it should be."""
    codec = connect_codec(shown.settings)
    clips = (clip for _, clip in decoded(read_to_end(shown.settings, CLIPS), codec, None))
    cut = next(clip for clip in clips if isinstance(clip, ClipCut) and clip.status == "complete")
    assert cut.segment_filename is not None
    right = shown.settings.segments_dir / cut.camera_id / cut.segment_filename
    wrong = right.with_name(cut.segment_filename.replace("segment_", "segment_9"))
    wrong.write_bytes(b"something else")
    about = msgspec.structs.replace(cut.subject, episode_id=OTHER_ID, occurrence_id=OTHER_ID)
    clip = msgspec.structs.replace(
        cut, episode_id=OTHER_ID, occurrence_id=OTHER_ID, subject=about, segment_filename=wrong.name
    )
    clip = sealed(clip)
    publish(shown, CLIPS, clip)
    return clip, wrong, right


@contextmanager
def storing(shown: Demo) -> Iterator[None]:
    """The service that stores clips runs beside, as a process."""
    service = Service("upload", command(shown.folder, "connect", "upload", "--site", str(shown.site_path)), always=True)
    with Runner(shown.folder / "run-storing", [service]):  # "run" is the demo's, which shows the console
        yield


def await_failed_upload(shown: Demo) -> None:
    """Until the list of failures has one."""
    wait_for(lambda: Filter(step="upload").of(failures(shown.settings, shown.site)))
