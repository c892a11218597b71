"""`trackfold calibrate`, against cameras whose geometry is known."""

from math import atan, cos, degrees, hypot, radians, sin
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest
import yaml

from inference.calibrate import seen as seen_module
from inference.calibrate.frame import frame_of
from inference.calibrate.heights import NotEnough, heights
from inference.calibrate.points import read_points
from inference.calibrate.report import as_yaml, by_heights, by_points
from inference.calibrate.seen import Boxes, boxes_of
from inference.errors import SourceError
from inference.sight_watch import read_reference
from infra.config import Settings
from schemas.codec import Codec, MemoryRegistry
from schemas.errors import InputError
from schemas.floor import Floor
from schemas.floor_quality import quality
from schemas.geometry import Point
from schemas.pose import pose_of
from schemas.records import Track
from schemas.rules import FloorPlan
from tests.scenario import counter, record, rules
from tests.scene import Camera
from tests.unit.inference_videos import number_of, write_video
from trackfold import main

CAMERA = Camera()
SPOTS = [(-2.5, 3.0), (2.5, 3.0), (4.0, 9.0), (-4.0, 9.0), (0.0, 5.0), (-2.0, 7.0), (2.5, 4.0)]
SIZE = (1280, 720)
VIEW_DEG = degrees(2 * atan(640 / 900))


def measured(spots: list[Point] = SPOTS, camera: Camera = CAMERA, by_px: float = 0.0) -> list[tuple[Point, Point]]:
    """(pixel, metres), clicked a little beside the truth."""
    random = Random(3)
    clicked = []
    for spot in spots:
        x, y = camera.pixel(*spot)
        clicked.append(((x + random.gauss(0, by_px), y + random.gauss(0, by_px)), spot))
    return clicked


class TestPose:
    @pytest.mark.parametrize(
        "camera", [CAMERA, Camera(height_m=2.6, tilt_deg=12), Camera(height_m=4, tilt_deg=55, focal_px=700)]
    )
    @pytest.mark.parametrize("turn_deg", [0, 40, 200])
    def test_it_is_the_truth_wherever_the_metres_are_counted_from(self, camera: Camera, turn_deg: float) -> None:
        turn = radians(turn_deg)

        def moved(x: float, y: float) -> Point:
            return x * cos(turn) - y * sin(turn) + 3, x * sin(turn) + y * cos(turn) - 1

        seen = [(-1.0, 2.5), (1.0, 2.5), (1.5, 5.0), (-1.5, 5.0), (0.0, 4.0)]
        pose = pose_of(Floor([(camera.pixel(*spot), moved(*spot)) for spot in seen]), *SIZE)
        assert pose is not None
        assert pose.lens_m == pytest.approx((3, -1, camera.height_m))
        assert pose.tilt_deg == pytest.approx(camera.tilt_deg)
        assert pose.focal_px == pytest.approx(camera.focal_px)
        assert pose.depth_factor == pytest.approx(1 / sin(radians(camera.tilt_deg)))
        assert pose.believable

    def test_a_pixel_beside_the_truth_costs_centimetres(self) -> None:
        pose = pose_of(Floor(measured(by_px=1.0)), *SIZE)
        assert pose is not None
        assert pose.lens_m == pytest.approx((0, 0, 3), abs=0.1)
        assert pose.tilt_deg == pytest.approx(27, abs=1)

    def test_a_floor_that_no_camera_sees_has_none(self) -> None:
        # given a picture that was squeezed: what is far away is wider than what is near
        squeezed: list[tuple[Point, Point]] = [((500, 700), (-2, 2)), ((700, 700), (2, 2)), ((1200, 100), (2, 9))]
        assert pose_of(Floor([*squeezed, ((10, 100), (-2, 9))]), *SIZE) is None


class TestPoints:
    def test_good_ones_agree(self) -> None:
        found = quality(measured(by_px=1.0))
        assert found.suspect is None
        assert 0 < found.worst_m < 0.1

    @pytest.mark.parametrize("bad", range(7))
    def test_the_bad_one_is_named_and_told_by_how_much(self, bad: int) -> None:
        points = measured(by_px=1.0)
        (x, y), (x_m, y_m) = points[bad]
        points[bad] = ((x, y), (x_m + 1.0, y_m))
        found = quality(points)
        assert found.suspect == bad
        assert found.errors_m[bad] == pytest.approx(1.0, abs=0.3)
        assert found.worst_m < 0.1

    def test_two_bad_ones_are_not_blamed_on_one(self) -> None:
        points = measured()
        for bad in (0, 4):
            (x, y), (x_m, y_m) = points[bad]
            points[bad] = ((x, y), (x_m + 1.0, y_m + 0.5))
        found = quality(points)
        assert found.suspect is None
        assert found.worst_m > 0.1

    def test_of_five_nobody_can_tell(self) -> None:
        points = measured(SPOTS[:5])
        points[2] = (points[2][0], (3.0, 9.0))
        assert quality(points).suspect is None
        told = by_points(points, rules(), SIZE)
        assert "measure 1 more" in "\n".join(told.lines)
        assert not told.sound

    def test_a_file_of_them(self) -> None:
        text = "# tiles\n\n412, 310, 0, 0\n870\t305  4 0  # by the door\n"
        assert read_points(text, "floor.txt") == [((412, 310), (0, 0)), ((870, 305), (4, 0))]

    @pytest.mark.parametrize("line", ["1, 2, 3", "1 2 3 4 5", "1 2 3 x"])
    def test_a_line_that_is_no_point_is_named(self, line: str) -> None:
        with pytest.raises(InputError, match=r"floor\.txt:2: .* is not four numbers"):
            read_points(f"1 2 3 4\n{line}\n", "floor.txt")


class TestReport:
    def test_what_is_pasted_is_the_floor_that_was_measured(self) -> None:
        found = by_points(measured(), rules(), SIZE)
        entry = yaml.safe_load(as_yaml(found.plan, found.depth_factor))
        plan = FloorPlan.model_validate(entry["floor"])
        assert plan.lens_m == pytest.approx((0, 0, 3), abs=0.01)
        at, tall_m = plan.floor().look(*CAMERA.pixel(1, 6), CAMERA.pixel(1, 6, 1.6)[1])
        assert at == pytest.approx((1, 6), abs=0.01)
        assert tall_m == pytest.approx(1.6, abs=0.01)
        assert entry["rules"]["near"]["depth_factor"] == pytest.approx(2.2, abs=0.01)

    def test_a_bad_point_is_not_pasted(self) -> None:
        points = measured(by_px=1.0)
        points[2] = (points[2][0], (3.0, 9.0))
        found = by_points(points, rules(), SIZE)
        assert not found.sound
        assert found.plan is not None
        assert len(found.plan.points) == 6
        assert "point 3 is wrong" in "\n".join(found.lines)
        assert [bad for _, _, bad in found.marks or []] == [False, False, True, False, False, False, False]

    def test_without_an_image_size_the_lens_is_not_guessed(self) -> None:
        found = by_points(measured(), rules(), None)
        assert found.plan is not None
        assert found.plan.lens_m is None
        assert found.depth_factor is None
        assert "image_width" in "\n".join(found.lines)

    def test_points_that_make_no_floor_are_an_error_that_says_why(self) -> None:
        with pytest.raises(InputError, match="camera cam-1: the points lie on one line"):
            by_points(measured([(0.0, 3.0), (0.0, 4.0), (0.0, 5.0), (0.0, 8.0)]), rules(), SIZE)


def crowd(camera: Camera = CAMERA, hidden_from_m: float = 99.0) -> Boxes:
    """People of all heights who walk about; farther away than hidden_from_m a counter hides a metre of their legs."""
    random, rows, whose = Random(5), [], []
    for person in range(40):
        tall_m = random.gauss(1.7, 0.08)
        for _ in range(20):
            x, y = (random.uniform(-2, 2), random.uniform(3, 9))
            x1, y1, x2, y2 = camera.box(x, y, tall_m)
            if y1 > 5 and y2 < 715:
                y2 = camera.pixel(x, y, 1.0)[1] if y > hidden_from_m else y2
                rows.append((x1, y1 + random.gauss(0, 2), x2, y2 + random.gauss(0, 2)))
                whose.append(person)
    return Boxes(np.array(rows), whose, *SIZE, "a crowd")


class TestHeights:
    @pytest.mark.parametrize(
        ("camera", "view_deg"),
        [
            (CAMERA, VIEW_DEG),
            (Camera(height_m=2.9, tilt_deg=20), VIEW_DEG),
            (Camera(height_m=3.5, tilt_deg=45, focal_px=700), degrees(2 * atan(640 / 700))),
        ],
    )
    def test_tilt_and_height_follow_from_people_and_the_field_of_view(self, camera: Camera, view_deg: float) -> None:
        seen = crowd(camera)
        found = heights(seen.boxes, seen.people, *SIZE, body_height_m=1.7, view_deg=view_deg)
        assert found.pose.tilt_deg == pytest.approx(camera.tilt_deg, abs=2.5)
        assert found.pose.lens_m[2] == pytest.approx(camera.height_m, rel=0.06)
        assert found.tilt_deg[0] - 1 <= camera.tilt_deg <= found.tilt_deg[1] + 1
        assert found.agrees

    def test_the_floor_that_follows_has_metres(self) -> None:
        found = by_heights(crowd(), rules(), VIEW_DEG)
        assert found.plan is not None
        floor = found.plan.floor()
        one, other = floor.at(*CAMERA.pixel(-1, 4)), floor.at(*CAMERA.pixel(1, 8))
        assert one is not None
        assert other is not None
        assert hypot(one[0] - other[0], one[1] - other[1]) == pytest.approx(hypot(2, 4), rel=0.06)

    def test_without_the_field_of_view_it_is_not_sure_and_gives_no_metres(self) -> None:
        found = by_heights(crowd(), rules(), None)
        assert found.plan is None
        assert "sure: no" in found.lines[-1]
        assert "--view" in found.lines[-1]
        assert found.depth_factor == pytest.approx(1 / sin(radians(27)), rel=0.15)

    def test_hidden_legs_are_noticed_unless_the_counter_is_drawn(self) -> None:
        seen = crowd(hidden_from_m=6.0)
        undrawn = by_heights(seen, rules(), VIEW_DEG)
        assert not undrawn.sound
        assert "legs are hidden" in undrawn.lines[-1]
        till = counter(x1=-2, x2=2, y=6).model_copy(update={"staff_area": ((0, 0), (1280, 0), (1280, 240), (0, 240))})
        drawn = by_heights(seen, rules(service_points=[till]), VIEW_DEG)
        assert drawn.sound

    def test_too_few_boxes_or_rows_are_an_error_that_says_so(self) -> None:
        with pytest.raises(NotEnough, match="record longer"):
            heights(np.ones((50, 4)) * 100.0, [1] * 50, *SIZE, body_height_m=1.7, view_deg=70)
        still = np.tile([[600.0, 100.0, 650.0, 300.0]], (400, 1))
        with pytest.raises(InputError, match="too few rows"):
            by_heights(Boxes(still, [1] * 400, *SIZE, "a log"), rules(), 70)


class TestSeen:
    def test_the_people_of_a_log_by_epoch_and_track(self) -> None:
        def track(track_id: int) -> Track:
            return Track(track_id=track_id, class_name="person", confidence=0.9, x1=1, y1=2, x2=3, y2=4 + track_id)

        at = 1_800_000_000_000
        log = [
            record(at, 0, [track(1), track(2)], epoch=at),
            record(at - 50, 1, [track(1)], epoch=at - 100),
            record(at - 100, 0, [track(1)], epoch=at - 100, camera=Camera(width_px=640, height_px=360)),
        ]
        seen = boxes_of(log, "the log")
        assert seen.people == [0, 1, 2]
        assert seen.boxes.tolist() == [[1, 2, 3, 5], [1, 2, 3, 6], [1, 2, 3, 5]]
        assert (seen.width_px, seen.height_px) == SIZE

    def test_of_a_partition_the_camera_s_own_lane_counts_and_no_more_than_is_needed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # given a partition with another camera, another lane and rubbish in it, newest first
        codec, at = Codec(MemoryRegistry()), 1_800_000_000_000

        class Message:
            def __init__(self, value: bytes, key: str = "cam-1") -> None:
                self._value, self._key = value, key

            def key(self) -> bytes:
                return self._key.encode()

            def value(self) -> bytes:
                return self._value

        def update(n: int, **more: str) -> bytes:
            box = Track(track_id=n, class_name="person", confidence=0.9, x1=1, y1=2, x2=3, y2=4 + n)
            return codec.encode(msgspec.structs.replace(record(at - n, n, [box], epoch=at), **more))

        partition = [
            Message(update(1)),
            Message(b"rubbish"),
            Message(update(2), "cam-2"),
            Message(update(3, lane="old-tape")),
            Message(update(4)),
            Message(update(5)),
        ]
        monkeypatch.setattr(seen_module, "connect_codec", lambda settings: codec)
        monkeypatch.setattr(seen_module, "backwards", lambda settings, topic, partition_: iter(partition))
        monkeypatch.setattr(seen_module, "RECORDS_MAX", 2)
        found = seen_module.boxes_of_log(Settings(), "cam-1", "live")
        assert found.boxes[:, 3].tolist() == [5, 8]

    def test_nobody_is_an_error_that_says_what_to_do(self) -> None:
        with pytest.raises(InputError, match="nobody was seen in the log: run the camera first"):
            boxes_of([], "the log")


class TestFrame:
    @pytest.mark.parametrize(("at_s", "number"), [(0.0, 0), (1.2, 12), (99.0, 29)])
    def test_the_frame_of_a_video_at_that_time_or_its_last(self, tmp_path: Path, at_s: float, number: int) -> None:
        write_video(tmp_path / "v.mp4", 30, rate=10)
        assert number_of(frame_of("v.mp4", tmp_path, at_s)) == number

    def test_no_such_file_and_no_such_camera_are_one_clear_line(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"no such video file: .*v\.mp4"):
            frame_of("v.mp4", tmp_path)
        with pytest.raises(SourceError, match=r"rtsp://\*\*\*@127\.0\.0\.1:9/x: no frame .* give --image FILE"):
            frame_of("rtsp://me:secret@127.0.0.1:9/x", tmp_path)


class TestCommand:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        till = counter()
        path = tmp_path / "site.yaml"
        camera = {
            "camera_id": "till",
            "source": "frame.png",
            "image_width": SIZE[0],
            "image_height": SIZE[1],
            "service_points": [till.model_dump(mode="json")],
        }
        path.write_text(yaml.safe_dump({"site_id": "shop", "cameras": [camera]}))
        (tmp_path / "floor.txt").write_text("\n".join(f"{u} {v} {x} {y}" for (u, v), (x, y) in measured()))
        return path

    def test_what_it_prints_can_be_pasted(self, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        # when the points are read, and the printed lines put into the site file
        assert main(["calibrate", "till", "--site", str(site), "--points", str(tmp_path / "floor.txt")]) == 0
        told = capsys.readouterr().out
        assert "all agree within 0.00 m" in told
        data = yaml.safe_load(site.read_text())
        data["cameras"][0] |= yaml.safe_load(told.partition("paste into")[2].partition("\n\n")[2])
        site.write_text(yaml.safe_dump(data))
        # then the file is good, and the command finds the same again
        assert main(["calibrate", "till", "--site", str(site)]) == 0
        assert capsys.readouterr().out == told

    def test_a_wrong_point_is_an_exit_code(self, site: Path, tmp_path: Path) -> None:
        points = tmp_path / "floor.txt"
        lines = points.read_text().splitlines()
        points.write_text("\n".join([*lines[:-1], lines[-1].rpartition(" ")[0] + " 5.5"]))
        assert main(["calibrate", "till", "--site", str(site), "--points", str(points)]) == 1

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ([], "camera till: no floor is measured: give --points FILE"),
            (["--points", "nowhere.txt"], "--points nowhere.txt: No such file"),
            (["--picture", "out.gif"], "name a .png or .jpg file"),
            (["--picture", "out.png"], "frame.png; correct `source` in the site file"),
            (["--heights", "--detections", "nowhere.npz"], "--detections nowhere.npz"),
        ],
    )
    def test_an_error_says_what_to_do(
        self, site: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["calibrate", "till", "--site", str(site), *options]) == 2
        assert says in capsys.readouterr().err

    def test_the_picture_shows_what_is_known_and_what_is_drawn(self, site: Path, tmp_path: Path) -> None:
        cv2 = pytest.importorskip("cv2")
        grey, drawn = np.full((720, 1280, 3), 128, np.uint8), tmp_path / "drawn.png"
        cv2.imwrite(str(tmp_path / "frame.png"), grey)
        where = ["--points", str(tmp_path / "floor.txt"), "--picture", str(drawn)]
        assert main(["calibrate", "till", "--site", str(site), *where]) == 0
        image = cv2.imread(str(drawn))
        assert image.shape[1] == 1280
        assert image.shape[0] > 720
        # then: known floor is as it was, the rest is shaded, and the customer strip is green
        x, y = (round(v) for v in CAMERA.pixel(2.6, 4.7))
        assert image[y, x].tolist() == [128, 128, 128]
        assert image[5, 640].max() < 80
        x, y = (round(v) for v in CAMERA.pixel(1.2, 5.3))
        blue, green, red = image[y, x].tolist()
        assert green > blue
        assert green > red

    def test_the_frame_that_is_kept_is_the_one_by_which_a_moved_camera_is_noticed(
        self, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        cv2 = pytest.importorskip("cv2")
        seen, kept = np.random.default_rng(1).integers(0, 255, (720, 1280, 3), np.uint8), tmp_path / "ref.png"
        cv2.imwrite(str(tmp_path / "frame.png"), seen)
        assert main(["calibrate", "till", "--site", str(site), "--reference", str(kept)]) == 0
        assert "`reference` of camera till" in capsys.readouterr().out
        assert (cv2.imread(str(kept)) == seen).all()
        assert read_reference(kept).shape == (90, 160)
        assert main(["calibrate", "till", "--site", str(site), "--reference", str(tmp_path / "ref.gif")]) == 2
        assert "--reference" in capsys.readouterr().err
