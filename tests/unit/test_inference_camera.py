"""One camera from its source to the log: nothing lost, nothing twice, whatever stops it."""

import errno
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from inference.camera import CameraPipeline
from inference.errors import LaneError, RecordingError
from inference.handoff import Closed, Handoff
from inference.lane import Last, Start, plan_file
from inference.producer import TrackProducer
from inference.recorder import Recorder
from inference.segment import Remuxed
from inference.sight_watch import SightWatch
from inference.source import FileSource, Frame
from inference.timing import Pick
from inference.tracker import TrackerSettings
from inference.tracks_log import TracksLog
from infra.recordings import read_index, read_tracks
from schemas.records import Position, Producer, TrackUpdate
from schemas.site import SiteError
from tests.unit.inference_videos import START_MS, BlockDetector, Killed, Published, StillClock, write_video

MADE_BY = Producer(model="block@0", tracker="deepsort@0", version="0")


def run(
    path: Path,
    folder: Path,
    *,
    last: Last | None = None,
    kill_after: int | None = None,
    stop_after: int | None = None,
    rate_hz: float = 10.0,
    check_image: Any = lambda width, height: None,
    lane: str = "live",
    live: bool = False,
    reference: Any = None,
) -> Published:
    """A run over a file that continues `last`; kill_after, stop_after: so many records published."""
    published, stop, clock = Published(kill_after), Event(), StillClock()
    source = FileSource(path, START_MS)
    start = plan_file(last, identity=source.identity, start_ms=source.start_ms, producer=MADE_BY, lane=lane)
    source.begin_at = start.begin_at
    recorder = Recorder(folder, "site", "cam", lane, "host", clock, published.segments.append)
    recorder.recover(start.resume.update.stream_epoch if start.resume else None)
    producer = TrackProducer(
        published,
        TracksLog(folder, "cam", live=live),
        clock,
        site_id="site",
        camera_id="cam",
        lane=lane,
        producer=MADE_BY,
        source=source.identity,
        previous=start.previous,
        resume=start.resume,
    )

    def on_frame(at: int) -> None:
        if stop_after is not None and len(published.updates) >= stop_after:
            stop.set()

    if not start.done:
        try:
            CameraPipeline(
                source,
                recorder,
                BlockDetector(),
                producer,
                rate_hz=rate_hz,
                tracker_settings=TrackerSettings(),
                check_image=check_image,
                sight=SightWatch("cam", reference),
                live=live,
                on_frame=on_frame,
            ).run(stop)
        except Killed:
            assert kill_after is not None
    return published


def the_last(published: Published) -> Last:
    return Last(published.updates[-1], published.headers[-1]["source"].decode())


def facts(updates: list[TrackUpdate]) -> list[TrackUpdate]:
    """The records without when they were published."""
    return [replace(update, published_at=0) for update in updates]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "v.mp4", 60, b_frames=2)


def test_every_frame_of_a_file_becomes_one_record_and_then_it_ends(video: Path, tmp_path: Path) -> None:
    updates = run(video, tmp_path / "rec").updates
    assert [u.sequence for u in updates] == list(range(61))
    assert [u.frame_index for u in updates] == [*range(60), -1]
    assert [u.captured_at - START_MS for u in updates] == [*(n * 100 for n in range(60)), 5_901]
    assert [u.stream_state for u in updates] == ["LIVE"] * 60 + ["ENDED"]
    assert {(u.stream_epoch, u.image_width, u.image_height, u.clock_source) for u in updates} == {
        (START_MS, 96, 64, "pts")
    }
    assert not any(u.skipped for u in updates)
    assert updates[0].previous is None


def test_a_person_is_one_track_with_the_detectors_own_box(video: Path, tmp_path: Path) -> None:
    updates = run(video, tmp_path / "rec").updates
    found = [(u.frame_index, t) for u in updates for t in u.tracks if u.frame_index < 44]
    assert len(found) > 38
    assert {t.track_id for _, t in found} == {1}
    for index, track in found:
        assert (track.x1, track.x2) == pytest.approx((index * 2, index * 2 + 8), abs=3)
        assert (track.y1, track.y2) == (32, 64)


def test_the_same_file_gives_the_same_records(video: Path, tmp_path: Path) -> None:
    assert run(video, tmp_path / "a").updates == run(video, tmp_path / "b").updates


@pytest.mark.parametrize("killed_after", [1, 2, 31, 60])
def test_a_run_that_is_killed_is_continued_without_a_gap_or_a_double(
    video: Path, tmp_path: Path, killed_after: int
) -> None:
    whole = run(video, tmp_path / "whole").updates
    first = run(video, tmp_path / "rec", kill_after=killed_after)
    second = run(video, tmp_path / "rec", last=the_last(first))
    assert facts(first.updates + second.updates) == facts(whole)


def test_a_run_that_ended_is_not_repeated(video: Path, tmp_path: Path) -> None:
    first = run(video, tmp_path / "rec")
    assert run(video, tmp_path / "rec", last=the_last(first)).updates == []


def test_a_run_that_was_stopped_says_so_and_goes_on_as_a_new_epoch(video: Path, tmp_path: Path) -> None:
    first = run(video, tmp_path / "rec", stop_after=20)
    assert first.updates[-1].stream_state == "INTERRUPTED"
    second = run(video, tmp_path / "rec", last=the_last(first))
    assert second.updates[0].previous == Position(stream_epoch=START_MS, sequence=first.updates[-1].sequence)
    assert second.updates[0].stream_epoch == second.updates[0].captured_at
    assert [u.sequence for u in second.updates] == list(range(len(second.updates)))
    together = first.updates + second.updates
    assert [u.frame_index for u in together if u.frame_index >= 0] == list(range(60))
    times = [u.captured_at for u in together]
    assert times == sorted(set(times))


def test_a_stopped_run_whose_second_run_is_killed_is_still_continued_without_a_gap(video: Path, tmp_path: Path) -> None:
    first = run(video, tmp_path / "rec", stop_after=20)
    second = run(video, tmp_path / "rec", last=the_last(first), kill_after=9)
    third = run(video, tmp_path / "rec", last=the_last(second))
    together = first.updates + second.updates + third.updates
    assert [u.frame_index for u in together if u.frame_index >= 0] == list(range(60))
    in_second_epoch = second.updates + third.updates
    assert [u.sequence for u in in_second_epoch] == list(range(len(in_second_epoch)))
    assert len({u.stream_epoch for u in in_second_epoch}) == 1


def test_an_empty_slot_is_published_as_skipped_and_a_long_hole_is_left_open(tmp_path: Path) -> None:
    times = [*range(10), *range(14, 30), *range(100, 110)]
    updates = run(write_video(tmp_path / "v.mp4", len(times), times=times), tmp_path / "rec").updates
    skipped = [u for u in updates if u.skipped]
    assert [u.captured_at - START_MS for u in skipped] == [1000, 1100, 1200, 1300]
    assert all(u.frame_index == -1 and not u.tracks and u.stream_state == "LIVE" for u in skipped)
    assert [u.sequence for u in updates] == list(range(len(updates)))
    assert [u.captured_at - START_MS for u in updates[-11:-1]] == [n * 100 for n in range(100, 110)]


def test_a_slow_grid_takes_every_so_many_frames(video: Path, tmp_path: Path) -> None:
    updates = run(video, tmp_path / "rec", rate_hz=2.0).updates
    assert [u.captured_at - START_MS for u in updates[:4]] == [0, 500, 1000, 1500]
    assert not any(u.skipped for u in updates)


def test_the_recording_is_never_behind_the_detection(video: Path, tmp_path: Path) -> None:
    order: list[tuple[str, int]] = []

    class Watching(BlockDetector):
        def detect(self, frame_bgr: Any, frame_index: int = 0) -> Any:
            order.append(("detected", frame_index))
            return super().detect(frame_bgr, frame_index)

    class Noting(Recorder):
        def packet(self, packet: Any, pts: int) -> None:
            order.append(("recorded", round(float(pts * packet.time_base) * 10)))
            super().packet(packet, pts)

    published, clock = Published(), StillClock()
    source = FileSource(video, START_MS)
    offset = round(float(source.probe.parts[0].times[0] * source.probe.time_base) * 10)
    CameraPipeline(
        source,
        Noting(tmp_path / "rec", "site", "cam", "live", "host", clock, published.segments.append),
        Watching(),
        TrackProducer(
            published,
            TracksLog(tmp_path / "rec", "cam"),
            clock,
            site_id="site",
            camera_id="cam",
            lane="live",
            producer=MADE_BY,
            source=None,
            previous=None,
        ),
        rate_hz=10,
        tracker_settings=TrackerSettings(),
        check_image=lambda width, height: None,
        sight=SightWatch("cam"),
        live=False,
    ).run(Event())
    for index in range(60):
        assert order.index(("recorded", index + offset)) < order.index(("detected", index))


def test_published_boxes_lie_beside_the_recording_once_also_after_a_second_run(video: Path, tmp_path: Path) -> None:
    first = run(video, tmp_path / "rec", kill_after=31)
    second = run(video, tmp_path / "rec", last=the_last(first))
    published = [u for u in first.updates + second.updates if u.tracks]
    kept = list(read_tracks(tmp_path / "rec", "cam", START_MS, START_MS, START_MS + 60_000))
    assert [(f.at, [t[0] for t in f.tracks]) for f in kept] == [
        (u.captured_at, [t.track_id for t in u.tracks]) for u in published
    ]


def test_what_is_drawn_outside_the_image_stops_the_camera_with_that_error(video: Path, tmp_path: Path) -> None:
    def refuse(width: int, height: int) -> None:
        raise SiteError(f"zone till lies outside its image of {width}x{height}")

    with pytest.raises(SiteError, match="96x64"):
        run(video, tmp_path / "rec", check_image=refuse)


def test_frames_that_do_not_count_say_why_and_go_on_in_the_sequence(video: Path, tmp_path: Path) -> None:
    # given a reference that shows something else
    reference = np.kron(np.random.default_rng(1).uniform(0, 255, (4, 5)), np.ones((27, 32)))[:107]
    updates = run(video, tmp_path / "rec", reference=reference).updates
    assert [u.impairment is not None for u in updates] == [False] * 30 + [True] * 30 + [False]
    assert [u.sequence for u in updates] == list(range(61))
    assert all(u.tracks for u in updates[31:40]), "what was seen is published all the same"


def test_a_camera_whose_pictures_change_while_it_runs_is_recorded_and_displaced(tmp_path: Path) -> None:
    # given a source that breaks, and comes back with pictures that do not fit
    first = write_video(tmp_path / "a.ts", 30).read_bytes()
    (tmp_path / "both.ts").write_bytes(first + first)
    checked: list[int] = []

    def check(width: int, height: int) -> None:
        checked.append(width)
        if len(checked) == 2:
            raise SiteError("its image was 640x480 and is 96x64 now")

    published = run(tmp_path / "both.ts", tmp_path / "rec", check_image=check)
    epochs = sorted({u.stream_epoch for u in published.updates})
    by_epoch = [{u.impairment for u in published.updates if u.stream_epoch == e and u.frame_index >= 0} for e in epochs]
    assert by_epoch == [{None}, {"displaced"}]
    assert {segment.stream_epoch for segment in published.segments} == set(epochs)


def test_a_file_that_gives_other_frames_than_the_log_holds_is_refused(video: Path, tmp_path: Path) -> None:
    first = run(video, tmp_path / "rec", kill_after=31)
    last = the_last(first)
    changed = Last(replace(last.update, captured_at=last.update.captured_at + 7), last.source)
    with pytest.raises(LaneError, match="--lane"):
        run(video, tmp_path / "rec", last=changed)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written from 1.5 s to 3.5 s."""
    write, add = Remuxed.write, TracksLog._add

    def refuse(at: int) -> None:
        if START_MS + 1500 <= at < START_MS + 3500:
            raise OSError(errno.ENOSPC, "No space left on device")

    def write_or_not(self: Remuxed, unit: Any, pts: int, captured_at: int) -> None:
        refuse(captured_at)
        write(self, unit, pts, captured_at)

    def add_or_not(self: TracksLog, update: TrackUpdate) -> None:
        refuse(update.captured_at)
        add(self, update)

    monkeypatch.setattr(Remuxed, "write", write_or_not)
    monkeypatch.setattr(TracksLog, "_add", add_or_not)


@pytest.mark.usefixtures("full_disk")
def test_a_live_camera_is_seen_on_while_the_disk_is_full(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # when a camera is read while nothing can be written for two seconds
    updates = run(video, tmp_path / "rec", live=True).updates

    # then it is seen to its end
    assert updates[-1].stream_state == "ENDED"
    assert [u.sequence for u in updates] == list(range(len(updates)))

    # and recorded before, and from the first key frame after
    found = [read_index(path) for path in sorted((tmp_path / "rec" / "cam").glob("*.idx"))]
    kept = [gop.key_at - START_MS for index in found if index is not None for gop in index.gops]
    assert kept == [0, 4000, 5000]
    assert all(index is not None and index.path.exists() for index in found)
    said = [record.message for record in caplog.records if "recording" in record.message]
    assert [line.partition(":")[0] for line in said] == ["the recording cannot be written", "the recording goes on"]


@pytest.mark.usefixtures("full_disk")
def test_a_file_waits_for_a_disk_that_is_full(video: Path, tmp_path: Path) -> None:
    with pytest.raises((RecordingError, OSError), match="No space left"):
        run(video, tmp_path / "rec")


def test_nobody_is_left_waiting_when_the_detector_fails(video: Path, tmp_path: Path) -> None:
    class Failing(BlockDetector):
        def detect(self, frame_bgr: Any, frame_index: int = 0) -> Any:
            raise RuntimeError("out of memory")

    published, clock, stop = Published(), StillClock(), Event()
    pipeline = CameraPipeline(
        FileSource(video, START_MS),
        Recorder(tmp_path / "rec", "site", "cam", "live", "host", clock, published.segments.append),
        Failing(),
        TrackProducer(
            published,
            TracksLog(tmp_path / "rec", "cam"),
            clock,
            site_id="site",
            camera_id="cam",
            lane="live",
            producer=MADE_BY,
            source=None,
            previous=None,
        ),
        rate_hz=10,
        tracker_settings=TrackerSettings(),
        check_image=lambda width, height: None,
        sight=SightWatch("cam"),
        live=False,
    )
    with pytest.raises(RuntimeError, match="out of memory"):
        pipeline.run(stop)
    assert stop.is_set()


def a_pick(slot: int) -> Pick[Frame]:
    return Pick(slot, Frame(slot, slot, START_MS + slot * 100, None))


def test_live_frames_that_nobody_took_are_replaced_by_the_newest() -> None:
    handoff = Handoff(live=True)
    for slot in range(3):
        handoff.put(a_pick(slot))
    handoff.put(Closed("INTERRUPTED"))
    handoff.put(a_pick(7))
    handoff.finish()
    assert list(handoff) == [a_pick(2), Closed("INTERRUPTED"), a_pick(7)]


def test_the_reader_of_a_file_waits_and_is_let_go_when_nobody_takes_any_more() -> None:
    handoff = Handoff(live=False)
    reader = Thread(target=lambda: [handoff.put(a_pick(slot)) for slot in range(20)], daemon=True)
    reader.start()
    taken = iter(handoff)
    assert [next(taken).slot for _ in range(10)] == list(range(10))  # type: ignore[union-attr]
    assert reader.is_alive()
    handoff.abandon()
    reader.join(10)
    assert not reader.is_alive()


def test_the_start_of_a_run_is_what_the_log_says() -> None:
    assert plan_file(None, identity="f", start_ms=START_MS, producer=MADE_BY, lane="live") == Start(previous=None)
