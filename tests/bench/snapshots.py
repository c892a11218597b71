"""How long a site's JSON snapshots take to build, by episodes a day: `python -m tests.bench.snapshots`.

What is done when something of a day has changed: that day's file and the one over the last seven days. The peer only
writes the same JSON from the objects that it is made of.
"""

import itertools
import json
import time

import msgspec

from connectors.snapshots.plan import DEFAULT, Window, files
from schemas.records import Episode
from tests import world
from tests.bench.report import ROUNDS, Figure, Report, paired

WORLD = world.make("bench")
DAYS = [f"2026-03-{number:02d}" for number in range(2, 9)]
A_DAY = (100, 1_000, 10_000)


def window_of(a_day: int) -> Window:
    """Seven days of so many episodes."""
    window = Window()
    kinds = itertools.cycle(WORLD.episodes.values())
    for day in DAYS:
        for number in range(a_day):
            window.add(_another(next(kinds), day, number, a_day))
    return window


def _another(episode: Episode, day: str, number: int, a_day: int) -> Episode:
    """One like it, within ten hours of this day."""
    later_ms = DAYS.index(day) * 86_400_000 + number * 36_000_000 // a_day
    assert episode.ended_at is not None
    times = {"started_at": episode.started_at + later_ms, "ended_at": episode.ended_at + later_ms}
    return msgspec.structs.replace(episode, episode_id=f"{day}-{number:06d}", business_day=day, **times)


def cpu_s(*steps: object) -> float:
    """CPU time of this, as others may use the machine too."""
    began = time.process_time()
    for step in steps:
        step()  # type: ignore[operator]
    return time.process_time() - began


def main() -> None:
    """Print it."""
    rows, ours, bare = [], {}, {}
    for a_day in A_DAY:
        window = window_of(a_day)
        made = files(window, DAYS[-1:], WORLD.site)
        bodies = [json.loads(data) for data in made.values()]
        print(f"{a_day} episodes a day", flush=True)
        found: dict[str, Figure] = paired(
            {
                "snapshots": lambda: cpu_s(lambda: files(window, DAYS[-1:], WORLD.site)),  # noqa: B023
                "JSON alone": lambda: cpu_s(lambda: [json.dumps(body, indent=2) for body in bodies]),  # noqa: B023
            }
        )
        ours[f"{a_day:,} a day"], bare[f"{a_day:,} a day"] = found["snapshots"], found["JSON alone"]
        sizes = [f"{len(data) / 2**20:,.1f}" for data in made.values()]
        left_out = [sum(body["metadata"].get("items_left_out", {}).values()) for body in bodies]
        rows.append((f"{a_day:,}", found["snapshots"].shown(".3f"), found["JSON alone"].shown(".3f"),
                     found["snapshots"].times(found["JSON alone"]), *sizes, f"{left_out[1]:,}"))  # fmt: skip
    report = Report("snapshots", "Building the JSON snapshots")
    report.text(
        "When something of a day changes, its file and the one over the last seven days are built anew: CPU seconds, "
        f"the median of {ROUNDS} rounds (lowest to highest), beside writing the same JSON from ready objects. A file "
        f"holds at most {DEFAULT.items_max:,} items of each kind, the newest, so that its size is bounded; all "
        "count in its figures, days and hours."
    )
    report.table(
        (
            "episodes a day",
            "snapshots, CPU s",
            "JSON alone, CPU s",
            "times",
            "day, MiB",
            "7 days, MiB",
            "items left out of 7 days",
        ),
        rows,
    )
    report.groups("CPU seconds", {"snapshots": ours, "JSON alone": bare}, logarithmic=True)
    report.write()


if __name__ == "__main__":
    main()
