"""The laws of what follows from the fold: clips, uploads, incidents, the join and the audit, over random logs."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from connectors.audit.reconcile import reconcile
from schemas.records import CameraOutage, ClipCut, CustomerVisit, IncidentReported, TrackUpdate
from schemas.rules import CameraRules
from schemas.site import Camera, Site
from tests import world
from tests.property.fold_logs import closed, logs
from tests.property.test_fold_laws import LAWS, fold, thorough
from tests.scenario import CAMERA, SITE
from tests.world import World

SHOP = Site(site_id=SITE, cameras=(Camera(camera_id=CAMERA),))


def told(log: list[TrackUpdate], law: CameraRules) -> World:
    """All that follows from a log that ends."""
    return world.of_events(fold(closed(log), law), SHOP)


@thorough
@given(logs(), LAWS)
def test_the_audit_finds_no_difference_in_what_follows_from_any_log(log: list[TrackUpdate], law: CameraRules) -> None:
    made = told(log, law)
    if made.episodes:
        assert reconcile(world.log_of(made), world.stores_of(made), SHOP).differences == []


@thorough
@given(logs(), LAWS)
def test_an_occurrence_is_one_incident_and_every_member_has_a_clip(log: list[TrackUpdate], law: CameraRules) -> None:
    made = told(log, law)
    occurrences = defaultdict(list)
    for episode in made.episodes.values():
        occurrences[episode.occurrence_id].append(episode)
    reports: list[IncidentReported] = made.of(IncidentReported)
    assert sorted(report.occurrence_id for report in reports) == sorted(occurrences)
    alerts = {clip.episode_id: clip for clip in made.of(ClipCut) if clip.part == "alert"}
    for members in occurrences.values():
        assert sum(episode.opens for episode in members) == 1
        assert len({episode.incident.external_incident_id for episode in members}) == 1
        for episode in members:
            shown = alerts[episode.evidence.evidence_from or episode.episode_id]
            assert shown.requested_to >= episode.confirmed_at
            assert episode.evidence.status == "available"


@thorough
@given(logs(), LAWS, st.randoms(use_true_random=False))
def test_facts_in_any_order_and_again_end_in_the_same_episodes(
    log: list[TrackUpdate], law: CameraRules, random: object
) -> None:
    # given the facts of several occurrences with all their members, shuffled, some of them twice
    made = told(log, law)
    facts = [fact for fact in made.facts if not isinstance(fact, CustomerVisit | CameraOutage)]
    mixed = facts + facts[::3]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    # when they are joined
    stated = world.joined(mixed)
    # then the last record of each episode is the same, and its revisions only grew
    assert {episode.episode_id: episode for episode in stated} == made.episodes
    revisions = defaultdict(list)
    for episode in stated:
        revisions[episode.episode_id].append(episode.revision)
    assert all(grown == sorted(set(grown)) for grown in revisions.values())
