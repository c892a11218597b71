"""A world in which all stores agree; one thing altered; the audit names it, its store and its episode."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from connectors.audit.facts import AcceptedIncident, Difference, Fact, FileFact, Stores
from connectors.audit.reconcile import Report, reconcile
from schemas.records import (
    CameraOutage,
    ClipCut,
    ClipUploaded,
    CustomerVisit,
    Episode,
    IncidentReported,
    InteractionEvent,
    Part,
    UnattendedEvent,
)
from tests import world
from tests.world import resealed

WORLD = world.make("audit")
FIRST, SECOND, WAIT = WORLD.episodes
"""The opener, the one shown in its clip, and the customer left unattended."""


def report(records: list[Fact] | None = None, stores: Stores | None = None) -> Report:
    log = world.log_of(WORLD, records)
    return reconcile(log, stores or world.stores_of(WORLD), WORLD.site)


def said(differences: list[Difference], store: str, episode_id: str, words: str) -> bool:
    return any(d.store == store and d.episode_id == episode_id and words in d.what for d in differences)


def without(kind: type[Any], **fields: object) -> list[Fact]:
    """All records but those of a kind with these values."""

    def goes(record: Fact) -> bool:
        return isinstance(record, kind) and all(getattr(record, name) == value for name, value in fields.items())

    left = [record for record in WORLD.records if not goes(record)]
    assert len(left) < len(WORLD.records)
    return left


def altered(kind: type[Any], change: Callable[[Any], Any], **fields: object) -> list[Fact]:
    """All records, those of a kind with these values changed."""

    def new(record: Fact) -> Fact:
        hit = isinstance(record, kind) and all(getattr(record, name) == value for name, value in fields.items())
        return change(record) if hit else record

    records = [new(record) for record in WORLD.records]
    assert records != WORLD.records
    return records


def forged(**changes: object) -> Callable[[Any], Any]:
    """Other content under the old hash."""
    return lambda record: msgspec.structs.replace(record, **changes)


def reforged(**changes: object) -> Callable[[Any], Any]:
    """Other content with a hash that fits it."""
    return lambda record: resealed(record, **changes)


def test_a_world_in_which_all_agree_has_no_difference_and_says_what_was_compared() -> None:
    # when it is reconciled
    done = report()

    # then nothing differs, and it was not nothing that was compared
    assert done.differences == []
    assert done.agrees
    assert all(count > 0 for count in done.checked.values()), done.checked
    assert done.text().endswith("all stores agree")


def test_no_episode_at_all_is_a_difference() -> None:
    empty = reconcile(world.log_of(WORLD, []), Stores(objects={}, incidents=[]), WORLD.site)
    assert [d.what for d in empty.differences] == ["there is no episode at all"]
    assert not empty.agrees


EVENT = InteractionEvent
VISIT: str = WORLD.of(CustomerVisit)[0].visit_id
OUTAGE: str = WORLD.of(CameraOutage)[0].outage_id
IN_THE_LOG: list[tuple[str, list[Fact], tuple[str, str, str]]] = [
    (
        "started lost",
        without(EVENT, episode_id=FIRST, phase="started"),
        ("topic interaction-events", FIRST, "0 started"),
    ),
    (
        "confirmed lost",
        without(EVENT, episode_id=FIRST, phase="confirmed"),
        ("topic interaction-events", FIRST, "its confirmed event is missing"),
    ),
    ("ended lost", without(EVENT, episode_id=FIRST, phase="ended"), ("topic interaction-events", FIRST, "has no end")),
    (
        "unattended event lost",
        without(UnattendedEvent, episode_id=WAIT, phase="ended"),
        ("topic unattended-events", WAIT, "has no end"),
    ),
    (
        "event altered",
        altered(EVENT, forged(staff_id=7), episode_id=FIRST, phase="ended"),
        ("topic interaction-events", FIRST, "its ended event: its hash does not fit"),
    ),
    (
        "event altered with a new hash",
        altered(EVENT, reforged(staff_id=7), episode_id=FIRST, phase="confirmed"),
        ("topic interaction-events", FIRST, "its ended event does not follow its confirmed event by hash"),
    ),
    ("clip record lost", without(ClipCut, episode_id=WAIT), ("topic clips", WAIT, "no record of its alert clip")),
    (
        "closing clip record lost",
        without(ClipCut, episode_id=SECOND, part="closing"),
        ("topic clips", SECOND, "no record of its closing clip"),
    ),
    (
        "clip record altered",
        altered(ClipCut, forged(covered_from=0), episode_id=WAIT),
        ("topic clips", WAIT, "the alert clip: its hash does not fit"),
    ),
    (
        "clip record of another cause",
        altered(ClipCut, reforged(previous_hash="f" * 64), episode_id=WAIT),
        ("topic clips", WAIT, "does not follow the record in topic unattended-events by hash"),
    ),
    (
        "upload record lost",
        without(ClipUploaded, episode_id=WAIT),
        ("topic uploads", WAIT, "no upload of its alert clip"),
    ),
    (
        "upload record altered",
        altered(ClipUploaded, forged(sha256="0" * 64), episode_id=WAIT),
        ("topic uploads", WAIT, "uploaded with other bytes than were cut"),
    ),
    (
        "incident record lost",
        without(IncidentReported, episode_id=FIRST),
        ("topic incidents", FIRST, "no report of the incident"),
    ),
    (
        "incident record altered",
        altered(IncidentReported, forged(image="other.mp4"), episode_id=FIRST),
        ("topic incidents", FIRST, "its hash does not fit"),
    ),
    (
        "incident record of another upload",
        altered(IncidentReported, reforged(previous_hash="f" * 64), episode_id=FIRST),
        ("topic incidents", FIRST, "does not follow the record in topic uploads by hash"),
    ),
    ("episode lost", without(Episode, episode_id=SECOND), ("topic episodes", SECOND, "has no record")),
    (
        "episode altered",
        altered(Episode, forged(duration_s=1.0), episode_id=SECOND),
        ("topic episodes", SECOND, "says duration_s 1.0, the facts say 35.0"),
    ),
    (
        "episode without events",
        without(EVENT, episode_id=SECOND),
        ("topic episodes", SECOND, "has a record, but no confirmed event"),
    ),
    (
        "visit altered",
        altered(CustomerVisit, forged(waited_s=1.0), visit_id=VISIT),
        ("topic customer-visits", VISIT, "the visit: its hash does not fit"),
    ),
    (
        "outage altered",
        altered(CameraOutage, forged(reason="gap"), facet_revision=2),
        ("topic camera-outages", OUTAGE, "the outage: its hash does not fit"),
    ),
    (
        "repeated with other content",
        [*WORLD.records, resealed(WORLD.facts[0], support=0.1)],
        ("topic interaction-events", FIRST, "two records of revision 1 with different content"),
    ),
]


@pytest.mark.parametrize(("records", "wanted"), [c[1:] for c in IN_THE_LOG], ids=[c[0] for c in IN_THE_LOG])
def test_a_damage_in_a_topic_is_named(records: list[Fact], wanted: tuple[str, str, str]) -> None:
    differences = report(records).differences
    assert said(differences, *wanted), [str(d) for d in differences]


def test_the_same_record_twice_is_no_difference() -> None:
    assert report([*WORLD.facts, *WORLD.facts, *WORLD.stated, *WORLD.stated]).agrees


def object_of(episode_id: str) -> str:
    return next(u.uploaded_filename for u in WORLD.of(ClipUploaded) if u.episode_id == episode_id)


def edit_file(episode_id: str, **changes: object) -> Callable[[Stores], None]:
    def damage(stores: Stores) -> None:
        key: Part = (episode_id, "alert")
        stores.files[key] = dataclasses.replace(stores.files[key], **changes)  # type: ignore[arg-type]

    return damage


def edit_sidecar(**changes: object) -> Callable[[Stores], None]:
    def damage(stores: Stores) -> None:
        key: Part = (FIRST, "alert")
        sidecar = json.loads(stores.files[key].sidecar or b"") | changes
        stores.files[key] = FileFact(
            stores.files[key].sha256, stores.files[key].size_bytes, json.dumps(sidecar).encode()
        )

    return damage


def edit_object(of: str, /, **changes: object) -> Callable[[Stores], None]:
    def damage(stores: Stores) -> None:
        assert stores.objects is not None
        name = object_of(of)
        stores.objects[name] = dataclasses.replace(stores.objects[name], **changes)  # type: ignore[arg-type]

    return damage


def edit_row(table: str, **changes: object) -> Callable[[Stores], None]:
    def damage(stores: Stores) -> None:
        stores.rows[table][0] |= changes  # type: ignore[index]

    return damage


def edit_snapshot(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[Stores], None]:
    def damage(stores: Stores) -> None:
        body = json.loads(stores.snapshots["2026-03-02.json"])
        change(body["interaction_metrics"]["interaction_times"])
        stores.snapshots["2026-03-02.json"] = (json.dumps(body, indent=2) + "\n").encode()

    return damage


def lose_incident(stores: Stores) -> None:
    assert stores.incidents is not None
    del stores.incidents[0]


def double_incident(stores: Stores) -> None:
    assert stores.incidents is not None
    stores.incidents.append(dataclasses.replace(stores.incidents[0], external_id="ext-again"))


def edit_incident(stores: Stores) -> None:
    assert stores.incidents is not None
    one = stores.incidents[0]
    stores.incidents[0] = AcceptedIncident(one.external_id, one.idempotency_key, one.body | {"percentage": 1})


NAME = "2026-03-02.json"
IN_A_STORE: list[tuple[str, Callable[[Stores], Any], tuple[str, str, str]]] = [
    ("file lost", lambda s: s.files.pop((FIRST, "alert")), ("clip files", FIRST, "is missing")),
    (
        "closing file lost",
        lambda s: s.files.pop((FIRST, "closing")),
        ("clip files", FIRST, "_end.mp4 is missing"),
    ),
    ("file altered", edit_file(FIRST, sha256="0" * 64), ("clip files", FIRST, "its record says")),
    ("file cut short", edit_file(FIRST, size_bytes=3), ("clip files", FIRST, "has 3 bytes")),
    ("sidecar lost", edit_file(FIRST, sidecar=None), ("clip files", FIRST, "interaction_start.json: is missing")),
    ("sidecar broken", edit_file(FIRST, sidecar=b"{"), ("clip files", FIRST, "is no JSON")),
    ("sidecar of another", edit_sidecar(episode_id=SECOND), ("clip files", FIRST, "says episode_id")),
    ("sidecar of another time", edit_sidecar(covered_to=5), ("clip files", FIRST, "says covered_to 5")),
    ("sidecar without people", edit_sidecar(participants=[]), ("clip files", FIRST, "participants [101, 201]")),
    ("stray file", lambda s: s.stray_files.append("c/segment_9.mp4"), ("clip files", "", "no record names this clip")),
    ("object lost", lambda s: s.objects.pop(object_of(WAIT)), ("S3", WAIT, "is missing")),  # type: ignore[union-attr]
    ("object altered", edit_object(WAIT, sha256="0" * 64), ("S3", WAIT, "its record says")),
    ("object's metadata altered", edit_object(WAIT, episode_id="nobody"), ("S3", WAIT, "name episode nobody")),
    ("incident lost", lose_incident, ("incident API", FIRST, "was accepted 0 times")),
    ("incident doubled", double_incident, ("incident API", FIRST, "was accepted 2 times")),
    ("incident altered", edit_incident, ("incident API", FIRST, "does not say there what was sent")),
    ("row lost", lambda s: s.rows["episode_log"].pop(0), ("ClickHouse", FIRST, "has 0 rows in episode_log")),
    ("row altered", edit_row("episode_log", staff_id=7), ("ClickHouse", FIRST, "staff_id 7 instead of 101")),
    (
        "row of an old revision",
        edit_row("episode_log", revision=2),
        ("ClickHouse", FIRST, "revision 2 instead of 8"),
    ),
    ("row shown twice", lambda s: s.shown.update({FIRST: 2}), ("ClickHouse", FIRST, "is shown 2 times")),
    ("row not shown", lambda s: s.shown.pop(FIRST), ("ClickHouse", FIRST, "is shown 0 times")),
    ("row of nobody", lambda s: s.shown.update({"ghost": 1}), ("ClickHouse", "ghost", "has no record of it")),
    ("visit lost", lambda s: s.rows["visits"].pop(0), ("ClickHouse", VISIT, "has 0 rows in visits")),
    ("outage altered", edit_row("outages", to_at=None), ("ClickHouse", OUTAGE, "to_at None instead of")),
    ("snapshot lost", lambda s: s.snapshots.pop(NAME), ("snapshot", "", f"{NAME} is missing")),
    ("snapshot item lost", edit_snapshot(lambda i: i.pop(0)), ("snapshot", FIRST, "has 0 items of it")),
    ("snapshot item doubled", edit_snapshot(lambda i: i.append(i[0])), ("snapshot", FIRST, "has 2 items of it")),
    (
        "snapshot item altered",
        edit_snapshot(lambda i: i[0].update(interaction_duration=1.0)),
        ("snapshot", FIRST, "differs in interaction_duration"),
    ),
    ("snapshot of no use", lambda s: s.snapshots.update({NAME: b"{}"}), ("snapshot", "", "cannot be read")),
    (
        "snapshot figures altered",
        lambda s: s.snapshots.update({NAME: s.snapshots[NAME].replace(b'"count": 2', b'"count": 3')}),
        ("snapshot", "", "differs from a rebuild outside its items"),
    ),
    ("snapshot of no day", lambda s: s.snapshots.update({"x.json": b""}), ("snapshot", "", "a day without episodes")),
]


@pytest.mark.parametrize(("damage", "wanted"), [c[1:] for c in IN_A_STORE], ids=[c[0] for c in IN_A_STORE])
def test_a_damage_in_a_store_is_named_and_nothing_else_is(
    damage: Callable[[Stores], None], wanted: tuple[str, str, str]
) -> None:
    # given a store with one thing altered
    stores = world.stores_of(WORLD)
    damage(stores)

    # when all is reconciled
    done = report(stores=stores)

    # then it is named, and every line is about that store and says what to do
    assert said(done.differences, *wanted), done.text()
    assert {d.store for d in done.differences} == {wanted[0]}
    assert all(d.do for d in done.differences)
    assert not done.agrees


def test_a_clip_that_could_not_be_cut_is_no_difference_as_long_as_everybody_says_so() -> None:
    # given a world in which one clip failed, and the records after it know
    clip = next(c for c in WORLD.of(ClipCut) if c.episode_id == WAIT)
    nothing = {"segment_filename": None, "sidecar_filename": None, "sha256": None, "size_bytes": None}
    failed = resealed(clip, status="failed", reason="no recording", covered_from=None, covered_to=None, **nothing)
    facts = [r for r in WORLD.facts if getattr(r, "episode_id", "") != WAIT or isinstance(r, UnattendedEvent)]
    upload = next(u for u in WORLD.of(ClipUploaded) if u.episode_id == WAIT)
    unsent = {
        "uploaded_filename": None,
        "video_url": None,
        "sha256": None,
        "size_bytes": None,
        "segment_filename": None,
    }
    not_uploaded = resealed(upload, status="failed", previous_hash=failed.hash, **unsent)
    incident = next(i for i in WORLD.of(IncidentReported) if i.episode_id == WAIT)
    still_reported = resealed(incident, previous_hash=not_uploaded.hash)
    facts += [failed, not_uploaded, still_reported]
    other = dataclasses.replace(WORLD, facts=facts, stated=world.joined(facts))

    # when it is reconciled
    done = reconcile(world.log_of(other), world.stores_of(other), WORLD.site)

    # then no store contradicts another
    assert done.differences == [], done.text()


def test_what_cannot_be_asked_is_noted_and_not_taken_for_missing() -> None:
    # given an upload API and an incident API that do not tell what they hold, and clips on another host
    stores = world.stores_of(WORLD)
    stores.objects, stores.incidents = None, None
    stores.elsewhere = set(stores.files)
    stores.files = {}
    stores.notes = ["4 clip files on till-pc: run verify there"]

    # then nothing differs, and the report says what was not checked
    done = report(stores=stores)
    assert done.agrees
    assert "not checked: 4 clip files on till-pc: run verify there" in done.text()
