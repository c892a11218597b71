"""Drawn people: where they appear, who hides whom, and what is told of it."""

import cv2
import numpy as np
import pytest

from infra.demo.camera import Pinhole
from infra.demo.counter import BAR_HEIGHT_PX
from infra.demo.figures import Look, Pose
from infra.demo.looks import DEMO, TRAINING, make_look
from infra.demo.painter import Drawn, Still, paint
from infra.demo.script import SECONDS, make_script
from infra.demo.shop import picture
from infra.demo.views import CAMERAS, CameraId, View, view

pytestmark = pytest.mark.slow

CAMERA = Pinhole(2.9, 27.0, 420.0)
EMPTY = Still(np.full((360, 640, 3), 170, np.uint8), np.full((360, 640), np.inf, np.float32))


def look(seed: int = 0, height_m: float = 1.75) -> Look:
    return make_look(np.random.default_rng(seed), "customer", DEMO, (height_m, height_m))


def standing(x_m: float, y_m: float) -> Pose:
    return Pose(x_m, y_m, 0.4, 0.0, 0.0, "idle", 1.0)


def drawn(still: Still, *people: Pose) -> list[Drawn | None]:
    return paint(still, CAMERA, [(look(seed), pose) for seed, pose in enumerate(people)])[1]


def test_a_figure_stands_with_its_feet_at_its_place_and_is_as_tall_as_it_is() -> None:
    for x, y in ((0.0, 4.0), (-2.0, 6.0), (3.0, 8.0)):
        (seen,) = drawn(EMPTY, standing(x, y))
        assert seen is not None
        assert seen.visible == pytest.approx(1.0)
        foot, head = CAMERA.pixel(x, y), CAMERA.pixel(x, y, 1.75)
        assert (seen.box[0] + seen.box[2]) / 2 == pytest.approx(foot[0], abs=14)
        assert seen.box[3] == pytest.approx(foot[1], abs=9)
        assert seen.box[1] == pytest.approx(head[1], abs=5)


def test_only_pixels_of_people_and_their_shadows_change() -> None:
    image, (seen,) = paint(EMPTY, CAMERA, [(look(), standing(0.0, 6.0))])
    assert seen is not None
    changed = np.argwhere((image != EMPTY.picture).any(axis=2))
    assert len(changed) > 500
    assert changed[:, 0].min() >= seen.box[1] - 2
    assert changed[:, 0].max() <= seen.box[3] + 25
    assert (EMPTY.picture == 170).all(), "the still picture itself stays as it was"


def test_the_nearer_person_hides_the_farther_one_whatever_the_order() -> None:
    near, far = standing(0.0, 4.0), standing(0.1, 5.2)
    for people in ((near, far), (far, near)):
        visible = {pose: seen.visible for pose, seen in zip(people, drawn(EMPTY, *people), strict=True) if seen}
        assert visible[near] == 1.0
        assert 0.02 < visible[far] < 0.5


def test_who_stands_outside_is_not_drawn_and_who_stands_at_the_edge_partly() -> None:
    outside, edge = drawn(EMPTY, standing(9.0, 5.0), standing(-4.22, 5.0))
    assert outside is None
    assert edge is not None
    assert edge.box[0] == 0.0
    assert edge.visible < 0.9


def test_the_counter_hides_the_legs_of_those_behind_it_and_of_nobody_else() -> None:
    till = view("counter", 1)
    still = picture(till.shop, till.camera, supersample=1)
    people = [
        (look(1, 1.78), Pose(0.5, 6.4, -1.57, 0, 0, "serve", 0)),
        (look(2), Pose(-0.4, 4.7, 1.57, 0, 0, "idle", 0)),
    ]
    _, (behind, before) = paint(still, till.camera, people)
    assert behind is not None
    assert before is not None
    assert 0.55 < behind.visible < 0.8
    assert before.visible == pytest.approx(1.0)
    # the staff area of the site file is drawn around this edge
    assert behind.box[3] == pytest.approx(till.camera.pixel(0.5, till.counters[0].far_y_m, 1.05)[1], abs=4)


@pytest.mark.parametrize("camera_id", CAMERAS)
def test_nobody_reaches_into_the_counters_bar(camera_id: CameraId) -> None:
    for seed in (1, 2, 3):
        part = make_script(seed).parts[camera_id]
        for second in range(0, SECONDS, 2):
            for actor in part.actors:
                x, y = actor.position(second)
                if actor.there(second) and y > 1.5:
                    assert part.view.camera.pixel(x, y, actor.look.height_m * 1.03)[1] > BAR_HEIGHT_PX


@pytest.mark.parametrize("camera_id", CAMERAS)
def test_the_still_picture_knows_floor_from_furniture(camera_id: CameraId) -> None:
    room: View = view(camera_id, 1)
    still = picture(room.shop, room.camera, supersample=1)
    assert still.picture.shape == (360, 640, 3)
    assert still.ahead_m.shape == (360, 640)
    x, y = room.camera.pixel(0.0, 3.5)
    assert np.isinf(still.ahead_m[int(y), int(x)]), "open floor hides nobody"
    assert 0.02 < np.isfinite(still.ahead_m).mean() < 0.7


def test_staff_wear_an_apron_and_customers_nothing_of_its_colour() -> None:
    random = np.random.default_rng(5)
    for wardrobe in (DEMO, TRAINING):
        for _ in range(200):
            staff, customer = make_look(random, "staff", wardrobe), make_look(random, "customer", wardrobe)
            assert staff.apron is not None
            assert customer.apron is None
            for clothes in (customer.top, customer.trousers):
                assert not 54 < hue(clothes) < 94 or max(clothes) - min(clothes) < 12
            assert 60 < hue(staff.apron) < 92


def hue(colour: tuple[float, float, float]) -> float:
    """0 to 180, as OpenCV counts."""
    return float(cv2.cvtColor(np.array([[colour]], np.float32) / 255, cv2.COLOR_BGR2HSV)[0, 0, 0]) / 2
