"""Every kind of fault, as steps: each yields how many seconds later it wants to go on."""

import heapq
import signal
import time
from collections.abc import Callable, Iterator, Sequence

from tests.chaos.running import Running, camera_process, limit_file_size
from tests.chaos.schedule import Fault

LOOK_S = 0.5
PATIENCE_S = 180.0
"""So long something is waited for that must come, as a process that is started again; only what fails waits so long."""
LAST_ASKED_S = 10.0
Steps = Iterator[float]


class CouldNotRun(Exception):
    """The plan cannot be carried out; nothing is known of the product."""


def play(run: Running, plan: Sequence[Fault]) -> None:
    """Carry out the plan beside the feed. Returns when all faults are over and mended. Raises CouldNotRun."""
    due = [(0.0, number, _steps(run, fault)) for number, fault in enumerate(plan)]
    began = time.monotonic()
    while due:
        at, number, steps = heapq.heappop(due)
        time.sleep(max(0.0, began + at - time.monotonic()))
        try:
            pause_s = next(steps)
        except StopIteration:
            continue
        heapq.heappush(due, (time.monotonic() - began + pause_s, number, steps))


def _steps(run: Running, fault: Fault) -> Steps:
    """By the feed and not by the clock, so that a machine that is slow today meets the same faults."""
    come = run.filmed if fault.target == "infer" else run.fed
    while come() < fault.at:
        yield LOOK_S
    yield from _kind(fault)(run, fault)


def _kind(fault: Fault) -> Callable[[Running, Fault], Steps]:
    if fault.target.endswith(" API"):
        return partner
    if fault.target == "infer":
        return kill_inference
    kinds: dict[str, Callable[[Running, Fault], Steps]] = {
        "kill": kill,
        "kill at work": kill_at_work,
        "refuse": relay,
        "slow": relay,
        "reset": relay,
        "hang": relay,
        "disk full": disk_full,
        "join and leave": join_and_leave,
        "stall": stall,
        "stall at": stall_at,
    }
    return kinds[fault.kind]


def kill(run: Running, fault: Fault) -> Steps:
    """SIGKILL; the runner starts it again."""
    name = fault.target
    yield from _until(lambda: run.pid(name) is not None and name not in run.stalled, f"{name} runs")
    pid = run.pid(name)
    if pid is not None:
        run.kill(name, pid)


def kill_at_work(run: Running, fault: Fault) -> Steps:
    """SIGKILL when so much of the script is folded as the fault says: there is more, so the fold is at it."""
    yield from _until(lambda: run.folded() >= fault.at, f"{fault.at:.0%} of the script is folded")
    yield from kill(run, fault)


def kill_inference(run: Running, fault: Fault) -> Steps:
    """The camera's process, or the one that started it."""
    yield from _until(lambda: run.pid("infer") is not None, "infer runs")
    pid = run.pid("infer")
    camera = camera_process(pid) if pid is not None else None
    if pid is not None:
        run.kill("infer", camera if camera is not None and run.done["kill infer"] % 2 else pid)


def relay(run: Running, fault: Fault) -> Steps:
    """A server that cannot be reached, or not well."""
    before = run.relays[fault.target].hurt
    run.relays[fault.target].behave(fault.kind)  # type: ignore[arg-type]
    yield fault.lasts_s
    run.relays[fault.target].behave("pass")
    run.done[f"{fault.kind} {fault.target}"] += 1
    run.done[f"connection to {fault.target} hurt"] += run.relays[fault.target].hurt - before


def partner(run: Running, fault: Fault) -> Steps:
    """The next requests to an API meet this, after those of the fault before; over when they have come."""
    api = fault.target.removesuffix(" API")
    yield from _asked_enough(run, api)
    run.partner.set(api, fault.kind, fault.times)
    yield from _asked_enough(run, api)
    if run.partner.is_well(api):
        run.done[f"{fault.kind} {fault.target}"] += fault.times
    else:  # there was nothing left to ask it for
        run.partner.set(api, run.keys)


def _asked_enough(run: Running, api: str) -> Steps:
    """Until no fault is left to be met, or everything is fed and nobody has asked for a while."""
    until = float("inf")
    while not run.partner.is_well(api) and time.monotonic() < until:
        if run.is_fed():
            until = min(until, time.monotonic() + LAST_ASKED_S)
        yield LOOK_S


def disk_full(run: Running, fault: Fault) -> Steps:
    """No byte more of any clip, for this process and those that come after it."""
    marked: set[int] = set()
    until = time.monotonic() + fault.lasts_s
    while time.monotonic() < until:
        pid = run.pid(fault.target)
        if pid is not None and pid not in marked:
            limit_file_size(pid, 0)
            marked.add(pid)
        yield LOOK_S
    for pid in marked & {run.pid(fault.target)}:
        limit_file_size(pid, -1)
    run.done[f"disk full {fault.target}"] += 1


def join_and_leave(run: Running, fault: Fault) -> Steps:
    """A second process of a part comes, takes its share, and goes."""
    yield from _second(run, fault.target)
    yield fault.lasts_s
    run.leave(fault.target)
    run.done[f"join and leave {fault.target}"] += 1


def stall(run: Running, fault: Fault) -> Steps:
    """A process stands still until its partitions are another's, and then goes on as if nothing had been."""
    name = fault.target
    yield from _second(run, name)
    pid = run.pid(name)
    if pid is not None:
        run.stalled.add(name)
        run.breaks_off(name)
        run.signal(pid, signal.SIGSTOP)
        yield from _until(lambda: run.members(name) == 1, f"the stalled {name} is out of its group")
        yield 2.0
        run.signal(pid, signal.SIGCONT)
        run.stalled.discard(name)
        run.done[f"stall {name}"] += 1
        yield fault.lasts_s
    run.leave(name)


def stall_at(run: Running, fault: Fault) -> Steps:
    """The same where it hurts most: a second process stops itself between two steps that belong together."""
    name, _, place = fault.target.partition(".")
    yield from _until(lambda: not run.has_second(name), f"there is one {name} alone")
    stalled = run.join(name, f"{place}:{fault.times}")
    yield from _until(stalled.exists, f"a second {name} has come to {place}")
    run.breaks_off(name)
    yield from _until(lambda: run.members(name) == 1, f"the stalled {name} is out of its group")
    yield 2.0
    pid = run.second(name)
    if pid is not None:
        run.signal(pid, signal.SIGCONT)
        run.done[f"stall at {fault.target}"] += 1
    yield fault.lasts_s
    run.leave(name)


def _second(run: Running, name: str) -> Steps:
    yield from _until(lambda: not run.has_second(name), f"there is one {name} alone")
    run.join(name)
    yield from _until(lambda: run.members(name) == 2, f"a second {name} is in the group")


def _until(it_is_so: Callable[[], bool], what: str) -> Steps:
    until = time.monotonic() + PATIENCE_S
    while not it_is_so():
        if time.monotonic() > until:
            raise CouldNotRun(f"waited {PATIENCE_S:g} s until {what}")
        yield LOOK_S
