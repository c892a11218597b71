"""The training pictures, how detections are judged, and the weights that came of it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from infra.demo.counter import burn_counter
from infra.demo.frames import LABELLED_FROM, write_frames
from infra.demo.painter import Grain
from infra.demo.record import judge, open_finder
from infra.demo.render import RATE_HZ, WEIGHTS, draw_frame
from infra.demo.script import make_script
from infra.demo.shop import picture
from infra.demo.train import share, tally
from infra.demo.views import CAMERAS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_frames(folder, 12, seed=7, workers=1)
    return folder


def test_every_picture_has_the_labels_of_those_who_can_be_seen(pictures: Path) -> None:
    truth = json.loads((pictures / "truth.json").read_text())
    assert len(truth) == 12
    assert sum(map(len, truth.values())) > 12
    for name, people in truth.items():
        image = cv2.imread(str(pictures / "images" / f"{name}.jpg"))
        assert image is not None
        assert image.shape == (360, 640, 3)
        labels = [line.split() for line in (pictures / "labels" / f"{name}.txt").read_text().splitlines()]
        seen = [person for person in people if person[1] >= LABELLED_FROM]
        assert [int(label[0]) for label in labels] == [int(person[0]) for person in seen]
        for label, (_, _, x1, y1, x2, y2) in zip(labels, seen, strict=True):
            x, y, wide, high = (float(value) for value in label[1:])
            assert (x * 640, y * 360) == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2), abs=0.02)
            assert (wide * 640, high * 360) == pytest.approx((x2 - x1, y2 - y1), abs=0.02)


def test_the_same_seed_makes_the_same_pictures(pictures: Path, tmp_path: Path) -> None:
    write_frames(tmp_path, 12, seed=7, workers=1)
    for image in (pictures / "images").iterdir():
        assert (tmp_path / "images" / image.name).read_bytes() == image.read_bytes()


def test_found_missed_and_made_up_people_are_counted() -> None:
    # given one clear customer found, one half hidden staff missed, one barely seen person found, one made up
    people = [[0.0, 1.0, 0, 0, 40, 100], [1.0, 0.5, 100, 0, 140, 100], [0.0, 0.2, 200, 0, 240, 100]]
    found = [(0.0, 2, 1, 41, 99), (0.0, 201, 0, 240, 100), (1.0, 400, 0, 440, 100)]
    count: dict[str, int] = {}
    tally(people, found, count)
    # then the barely seen one counts neither way
    assert share(count) == {
        "recall_visible_60_to_100": 1.0,
        "recall_visible_30_to_60": 0.0,
        "precision": round(2 / 3, 4),
        "class_right": 1.0,
        "people": 2.0,
    }


def test_a_wrong_class_is_counted() -> None:
    count: dict[str, int] = {}
    tally([[0.0, 1.0, 0, 0, 40, 100]], [(1.0, 0, 0, 40, 100)], count)
    assert share(count)["class_right"] == 0.0
    assert share(count)["recall_visible_60_to_100"] == 1.0


def test_the_weights_are_small_and_their_making_is_told() -> None:
    assert WEIGHTS.stat().st_size < 3_000_000
    assert "infra.demo.train" in (WEIGHTS.parent / "README.md").read_text()


def test_the_weights_find_the_demos_people() -> None:
    pytest.importorskip("ultralytics", reason="the extra `detect` is not installed")
    # given pictures of a script that no weights were trained on
    find = open_finder(WEIGHTS)
    count: dict[str, int] = {}
    for camera_id in CAMERAS:
        part = make_script(5).parts[camera_id]
        still = picture(part.view.shop, part.view.camera)
        grain = Grain(np.random.default_rng(5), 640, 360)
        for second in range(10, 170, 20):
            image, drawn = draw_frame(part, still, second * RATE_HZ)
            image = grain.over(image, second)
            burn_counter(image, second * RATE_HZ, camera_id)
            judge(part, drawn, find(image), count)
    # then nearly all are found, with the right class, and nobody else
    result = share(count)
    assert result["people"] > 40
    assert result["recall_visible_60_to_100"] > 0.97
    assert result["precision"] > 0.95
    assert result["class_right"] > 0.97
