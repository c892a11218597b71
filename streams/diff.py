"""What differs between two versions of a camera's day: episodes that are new, gone, moved, merged, split or say other
things (pure).

Two episodes are the same one when they are of one kind, overlap in time, and their people share raw tracks. Where more
than one would do, the same id counts first, then the longest overlap. What is left over belongs to whatever it overlaps
most: two that became one were merged, one that became two was split; what overlaps nothing is new or gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.lineage import same_people
from schemas.records import Episode

What = Literal["new", "gone", "moved", "merged", "split", "changed"]
WHATS: tuple[What, ...] = ("new", "gone", "moved", "merged", "split", "changed")
SAID = ("zone_id", "service_point_id", "close_reason", "reason", "distance_method")
"""What an episode says beside its people and times; where only this differs it has `changed`."""


@dataclass(frozen=True)
class Difference:
    """One thing that differs. Seconds: later is positive; None unless one episode became one other."""

    what: What
    before: tuple[Episode, ...]
    after: tuple[Episode, ...]
    start_s: float | None = None
    end_s: float | None = None
    said: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Field -> (before, after)."""

    @property
    def longest_s(self) -> float:
        """Of the episodes that it is about."""
        return max(lasted_s(episode) for episode in (*self.before, *self.after))


@dataclass(frozen=True)
class DayDiff:
    """One camera's day in both versions."""

    camera_id: str
    day: str
    before: tuple[Episode, ...]
    after: tuple[Episode, ...]
    differences: tuple[Difference, ...]
    """The longest first."""
    reconfirmed: int
    """Episodes that are the same and were only confirmed at another moment: no difference, but good to know."""

    def count(self, what: What) -> int:
        """How many differences are of that kind."""
        return sum(one.what == what for one in self.differences)


def diff(before: Iterable[Episode], after: Iterable[Episode], wanted: Iterable[tuple[str, str]]) -> list[DayDiff]:
    """For each (camera_id, business day), in the order given. Episodes that were retracted never were."""
    days: dict[tuple[str, str], tuple[list[Episode], list[Episode]]] = {key: ([], []) for key in wanted}
    for side, episodes in enumerate((before, after)):
        for episode in episodes:
            if episode.phase in ("confirmed", "ended") and (episode.camera_id, episode.business_day) in days:
                days[episode.camera_id, episode.business_day][side].append(episode)
    return [_day(*key, *(tuple(sorted(side, key=_order)) for side in sides)) for key, sides in days.items()]


def lasted_s(episode: Episode) -> float:
    """From its start to its end, or to its confirmation while it is open; seconds."""
    return (_end(episode) - episode.started_at) / 1000


def _day(camera_id: str, day: str, before: tuple[Episode, ...], after: tuple[Episode, ...]) -> DayDiff:
    found: list[Difference] = []
    reconfirmed = 0
    for olds, news in _groups(before, after):
        if len(olds) > 1 or len(news) > 1:
            found.append(Difference("merged" if len(olds) > 1 else "split", olds, news))
        elif not (olds and news):
            found.append(Difference("gone" if olds else "new", olds, news))
        elif (one := _changed(olds[0], news[0])) is not None:
            found.append(one)
        else:
            reconfirmed += olds[0].confirmed_at != news[0].confirmed_at
    found.sort(key=lambda one: (-one.longest_s, _order((*one.before, *one.after)[0])))
    return DayDiff(camera_id, day, before, after, tuple(found), reconfirmed)


def _groups(
    before: Sequence[Episode], after: Sequence[Episode]
) -> list[tuple[tuple[Episode, ...], tuple[Episode, ...]]]:
    """Which episodes are the same: one and one, one and several, several and one, one and none."""
    edges = [
        (old.episode_id != new.episode_id, -_overlap_ms(old, new), old.started_at, i, j)
        for i, old in enumerate(before)
        for j, new in enumerate(after)
        if is_same(old, new)
    ]
    edges.sort()
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for *_, i, j in edges:
        if i not in partner and j not in taken:
            partner[i] = j
            taken.add(j)
    olds = {j: [i] for i, j in partner.items()}
    news = {i: [j] for i, j in partner.items()}
    for *_, i, j in edges:  # what is left over joins what it overlaps most, unless that is cut already
        if i not in partner and len(news[olds[j][0]]) == 1:
            partner[i] = j
            olds[j].append(i)
        elif j not in taken and len(olds[partner[i]]) == 1:
            taken.add(j)
            news[olds[partner[i]][0]].append(j)
    groups = [
        (tuple(before[i] for i in sorted(olds[j])), tuple(after[n] for n in sorted(news[olds[j][0]])))
        for j in sorted(olds)
    ]
    groups += [((old,), ()) for i, old in enumerate(before) if i not in partner]
    groups += [((), (new,)) for j, new in enumerate(after) if j not in taken]
    return groups


def is_same(one: Episode, other: Episode) -> bool:
    """Of one kind, at the same time, with people of the same raw tracks."""
    if one.kind != other.kind or one.camera_id != other.camera_id:
        return False
    if one.episode_id == other.episode_id:
        return True
    if _overlap_ms(one, other) <= 0:
        return False
    return same_people(one.lineage, other.lineage)


def _changed(old: Episode, new: Episode) -> Difference | None:
    start_s, end_s = (new.started_at - old.started_at) / 1000, (_end(new) - _end(old)) / 1000
    said = {name: (getattr(old, name), getattr(new, name)) for name in SAID if getattr(old, name) != getattr(new, name)}
    if start_s or end_s:
        return Difference("moved", (old,), (new,), start_s, end_s, said)
    return Difference("changed", (old,), (new,), start_s, end_s, said) if said else None


def _overlap_ms(one: Episode, other: Episode) -> int:
    return min(_end(one), _end(other)) - max(one.started_at, other.started_at)


def _end(episode: Episode) -> int:
    return episode.confirmed_at if episode.ended_at is None else episode.ended_at


def _order(episode: Episode) -> tuple[int, str]:
    return episode.started_at, episode.episode_id
