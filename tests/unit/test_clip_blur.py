"""Blurred clips: nobody who was tracked is recognisable in any picture, and all else is as it was."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from connectors.clip.blur import blurred
from connectors.clip.covers import HOLD_MS, people, regions
from connectors.clip.remux import CutError
from connectors.clip.service import ClipConnector
from connectors.work import Again, Done, Later, Outcome
from infra.config import Settings
from infra.recordings import FrameTracks
from schemas.records import ClipCut
from tests.clip_recording import HEIGHT, WIDTH, keep_tracks, record, times_in
from tests.connector_records import T0, event, site

PERSON = (60.0, 16.0, 120.0, 56.0)
AWAY = (220.0, 16.0, 280.0, 56.0)
"""Where nobody is."""


def striped(path: Path, count: int) -> None:
    """A video of 10 pictures a second with fine stripes everywhere: what has detail shows it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(count):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[:, ::8], image[:, 1::8], image[:, 2::8] = 255, 255, 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def detail(picture: NDArray[np.uint8], box: tuple[float, float, float, float]) -> float:
    """How much brightness changes from one pixel to the next within a box."""
    x1, y1, x2, y2 = map(int, box)
    return float(np.abs(np.diff(picture[y1:y2, x1:x2].astype(int), axis=1)).mean())


def covered(tmp_path: Path, what: str, frames: list[FrameTracks], count: int = 20) -> list[NDArray[np.uint8]]:
    """The pictures of a striped video, one each 100 ms from T0, with these boxes covered."""
    plain, out = tmp_path / "plain.mp4", tmp_path / "out.mp4"
    striped(plain, count)
    boxes_of = WIDTH, HEIGHT
    blurred(plain, out, people({T0: frames}), what, zero_at=T0, boxes_of=boxes_of, comment="")  # type: ignore[arg-type]
    assert times_in(out) == times_in(plain)
    return pictures(out)


def seen(*at_ms: int, track_id: int = 1, box: tuple[float, float, float, float] = PERSON) -> list[FrameTracks]:
    return [FrameTracks(T0 + at, [(track_id, *box)]) for at in at_ms]


def test_in_a_box_nothing_is_left_of_the_detail_and_outside_everything(tmp_path: Path) -> None:
    found = covered(tmp_path, "people", seen(*range(0, 2000, 100)))
    assert len(found) == 20
    for picture in found:
        assert detail(picture, AWAY) > 40
        assert detail(picture, PERSON) < 4


def test_of_faces_only_the_upper_part_of_the_box_is_covered(tmp_path: Path) -> None:
    for picture in covered(tmp_path, "faces", seen(*range(0, 2000, 100))):
        x1, y1, x2, y2 = PERSON
        assert detail(picture, (x1, y1, x2, y1 + 12)) < 4
        assert detail(picture, (x1, y1 + 20, x2, y2)) > 40


def test_a_picture_without_a_detection_between_two_with_one_is_covered(tmp_path: Path) -> None:
    # given a person who is lost between two detections, and was first and last seen within the clip
    found = covered(tmp_path, "people", seen(1600, 2 * HOLD_MS + 1600 - 100), count=70)
    bare = [n for n, picture in enumerate(found) if detail(picture, PERSON) > 4]
    # then he is covered from before the first to after the last, and beyond that he is not there
    hold = HOLD_MS // 100
    assert bare == [n for n in range(70) if not 16 - hold <= n <= 45 + hold]


def test_between_two_places_all_that_lies_between_is_covered() -> None:
    (person,) = people({T0: seen(0, box=(0, 0, 10, 10)) + seen(400, box=(100, 20, 110, 30))})
    assert person.around(T0 + 200) == (0, 0, 110, 30)
    assert person.around(T0 + 400 + HOLD_MS + 1) is None
    # and the same number in another epoch is somebody else
    assert len(people({T0: seen(0), T0 + 1: seen(0)})) == 2


def test_boxes_of_another_picture_s_size_are_scaled_and_stay_within_it() -> None:
    (region,) = regions(people({T0: seen(0, box=(300, 100, 340, 200))}), T0, "people", (640, 360), (2.0, 2.0))
    assert region == (588, 170, 640, 360)


def test_what_cannot_be_decoded_becomes_no_clip(tmp_path: Path) -> None:
    (tmp_path / "junk.mp4").write_bytes(b"junk")
    with pytest.raises(CutError, match="cannot be blurred"):
        blurred(tmp_path / "junk.mp4", tmp_path / "out.mp4", [], "people", zero_at=T0, boxes_of=(1, 1), comment="")


class At:
    """A clock that stands still."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


def cut(tmp_path: Path, blur: str, now_ms: int = T0) -> Outcome[ClipCut]:
    """What comes of the clip of an interaction that was recorded from 6 s before to 26 s after its start."""
    if not (tmp_path / "recordings").exists():
        record(tmp_path / "recordings", "cam", T0, [T0 + ms for ms in range(-6_000, 26_000, 200)])
    shop = site().model_copy(update={"blur": blur})
    connector = ClipConnector(Settings(data_dir=tmp_path), shop, At(now_ms))
    (job,) = connector.plan(event("confirmed", episode_id="00000000-0000-5000-8000-000000000001"), T0).values()
    return connector.do(job, 1)


def test_the_clip_service_blurs_by_choice_says_so_and_gives_the_same_file_each_time(tmp_path: Path) -> None:
    keep_tracks(tmp_path / "recordings", "cam", T0, seen(*range(-6_000, 26_000, 200), track_id=9))
    record(tmp_path / "recordings", "cam", T0, [T0 + ms for ms in range(-6_000, 26_000, 200)])
    plain = cut(tmp_path, "none")
    assert isinstance(plain, Done)
    assert plain.result.blur is None
    # when the site wants people blurred, then also one who is not of the episode is
    first, second = cut(tmp_path, "people"), cut(tmp_path, "people")
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert (first.result.blur, first.result.codec) == ("people", "h264")
    assert first.result.sha256 == second.result.sha256 != plain.result.sha256
    assert (first.result.covered_from, first.result.covered_to) == (plain.result.covered_from, plain.result.covered_to)


def test_without_boxes_there_is_no_clip_rather_than_one_with_people_in_it(tmp_path: Path) -> None:
    # given a recording whose boxes were not kept
    assert isinstance(cut(tmp_path, "none"), Done)
    # then the boxes are waited for, and then there is no clip
    assert isinstance(cut(tmp_path, "faces"), Later)
    outcome = cut(tmp_path, "faces", T0 + 60_000)
    assert isinstance(outcome, Again)
    assert "nobody could be blurred" in outcome.reason
