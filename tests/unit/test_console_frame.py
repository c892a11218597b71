"""The frame that is drawn on: the reference picture, else the newest that was recorded."""

import io
from pathlib import Path

import av
import pytest

from connectors.console.frame import Frame, frame_of, size_of
from schemas.site import Camera
from tests.clip_recording import HEIGHT, WIDTH, number_of, picture, record

T0 = 1_772_445_600_000


def decoded(jpeg: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(jpeg)) as container:
        return next(container.decode(video=0))


def reference(folder: Path, number: int) -> str:
    (folder / "reference.jpg").write_bytes(Frame(picture(number), "reference").jpeg())
    return "reference.jpg"


def recorded(folder: Path, *, newest: int = 40) -> None:
    """An old epoch, and a newer one of two segments of which the last has a key frame numbered `newest`."""
    record(folder, "till", T0, [T0 + n * 100 for n in range(10)], first_number=0)
    record(folder, "till", T0 + 10_000, [T0 + 10_000 + n * 100 for n in range(20)], first_number=10, last=False)
    later = [T0 + 12_000 + n * 100 for n in range(20)]
    record(folder, "till", T0 + 10_000, later, index=1, first_number=newest - 10, closed=False, last=False)


def test_the_reference_picture_comes_first(tmp_path: Path) -> None:
    recorded(tmp_path)
    frame = frame_of(Camera(camera_id="till", reference=reference(tmp_path, 77)), tmp_path, tmp_path)
    assert frame is not None
    assert (frame.of, number_of(decoded(frame.jpeg()))) == ("reference", 77)


def test_without_one_it_is_the_newest_key_frame_of_the_recording_and_says_when(tmp_path: Path) -> None:
    recorded(tmp_path, newest=40)
    frame = frame_of(Camera(camera_id="till", reference="gone.jpg"), tmp_path, tmp_path)
    assert frame is not None
    assert (frame.of, frame.at, number_of(decoded(frame.jpeg()))) == ("recording", T0 + 13_000, 40)


def test_a_segment_that_has_nothing_yet_or_is_broken_is_passed_over(tmp_path: Path) -> None:
    recorded(tmp_path, newest=40)
    path = record(tmp_path, "till", T0 + 10_000, [T0 + 14_000 + n * 100 for n in range(10)], index=2)
    path.write_bytes(b"no video")
    (tmp_path / "till" / f"{T0 + 10_000}_000003.idx").write_bytes(b"")
    frame = frame_of(Camera(camera_id="till"), tmp_path, tmp_path)
    assert frame is not None
    assert number_of(decoded(frame.jpeg())) == 40


def test_a_camera_that_recorded_nothing_has_none(tmp_path: Path) -> None:
    assert frame_of(Camera(camera_id="till"), tmp_path, tmp_path) is None


def test_it_is_made_as_large_as_is_asked_for(tmp_path: Path) -> None:
    small = decoded(Frame(picture(5), "reference").jpeg((160, 32)))
    assert (small.width, small.height) == (160, 32)


@pytest.mark.parametrize(
    ("camera", "of", "size"),
    [
        (Camera(camera_id="till", image_width=1280, image_height=720), "recording", (1280, 720)),
        (Camera(camera_id="till"), "recording", (WIDTH, HEIGHT)),
        (Camera(camera_id="till", source="rtsp://a", detect_source="rtsp://b"), "recording", None),
        (Camera(camera_id="till", source="rtsp://a", detect_source="rtsp://b"), "reference", (WIDTH, HEIGHT)),
    ],
)
def test_what_is_drawn_is_in_the_pixels_of_the_stream_that_is_detected_on(
    camera: Camera, of: str, size: tuple[int, int] | None
) -> None:
    assert size_of(camera, Frame(picture(1), of)) == size
    assert size_of(Camera(camera_id="till"), None) is None
