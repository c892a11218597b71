"""Promotion and rollback: which version counts for some cameras' days, in SQL, topic `episodes` and snapshots.

    evidence -> decision in `promotions` -> rows of the version -> one insert that changes every view over
             -> Episodes of the version, retractions of what is not in it -> the decision again, finished

Killed anywhere, the next command first brings the unfinished decision to its end. Everything in it can be repeated:
records have the same bytes, rows replace themselves.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from connectors.clickhouse import schema
from connectors.clickhouse.client import connected
from connectors.promote import plan, rows
from connectors.promote.evidence import Making
from connectors.promote.plan import Known
from connectors.promote.ports import BrokenOff, History, NotPromoted, Word
from connectors.sink import decoded
from infra.config import Settings
from infra.failpoint import failpoint
from infra.kafka import Publisher, connect_codec, ensure_topics, read_to_end
from infra.local.files import locked
from infra.replays import Told, camera_days, content_sha256, read_day
from schemas.acts import EvidenceRemoved, PromotedDay, Promotion, PromotionAct
from schemas.hashing import sealed
from schemas.promotions import LIVE, Active, CameraDay, active, before, in_order, unfinished
from schemas.records import (
    ClipCut,
    ClipUploaded,
    Episode,
    IncidentReported,
    InteractionEvent,
    UnattendedEvent,
)
from schemas.site import Site
from schemas.topics import EPISODES, PROMOTIONS

SETTLE_S = 1.0
"""Between the rows and the insert that shows them: a query looks at all its tables within a moment of its begin, so one
that saw a table without the rows has looked at `active_versions` before they count."""
NAMED_MAX = 3


class Promoting:
    """One command. Another one on this machine waits until it is through."""

    def __init__(self, settings: Settings, site: Site, history: History, say: Callable[[str], None]) -> None:
        self._settings, self._site, self._history, self._say = settings, site, history, say
        ensure_topics(settings)
        schema.apply(settings)
        self._codec = connect_codec(settings)
        self._publisher = Publisher(settings, self._codec)

    def promote(
        self, version: str, cameras: Collection[str], days: Collection[str], word: Word, *, report_incidents: bool
    ) -> None:
        """Make a replay count for the camera-days that it has, or for some of them; all or nothing.

        cameras, days: empty for all. Raises NotPromoted, NoReplay, ServerErrors.
        """
        wanted = [
            (camera, day)
            for camera, day in camera_days(self._settings.replays_dir, version)
            if (not cameras or camera in cameras) and (not days or day in days)
        ]
        if not wanted:
            raise NotPromoted(f"replay {version} has no such camera and day: look into {self._settings.replays_dir}")
        with self._alone():
            ended = self._finish()
            decisions = self._decisions()
            told = {camera_day: read_day(self._settings.replays_dir, version, *camera_day) for camera_day in wanted}
            contents = {camera_day: content_sha256(of_day) for camera_day, of_day in told.items()}
            now = active(decisions)
            facts = self._history.read_facts(self._settings, self._codec, self._site, wanted)
            self._may_be_promoted(version, told, facts, now, contents, word.at)
            self._make_evidence(version, told, facts, report_incidents=report_incidents)
            if all(now.get(key, LIVE)[::2] == (version, contents[key]) for key in wanted):
                if ended is None or not set(wanted) <= set(active([ended])):
                    self._say(f"{version} counts already: everything is stated again")
                    self._apply({key: now[key] for key in wanted}, word.at)
                return
            failpoint("promote.before_decision")
            self._decide("promote", {key: Active(version, 0, contents[key]) for key in wanted}, decisions, word)

    def rollback(self, to: str | None, cameras: Collection[str], days: Collection[str], word: Word) -> None:
        """Let what was before count again; all or nothing.

        to: a version, None for the one that counted before the last decision. cameras, days: empty for those of the
        last decision. Raises NotPromoted, NoReplay, BrokenOff, ServerErrors.
        """
        with self._alone():
            ended = self._finish()
            decisions = self._decisions()
            if not decisions:
                raise NotPromoted(f"nothing was ever promoted at {self._site.site_id}")
            known = active(decisions if cameras or days else decisions[-1:])
            wanted = [
                (camera, day)
                for camera, day in sorted(known)
                if (not cameras or camera in cameras) and (not days or day in days)
            ]
            if not wanted:
                raise NotPromoted("nothing was ever promoted for such a camera and day")
            if ended is not None and ended.act == "rollback" and to is None and set(active([ended])) == set(wanted):
                return  # this very command was broken off, and is done now
            now = active(decisions)
            target = {key: before(decisions, key) if to is None else self._named(to, key, decisions) for key in wanted}
            for key, of in target.items():
                self._told(key, of)  # what is missing is said before anything is changed
            if all(target[key].version == now[key].version for key in wanted):
                self._say("counts already: everything is stated again")
                self._apply({key: now[key] for key in wanted}, word.at)
                return
            self._decide("rollback", target, decisions, word)

    def state_again(self) -> None:
        """Make SQL and the topic say anew what counts by every decision there was. Raises NoReplay, ServerErrors."""
        with self._alone():
            self._finish()
            decisions = self._decisions()
            now = active(decisions)
            for key, of in now.items():
                self._told(key, of)  # what is missing is said before anything is changed
            for decision in decisions:
                if counts := {key: of for key, of in active([decision]).items() if now[key] == of}:
                    self._apply(counts, decision.decided_at)

    def _named(self, version: str, camera_day: CameraDay, decisions: Sequence[Promotion]) -> Active:
        """A version that counted at some time, as it was then."""
        if version == "live":
            return LIVE
        for decision in reversed(in_order(decisions)):
            of = active([decision]).get(camera_day)
            if of is not None and of.version == version:
                return of
        raise NotPromoted(f"{version} never counted for {camera_day[0]} on {camera_day[1]}: promote it instead")

    def _alone(self) -> AbstractContextManager[None]:
        return locked(self._settings.replays_dir / ".promoting")

    def _decisions(self) -> list[Promotion]:
        found = [r for _, r in decoded(read_to_end(self._settings, PROMOTIONS), self._codec, None)]
        return in_order(r for r in found if isinstance(r, Promotion) and r.site_id == self._site.site_id)

    def _finish(self) -> Promotion | None:
        """Bring a decision that was broken off to its end; gives it."""
        decision = unfinished(self._decisions())
        if decision is not None:
            self._say(f"decision {decision.activation} of {decision.decided_by} was broken off: it is finished first")
            self._end(decision)
        return decision

    def _may_be_promoted(
        self,
        version: str,
        told: Mapping[CameraDay, list[Told]],
        facts: Sequence[Any],
        now: Mapping[CameraDay, Active],
        contents: Mapping[CameraDay, str],
        at_ms: int,
    ) -> None:
        """Raises NotPromoted."""
        for key, of_day in told.items():
            here = f"{key[0]} on {key[1]}"
            if at_ms < self._history.day_span(self._site, *key)[1]:
                raise NotPromoted(f"{here}: the day is not over; promote it tomorrow")
            of = now.get(key, LIVE)
            if of.version == version and of.content_sha256 != contents[key]:
                raise NotPromoted(f"{here}: {version} counts already, with other results; replay under another name")
            if any(episode.phase == "confirmed" for episode in self._stated(version, of_day, facts)):
                raise NotPromoted(f"{here}: in the replay an episode has no end; replay the day now that it is over")
        live = self._history.live(facts)
        if going_on := [e.episode_id for e in live if e.phase == "confirmed"]:
            raise NotPromoted(f"live episodes have not ended: {_some(going_on)}; see `trackfold status`")
        if pending := [e.episode_id for e in live if e.phase == "ended" and e.evidence.status == "pending"]:
            raise NotPromoted(
                f"live evidence is still under way: {_some(pending)}; wait (`trackfold verify --wait 60`)"
            )

    def _make_evidence(
        self, version: str, told: Mapping[CameraDay, list[Told]], facts: list[Any], *, report_incidents: bool
    ) -> None:
        """Clips, uploads and incidents of what is new; each is added to the facts."""
        making = Making(self._settings, self._site, self._publisher, version)
        events = [event for of_day in told.values() for event in _events(of_day)]
        wanted, there = plan.jobs(events), plan.known(facts)
        inherited = plan.heirs(wanted, there, version)
        made: list[ClipCut] = []
        for part, job in wanted.items():
            if part in inherited or part[0] in there.removed:
                continue
            clip, upload = there.clips.get(part), there.upload_of(part)
            if plan.to_do(clip):
                clip = making.clip(job, clip)
                made.append(clip)
                _add(clip, facts, there)
                failpoint("promote.after_clip")
                upload = None
            assert clip is not None, "what is not there is cut"
            if plan.to_store(clip, upload):
                _add(making.upload(clip, there.uploads.get(part)), facts, there)
                failpoint("promote.after_upload")
        reports = plan.incident_jobs(events, wanted, inherited, there)
        standing = plan.standing_reports(reports, inherited, there)
        for occurrence_id, incident in reports.items():
            heard = standing.get(occurrence_id)
            if plan.may_be_reported(heard) and (report_incidents or making.is_asked(incident, heard)):
                _add(making.incident(incident, heard), facts, there)
            elif heard is None:
                _add(making.suppressed(incident), facts, there)
        statuses = [clip.status for clip in made]
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
        self._say(
            f"clips: {len(wanted) - len(made)} there already, {len(made)} new" + (f" ({counts})" if counts else "")
        )

    def _decide(
        self, act: PromotionAct, target: Mapping[CameraDay, Active], decisions: Sequence[Promotion], word: Word
    ) -> None:
        decision: Promotion = sealed(
            Promotion(
                site_id=self._site.site_id,
                activation=decisions[-1].activation + 1 if decisions else 1,
                act=act,
                days=[
                    PromotedDay(camera_id=c, business_day=d, version=of.version, content_sha256=of.content_sha256)
                    for (c, d), of in target.items()
                ],
                reason=word.reason,
                decided_by=word.by,
                decided_at=word.at,
                hash="",
                previous_hash=decisions[-1].hash if decisions else None,
            )
        )
        self._publish(decision)
        failpoint("promote.after_decision")
        self._end(decision)

    def _end(self, decision: Promotion) -> None:
        self._apply(active([decision]), decision.decided_at)
        self._publish(msgspec.structs.replace(decision, finished_at=time.time_ns() // 1_000_000))
        self._say(f"decision {decision.activation} is done")

    def _apply(self, now: Mapping[CameraDay, Active], at_ms: int) -> None:
        """Make SQL and the topic say what counts. May be repeated."""
        facts = self._history.read_facts(self._settings, self._codec, self._site, list(now))
        live = self._history.live(facts)
        target: list[Episode] = []
        with connected(self._settings) as client:
            shown = rows.shown(client, self._site)
            for key, of in now.items():
                told = self._told(key, of)
                if of.version == "live":
                    stated = [e for e in live if (e.camera_id, e.business_day) == key]
                else:
                    stated = self._stated(of.version, told, facts)
                stated = [msgspec.structs.replace(episode, activation=of.activation) for episode in stated]
                if of.version != "live":
                    if shown.get(key) != of.version:
                        rows.clear(client, self._site, key, of.version)
                    rows.load(client, rows.of_version(stated, told, of.version, self._site))
                target += stated
                count = sum(episode.phase != "retracted" for episode in stated)
                self._say(f"{key[0]} {key[1]}: {of.version}, {count} episodes")
            failpoint("promote.after_rows")
            time.sleep(SETTLE_S)
            rows.activate(client, self._site, now, at_ms)
            failpoint("promote.after_views")
            current = self._history.read_current(self._settings, self._codec, self._site, list(now))
            gone = plan.withdrawn(current, target, now)
            self._state([*target, *gone])
            failpoint("promote.after_topic")
            of_live = [episode for episode in target if episode.version == "live"]
            rows.load(client, rows.of_episodes([*gone, *of_live], self._site))
        self._say(f"{len(gone)} episodes of what counted before were withdrawn")

    def _state(self, episodes: Sequence[Episode]) -> None:
        """Publish them; durable when this returns."""
        for number, episode in enumerate(episodes):
            if number == 1:
                self._publisher.flush()
                failpoint("promote.within_topic")
            self._publisher.publish(EPISODES, episode.episode_id, episode)
        self._publisher.flush()

    def _told(self, key: CameraDay, of: Active) -> list[Told]:
        """What a version's replay told, as it was when it was decided on. Raises NoReplay, BrokenOff."""
        if of.version == "live":
            return []
        told = read_day(self._settings.replays_dir, of.version, *key)
        if of.content_sha256 != content_sha256(told):
            raise BrokenOff(
                f"{key[0]} on {key[1]}: replay {of.version} is not what was promoted, it was made anew since; bring "
                "the old files back, or replay again under the old rules"
            )
        return told

    def _stated(self, version: str, told: Sequence[Told], facts: Sequence[Any]) -> list[Episode]:
        events, there = _events(told), plan.known(facts)
        wanted = plan.jobs(events)
        inherited = plan.heirs(wanted, there, version)
        reports = plan.standing_reports(plan.incident_jobs(events, wanted, inherited, there), inherited, there)
        evidence = [fact for fact in facts if isinstance(fact, ClipCut | ClipUploaded | EvidenceRemoved)]
        return self._history.stated(events, evidence, reports, version=version, heirs=inherited)

    def _publish(self, decision: Promotion) -> None:
        self._publisher.publish(PROMOTIONS, f"{decision.site_id}/{decision.activation}", decision)
        self._publisher.flush()


def _events(told: Sequence[Told]) -> list[plan.Event]:
    return [one for one in told if isinstance(one, InteractionEvent | UnattendedEvent)]


def _add(fact: ClipCut | ClipUploaded | IncidentReported, facts: list[Any], there: Known) -> None:
    facts.append(fact)
    there.take(fact)


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED_MAX} more" if len(ids) > NAMED_MAX else ""
    return ", ".join(ids[:NAMED_MAX]) + more
