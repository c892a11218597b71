"""What is left of an episode's evidence once its pictures are removed for good. Pure.

Both the join and whoever removes something state an Episode through `without`, so that both say the same.
"""

from collections.abc import Iterable, Sequence

import msgspec

from schemas.acts import EvidenceRemoved, RemovalStatus
from schemas.records import AuditStep, Episode, Evidence

REVISIONS: dict[RemovalStatus, int] = {"expired": 1, "erased": 2}
"""A person's word counts over the site's rule, whichever came first."""
GONE: tuple[RemovalStatus, ...] = ("erased", "expired")


class RemovalFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a removal contributes to an Episode."""

    step: AuditStep
    status: RemovalStatus
    reason: str


def removal_fact(removal: EvidenceRemoved) -> RemovalFact:
    """The facet in the record."""
    step = AuditStep(
        facet="removal",
        facet_revision=removal.facet_revision,
        hash=removal.hash,
        previous_hash=removal.previous_hash,
        at=removal.decided_at,
    )
    return RemovalFact(step, removal.status, removal.reason)


def without(episode: Episode, removals: Iterable[RemovalFact]) -> Episode:
    """The episode after these removals: its own, and that of the episode whose clip shows it.

    Its facts stay; no name, address or hash of a clip does. Removals that it names already are replaced, so that
    saying it again gives the same.
    """
    facts = sorted(removals, key=lambda fact: (fact.step.facet_revision, fact.step.hash))
    if not facts:
        return episode
    named = [step for step in episode.audit if step.facet == "removal"]
    steps = [fact.step for fact in facts]
    return msgspec.structs.replace(
        episode,
        revision=episode.revision + _sum(steps) - _sum(named),
        evidence=Evidence(
            status=facts[-1].status, reason=facts[-1].reason, evidence_from=episode.evidence.evidence_from
        ),
        audit=[step for step in episode.audit if step.facet != "removal"] + steps,
    )


def is_removed(episode: Episode) -> bool:
    """Were its pictures removed for good? `expired` alone may mean that the recording was gone before the cut."""
    return any(step.facet == "removal" for step in episode.audit)


def newest(records: Iterable[EvidenceRemoved]) -> dict[str, EvidenceRemoved]:
    """episode_id -> the removal that counts; a finished one over the same one unfinished."""
    found: dict[str, EvidenceRemoved] = {}
    for record in records:
        if record.episode_id is not None:
            there = found.get(record.episode_id)
            if there is None or _order(record) > _order(there):
                found[record.episode_id] = record
    return found


def _order(record: EvidenceRemoved) -> tuple[int, str, int]:
    return record.facet_revision, record.hash, record.finished_at or 0


def _sum(steps: Sequence[AuditStep]) -> int:
    return sum(step.facet_revision for step in steps)
