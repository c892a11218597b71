"""A diff for a person, and for a machine (pure)."""

from collections.abc import Sequence
from typing import Any

from schemas.records import Episode
from schemas.site import Site
from streams.diff import WHATS, DayDiff, Difference, lasted_s

SHOWN_MAX = 10


def text(days: Sequence[DayDiff], version: str, against: str, site: Site) -> str:
    """Per camera and day how many differ and how, and the longest of them with their clips."""
    lines = [f"{version} against {against}"]
    for day in days:
        lines.append(
            f"{day.camera_id} {day.day}: {len(day.before)} episodes before, {len(day.after)} after; {_counts([day])}"
        )
        lines += [f"  {_line(one, site)}" for one in day.differences[:SHOWN_MAX]]
        if len(day.differences) > SHOWN_MAX:
            lines.append(f"  and {len(day.differences) - SHOWN_MAX} shorter ones: --format json has all")
        if day.reconfirmed:
            lines.append(f"  {day.reconfirmed} others begin and end as before and were confirmed at another moment")
    if len(days) > 1:
        lines.append(f"total: {_counts(days)}")
    return "\n".join(lines)


def as_json(days: Sequence[DayDiff], version: str, against: str) -> dict[str, Any]:
    """Everything; times in ms UTC."""
    return {
        "version": version,
        "against": against,
        "differences": sum(len(day.differences) for day in days),
        "totals": {what: sum(day.count(what) for day in days) for what in WHATS},
        "days": [
            {
                "camera_id": day.camera_id,
                "business_day": day.day,
                "episodes_before": len(day.before),
                "episodes_after": len(day.after),
                "totals": {what: day.count(what) for what in WHATS},
                "reconfirmed": day.reconfirmed,
                "differences": [
                    {
                        "what": one.what,
                        "start_s": one.start_s,
                        "end_s": one.end_s,
                        "said": {name: list(pair) for name, pair in one.said.items()},
                        "before": [_brief(episode) for episode in one.before],
                        "after": [_brief(episode) for episode in one.after],
                    }
                    for one in day.differences
                ],
            }
            for day in days
        ],
    }


def _counts(days: Sequence[DayDiff]) -> str:
    counts = [(what, sum(day.count(what) for day in days)) for what in WHATS]
    return ", ".join(f"{count} {what}" for what, count in counts if count) or "0 differences"


def _line(one: Difference, site: Site) -> str:
    shown = (*one.before, *one.after)[0]
    who = str(shown.customer_id) if shown.kind == "unattended" else f"{shown.staff_id} with {shown.customer_id}"
    spans = " and ".join(_span(episode, site) for episode in one.before)
    if one.after and one.what in ("new", "merged", "split"):
        spans = " -> ".join(filter(None, (spans, " and ".join(_span(episode, site) for episode in one.after))))
    details = []
    if one.what == "moved":
        details.append(f"start {one.start_s:+.1f} s, end {one.end_s:+.1f} s")
    details += [f"{name} {old} -> {new}" for name, (old, new) in one.said.items()]
    videos = [video for episode in one.before if (video := _video(episode))]
    return "; ".join([f"{one.what:<7} {shown.kind} {who}, {spans}", *details, *videos[:1]])


def _span(episode: Episode, site: Site) -> str:
    return f"{site.local_time(episode.started_at):%H:%M:%S} for {lasted_s(episode):.1f} s"


def _video(episode: Episode) -> str | None:
    return episode.evidence.video_url or episode.evidence.segment_filename


def _brief(episode: Episode) -> dict[str, Any]:
    return {
        "episode_id": episode.episode_id,
        "kind": episode.kind,
        "staff_id": episode.staff_id,
        "customer_id": episode.customer_id,
        "started_at": episode.started_at,
        "confirmed_at": episode.confirmed_at,
        "ended_at": episode.ended_at,
        "zone_id": episode.zone_id,
        "segment_filename": episode.evidence.segment_filename,
        "video_url": episode.evidence.video_url,
    }
