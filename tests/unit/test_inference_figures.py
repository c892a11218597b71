"""When the cameras' processes are ready."""

import pytest

from inference.figures import CamerasHealth
from inference.report import Figures
from infra import metrics
from infra.health import STUCK_S, Health
from infra.metrics import Sample


class Cameras:
    """Two cameras' processes as the one that started them hears them; a second passes with each word."""

    def __init__(self) -> None:
        self.now = 0.0
        self.health = Health("infer", clock=lambda: self.now)
        self.cameras = CamerasHealth(self.health)

    def hear(self, seconds: int, **cameras: tuple[int, int]) -> None:
        """door=(frames read, frames detected) in each of these seconds."""
        for _ in range(seconds):
            self.cameras.running({"door", "till"})
            for camera, (read, detected) in cameras.items():
                counts = [(metrics.CAMERA_READ, read), (metrics.CAMERA_FRAMES, detected)]
                changes = [Sample(metric.name, (camera,), count) for metric, count in counts if count]
                self.cameras.heard(Figures(camera, changes))
            self.now += 1


@pytest.fixture
def seen() -> Cameras:
    return Cameras()


def test_a_camera_that_is_read_and_detected_is_ready(seen: Cameras) -> None:
    seen.hear(200, door=(25, 10), till=(25, 10))
    assert seen.health.ready().ok


def test_a_source_that_is_away_makes_nobody_unready(seen: Cameras) -> None:
    seen.hear(200, door=(25, 10), till=(0, 0))
    assert seen.health.ready().ok


def test_a_detector_that_hangs_is_not_hidden_by_the_other_camera(seen: Cameras) -> None:
    seen.hear(10, door=(25, 10), till=(25, 10))
    seen.hear(round(STUCK_S) + 2, door=(25, 10), till=(25, 0))
    assert seen.health.ready().reason.startswith("till: ")
    seen.hear(1, door=(25, 10), till=(25, 10))
    assert seen.health.ready().ok


def test_a_process_without_a_word_is_not_ready(seen: Cameras) -> None:
    seen.hear(10, door=(25, 10), till=(25, 10))
    seen.hear(round(STUCK_S) + 2, door=(25, 10))
    assert seen.health.ready().reason.startswith("till: nothing heard")
    seen.cameras.running({"door"})  # it is gone: its neighbour is what remains
    assert seen.health.ready().ok
