"""The floor in metres, against a camera whose geometry is known."""

from math import cos, hypot, inf, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.floor import Floor, NoFloor
from schemas.geometry import Point
from tests.scene import Camera

CAMERA = Camera()
LENS = (0.0, 0.0, CAMERA.height_m)
CORNERS = [(-4.0, 3.0), (4.0, 3.0), (5.0, 9.0), (-5.0, 9.0)]
SPOTS = [*CORNERS, (0.0, 5.0), (-2.0, 7.0), (2.5, 4.0)]


def pairs(spots: list[Point], camera: Camera = CAMERA) -> list[tuple[Point, Point]]:
    """What somebody with a tape measures."""
    return [(camera.pixel(*spot), spot) for spot in spots]


def calibrated(spots: list[Point] = CORNERS, **more: float) -> Floor:
    return Floor(pairs(spots), LENS, **more)


class TestWhereAFootStands:
    @pytest.mark.parametrize("spots", [CORNERS, SPOTS])
    @pytest.mark.parametrize("spot", [(0.0, 3.5), (-3.5, 8.0), (4.0, 7.0)])
    def test_it_is_the_truth_at_any_depth(self, spots: list[Point], spot: Point) -> None:
        at, _ = calibrated(spots).look(*CAMERA.pixel(*spot), 0.0)
        assert at == pytest.approx(spot, abs=1e-9)

    def test_pixel_and_floor_are_each_other_s_inverse(self) -> None:
        floor = calibrated()
        assert floor.pixel(2.0, 6.0) == pytest.approx(CAMERA.pixel(2.0, 6.0))
        assert floor.pixel(2.0, 6.0, 1.7) == pytest.approx(CAMERA.pixel(2.0, 6.0, 1.7))

    def test_at_the_horizon_and_above_there_is_no_floor(self) -> None:
        floor = calibrated()
        horizon = CAMERA.height_px / 2 - CAMERA.focal_px * sin(radians(27)) / cos(radians(27))
        assert floor.at(640, horizon - 1) is None
        assert floor.look(640, horizon - 1, 0.0) == (None, 0.0)
        assert floor.pixel_m(640, horizon - 1) == inf
        assert floor.at(640, horizon + 1) is not None

    def test_errors_of_two_pixels_cost_centimetres_not_metres(self) -> None:
        # given points clicked up to two pixels beside the truth, alternating
        clicked = [((x + (-2) ** (n % 2), y + 2 - n), spot) for n, ((x, y), spot) in enumerate(pairs(SPOTS))]
        at = Floor(clicked).at(*CAMERA.pixel(0.0, 6.0))
        assert at is not None
        assert 0.001 < hypot(at[0], at[1] - 6.0) < 0.08


class TestHowTallSomebodyIs:
    @pytest.mark.parametrize("spot", [(0.0, 3.5), (-3.0, 8.0), (3.0, 6.0)])
    @pytest.mark.parametrize("tall_m", [1.1, 1.7, 1.95])
    def test_the_lens_s_place_tells(self, spot: Point, tall_m: float) -> None:
        _, read_m = calibrated().look(*CAMERA.pixel(*spot), CAMERA.pixel(*spot, tall_m)[1])
        assert read_m == pytest.approx(tall_m)

    def test_also_of_people_taller_than_the_camera_hangs(self) -> None:
        low = Camera(height_m=1.2, tilt_deg=5.0)
        floor = Floor(pairs(CORNERS, low), (0.0, 0.0, 1.2))
        _, read_m = floor.look(*low.pixel(1.0, 6.0), low.pixel(1.0, 6.0, 1.8)[1])
        assert read_m == pytest.approx(1.8)

    def test_without_it_nobody_knows(self) -> None:
        assert Floor(pairs(CORNERS)).look(*CAMERA.pixel(0, 6), 100.0)[1] == 0


class TestUnderAHead:
    @pytest.mark.parametrize("spot", [(0.0, 2.6), (-2.0, 6.0), (3.0, 8.0)])
    def test_stands_who_is_of_that_height(self, spot: Point) -> None:
        assert calibrated().under(*CAMERA.pixel(*spot, 1.7), 1.7) == pytest.approx(spot)

    def test_nobody_where_the_floor_is_not_known(self) -> None:
        assert calibrated().under(*CAMERA.pixel(0, 2.3, 1.7), 1.7) is None

    def test_nobody_who_is_taller_than_the_camera_hangs(self) -> None:
        assert Floor(pairs(CORNERS), (0.0, 6.0, 1.6)).under(*CAMERA.pixel(0, 5, 1.5), 1.7) is None

    def test_nobody_without_the_lens_s_place(self) -> None:
        assert Floor(pairs(CORNERS)).under(*CAMERA.pixel(0, 5, 1.7), 1.7) is None


class TestHowFarItIsKnown:
    def test_a_fifth_beyond_the_outermost_points_and_no_farther(self) -> None:
        # given corners whose mean is at (0, 6): the far side, 3 m from it, is grown to 3.6 m
        floor = calibrated()
        assert floor.look(*CAMERA.pixel(0, 9.59), 0.0)[0] is not None
        assert floor.look(*CAMERA.pixel(0, 9.61), 0.0)[0] is None
        assert floor.look(*CAMERA.pixel(0, 2.41), 0.0)[0] is not None
        assert floor.look(*CAMERA.pixel(0, 2.39), 0.0)[0] is None
        # and at that depth the sides, 4.5 m from it, are grown to 5.4 m
        assert floor.look(*CAMERA.pixel(5.39, 6), 0.0)[0] is not None
        assert floor.look(*CAMERA.pixel(-5.41, 6), 0.0)[0] is None

    def test_where_a_pixel_is_more_floor_than_asked_it_is_not(self) -> None:
        # the camera looks down at a floor point d away, h below: the next row is (d^2 + h^2) / (f h) farther (f: in the
        # middle of the image; it is where the optical axis meets the floor)
        middle_m = CAMERA.height_m * cos(radians(27)) / sin(radians(27))
        row_m = (middle_m**2 + CAMERA.height_m**2) / (CAMERA.focal_px * CAMERA.height_m)
        pixel = CAMERA.pixel(0, middle_m)
        assert calibrated().pixel_m(*pixel) == pytest.approx(row_m, rel=1e-6)
        assert calibrated(pixel_max_m=row_m * 1.001).look(*pixel, 0.0)[0] is not None
        assert calibrated(pixel_max_m=row_m * 0.999).look(*pixel, 0.0)[0] is None

    def test_a_small_way_in_the_image_is_its_way_on_the_floor(self) -> None:
        (x1, y1), (x2, y2) = CAMERA.pixel(1.0, 6.0), CAMERA.pixel(1.003, 6.004)
        assert calibrated().moved(x1, y1, x2 - x1, y2 - y1) == pytest.approx((0.003, 0.004), rel=0.01)


class TestInAnyFrame:
    """Metres counted from elsewhere in other directions, a place beside the camera's axis, and a camera that hangs
    askew: no term is zero."""

    TURN, ASKEW = radians(35), radians(8)
    PIXEL = CAMERA.pixel(2.0, 6.5)

    def askew(self, x: float, y: float) -> Point:
        """The picture turned about its middle."""
        x, y = x - 640, y - 360
        return 640 + x * cos(self.ASKEW) - y * sin(self.ASKEW), 360 + x * sin(self.ASKEW) + y * cos(self.ASKEW)

    def moved(self, x: float, y: float) -> Point:
        return x * cos(self.TURN) - y * sin(self.TURN) + 9, x * sin(self.TURN) + y * cos(self.TURN) - 40

    def floor(self, **more: float) -> Floor:
        return Floor([(CAMERA.pixel(*s), self.moved(*s)) for s in SPOTS], (*self.moved(0, 0), 3.0), **more)

    def floor_askew(self, **more: float) -> Floor:
        return Floor([(self.askew(*CAMERA.pixel(*s)), self.moved(*s)) for s in SPOTS], **more)

    def nudged(self, across: float, down: float) -> Point:
        """Metres per pixel in that direction, from two looks a thousandth of a pixel apart."""
        x, y = self.askew(*self.PIXEL)
        here, there = self.floor_askew().at(x, y), self.floor_askew().at(x + across / 1000, y + down / 1000)
        assert here is not None
        assert there is not None
        return (there[0] - here[0]) * 1000, (there[1] - here[1]) * 1000

    def test_a_small_way_is_what_two_looks_say(self) -> None:
        assert self.floor_askew().moved(*self.askew(*self.PIXEL), 2.0, -3.0) == pytest.approx(
            self.nudged(2.0, -3.0), rel=1e-3
        )

    def test_a_pixel_is_as_much_floor_as_the_longest_way_across_it(self) -> None:
        ways = [hypot(*self.nudged(cos(radians(deg)), sin(radians(deg)))) for deg in range(180)]
        assert self.floor_askew().pixel_m(*self.askew(*self.PIXEL)) == pytest.approx(max(ways), rel=1e-3)
        assert self.floor_askew(pixel_max_m=max(ways) * 1.01).look(*self.askew(*self.PIXEL), 0.0)[0] is not None
        assert self.floor_askew(pixel_max_m=max(ways) * 0.99).look(*self.askew(*self.PIXEL), 0.0) == (None, 0.0)

    def test_heads_are_where_the_camera_sees_them(self) -> None:
        foot = self.moved(2.0, 6.5)
        assert self.floor().pixel(*foot, 1.7) == pytest.approx(CAMERA.pixel(2.0, 6.5, 1.7))
        assert self.floor().under(*CAMERA.pixel(2.0, 6.5, 1.7), 1.7) == pytest.approx(foot)


class TestPointsThatMakeNoFloor:
    def test_too_few(self) -> None:
        with pytest.raises(NoFloor, match="at least 4"):
            Floor(pairs(CORNERS[:3]))

    def test_on_one_line(self) -> None:
        with pytest.raises(NoFloor, match="on one line"):
            Floor(pairs([(0.0, 3.0), (0.0, 5.0), (0.0, 7.0), (0.0, 9.0)]))
        with pytest.raises(NoFloor, match="on one line"):
            Floor(pairs([(0.0, 3.0), (0.0, 5.0), (0.0, 7.0), (2.0, 9.0)]))

    def test_all_the_same(self) -> None:
        with pytest.raises(NoFloor, match="all the same"):
            Floor(pairs([(0.0, 3.0)] * 4))

    def test_two_exchanged(self) -> None:
        pixels = [pixel for pixel, _ in pairs(CORNERS)]
        pixels[0], pixels[1] = pixels[1], pixels[0]
        with pytest.raises(NoFloor, match="exchanged"):
            Floor(list(zip(pixels, CORNERS, strict=True)))


MOVES = st.tuples(st.floats(-180, 180), st.floats(-50, 50), st.floats(-50, 50), st.booleans())
FEET = st.tuples(st.floats(-4, 4), st.floats(3, 9))


@given(MOVES, FEET, FEET)
def test_from_where_and_in_which_direction_the_room_is_measured_does_not_matter(
    move: tuple[float, float, float, bool], one: Point, other: Point
) -> None:
    # given the same spots measured in a frame that is turned, shifted and perhaps mirrored
    turn_deg, right, ahead, mirror = move

    def moved(x: float, y: float) -> Point:
        turn, side = radians(turn_deg), -1 if mirror else 1
        x = x * side
        return x * cos(turn) - y * sin(turn) + right, x * sin(turn) + y * cos(turn) + ahead

    floor, again = calibrated(SPOTS), Floor([(CAMERA.pixel(*s), moved(*s)) for s in SPOTS], (*moved(0, 0), 3.0))
    a, b = (floor.look(*CAMERA.pixel(*foot), CAMERA.pixel(*foot, 1.7)[1]) for foot in (one, other))
    c, d = (again.look(*CAMERA.pixel(*foot), CAMERA.pixel(*foot, 1.7)[1]) for foot in (one, other))
    # then distances and heights are the same
    assert a[0] is not None and b[0] is not None and c[0] is not None and d[0] is not None  # noqa: PT018
    assert hypot(c[0][0] - d[0][0], c[0][1] - d[0][1]) == pytest.approx(
        hypot(a[0][0] - b[0][0], a[0][1] - b[0][1]), abs=1e-6
    )
    assert (c[1], d[1]) == pytest.approx((a[1], b[1]))
    assert again.mirrored() == mirror
