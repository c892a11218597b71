"""The whole story of one episode: each step with its time, its place and its hash (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.audit import acts
from connectors.audit.facts import Difference, Event, Log, Stores
from schemas.acts import EvidenceRemoved, EvidenceViewed, PromotedDay, RetryAsked
from schemas.hashing import hash_of
from schemas.promotions import in_order
from schemas.records import ClipPart, Episode, InteractionEvent, UnattendedEvent
from schemas.site import Site

TIME = "%Y-%m-%d %H:%M:%S"
FAR_APART_S = 24 * 3600
"""Further apart, two times are not of one clock: footage is folded long after it was taken."""


@dataclass(frozen=True)
class Step:
    """One fact. at: ms UTC; hash: of its record; follows: of the record that caused it."""

    at: int
    local_time: str
    what: str
    detail: str
    hash: str
    follows: str | None


@dataclass(frozen=True)
class Story:
    """Everything known of an episode."""

    episode_id: str
    title: str
    steps: Sequence[Step]
    places: Sequence[tuple[str, str]]
    """(what, where) of file, address, incident, row and snapshot."""
    broken: Sequence[Difference] = ()
    """Where the hash chain does not hold."""
    differences: Sequence[Difference] = ()
    """Where stores do not say the same."""

    @property
    def sound(self) -> bool:
        """True when every hash fits and every store says the same."""
        return not self.broken and not self.differences

    def text(self) -> str:
        """For a person: one line per step with its time and how long after the one before."""
        width = max((len(step.what) for step in self.steps), default=0)
        lines = [self.title, f"  episode  {self.episode_id}", ""]
        for before, step in zip([None, *self.steps], self.steps, strict=False):
            chain = f"{step.hash[:8]} <- {step.follows[:8] if step.follows else 'the log'}"
            times = f"{step.local_time} {since(before, step):>10}"
            lines.append(f"  {times}  {step.what:<{width}}  {chain}  {step.detail}".rstrip())
        lines.append("")
        lines += [f"  {what:<9}{where}" for what, where in self.places]
        holds = "every hash fits its content and names the one before"
        lines.append(f"  chain    {'DOES NOT HOLD' if self.broken else holds}")
        lines.append(f"  stores   {'DIFFER' if self.differences else 'all agree'}")
        lines += [f"  DIFFERS  {difference}" for difference in [*self.broken, *self.differences]]
        return "\n".join(lines)


def since(before: Step | None, step: Step) -> str:
    """How long after the step before; nothing where the two are not of one clock."""
    if before is None:
        return ""
    seconds = (step.at - before.at) / 1000
    return f"{seconds:+.1f} s" if abs(seconds) < FAR_APART_S else "(run)"


def tell(
    episode_id: str,
    log: Log,
    stores: Stores,
    site: Site,
    broken: Sequence[Difference] = (),
    differences: Sequence[Difference] = (),
) -> Story:
    """The story of an episode that the log knows, with what the audit says of its chain and of the stores."""
    steps = [_event_step(event, site) for event in _events(episode_id, log)]
    confirmed = log.event(episode_id, "confirmed")
    owner = episode_id if confirmed is None else log.alert_owner(confirmed)
    evidence = _part_steps(owner, "alert", log, site) + _part_steps(episode_id, "closing", log, site)
    occurrence_id = confirmed.occurrence_id if confirmed else None
    for report in log.incidents.get(occurrence_id or "", []):
        detail = " ".join(filter(None, (report.incident_id, report.status, report.external_incident_id, report.reason)))
        evidence.append(_step(report.reported_at, "incident", detail, report.hash, report.previous_hash, site))
    evidence += [_ask_step(ask, site) for ask in acts.asks_about(episode_id, owner, occurrence_id, log)]
    evidence += [_view_step(view, site) for view in log.views if view.episode_id == episode_id]
    evidence += [_removal_step(log.removed[i], site) for i in dict.fromkeys((owner, episode_id)) if i in log.removed]
    evidence += _other_acts(episode_id, log, site)
    return Story(
        episode_id=episode_id,
        title=_title(episode_id, log),
        steps=steps + sorted(evidence, key=lambda step: step.at),
        places=list(_places(episode_id, log, stores)),
        broken=broken,
        differences=differences,
    )


def _events(episode_id: str, log: Log) -> Sequence[Event]:
    """As they were told live, else as the replay told them that found the episode."""
    told = [one for of_day in log.replays.values() for one in of_day]
    replayed = [one for one in told if isinstance(one, InteractionEvent | UnattendedEvent)]
    return log.events.get(episode_id) or [event for event in replayed if event.episode_id == episode_id]


def _title(episode_id: str, log: Log) -> str:
    event, episode = log.event(episode_id), log.episodes.get(episode_id)
    record = event or episode
    assert record is not None, "an episode that is told has a record"
    kind = "unattended" if isinstance(event, UnattendedEvent) else "interaction"
    if event is None and episode is not None:
        kind = episode.kind
    who = f"customer {record.customer_id}" if kind == "unattended" else f"{record.staff_id} with {record.customer_id}"
    where = f" in {record.zone_id}" if record.zone_id else ""
    lasted = f", {record.duration_s:.1f} s" if record.duration_s is not None else ""
    return f"{kind} on {record.camera_id}{where}, {record.business_day} no. {record.ordinal}: {who}{lasted}"


def _event_step(event: Event, site: Site) -> Step:
    at = {"started": event.started_at, "confirmed": event.confirmed_at, "ended": event.ended_at}.get(event.phase)
    details = {
        "started": f"rules {event.rules_version}",
        "confirmed": f"support {event.support:.0%}" + (", opens its occurrence" if event.opens else ""),
        "ended": event.close_reason or "",
        "discarded": event.close_reason or "",
        "retracted": "its people proved to be others",
    }
    detail = details.get(event.phase, "")
    return _step(at or event.cause.captured_at, event.phase, detail, event.hash, event.previous_hash, site)


def _part_steps(episode_id: str, part: ClipPart, log: Log, site: Site) -> list[Step]:
    steps = []
    for clip in log.clips.get((episode_id, part), []):
        detail = str(clip.status)
        if clip.covered_from is not None and clip.covered_to is not None:
            detail += f", {(clip.covered_to - clip.covered_from) / 1000:.1f} s from {_local(clip.covered_from, site)}"
        detail += f", {clip.reason}" if clip.reason else ""
        steps.append(_step(clip.cut_at, f"clip {part}", detail, clip.hash, clip.previous_hash, site))
    for upload in log.uploads.get((episode_id, part), []):
        detail = " ".join(filter(None, (upload.status, upload.uploaded_filename, upload.reason)))
        steps.append(_step(upload.upload_timestamp, f"upload {part}", detail, upload.hash, upload.previous_hash, site))
    return steps


def _ask_step(ask: RetryAsked, site: Site) -> Step:
    verdicts = {"not_accepted": "found not accepted", "accepted": f"found accepted {ask.external_id or ''}".rstrip()}
    said = verdicts.get(ask.verdict, "again")
    detail = f"{acts.step(ask)}, {said}, by {ask.asked_by}" + (f": {ask.reason}" if ask.reason else "")
    return _step(ask.asked_at, "retry asked", detail, ask.hash, ask.previous_hash, site)


def _view_step(view: EvidenceViewed, site: Site) -> Step:
    whom = f"whoever had the link of {view.by}" if view.role == "link" else f"{view.by} ({view.role})"
    shown = f"{view.part} clip to {whom}" if view.part else f"page to {whom}"
    what, detail = ("shared", f"link made by {whom}") if view.how == "share" else ("shown", shown)
    return _step(view.viewed_at, what, detail, hash_of(view), None, site)


def _removal_step(removal: EvidenceRemoved, site: Site) -> Step:
    done = "" if removal.finished_at is None else f", done {_local(removal.finished_at, site)}"
    detail = f"{removal.episode_id} by {removal.decided_by}: {removal.reason}{done}"
    return _step(removal.decided_at, removal.status, detail, removal.hash, removal.previous_hash, site)


def _other_acts(episode_id: str, log: Log, site: Site) -> list[Step]:
    """Records that a person had passed over while it went on, and dead letters of it that were sent again."""
    steps = []
    for skip in acts.skips_about(episode_id, log):
        detail = f"{skip.stream_epoch}:{skip.sequence} by {skip.skipped_by}: {skip.reason}"
        steps.append(_step(skip.skipped_at, "record skipped", detail, hash_of(skip), None, site))
    for sent in (sent for sent in log.sent_again if sent.episode_id == episode_id):
        detail = f"{sent.letter} as {sent.where} by {sent.by}" + (f": {sent.reason}" if sent.reason else "")
        steps.append(_step(sent.at, "sent again", detail, sent.sha256, None, site))
    if (episode := log.episodes.get(episode_id)) is not None:
        steps += _decision_steps(episode, log, site)
    return steps


def _decision_steps(episode: Episode, log: Log, site: Site) -> list[Step]:
    """Which version counted for its camera's day, since when, and who said so."""
    steps = []
    for decision in in_order(log.promotions):
        for version in (day.version for day in decision.days if _is_of(day, episode)):
            detail = f"{version} counts from here on, decision {decision.activation} by {decision.decided_by}"
            detail += f": {decision.reason}" if decision.reason else ""
            hashes = decision.hash, decision.previous_hash
            steps.append(_step(decision.decided_at, decision.act, detail, *hashes, site))
    return steps


def _is_of(day: PromotedDay, episode: Episode) -> bool:
    return (day.camera_id, day.business_day) == (episode.camera_id, episode.business_day)


def _places(episode_id: str, log: Log, stores: Stores) -> list[tuple[str, str]]:
    episode = log.episodes.get(episode_id)
    if episode is None:
        return [("record", "none in the topic episodes: the episode was not confirmed")]
    evidence, incident = episode.evidence, episode.incident
    places = [("evidence", evidence.status + (f": {evidence.reason}" if evidence.reason else ""))]
    if evidence.evidence_from:
        places.append(("shown in", f"the clip of episode {evidence.evidence_from}"))
    on_disk = {log.clips[part][-1].sha256 for part in stores.files}
    for name, sha256 in (
        (evidence.segment_filename, evidence.clip_sha256),
        (evidence.closing_filename, evidence.closing_sha256),
    ):
        if name is not None:
            there = "" if sha256 in on_disk else " (not on this disk)"
            places.append(("file", f"{episode.camera_id}/{name}{there}"))
    if evidence.video_url:
        places.append(("video", evidence.video_url))
    if incident.incident_id:
        places.append(
            ("incident", " ".join(filter(None, (incident.incident_id, incident.status, incident.external_incident_id))))
        )
    places.append(("row", _row(episode, stores)))
    snapshots = [name for name, data in stores.snapshots.items() if episode_id.encode() in data]
    places.append(("snapshot", ", ".join(sorted(snapshots)) or "in none yet"))
    return places


def _row(episode: Episode, stores: Stores) -> str:
    rows = [row for row in stores.rows.get("episode_log", []) if row["episode_id"] == episode.episode_id]
    shown = stores.shown.get(episode.episode_id, 0)
    return f"version {episode.version}, revision {episode.revision}; {len(rows)} in episode_log, shown {shown} times"


def _step(at: int, what: str, detail: str, own: str, follows: str | None, site: Site) -> Step:
    return Step(at, _local(at, site), what, detail, own, follows)


def _local(at_ms: int, site: Site) -> str:
    return f"{site.local_time(at_ms).strftime(TIME)}.{at_ms % 1000:03d}"
