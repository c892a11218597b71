"""A small world in which every store says the same: records, files, objects, incidents, rows and snapshots.

Made from the same pure plans as the services use, so that the tests of what comes after need no running pipeline:

    counter  two interactions of one occurrence (one clip and one incident for both), and one that was discarded
    door     one customer left unattended, whose end lies in the alert clip; two visits; one outage
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.audit.facts import AcceptedIncident, Fact, FileFact, Log, ObjectFact, Stores
from connectors.audit.read_log import collect
from connectors.clickhouse.plan import by_table
from connectors.clip import plan as clip_plan
from connectors.clip.plan import ClipFile
from connectors.clip.sidecar import Participant, Sidecar
from connectors.incident import plan as incident_plan
from connectors.snapshots.plan import Window, files
from connectors.upload import plan as upload_plan
from connectors.upload.plan import Stored
from schemas import ids
from schemas.codec import Codec, MemoryRegistry
from schemas.hashing import sealed
from schemas.records import (
    Alert,
    CameraOutage,
    Cause,
    ClipCut,
    ClipUploaded,
    CustomerVisit,
    Episode,
    IncidentReported,
    InteractionEvent,
    Lineage,
    Phase,
    TrackRef,
    UnattendedEvent,
    WaitCounts,
    WaitingCustomer,
)
from schemas.site import Camera, Site
from streams.evidence import entry_key, join
from streams.frame import Event

MORNING = int(datetime(2026, 3, 2, 9, 0, tzinfo=UTC).timestamp() * 1000)
"""10:00 in Berlin."""
LATER_MS = 3_600_000
"""The services came to it an hour after the footage was taken."""
CODEC = Codec(MemoryRegistry())
BASE_URL = "https://videos.example/shop"

Post = Callable[[str, bytes], str]
"""(idempotency key, payload) -> the incident API's own id."""


@dataclass
class World:
    """All that is so. Lists are in the order in which things happened."""

    site: Site
    host: str
    facts: list[Fact] = field(default_factory=list)
    """Every record of every topic but `episodes`."""
    stated: list[Episode] = field(default_factory=list)
    """The topic `episodes`, every revision."""
    videos: dict[str, bytes] = field(default_factory=dict)
    """segment_filename -> content."""
    sidecars: dict[str, bytes] = field(default_factory=dict)
    payloads: dict[str, bytes] = field(default_factory=dict)
    """incident_id -> what was posted."""

    @property
    def episodes(self) -> dict[str, Episode]:
        """The newest record of each episode."""
        return {episode.episode_id: episode for episode in self.stated}

    @property
    def records(self) -> list[Fact]:
        """Everything that is in a topic."""
        return [*self.facts, *self.stated]

    def of(self, kind: type[Any]) -> list[Any]:
        """The records of one kind."""
        return [record for record in self.records if isinstance(record, kind)]


def make(tag: str, host: str = "here", began_at: int = MORNING, post: Post | None = None) -> World:
    """A world of its own site, shop-<tag>, with cameras counter-<tag> and door-<tag>."""
    site = Site(
        site_id=f"shop-{tag}",
        branch_id="17",
        timezone="Europe/Berlin",
        cameras=(Camera(camera_id=f"counter-{tag}"), Camera(camera_id=f"door-{tag}")),
    )
    world = World(site, host)
    maker = _Maker(world, began_at, post or (lambda key, payload: f"ext-{key[-4:]}"))
    first = maker.interaction(1, 101, 201, from_s=0.0, confirmed_s=15.0, to_s=62.4)
    maker.interaction(2, 101, 202, from_s=5.0, confirmed_s=22.0, to_s=40.0, of=first)
    maker.interaction(3, 102, 203, from_s=90.0, confirmed_s=None, to_s=97.0)
    maker.unattended(1, 301, from_s=600.0, confirmed_s=660.0, to_s=660.0)
    maker.visit(301, from_s=600.0, contact_s=None, to_s=660.0)
    maker.visit(302, from_s=610.0, contact_s=640.5, to_s=700.0)
    maker.outage(from_s=1000.0, to_s=1090.0)
    world.stated = joined(world.facts)
    return world


def of_events(events: Iterable[Event], site: Site, post: Post | None = None, host: str = "here") -> World:
    """The world that follows from what a fold told: everything cut, stored, reported and joined."""
    world = World(site, host)
    maker = _Maker(world, MORNING, post or (lambda key, payload: f"ext-{key[-4:]}"))
    for event in events:
        world.facts.append(event)
        if isinstance(event, InteractionEvent | UnattendedEvent):
            maker.evidence(event)
    world.stated = joined(world.facts)
    return world


def joined(facts: list[Fact]) -> list[Episode]:
    """What the join states of these facts."""
    entries: dict[str, Any] = {}
    stated: list[Episode] = []
    for fact in facts:
        if isinstance(fact, CustomerVisit | CameraOutage | Episode):
            continue
        key = entry_key(fact)
        if key is not None:
            entries[key], changed = join(entries.get(key), fact)
            stated += changed
    return stated


def resealed(record: Any, **changes: Any) -> Any:
    """The record with other content and a hash that fits it."""
    return sealed(msgspec.structs.replace(record, **changes))


class _Maker:
    def __init__(self, world: World, began_at: int, post: Post) -> None:
        self._world, self._began_at, self._post = world, began_at, post
        self._sequence = 0

    def interaction(
        self,
        ordinal: int,
        staff_id: int,
        customer_id: int,
        *,
        from_s: float,
        confirmed_s: float | None,
        to_s: float,
        of: str | None = None,
    ) -> str:
        """Two people; `of`: the opener of the occurrence, whose clip shows this one too."""
        camera_id = self._world.site.cameras[0].camera_id
        staff, customer = self._ref(staff_id), self._ref(customer_id)
        site_id, at = self._world.site.site_id, self._at
        episode_id = ids.episode_id(
            site_id, camera_id, "live", "interaction", staff=staff, customer=customer, started_at=at(from_s)
        )

        def event(phase: Phase, at_s: float, previous: str | None, **more: Any) -> InteractionEvent:
            return sealed(
                InteractionEvent(
                    **self._common(episode_id, camera_id, phase, ordinal, at_s, previous),
                    staff_id=staff_id,
                    customer_id=customer_id,
                    zone_id="till",
                    started_at=at(from_s),
                    confidence=0.91,
                    support=0.8,
                    distance_m_min=0.8,
                    distance_m_median=1.05,
                    distance_method="height",
                    lineage=Lineage(staff=[staff], customer=[customer]),
                    **more,
                )
            )

        ending = {"ended_at": at(to_s), "duration_s": to_s - from_s, "close_reason": "separated"}
        started = event("started", from_s + 1, None)
        if confirmed_s is None:
            self._world.facts += [started, event("discarded", to_s + 5, started.hash, **ending)]
            return episode_id
        known = {"occurrence_id": of or episode_id, "opens": of is None, "evidence_episode_id": of or episode_id}
        known |= {"confirmed_at": at(confirmed_s)}
        alert = Alert(location="Till", image_width=640, image_height=480, support=0.8, threshold_s=15.0)
        confirmed = event("confirmed", confirmed_s, started.hash, **known, alert=alert)
        ended = event("ended", to_s + 5, confirmed.hash, **known, **ending)
        self._world.facts += [started, confirmed, ended]
        self.evidence(confirmed)
        self.evidence(ended)
        return episode_id

    def unattended(self, ordinal: int, customer_id: int, *, from_s: float, confirmed_s: float, to_s: float) -> None:
        """A customer whom nobody serves."""
        camera_id, customer, at = self._world.site.cameras[1].camera_id, self._ref(customer_id), self._at
        episode_id = ids.episode_id(
            self._world.site.site_id,
            camera_id,
            "live",
            "unattended",
            staff=None,
            customer=customer,
            started_at=at(from_s),
        )

        def event(phase: Phase, at_s: float, previous: str | None, **more: Any) -> UnattendedEvent:
            return sealed(
                UnattendedEvent(
                    **self._common(episode_id, camera_id, phase, ordinal, at_s, previous),
                    customer_id=customer_id,
                    zone_id="waiting",
                    started_at=at(from_s),
                    confidence=0.88,
                    support=0.95,
                    lineage=Lineage(customer=[customer]),
                    **more,
                )
            )

        known = {"occurrence_id": episode_id, "opens": True, "evidence_episode_id": episode_id}
        known |= {"confirmed_at": at(confirmed_s), "reason": "no_contact"}
        waiting = WaitingCustomer(
            customer_id=customer_id,
            status="confirmed",
            x1=10.5,
            y1=20.0,
            x2=60.25,
            y2=200.0,
            unattended_s=confirmed_s - from_s,
            first_detected_at=at(from_s),
        )
        alert = Alert(
            location="Waiting area",
            image_width=640,
            image_height=480,
            support=0.95,
            threshold_s=60.0,
            waited_s=confirmed_s - from_s,
            counts=WaitCounts(total=2, confirmed=1, pending=0),
            waiting=[waiting],
        )
        started = event("started", from_s + 5, None)
        confirmed = event("confirmed", confirmed_s, started.hash, **known, alert=alert)
        ending = {"ended_at": at(to_s), "duration_s": to_s - from_s, "close_reason": "left"}
        ended = event("ended", to_s + 10, confirmed.hash, **known, **ending)
        self._world.facts += [started, confirmed, ended]
        self.evidence(confirmed)
        self.evidence(ended)

    def visit(self, customer_id: int, *, from_s: float, contact_s: float | None, to_s: float) -> None:
        """A stay in the service zone of the door's camera."""
        camera_id, at = self._world.site.cameras[1].camera_id, self._at
        site_id = self._world.site.site_id
        visit = CustomerVisit(
            visit_id=ids.visit_id(site_id, camera_id, "live", customer_id, "waiting", at(from_s)),
            customer_id=customer_id,
            zone_id="waiting",
            entered_at=at(from_s),
            first_contact_at=None if contact_s is None else at(contact_s),
            left_at=at(to_s),
            waited_s=(to_s if contact_s is None else contact_s) - from_s,
            served=contact_s is not None,
            **self._base(camera_id, to_s),
            hash="",
        )
        self._world.facts.append(sealed(visit))

    def outage(self, *, from_s: float, to_s: float) -> None:
        """A blind time of the door's camera, stated open and then closed."""
        camera_id, at = self._world.site.cameras[1].camera_id, self._at
        opened: CameraOutage = sealed(
            CameraOutage(
                outage_id=ids.outage_id(self._world.site.site_id, camera_id, "live", at(from_s)),
                facet_revision=1,
                from_at=at(from_s),
                reason="interrupted",
                **self._base(camera_id, from_s),
                hash="",
            )
        )
        closed = resealed(opened, facet_revision=2, to_at=at(to_s), previous_hash=opened.hash)
        self._world.facts += [opened, closed]

    def evidence(self, event: InteractionEvent | UnattendedEvent) -> None:
        """The clip that the event asks for, its upload, and for an opener's alert the incident."""
        now_ms = event.cause.captured_at + LATER_MS
        for job in clip_plan.jobs(event, now_ms).values():
            clip = clip_plan.cut(job, self._clip(job), host=self._world.host, attempts=1, now_ms=now_ms + 2_000)
            name = upload_plan.object_name(clip)
            stored = Stored(name, upload_plan.address(BASE_URL, name), bucket="trackfold", etag="e")
            upload = upload_plan.uploaded(clip, "uploaded", "s3", now_ms=now_ms + 3_000, attempts=1, stored=stored)
            self._world.facts += [clip, upload]
            for incident in incident_plan.jobs(upload, now_ms, None).values():
                site = self._world.site
                payload = msgspec.json.encode(incident_plan.payload(incident, site.branch_id, site.timezone))
                self._world.payloads[incident.incident_id] = payload
                report = incident_plan.reported(
                    incident,
                    "reported",
                    payload_sha256=hashlib.sha256(payload).hexdigest(),
                    now_ms=now_ms + 3_500,
                    attempts=1,
                    external_incident_id=self._post(incident.incident_id, payload),
                    http_status=200,
                )
                self._world.facts.append(report)

    def _clip(self, job: clip_plan.ClipJob) -> ClipFile:
        subject, window = job.subject, job.window
        name = ids.segment_filename(
            subject.kind, job.part, subject.ordinal, subject.started_at, self._world.site.timezone
        )
        content = b"\0\0\0\x18ftypmp42" + f"{subject.episode_id} {job.part}".encode() * 40
        people = [(subject.staff_id, "staff"), (subject.customer_id, "customer")]
        sidecar = Sidecar(
            episode_id=subject.episode_id,
            part=job.part,
            camera_id=subject.camera_id,
            segment_filename=name,
            width=640,
            height=480,
            covered_from=window.from_at - 500,
            covered_to=window.to_at,
            participants=[
                Participant(person_id=person, role=role, boxes=[(600, 10.0, 20.0, 60.0, 200.0)])
                for person, role in people
                if person is not None
            ],
        )
        self._world.videos[name] = content
        self._world.sidecars[name] = msgspec.json.encode(sidecar)
        return ClipFile(
            segment_filename=name,
            sidecar_filename=name.replace(".mp4", ".json"),
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            codec="h264",
            shown=range(window.from_at - 500, window.to_at + 1, 100),
            ends_at=window.to_at + 100,
        )

    def _common(
        self, episode_id: str, camera_id: str, phase: Phase, ordinal: int, at_s: float, previous: str | None
    ) -> dict[str, Any]:
        revision = {"started": 1, "confirmed": 2, "ended": 3, "discarded": 3}[phase]
        names = {"episode_id": episode_id, "facet_revision": revision, "phase": phase, "ordinal": ordinal}
        return names | self._base(camera_id, at_s) | {"hash": "", "previous_hash": previous}

    def _base(self, camera_id: str, at_s: float) -> dict[str, Any]:
        self._sequence += 1
        cause = Cause(stream_epoch=self._began_at, sequence=self._sequence, captured_at=self._at(at_s))
        return {
            "site_id": self._world.site.site_id,
            "camera_id": camera_id,
            "lane": "live",
            "business_day": ids.business_day(self._began_at, self._world.site.timezone, 240),
            "rules_version": "0123456789abcdef",
            "cause": cause,
        }

    def _ref(self, person: int) -> TrackRef:
        return TrackRef(stream_epoch=self._began_at, track_id=person, tracklet=0)

    def _at(self, seconds: float) -> int:
        return self._began_at + round(seconds * 1000)


def log_of(world: World, records: list[Fact] | None = None) -> Log:
    """The world's topics (or these records) as the audit reads them."""
    values = [(CODEC.encode(record), type(record)) for record in (world.records if records is None else records)]
    return collect((value, CODEC.decode(value, kind)) for value, kind in values)


def planned(world: World) -> dict[str, bytes]:
    """The snapshots of the world's episodes."""
    window = Window()
    for episode in world.stated:
        window.add(episode)
    return files(window, window.days(), world.site)


def stores_of(world: World) -> Stores:
    """The stores of this world, as the audit reads them."""
    clips: list[ClipCut] = [c for c in world.of(ClipCut) if c.segment_filename]
    uploads: list[ClipUploaded] = [u for u in world.of(ClipUploaded) if u.status == "uploaded"]
    reports: list[IncidentReported] = world.of(IncidentReported)
    newest = {r.outage_id: r for r in world.of(CameraOutage)}
    rows = by_table([*world.episodes.values(), *world.of(CustomerVisit), *newest.values()], world.site)
    as_read = {name: [row | {"business_day": row["business_day"]} for row in table] for name, table in rows.items()}
    return Stores(
        files={
            (c.episode_id, c.part): FileFact(
                c.sha256 or "", c.size_bytes or 0, world.sidecars[c.segment_filename or ""]
            )
            for c in clips
        },
        objects={
            u.uploaded_filename or "": ObjectFact(u.sha256 or "", u.size_bytes or 0, u.episode_id, u.sha256)
            for u in uploads
        },
        incidents=[
            AcceptedIncident(
                r.external_incident_id or "", r.incident_id, msgspec.json.decode(world.payloads[r.incident_id])
            )
            for r in reports
        ],
        rows=as_read,  # type: ignore[arg-type]
        shown={episode_id: int(episode.phase != "retracted") for episode_id, episode in world.episodes.items()},
        snapshots=planned(world),
        planned=planned(world),
    )
