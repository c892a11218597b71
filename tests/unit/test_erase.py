"""What was removed for good stays so: whatever the order, in every version, in each connector and in the audit."""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import repeating
from connectors.audit.facts import Left
from connectors.audit.reconcile import reconcile
from connectors.audit.story import tell
from connectors.clip.place import CUTTING
from connectors.clip.service import ClipConnector
from connectors.erase import files, recording
from connectors.erase.objects import NotRemoved, Objects
from connectors.erase.plan import Known, Word, decisions, group, of_day, stated
from connectors.erase.service import Erased, Erasing
from connectors.promote import plan as promotion
from connectors.work import Done, Partition, Work
from infra.config import Settings, UploadSettings
from infra.recordings import Gop, Head, Tail, index_path, line, pin_path, segment_path, tracks_path
from schemas.acts import EvidenceRemoved, RetryAsked
from schemas.records import ClipCut, ClipUploaded, InteractionEvent
from schemas.removals import is_removed, removal_fact, without
from streams.evidence import Fact, join
from streams.versions import live
from streams.versions import stated as of_version
from tests import world
from tests.connector_records import T0, clip, event, site, subject, upload

WORLD = world.make("erase")
FIRST, SECOND, WAIT = WORLD.episodes
"""The opener, the one shown in its clip, and a customer left unattended, on another camera."""
WORD = Word("Ada", "the customer asked", world.MORNING + 9_000_000)


def known(*more: Any) -> Known:
    there = Known()
    for record in (*WORLD.records, *more):
        there.take(record)
    return there


def erased(*asked: str, word: Word = WORD) -> list[EvidenceRemoved]:
    there = known()
    return decisions(asked, group(asked, there), there, word)


def test_an_episode_goes_with_all_that_share_a_clip_with_it_and_with_no_other() -> None:
    # when either of two that one clip shows is to be erased, then both are
    for asked in (FIRST, SECOND):
        assert {removal.episode_id for removal in erased(asked)} == {FIRST, SECOND}
    assert {removal.episode_id for removal in erased(WAIT)} == {WAIT}
    # and who was not asked for says with whom it goes
    reasons = {removal.episode_id: removal.reason for removal in erased(SECOND)}
    assert reasons == {SECOND: WORD.reason, FIRST: f"{WORD.reason} (it shares a clip with {SECOND})"}
    # and a day is all of its camera's
    first = WORLD.episodes[FIRST]
    assert of_day(known(), first.camera_id, first.business_day) == {FIRST, SECOND}
    assert of_day(known(), first.camera_id, "2001-01-01") == set()


def test_a_clip_in_another_versions_folder_is_not_shared_because_it_has_the_same_name() -> None:
    closing = next(c for c in WORLD.of(ClipCut) if (c.episode_id, c.part) == (FIRST, "closing"))
    theirs = world.resealed(closing, episode_id="theirs", lane="trial", sha256="0" * 64)
    assert group({FIRST}, known(theirs)) == {FIRST, SECOND}


def test_what_was_decided_is_not_decided_again_but_a_person_s_word_counts_over_the_site_s_rule() -> None:
    # given what the site's rule let expire
    expired = erased(FIRST, word=dataclasses.replace(WORD, by="retention", status="expired"))
    there = known(*expired)
    # then the rule says it once, a person may still say so, and then nobody
    rule = dataclasses.replace(WORD, status="expired")
    assert decisions([FIRST], {FIRST, SECOND}, there, rule) == []
    said = decisions([FIRST], {FIRST, SECOND}, there, WORD)
    assert {removal.previous_hash for removal in said} == {removal.hash for removal in expired}
    assert decisions([FIRST], {FIRST, SECOND}, known(*expired, *said), WORD) == []
    assert decisions([FIRST], {FIRST, SECOND}, known(*expired, *said), rule) == []


FACTS: list[Any] = [fact for fact in WORLD.facts if getattr(fact, "occurrence_id", None) is not None]


@settings(max_examples=25, deadline=None)
@given(st.permutations([fact for fact in FACTS if fact.occurrence_id == FIRST]), st.data())
def test_in_any_order_of_arrival_an_erased_episode_keeps_its_facts_and_no_name_of_a_clip(
    facts: list[Fact], data: st.DataObject
) -> None:
    # given the facts of two episodes in any order, and that both are erased somewhere among them
    order: list[Fact] = list(facts)
    for removal in erased(FIRST):
        order.insert(data.draw(st.integers(0, len(order))), removal)

    # when they are joined
    entry, last = None, {}
    for fact in order:
        entry, changed = join(entry, fact)
        last |= {episode.episode_id: episode for episode in changed}

    # then each says so, and else what it said before
    for episode_id in (FIRST, SECOND):
        before, after = WORLD.episodes[episode_id], last[episode_id]
        assert after.evidence.status == "erased"
        assert after.evidence.reason
        names = msgspec.structs.asdict(after.evidence)
        assert {k for k, v in names.items() if v is not None} <= {"status", "reason", "evidence_from"}
        assert after.revision > before.revision
        kept = {"evidence", "revision", "audit"}
        assert {k: v for k, v in msgspec.structs.asdict(after).items() if k not in kept} == {
            k: v for k, v in msgspec.structs.asdict(before).items() if k not in kept
        }
        # and whoever states it without the join says the very same
        removals = {removal.episode_id: removal for removal in erased(FIRST)}
        own = dict.fromkeys((before.evidence.evidence_from or episode_id, episode_id))
        assert without(before, [removal_fact(removals[i]) for i in own]) == after
        assert without(after, [removal_fact(removals[i]) for i in own]) == after


def test_an_episode_says_erased_when_only_the_one_whose_clip_shows_it_was_erased() -> None:
    # given that a member joined the occurrence after its opener was erased
    alone = [removal for removal in erased(FIRST) if removal.episode_id == FIRST]
    stated_live = {episode.episode_id: episode for episode in live([*FACTS, *alone])}
    assert {i: stated_live[i].evidence.status for i in (FIRST, SECOND, WAIT)} == {
        FIRST: "erased",
        SECOND: "erased",
        WAIT: "available",
    }


def test_a_replay_of_erased_episodes_is_erased_and_cuts_nothing_of_their_people() -> None:
    # given a replay that found the erased episode under another id, and that it was longer than the clip
    removals = erased(FIRST)
    there = promotion.known([*FACTS, *removals])
    confirmed = next(
        f for f in FACTS if isinstance(f, InteractionEvent) and (f.episode_id, f.phase) == (FIRST, "confirmed")
    )
    other = world.resealed(
        confirmed,
        episode_id="found-anew",
        occurrence_id="found-anew",
        evidence_episode_id=None,
        started_at=confirmed.started_at - 60_000,
    )
    wanted = promotion.jobs([other])

    # then the erased clip stands for it, so that none is cut, and it says erased
    heirs = promotion.heirs(wanted, there, "trial")
    assert heirs == {("found-anew", "alert"): (FIRST, "alert")}
    evidence = [*there.clips.values(), *there.uploads.values(), *removals]
    (episode,) = of_version([other], evidence, {}, version="trial", heirs=heirs)
    assert (episode.evidence.status, episode.evidence.video_url) == ("erased", None)
    assert is_removed(episode)
    # and nothing of it is sent with an incident
    assert promotion.incident_jobs([other], wanted, heirs, there)["found-anew"].image == ""
    # while without the removal that clip would not have been enough
    assert promotion.heirs(wanted, promotion.known(FACTS), "trial") == {}


def work_of(of: Any) -> Work[Any, Any]:
    return Work(state="pending", taken_in_at=T0, due_at=T0 + 60_000, input=of)


def test_a_connector_makes_nothing_of_what_was_removed_and_nobody_has_it_done_again(tmp_path: Path) -> None:
    # given a clip that waits to be cut, and one of another episode
    connector = ClipConnector(Settings(data_dir=tmp_path), site())
    confirmed, other = event("confirmed"), event("confirmed")
    part: Partition[Any, Any] = Partition()
    for one in (confirmed, other):
        part.open |= {key: work_of(job) for key, job in connector.plan(one, T0).items()}
    key, others = f"{confirmed.episode_id}:alert", f"{other.episode_id}:alert"
    there = Known()
    there.take(clip(subject(confirmed)))
    (removal,) = decisions([confirmed.episode_id], {confirmed.episode_id}, there, WORD)

    # when the removal is known
    repeating.remove(part, removal, T0 + 1)

    # then it is given up at once, without anything being done, and the other waits on
    assert [part.open[k].due_at for k in (key, others)] == [T0 + 1, T0 + 60_000]
    outcome = repeating.foregone(part, key, connector)
    assert isinstance(outcome, Done)
    assert (outcome.result.status, outcome.result.reason) == ("failed", repeating.REMOVED)
    assert repeating.foregone(part, others, connector) is None
    # and a person who asks for it again is told why not
    ask = msgspec.convert(
        {
            **{name: getattr(removal, name) for name in ("site_id", "camera_id", "lane", "business_day", "episode_id")},
            "step": "clip",
            "work_key": key,
            "revision": 1,
            "verdict": "again",
            "reason": "",
            "asked_by": "Ben",
            "asked_at": T0,
            "hash": "",
        },
        RetryAsked,
    )
    assert repeating.asked_by_person(part, ask, connector, T0) == repeating.REMOVED


def audited(removals: list[EvidenceRemoved], left: list[Left] | None = None) -> tuple[Any, Any]:
    """Report and story of the world in which everything followed these removals."""
    there = known(*removals)
    ids = {str(removal.episode_id) for removal in removals}
    after = {e.episode_id: e for e in WORLD.stated} | {e.episode_id: e for e in stated(ids, there)}
    gone = dataclasses.replace(WORLD, stated=list(after.values()))
    stores = world.stores_of(gone)
    uploads = {u.uploaded_filename for u in WORLD.of(ClipUploaded) if u.episode_id in ids}
    stores.files = {k: v for k, v in stores.files.items() if k[0] not in ids}
    stores.objects = {k: v for k, v in (stores.objects or {}).items() if k not in uploads}
    stores.left = left or []
    log = world.log_of(gone, [*gone.records, *removals])
    return reconcile(log, stores, WORLD.site), tell(FIRST, log, stores, WORLD.site)


def test_the_audit_agrees_with_what_is_erased_and_tells_who_decided_it() -> None:
    finished = [msgspec.structs.replace(removal, finished_at=WORD.at + 5_000) for removal in erased(FIRST)]
    report, story = audited([*erased(FIRST), *finished])
    assert report.agrees, report.text()
    assert f"{FIRST} by Ada: the customer asked, done" in story.text()
    assert "evidence erased: the customer asked" in story.text()


def test_the_audit_names_what_is_still_there_what_is_not_finished_and_what_says_otherwise() -> None:
    # given that a file is there, and that nobody finished
    left = [Left("S3", FIRST, "prolific.mp4")]
    report, _ = audited(erased(FIRST), left)
    said = [(d.store, d.episode_id, d.what) for d in report.differences]
    assert ("S3", FIRST, "prolific.mp4 is still there, though its pictures were removed for good") in said
    assert sum("not finished" in what for _, _, what in said) == 2
    # given an episode that still names its clip
    log = world.log_of(WORLD, [*WORLD.records, *erased(FIRST)])
    report = reconcile(log, world.stores_of(WORLD), WORLD.site)
    assert any(d.episode_id == FIRST and d.what.startswith("says evidence ") for d in report.differences)


class Storage:
    """S3 with versions, in memory: key -> its versions, the newest last; None is a delete marker."""

    def __init__(self, objects: dict[str, list[str | None]], refuses: str | None = None) -> None:
        numbers = itertools.count()
        self.there = {key: [(f"v{next(numbers)}", of) for of in versions] for key, versions in objects.items()}
        self.refuses = refuses

    def head_object(self, Bucket: str, Key: str) -> Any:
        versions = self.there.get(Key, [])
        if not versions or versions[-1][1] is None:
            raise ClientError({"Error": {"Code": "404"}, "ResponseMetadata": {"HTTPStatusCode": 404}}, "HeadObject")  # type: ignore[typeddict-item]
        return {"Metadata": {"episode_id": versions[-1][1]}}

    def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> None:
        if VersionId is None:
            self.there[Key].append((f"m{len(self.there[Key])}", None))
        elif self.refuses != VersionId:
            self.there[Key] = [one for one in self.there[Key] if one[0] != VersionId]

    def get_paginator(self, name: str) -> "Storage":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[Any]:
        found = [(key, *one) for key, versions in self.there.items() if key.startswith(Prefix) for one in versions]
        return [
            {
                "Versions": [{"Key": k, "VersionId": v} for k, v, of in found if of is not None],
                "DeleteMarkers": [{"Key": k, "VersionId": v} for k, v, of in found if of is None],
            }
        ]


def test_an_object_goes_in_all_its_versions_and_another_s_is_left() -> None:
    storage = Storage({"a": [FIRST, None, FIRST], "a2": [FIRST], "theirs": [SECOND], "hidden": [FIRST, None]})
    objects = Objects(storage)
    assert objects.is_there("b", "a", FIRST)
    assert objects.remove("b", "a", FIRST)
    assert not objects.remove("b", "a", FIRST)
    assert objects.remove("b", "hidden", FIRST)
    assert not objects.remove("b", "theirs", FIRST)
    assert {key for key, versions in storage.there.items() if versions} == {"a2", "theirs"}


def test_an_object_that_the_storage_does_not_let_go_is_said() -> None:
    class Locked(Storage):
        def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> None:
            pass

    with pytest.raises(NotRemoved, match="is there after it was deleted"):
        Objects(Locked({"a": [FIRST]})).remove("b", "a", FIRST)


def put(folder: Path, name: str, episode_id: str) -> list[Path]:
    """A clip with its sidecar."""
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / name
    video.write_bytes(b"film")
    sidecar = video.with_suffix(".json")
    sidecar.write_bytes(msgspec.json.encode({"episode_id": episode_id, "part": "alert"}))
    return [video, sidecar]


def test_files_are_found_where_a_record_names_them_and_where_none_does_yet(tmp_path: Path) -> None:
    # given a clip that a record names, one that no record names yet, a promotion's, and another episode's
    known_to = Settings(data_dir=tmp_path)
    live_folder = known_to.segments_dir / "cam"
    named = put(live_folder, "segment_1_20260302_110000_interaction_start.mp4", "mine")
    unnamed = put(live_folder, "segment_1_20260303_010000_interaction_end.mp4", "mine")
    of_replay = put(known_to.replays_dir / "trial" / "cam" / "2026-03-02", "segment_2_20260302_110000_x.mp4", "mine")
    put(live_folder, "segment_3_20260302_110000_interaction_start.mp4", "theirs")
    record = clip(msgspec.structs.replace(subject(), episode_id="mine"), file=named[0])

    # then these are this episode's, the video before the sidecar that says whose it is
    assert list(files.of_record(known_to, record)) == named
    assert sorted(files.of_day(known_to, "cam", "2026-03-02", {"mine"})) == sorted([*named, *unnamed, *of_replay])
    # and when another one has the name by now, it is left
    put(live_folder, named[0].name, "theirs")
    assert list(files.of_record(known_to, record)) == []
    # and what is gone is not missed
    assert files.remove([*unnamed, *unnamed]) == unnamed
    assert files.remove(unnamed) == []


def test_what_a_killed_cut_left_half_made_goes_live_as_well_as_beside_a_replay(tmp_path: Path) -> None:
    known_to = Settings(data_dir=tmp_path)
    folders = [known_to.segments_dir / "cam", known_to.replays_dir / "trial" / "cam" / "2026-03-02"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f"{CUTTING}x.mp4").write_bytes(b"fil")
    files.sweep_half_cut(known_to, "cam", "2026-03-02")
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def test_the_recording_of_a_day_is_all_that_shows_any_of_it_in_every_lane(tmp_path: Path) -> None:
    # given segments before, over the begin of, within and after a span, and the same in a lane
    def segment(root: Path, index: int, from_at: int, to_at: int) -> Path:
        path = segment_path(root, "cam", 1000, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
        head = Head(
            site_id="shop",
            camera_id="cam",
            lane="live",
            stream_epoch=1000,
            index=index,
            codec="h264",
            time_base_den=90_000,
            transcoded=False,
            live=True,
        )
        gop = Gop(key_at=from_at, key_pts=0, end_at=to_at)
        index_path(path).write_bytes(line(head) + line(gop) + line(Tail(last=False)))
        return path

    begin, end = 600_000, 1_200_000
    spans = [(500_000, 600_000), (590_000, 610_000), (700_000, 720_000), (1_200_000, 1_220_000)]
    here = [segment(tmp_path, n, *span) for n, span in enumerate(spans)]
    backfill = segment(tmp_path / ".lanes" / "old", 0, 700_000, 720_000)
    pin_path(here[2]).touch()
    boxes = [tracks_path(tmp_path, "cam", 1000, at) for at in (599_000, 700_000, 1_200_000)]
    for path in boxes:
        path.touch()

    found = set(recording.of_span(tmp_path, "cam", begin, end))
    due = {path for one in (here[1], here[2], backfill) for path in (one, index_path(one))}
    assert found == due | {pin_path(here[2]), boxes[1]}


def test_what_the_upload_api_keeps_is_said_with_whom_to_ask() -> None:
    kept = upload(subject(), adapter="http", uploaded_filename="stored.mp4")
    erasing = object.__new__(Erasing)
    erasing._settings = Settings(upload=UploadSettings(adapter="http"))
    there, done = Known(), Erased([kept.episode_id])
    there.take(kept)
    assert list(erasing._stored(there, done)) == []
    assert done.left == [
        f"stored.mp4 of episode {kept.episode_id}: ask the upload API's people to delete it; it has no way to do so"
    ]
