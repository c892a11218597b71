"""All stores against one another (pure)."""

from dataclasses import dataclass, field

from connectors.audit import acts, chain, evidence, stores, versions
from connectors.audit.facts import Difference, Log, Stores
from schemas.site import Site


@dataclass(frozen=True)
class Report:
    """What was compared and what differs."""

    differences: list[Difference]
    checked: dict[str, int]
    """Kind of thing -> how many were compared."""
    notes: list[str] = field(default_factory=list)
    """What was not checked, and why."""

    @property
    def agrees(self) -> bool:
        """True when nothing differs, and there was something to compare."""
        return not self.differences

    def text(self) -> str:
        """For a person: what was compared, then one line per difference."""
        lines = ["compared " + ", ".join(f"{count} {what}" for what, count in self.checked.items())]
        lines += [f"not checked: {note}" for note in self.notes]
        lines += [f"DIFFERS  {difference}" for difference in self.differences]
        lines.append("all stores agree" if self.agrees else f"{len(self.differences)} differences")
        return "\n".join(lines)


def reconcile(log: Log, there: Stores, site: Site) -> Report:
    """Compare the site's records with what the stores hold."""
    differences: list[Difference] = []
    if not log.episodes:
        what = "there is no episode at all"
        do = "see whether the site's cameras, its site_id and the streams worker are right"
        differences.append(Difference("topic episodes", "", what, do))
    differences += chain.check(log)
    differences += acts.check(log)
    differences += evidence.check(log, there)
    differences += stores.check_episodes(log)
    differences += stores.check_rows(log, there, site)
    differences += stores.check_snapshots(there)
    differences += versions.check(log, there, site)
    return Report(list(dict.fromkeys(differences)), counts(log, there), [*there.notes, *versions.absent(log)])


def counts(log: Log, there: Stores) -> dict[str, int]:
    """How much there was to compare."""
    return {
        "events": sum(map(len, log.events.values())),
        "episodes": len(log.episodes),
        "clip records": sum(map(len, log.clips.values())),
        "clip files": len(there.files),
        "uploads": sum(map(len, log.uploads.values())),
        "stored objects": len(there.objects or {}),
        "incident records": sum(map(len, log.incidents.values())),
        "accepted incidents": len(there.incidents or []),
        "rows": sum(map(len, there.rows.values())),
        "snapshot files": len(there.snapshots),
    }
