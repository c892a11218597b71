"""How long one step takes with ten tracks: `python -m tests.bench.step`. Prints the best of five runs over one log."""

from time import process_time

from schemas.rules import Thresholds
from streams.camera import step
from tests.scenario import Scenario, book_of, counter, rules, zone

RUNS, SECONDS = 5, 300


def main() -> None:
    """Ten people: two staff at a counter, two served, a queue, and some who walk about; ids change now and then.

    CPU time, as others may use the machine too.
    """
    shop = Scenario(seconds=SECONDS, jitter_px=1.5, missed=0.03)
    shop.staff((0, -0.8, 6.6))
    shop.staff((0, 0.8, 6.6))
    shop.customer((0, -0.7, 5.5))
    shop.customer((0, 0.7, 5.5))
    for index in range(3):
        shop.customer((0, -1.0 + index, 4.2))
    for who in shop.people:
        for n in range(SECONDS // 40):
            who.leans(40.0 * n + 3 * who.track_id, 40.0 * n + 3 * who.track_id + 15, 0.1)
    for index in range(3):
        path = [(20.0 * n, (-1) ** n * (2.0 + index), 5.0 + index) for n in range(SECONDS // 20)]
        walker = shop.customer(*path)
        for n in range(1, SECONDS // 30):
            walker.renamed(30.0 * n, 100 * (index + 1) + n)
    log = shop.log()
    queue = zone(-2, 3.4, 2, 4.8, zone_id="line", kind="queue", service_point="till")
    book = book_of(rules(zones=[queue, zone(1.8, 4, 4.5, 8)], service_points=[counter()], thresholds=Thresholds()))
    best = float("inf")
    for _ in range(RUNS):
        state, told = None, 0
        began = process_time()
        for update in log:
            state, events = step(state, update, book)
            told += len(events)
        best = min(best, process_time() - began)
    tracks = sum(len(update.tracks) for update in log) / len(log)
    print(f"{best / len(log) * 1e6:.1f} us per step ({tracks:.1f} tracks, {told} events in {len(log)} steps)")


if __name__ == "__main__":
    main()
