"""What goes wrong when: a plan made from a seed alone (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

RULES = ("order", "guard", "key", "partitioner")
"""Rules of ours that a run can break on purpose (tests/chaos/process.py)."""
KILLS = 5
"""How often each process of ours is killed at least."""
PROCESSES = ("streams", "clip", "upload", "incident", "clickhouse", "snapshots", "infer")
SHARED = ("streams", "clip", "upload", "incident", "clickhouse")
"""Those of which there may be several."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that goes wrong. at: share of the feed that is then published (of `infer`: of the film)."""

    at: float
    kind: str
    target: str
    lasts_s: float = 0.0
    times: int = 0
    """Requests that meet it (an API's fault), or at which passing of a place it happens (a stall at it)."""

    def __str__(self) -> str:
        much = f" for {self.lasts_s:g} s" if self.lasts_s else f" x {self.times}" if self.times else ""
        return f"{self.at:6.1%}  {self.kind} {self.target}{much}"


STALLS = ("streams.after_ack", "clip.after_attempting", "upload.before_result_stored", "incident.after_attempting")
RISKY_STALLS = ("upload.after_attempting", "incident.after_attempting", "incident.before_result_stored")
"""Places between two steps that belong together (infra/failpoint.py)."""
SERVERS: Sequence[tuple[str, str, float]] = (
    ("kill", "kafka", 0),
    ("refuse", "s3", 30),
    ("slow", "s3", 10),
    ("reset", "s3", 5),
    ("refuse", "registry", 12),
    ("refuse", "clickhouse", 12),
    ("reset", "clickhouse", 5),
    ("disk full", "clip", 10),
)
"""Kind, server, seconds; one after the other, in a random order."""
BETWEEN_S = 10.0
"""To come to rest after each, as long as the feed is."""
INCIDENT_FAULTS = ("error_500", "rate_limited", "reset_before_accept", "reset_after_accept", "garbage", "no_id")
SHAPES = ("file", "filename", "name", "stored_name", "saved_as", "path", "url", "data.filename", "result.name", "plain")
UPLOAD_FAULTS = (*INCIDENT_FAULTS, *(f"shape:{shape}" for shape in SHAPES))


def honoured(seed: int) -> list[Fault]:
    """Everything, where the incident API honours keys and clips go to S3."""
    random = Random(seed)
    return sorted(
        [
            *kills(random, PROCESSES, KILLS),
            *_servers(random, SERVERS),
            *_requests(random, "incident", INCIDENT_FAULTS),
            *_members(random, SHARED, ("streams", "clickhouse"), STALLS),
        ]
    )


def ignored(seed: int) -> list[Fault]:
    """What matters where the APIs ignore keys, and clips go over HTTP."""
    random = Random(seed)
    return sorted(
        [
            *kills(random, ("upload", "incident"), KILLS),
            *_requests(random, "incident", INCIDENT_FAULTS),
            *_requests(random, "upload", UPLOAD_FAULTS),
            *_members(random, (), (), RISKY_STALLS),
        ]
    )


def short(seed: int) -> list[Fault]:
    """What fits into a minute: each process once, and one of each kind of server trouble."""
    random = Random(seed)
    servers = [("refuse", "s3", 4.0), ("refuse", "clickhouse", 4.0), ("refuse", "registry", 4.0)]
    faults = INCIDENT_FAULTS
    return sorted([*kills(random, PROCESSES, 1), *_servers(random, servers), *_requests(random, "incident", faults)])


def for_break(rule: str) -> list[Fault]:
    """The few faults that must show that a rule is broken."""
    return {
        "order": [Fault(at, "kill at work", "streams") for at in (0.3, 0.6)],
        "guard": [Fault(0.0, "stall at", "incident.before_result_stored", 4, 1)],
        "key": [Fault(0.0, "reset_after_accept", "incident API", times=3)],
        "partitioner": [],
    }[rule]


def kills(random: Random, processes: Iterable[str], times: int) -> Iterator[Fault]:
    """Each process so often, at a random point of each part of the feed."""
    for process in processes:
        for number in range(times):
            yield Fault(0.95 * (number + random.random()) / times, "kill", process)


def _servers(random: Random, servers: Sequence[tuple[str, str, float]]) -> Iterator[Fault]:
    order = random.sample(servers, len(servers))
    whole_s, begun_s = sum(lasts_s + BETWEEN_S for _, _, lasts_s in order), 0.0
    for kind, name, lasts_s in order:
        yield Fault(0.95 * (begun_s + random.random() * BETWEEN_S / 2) / whole_s, kind, name, lasts_s)
        begun_s += lasts_s + BETWEEN_S


def _requests(random: Random, api: str, faults: Sequence[str]) -> Iterator[Fault]:
    """An API does one thing at a time: a fault is over when its requests have come, or when the next one begins."""
    order = random.sample(faults, len(faults))
    for number, fault in enumerate(order):
        yield Fault(0.95 * number / len(order), fault, f"{api} API", times=random.randint(1, 2))


def _members(random: Random, joining: Sequence[str], stalling: Sequence[str], places: Sequence[str]) -> Iterator[Fault]:
    """Parts of which a second process comes and goes, or one is stalled until its partitions are another's."""
    found = [("join and leave", part, 6.0, 0) for part in joining]
    found += [("stall", part, 3.0, 0) for part in stalling]
    found += [("stall at", place, 3.0, random.randint(1, 2)) for place in places]
    for number, fault in enumerate(random.sample(found, len(found))):
        kind, target, lasts_s, times = fault
        yield Fault(0.85 * (number + random.random() / 2) / len(found), kind, target, lasts_s, times)
