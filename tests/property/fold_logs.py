"""Random logs in which episodes happen: people between a few spots of a shop, a tracker that errs, a stream that fails.

Thresholds are shrunk, so that half a minute of log holds what takes minutes in a shop.
"""

from datetime import UTC, datetime

import msgspec
from hypothesis import strategies as st

from schemas.hours import opening_hours
from schemas.records import Control, Position, TrackUpdate
from schemas.rules import CameraRules
from streams.bounds import Bounds
from tests.scenario import (
    Camera,
    Figure,
    Scenario,
    after,
    book_of,
    counter,
    floor_plan,
    rectangle,
    rules,
    with_thresholds,
    zone,
)

HZ = 5.0
SPOTS = [(-0.4, 6.6), (0.6, 6.6), (-0.3, 5.5), (0.5, 5.4), (0.0, 4.4), (1.1, 4.3), (2.5, 5.0), (3.4, 5.2), (-3.0, 7.0)]
"""Behind the counter, at it, in its queue, in the service zone, elsewhere (x, y in metres)."""
CUT = int(datetime(2026, 3, 3, 4, tzinfo=UTC).timestamp() * 1000)
TEN = int(datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp() * 1000)
CLOSES, OPENS = TEN - 8000, TEN + 52_000
"""Begins of logs in which the shop of HOURS closes and opens."""


TIGHT = Bounds(people_max=6, pairs_max=5, roll_ms=8000, occurrence_max_ms=10_000)


def small(law: CameraRules) -> CameraRules:
    """The rules with everything happening sooner."""
    return with_thresholds(
        law,
        person={"stitch_gap_s": 2.0, "hidden_s": 6.0, "cut_class_s": 0.4},
        role={"staff_area_s": 3.0, "stable_s": 2.0},
        interaction={
            "far_s": 1.5,
            "unknown_s": 3.0,
            "confirm_s": 3.0,
            "change_s": 1.0,
            "party_s": 2.0,
        },
        unattended={"start_s": 1.0, "confirm_s": 4.0, "busy_s": 7.0, "served_s": 1.0, "outside_s": 2.0},
        time={"unknown_s": 1.0},
    )


ROLES = small(
    rules(
        zones=[zone(1.8, 4, 4.5, 6.5), zone(-2, 3.4, 2, 4.8, zone_id="line", kind="queue", service_point="till")],
        service_points=[counter()],
        staff_areas=[Camera().polygon(rectangle(-4, 6.8, -2, 8)), Camera().polygon(rectangle(3.1, 5.0, 3.7, 5.4))],
    )
)
ANY = small(rules(pairs="any", zones=[zone(1.8, 4, 4.5, 6.5)], service_points=[counter()]))
FLOOR = ROLES.model_copy(update={"floor": floor_plan(rectangle(-2, 3.5, 4, 6.5))})
"""Calibrated, with spots of which nothing is known."""
WARY = with_thresholds(ROLES, person={"life_edge_share": 0.03, "life_edge_min_px": 4.0, "life_s": 4.0})
"""Who shows no life is nobody."""
OTHER = with_thresholds(ROLES, unattended={"confirm_s": 3.0})
HOURS = ROLES.model_copy(update={"opening_hours": opening_hours({"mon-sun": ((0, 600), (601, 1440))})})
"""Closed for the minute after ten."""
BOOK = {law.version: book_of(law, OTHER, bounds=TIGHT) for law in (ROLES, ANY, FLOOR, HOURS, WARY)}


@st.composite
def figures(draw: st.DrawFn, track_id: int, seconds: float) -> Figure:
    """Somebody who goes from spot to spot, with a tracker's and a detector's errors."""
    s = draw(st.sampled_from([0.0, 0.0, 1.0, 4.0]))
    path = []
    for spot in draw(st.lists(st.sampled_from(SPOTS), min_size=1, max_size=3)):
        path.append((s, *spot))
        s += draw(st.sampled_from([1.0, 4.0, 6.0, 12.0]))
        path.append((s, *spot))
        s += draw(st.sampled_from([1.0, 2.0]))
    who = Figure(track_id, draw(st.sampled_from(["staff", "customer", "customer", "person"])), path)
    who.tall_m = draw(st.sampled_from([1.7, 1.7, 1.7, 1.1]))
    who.confidence = draw(st.sampled_from([0.9, 0.9, 0.6]))
    if draw(st.booleans()):
        who.looks_deg = draw(st.sampled_from([-90.0, 0.0, 90.0, 180.0]))
    if draw(st.booleans()):
        who.leaves(draw(st.floats(2, seconds)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.floats(0, seconds))
        who.leans(at, at + draw(st.sampled_from([2.0, 8.0])), draw(st.sampled_from([0.05, 0.3])))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.floats(0, seconds))
        gap_s = draw(st.sampled_from([0.0, 0.4, 1.8, 2.2, 3.4]))
        who.hidden(at, at + gap_s)
        if draw(st.booleans()):
            who.renamed(at + gap_s, draw(st.integers(50, 60)) + 100 * track_id)
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.floats(0, seconds))
        who.taken_for(draw(st.sampled_from(["staff", "customer", "person"])), at, at + draw(st.floats(0, 8)))
    return who


class Log(list[TrackUpdate]):
    """A log that does not fill the screen when a test fails; replay it by the blob that Hypothesis prints."""

    def __repr__(self) -> str:
        return f"<log of {len(self)} records from {self[0].captured_at}>"


@st.composite
def logs(draw: st.DrawFn, start_at: int | None = None) -> Log:
    """A contiguous log of 12 to 25 s, over the cut of the day now and then."""
    seconds = draw(st.sampled_from([12.0, 18.0, 25.0]))
    if start_at is None:
        start_at = draw(st.sampled_from([CLOSES, OPENS, CUT - 6000]))
    shop = Scenario(seconds=seconds, hz=HZ, start_at=start_at, seed=draw(st.integers(0, 99)))
    shop.jitter_px = draw(st.sampled_from([0.0, 1.5]))
    shop.missed = draw(st.sampled_from([0.0, 0.05]))
    scene = draw(
        st.sampled_from(["crowd", "crowd", "till", "party", "party", "apprentice", "hidden", "swap", "mistaken"])
    )
    few = st.integers(1, 5) if scene == "crowd" else st.integers(0, 3)
    shop.people = [draw(figures(n + 1, seconds)) for n in range(draw(few))]
    if scene == "till":  # busy, with somebody who queues
        shop.staff((0, 0.0, 6.6))
        shop.customer((0, 0.3, 5.5))
        shop.customer((1, 0.0, 4.4))
    elif scene == "party":  # two who came together, staff who come to them, and one who proves to be staff too
        one, _ = shop.customer((0, 2.2, 4.6)), shop.customer((0, 2.9, 4.6))
        if draw(st.booleans()):
            one.taken_for("staff", 8.5, seconds + 1)
        shop.staff((draw(st.sampled_from([1.0, 3.0, 3.0, 20.0])), 2.5, 4.9))
    elif scene == "apprentice":  # taken for a customer until the zone says better
        shop.person("person", (0, 3.4, 5.2))
        shop.person(draw(st.sampled_from(["person", "staff"])), (draw(st.sampled_from([0.0, 2.0])), 2.6, 5.0))
    elif scene == "hidden":  # for about as long as one may be, with another id then
        again_s = 3 + draw(st.sampled_from([2.2, 4.0, 5.8, 6.2]))
        for who in (shop.staff((0, 0.0, 6.6)), shop.customer((0, 0.3, 5.5))):
            if draw(st.booleans()):
                who.hidden(3, again_s).renamed(again_s, 90 + who.track_id)
    elif scene == "swap":  # a tracker that takes two for each other
        one, other = shop.staff((0, 2.2, 5.0)), shop.customer((0, 3.0, 5.0))
        swapped_s = draw(st.sampled_from([3.0, 6.0]))
        one.renamed(swapped_s, other.track_id)
        other.renamed(swapped_s, one.track_id)
    elif scene == "mistaken":  # a detector that is never sure, and changes its mind
        shop.staff((0, 2.2, 5.0))
        shop.customer((0, 3.0, 5.0)).taken_for("staff", draw(st.sampled_from([3.0, 7.0])), seconds).confidence = 0.6
    for _ in range(draw(st.integers(0, 1))):
        at = draw(st.floats(1, seconds))
        span = (at, at + draw(st.sampled_from([0.5, 0.9, 1.5, 4.0])))
        how = draw(st.sampled_from(["blind", "skips", "impaired"]))
        if how == "impaired":
            shop.impaired.append((*span, draw(st.sampled_from(["displaced", "blind"]))))
        else:
            (shop.blind if how == "blind" else shop.skips).append(span)
    if draw(st.integers(0, 2)) == 0:
        shop.epochs_at = [draw(st.floats(1, seconds))]
    log = shop.log()
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(1, len(log) - 1))
        resumed = min(at + draw(st.sampled_from([0, 3, 10])), len(log) - 1)
        log = interrupted(log, at, resumed, draw(st.sampled_from(["INTERRUPTED", "ENDED"])))
    for _ in range(draw(st.integers(0, 1))):
        place = draw(st.integers(0, len(log) - 1))
        if log[place].stream_state == "LIVE":
            log.insert(place + 1, draw(asides(log[place])))
    return Log(log)


def asides(last: TrackUpdate) -> st.SearchStrategy[TrackUpdate]:
    """A record outside the sequence: the watchdog's, or rules applied at once."""
    order = Control(action="apply_rules", rules_version=OTHER.version)
    return st.sampled_from(
        [
            after(last, 0, "LOST", sequence=last.sequence),
            after(last, 0.01, sequence=last.sequence, control=order),
        ]
    )


def interrupted(log: list[TrackUpdate], at: int, resumed: int, how: str) -> list[TrackUpdate]:
    """The log with the stream's word that it stops before `at`; from `resumed` on it goes on in an epoch of its own."""
    stop = after(log[at - 1], 0.001, how)  # type: ignore[arg-type]
    first = log[resumed]
    head: list[TrackUpdate] = [*log[:at], stop]
    for update in log[resumed:]:
        if update.stream_epoch != first.stream_epoch:
            break
        previous = Position(stream_epoch=stop.stream_epoch, sequence=stop.sequence) if update is first else None
        head.append(
            msgspec.structs.replace(
                update,
                stream_epoch=first.captured_at,
                sequence=update.sequence - first.sequence,
                previous=previous,
            )
        )
    return head


def closed(log: list[TrackUpdate]) -> list[TrackUpdate]:
    """The log with its end."""
    of_the_sequence = [u for u in log if u.stream_state != "LOST" and u.control is None]
    return [*log, after(of_the_sequence[-1], 0.001, "ENDED")]
