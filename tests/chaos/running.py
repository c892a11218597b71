"""One run while it runs: servers, relays before them, our processes and the feed."""

import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.config import Settings, load_settings
from infra.kafka import Publisher, client_settings, connect_codec, consumer, ensure_topics
from infra.local import pipeline, runner, stack
from infra.local.runner import Runner, Service
from infra.partitions import partition_of
from schemas.topics import TRACK_UPDATES
from tests.chaos.proxy import Relay
from tests.chaos.shop import FILM, Shop
from tests.connector_stack import Partner

Say = Callable[[str], None]
EVERYWHERE = {
    "TRACKFOLD_HOST": "here",
    "TRACKFOLD_S3__PUBLIC_BASE_URL": "https://videos.example/clips",
    "TRACKFOLD_UPLOAD__PUBLIC_BASE_URL": "https://videos.example/files",
    # the film is old, and its incidents are wanted all the same
    "TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0",
}
"""What must not depend on the run's folder, ports and time, so that runs can be compared."""
HONOURS = {"TRACKFOLD_INCIDENT__HONOURS_IDEMPOTENCY_KEY": "true"}
IGNORES = {"TRACKFOLD_UPLOAD__ADAPTER": "http"}
SLICE = 20
"""So many records are published at once."""
QUIET = {"log_level": 0}
"""For clients of our own: that Kafka is away is no news here."""
RELAYED = {"s3": "S3__ENDPOINT_URL", "registry": "REGISTRY__URL", "clickhouse": "CLICKHOUSE__URL"}


class Running:
    """with Running(folder, shop, ...) as run: run.feed(), faults, run.wait_for_feed(). Nothing is left running.

    honours: the incident API honours keys, and clips go to S3; else it ignores them, and clips go over HTTP. broken:
    which rule of ours the processes break (tests/chaos/process.py).
    """

    def __init__(
        self,
        folder: Path,
        shop: Shop,
        *,
        honours: bool,
        broken: str | None = None,
        env: Mapping[str, str] = MappingProxyType({}),
        say: Say,
    ) -> None:
        self._wanted = dict(env)
        self.folder, self.shop, self.honours, self._broken, self.say = folder, shop, honours, broken, say
        self.stack_dir = folder / "stack"
        self.relays: dict[str, Relay] = {}
        self.done: Counter[str] = Counter()
        """What was done to whom."""
        self.broken_off: list[tuple[str, int]] = []
        """Which part was killed or stalled, and when, ms UTC."""
        self.joined = 0
        self.stalled: set[str] = set()
        """Processes that must not be killed just now."""
        self._extra: dict[str, Runner] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            shutil.copytree(self.shop.folder / "recordings", self.folder / "recordings")
            self._stack.callback(stack.down, self.stack_dir, say=lambda _: None)
            stack.up(self.stack_dir, say=lambda _: None)
            self.settings: Settings = load_settings(stack_dir=self.stack_dir, data_dir=self.folder, host="here")
            ensure_topics(self.settings)
            connect_codec(self.settings)
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def keys(self) -> str:
        """What the APIs do with Idempotency-Keys."""
        return "honours_keys" if self.honours else "ignores_keys"

    def _start(self) -> None:
        self.partner = Partner(self.settings)
        for api in ("incident", "upload"):
            self.partner.set(api, self.keys)
        self._env = EVERYWHERE | (HONOURS if self.honours else IGNORES)
        for name, setting in RELAYED.items():
            parts = urlsplit(str(self._address(name)))
            relay = self.relays[name] = self._stack.enter_context(Relay(int(parts.port or 0)))
            self._env[f"TRACKFOLD_{setting}"] = f"http://127.0.0.1:{relay.port}{parts.path}"
        self._admin = AdminClient(client_settings(self.settings) | QUIET)
        self._film = consumer(self.settings, None, **QUIET)
        self._film.assign([TopicPartition(TRACK_UPDATES.name, partition_of(FILM, TRACK_UPDATES.partitions), 0)])
        self._stack.callback(self._film.close)
        self._worker = consumer(self.settings, "streams", **QUIET)  # asks about the group without joining it
        self._stack.callback(self._worker.close)
        self._filmed = 0
        self.runner = self._stack.enter_context(
            Runner(self.folder / "run", [self._as_here(part) for part in self._services()])
        )
        self._stack.callback(self._let_all_go)

    def _address(self, name: str) -> str | None:
        settings = self.settings
        return {
            "s3": settings.s3.endpoint_url,
            "registry": settings.registry.url,
            "clickhouse": settings.clickhouse.url,
        }[name]

    def _services(self) -> list[Service]:
        """Our processes, as `trackfold run` has them."""
        return [*pipeline.services(self.folder, self.shop.site), pipeline.inference(self.folder, self.shop.site)]

    def _as_here(self, part: Service, **stalls: str) -> Service:
        argv = list(part.argv) + (["--camera", FILM] if part.name == "infer" else [])
        env = self._env | self._wanted | stalls
        if self._broken is not None:
            env["TRACKFOLD_CHAOS_BREAK"] = self._broken
        if any(name.startswith("TRACKFOLD_CHAOS_") for name in env):
            argv[argv.index("trackfold")] = "tests.chaos.process"
        return Service(part.name, argv, env, stop_s=part.stop_s, always=part.always)

    def feed(self, over_s: float) -> None:
        """Publish the scripted records in a thread, within so many seconds, or later where Kafka takes them later."""
        self._updates = self.shop.updates()
        self._fed = 0
        self._feeding = threading.Thread(target=self._feed, args=(over_s,), name="feed", daemon=True)
        self._feeding.start()

    def _feed(self, over_s: float) -> None:
        publisher = Publisher(self.settings, connect_codec(self.settings))
        pause_s = over_s * SLICE / len(self._updates)
        for begin in range(0, len(self._updates), SLICE):
            for update in self._updates[begin : begin + SLICE]:
                publisher.publish(TRACK_UPDATES, update.camera_id, update)
            publisher.flush()
            self._fed = begin + SLICE
            time.sleep(pause_s)

    def fed(self) -> float:
        """The share of the script that is in the log."""
        return self._fed / len(self._updates)

    def is_fed(self) -> bool:
        """Is all of the script in the log, and the film read?"""
        infer = next(state for state in self.runner.states() if state.name == "infer")
        return not self._feeding.is_alive() and infer.finished

    def filmed(self) -> float:
        """The share of the film that is in the log."""
        for message in self._film.consume(5000, timeout=0.05):
            self._filmed += message.error() is None and message.key() == FILM.encode()
        return self._filmed / self.shop.film_records

    def folded(self) -> float:
        """The share of the script that is folded, as far as the worker has committed it."""
        places = [TopicPartition(TRACK_UPDATES.name, number) for number in range(TRACK_UPDATES.partitions)]
        try:
            done = sum(max(at.offset, 0) for at in self._worker.committed(places, timeout=5))
        except KafkaException:
            return 0.0
        return done / len(self._updates)

    def pid(self, name: str) -> int | None:
        """Of a process of ours, or of a server; None while it does not run."""
        states = runner.states(self.stack_dir) if name in ("kafka", "registry") else self.runner.states()
        return next(state.pid for state in states if state.name == name)

    def kill(self, name: str, pid: int) -> None:
        """SIGKILL."""
        self.breaks_off(name)
        self.signal(pid, signal.SIGKILL)
        self.done[f"kill {name}"] += 1

    def breaks_off(self, name: str) -> None:
        """Whatever a process of this part has under way is not brought to its end by it."""
        self.broken_off.append((name, time.time_ns() // 1_000_000))

    def signal(self, pid: int, number: int) -> None:
        """Also when it is gone meanwhile."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            self.say(f"  pid {pid} is gone already")

    def join(self, name: str, stall_at: str = "") -> Path:
        """Start a second process of a part. stall_at: place:times where it stops itself once; the file that is then
        there."""
        part = next(part for part in self._services() if part.name == name)
        self.joined += 1
        stalled = self.folder / f"stalled-{self.joined}"
        stalls = {"TRACKFOLD_FAILPOINT": f"{name}.{stall_at}:{stalled}", "TRACKFOLD_CHAOS_STALL": "1"}
        part = self._as_here(part, **(stalls if stall_at else {}))
        self._extra[name] = Runner(self.folder / f"run-{name}", [part])
        self._extra[name].start()
        return stalled

    def leave(self, name: str) -> None:
        """Stop the second one."""
        self._extra.pop(name).stop()

    def has_second(self, name: str) -> bool:
        """Is there a second process of the part?"""
        return name in self._extra

    def second(self, name: str) -> int | None:
        """Its pid."""
        return self._extra[name].pids().get(name)

    def members(self, name: str) -> int:
        """How many the consumer group of a part has at rest; 0 while partitions move, or Kafka does not answer."""
        group = f"{self.settings.consumer_group}-{name}"
        try:  # describe_consumer_groups() ends the process when the broker goes meanwhile (librdkafka 2.16)
            described = next(iter(self._admin.list_groups(group, timeout=5)), None)
        except KafkaException:
            return 0
        return len(described.members) if described is not None and described.state == "Stable" else 0

    def restarts(self) -> dict[str, int]:
        """How often each process of ours was started again."""
        return {state.name: state.starts - 1 for state in self.runner.states()}

    def _let_all_go(self) -> None:
        del self._admin  # before its broker goes
        for name in list(self._extra):
            self.leave(name)
        for pid in self.runner.pids().values():
            self.signal(pid, signal.SIGCONT)  # a stalled one could not stop


def camera_process(infer: int) -> int | None:
    """The process of a camera under `trackfold infer`."""
    try:
        for child in psutil.Process(infer).children():
            if "resource_tracker" not in " ".join(child.cmdline()):
                return child.pid
    except psutil.NoSuchProcess:  # also one that has just ended
        pass
    return None


def limit_file_size(pid: int, size_bytes: int) -> None:
    """No file of this process may grow beyond (Linux): what a full disk does, for one process alone. -1: no limit."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, (size_bytes, psutil.RLIM_INFINITY))
