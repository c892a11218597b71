"""A pipeline that runs for a simulated day: what is started, looked at now and then, and hurt."""

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import psutil
from confluent_kafka import KafkaException

from infra.config import load_settings
from infra.kafka import connect_codec, consumer, ensure_topics, read_to_end
from infra.local import pipeline, stack
from infra.local.runner import Runner, states
from infra.standing import behind
from schemas.records import Episode
from schemas.topics import EPISODES, INCIDENTS, INTERACTION_EVENTS, TRACK_UPDATES, UNATTENDED_EVENTS
from tests.soak.verdict import Sample

UNCHANGING = {"TRACKFOLD_INCIDENT__ALERT_MAX_AGE_S": "0"}
"""The day is an old one, and its incidents are wanted all the same."""
FOLDERS = ("recordings", "segments", "stack", "run")


class Running:
    """with Running(folder, site) as run: servers and all parts. Nothing is left running. cameras: inference too."""

    def __init__(self, folder: Path, site: Path, *, cameras: bool = False) -> None:
        self._folder, self._site, self._stack, self._cameras = folder, site, ExitStack(), cameras
        self.killed: list[str] = []

    def __enter__(self) -> Self:
        stack_dir = self._folder / "stack"
        try:
            self._stack.callback(stack.down, stack_dir, say=lambda _: None)
            stack.up(stack_dir, say=lambda _: None)
            self.settings = load_settings(stack_dir=stack_dir, data_dir=self._folder)
            ensure_topics(self.settings)
            connect_codec(self.settings)
            self._reader = consumer(self.settings, "streams", log_level=0)
            self._stack.callback(self._reader.close)
            services = pipeline.services(self._folder, self._site, UNCHANGING)
            if self._cameras:
                infer = pipeline.inference(self._folder, self._site, UNCHANGING)
                self._infer = self._stack.enter_context(Runner(self._folder / "run-infer", [infer]))
            self._runner = self._stack.enter_context(Runner(self._folder / "run", services))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def lag(self) -> int:
        """Records that are in the log and not folded. Raises KafkaException while Kafka is away."""
        return behind(self._reader, TRACK_UPDATES, timeout_s=20)

    def look(self, hours: float) -> Sample:
        """Memory, lag and disk at this moment."""
        # a part may be called like the server that it fills
        servers = {f"{s.name} server": s.pid for s in states(self._folder / "stack") if s.pid is not None}
        parts = self._runner.pids() | (self._infer.pids() if self._cameras else {})
        memory = {(name, pid): _memory_mb(pid) for name, pid in (servers | parts).items()}
        disk = {name: _disk_mb(self._folder / name) for name in FOLDERS}
        try:
            lag = self.lag()
        except KafkaException:
            lag = -1
        return Sample(hours, lag, {life: mb for life, mb in memory.items() if mb}, disk)

    def stop_cameras(self) -> None:
        """Their streams end as at Ctrl-C."""
        self._infer.stop()

    def hurt(self, random: Random) -> str:
        """Kill one of the parts; the runner starts it again. Its name."""
        name, pid = random.choice(sorted(self._runner.pids().items()))
        os.kill(pid, signal.SIGKILL)
        self.killed.append(name)
        return name

    def episodes(self) -> list[Episode]:
        """The newest word on each, but for those taken back."""
        codec, newest = connect_codec(self.settings), dict[str, Episode]()
        for message in read_to_end(self.settings, EPISODES):
            episode: Episode = codec.decode(message.value(), EPISODES.value)
            newest[episode.episode_id] = episode
        return [episode for episode in newest.values() if episode.phase != "retracted"]

    def latencies_s(self) -> list[float]:
        """From each confirmed event in the log to its incident in the log, sorted."""
        codec, confirmed, reported = connect_codec(self.settings), dict[str, int](), dict[str, int]()
        for topic in (INTERACTION_EVENTS, UNATTENDED_EVENTS, INCIDENTS):
            for message in read_to_end(self.settings, topic):
                record, at = codec.decode(message.value(), topic.value), message.timestamp()[1]
                if topic is INCIDENTS:
                    reported.setdefault(record.occurrence_id, at)
                elif record.phase == "confirmed":
                    confirmed.setdefault(record.occurrence_id, at)
        return sorted((reported[key] - at) / 1000 for key, at in confirmed.items() if key in reported)


def _memory_mb(pid: int) -> float:
    """Resident, with its children; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(p.memory_info().rss for p in [process, *process.children(recursive=True)]) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _disk_mb(folder: Path) -> float:
    """What its files say that they hold."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # removed meanwhile
                total += Path(root, name).stat().st_size
    return total / 1e6
