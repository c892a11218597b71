"""Retractions: what was told of people who proved to be others never was."""

from schemas.records import InteractionEvent, UnattendedEvent
from tests.scenario import (
    Camera,
    Scenario,
    ended,
    fold,
    interactions,
    phases,
    rectangle,
    rules,
    visits,
    waits,
    with_thresholds,
    zone,
)

FLOOR = zone(-3, 4, 3, 8)
UNSURE = 0.6
"""Of a detector that is surer the track would be cut instead."""


def talk(seconds: float = 60.0) -> Scenario:
    """A staff member and a customer stand side by side."""
    shop = Scenario(seconds=seconds)
    shop.staff((0, 0.0, 6.0))
    shop.customer((0, 1.2, 6.0))
    return shop


def told(shop: Scenario) -> list[InteractionEvent]:
    """The interaction events of a scene that ends."""
    return interactions(fold(ended(shop.log()), rules()))


class TestInteraction:
    def test_a_customer_who_proves_to_be_staff_retracts_what_was_started(self) -> None:
        # given a customer of the first seconds whom the detector then calls staff for good
        shop = talk()
        shop.people[1].taken_for("staff", 4, 60).confidence = UNSURE
        # when folded, then the episode is retracted once the role has changed, and has no end
        started, retracted = told(shop)
        assert (retracted.phase, retracted.facet_revision) == ("retracted", 4)
        assert (retracted.ended_at, retracted.duration_s, retracted.close_reason) == (None, None, None)
        assert retracted.previous_hash == started.hash
        assert (retracted.occurrence_id, retracted.opens, retracted.alert) == (None, False, None)

    def test_what_was_confirmed_keeps_its_occurrence(self) -> None:
        shop = talk()
        shop.people[1].taken_for("staff", 20, 60).confidence = UNSURE
        started, confirmed, retracted = told(shop)
        assert phases([started, confirmed, retracted]) == ["started", "confirmed", "retracted"]
        assert retracted.occurrence_id == retracted.evidence_episode_id == retracted.episode_id
        assert retracted.opens
        assert retracted.confirmed_at == confirmed.confirmed_at
        assert retracted.previous_hash == confirmed.hash
        # by the mean of about the last ten seconds, the role changes after some sixteen
        assert shop.at(30) < retracted.cause.captured_at < shop.at(45)

    def test_two_who_change_sides_begin_anew_under_another_id(self) -> None:
        # given two of whom the detector first says the opposite
        shop = talk()
        shop.people[0].taken_for("customer", 0, 6).confidence = UNSURE
        shop.people[1].taken_for("staff", 0, 6).confidence = UNSURE
        events = told(shop)
        # when both are seen right, then the old id is retracted and a new one begins, with the sides changed
        assert phases(events) == ["started", "retracted", "started", "confirmed", "ended"]
        wrong, right = events[0], events[-1]
        assert (right.staff_id, right.customer_id) == (wrong.customer_id, wrong.staff_id)
        assert right.episode_id != wrong.episode_id
        assert right.started_at >= events[1].cause.captured_at

    def test_a_moment_s_error_of_the_detector_retracts_nothing(self) -> None:
        shop = talk()
        shop.people[1].taken_for("staff", 20, 23).confidence = UNSURE
        assert phases(told(shop)) == ["started", "confirmed", "ended"]

    def test_what_has_ended_stays_so(self) -> None:
        # given a customer who is called staff only after they went apart
        shop = talk(seconds=90)
        shop.people[1].path += [(25, 1.2, 6.0), (28, 5.0, 8.0)]
        shop.people[1].taken_for("staff", 40, 90).confidence = UNSURE
        assert phases(told(shop)) == ["started", "confirmed", "ended"]

    def test_with_pairs_any_no_role_proves_wrong(self) -> None:
        shop = talk()
        shop.people[1].taken_for("staff", 4, 60).confidence = UNSURE
        assert phases(interactions(fold(ended(shop.log()), rules(pairs="any")))) == ["started", "confirmed", "ended"]

    def test_a_joined_one_stays_in_the_occurrence_of_a_retracted_opener(self) -> None:
        # given two who came together; the one whose interaction opens the occurrence proves to be staff
        shop = Scenario(seconds=60)
        shop.customer((0, -0.5, 6.0)).taken_for("staff", 27, 60).confidence = UNSURE
        shop.customer((0, 0.5, 6.0))
        shop.staff((12, 0.0, 6.3))
        events = told(shop)
        retracted = next(e for e in events if e.phase == "retracted")
        last = next(e for e in events if e.phase == "ended")
        assert retracted.opens
        assert last.occurrence_id == retracted.occurrence_id == retracted.episode_id
        assert not last.opens


class TestUnattended:
    LAW = rules(zones=[FLOOR], staff_areas=[Camera().polygon(rectangle(-3, 4, 3, 8))])

    def wait(self, class_name: str = "person", seconds: float = 80.0) -> Scenario:
        """Somebody whom the detector does not tell apart stands in a service zone that is a staff area too."""
        shop = Scenario(seconds=seconds)
        shop.person(class_name, (0, 0.0, 6.0))
        return shop

    def story(self, shop: Scenario) -> list[UnattendedEvent]:
        return waits(fold(ended(shop.log()), self.LAW))

    def test_a_customer_who_proves_to_be_staff_never_waited(self) -> None:
        # given somebody who is staff by the zone after twenty seconds
        shop = self.wait()
        # when folded, then the wait that had started is retracted then, and there was no visit
        started, retracted = self.story(shop)
        assert phases([started, retracted]) == ["started", "retracted"]
        assert retracted.cause.captured_at == shop.at(20)
        assert (retracted.ended_at, retracted.close_reason, retracted.previous_hash) == (None, None, started.hash)
        assert visits(fold(ended(shop.log()), self.LAW)) == []

    def test_class_beats_zone(self) -> None:
        assert phases(self.story(self.wait("customer"))) == ["started", "confirmed", "ended"]

    def test_what_was_confirmed_is_retracted_too(self) -> None:
        # given a threshold below the twenty seconds after which the zone says staff
        shop = self.wait()
        law = with_thresholds(self.LAW, unattended={"confirm_s": 12.0})
        started, confirmed, retracted = waits(fold(ended(shop.log()), law))
        assert phases([started, confirmed, retracted]) == ["started", "confirmed", "retracted"]
        assert (retracted.opens, retracted.occurrence_id) == (True, confirmed.episode_id)

    def test_the_next_one_opens_an_occurrence_of_its_own_once_nobody_is_left_in_the_retracted_one(self) -> None:
        shop = self.wait()
        shop.customer((5, 2.8, 6.0))
        law = with_thresholds(self.LAW, unattended={"confirm_s": 16.0})
        last = waits(fold(ended(shop.log()), law))[-1]
        assert (last.phase, last.opens) == ("ended", True)
