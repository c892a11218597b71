"""Detections: one person one box, the classes that were asked for, and clear words when nothing can be loaded."""

import importlib
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import detector as module
from inference.detector import (
    Detection,
    KeepingDetector,
    RecordedDetector,
    YoloDetector,
    is_same_person,
    load_detector,
    merged,
    weights_sha256,
)
from inference.errors import DetectorError
from schemas.records import Keypoint
from schemas.site import Detector
from tests.unit.inference_videos import BlockDetector, picture


def box(x1: float, x2: float, confidence: float, class_name: str = "person") -> Detection:
    return Detection(class_name, confidence, x1, 0, x2, 100)


def test_two_boxes_of_one_person_become_the_better_one_whatever_their_classes() -> None:
    staff, customer = box(0, 100, 0.6, "staff"), box(5, 100, 0.8, "customer")
    assert merged([staff, customer]) == [customer]


def test_two_people_who_overlap_stay_two() -> None:
    one, other = box(0, 100, 0.6), box(18, 118, 0.8)
    assert merged([one, other]) == [other, one]


def test_a_body_with_and_without_its_outstretched_arm_is_one_person() -> None:
    with_arm, without = box(94, 152, 0.6), Detection("staff", 0.8, 109, 3, 154, 100)
    assert merged([with_arm, without]) == [without]


def test_somebody_half_hidden_behind_another_stays_a_person() -> None:
    front, behind = box(0, 50, 0.9), Detection("person", 0.7, 5, -20, 45, 50)
    assert merged([front, behind]) == [front, behind]


def test_boxes_that_touch_are_two_people() -> None:
    assert not is_same_person(box(0, 10, 1), box(10, 20, 1))


def test_the_order_of_detections_does_not_matter() -> None:
    found = [box(0, 100, 0.5), box(4, 100, 0.5), box(50, 160, 0.7), box(300, 400, 0.9)]
    assert merged(found) == merged(found[::-1])


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"no such weights: .*models/mine\.pt"):
        YoloDetector(Detector(weights="models/mine.pt"), tmp_path, threads=1)


def test_no_weights_at_all_say_which_key_to_set(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"detector\.weights"):
        load_detector(Detector(), tmp_path, threads=1)


def test_a_missing_extra_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without_torch(name: str) -> Any:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name)

    monkeypatch.setattr(module.importlib, "import_module", without_torch)
    (tmp_path / "w.pt").write_bytes(b"x")
    with pytest.raises(DetectorError, match=r"\(torch\).*trackfold\[detect\]"):
        YoloDetector(Detector(weights="w.pt"), tmp_path, threads=1)


class FakeYolo:
    """Stands for ultralytics.YOLO: two classes, three boxes; or weights that do not load."""

    names = {0: "person", 2: "dog"}  # noqa: RUF012

    def __init__(self, weights: str, task: str) -> None:
        if b"damaged" in Path(weights).read_bytes():
            raise EOFError("Ran out of input\nand a long tail")
        self.has_joints = task == "pose" and b"joints" in Path(weights).read_bytes()

    def predict(self, image: Any, **settings: Any) -> list[Any]:
        class Data(np.ndarray):
            def cpu(self) -> Any:
                return self

            def numpy(self) -> Any:
                return self

        class Boxes:
            data = np.array([[-5, 10, 50, 60, 0.9, 0], [20, 20, 40, 40, 0.8, 2], [60, 0, 99, 70, 0.5, 0]]).view(Data)

        class Joints:
            data = np.full((3, 17, 3), 0.123).view(Data)

        class Result:
            boxes = Boxes
            keypoints = Joints if self.has_joints else None

        return [Result]


@pytest.fixture
def fake_yolo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_ultralytics", lambda **_: FakeYolo)


def test_weights_that_do_not_load_are_one_clear_line(tmp_path: Path, fake_yolo: None) -> None:
    (tmp_path / "w.pt").write_bytes(b"damaged")
    with pytest.raises(DetectorError, match=r"w\.pt do not load: Ran out of input; name a YOLO") as caught:
        YoloDetector(Detector(weights="w.pt"), tmp_path, threads=1)
    assert "\n" not in str(caught.value)


def test_classes_are_renamed_others_dropped_and_boxes_cut_to_the_image(tmp_path: Path, fake_yolo: None) -> None:
    (tmp_path / "w.pt").write_bytes(b"fine")
    yolo = YoloDetector(Detector(weights="w.pt", classes={"person": "customer"}), tmp_path, threads=1)
    found = yolo.detect(picture(0))
    assert found == [Detection("customer", 0.9, 0, 10, 50, 60), Detection("customer", 0.5, 60, 0, 96, 64)]
    assert yolo.name == f"w.pt@{weights_sha256(tmp_path / 'w.pt')[:12]}"


def test_a_pose_model_gives_joints(tmp_path: Path, fake_yolo: None) -> None:
    (tmp_path / "w.pt").write_bytes(b"joints")
    yolo = YoloDetector(Detector(weights="w.pt", pose=True), tmp_path, threads=1)
    found = yolo.detect(picture(0))
    assert [d.keypoints for d in found] == [(Keypoint(x=0.1, y=0.1, confidence=0.12),) * 17] * 2


def test_a_model_without_joints_is_refused_as_a_pose_model(tmp_path: Path, fake_yolo: None) -> None:
    (tmp_path / "w.pt").write_bytes(b"fine")
    with pytest.raises(DetectorError, match=r"w\.pt give no joints; name a pose model's, or leave out detector\.pose"):
        YoloDetector(Detector(weights="w.pt", pose=True), tmp_path, threads=1)


def test_a_model_without_any_of_the_classes_is_refused_with_those_it_has(tmp_path: Path, fake_yolo: None) -> None:
    (tmp_path / "w.pt").write_bytes(b"fine")
    with pytest.raises(DetectorError, match=r"none of the classes staff but person, dog"):
        YoloDetector(Detector(weights="w.pt", classes={"staff": "staff"}), tmp_path, threads=1)


def test_a_name_that_is_no_file_is_said_before_anything_may_be_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def offline(weights: str, task: str) -> Any:
        raise ConnectionError("no network")

    monkeypatch.setattr(module, "_ultralytics", lambda **_: offline)
    with caplog.at_level(logging.INFO), pytest.raises(DetectorError, match=r"yolo26n\.pt do not load: no network"):
        YoloDetector(Detector(weights="yolo26n.pt"), tmp_path, threads=1)
    assert "yolo26n.pt is no file here: ultralytics may download" in caplog.text


def test_the_hash_of_a_folder_of_weights_covers_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.bin").write_bytes(b"1")
    first = weights_sha256(tmp_path / "m")
    (tmp_path / "m" / "a.bin").rename(tmp_path / "m" / "b.bin")
    second = weights_sha256(tmp_path / "m")
    (tmp_path / "m" / "b.bin").write_bytes(b"2")
    assert len({first, second, weights_sha256(tmp_path / "m")}) == 3


def test_kept_detections_are_the_same_when_they_are_used_again(tmp_path: Path) -> None:
    keeper = KeepingDetector(BlockDetector(), tmp_path / "kept" / "cam.npz")
    settings = Detector(kind="recorded", recorded="kept/cam.npz")
    before = {index: keeper.detect(picture(index), index) for index in (0, 1, 4)}
    keeper.save()
    again = load_detector(settings, tmp_path, threads=1)
    assert {index: again.detect(picture(index), index) for index in (0, 1, 4)} == before
    assert again.detect(picture(2), 2) == []


def test_recorded_detections_obey_confidence_and_classes(tmp_path: Path) -> None:
    keeper = KeepingDetector(BlockDetector(), tmp_path / "cam.npz")
    keeper.detect(picture(0), 0)
    keeper.save()
    sure = RecordedDetector(tmp_path / "cam.npz", Detector(confidence=0.95))
    assert sure.detect(picture(0), 0) == []
    other = RecordedDetector(tmp_path / "cam.npz", Detector(classes={"dog": "dog"}))
    assert other.detect(picture(0), 0) == []


def test_recorded_detections_of_another_video_are_refused(tmp_path: Path) -> None:
    keeper = KeepingDetector(BlockDetector(), tmp_path / "cam.npz")
    keeper.detect(picture(0), 0)
    keeper.save()
    recorded = RecordedDetector(tmp_path / "cam.npz", Detector())
    with pytest.raises(DetectorError, match="another video"):
        recorded.detect(picture(0, (48, 48)), 0)
    with pytest.raises(DetectorError, match="end before frame 1"):
        recorded.detect(picture(1), 1)


@pytest.mark.parametrize("content", [None, b"not a zip"])
def test_recorded_detections_that_cannot_be_read_are_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "cam.npz").write_bytes(content)
    with pytest.raises(DetectorError, match=r"cam\.npz.*detector\.recorded"):
        load_detector(Detector(kind="recorded", recorded="cam.npz"), tmp_path, threads=1)
