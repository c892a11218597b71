"""What a promotion asks of others, and what it is asked by whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connectors.promote import plan
from infra.config import Settings
from schemas.acts import EvidenceRemoved
from schemas.codec import Codec
from schemas.errors import ExplainedError, InputError
from schemas.promotions import CameraDay
from schemas.records import ClipCut, ClipUploaded, Episode, IncidentReported, Part
from schemas.site import Site


class NotPromoted(InputError):
    """What was asked for cannot be done now; nothing was changed. The text says why and what to do."""


class BrokenOff(ExplainedError):
    """A decision is unfinished and cannot be finished here; the text says what is missing."""


class History(Protocol):
    """What the fold's side knows: how the facts of a day become Episodes."""

    def day_span(self, site: Site, camera_id: str, day: str) -> tuple[int, int]:
        """[begin, end) of a camera's business day, ms UTC."""

    def read_facts(self, settings: Settings, codec: Codec, site: Site, wanted: Collection[CameraDay]) -> list[Any]:
        """Events, clips, uploads, incidents and removals of these cameras' days, of every lane."""

    def read_current(
        self, settings: Settings, codec: Codec, site: Site, wanted: Collection[CameraDay]
    ) -> list[Episode]:
        """What the topic `episodes` says now of these cameras' days."""

    def live(self, facts: Sequence[Any]) -> list[Episode]:
        """The Episodes of the live lane."""

    def stated(
        self,
        events: Sequence[plan.Event],
        evidence: Sequence[ClipCut | ClipUploaded | EvidenceRemoved],
        incidents: Mapping[str, IncidentReported],
        *,
        version: str,
        heirs: Mapping[Part, Part],
    ) -> list[Episode]:
        """The Episodes of a replay's events."""


@dataclass(frozen=True)
class Word:
    """Who asks, why, and when (ms UTC)."""

    by: str
    reason: str
    at: int
