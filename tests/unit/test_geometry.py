"""Plane geometry on the image: in which area, how much in common, how far."""

import pytest

from schemas.geometry import Point, distance_by_height_m, inside, iou

U_SHAPE = [(0, 0), (60, 0), (60, 90), (40, 90), (40, 30), (20, 30), (20, 90), (0, 90)]
SLOPED = [(0, 0), (100, 40), (60, 100)]


@pytest.mark.parametrize(
    ("point", "there"),
    [((10, 50), True), ((50, 50), True), ((30, 20), True), ((30, 50), False), ((70, 50), False), ((10, 95), False)],
)
def test_between_the_arms_of_a_bent_area_is_outside(point: Point, there: bool) -> None:
    assert inside(point, U_SHAPE) is there
    assert inside(point, U_SHAPE[::-1]) is there, "either way round"


@pytest.mark.parametrize(
    ("point", "there"),
    [((50, 21), True), ((50, 19), False), ((79, 70), True), ((81, 70), False), ((29, 50), False), ((31, 50), True)],
)
def test_a_sloped_border_is_where_its_two_ends_say(point: Point, there: bool) -> None:
    assert inside(point, SLOPED) is there


def test_of_two_areas_that_touch_one_holds_a_point_on_their_border() -> None:
    # so that nobody is in two zones at once, nor in none between them
    left, right = [(0, 0), (50, 0), (50, 50), (0, 50)], [(50, 0), (100, 0), (100, 50), (50, 50)]
    upper, lower = [(0, 0), (50, 0), (50, 25), (0, 25)], [(0, 25), (50, 25), (50, 50), (0, 50)]
    assert [inside((50, 20), area) for area in (left, right)] == [False, True]
    assert [inside((20, 25), area) for area in (upper, lower)] == [False, True]


def test_the_overlap_of_boxes_is_their_common_area_over_all_of_it() -> None:
    box = (10.0, 20.0, 30.0, 60.0)
    assert iou(box, box) == 1
    assert iou(box, (20.0, 30.0, 40.0, 80.0)) == pytest.approx(300 / (800 + 1000 - 300))
    assert iou(box, (15.0, 30.0, 20.0, 40.0)) == pytest.approx(50 / 800)
    assert iou(box, (29.0, 20.0, 49.0, 60.0)) == pytest.approx(40 / 1560), "one pixel wide"
    assert iou(box, (10.0, 59.0, 30.0, 99.0)) == pytest.approx(20 / 1580), "one pixel high"


@pytest.mark.parametrize(
    "other",
    [
        (30.0, 20.0, 50.0, 60.0),
        (35.0, 20.0, 50.0, 60.0),
        (10.0, 60.0, 30.0, 80.0),
        (10.0, 65.0, 30.0, 80.0),
        (31.0, 61.0, 50.0, 90.0),
    ],
)
def test_boxes_that_touch_or_do_not_have_no_overlap(other: tuple[float, float, float, float]) -> None:
    assert iou((10.0, 20.0, 30.0, 60.0), other) == 0


def test_the_distance_is_told_in_mean_body_heights_and_depth_counts_more() -> None:
    # given bodies of 150 and 190 px, which are 1.7 m: 100 px to the metre
    def metres(foot: Point) -> float:
        return distance_by_height_m((300.0, 400.0), 150, foot, 190, body_height_m=1.7, depth_factor=2.5)

    assert metres((420.0, 400.0)) == pytest.approx(1.2)
    assert metres((300.0, 360.0)) == pytest.approx(1.0)
    assert metres((420.0, 440.0)) == pytest.approx(2.44**0.5)
