"""What came out of a demo: found beside scripted episodes, their clips, and where everything lies."""

import io
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.console import Console
from rich.table import Table

from infra.config import Settings
from infra.demo.compare import Comparison, compare
from infra.demo.counter import read_counter
from infra.kafka import connect_codec, read_to_end
from schemas import topics
from schemas.records import Alert, Episode, InteractionEvent, UnattendedEvent
from schemas.site import Site

QUERY = "SELECT camera_id, kind, count() AS episodes, round(avg(duration_s), 1) AS mean_s FROM episodes GROUP BY ALL"


@dataclass(frozen=True)
class Found:
    """An episode as the pipeline states it, with the boxes of its people at confirmation."""

    episode: Episode
    alert: Alert | None


def read_found(settings: Settings) -> list[Found]:
    """The newest revision of every episode on the topic, in order of start."""
    codec = connect_codec(settings)
    newest: dict[str, Episode] = {}
    for message in read_to_end(settings, topics.EPISODES):
        if message.value() is not None:
            episode = codec.decode(message.value(), Episode)
            known = newest.get(episode.episode_id)
            if known is None or (episode.activation, episode.revision) >= (known.activation, known.revision):
                newest[episode.episode_id] = episode
    alerts: dict[str, Alert] = {}
    for message in read_to_end(settings, topics.INTERACTION_EVENTS):
        talk = codec.decode(message.value(), InteractionEvent)
        if talk.alert is not None:
            alerts[talk.episode_id] = talk.alert
    for message in read_to_end(settings, topics.UNATTENDED_EVENTS):
        wait = codec.decode(message.value(), UnattendedEvent)
        if wait.alert is not None:
            alerts[wait.episode_id] = wait.alert
    found = [Found(e, alerts.get(e.episode_id)) for e in newest.values() if e.phase != "retracted"]
    return sorted(found, key=lambda f: (f.episode.started_at, f.episode.episode_id))


def as_compared(found: Found) -> dict[str, Any]:
    """A found episode as the comparison takes it."""
    episode = found.episode
    return {
        "camera_id": episode.camera_id,
        "kind": episode.kind,
        "occurrence": episode.occurrence_id,
        "started_at": episode.started_at,
        "ended_at": episode.ended_at,
        "boxes_at": episode.confirmed_at,
        "boxes": {b.role: (b.x1, b.y1, b.x2, b.y2) for b in (found.alert.boxes if found.alert else [])},
        "episode": episode,
    }


def clip_frames(path: Path) -> tuple[int, int]:
    """The burnt-in numbers of a clip's first and last frame."""
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        first = next(frames)
        [last] = deque(frames, maxlen=1) or [first]
        numbers = [read_counter(frame.to_ndarray(format="bgr24").astype(np.uint8)) for frame in (first, last)]
    return numbers[0], numbers[1]


def clip_is_right(settings: Settings, episode: Episode, first_frame_at: int, frame_ms: int) -> bool:
    """True when the clip's first and last frame numbers are those of covered_from and covered_to."""
    evidence = episode.evidence
    if evidence.segment_filename is None or evidence.covered_from is None or evidence.covered_to is None:
        return False
    first, last = clip_frames(settings.segments_dir / episode.camera_id / evidence.segment_filename)
    return (first, last) == (
        round((evidence.covered_from - first_frame_at) / frame_ms),
        round((evidence.covered_to - first_frame_at) / frame_ms),
    )


def scripted_table(result: Comparison, first_frame_at: int, clips_right: dict[str, bool]) -> Table:
    """Scripted beside found, then what was found beyond the script."""
    table = Table(title="scripted and found", title_justify="left")
    for column in ("camera", "what", "scripted s", "found s", "start", "end", "clip", "incident"):
        table.add_column(column, justify="left" if column in ("camera", "what") else "right")
    for match in result.matched:
        episode: Episode = match.found["episode"]
        table.add_row(
            episode.camera_id,
            f"{episode.kind} ({match.people} people)",
            f"{match.scripted['start_s']:.1f}-{match.scripted['end_s']:.1f}",
            _span(episode, first_frame_at),
            f"{match.start_difference_ms / 1000:+.1f}",
            f"{match.end_difference_ms / 1000:+.1f}",
            "right" if clips_right.get(episode.episode_id) else f"WRONG ({episode.evidence.status})",
            episode.incident.status or "none",
        )
    for scripted in result.missing:
        span = f"{scripted['start_s']:.1f}-{scripted['end_s']:.1f}"
        table.add_row(scripted["camera_id"], scripted["kind"], span, "MISSING", "", "", "", "")
    for extra in result.extra:
        table.add_row(extra["camera_id"], extra["kind"], "NOT SCRIPTED", _span(extra["episode"], first_frame_at))
    return table


def found_table(found: list[Found], site: Site) -> Table:
    """What was found in a person's own video."""
    table = Table(title="found", title_justify="left")
    for column in ("camera", "what", "from", "for s", "evidence", "clip", "incident"):
        table.add_column(column)
    for one in found:
        e = one.episode
        table.add_row(
            e.camera_id,
            e.kind,
            f"{site.local_time(e.started_at):%Y-%m-%d %H:%M:%S}",
            "" if e.duration_s is None else f"{e.duration_s:.1f}",
            e.evidence.status,
            e.evidence.segment_filename or "",
            e.incident.status or "none",
        )
    return table


def as_text(table: Table) -> str:
    """A table as plain text, 120 columns."""
    out = io.StringIO()
    Console(file=out, width=120, color_system=None).print(table)
    return out.getvalue()


def write(
    options: Any, settings: Settings, site: Site, *, audit: Any, ask: Callable[[Settings, str], str]
) -> tuple[str, bool]:
    """The closing text, and whether all is as it should be."""
    found = read_found(settings)
    good, lines = True, [""]
    if options.source:
        lines.append(as_text(found_table(found, site)))
    else:
        truth = json.loads((options.folder / f"shop-{options.seed}" / "truth.json").read_text())
        result = compare([as_compared(one) for one in found], truth)
        frame_ms = round(1000 / truth["rate_hz"])
        right = {f.episode.episode_id: clip_is_right(settings, f.episode, truth["start_ms"], frame_ms) for f in found}
        lines.append(as_text(scripted_table(result, truth["start_ms"], right)))
        scripted = len(result.matched) + len(result.missing)
        incidents, occurrences = result.incidents
        lines.append(
            f"found {len(result.matched)} of {scripted} scripted episodes, {len(result.extra)} not scripted; "
            f"{sum(right.values())} of {len(found)} clips begin and end with the frames they say; "
            f"{incidents} of {occurrences} incidents are of the right episodes"
        )
        good = result.perfect and all(right.values()) and incidents == occurrences
    report = audit.verify(settings, site)
    good = good and report.agrees
    lines += ["", report.text(), "", f"SQL: {QUERY}", ask(settings, QUERY)]
    lines += [f"one video: {url}" for url in [f.episode.evidence.video_url for f in found][:1] if url]
    lines += [
        f"clips: {settings.segments_dir}",
        f"snapshot: {next(iter(sorted(settings.snapshots_dir.rglob('*.json'))), settings.snapshots_dir)}",
    ]
    return "\n".join(lines), good


def _span(episode: Episode, first_frame_at: int) -> str:
    start = (episode.started_at - first_frame_at) / 1000
    return f"{start:.1f}-" + ("" if episode.ended_at is None else f"{(episode.ended_at - first_frame_at) / 1000:.1f}")
