"""The faults that do lose something: a live camera that is gone for a while, and a disk on which it cannot be recorded.

What is lost must be exactly what was taken: everything else of the script is there and whole, and what was touched says
so, as an outage, `interrupted`, or `partial` with its gaps.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connectors.audit import service as audit
from infra.kafka import connect_codec, read_to_end
from schemas import topics
from schemas.site import load_site
from tests.chaos.faults import CouldNotRun
from tests.chaos.live_camera import LiveCamera
from tests.chaos.running import Running, camera_process, limit_file_size
from tests.chaos.shop import FILM, HZ, SITE, SMALL, SOON, Shop, camera_of
from tests.scenario import Scenario

SECONDS = 106
LOST, FULL = (33.0, 39.0), (72.0, 78.0)
"""When the camera is gone, and when its disk is full, s of the scene."""
TAKEN = f"a live camera, gone from {LOST[0]:g} s to {LOST[1]:g} s, its disk full from {FULL[0]:g} s to {FULL[1]:g} s"
NEAR_S = 3.0
"""Contact begins and ends on the way, a live camera's time is that of its arrival, a piece of its stream a second."""
WALK_S = 4.0
"""From the door to the till: slowly enough for a tracker at this rate."""
BACK_S = 12.0
"""So much later a lost camera may be seen again: it is asked after 1, 2 and 4 s, and its stream has to be understood
first, which also takes a while when the scene begins."""


Span = tuple[float, float]
"""From, to: s of the scene."""


@dataclass(frozen=True)
class Told:
    """An episode as the script or the log has it, s of the scene."""

    kind: str
    begins_s: float
    ends_s: float
    close_reason: str
    evidence: str


SCRIPT = (
    Told("interaction", 12.0, 19.0, "separated", "available"),
    Told("interaction", 26.0, LOST[0], "interrupted", "partial"),
    Told("unattended", 53.0, 65.0, "left", "available"),
    Told("interaction", 70.0, 86.0, "separated", "partial"),
    Told("interaction", 93.0, 101.0, "separated", "available"),
)


def scene() -> Scenario:
    """One member of staff at the till, and customers as in SCRIPT."""
    shop = Scenario(seconds=SECONDS, hz=HZ, camera_id=FILM, camera=SMALL)
    shop.staff((0, 0.0, 6.7))
    for number, told in enumerate(SCRIPT):
        begins_s, ends_s = told.begins_s, told.ends_s if told.close_reason != "interrupted" else LOST[0] + 3
        x, y = (0.5 - 0.2 * number, 5.5) if told.kind == "interaction" else (2.4, 4.8)
        away = (-4.0 if number % 2 else 4.0, 5.5) if told.kind == "interaction" else (4.2, 6.8)
        comes_s, goes_s = begins_s - WALK_S, ends_s + WALK_S
        shop.customer((comes_s, *away), (begins_s, x, y), (ends_s, x, y), (goes_s, *away)).leaves(goes_s)
    return shop


def run(folder: Path, say: Callable[[str], None]) -> list[str]:
    """Play the scene to the pipeline, take away what LOST and FULL say, and compare. Raises CouldNotRun."""
    began = time.monotonic()
    with LiveCamera(scene(), SECONDS) as camera:
        given = _site(folder / "input", camera.url)
        site = load_site(given.site)
        env = {"TRACKFOLD_CHAOS_COLOURS": "1"}
        with Running(folder / "run", given, honours=True, broken=None, say=say, env=env) as running:
            _wait(lambda: camera.position_s() >= LOST[0], "the scene has begun and come so far")
            camera.lose(LOST[1] - LOST[0])
            _wait(lambda: camera.position_s() >= FULL[0], "the scene has come so far")
            infer = running.pid("infer")
            process = None if infer is None else camera_process(infer)
            if process is None:
                raise CouldNotRun("the camera's process is not there")
            limit_file_size(process, 0)
            _wait(lambda: camera.position_s() >= FULL[1], "the scene has come so far")
            limit_file_size(process, -1)
            _wait(lambda: camera.position_s() >= SECONDS + 12, "the scene is over, and the camera known as lost")
            left = audit.settle(running.settings, timeout_s=60.0, say=lambda line: say(f"  {line}"), site=site)
            found = [f"not finished: {line}" for line in left]
            found += [f"verify: {difference}" for difference in audit.verify(running.settings, site).differences]
            episodes, outages, gaps = _read(running, camera.began_at)
            found += judge(episodes, outages, gaps)
    say("faults that happened:\n     1 x live camera lost\n     1 x disk full infer")
    marked = Counter(f"{told.close_reason}, evidence {told.evidence}" for told in episodes)
    say(f"compared: {len(episodes)} episodes ({dict(marked)}), {len(outages)} outages, {len(gaps)} gaps of clips")
    say(f"  {time.monotonic() - began:4.0f} s")
    return found


def judge(found: Sequence[Told], outages: Iterable[Span], gaps: Iterable[tuple[str, Span]]) -> Iterator[str]:
    """What differs from the script beyond what was taken (pure). gaps: file name and what its clip does not cover."""
    yield from _unlike(found)
    blind = _joined(span for span in outages if BACK_S <= span[0] < SECONDS - NEAR_S)
    if len(blind) != 1 or not (_near(blind[0][0], LOST[0]) and LOST[1] - NEAR_S <= blind[0][1] <= LOST[1] + BACK_S):
        yield f"the camera was gone from {LOST[0]:g} s to {LOST[1]:g} s, its outages are {blind}"
    taken = [(0.0, BACK_S), *blind, FULL, (SECONDS, float("inf"))]
    for name, (begin_s, end_s) in gaps:
        if not any(a - NEAR_S <= begin_s and end_s <= b + NEAR_S for a, b in taken):
            yield f"{name} has a gap from {begin_s:.1f} s to {end_s:.1f} s, where nothing was taken"


def _joined(spans: Iterable[Span]) -> list[Span]:
    """One span for those that go on from another."""
    joined: list[Span] = []
    for begin_s, end_s in sorted(spans):
        if joined and begin_s <= joined[-1][1] + NEAR_S:
            begin_s = joined.pop()[0]
        joined.append((begin_s, end_s))
    return joined


def _unlike(found: Sequence[Told]) -> Iterator[str]:
    if len(found) != len(SCRIPT):
        yield f"{len(SCRIPT)} episodes are scripted, {len(found)} were found: {found}"
        return
    for wanted, one in zip(SCRIPT, found, strict=True):
        names = ("kind", "close_reason", "evidence")
        same = all(getattr(wanted, name) == getattr(one, name) for name in names)
        if not (same and _near(wanted.begins_s, one.begins_s) and _near(wanted.ends_s, one.ends_s)):
            yield f"scripted is {wanted}, found was {one}"


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= NEAR_S


def _read(running: Running, zero_at: int) -> tuple[list[Told], list[Span], list[tuple[str, Span]]]:
    """What judge() wants; zero_at: when the scene began, ms UTC."""
    codec = connect_codec(running.settings)

    def of(topic: topics.Topic) -> list[Any]:
        assert topic.value is not None
        return [codec.decode(m.value(), topic.value) for m in read_to_end(running.settings, topic) if m.value()]

    def s(at: int | None) -> float:
        return float("inf") if at is None else (at - zero_at) / 1000

    episodes = sorted({e.episode_id: e for e in of(topics.EPISODES)}.values(), key=lambda e: e.started_at)
    told = [Told(e.kind, s(e.started_at), s(e.ended_at), str(e.close_reason), e.evidence.status) for e in episodes]
    outages = {o.outage_id: o for o in sorted(of(topics.CAMERA_OUTAGES), key=lambda o: o.facet_revision)}
    spans = [(s(o.from_at), s(o.to_at)) for o in outages.values()]
    gaps = [(str(c.segment_filename), (s(g.from_at), s(g.to_at))) for c in of(topics.CLIPS) for g in c.gaps]
    return told, spans, gaps


def _site(folder: Path, url: str) -> Shop:
    (folder / "recordings").mkdir(parents=True)
    camera = camera_of(FILM, SMALL) | {"source": url, "detector": {"kind": "recorded", "rate_hz": HZ}}
    described = {"site_id": SITE, "branch_id": "B-7", "timezone": "Europe/Berlin", "rules": SOON, "cameras": [camera]}
    (folder / "site.yaml").write_text(yaml.safe_dump(described, sort_keys=False))
    return Shop(folder, folder / "site.yaml", {}, 0)


def _wait(it_is_so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 120.0
    while not it_is_so():
        if time.monotonic() > until:
            raise CouldNotRun(f"waited 120 s until {what}")
        time.sleep(0.1)
