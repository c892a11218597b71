"""Shares over several processes: spawned, never forked, each tells its parent what it did, and ends when that does."""

import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from infra import log
from infra.config import Settings
from schemas.errors import ExplainedError
from streams.replay.share import Share, dealt
from streams.replay.unit import Outcome
from streams.replay.work import Work
from streams.replay.working import Tell, Throttle, do_shares

STOP_S = 10.0


class ProcessFailed(ExplainedError):
    """A process of several could not go on; what it had finished is written, so call again for the rest."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


Said = int | Outcome | ProcessFailed | None
"""What a process says: what Tell takes, that it cannot go on, or (None) that it is through."""


def do(
    settings: Settings, work: Work, shares: Sequence[Share], processes: int, per_second: float | None, tell: Tell
) -> None:
    """Everything of all shares. Raises what do_shares does, or ProcessFailed."""
    hands = dealt(shares, processes)
    rate = None if per_second is None else per_second / len(hands)
    if len(hands) == 1:
        do_shares(settings, work, hands[0], tell, None if rate is None else Throttle(rate))
        return
    context = get_context("spawn")
    running: dict[Connection, BaseProcess] = {}
    try:
        for hand in hands:
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(settings, work, hand, rate, there), daemon=True)
            process.start()
            there.close()
            running[here] = process
        while running:
            for ready in connection.wait(list(running)):
                assert isinstance(ready, Connection)
                if _is_through(ready, running[ready], tell):
                    running.pop(ready).join(STOP_S)
    finally:
        _stop(list(running.values()))


def _stop(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(STOP_S)
        if process.is_alive():
            process.kill()


def _is_through(ready: Connection, process: BaseProcess, tell: Tell) -> bool:
    """Take what a process says."""
    try:
        said: Said = ready.recv()
    except EOFError:
        process.join(STOP_S)
        raise ProcessFailed(
            f"a process of the replay ended with {process.exitcode}; call again: what is finished is not done twice"
        ) from None
    if isinstance(said, ProcessFailed):
        raise said
    if said is not None:
        tell(said)
    return said is None


def _child(settings: Settings, work: Work, hand: list[Share], rate: float | None, parent: Connection) -> None:
    log.set_up()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C as well, and stops us
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do_shares(settings, work, hand, parent.send, None if rate is None else Throttle(rate))
        parent.send(None)
    except ExplainedError as error:
        parent.send(ProcessFailed(str(error), error.exit_code))
    except KeyboardInterrupt:
        pass


def _end_with_parent() -> None:
    """A parent that was killed stops nobody."""
    process = parent_process()
    assert process is not None
    process.join()
    os._exit(1)
