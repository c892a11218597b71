"""Near: what one frame says about two people."""

from math import hypot
from random import Random
from typing import Any

import pytest

from schemas.records import Cause, Track
from schemas.rules import CameraRules, FloorPlan, Zone
from streams import identity
from streams.camera import step
from streams.frame import Frame, Seen
from streams.ground import Ground
from streams.near import HEIGHT, HOMOGRAPHY, SERVICE_POINT, Judgement, Verdict, judge, surely_far
from tests.scenario import (
    Camera,
    Scenario,
    book_of,
    counter,
    floor_plan,
    fold,
    interactions,
    record,
    rules,
    with_thresholds,
    zone,
)
from tests.scene import rectangle

CAMERA = Camera()


def seen(law: CameraRules, *tracks: Track) -> list[Seen]:
    """The people of one frame."""
    book = book_of(law)
    update = record(1_800_000_000_000, 0, tracks, epoch=1_800_000_000_000)
    state, _ = step(None, record(1_800_000_000_000 - 100, 0, (), epoch=1_800_000_000_000), book)
    cause = Cause(stream_epoch=1, sequence=1, captured_at=update.captured_at)
    frame = Frame(state, book.law(law.version), update, cause, update.captured_at)
    identity.enter_epoch(state, update.stream_epoch)
    return identity.observe(frame)


def track(track_id: int, x: float, y: float, class_name: str = "customer", tall_m: float = 1.7) -> Track:
    """Somebody on the floor."""
    x1, y1, x2, y2 = CAMERA.box(x, y, tall_m)
    return Track(track_id=track_id, class_name=class_name, confidence=0.9, x1=x1, y1=y1, x2=x2, y2=y2)


def judged(a: Track, b: Track, limit_m: float = 1.5, law: CameraRules | None = None) -> Judgement:
    """What is said about the two."""
    law = law or rules()
    one, other = seen(law, a, b)
    return judge(one, other, limit_m, book_of(law).law(law.version))


class TestByHeight:
    @pytest.mark.parametrize("apart_m", [0.5, 1.0, 1.4])
    def test_sideways_it_reads_the_truth(self, apart_m: float) -> None:
        verdict, distance_m, method, point = judged(track(1, 0, 6), track(2, apart_m, 6))
        assert (verdict, method, point) == (Verdict.TOGETHER, HEIGHT, -1)
        assert distance_m == pytest.approx(apart_m, rel=0.1)

    def test_in_depth_the_camera_s_tilt_is_made_up_for(self) -> None:
        _, distance_m, _, _ = judged(track(1, 0, 6), track(2, 0, 7), limit_m=9)
        assert distance_m == pytest.approx(1.0, rel=0.25)

    def test_beyond_the_limit_is_far(self) -> None:
        assert judged(track(1, 0, 6), track(2, 1.8, 6))[0] == Verdict.FAR
        assert judged(track(1, 0, 6), track(2, 1.8, 6), limit_m=2.25)[0] == Verdict.TOGETHER

    def test_very_different_heights_that_seem_near_are_unknown(self) -> None:
        # a child, or a man twice as deep in the picture
        assert judged(track(1, 0, 6), track(2, 0.5, 6, tall_m=1.3))[0] == Verdict.UNKNOWN
        assert judged(track(1, 0, 6), track(2, 0.5, 6, tall_m=1.4))[0] == Verdict.TOGETHER

    def test_very_different_heights_that_seem_far_are_far(self) -> None:
        assert judged(track(1, 0, 6), track(2, 3.0, 6, tall_m=1.3))[0] == Verdict.FAR

    def test_a_box_cut_off_at_the_side_or_above_tells_no_distance(self) -> None:
        other = Track(track_id=1, class_name="staff", confidence=0.9, x1=500, y1=390, x2=600, y2=700)
        beside = Track(track_id=2, class_name="customer", confidence=0.9, x1=0, y1=390, x2=60, y2=700)
        above = Track(track_id=2, class_name="customer", confidence=0.9, x1=600, y1=0, x2=700, y2=700)
        assert judged(other, beside)[0] == Verdict.UNKNOWN
        assert judged(other, above)[0] == Verdict.UNKNOWN

    @pytest.mark.parametrize(("x", "y"), [(0.8, 2.3), (0.3, 2.8), (0.6, 2.9)])
    def test_who_walks_out_of_the_picture_below_is_met_by_the_head(self, x: float, y: float) -> None:
        cut = track(1, 0, 2.1)
        assert cut.y2 == CAMERA.height_px
        verdict, distance_m, method, _ = judged(cut, track(2, x, y), limit_m=2.25)
        assert (verdict, method) == (Verdict.TOGETHER, HEIGHT)
        assert hypot(x, y - 2.1) <= distance_m

    def test_heads_never_say_that_somebody_is_far(self) -> None:
        # what is seen of a body that is cut off is no measure of its scale
        assert judged(track(1, 0, 2.1), track(2, 0, 5.0))[0] == Verdict.UNKNOWN
        assert judged(track(1, 0, 2.1), track(2, 1.8, 2.1))[0] == Verdict.UNKNOWN

    def test_where_a_pixel_is_more_than_ten_centimetres_it_is_unknown(self) -> None:
        def small(track_id: int, height_px: float) -> Track:
            x = 100.0 + 3 * track_id
            return Track(
                track_id=track_id, class_name="staff", confidence=0.9, x1=x, y1=100, x2=x + 5, y2=100 + height_px
            )

        assert judged(small(1, 16.9), small(2, 16.9))[0] == Verdict.UNKNOWN
        assert judged(small(1, 17.1), small(2, 17.1))[0] == Verdict.TOGETHER


class TestByFloor:
    LAW = rules(floor=floor_plan())

    @pytest.mark.parametrize(("x", "y"), [(1.2, 6.0), (0.0, 7.4), (0.8, 7.0)])
    def test_it_reads_the_truth_in_every_direction(self, x: float, y: float) -> None:
        verdict, distance_m, method, point = judged(track(1, 0, 6), track(2, x, y), law=self.LAW)
        assert (verdict, method, point) == (Verdict.TOGETHER, HOMOGRAPHY, -1)
        assert distance_m == pytest.approx(hypot(x, y - 6))

    def test_where_body_heights_fail_in_depth(self) -> None:
        # given two people 1.4 m and 1.6 m behind one another, far from a camera of which nothing is known
        near, far = track(2, 0, 8.4), track(2, 0, 8.6)
        one = track(1, 0, 7)
        by_height = [
            judged(one, other, law=with_thresholds(rules(), near={"depth_factor": 1})) for other in (near, far)
        ]
        assert [found[0] for found in by_height] == [Verdict.TOGETHER, Verdict.TOGETHER]
        assert [judged(one, other, law=self.LAW)[0] for other in (near, far)] == [Verdict.TOGETHER, Verdict.FAR]

    def test_a_child_beside_an_adult_is_near(self) -> None:
        child = track(2, 0.5, 6, tall_m=1.3)
        assert judged(track(1, 0, 6), child)[0] == Verdict.UNKNOWN
        assert judged(track(1, 0, 6), child, law=self.LAW)[0] == Verdict.TOGETHER

    def test_who_has_hidden_legs_has_no_foot(self) -> None:
        # given somebody of whom the lower 0.8 m are hidden: the box ends where a foot at 8 m would be
        x1, y1, x2, _ = CAMERA.box(0, 6, 1.7)
        hidden = Track(
            track_id=2, class_name="customer", confidence=0.9, x1=x1, y1=y1, x2=x2, y2=CAMERA.pixel(0, 6, 0.8)[1]
        )
        other = track(1, 0.8, 8.2)
        assert judged(other, hidden, law=rules(floor=floor_plan(lens=False)))[0] == Verdict.TOGETHER
        assert judged(other, hidden, law=self.LAW)[0] == Verdict.UNKNOWN

    def test_a_foot_counts_from_three_quarters_of_a_body_on(self) -> None:
        one, law = track(1, 0, 6), with_thresholds(self.LAW, person={"child_max_m": 0.0})
        assert judged(one, track(2, 0.5, 6, tall_m=1.27), law=law)[0] == Verdict.UNKNOWN
        assert judged(one, track(2, 0.5, 6, tall_m=1.28), law=law)[0] == Verdict.TOGETHER

    def test_beyond_the_measured_floor_nothing_is_known(self) -> None:
        assert judged(track(1, 0, 9.5), track(2, 0.5, 9.5), law=self.LAW)[0] == Verdict.TOGETHER
        assert judged(track(1, 0, 9.5), track(2, 0.5, 9.7), law=self.LAW)[0] == Verdict.UNKNOWN

    def test_where_a_pixel_is_too_much_floor_nothing_is_known(self) -> None:
        # 9 m away the next row is (9^2 + 3^2) / (900 * 3) = 3.3 cm farther
        law = with_thresholds(self.LAW, near={"pixel_max_m": 0.033})
        assert judged(track(1, 0, 8.9), track(2, 0.5, 8.9), law=law)[0] == Verdict.TOGETHER
        assert judged(track(1, 0, 9.2), track(2, 0.5, 9.2), law=law)[0] == Verdict.UNKNOWN

    @pytest.mark.parametrize(("x", "found"), [(0.9, Verdict.TOGETHER), (2.0, Verdict.UNKNOWN)])
    def test_whose_feet_are_below_the_picture_stands_under_the_head_and_is_never_far(
        self, x: float, found: Verdict
    ) -> None:
        # given feet at 2.5 m, where the picture begins at 2.7 m
        law = rules(floor=floor_plan([(-4, 2.6), (4, 2.6), (5, 9), (-5, 9)]))
        low, other = track(2, 0, 2.5), track(1, x, 2.9)
        assert low.y2 == 720
        verdict, distance_m, method, _ = judged(other, low, law=law)
        assert (verdict, method) == (found, HOMOGRAPHY)
        assert distance_m == pytest.approx(hypot(x, 0.4), abs=0.05)

    def test_without_the_lens_s_place_nobody_stands_under_a_head(self) -> None:
        assert judged(track(1, 0.9, 2.9), track(2, 0, 2.5), law=rules(floor=floor_plan(lens=False)))[0] == (
            Verdict.UNKNOWN
        )

    def test_a_box_cut_off_at_the_side_has_no_foot(self) -> None:
        aside = track(2, 4.3, 5.5)
        assert aside.x2 == 1280
        assert judged(track(1, 3.8, 5.5), aside, law=self.LAW)[0] == Verdict.UNKNOWN

    def test_behind_the_same_counter_feet_are_hidden_and_heights_are_left(self) -> None:
        law = rules(floor=floor_plan(), service_points=[counter()])
        assert judged(track(1, 0, 6.6), track(2, 0.8, 6.6), law=law)[2] == HEIGHT

    def test_at_the_counter_the_service_point_judges(self) -> None:
        law = rules(floor=floor_plan(), service_points=[counter()])
        assert judged(track(1, 0, 6.6, "staff"), track(2, 0.6, 5.5), law=law)[2] == SERVICE_POINT


def test_with_the_errors_of_boxes_bodies_and_clicks_it_is_right_where_heights_are_not() -> None:
    # given a floor of six points clicked a pixel off, boxes two pixels off, and people of 1.70 m +- 8 cm
    random = Random(5)

    def shaken(point: tuple[float, ...], by: float) -> list[float]:
        return [value + random.gauss(0, by) for value in point]

    spots = [(-2.5, 3.0), (2.5, 3.0), (4.0, 9.0), (-4.0, 9.0), (0.0, 5.0), (-2.0, 7.0)]
    points = [{"pixel": shaken(CAMERA.pixel(*spot), 1), "floor_m": spot} for spot in spots]
    floor = FloorPlan.model_validate({"points": points, "lens_m": (0, 0, 3)})
    wrong = {"height": 0, "floor": 0}
    for _ in range(300):
        a = random.uniform(-2, 2), random.uniform(3.5, 8.5)
        b = a[0] + random.uniform(-2, 2), min(max(a[1] + random.uniform(-2.2, 2.2), 3.5), 8.5)
        boxes = [shaken(CAMERA.box(*spot, random.gauss(1.7, 0.08)), 2) for spot in (a, b)]
        one, other = (
            Track(track_id=n, class_name="staff", confidence=0.9, x1=x1, y1=y1, x2=x2, y2=y2)
            for n, (x1, y1, x2, y2) in enumerate(boxes)
        )
        apart_m = hypot(a[0] - b[0], a[1] - b[1])
        if apart_m > 0.5:
            for name, law in (("height", rules()), ("floor", rules(floor=floor))):
                wrong[name] += (judged(one, other, law=law)[0] == Verdict.TOGETHER) != (apart_m <= 1.5)
    # then heights are wrong at least five times as often about "within 1.5 m"
    assert wrong["height"] > 5 * max(wrong["floor"], 1)
    assert wrong["floor"] <= 5


@pytest.mark.parametrize(("speed_m_s", "kind"), [(0.4, "stays"), (0.7, "passes")])
def test_who_walks_on_the_floor_is_not_served(speed_m_s: float, kind: str) -> None:
    # given a customer who walks away from the camera past a staff member, near for more than two seconds
    shop = Scenario(seconds=20)
    shop.staff((0, 0.8, 6.0))
    shop.customer((0, 0.0, 6.0 - 4 * speed_m_s), (8, 0.0, 6.0 + 4 * speed_m_s))
    law = with_thresholds(rules(floor=floor_plan()), near={"depth_factor": 1})
    told = interactions(fold(shop.log()[:80], law))
    # then it depends on the metres per second, though in the image hardly anything moves
    assert bool(told) == (kind == "stays")


def test_the_event_says_that_the_floor_was_the_measure() -> None:
    shop = Scenario(seconds=20)
    shop.staff((0, 0.0, 6.0))
    shop.customer((0, 0.6, 6.8))
    told = interactions(fold(shop.log(), rules(floor=floor_plan())))
    assert told[-1].phase == "confirmed"
    assert told[-1].distance_method == "homography"
    assert told[-1].distance_m_median == pytest.approx(1.0, abs=0.05)


class TestServicePoint:
    LAW = rules(service_points=[counter()])

    def test_staff_behind_and_customer_in_the_strip_are_together(self) -> None:
        verdict, distance_m, method, point = judged(track(1, 0, 6.6, "staff"), track(2, 0.6, 5.5), law=self.LAW)
        assert (verdict, method, point) == (Verdict.TOGETHER, SERVICE_POINT, 0)
        assert distance_m == pytest.approx(0.6, abs=0.1)

    def test_farther_than_the_reach_along_the_line_is_far(self) -> None:
        assert judged(track(1, -0.7, 6.6, "staff"), track(2, 0.7, 5.5), law=self.LAW)[0] == Verdict.FAR

    def test_along_a_slanted_line_only_the_way_along_it_counts(self) -> None:
        # given a counter that runs away from the camera to the right
        (x1, y1), (x2, y2) = ends = CAMERA.pixel(-1.5, 5.0), CAMERA.pixel(1.5, 7.0)
        slanted = counter().model_copy(
            update={
                "counter_line": ends,
                "staff_area": CAMERA.polygon(rectangle(-1, 6, 0.5, 8)),
                "customer_strip": CAMERA.polygon(rectangle(0, 4, 1.5, 5.9)),
            }
        )
        staff, customer = track(1, -0.3, 6.6, "staff"), track(2, 0.3, 5.2)
        *_, method, _ = verdict = judged(staff, customer, law=rules(service_points=[slanted]))
        # then the distance is the share of the line that lies between the two, in the line's metres
        (ax, ay), (bx, by) = (((t.x1 + t.x2) / 2, t.y2) for t in (staff, customer))
        share = abs((ax - bx) * (x2 - x1) + (ay - by) * (y2 - y1)) / hypot(x2 - x1, y2 - y1) ** 2
        assert method == SERVICE_POINT
        assert verdict[1] == pytest.approx(share * slanted.counter_length_m, abs=0.001)

    def test_who_stands_behind_the_counter_is_met_nowhere_else(self) -> None:
        # given a customer 0.3 m outside the strip: near by any foot distance
        assert judged(track(1, 0, 6.3, "staff"), track(2, 0.0, 4.7), law=self.LAW)[:1] == (Verdict.FAR,)

    def test_a_box_that_touches_the_edge_counts_there(self) -> None:
        camera = Camera()
        wide = counter(camera, x1=-7.0, x2=7.0)
        law = rules(service_points=[wide])
        edge = CAMERA.box(4.3, 5.5, 1.7)
        customer = Track(
            track_id=2, class_name="customer", confidence=0.9, x1=edge[0], y1=edge[1], x2=edge[2], y2=edge[3]
        )
        assert edge[2] == 1280
        assert judged(track(1, 4.1, 6.4, "staff"), customer, law=law)[0] == Verdict.TOGETHER

    def test_two_behind_the_same_counter_are_judged_by_height(self) -> None:
        one, other = track(1, 0, 6.6, "staff"), track(2, 0.8, 6.6)
        assert judged(one, other, law=self.LAW)[2] == HEIGHT

    def test_with_pairs_any_either_may_stand_behind(self) -> None:
        law = rules(service_points=[counter()], pairs="any")
        assert judged(track(1, 0.3, 5.5), track(2, 0, 6.6), law=law)[2] == SERVICE_POINT


def test_the_cheap_look_never_hides_a_contact() -> None:
    every: list[dict[str, Any]] = [{}, {"service_points": [counter()]}, {"service_points": [counter()], "pairs": "any"}]
    for law in (rules(**what, floor=floor) for what in every for floor in (None, floor_plan(), floor_plan(lens=False))):
        ready = book_of(law).law(law.version)
        for x in (0.0, 0.4, 0.9, 1.3, 1.5, 2.0):
            for at, y in [*((6.6, y) for y in (4.7, 5.2, 5.9, 6.0, 7.4, 9.7)), (2.1, 2.8), (2.1, 3.1)]:
                one, other = seen(law, track(1, 0, at, "staff"), track(2, x, y))
                if judge(one, other, 1.5, ready)[0] == Verdict.TOGETHER:
                    assert not surely_far(one, other, ready), (law.pairs, x, y)


class TestGround:
    def test_every_cell_agrees_with_the_polygons(self) -> None:
        # given areas of all kinds, crossing each other
        law = rules(
            zones=[zone(-2, 3, 2, 7), zone(-1, 4, 3, 5, zone_id="line", kind="queue", service_point="till")],
            service_points=[counter()],
            staff_areas=[CAMERA.polygon([(-3, 5), (0, 9), (3, 5)])],
            ignore_areas=[CAMERA.polygon([(1, 3), (4, 4), (2, 6)])],
        )
        drawn = sorted(law.zones, key=lambda z: z.kind != "queue")
        ground = Ground(law, drawn)
        # when looked up by cell and by exact test, then both agree everywhere
        for x in range(1, 1280, 7):
            for y in range(1, 720, 5):
                point = (x + 0.3, y + 0.7)
                assert ground.at(*point) == ground._look(*point)

    def test_a_queue_comes_before_a_service_zone(self) -> None:
        law = rules(
            zones=[zone(-2, 3, 2, 7), zone(-1, 4, 3, 5, zone_id="line", kind="queue", service_point="till")],
            service_points=[counter()],
        )
        ready = book_of(law).law(law.version)
        index = ready.ground.at(*CAMERA.pixel(0, 4.5)).zone
        assert ready.zones[index].zone_id == "line"

    def test_a_foot_at_the_image_s_edge_is_inside_what_is_drawn_up_to_it(self) -> None:
        edge = Zone(zone_id="edge", kind="service", polygon=((0, 600), (1280, 600), (1280, 720), (0, 720)))
        low = Track(track_id=1, class_name="customer", confidence=0.9, x1=600, y1=400, x2=700, y2=720)
        (somebody,) = seen(rules(zones=[edge]), low)
        assert somebody.spot.zone == 0
