"""Facing: where bodies look, and how near two of them have to be."""

from math import atan2, degrees

import msgspec
import pytest

from schemas.records import Keypoint, Track
from schemas.rules import CameraRules
from streams.facing import heading, reach_m
from streams.frame import Seen
from streams.state import Pair
from tests.scenario import Camera, Scenario, book_of, counter, floor_plan, fold, interactions, phases, rules
from tests.scene import joints
from tests.unit.test_fold_near import seen, track

CAMERA = Camera()
TOWARDS_CAMERA, AWAY, RIGHT, LEFT = -90.0, 90.0, 0.0, 180.0
MEASURED, UNMEASURED = rules(floor=floor_plan()), rules()
MIRRORED = rules(
    floor=floor_plan().model_copy(
        update={
            "points": tuple(
                point.model_copy(update={"floor_m": (-point.floor_m[0], point.floor_m[1])})
                for point in floor_plan().points
            )
        }
    )
)


def looking(track_id: int, x: float, y: float, looks_deg: float, class_name: str = "customer") -> Track:
    """Somebody of whom joints are seen."""
    return msgspec.structs.replace(track(track_id, x, y, class_name), keypoints=joints(CAMERA, x, y, looks_deg))


def heading_deg(one: Track, law: CameraRules) -> float | None:
    """Where the fold has somebody look, on the floor as the camera sees it, counter-clockwise from +x."""
    found = heading(one, (one.x1 + one.x2) / 2, one.y2, book_of(law).law(law.version))
    if found is None:
        return None
    across, down = found
    return degrees(atan2(-down if law.floor is None else down, -across if law is MIRRORED else across))


def off_deg(found: float, truth: float) -> float:
    return abs((found - truth + 180) % 360 - 180)


class TestHeading:
    @pytest.mark.parametrize("law", [MEASURED, MIRRORED, UNMEASURED], ids=["measured", "mirrored", "unmeasured"])
    @pytest.mark.parametrize("looks_deg", range(0, 360, 45))
    def test_it_follows_from_shoulders_and_hips(self, law: CameraRules, looks_deg: float) -> None:
        found = heading_deg(looking(1, 0.5, 6.0, looks_deg), law)
        assert found is not None
        assert off_deg(found, looks_deg) < 15

    def test_joints_that_were_guessed_say_nothing(self) -> None:
        one = looking(1, 0, 6, RIGHT)
        assert one.keypoints is not None
        unsure = [Keypoint(x=k.x, y=k.y, confidence=0.4) for k in one.keypoints]
        assert heading_deg(msgspec.structs.replace(one, keypoints=unsure), MEASURED) is None

    def test_one_of_two_joints_is_none(self) -> None:
        one = looking(1, 0, 6, RIGHT)
        assert one.keypoints is not None
        left = [Keypoint(x=k.x, y=k.y, confidence=0.9 if n in (5, 11) else 0.4) for n, k in enumerate(one.keypoints)]
        assert heading_deg(msgspec.structs.replace(one, keypoints=left), MEASURED) is None

    def test_from_one_half_on_a_joint_is_sure(self) -> None:
        one = looking(1, 0, 6, RIGHT)
        assert one.keypoints is not None
        just = [Keypoint(x=k.x, y=k.y, confidence=0.5) for k in one.keypoints]
        assert heading_deg(msgspec.structs.replace(one, keypoints=just), MEASURED) is not None

    def test_the_hips_are_enough(self) -> None:
        one = looking(1, 0, 6, TOWARDS_CAMERA)
        assert one.keypoints is not None
        hidden = [Keypoint(x=0, y=0, confidence=0.1) if n in (5, 6) else k for n, k in enumerate(one.keypoints)]
        found = heading_deg(msgspec.structs.replace(one, keypoints=hidden), MEASURED)
        assert found is not None
        assert off_deg(found, TOWARDS_CAMERA) < 15

    @pytest.mark.parametrize("law", [MEASURED, UNMEASURED])
    def test_shoulders_that_were_not_told_apart_say_nothing(self, law: CameraRules) -> None:
        one = looking(1, 0, 6, TOWARDS_CAMERA)
        assert one.keypoints is not None
        x = sum(k.x for k in one.keypoints if k.confidence > 0.5) / 4
        narrow = [Keypoint(x=x + 0.3 * (k.x - x), y=k.y, confidence=k.confidence) for k in one.keypoints]
        assert heading_deg(msgspec.structs.replace(one, keypoints=narrow), law) is None

    @pytest.mark.parametrize("law", [MEASURED, UNMEASURED])
    @pytest.mark.parametrize("looks_deg", [TOWARDS_CAMERA, AWAY, RIGHT, LEFT])
    def test_a_heading_in_the_image_does_as_well(self, law: CameraRules, looks_deg: float) -> None:
        # in the middle of the image these four look the same on the floor and in the image
        found = heading_deg(msgspec.structs.replace(track(1, 0, 6), heading_deg=looks_deg), law)
        assert found is not None
        assert off_deg(found, looks_deg) < 1

    def test_of_other_models_joints_nothing_is_known(self) -> None:
        one = looking(1, 0, 6, RIGHT)
        assert one.keypoints is not None
        assert heading_deg(msgspec.structs.replace(one, keypoints=one.keypoints[:13]), MEASURED) is None


def two(first_deg: float | None, second_deg: float | None, law: CameraRules) -> tuple[Seen, Seen]:
    """Two people beside each other, the first on the left."""
    a = track(1, 0, 6) if first_deg is None else looking(1, 0, 6, first_deg)
    b = track(2, 1, 6) if second_deg is None else looking(2, 1, 6, second_deg)
    one, other = seen(law, a, b)
    return one, other


class TestReach:
    @pytest.mark.parametrize("law", [MEASURED, UNMEASURED], ids=["measured", "unmeasured"])
    @pytest.mark.parametrize(
        ("first_deg", "second_deg", "times"),
        [(RIGHT, LEFT, 1.0), (RIGHT, RIGHT, 1.6), (AWAY, AWAY, 1.6), (LEFT, RIGHT, 2.2), (RIGHT, AWAY, 1.3)],
        ids=["face to face", "one behind the other", "side by side", "back to back", "one looks elsewhere"],
    )
    def test_a_distance_counts_the_more_the_more_they_turn_away(
        self, law: CameraRules, first_deg: float, second_deg: float, times: float
    ) -> None:
        one, other = two(first_deg, second_deg, law)
        ready = book_of(law).law(law.version)
        assert 1.5 / reach_m(1.5, one, other, None, ready) == pytest.approx(times, abs=0.12)
        assert reach_m(1.5, one, other, None, ready) == reach_m(1.5, other, one, None, ready)

    @pytest.mark.parametrize("law", [MEASURED, UNMEASURED], ids=["measured", "unmeasured"])
    @pytest.mark.parametrize(
        ("near_deg", "far_deg", "times"), [(AWAY, TOWARDS_CAMERA, 1.0), (TOWARDS_CAMERA, AWAY, 2.2), (AWAY, AWAY, 1.6)]
    )
    def test_so_it_does_behind_one_another(
        self, law: CameraRules, near_deg: float, far_deg: float, times: float
    ) -> None:
        one, other = seen(law, looking(1, 0, 6, near_deg), looking(2, 0.4, 7.2, far_deg))
        assert 1.5 / reach_m(1.5, one, other, None, book_of(law).law(law.version)) == pytest.approx(times, abs=0.25)

    def test_who_stands_beyond_the_measured_floor_is_unknown(self) -> None:
        inside, beyond = seen(MEASURED, looking(1, 0, 9.4, AWAY), looking(2, 0.4, 10.2, TOWARDS_CAMERA))
        assert reach_m(1.5, inside, beyond, None, book_of(MEASURED).law(MEASURED.version)) == 1.5

    def test_who_was_away_for_a_moment_does_not_turn_the_pair_faster(self) -> None:
        ready, pair = book_of(MEASURED).law(MEASURED.version), Pair(1, 2, 0, 0, 0, facing=1.0)
        one, other = two(LEFT, RIGHT, MEASURED)
        one.weight_ms, other.weight_ms = 100, 500
        reach_m(1.5, one, other, pair, ready)
        assert pair.facing == pytest.approx(0.9)

    @pytest.mark.parametrize(("first_deg", "second_deg"), [(None, None), (RIGHT, None), (None, LEFT)])
    def test_unknown_is_plain_metres(self, first_deg: float | None, second_deg: float | None) -> None:
        one, other = two(first_deg, second_deg, MEASURED)
        assert reach_m(1.5, one, other, None, book_of(MEASURED).law(MEASURED.version)) == 1.5

    def test_a_pair_remembers_and_a_glance_aside_changes_little(self) -> None:
        ready, pair = book_of(MEASURED).law(MEASURED.version), Pair(1, 2, 0, 0, 0)

        def sampled(first_deg: float | None, second_deg: float | None, weight_ms: int) -> float:
            sides = two(first_deg, second_deg, MEASURED)
            for side in sides:
                side.weight_ms = weight_ms
            return reach_m(1.5, *sides, pair, ready)

        # given two who faced each other, then cannot be told, then look away for a tenth of a second
        assert sampled(RIGHT, LEFT, 100) == pytest.approx(1.5, abs=0.02)
        assert sampled(None, LEFT, 100) == pytest.approx(1.5, abs=0.02)
        assert sampled(LEFT, RIGHT, 100) == pytest.approx(1.5 / 1.06, abs=0.02)
        # when they go on looking away, then after two seconds they are back to back
        for _ in range(20):
            reached = sampled(LEFT, RIGHT, 100)
        assert reached == pytest.approx(1.5 / 2.2, abs=0.05)

    def test_how_fast_does_not_depend_on_the_frame_rate(self) -> None:
        ready, found = book_of(MEASURED).law(MEASURED.version), []
        for weight_ms in (40, 200):
            pair, sides = Pair(1, 2, 0, 0, 0, facing=1.0), two(LEFT, RIGHT, MEASURED)
            for side in sides:
                side.weight_ms = weight_ms
            for _ in range(1000 // weight_ms):
                reach_m(1.5, *sides, pair, ready)
            found.append(pair.facing)
        assert found[0] == pytest.approx(found[1])
        assert found[0] == pytest.approx(0.0)


def served(first_deg: float | None, second_deg: float | None, law: CameraRules, apart_m: float = 1.2) -> list[str]:
    """What is told of two who stand beside each other for 20 s."""
    shop = Scenario(seconds=20)
    shop.staff((0, 0.0, 6.0)).looks_deg = first_deg
    shop.customer((0, apart_m, 6.0)).looks_deg = second_deg
    return phases(interactions(fold(shop.log(), law)))


@pytest.mark.parametrize("law", [MEASURED, UNMEASURED], ids=["measured", "unmeasured"])
def test_back_to_back_is_no_service_at_a_distance_at_which_face_to_face_is(law: CameraRules) -> None:
    assert served(RIGHT, LEFT, law) == ["started", "confirmed"]
    assert served(None, None, law) == ["started", "confirmed"]
    assert served(LEFT, RIGHT, law) == []


def test_at_a_service_point_it_does_not_matter_where_they_look() -> None:
    shop = Scenario(seconds=20)
    shop.staff((0, 0.0, 6.6)).looks_deg = AWAY
    shop.customer((0, 0.4, 5.5)).looks_deg = TOWARDS_CAMERA
    assert phases(interactions(fold(shop.log(), rules(service_points=[counter()])))) == ["started", "confirmed"]


def test_who_loses_their_joints_while_they_talk_goes_on_talking() -> None:
    # given two face to face at 1.4 m, of whom nothing but boxes is seen after 10 s
    shop = Scenario(seconds=20)
    shop.staff((0, 0.0, 6.0)).looks_deg = RIGHT
    shop.customer((0, 1.4, 6.0)).looks_deg = LEFT
    log = shop.log()
    bare = [
        update
        if n < 100
        else msgspec.structs.replace(
            update, tracks=[msgspec.structs.replace(one, keypoints=None) for one in update.tracks]
        )
        for n, update in enumerate(log)
    ]
    assert phases(interactions(fold(bare, MEASURED))) == ["started", "confirmed"]
