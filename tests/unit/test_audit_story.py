"""One episode's story reads from start to end, and an id may be shortened as long as it is clear."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from connectors.audit.facts import Difference
from connectors.audit.near_snapshots import planned_near
from connectors.audit.service import UnknownEpisode, resolve
from connectors.audit.story import Story, tell
from connectors.snapshots.plan import Bounds, snapshot
from schemas.acts import EvidenceViewed
from schemas.records import CameraOutage, CustomerVisit, Episode, InteractionEvent
from tests import world

WORLD = world.make("story")
FIRST, SECOND, WAIT = WORLD.episodes
DISCARDED = next(e.episode_id for e in WORLD.of(InteractionEvent) if e.phase == "discarded")


def story(episode_id: str, **found: tuple[Difference, ...]) -> Story:
    return tell(episode_id, world.log_of(WORLD), world.stores_of(WORLD), WORLD.site, **found)


def test_every_step_stands_with_its_time_and_how_long_after_the_one_before() -> None:
    # when a story is told
    lines = story(FIRST).text().splitlines()

    # then it says who, and each step has its time, the time since the one before, its hashes and what came of it
    assert lines[0] == "interaction on counter-story in till, 2026-03-02 no. 1: 101 with 201, 62.4 s"
    steps = [line.split("  ") for line in lines if line.startswith("  2026-")]
    told = [[re.sub(r"\b[0-9a-f]{8}\b", "#", cell.strip()) for cell in step if cell.strip()] for step in steps]
    assert [step[:3] for step in told[1:]] == [
        ["2026-03-02 10:00:15.000", "+15.0 s", "confirmed"],
        ["2026-03-02 10:01:02.400", "+47.4 s", "ended"],
        ["2026-03-02 11:00:17.000", "+3554.6 s", "clip alert"],
        ["2026-03-02 11:00:18.000", "+1.0 s", "upload alert"],
        ["2026-03-02 11:00:18.500", "+0.5 s", "incident"],
        ["2026-03-02 11:01:09.400", "+50.9 s", "clip closing"],
        ["2026-03-02 11:01:10.400", "+1.0 s", "upload closing"],
    ]
    assert told[0] == ["2026-03-02 10:00:00.000", "started", "# <- the log", "rules 0123456789abcdef"]
    assert told[1][3:] == ["# <- #", "support 80%, opens its occurrence"]
    assert told[3][3:] == ["# <- #", "complete, 25.5 s from 2026-03-02 09:59:54.500"]
    assert told[4][4].startswith("uploaded prolific_upload_1772441994_")


def test_each_step_names_the_hash_of_the_one_that_caused_it() -> None:
    steps = {step.what: step for step in story(FIRST).steps}
    for what, cause in (
        ("confirmed", "started"),
        ("ended", "confirmed"),
        ("clip alert", "confirmed"),
        ("upload alert", "clip alert"),
        ("incident", "upload alert"),
        ("clip closing", "ended"),
        ("upload closing", "clip closing"),
    ):
        assert steps[what].follows == steps[cause].hash, what
    assert steps["started"].follows is None


def test_an_episode_shown_in_anothers_clip_says_so() -> None:
    text = story(SECOND).text()
    assert f"shown in the clip of episode {FIRST}" in text
    assert "clip alert" in text
    assert "incident_" in text


def test_an_episode_that_was_never_confirmed_has_a_story_too() -> None:
    told = story(DISCARDED)
    assert [step.what for step in told.steps] == ["started", "discarded"]
    assert "the episode was not confirmed" in told.text()


def test_a_retracted_episode_says_why_and_keeps_its_evidence() -> None:
    # given an episode that was taken back instead of ended
    never = {"phase": "retracted", "facet_revision": 4, "ended_at": None, "duration_s": None, "close_reason": None}
    records = [
        world.resealed(r, **never)
        if isinstance(r, InteractionEvent) and (r.episode_id, r.phase) == (FIRST, "ended")
        else r
        for r in WORLD.records
    ]
    told = tell(FIRST, world.log_of(WORLD, records), world.stores_of(WORLD), WORLD.site)
    # then the story says so, and the clip and the incident of what was confirmed stay in it
    steps = {step.what: step.detail for step in told.steps}
    assert steps["retracted"] == "its people proved to be others"
    assert {"clip alert", "upload alert", "incident"} <= steps.keys()


def test_who_was_shown_the_evidence_stands_in_the_story_of_that_episode_alone() -> None:
    # given a page and a clip shown to a person, a link that the person made, and what the link was used for
    def view(at: int, role: str, how: str, part: str | None = None) -> EvidenceViewed:
        said = {"site_id": "shop", "camera_id": "counter-story", "episode_id": FIRST, "business_day": "2026-03-02"}
        return msgspec.convert(
            said | {"viewed_at": at, "by": "anna", "role": role, "how": how, "part": part}, EvidenceViewed
        )

    later = world.MORNING + 3_600_000 * 5
    views = [
        view(later, "operator", "page"),
        view(later + 1000, "operator", "clip", "alert"),
        view(later + 2000, "operator", "share"),
        view(later + 3000, "link", "clip", "closing"),
    ]
    log = world.log_of(WORLD, [*WORLD.records, *views, views[0]])

    # when the stories are told
    told = tell(FIRST, log, world.stores_of(WORLD), WORLD.site)
    other = tell(SECOND, log, world.stores_of(WORLD), WORLD.site)

    # then each view is a step, also when its record came twice
    assert [(step.what, step.detail) for step in told.steps[-4:]] == [
        ("shown", "page to anna (operator)"),
        ("shown", "alert clip to anna (operator)"),
        ("shared", "link made by anna (operator)"),
        ("shown", "closing clip to whoever had the link of anna"),
    ]
    assert not [step for step in other.steps if step.what in ("shown", "shared")]


def test_a_wait_names_the_customer_alone() -> None:
    assert story(WAIT).text().startswith("unattended on door-story in waiting, 2026-03-02 no. 1: customer 301, 60.0 s")


def test_steps_of_another_clock_show_no_time_between() -> None:
    # given footage of 2009 that was folded this year
    old = world.make("old", began_at=world.MORNING - 17 * 365 * 24 * 3_600_000)
    records = [
        r if isinstance(r, InteractionEvent | Episode | CustomerVisit | CameraOutage) or not hasattr(r, "cut_at")
        else msgspec.structs.replace(r, cut_at=world.MORNING)
        for r in old.records
    ]  # fmt: skip

    # when it is told
    text = tell(next(iter(old.episodes)), world.log_of(old, records), world.stores_of(old), old.site).text()

    # then nobody has to read years between its end and its clip
    clip = next(line for line in text.splitlines() if "clip alert" in line)
    assert "(run)" in clip


def test_a_broken_chain_and_stores_that_differ_are_told_apart_with_what_to_do() -> None:
    missing = Difference("clip files", FIRST, "is missing", "restore it")
    forged = Difference("topic clips", FIRST, "its hash does not fit", "compare it")
    for told, chain, stores in (
        (story(FIRST), "every hash fits its content and names the one before", "all agree"),
        (story(FIRST, differences=(missing,)), "every hash fits its content and names the one before", "DIFFER"),
        (story(FIRST, broken=(forged,)), "DOES NOT HOLD", "all agree"),
    ):
        assert f"\n  chain    {chain}\n  stores   {stores}" in told.text()
        assert told.sound == (chain != "DOES NOT HOLD" and stores == "all agree")
    assert f"DIFFERS  clip files: {FIRST} is missing; restore it" in story(FIRST, differences=(missing,)).text()


IDS = ["3f2a-1", "3f2a-2", "3f7b", "a000"]


def test_an_id_may_be_given_whole_or_by_a_beginning_that_only_it_has() -> None:
    assert resolve("3f2a-1", IDS) == "3f2a-1"
    assert resolve("3F7", IDS) == "3f7b"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("3f2a", "2 episodes begin with '3f2a': 3f2a-1; 3f2a-2; give more of the id"),
        ("3f79", "no episode begins with '3f79'; the nearest are 3f7b, 3f2a-1, 3f2a-2, a000"),
        ("", "no episode begins with ''; the nearest are 3f2a-1"),
    ],
)
def test_any_other_id_is_answered_with_those_that_come_near(given: str, words: str) -> None:
    with pytest.raises(UnknownEpisode) as unknown:
        resolve(given, IDS)
    assert words in str(unknown.value)


def test_a_site_without_episodes_says_so() -> None:
    with pytest.raises(UnknownEpisode, match="there is no episode of this site at all"):
        resolve("3f", [])


def test_of_an_episode_alone_a_full_or_later_snapshot_need_not_have_an_item(tmp_path: Path) -> None:
    # given a file of the day with room for one interaction, and one over the last two days that ends later
    bounds = Bounds(last_days=2, items_max=1)
    of_day = snapshot(["2026-03-02"], WORLD.episodes.values(), WORLD.site, bounds)
    (kept,) = json.loads(of_day)["interaction_metrics"]["interaction_times"]
    (tmp_path / "2026-03-02.json").write_bytes(of_day)

    def wanted(episode_id: str) -> dict[str, list[str]]:
        log = world.log_of(WORLD).of_episodes({episode_id})
        planned = planned_near(log, "2026-03-02", WORLD.site, tmp_path, bounds)
        return {name: [i["episode_id"] for i in _items(data)] for name, data in planned.items()}

    # then the newer one has to be in it and the older one not, and without a later day both are of the last two
    assert kept["episode_id"] == SECOND
    assert wanted(SECOND) == {"2026-03-02.json": [SECOND], "last_2_days.json": [SECOND]}
    assert wanted(FIRST) == {"2026-03-02.json": [], "last_2_days.json": [FIRST]}

    # and with one neither is
    (tmp_path / "2026-03-04.json").write_text("{}")
    assert wanted(SECOND) == {"2026-03-02.json": [SECOND]}


def _items(data: bytes) -> list[dict[str, str]]:
    body = json.loads(data)
    return [*body["interaction_metrics"]["interaction_times"], *body["unattended_metrics"]["unattended_times"]]
