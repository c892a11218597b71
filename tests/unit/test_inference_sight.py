"""What a camera sees: the light and the people may change, the view may not."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from inference.errors import SourceError
from inference.sight import HOLD_MS, Sight, grey_of
from inference.sight_watch import SightWatch, read_reference
from inference.source import Frame
from infra import metrics
from tests.unit.inference_videos import START_MS

Image = npt.NDArray[np.uint8]


def shop(seed: int = 1, right_px: int = 0) -> Image:
    """A picture of shelves, (240, 320, 3); right_px: how far its content is to the right of where it was."""
    random = np.random.default_rng(seed)
    image = np.full((240, 480, 3), 120, np.uint8)
    for _ in range(70):
        x, y = random.integers(0, 440), random.integers(0, 210)
        width, height = random.integers(15, 60), random.integers(10, 50)
        image[y : y + height, x : x + width] = random.integers(20, 235)
    return np.ascontiguousarray(image[:, 80 - right_px : 400 - right_px])


def blurred(image: Image, times: int) -> Image:
    soft = image.astype(float)
    for _ in range(times):
        for axis in (0, 1):
            soft = (np.roll(soft, 8, axis) + soft + np.roll(soft, -8, axis)) / 3
    return soft.astype(np.uint8)


def with_somebody_near(image: Image) -> Image:
    near = image.copy()
    near[40:, 60:240] = 90
    return near


def frame(image: Image, at_s: float = 0.0) -> Frame:
    return Frame(0, 0, START_MS + round(at_s * 1000), av.VideoFrame.from_ndarray(image, format="bgr24"))


def grey(image: Image) -> npt.NDArray[np.floating]:
    return grey_of(frame(image).picture)


def judged(image: Image, reference: Image | None = None) -> tuple[str | None, tuple[float, float] | None]:
    """What counts once this picture was seen for long enough."""
    sight = Sight(None if reference is None else grey(reference))
    for at in range(0, HOLD_MS + 1, 500):
        sight.look(START_MS + at, grey(image))
    return sight.said.impairment, sight.said.moved


NOISE = np.random.default_rng(3).integers(0, 12, (240, 320, 3), np.uint8)
FINE = {
    "as it was": shop(),
    "a quarter of the light": shop() // 4,
    "too bright": np.clip(shop().astype(int) * 2, 0, 255).astype(np.uint8),
    "noise": shop() // 2 + NOISE,
    "somebody over half of it": with_somebody_near(shop()),
    "a nudge of less than 1 %": shop(right_px=2),
}


@pytest.mark.parametrize("name", FINE)
def test_what_changes_every_day_does_not_matter(name: str) -> None:
    assert judged(FINE[name], shop()) == (None, None)


def test_a_camera_that_was_moved_is_displaced_and_it_is_told_how_far() -> None:
    found, moved = judged(shop(right_px=16), shop())
    assert (found, moved) == ("displaced", pytest.approx((0.05, 0.0), abs=0.01))


@pytest.mark.parametrize("image", [shop(seed=2), shop()[:, ::-1].copy(), shop()[::-1].copy()], ids=str)
def test_another_view_is_displaced(image: Image) -> None:
    assert judged(image, shop()) == ("displaced", None)


@pytest.mark.parametrize(
    "image", [np.zeros((240, 320, 3), np.uint8), NOISE, np.full((240, 320, 3), 200, np.uint8)], ids=str
)
def test_black_and_white_are_blind_also_without_a_reference(image: Image) -> None:
    assert judged(image) == judged(image, shop()) == ("blind", None)


def test_a_hand_before_the_lens_is_blind() -> None:
    assert judged(blurred(shop(), 12), shop()) == ("blind", None)


def test_pictures_of_another_shape_are_displaced() -> None:
    assert judged(np.ascontiguousarray(shop()[:180]), shop()) == ("displaced", None)


def test_without_a_reference_every_picture_is_right() -> None:
    assert judged(shop(seed=2)) == (None, None)


def test_it_counts_when_it_was_seen_for_three_seconds_without_a_break_and_so_does_the_end_of_it() -> None:
    sight, said = Sight(None), []
    black, lit = grey(np.zeros((240, 320, 3), np.uint8)), grey(shop())
    # given black for two seconds, a moment of light, black for four seconds, and light
    for n, image in enumerate([black] * 4 + [lit] + [black] * 8 + [lit] * 8):
        said.append(sight.look(START_MS + n * 500, image).impairment)
    # then it is blind three seconds after the last black began, until there was light for three
    assert said == [None] * 11 + ["blind"] * 8 + [None] * 2


def test_pictures_are_looked_at_twice_a_second() -> None:
    sight = Sight(None)
    sight.look(START_MS, grey(shop()))
    assert [sight.is_due(START_MS + ms) for ms in (100, 499, 500)] == [False, False, True]


def test_the_operator_is_told_once_when_it_begins_and_once_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    watch = SightWatch("till", grey(shop()))
    watch.begin(None)
    moved = [watch.judge(frame(shop(right_px=16), n / 10)) for n in range(60)]
    assert (moved[29], moved[30]) == (None, "displaced")
    assert ("trackfold_camera_impaired", ("till",), 1.0) in [
        (s.name, s.labels, s.value) for s in metrics.Changes(metrics.CAMERA_IMPAIRED)
    ]
    back = [watch.judge(frame(shop(), 6 + n / 10)) for n in range(60)]
    assert (back[29], back[-1]) == ("displaced", None)
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    assert "another view than its reference picture (moved by 5% of the width to the right)" in told[0]
    assert "sees again" in told[1]


def test_what_does_not_fit_an_epochs_pictures_is_displaced_until_the_next_epoch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = SightWatch("till")
    watch.begin("its image was 640x480 and is 320x240 now")
    assert watch.judge(frame(shop())) == "displaced"
    watch.begin(None)
    assert watch.judge(frame(shop(), 1)) is None
    assert "is 320x240 now; until then its frames count as displaced" in caplog.text


def test_a_reference_is_a_picture_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "ref.png"
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "rgb24"
        picture = frame(shop()).picture.reformat(format="rgb24")
        picture.pts, picture.time_base = 0, Fraction(1)
        container.mux(stream.encode(picture))
    big = np.repeat(np.repeat(shop(), 3, axis=0), 3, axis=1)
    sight = Sight(read_reference(path))
    assert sight.look(START_MS, grey(big)).impairment is sight.look(START_MS + 4000, grey(big)).impairment is None


def test_a_reference_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ref\.png"):
        read_reference(tmp_path / "ref.png")
