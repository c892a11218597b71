"""`trackfold`, as a fault run starts it when it wants more than a process: a rule broken, or a stall at a chosen place.

TRACKFOLD_CHAOS_BREAK=<rule> breaks one of BREAKS, so that it shows whether the runs would notice. TRACKFOLD_CHAOS_STALL
set: the process stops itself (SIGSTOP) at its TRACKFOLD_FAILPOINT instead of being killed there.
TRACKFOLD_CHAOS_COLOURS set: people are found by their colours. Nothing of this is in
the product: everything is put over it from here, also in processes that it starts.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

LATE_S = 30.0
"""Longer than between two of its kills: whatever was to be sent since the last one is lost."""


def break_order() -> None:
    """State is stored and the offset committed before the events are acknowledged: they are sent a while later."""
    from streams.outbox import Outbox

    publish, late = Outbox.publish, set()

    async def publish_late(self: Outbox, records: Any) -> None:
        async def later() -> None:
            await asyncio.sleep(LATE_S)
            await publish(self, records)

        if records:
            task = asyncio.create_task(later())
            late.add(task)
            task.add_done_callback(late.discard)

    Outbox.publish = publish_late  # type: ignore[method-assign]


def break_guard() -> None:
    """A connector stores and tells whatever the group's coordinator says about whose its partitions are."""
    from connectors.intake import Intake

    asked = Intake.is_ours
    Intake.is_ours = lambda self: asked(self) or bool(self._held)  # type: ignore[method-assign]


def break_key() -> None:
    """A request that is repeated has another Idempotency-Key than the first time."""
    from connectors import partner

    post, asked = partner.post, Counter[str]()

    def post_anew(http: Any, url: str, timeout_s: float, **content: Any) -> Any:
        key = content["headers"]["Idempotency-Key"]
        asked[key] += 1
        again = f"-{asked[key]}" if asked[key] > 1 else ""
        content["headers"] = content["headers"] | {"Idempotency-Key": f"{key}{again}"}
        return post(http, url, timeout_s, **content)

    partner.post = post_anew


def break_partitioner() -> None:
    """confluent's own default instead of murmur2."""
    from infra import kafka

    producer: Any = kafka.Producer
    kafka.Producer = lambda config: producer(config | {"partitioner": "consistent_random"})  # type: ignore[misc,assignment]


BREAKS: dict[str, Callable[[], None]] = {
    "order": break_order,
    "guard": break_guard,
    "key": break_key,
    "partitioner": break_partitioner,
}


def stall_at_the_failpoint() -> None:
    """SIGSTOP where the product would be killed."""
    from infra import failpoint

    class Stops:
        SIGKILL = signal.SIGSTOP

    failpoint.signal = Stops  # type: ignore[assignment]


def see_colours() -> None:
    """A detector for the drawn people of tests/chaos/shop.py, which needs no file of detections: a live camera's frames
    have no numbers that would fit one."""
    import numpy as np

    from inference import process
    from inference.detector import Detection, Image
    from tests.chaos.shop import CUSTOMERS, STAFF

    class Colours:
        name = "colours@0"

        def detect(self, frame_bgr: Image, frame_index: int = 0) -> list[Detection]:
            found = [self._of(frame_bgr, "staff", STAFF)]
            found += [self._of(frame_bgr, "customer", colour) for colour in CUSTOMERS]
            return [one for one in found if one is not None]

        def _of(self, frame: Image, role: str, colour: tuple[int, int, int]) -> Detection | None:
            is_it = np.abs(frame.astype(int) - colour).max(axis=2) < 70
            rows, columns = np.flatnonzero(is_it.sum(axis=1) > 1), np.flatnonzero(is_it.sum(axis=0) > 1)
            if not len(rows) or not len(columns):
                return None
            return Detection(role, 0.9, float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))

    process.load_detector = lambda *_, **__: Colours()  # type: ignore[assignment]


if os.environ.get("TRACKFOLD_CHAOS_COLOURS"):
    see_colours()
if broken := os.environ.get("TRACKFOLD_CHAOS_BREAK"):
    BREAKS[broken]()
if os.environ.get("TRACKFOLD_CHAOS_STALL"):
    stall_at_the_failpoint()

if __name__ == "__main__":
    import trackfold

    sys.exit(trackfold.main())
