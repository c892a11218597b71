"""Hidden people: not seen any more, but not gone."""

import msgspec
import pytest

from schemas.records import Track, TrackUpdate
from schemas.rules import CameraRules
from tests.scenario import (
    Figure,
    Folder,
    Scenario,
    book_of,
    counter,
    ended,
    fold,
    interactions,
    phases,
    rules,
    waits,
    zone,
)

FLOOR = rules(zones=[zone(-2, 4, 2, 7)])
TILL = rules(service_points=[counter()])


def behind_somebody(
    until_s: float, moved_m: float = 0.0, seconds: float = 130, before_m: float = 5.2
) -> tuple[Scenario, Figure]:
    """A customer at (0 m, 6 m) whom somebody hides from 20 s on, and a new track near that place at until_s."""
    shop = Scenario(seconds=seconds)
    ben = shop.customer((0, 0.0, 6.0), (20, 0.0, 6.0), (20.01, moved_m, 6.0)).hidden(20, until_s).renamed(until_s, 9)
    shop.customer((18, 0.0, 3.5), (19, 0.1, before_m), (until_s - 0.5, 0.1, before_m), (until_s + 0.5, 0.1, 3.5))
    return shop, ben


def parts(shop: Scenario, law: CameraRules = FLOOR, log: list[TrackUpdate] | None = None) -> list[list[int]]:
    """Raw tracks of each person at the end."""
    folder = Folder(book_of(law))
    folder.fold(log or shop.log())
    assert folder.state is not None
    return [[ref[1] for ref in person.refs] for person in folder.state.people.values()]


class TestTakenUpAgain:
    def test_who_was_covered_is_the_same_when_found_at_the_same_place(self) -> None:
        shop, _ = behind_somebody(60, seconds=61)
        assert parts(shop) == [[1, 9], [2]]

    def test_up_to_sixty_seconds_and_not_more(self) -> None:
        for gap_s, found in ((60.0, [[1, 9], [2]]), (60.2, [[2], [9]])):
            shop, _ = behind_somebody(19.9 + gap_s, seconds=82)
            assert parts(shop) == found, gap_s

    def test_within_half_a_metre(self) -> None:
        for moved_m, people in ((0.4, 2), (0.6, 3)):
            shop, _ = behind_somebody(40, moved_m, seconds=45)
            assert len(parts(shop)) == people, moved_m

    def test_not_when_less_than_half_is_covered(self) -> None:
        # given somebody who stands before a third of the body
        shop, _ = behind_somebody(40, seconds=45)
        shop.people[1].path = [(0, 0.4, 5.2)]
        assert len(parts(shop)) == 3

    def test_not_by_somebody_farther_from_the_camera(self) -> None:
        shop, _ = behind_somebody(40, seconds=45)
        shop.people[1].path = [(0, 0.1, 6.8)]
        assert len(parts(shop)) == 3

    def test_not_when_walking(self) -> None:
        # given somebody who disappears behind another at a stroll
        shop, ben = behind_somebody(40, seconds=45)
        ben.path = [(8, -8.0, 6.0), (20, 0.0, 6.0)]
        assert len(parts(shop)) == 3

    def test_not_when_last_seen_at_the_image_s_edge(self) -> None:
        shop, _ = behind_somebody(40, seconds=45)
        for figure, by_m in zip(shop.people, (4.55, 3.9), strict=True):
            figure.path = [(s, x + by_m, y) for s, x, y in figure.path]
        assert len(parts(shop)) == 3

    def test_not_in_doubt(self) -> None:
        # given two who were hidden side by side by the same person, and one new track between them
        shop, _ = behind_somebody(40, 0.2, seconds=45)
        shop.customer((0, 0.4, 6.0)).leaves(20)
        shop.people[1].path = [(18, 0.2, 3.5), (19, 0.2, 5.2)]
        assert sorted(parts(shop)) == [[1], [2], [3], [9]]

    def test_not_by_somebody_of_another_role(self) -> None:
        shop, ben = behind_somebody(40, seconds=45)
        ben.taken_for("staff", 40, 99)
        assert len(parts(shop)) == 3

    @pytest.mark.parametrize("whole_s", [40.0, 41.0])
    def test_whose_legs_are_hidden_first_is_known_by_the_head(self, whole_s: float) -> None:
        # given a body of which the lower half disappears before the rest, and shows with it or a second later
        shop, _ = behind_somebody(40, seconds=45)
        log = [shown(u, 1, 0.5) if 19.4 < s < 20 else shown(u, 9, 0.5 if s < whole_s else 1) for u, s in timed(shop)]
        assert parts(shop, log=log) == [[1, 9], [2]]

    def test_legs_that_are_hidden_little_by_little_do_not_walk(self) -> None:
        shop, _ = behind_somebody(40, seconds=45)
        log = [shown(u, 1, 1 - max(0.0, s - 19) / 2) for u, s in timed(shop)]
        assert parts(shop, log=log) == [[1, 9], [2]]

    def test_nor_does_a_box_that_grows_into_the_body_before_it(self) -> None:
        shop, _ = behind_somebody(40, seconds=45, before_m=4.6)
        log = [shown(u, 1, 1 + max(0.0, min(s, 20) - 19.4) * 0.4) for u, s in timed(shop)]
        assert parts(shop, log=log) == [[1, 9], [2]]

    def test_not_by_a_body_much_longer_under_the_same_head(self) -> None:
        shop, _ = behind_somebody(40, seconds=45)
        log = [shown(u, 9, 1.6) for u, _ in timed(shop)]
        assert len(parts(shop, log=log)) == 3

    def test_not_by_somebody_larger(self) -> None:
        # given a child who is hidden, and a grown-up who appears there
        shop, ben = behind_somebody(40, seconds=45)
        ben.tall_m = 1.05
        ben.leaves(20)
        shop.customer((40, 0.0, 6.0))
        assert len(parts(shop)) == 3

    def test_what_a_blind_camera_did_not_see_hides_nobody(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.6)).hidden(20, 30).renamed(30, 9)
        shop.blind = [(19.95, 24)]
        assert parts(shop, TILL) == [[1], [9]]


class TestAtAServicePoint:
    def test_staff_behind_the_counter_are_found_again(self) -> None:
        shop = Scenario(seconds=40)
        shop.staff((0, 0.0, 6.6)).hidden(20, 38).renamed(38, 9)
        assert parts(shop, TILL) == [[1, 9]]

    def test_a_customer_in_the_strip_too_and_nobody_elsewhere(self) -> None:
        for y, people in ((5.5, 1), (4.5, 2)):
            shop = Scenario(seconds=40)
            shop.customer((0, 0.0, y)).hidden(20, 38).renamed(38, 9)
            assert len(parts(shop, TILL)) == people, y

    def serve(self, y: float, hidden_s: float) -> tuple[Scenario, list[str]]:
        """Staff and a customer 0.9 m apart, the staff at depth y; the staff disappear for a while."""
        shop = Scenario(seconds=160)
        shop.staff((0, 0.0, y)).hidden(30, 30 + hidden_s).renamed(30 + hidden_s, 9)
        shop.customer((0, 0.3, y - 0.9))
        return shop, phases(interactions(fold(ended(shop.log()), TILL)))

    def test_an_interaction_is_held_for_sixty_seconds(self) -> None:
        assert self.serve(6.6, 59)[1] == ["started", "confirmed", "ended"]
        assert self.serve(6.6, 61)[1] == ["started", "confirmed", "ended"] * 2

    def test_in_the_open_for_ten(self) -> None:
        assert self.serve(9.0, 15)[1] == ["started", "confirmed", "ended"] * 2

    def test_it_ends_at_the_last_contact_all_the_same(self) -> None:
        shop, _ = self.serve(6.6, 61)
        first = interactions(fold(ended(shop.log()), TILL))[2]
        assert (first.close_reason, first.ended_at) == ("left", shop.at(29.9))
        assert first.cause.captured_at == pytest.approx(shop.at(89.9), abs=1)


class TestWaiting:
    def test_the_clock_stands_still_and_goes_on(self) -> None:
        # given a customer who enters at 0 s and is hidden from 20 s to 60 s
        shop, _ = behind_somebody(60)
        events = [e for e in waits(fold(ended(shop.log()), FLOOR)) if e.lineage.customer[0].track_id == 1]
        # then sixty seconds of known waiting are over 39 s later (a sample counts half a second at most)
        assert phases(events) == ["started", "confirmed", "ended"]
        assert (events[0].started_at, events[1].confirmed_at) == (shop.at(0), pytest.approx(shop.at(99.6), abs=200))

    def test_who_does_not_come_back_left_when_last_seen(self) -> None:
        shop, ben = behind_somebody(60)
        ben.leaves(20)
        last = [e for e in waits(fold(ended(shop.log()), FLOOR)) if e.lineage.customer[0].track_id == 1][-1]
        assert (last.close_reason, last.ended_at) == ("left", shop.at(19.9))
        assert last.cause.captured_at == pytest.approx(shop.at(80), abs=101)

    def test_who_is_back_and_goes_is_missed_for_ten_seconds_only(self) -> None:
        # given a customer who was hidden until 40 s, and walks out of the zone at 50 s
        shop, ben = behind_somebody(40)
        ben.path += [(50, 0.0, 6.0), (52, -3.0, 6.0)]
        last = [e for e in waits(fold(ended(shop.log()), FLOOR)) if e.lineage.customer[0].track_id == 1][-1]
        assert last.close_reason == "left"
        assert last.cause.captured_at == last.ended_at + 10_100  # type: ignore[operator]

    def test_nobody_is_unattended_while_the_server_bends_down(self) -> None:
        # given a customer who is served at a till, and a server out of sight for 40 s
        law = rules(zones=[zone(-2, 4, 2, 6)], service_points=[counter()])
        shop = Scenario(seconds=120)
        shop.staff((0, 0.0, 6.6)).hidden(30, 70)
        shop.customer((0, 0.3, 5.5))
        assert waits(fold(ended(shop.log()), law)) == []


def timed(shop: Scenario) -> list[tuple[TrackUpdate, float]]:
    """Records with their seconds."""
    return [(update, (update.captured_at - shop.start_at) / 1000) for update in shop.log()]


def shown(update: TrackUpdate, track_id: int, part: float) -> TrackUpdate:
    """The record with the upper part of a box alone."""

    def upper(track: Track) -> Track:
        return msgspec.structs.replace(track, y2=track.y1 + part * (track.y2 - track.y1))

    tracks = [upper(track) if track.track_id == track_id else track for track in update.tracks]
    return msgspec.structs.replace(update, tracks=tracks)
