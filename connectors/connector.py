"""What the shared loop needs to know of a connector."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec

from connectors.work import Outcome, Retry, Work
from schemas.records import ClipCut, ClipUploaded, IncidentReported
from schemas.topics import Topic

J = TypeVar("J")
R = TypeVar("R", bound=ClipCut | ClipUploaded | IncidentReported)


class Connector(Protocol[J, R]):
    """What is particular to one connector."""

    @property
    def name(self) -> str:
        """Of its work topic and its consumer group."""

    @property
    def sources(self) -> Sequence[Topic]:
        """What it reads."""

    @property
    def target(self) -> Topic:
        """Where its results go."""

    @property
    def retry(self) -> Retry:
        """How often it tries."""

    @property
    def work_type(self) -> type[Work[J, R]]:
        """Work[J, R], for reading it back."""

    def plan(self, record: msgspec.Struct, now_ms: int) -> Mapping[str, J]:
        """Key -> job for what a source record asks for; empty when nothing. Pure."""

    def is_ours(self, job: J) -> bool:
        """False when this process serves another site: the work is left to whoever does."""

    def kept_days(self, result: R) -> int:
        """How long somebody may have the step done again after this result; 0: there is no reason to."""

    def follow(self, job: J, prior: Work[J, R]) -> Outcome[R] | None:
        """What a newer record changes where the step was done before: None = do it, else what is certain without that.

        prior: its marker; input and before are None where nothing was wrong. Pure but for the time in the result.
        """

    def accepted(self, job: J, before: R, external_id: str | None) -> R:
        """The record when a person found that an ambiguous attempt was accepted, under the other side's id or name."""

    def is_risky(self, job: J) -> bool:
        """True when doing this job twice could be accepted twice."""

    def do(self, job: J, attempt: int) -> Outcome[R]:
        """Do it; runs in a thread of its own. Only what is not risky may answer Later."""

    def give_up(self, job: J, reason: str, attempts: int, *, unsure: bool) -> R:
        """The record that says why it was not done, or that nobody knows."""
