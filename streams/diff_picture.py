"""A picture of two versions: for each camera and day who was with whom when, before above after."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from schemas.errors import InputError
from schemas.records import Episode
from schemas.site import Site
from streams.diff import DayDiff

SAME, GONE, NEW, OTHER = "#5b6770", "#d1495b", "#2f8f5b", "#e9b44c"
ROW_INCH, WIDE_INCH, ROWS_MAX = 0.3, 12, 120


def draw(path: Path, days: Sequence[DayDiff], version: str, against: str, site: Site) -> None:
    """Grey: the same in both; red: gone; green: new; yellow: moved, merged, split or changed. Raises InputError."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = [_rows(day)[:ROWS_MAX] for day in days]
    heights = [max(1, len(of_day)) for of_day in rows]
    figure, axes = plt.subplots(
        len(days),
        figsize=(WIDE_INCH, 0.9 * len(days) + ROW_INCH * sum(heights)),
        height_ratios=heights,
        layout="constrained",
        squeeze=False,
    )
    try:
        for day, names, axis in zip(days, rows, axes[:, 0], strict=True):
            colours = _colours(day)
            for level, episodes in ((-0.22, day.before), (0.22, day.after)):
                for episode in episodes:
                    if _name(episode) in names:
                        begin, end = (_local(at, site) for at in (episode.started_at, _end(episode)))
                        row, colour = names.index(_name(episode)) + level, colours.get(id(episode), SAME)
                        axis.barh(row, end - begin, left=begin, height=0.38, color=colour)
            axis.set_yticks(range(len(names)), names, fontsize=7)
            axis.set_ylim(max(1, len(names)) - 0.4, -0.6)
            axis.xaxis_date()
            axis.set_title(f"{day.camera_id} {day.day}: {against} above {version}", fontsize=9)
            axis.grid(axis="x", alpha=0.3)
        figure.savefig(path, dpi=90)
    except OSError as error:
        raise InputError(f"--picture {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"--picture {path}: {error}") from error
    finally:
        plt.close(figure)


def _rows(day: DayDiff) -> list[str]:
    """The people of the day, by when they were first seen."""
    return list(dict.fromkeys(_name(e) for e in sorted((*day.before, *day.after), key=lambda e: e.started_at)))


def _name(episode: Episode) -> str:
    short = f"{episode.customer_id % 100_000:05d}"
    return f"waits {short}" if episode.kind == "unattended" else f"{(episode.staff_id or 0) % 100_000:05d} + {short}"


def _colours(day: DayDiff) -> dict[int, str]:
    colour = {"gone": GONE, "new": NEW}
    return {
        id(episode): colour.get(one.what, OTHER) for one in day.differences for episode in (*one.before, *one.after)
    }


def _local(at_ms: int, site: Site) -> datetime:
    return site.local_time(at_ms).replace(tzinfo=None)


def _end(episode: Episode) -> int:
    return episode.confirmed_at if episode.ended_at is None else episode.ended_at
