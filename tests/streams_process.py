"""Streams workers as processes over a real Kafka: start, watch, kill, and what they have published."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self

from confluent_kafka import TopicPartition

from infra.config import Settings
from infra.kafka import Publisher, consumer
from infra.standing import behind
from schemas.codec import Codec, R, UndecodableError
from schemas.records import TrackUpdate
from schemas.topics import TRACK_UPDATES, Topic, topic_of

ROOT = Path(__file__).parents[1]
PATIENCE_S = 240.0
"""Only a test that fails waits so long."""


class Process:
    """One worker. Its log is <data_dir>/<name>.log."""

    def __init__(
        self,
        settings: Settings,
        stack_dir: Path,
        site: Path,
        name: str,
        *,
        counting: bool = False,
        failpoint: str = "",
        lost_after_s: float = 15.0,
    ) -> None:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.log = settings.data_dir / f"{name}.log"
        argv = [sys.executable, "-m", "tests.streams_worker", "--stack", str(stack_dir)]
        argv += ["--data", str(settings.data_dir), "--group", settings.consumer_group, "--site", str(site)]
        argv += ["--counting"] if counting else []
        env = os.environ | {"TRACKFOLD_FAILPOINT": failpoint, "TRACKFOLD_LOST_AFTER_S": str(lost_after_s)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(argv, cwd=ROOT, env=env, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def text(self) -> str:
        """The log so far."""
        return self.log.read_text(errors="replace")

    def says(self, text: str) -> bool:
        """Is text in the log? Fails when the worker has ended without it."""
        if text in self.text():
            return True
        assert self._process.poll() is None, f"the worker ended with {self._process.returncode}:\n{self.text()[-3000:]}"
        return False

    def runs(self) -> bool:
        """True; fails when the worker has ended."""
        assert self._process.poll() is None, f"the worker ended with {self._process.returncode}:\n{self.text()[-3000:]}"
        return True

    def stop(self) -> tuple[int, float]:
        """SIGTERM: (exit code, seconds)."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(PATIENCE_S), time.monotonic() - began

    def killed(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        return self._process.wait(PATIENCE_S)


class Watch(Generic[R]):
    """Reads a topic from its beginning, for some cameras alone."""

    def __init__(self, settings: Settings, codec: Codec, kind: type[R], cameras: Iterable[str]) -> None:
        self._codec, self._kind, self._cameras = codec, kind, set(cameras)
        topic = topic_of(kind)
        self._by_camera = topic.key == "camera_id"
        self._consumer = consumer(settings, None)
        self._consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])
        self.bodies: list[tuple[int, bytes]] = []
        self.records: list[R] = []

    def read(self) -> list[R]:
        """Everything published until now, as far as it has come."""
        for message in self._consumer.consume(1000, timeout=0.2):
            assert message.error() is None, message.error()
            if self._by_camera and (message.key() or b"").decode() not in self._cameras:
                continue  # another test's, perhaps not even decodable
            try:
                record: Any = self._codec.decode(message.value(), self._kind)
            except UndecodableError:
                if self._by_camera:
                    raise
                continue  # another test's junk, in a topic whose key names no camera
            if record.camera_id in self._cameras:
                partition = message.partition()
                assert partition is not None
                self.records.append(record)
                self.bodies.append((partition, self._codec.body(record)))
        return self.records

    def until(self, enough: Callable[[list[R]], bool], *, workers: Sequence[Process] = ()) -> list[R]:
        """Read until there is enough, while the workers run."""
        wait_until(lambda: enough(self.read()), workers)
        return self.records

    def close(self) -> None:
        self._consumer.close()


def wait_until(done: Callable[[], bool], workers: Sequence[Process] = ()) -> None:
    """Look every 0.1 s. Fails after PATIENCE_S, or when a worker ends."""
    until = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < until, f"waited {PATIENCE_S:g} s\n" + "\n".join(w.text()[-2000:] for w in workers)
        for worker in workers:
            worker.runs()
        time.sleep(0.1)


def write_site(folder: Path, cameras: Iterable[dict[str, Any]], **more: Any) -> Path:
    """A site file with these cameras."""
    path = folder / "site.yaml"
    path.write_text(json.dumps({"site_id": "shop", "cameras": list(cameras), **more}))
    return path


def publish(settings: Settings, codec: Codec, updates: Iterable[TrackUpdate], topic: Topic = TRACK_UPDATES) -> None:
    """Append records to the log, and wait until the broker has them."""
    publisher = Publisher(settings, codec)
    for update in updates:
        publisher.publish(topic, update.camera_id, update)
    publisher.flush()


def not_taken(settings: Settings, topics: Sequence[Topic]) -> int:
    """How many records of these topics the streams worker has not committed."""
    reader = consumer(settings, "streams")
    try:
        return sum(behind(reader, topic, timeout_s=20.0) for topic in topics)
    finally:
        reader.close()
