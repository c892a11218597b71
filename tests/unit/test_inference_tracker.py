"""Tracks: one id per person, only what was seen, time in seconds."""

from dataclasses import replace

import numpy as np
import pytest

from inference.detector import Detection, Image
from inference.tracker import Tracker, TrackerSettings, settings_hash
from schemas.records import Keypoint, Track

SIZE = (240, 320, 3)


def scene(*people: tuple[int, tuple[int, int, int]]) -> tuple[Image, list[Detection]]:
    """People as (left edge in px, BGR) on a grey floor, and their detections."""
    image = np.full(SIZE, 90, np.uint8)
    found = []
    for left, colour in people:
        image[60:200, left : left + 50] = colour
        found.append(Detection("person", 0.8, left, 60, left + 50, 200))
    return image, found


def step(tracker: Tracker, *people: tuple[int, tuple[int, int, int]]) -> list[Track]:
    image, found = scene(*people)
    return tracker.update(found, image)


RED, BLUE = (30, 30, 200), (200, 60, 20)


def test_two_people_who_walk_keep_their_ids() -> None:
    tracker = Tracker(TrackerSettings(), 10)
    seen = [step(tracker, (20 + 3 * n, RED), (220 - 3 * n, BLUE)) for n in range(20)]
    ids = [[t.track_id for t in tracks] for tracks in seen]
    assert ids[5:] == [[1, 2]] * 15
    assert all(isinstance(i, int) for found in ids for i in found)


def test_a_track_carries_the_detectors_own_box_class_and_score() -> None:
    tracker = Tracker(TrackerSettings(), 10)
    for n in range(6):
        tracks = step(tracker, (20 + 9 * n, RED))
    (track,) = tracks
    assert (track.x1, track.y1, track.x2, track.y2) == (65, 60, 115, 200)
    assert (track.class_name, track.confidence) == ("person", 0.8)


def test_joints_stay_with_their_body() -> None:
    tracker = Tracker(TrackerSettings(), 10)
    for n in range(6):
        image, found = scene((20 + n, RED), (200 - n, BLUE))
        bodies = [(Keypoint(x=d.x1, y=70.5, confidence=0.9),) * 17 for d in found]
        found = [replace(d, keypoints=body) for d, body in zip(found, bodies, strict=True)]
        tracks = tracker.update(found[::-1], image)
    assert [track.keypoints[0].x for track in tracks if track.keypoints] == [track.x1 for track in tracks]
    assert [len(track.keypoints or []) for track in tracks] == [17, 17]


def test_someone_who_is_not_detected_now_is_not_there() -> None:
    tracker = Tracker(TrackerSettings(), 10)
    for _ in range(5):
        step(tracker, (20, RED), (200, BLUE))
    assert [t.x1 for t in step(tracker, (200, BLUE))] == [200]
    assert step(tracker) == []


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 25.0])
def test_a_track_lives_as_long_in_seconds_whatever_the_rate(rate_hz: float) -> None:
    for away_s, same in ((1.6, True), (2.8, False)):
        tracker = Tracker(TrackerSettings(max_age_s=2.0), rate_hz)
        for _ in range(5):
            before = step(tracker, (20, RED))
        for _ in range(round(away_s * rate_hz)):
            step(tracker)
        for _ in range(5):
            after = step(tracker, (20, RED))
        assert (after[0].track_id == before[0].track_id) is same


def test_empty_slots_age_a_track_as_missed_frames_do() -> None:
    for skipped, same in ((15, True), (60, False)):
        tracker = Tracker(TrackerSettings(max_age_s=2.0), 10)
        for _ in range(5):
            before = step(tracker, (20, RED))
        tracker.skip(skipped)
        step(tracker)
        for _ in range(5):
            after = step(tracker, (20, RED))
        assert (after[0].track_id == before[0].track_id) is same


def test_the_same_frames_give_the_same_tracks() -> None:
    def run() -> list[list[Track]]:
        tracker = Tracker(TrackerSettings(), 10)
        return [step(tracker, ((37 * n) % 250, RED), ((91 * n + 40) % 250, BLUE), (100, RED)) for n in range(30)]

    assert run() == run()


def test_a_box_outside_the_image_or_without_area_does_no_harm() -> None:
    tracker = Tracker(TrackerSettings(), 10)
    image, _ = scene()
    odd = [Detection("person", 0.9, 319.5, 239.5, 320, 240), Detection("person", 0.9, 50, 50, 50, 60)]
    for _ in range(4):
        tracks = tracker.update([*odd, Detection("person", 0.9, 10, 10, 60, 120)], image)
    assert 10.0 in [t.x1 for t in tracks]


def test_every_setting_that_decides_the_tracks_is_in_their_hash() -> None:
    base = settings_hash(TrackerSettings(), {"rate_hz": 10.0})
    assert base == settings_hash(TrackerSettings(), {"rate_hz": 10.0})
    assert (
        len(
            {
                base,
                settings_hash(TrackerSettings(max_age_s=3.0), {"rate_hz": 10.0}),
                settings_hash(TrackerSettings(), {"rate_hz": 5.0}),
            }
        )
        == 3
    )
