"""The frame counter survives what happens to a recording, and is never misread."""

import io

import av
import cv2
import numpy as np
import pytest

from infra.demo.camera import Image
from infra.demo.counter import LARGEST, CounterUnreadable, burn_counter, read_counter


def shop_picture(seed: int = 0) -> Image:
    noise: Image = np.random.default_rng(seed).integers(0, 255, (360, 640, 3)).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (9, 9), 0), np.uint8)


def burnt(number: int) -> Image:
    image = shop_picture()
    burn_counter(image, number, "floor 10:00:00.0")
    return image


def test_every_number_is_read_as_it_was_burnt() -> None:
    for number in (0, 1, 2, 1899, 4095, 32768, LARGEST):
        assert read_counter(burnt(number)) == number


def test_the_counter_survives_hard_h264_compression() -> None:
    # given forty frames, encoded so badly that the shop is a blur
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.options = {"crf": "38", "preset": "veryfast"}
        for number in range(1000, 1040):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(burnt(number), format="bgr24")))
        container.mux(stream.encode())
    # when it is decoded
    file.seek(0)
    with av.open(file, "r") as container:
        images = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in container.decode(video=0)]
    # then each frame still knows its number
    assert [read_counter(image) for image in images] == list(range(1000, 1040))


@pytest.mark.parametrize("size", [(320, 180), (960, 540), (1280, 720)])
def test_a_scaled_picture_is_read(size: tuple[int, int]) -> None:
    assert read_counter(np.asarray(cv2.resize(burnt(1234), size, interpolation=cv2.INTER_AREA), np.uint8)) == 1234


def test_a_grey_picture_is_read() -> None:
    assert read_counter(np.asarray(cv2.cvtColor(burnt(77), cv2.COLOR_BGR2GRAY), np.uint8)) == 77


def test_a_picture_without_counter_is_refused() -> None:
    with pytest.raises(CounterUnreadable):
        read_counter(shop_picture())


@pytest.mark.parametrize("square", range(25))
def test_one_wrong_square_is_noticed(square: int) -> None:
    # given a counter with one square painted over in the other colour
    image = burnt(1234)
    part = image[8:16, 8 + square * 8 : 16 + square * 8]
    part[:] = 255 - part
    # then it is refused instead of read as another number
    with pytest.raises(CounterUnreadable):
        read_counter(image)


def test_a_half_covered_square_is_refused() -> None:
    image = burnt(1234)
    image[8:16, 8 + 5 * 8 : 16 + 5 * 8] = 128
    with pytest.raises(CounterUnreadable, match="blurred or covered"):
        read_counter(image)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        burn_counter(shop_picture(), LARGEST + 1, "")
