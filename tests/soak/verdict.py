"""What a run has to show for itself, in lines of what is wrong (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.records import Episode
from tests.soak.day import Happened

NEAR_MS = 4000
"""The script dates a contact from the till, the rules from the strip before it."""
SLOPE_MAX_MB_PER_H = 5.0
WARM_UP_SHARE = 0.3
"""Of the run: by then caches, compiled code and the partitions' buffers are filled."""
JUDGED_FROM_H = 4.0
"""A shorter run has no slope to speak of: it is shown and not judged."""


@dataclass(frozen=True)
class Sample:
    """One look at everything. memory_mb: of each process with its children, by name and pid; disk_mb: by folder."""

    hours: float
    """Of the simulated day, so far."""
    lag: int
    """Records that are in the log and not folded."""
    memory_mb: Mapping[tuple[str, int], float]
    disk_mb: Mapping[str, float]


def episodes(happened: Iterable[Happened], found: Iterable[Episode]) -> Iterator[str]:
    """Each scripted episode exactly once, with its clip in the store and its incident, and nothing beside."""
    there: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for episode in found:
        there[episode.camera_id, episode.kind].append(episode)
    for one in happened:
        near = [e for e in there[one.camera_id, one.kind] if abs(e.started_at - one.begins_at) <= NEAR_MS]
        if len(near) != 1:
            yield f"{one.camera_id}: the {one.kind} scripted from {one.begins_at} on is there {len(near)} times"
            continue
        episode = near[0]
        there[one.camera_id, one.kind].remove(episode)
        if episode.ended_at is None or abs(episode.ended_at - one.ends_at) > NEAR_MS:
            yield f"{episode.episode_id}: ends at {episode.ended_at}, scripted {one.ends_at}"
        if episode.evidence.status != "available":
            yield f"{episode.episode_id}: evidence is {episode.evidence.status} ({episode.evidence.reason})"
        if episode.incident.status != "reported":
            yield f"{episode.episode_id}: incident is {episode.incident.status}"
    for extra in (episode for left in there.values() for episode in left):
        yield f"{extra.episode_id}: {extra.kind} of {extra.camera_id} from {extra.started_at} on was not scripted"


def incidents(found: Iterable[Episode], accepted: Iterable[str]) -> Iterator[str]:
    """One accepted request per occurrence, no more. accepted: the Idempotency-Keys at the partner."""
    wanted = {episode.incident.incident_id for episode in found}
    times = Counter(accepted)
    yield from (f"{key}: {n} incidents were accepted" for key, n in times.items() if n > 1)
    yield from (f"{key}: no incident was accepted" for key in wanted - set(times))
    yield from (f"{key}: an incident that belongs to nothing" for key in set(times) - wanted)


def slopes_mb_per_h(samples: Sequence[Sample]) -> dict[str, float]:
    """Process -> how its memory grows per simulated hour, after the warm-up; of one that was started again, in its
    longest life.

    The median of the slopes between every two looks (Theil and Sen): a leak shows in all of them, while a step, when
    a process that was idle gets its first work, shows in few.
    """
    begin = samples[-1].hours * WARM_UP_SHARE
    lives: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for sample in samples:
        for life, mb in sample.memory_mb.items():
            if sample.hours >= begin:
                lives[life].append((sample.hours, mb))
    slopes = {}
    for (name, _), points in sorted(lives.items(), key=lambda item: item[1][-1][0] - item[1][0][0]):
        hours, mb = np.array(points).T
        if len(points) > 2 and hours[-1] > hours[0]:
            one, other = np.triu_indices(len(points), 1)
            apart_h = hours[other] - hours[one]
            later = apart_h > 0  # at the end one looks more than once
            slopes[name] = float(np.median((mb[other] - mb[one])[later] / apart_h[later]))
    return slopes


def resources(samples: Sequence[Sample], recordings_max_mb: float) -> Iterator[str]:
    """Memory does not grow, nothing is left to fold, the recording keeps to its bound."""
    if samples[-1].hours >= JUDGED_FROM_H:
        for name, slope in slopes_mb_per_h(samples).items():
            if slope > SLOPE_MAX_MB_PER_H:
                yield f"{name}: memory grows by {slope:.1f} MB per simulated hour"
    if samples[-1].lag:
        yield f"{samples[-1].lag} records are not folded at the end"
    most_mb = max(sample.disk_mb["recordings"] for sample in samples)
    if most_mb > recordings_max_mb:
        yield f"the recording took {most_mb:.0f} MB, and may take {recordings_max_mb:.0f}"


def quantiles(sorted_s: Sequence[float]) -> str:
    """p50 and p99 in words."""
    middle, late = (sorted_s[min(int(len(sorted_s) * share), len(sorted_s) - 1)] for share in (0.5, 0.99))
    return f"p50 {middle:.2f} s, p99 {late:.2f} s of {len(sorted_s)}"
