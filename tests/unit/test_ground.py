"""What is drawn at a point of the image, whichever cell of the look-up it falls into."""

import pytest

from schemas.geometry import inside
from schemas.rules import CameraRules, ServicePoint
from streams.book import Law, law_of
from streams.ground import CELL_PX
from tests.scenario import counter, rules, zone
from tests.scene import Camera

TILL, BAR = counter(name="till", x1=-3, x2=-0.5), counter(name="bar", x1=0.5, x2=3)
DRAWN = rules(
    zones=[zone(-3, 3, 3, 5), zone(-1, 4, 1, 5.5, zone_id="line", kind="queue", service_point="bar")],
    service_points=[TILL, BAR],
    staff_areas=[((500, 20), (620, 30), (610, 90), (520, 80))],
    ignore_areas=[((10, 10), (90, 20), (40, 110)), ((200, 300), (203, 300), (203, 303), (200, 303))],
)


def found(law: CameraRules, x: float, y: float) -> tuple[object, ...]:
    """The same question, asked of every area."""

    def points(area: str) -> list[str]:
        return [p.service_point_id for p in law.service_points if inside((x, y), getattr(p, area))]

    zones = [z for z in law.zones if inside((x, y), z.polygon)]
    first = next((z for kind in ("queue", "service") for z in zones if z.kind == kind), None)
    behind = points("staff_area")
    return (
        next(iter(behind), None),
        next(iter(points("customer_strip")), None),
        None if first is None else first.zone_id,
        bool(behind) or any(inside((x, y), area) for area in law.staff_areas),
        any(inside((x, y), area) for area in law.ignore_areas),
    )


def named(x: float, y: float, law: Law) -> tuple[object, ...]:
    spot = law.ground.at(x, y)
    counters: list[ServicePoint | None] = [*DRAWN.service_points, None]
    behind, strip = (p and p.service_point_id for p in (counters[spot.behind], counters[spot.strip]))
    return behind, strip, law.zones[spot.zone].zone_id if spot.zone >= 0 else None, spot.staff, spot.ignored


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_every_point_of_the_image_is_told_as_if_each_area_were_asked(offset: float) -> None:
    law, seen = law_of(DRAWN, "v"), set()
    for x in range(0, Camera().width_px, 7):
        for y in range(0, Camera().height_px, 5):
            told = named(x + offset, y + offset, law)
            assert told == found(DRAWN, x + offset, y + offset), (x, y)
            seen.add(told)
    assert {behind for behind, *_ in seen} == {strip for _, strip, *_ in seen} == {None, "till", "bar"}
    assert {zone for _, _, zone, *_ in seen} == {None, "floor", "line"}


def test_a_border_that_cuts_off_the_corner_of_a_cell_is_seen_there() -> None:
    law, inner = law_of(DRAWN, "v"), (0.01, CELL_PX - 0.01)
    for x in range(0, Camera().width_px, CELL_PX):
        for y in range(0, Camera().height_px, CELL_PX):
            for corner in ((x + dx, y + dy) for dx in inner for dy in inner):
                assert named(*corner, law) == found(DRAWN, *corner), corner


def test_where_nothing_is_drawn_nothing_is_found() -> None:
    assert tuple(law_of(rules(), "v").ground.at(100, 100)) == (-1, -1, -1, False, False)


def test_an_area_smaller_than_a_cell_is_found() -> None:
    ground = law_of(DRAWN, "v").ground
    assert ground.at(201.5, 301.5).ignored
    assert not ground.at(204.5, 301.5).ignored
