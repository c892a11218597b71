"""Storing clips through the HTTP upload API: POST multipart, field `file`; the answer names the stored file."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from connectors import partner
from connectors.partner import Answer, Refused
from connectors.upload import plan
from connectors.upload.answer import NoName, stored_name
from connectors.upload.plan import Stored
from connectors.work import Again, Halt, Unsure
from infra.clock import Clock
from infra.config import ConfigError, Settings
from schemas.records import ClipCut


class HttpStore:
    """The adapter `http`. Raises ConfigError when there is no key."""

    name = "http"

    def __init__(self, settings: Settings, clock: Clock) -> None:
        api = settings.upload
        if api.api_key is None:
            raise ConfigError(
                "setting upload.api_key: there is none; put the upload API's key into the environment variable "
                "TRACKFOLD_UPLOAD__API_KEY, or choose upload.adapter = s3"
            )
        self._api, self._key, self._clock = api, api.api_key.get_secret_value(), clock
        self._http = partner.client(api.url, api.timeout_s)
        self._worked_before = threading.Event()
        self.repeat_is_safe = api.honours_idempotency_key

    def store(self, clip: ClipCut, path: Path) -> Stored | Again | Unsure | Refused | Halt:
        """Send the file once."""
        with path.open("rb") as file:
            answer = partner.post(
                self._http,
                self._api.url,
                self._api.timeout_s,
                files={"file": (plan.object_name(clip), file, "video/mp4")},
                headers={
                    "X-API-Key": self._key,
                    "Idempotency-Key": plan.idempotency_key(clip),
                    "Accept": "application/json",
                },
            )
        judged = self._judged(answer) if isinstance(answer, Answer) else answer
        if isinstance(judged, Refused):
            return partner.settled(judged, "upload", worked_before=self._worked_before.is_set())
        return judged

    def _judged(self, answer: Answer) -> Stored | Again | Unsure | Refused:
        what = f"the upload API at {partner.place(self._api.url)}"
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        judged = partner.judge(answer, what, retry_5xx=self._api.retry_5xx, secret=self._key, now=now)
        if judged is not None:
            return judged
        if not answer.is_whole:
            return Unsure(f"{what} answers {answer.status} with more than it should, or only a part of its answer")
        try:
            name = stored_name(answer.body, answer.headers.get("content-type", ""))
        except NoName as error:
            return Unsure(f"{what} answers {answer.status}, but {error}")
        self._worked_before.set()
        return Stored(name, plan.address(self._api.public_base_url, name))
