"""The continuous recording: complete, cut where it should be, readable while it grows, and whole after a crash."""

import itertools
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import av
import pytest

from inference.recorder import Recorder, why_transcode
from inference.source import Epoch, FileSource, Frame
from infra.recordings import SegmentIndex, index_path, lane_root, read_index, segment_path
from schemas.hashing import sha256_of_file
from schemas.records import RecordingSegment
from tests.unit.inference_videos import START_MS, Killed, StillClock, decoded, key_pts, number_of, write_video

CAMERA = "cam"


class RecordingSink:
    """Gives a source's packets and frames to a recorder, as a camera does; may stop suddenly."""

    def __init__(
        self, recorder: Recorder, killed_after: int | None = None, clean_stop_after: int | None = None
    ) -> None:
        self.recorder, self.killed_after, self.stop_after = recorder, killed_after, clean_stop_after
        self.stop = Event()
        self.seen = 0

    def open(self, epoch: Epoch) -> None:
        self.recorder.open(epoch)

    def packet(self, packet: object, pts: int) -> None:
        self.recorder.packet(packet, pts)

    def frame(self, frame: Frame) -> None:
        self.recorder.frame(frame)
        self.seen += 1
        if self.seen == self.killed_after:
            raise Killed
        if self.seen == self.stop_after:
            self.stop.set()

    def close(self, state: str) -> None:
        self.recorder.close()


def a_recorder(folder: Path, announced: list[RecordingSegment], lane: str = "live") -> Recorder:
    return Recorder(folder, "site", CAMERA, lane, "host", StillClock(), announced.append)


def record(
    path: Path, folder: Path, *, killed_after: int | None = None, resume: bool = False
) -> list[RecordingSegment]:
    announced: list[RecordingSegment] = []
    recorder = a_recorder(folder, announced)
    recorder.recover(START_MS if resume else None)
    sink = RecordingSink(recorder, killed_after)
    try:
        FileSource(path, START_MS).read(sink, sink.stop)
    except Killed:
        assert killed_after is not None
    return announced


def segments(folder: Path) -> list[SegmentIndex]:
    found = [read_index(p) for p in sorted((folder / CAMERA).glob("*.idx"))]
    return [index for index in found if index is not None]


def shown(segment: SegmentIndex) -> list[tuple[int, int]]:
    """(captured_at - START_MS, number) of every picture of a segment, by its index."""
    with av.open(str(segment.path)) as container:
        stream = container.streams.video[0]
        found = []
        for picture in container.decode(stream):
            ticks = float(picture.pts * stream.time_base) * segment.head.time_base_den
            gop = max((g for g in segment.gops if g.key_pts <= ticks + 1), key=lambda g: g.key_pts)
            at = gop.key_at + (ticks - gop.key_pts) / segment.head.time_base_den * 1000
            found.append((round(at) - START_MS, number_of(picture.to_ndarray(format="bgr24"))))
    return found


KINDS = [
    ("plain.mp4", {}, False),
    ("b_frames.mp4", {"b_frames": 2}, False),
    ("old.avi", {"codec": "msmpeg4v2", "gop_s": 12.0}, True),
    ("picture.gif", {"codec": "gif"}, True),
    ("pictures.avi", {"codec": "mjpeg"}, True),
    ("odd.avi", {"codec": "mjpeg", "size": (97, 65)}, True),
    ("b_frames.avi", {"b_frames": 2}, True),
    ("long_gop.mp4", {"gop_s": 6.0}, True),
    ("hevc.mp4", {"codec": "libx265"}, True),
]


@dataclass
class Recorded:
    """24 s of a kind of video, recorded."""

    segments: list[SegmentIndex]
    announced: list[RecordingSegment]
    transcoded: bool


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind[0])
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    name, options, transcoded = request.param
    folder = tmp_path_factory.mktemp("recorded")
    announced = record(write_video(folder / name, 240, **options), folder / "rec")
    return Recorded(segments(folder / "rec"), announced, transcoded)


def test_every_frame_is_recorded_once_at_its_time(recorded: Recorded) -> None:
    assert [frame for segment in recorded.segments for frame in shown(segment)] == [(n * 100, n) for n in range(240)]
    assert {s.head.transcoded for s in recorded.segments} == {recorded.transcoded}
    assert {s.transcoded for s in recorded.announced} == {recorded.transcoded}
    assert all(s.head.codec == "h264" for s in recorded.segments)


def test_segments_are_cut_at_the_first_key_frame_after_ten_seconds_and_join_without_a_gap(recorded: Recorded) -> None:
    spans = [(s.gops[0].key_at - START_MS, s.gops[-1].end_at - START_MS) for s in recorded.segments]
    assert spans == [(0, 10_000), (10_000, 20_000), (20_000, 24_000)]
    for segment in recorded.segments:
        for gop, following in itertools.pairwise(segment.gops):
            assert gop.end_at == following.key_at
            assert following.key_at - gop.key_at <= 4_000
    assert [s.tail.last for s in recorded.segments if s.tail] == [False, False, True]


def test_the_index_says_where_the_key_frames_are_in_the_file(recorded: Recorded) -> None:
    for segment in recorded.segments:
        pts, time_base = key_pts(segment.path)
        assert [gop.key_pts for gop in segment.gops] == [round(p * time_base * segment.head.time_base_den) for p in pts]


def test_a_closed_segment_is_announced_with_its_hash(tmp_path: Path) -> None:
    announced = record(write_video(tmp_path / "v.mp4", 130), tmp_path / "rec")
    assert [(a.index, a.from_at - START_MS, a.to_at - START_MS, a.last) for a in announced] == [
        (0, 0, 10_000, False),
        (1, 10_000, 13_000, True),
    ]
    for segment in announced:
        path = tmp_path / "rec" / segment.path
        assert segment.sha256 == sha256_of_file(path)
        assert segment.size_bytes == path.stat().st_size
        assert [key.at - segment.from_at for key in segment.key_frames] == [
            n * 1000 for n in range(len(segment.key_frames))
        ]
        assert not segment.live


def test_a_growing_recording_can_be_read_up_to_its_last_whole_group(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 100, b_frames=2)
    recorder = a_recorder(tmp_path / "rec", [])
    path = segment_path(tmp_path / "rec", CAMERA, START_MS, 0)
    seen: list[tuple[int, int]] = []

    class Looking(RecordingSink):
        def frame(self, frame: Frame) -> None:
            super().frame(frame)
            if self.seen in (15, 45, 85):
                index = read_index(index_path(path))
                assert index is not None
                assert index.tail is None
                seen.append((len(index.gops), len(decoded(path))))

    FileSource(video, START_MS).read(Looking(recorder), Event())
    assert [gops for gops, _ in seen] == [1, 4, 8]
    assert all(frames >= gops * 10 for gops, frames in seen)


@pytest.mark.parametrize("options", [{"b_frames": 2}, {"codec": "msmpeg4v2"}])
@pytest.mark.parametrize("killed_after", [5, 95, 112, 205])
def test_after_a_crash_and_a_second_run_the_recording_is_as_if_nothing_had_happened(
    tmp_path: Path, options: dict[str, object], killed_after: int
) -> None:
    video = write_video(tmp_path / ("v.avi" if "codec" in options else "v.mp4"), 240, **options)  # type: ignore[arg-type]
    whole = record(video, tmp_path / "whole")
    before = record(video, tmp_path / "rec", killed_after=killed_after)
    kept = {s.path: (tmp_path / "rec" / s.path).stat().st_mtime_ns for s in before}

    after = record(video, tmp_path / "rec", resume=True)

    assert [(s.index, s.sha256, s.last) for s in after] == [(s.index, s.sha256, s.last) for s in whole]
    assert all((tmp_path / "rec" / path).stat().st_mtime_ns == at for path, at in kept.items()), "closed ones are kept"
    assert [i.gops for i in segments(tmp_path / "rec")] == [i.gops for i in segments(tmp_path / "whole")]


def test_an_epoch_that_does_not_go_on_is_closed_and_announced_at_the_next_start(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 240)
    record(video, tmp_path / "rec", killed_after=137)
    with index_path(segment_path(tmp_path / "rec", CAMERA, START_MS, 1)).open("ab") as index:
        index.write(b'{"type":"gop","key_at":17')  # a line that the crash cut short

    announced: list[RecordingSegment] = []
    a_recorder(tmp_path / "rec", announced).recover()

    found = segments(tmp_path / "rec")
    assert [bool(s.tail and s.tail.last) for s in found] == [False, True]
    assert [(a.index, a.to_at - START_MS, a.last) for a in announced] == [(1, 13_000, True)]
    assert announced[0].sha256 == sha256_of_file(found[1].path)
    again: list[RecordingSegment] = []
    a_recorder(tmp_path / "rec", again).recover()
    assert again == []


def test_an_interrupted_epoch_ends_its_recording(tmp_path: Path) -> None:
    recorder = a_recorder(tmp_path / "rec", [])
    sink = RecordingSink(recorder, clean_stop_after=57)
    FileSource(write_video(tmp_path / "v.mp4", 100), START_MS).read(sink, sink.stop)
    (segment,) = segments(tmp_path / "rec")
    assert segment.tail is not None
    assert segment.tail.last
    assert len(shown(segment)) >= 57


def test_key_frames_that_get_too_far_apart_on_the_way_change_over_without_losing_a_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NotKnownBefore(RecordingSink):
        def open(self, epoch: Epoch) -> None:
            super().open(Epoch(**{**vars(epoch), "key_gap_s": 0.0}))

    video = write_video(tmp_path / "v.mp4", 240, gop_s=8.0, b_frames=2)
    with caplog.at_level(logging.INFO):
        FileSource(video, START_MS).read(NotKnownBefore(a_recorder(tmp_path / "rec", [])), Event())
    found = segments(tmp_path / "rec")
    assert [frame for segment in found for frame in shown(segment)] == [(n * 100, n) for n in range(240)]
    assert [s.head.transcoded for s in found] == [False] + [True] * (len(found) - 1)
    assert found[0].gops[-1].end_at == found[1].gops[0].key_at
    assert caplog.text.count("is transcoded") == 1


def test_transcoding_is_said_in_one_line_with_the_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        record(write_video(tmp_path / "v.avi", 30, codec="msmpeg4v2"), tmp_path / "rec")
    said = [r.getMessage() for r in caplog.records if "transcoded" in r.getMessage()]
    assert said == ["camera cam: the recording is transcoded to h264: its codec is msmpeg4v2, not h264"]


@pytest.mark.parametrize(
    ("codec", "pixels", "gap_s", "missing", "reason"),
    [
        ("h264", "yuv420p", 4.0, False, None),
        ("h264", "yuvj420p", 0.0, False, None),
        ("hevc", "yuv420p", 1.0, False, "codec is hevc"),
        ("h264", "yuv420p10le", 1.0, False, "pixel format is yuv420p10le"),
        ("h264", "yuv420p", 4.1, False, "up to 4.1 s apart"),
        ("h264", "yuv420p", 1.0, True, "when each picture is shown"),
    ],
)
def test_what_browsers_take_is_kept_as_it_is(
    codec: str, pixels: str, gap_s: float, missing: bool, reason: str | None
) -> None:
    found = why_transcode(codec, pixels, gap_s, missing)
    assert found is None if reason is None else reason in str(found)


def test_each_lane_has_its_own_recording_of_the_same_footage(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", 30)
    announced: list[RecordingSegment] = []
    for lane in ("live", "again"):
        FileSource(video, START_MS).read(RecordingSink(a_recorder(tmp_path / "rec", announced, lane)), Event())
    assert [(a.lane, a.path) for a in announced] == [
        ("live", f"cam/{START_MS}_000000.mp4"),
        ("again", f".lanes/again/cam/{START_MS}_000000.mp4"),
    ]
    assert (
        segment_path(lane_root(tmp_path / "rec", "again"), CAMERA, START_MS, 0) == tmp_path / "rec" / announced[1].path
    )
