"""Cutting real H.264: what is in the file is what the record says."""

import json
import resource
from pathlib import Path

import av
import pytest

from connectors.clip import coverage, place, plan, recording, remux
from connectors.clip.plan import ClipJob
from connectors.clip.service import ClipConnector
from connectors.work import Again, Done, Later
from infra.config import Settings
from infra.recordings import FrameTracks, index_path
from schemas.hashing import sha256_of_file
from schemas.records import ClipCut
from schemas.windows import Window
from tests.clip_recording import WIDTH, keep_tracks, numbers_in, record, times_in
from tests.connector_records import T0, event, site

pytestmark = pytest.mark.slow


class Clock:
    """A clock that stands."""

    def __init__(self, now_ms: int) -> None:
        self.at = now_ms

    def now_ms(self) -> int:
        return self.at


def every(step_ms: int, begin_s: float, end_s: float) -> list[int]:
    """captured_at from begin to before end, seconds after T0."""
    return [T0 + at for at in range(round(begin_s * 1000), round(end_s * 1000), step_ms)]


def connector(tmp_path: Path, **options: object) -> ClipConnector:
    settings = Settings(data_dir=tmp_path, host="here")
    return ClipConnector(settings, site("cam", **options), Clock(T0 + 10**7))  # type: ignore[arg-type]


def job(**more: object) -> ClipJob:
    (found,) = plan.jobs(event(**more), T0).values()  # type: ignore[arg-type]
    return found


def cut(tmp_path: Path, asked: ClipJob | None = None) -> tuple[ClipCut, Path]:
    """Cut and give the record and the file."""
    outcome = connector(tmp_path).do(asked or job(), 1)
    assert isinstance(outcome, Done), outcome
    clip = outcome.result
    return clip, tmp_path / "segments" / "cam" / (clip.segment_filename or "")


def shown_by(clip: ClipCut, file: Path, first_frame_at: int, step_ms: int = 100) -> bool:
    """True when the first and last picture of the file are those that covered_from and covered_to name."""
    assert clip.covered_from is not None
    assert clip.covered_to is not None
    numbers = numbers_in(file)
    named = [(clip.covered_from - first_frame_at) // step_ms, (clip.covered_to - first_frame_at) // step_ms]
    return [numbers[0], numbers[-1]] == named and times_in(file)[-1] == clip.covered_to - clip.covered_from


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_clip_over_two_segments_is_complete_and_shows_the_frames_that_it_names(tmp_path: Path, b_frames: int) -> None:
    recordings = tmp_path / "recordings"
    record(recordings, "cam", T0 - 9_950, every(100, -9.95, 5.05), b_frames=b_frames, last=False)
    frames = every(100, 5.05, 25.05)
    record(recordings, "cam", T0 - 9_950, frames, index=1, first_number=150, b_frames=b_frames)

    clip, file = cut(tmp_path)

    assert clip.status == "complete"
    assert clip.covered_from == T0 - 5_950
    assert T0 + 19_950 <= (clip.covered_to or 0) <= T0 + 20_250
    assert shown_by(clip, file, T0 - 9_950)
    numbers = numbers_in(file)
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert file.name == "segment_3_20260302_110000_interaction_start.mp4"
    assert clip.sha256 == sha256_of_file(file)
    assert clip.size_bytes == file.stat().st_size


def test_wherever_a_window_ends_among_b_frames_no_picture_before_its_end_is_missing(tmp_path: Path) -> None:
    recordings, asked = tmp_path / "recordings", job()
    record(recordings, "cam", T0 - 6_000, every(100, -6, 24), b_frames=3)
    found = recording.find(recordings, "cam", "live", asked.reach)
    for ends_at in range(T0 + 18_000, T0 + 19_100, 100):
        window = Window(T0 + 15_000, ends_at)
        run = remux.remux(coverage.pieces(found, asked), window, tmp_path / "x.mp4", comment="")
        numbers = numbers_in(tmp_path / "x.mp4")
        assert numbers == [(at - (T0 - 6_000)) // 100 for at in run.shown]
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), "no hole"
        assert ends_at <= run.shown[-1] <= ends_at + 400


def test_a_clip_is_video_alone_and_its_index_comes_first(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -6, 22))
    _, file = cut(tmp_path)
    body = file.read_bytes()
    assert 0 < body.find(b"moov") < body.find(b"mdat")
    with av.open(str(file)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert container.metadata["comment"].endswith("part=alert")


def test_a_clip_over_an_outage_keeps_the_true_time_and_names_the_gap(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    record(recordings, "cam", T0 - 6_000, every(100, -6, 4))
    record(recordings, "cam", T0 + 10_000, every(100, 10, 26), first_number=160)

    clip, file = cut(tmp_path)

    assert clip.status == "partial"
    assert [(gap.from_at - T0, gap.to_at - T0) for gap in clip.gaps] == [(3_900, 10_000)]
    assert shown_by(clip, file, T0 - 6_000)
    times = dict(zip(numbers_in(file), times_in(file), strict=True))
    assert times[160] - times[99] == 6_100


def test_when_the_stream_changes_on_the_way_the_longest_part_is_cut(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    record(recordings, "cam", T0 - 6_000, every(100, -6, 4), last=False)
    record(recordings, "cam", T0 - 6_000, every(100, 4, 22), index=1, first_number=100, width=2 * WIDTH)

    clip, file = cut(tmp_path)

    assert clip.status == "partial"
    assert (clip.covered_from, clip.gaps[0].to_at) == (T0 + 4_000, T0 + 4_000)
    assert shown_by(clip, file, T0 - 6_000)


def test_what_begins_late_and_ends_early_is_partial(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -2, 18))
    clip, file = cut(tmp_path)
    assert clip.status == "partial"
    assert [(gap.from_at - T0, gap.to_at - T0) for gap in clip.gaps] == [(-5_000, -2_000), (18_000, 20_000)]
    assert shown_by(clip, file, T0 - 2_000)


def test_a_clip_that_was_asked_too_long_lasts_at_most_120_s_and_shows_the_end(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(500, -6, 140), gop=7)
    clip, _ = cut(tmp_path, job(kind="unattended", confirmed_at=T0 + 130_000))
    assert clip.status == "partial"
    assert clip.covered_to == T0 + 135_000
    assert 116_000 < clip.covered_to - (clip.covered_from or 0) <= 120_000
    assert "the end is kept" in str(clip.reason)


def test_a_segment_that_still_grows_is_read_as_far_as_its_index_goes(tmp_path: Path) -> None:
    # given a file of which the last fragment is only begun, and an index without it
    path = record(tmp_path / "recordings", "cam", T0, every(100, -6, 30), closed=False, live=True)
    lines = index_path(path).read_bytes().splitlines(keepends=True)
    body = path.read_bytes()
    index_path(path).write_bytes(b"".join(lines[:29]))
    path.write_bytes(body[: body.rfind(b"moof") + 200])

    clip, file = cut(tmp_path)

    assert clip.status == "complete"
    assert shown_by(clip, file, T0 - 6_000)


def test_a_recording_that_has_not_come_so_far_is_looked_at_again(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -6, 10), closed=False)
    assert isinstance(connector(tmp_path).do(job(), 1), Later)


def test_another_lanes_recording_is_not_evidence(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -6, 22), lane="backfill")
    clip, _ = cut(tmp_path)
    assert clip.status == "failed"


def test_a_recording_that_cannot_be_read_is_a_failed_attempt_that_names_the_file(tmp_path: Path) -> None:
    path = record(tmp_path / "recordings", "cam", T0, every(100, -6, 22))
    path.write_bytes(b"not a video")
    outcome = connector(tmp_path).do(job(), 1)
    assert isinstance(outcome, Again)
    assert path.name in outcome.reason


def test_an_index_that_does_not_fit_its_file_is_told_apart(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    path = record(recordings, "cam", T0, every(100, -6, 22))
    lines = index_path(path).read_bytes().replace(b'"key_pts":90000,', b'"key_pts":95000,')
    index_path(path).write_bytes(lines)
    found = recording.find(recordings, "cam", "live", job().reach)
    with pytest.raises(remux.CutError, match="only 1 where the index says"):
        remux.remux(coverage.pieces(found, job()), job().window, tmp_path / "x.mp4", comment="")


def test_a_clip_waits_for_a_disk_that_is_full(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0 - 10_000, every(100, -10, 30))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        outcome = connector(tmp_path).do(job(), 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(outcome, Again), outcome
    assert list((tmp_path / "segments" / "cam").iterdir()) == []

    clip, _ = cut(tmp_path)
    assert clip.status == "complete"


def test_cutting_again_gives_the_same_file(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -6, 22))
    asked = job()
    first, _ = cut(tmp_path, asked)
    second, file = cut(tmp_path, asked)
    assert first.sha256 == second.sha256
    assert first.hash == second.hash
    assert sorted(path.name for path in file.parent.iterdir()) == sorted([file.name, first.sidecar_filename or ""])


def test_a_name_that_another_episode_has_is_never_taken_from_it(tmp_path: Path) -> None:
    record(tmp_path / "recordings", "cam", T0, every(100, -6, 22))
    one, theirs = cut(tmp_path)
    before = theirs.read_bytes()
    other, mine = cut(tmp_path)
    assert mine != theirs
    assert mine.name == f"segment_3_20260302_110000_interaction_start_{other.episode_id[:8]}.mp4"
    assert theirs.read_bytes() == before
    assert json.loads((theirs.parent / str(one.sidecar_filename)).read_bytes())["episode_id"] == one.episode_id


def test_a_file_of_unknown_origin_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"somebody's")
    with place.temporary(folder) as temp:
        temp.write_bytes(b"mine")
        path = place.put(temp, folder, "a.mp4", "e" * 36, "alert", lambda name: b'{"episode_id":"e","part":"alert"}')
    assert path.name == "a_eeeeeeee.mp4"
    assert (folder / "a.mp4").read_bytes() == b"somebody's"


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_is_not(tmp_path: Path) -> None:
    # given what was being written when its process was killed, and what is being written
    left = tmp_path / f"{place.CUTTING}left.mp4"
    left.write_bytes(b"half")
    with place.temporary(tmp_path) as theirs:
        theirs.write_bytes(b"half")
        # when the next clip is cut
        with place.temporary(tmp_path) as mine:
            assert mine.exists()
            assert not left.exists()
            assert theirs.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_another_episode_has_claimed_is_left_to_it(tmp_path: Path) -> None:
    # given the sidecar of an episode whose clip is not yet there
    folder = tmp_path / "clips"
    folder.mkdir()
    theirs = b'{"episode_id":"theirs","part":"alert"}'
    (folder / "a.json").write_bytes(theirs)
    with place.temporary(folder) as temp:
        path = place.put(temp, folder, "a.mp4", "mine5678", "alert", lambda name: b"{}")
    assert path.name == "a_mine5678.mp4"
    assert (folder / "a.json").read_bytes() == theirs
    assert not (folder / "a.mp4").exists()


def test_two_workers_that_cut_one_clip_at_the_same_time_give_it_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given another worker that claims the name for the same episode at the very moment
    sidecar = b'{"episode_id":"e","part":"alert"}'

    def link(of: Path, target: Path) -> None:
        target.write_bytes(sidecar)
        raise FileExistsError

    monkeypatch.setattr(place.os, "link", link)
    with place.temporary(tmp_path) as temp:
        temp.write_bytes(b"clip")
        path = place.put(temp, tmp_path, "a.mp4", "e", "alert", lambda name: sidecar)

    assert path.name == "a.mp4"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "a.mp4"]


def test_the_sidecar_says_who_is_where_in_clip_time(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    record(recordings, "cam", T0, every(100, -6, 22))
    frames = [
        FrameTracks(T0 - 4_900, [(1, 10.0, 20.0, 50.0, 60.0), (7, 0.0, 0.0, 5.0, 5.0)]),
        FrameTracks(T0 + 61_000, [(1, 1.0, 1.0, 2.0, 2.0)]),
        FrameTracks(T0 + 1_000, [(2, 110.0, 20.0, 150.0, 60.0), (1, 11.0, 20.0, 51.0, 60.0)]),
    ]
    keep_tracks(recordings, "cam", T0, frames)

    clip, file = cut(tmp_path)

    side = json.loads((file.parent / str(clip.sidecar_filename)).read_bytes())
    assert clip.sidecar_filename == file.with_suffix(".json").name
    zero = clip.covered_from or 0
    assert (side["width"], side["height"], side["covered_from"]) == (320, 64, zero)
    staff, customer = side["participants"]
    assert (staff["person_id"], staff["role"]) == (100, "staff")
    assert staff["boxes"] == [[T0 - 4_900 - zero, 10, 20, 50, 60], [T0 + 1_000 - zero, 11, 20, 51, 60]]
    assert (customer["person_id"], customer["role"]) == (200, "customer")
    assert customer["boxes"] == [[T0 + 1_000 - zero, 110, 20, 150, 60]]


def test_only_this_sites_live_cameras_are_cut(tmp_path: Path) -> None:
    service = connector(tmp_path)
    assert service.plan(event(), T0)
    assert not service.plan(event(camera_id="elsewhere"), T0)
    assert not service.plan(event(lane="backfill"), T0)


def test_a_span_is_found_in_a_long_recording_without_reading_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given 200 segments of one epoch
    one = record(tmp_path / "one", "cam", T0, every(500, 0, 10), last=False)
    lines = index_path(one).read_text()
    folder = tmp_path / "recordings" / "cam"
    folder.mkdir(parents=True)
    for number in range(200):
        text = lines
        for at in every(500, 0, 11):
            text = text.replace(str(at), str(at + number * 10_000))
        (folder / f"{T0}_{number:06d}.idx").write_text(text)
    reads: list[Path] = []
    really = recording.read_index
    monkeypatch.setattr(recording, "read_index", lambda path: reads.append(path) or really(path))

    asked = job(started_at=T0 + 1_005_000)
    found = recording.find(tmp_path / "recordings", "cam", "live", asked.reach)

    assert [segment.path.stem.rpartition("_")[2] for segment in found.segments] == ["000100", "000101", "000102"]
    assert found.goes_on_after
    assert found.begins_at == T0
    assert len(reads) < 20
