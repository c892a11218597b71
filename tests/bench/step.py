"""How long one step takes, by number of people before the camera: `python -m tests.bench.step`.

CPU time of `streams.camera.step` alone, as others may use the machine too; no decoding, no log.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from time import process_time
from typing import Any

from schemas.records import TrackUpdate
from schemas.rules import Thresholds
from streams.book import RulesBook
from streams.camera import step
from tests.bench.report import Figure, Report, paired
from tests.scenario import Scenario, book_of, counter, rules, zone

PEOPLE, TEN, SECONDS = (1, 5, 10, 20, 40), 10, 300
ZONES = [zone(-2, 3.4, 2, 4.8, zone_id="line", kind="queue", service_point="till"), zone(1.8, 4, 4.5, 8)]


def busy_shop(people: int = TEN, seconds: float = SECONDS) -> Scenario:
    """Of ten people two are staff at a counter, two are served, three queue, and three walk about, whose ids change."""
    shop = Scenario(seconds=seconds, jitter_px=1.5, missed=0.03)
    at_counter, queueing = round(people * 0.2), round(people * 0.3)
    for x in _beside(at_counter, 1.6):
        shop.staff((0, x, 6.6))
    for x in _beside(at_counter, 1.4):
        shop.customer((0, x, 5.5))
    for x in _beside(queueing, 1.0):
        shop.customer((0, x, 4.2))
    for who in shop.people:
        for n in range(int(seconds) // 40):
            who.leans(40.0 * n + 3 * who.track_id, 40.0 * n + 3 * who.track_id + 15, 0.1)
    for index in range(people - len(shop.people)):
        place, later_s = index % 3, 5.0 * (index // 3)
        path = [(20.0 * n + later_s, (-1) ** n * (2.0 + place), 5.0 + place) for n in range(max(1, int(seconds) // 20))]
        walker = shop.customer(*path)
        for n in range(1, int(seconds) // 30):
            walker.renamed(30.0 * n, 100 * (index + 1) + n)
    return shop


def _beside(people: int, apart_m: float) -> list[float]:
    """Places in a row, metres, closer to one another when they are many."""
    apart_m = min(apart_m, 2.8 / max(1, people - 1))
    return [(n - (people - 1) / 2) * apart_m for n in range(people)]


def busy_site(camera_ids: list[str]) -> dict[str, Any]:
    """A site file whose cameras see such a shop."""
    drawn = {"zones": [z.model_dump() for z in ZONES], "service_points": [counter().model_dump()]}
    return {"site_id": "shop", "cameras": [{"camera_id": camera_id, **drawn} for camera_id in camera_ids]}


def us_per_step(log: Sequence[TrackUpdate], book: RulesBook) -> float:
    """Fold it once; microseconds of CPU per record."""
    state = None
    began = process_time()
    for update in log:
        state, _ = step(state, update, book)
    return (process_time() - began) / len(log) * 1e6


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.step", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of the scene, at ten frames per second")
    seconds = parser.parse_args().seconds
    book = book_of(rules(zones=ZONES, service_points=[counter()], thresholds=Thresholds()))
    logs = {people: busy_shop(people, seconds).log() for people in PEOPLE}
    names = {people: f"{people} {'person' if people == 1 else 'people'}" for people in PEOPLE}
    found = paired({names[people]: partial(us_per_step, log, book) for people, log in logs.items()})
    report = Report("step", "A step of the fold, by number of people")
    report.text(
        f"{seconds} s at a counter, ten frames per second; of ten people two are staff, two are served, three queue, "
        "three walk about and change their ids. Microseconds of CPU per record of one camera; the fold alone, without "
        "decoding and without Kafka."
    )
    rows = []
    for people, log in logs.items():
        tracks = sum(len(update.tracks) for update in log) / len(log)
        cost, per_track = found[names[people]], Figure(tuple(us / tracks for us in found[names[people]].runs))
        cameras = 1e6 / cost.median / 10
        rows.append((names[people], f"{tracks:.1f}", cost.shown(), per_track.shown(".1f"), f"{cameras:,.0f}"))
    report.table(("before the camera", "tracks per record", "us per step", "us per track", "cameras per core"), rows)
    best = min(found[names[TEN]].runs)
    report.text(f"The best of {len(found[names[TEN]].runs)} runs with ten people: {best:.1f} us per step.")
    report.bars("microseconds of CPU per step", found)
    report.write()


if __name__ == "__main__":
    main()
