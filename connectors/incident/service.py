"""The incident service: reports each occurrence once to the incident API."""

import hashlib
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from connectors import partner
from connectors.incident import plan
from connectors.incident.plan import IncidentJob
from connectors.partner import Answer, Refused
from connectors.serve import serve
from connectors.work import KEPT_DAYS, Again, Done, Halt, Nothing, Outcome, Retry, Unsure, Work
from infra.clock import Clock, WallClock
from infra.config import ConfigError, Settings
from schemas import topics
from schemas.records import ClipUploaded, IncidentReported, IncidentStatus
from schemas.site import Site

LANES = frozenset({"live"})


class IncidentConnector:
    """Uploads in, incidents at the API and IncidentReported out. Raises ConfigError when there is no key."""

    name = "incident"
    sources = (topics.UPLOADS,)
    target = topics.INCIDENTS
    work_type = Work[IncidentJob, IncidentReported]

    def __init__(self, settings: Settings, site: Site, clock: Clock | None = None) -> None:
        api = settings.incident
        if api.api_key is None:
            raise ConfigError(
                "setting incident.api_key: there is none; put the incident API's key into the environment variable "
                "TRACKFOLD_INCIDENT__API_KEY"
            )
        self._api, self._key = api, api.api_key.get_secret_value()
        self._site, self._clock = site, clock or WallClock()
        self._cameras = {camera.camera_id for camera in site.cameras}
        self._what = f"the incident API at {partner.place(api.url)}"
        self._http = partner.client(api.url, api.timeout_s)
        self._worked_before = False
        self.retry = Retry(api.attempts_max, api.backoff_s)

    def plan(self, record: msgspec.Struct, now_ms: int) -> Mapping[str, IncidentJob]:
        """The incident that an upload asks for; only for this site's cameras."""
        assert isinstance(record, ClipUploaded)
        if record.camera_id not in self._cameras or record.lane not in LANES:
            return {}
        return plan.jobs(record, now_ms, self._api.alert_max_age_s)

    def is_ours(self, job: IncidentJob) -> bool:
        """True for a camera of our site."""
        return job.subject.camera_id in self._cameras

    def is_risky(self, job: IncidentJob) -> bool:
        """A second request is a second incident, unless the API honours the key that we send with it."""
        return not job.is_suppressed and not self._api.honours_idempotency_key

    def kept_days(self, result: IncidentReported) -> int:
        """What was not accepted, or perhaps, may be reported later."""
        return KEPT_DAYS if result.status in ("failed", "ambiguous") else 0

    def follow(self, job: IncidentJob, prior: Work[IncidentJob, IncidentReported]) -> Outcome[IncidentReported] | None:
        """A newer upload is reason to ask again only where the incident surely was not accepted."""
        surely_not = prior.before is not None and prior.before.status == "failed"
        return None if surely_not else Nothing()

    def accepted(self, job: IncidentJob, before: IncidentReported, external_id: str | None) -> IncidentReported:
        """It is there, as it was sent."""
        return plan.found(before, external_id, now_ms=self._clock.now_ms())

    def do(self, job: IncidentJob, attempt: int) -> Outcome[IncidentReported]:
        """Ask once."""
        if job.is_suppressed:
            reason = f"confirmed more than {self._api.alert_max_age_s or 0:g} s before it could be reported"
            return Done(self._record(job, "suppressed", attempt, reason=reason))
        answer = partner.post(
            self._http,
            self._api.url,
            self._api.timeout_s,
            content=self._body(job),
            headers={
                "X-API-Key": self._key,
                "Idempotency-Key": job.incident_id,
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        return self._outcome(job, answer, attempt)

    def give_up(self, job: IncidentJob, reason: str, attempts: int, *, unsure: bool) -> IncidentReported:
        """Not reported, or nobody knows: then a person looks, and we do not ask again."""
        return self._record(job, "ambiguous" if unsure else "failed", attempts, reason=reason)

    def _outcome(
        self, job: IncidentJob, answer: Answer | Again | Unsure | Refused, attempt: int
    ) -> Outcome[IncidentReported]:
        judged: Again | Unsure | Refused | Halt | None
        if isinstance(answer, Answer):
            now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
            judged = partner.judge(answer, self._what, retry_5xx=self._api.retry_5xx, secret=self._key, now=now)
            if judged is None:
                return self._accepted(job, answer, attempt)
        else:
            judged = answer
        if isinstance(judged, Refused):
            judged = partner.settled(judged, "incident", worked_before=self._worked_before)
        if isinstance(judged, Refused):
            status = answer.status if isinstance(answer, Answer) else None
            return Done(self._record(job, "failed", attempt, reason=judged.reason, http_status=status))
        return judged

    def _accepted(self, job: IncidentJob, answer: Answer, attempt: int) -> Outcome[IncidentReported]:
        if answer.is_page:
            return Unsure(f"{self._what} answers {answer.status} with a web page")
        if plan.says_no(answer.body):
            reason = f"{self._what} answers {answer.status}, but says in the answer that it did not accept"
            return Done(self._record(job, "failed", attempt, reason=reason, http_status=answer.status))
        self._worked_before = True
        return Done(
            self._record(
                job,
                "reported",
                attempt,
                external_incident_id=plan.external_id(answer.body),
                http_status=answer.status,
            )
        )

    def _body(self, job: IncidentJob) -> bytes:
        return msgspec.json.encode(plan.payload(job, self._site.branch_id or self._site.site_id, self._site.timezone))

    def _record(
        self,
        job: IncidentJob,
        status: IncidentStatus,
        attempts: int,
        *,
        reason: str | None = None,
        external_incident_id: str | None = None,
        http_status: int | None = None,
    ) -> IncidentReported:
        return plan.reported(
            job,
            status,
            payload_sha256=hashlib.sha256(self._body(job)).hexdigest(),
            now_ms=self._clock.now_ms(),
            attempts=attempts,
            reason=reason,
            external_incident_id=external_incident_id,
            http_status=http_status,
        )


def run(settings: Settings, site: Site, *, stop: threading.Event | None = None) -> None:
    """Report incidents until SIGTERM, SIGINT or `stop`."""
    serve(settings, IncidentConnector(settings, site), stop)
