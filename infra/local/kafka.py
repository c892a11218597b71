"""Apache Kafka in KRaft mode: one node that is broker and controller."""

import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.local import packages
from infra.local.runner import Service
from infra.local.server import HOST, Say, Server, fresh_folder, require_listener
from schemas.errors import ServerError

LABEL = f"Kafka {packages.KAFKA_VERSION}"
PORTS = ("kafka", "kafka_controller")
CHECK_TOPIC = "_trackfold_check"
"""Readiness writes and reads one record here."""

_PROPERTIES = """\
# written at each start; changes are lost
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.network.threads=2
num.io.threads=4
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.segment.bytes=134217728
log.index.size.max.bytes=2097152
log.cleaner.dedupe.buffer.size=33554432
"""


def server(folder: Path, ports: Mapping[str, int]) -> Server:
    """Kafka with its data in folder; downloads and formats at the first start."""
    broker, controller = ports["kafka"], ports["kafka_controller"]
    properties = folder / "server.properties"
    java = [
        str(packages.java()),
        "-Xms128m",
        "-Xmx400m",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        f"-XX:ErrorFile={folder}/hs_err_%p.log",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-cp",
        str(packages.kafka_dir() / "*"),
    ]

    def prepare(say: Say) -> None:
        packages.fetch_kafka(say)
        fresh_folder(folder / "tmp")
        data = folder / "data"
        properties.write_text(_PROPERTIES.format(host=HOST, broker=broker, controller=controller, data=data))
        if not (data / "meta.properties").exists():
            _format(java, properties)

    return Server(
        label=LABEL,
        port=broker,
        service=Service("kafka", [*java, "kafka.Kafka", str(properties)], cwd=str(folder), stop_s=20.0, always=True),
        prepare=prepare,
        check=lambda: check(broker),
    )


def check(port: int) -> None:
    """Write a record and read it back."""
    require_listener(port)
    common: dict[str, Any] = {"bootstrap.servers": f"{HOST}:{port}", "log_level": 0, "error_cb": lambda error: None}
    admin = AdminClient(common)
    if CHECK_TOPIC not in admin.list_topics(timeout=5).topics:
        admin.create_topics([NewTopic(CHECK_TOPIC, 1, 1, config={"retention.ms": "60000"})])[CHECK_TOPIC].result(10)
    token = uuid.uuid4().bytes
    places: list[TopicPartition] = []

    def acked(error: KafkaError | None, message: Message) -> None:
        if error is None:
            places.append(TopicPartition(CHECK_TOPIC, message.partition() or 0, message.offset() or 0))

    producer = Producer(common | {"acks": "all", "delivery.timeout.ms": 10_000})
    producer.produce(CHECK_TOPIC, token, on_delivery=acked)
    producer.flush(10)
    if not places:
        raise ConnectionError(f"{HOST}:{port} did not acknowledge a record")
    reader = Consumer(common | {"group.id": CHECK_TOPIC, "enable.auto.commit": False})
    try:
        reader.assign(places)
        message = reader.poll(10)
        if message is None:
            raise ConnectionError(f"{HOST}:{port} took a record and did not give it back within 10 s")
        error = message.error()
        if error is not None:
            raise KafkaException(error)
        if message.value() != token:
            raise ConnectionError(f"{HOST}:{port} gave back another record than it took")
    finally:
        reader.close()


def _format(java: list[str], properties: Path) -> None:
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # the tool refuses ids that begin with a dash, which it takes for an option
    command = [*java, "kafka.tools.StorageTool", "format", "-t", f"A{cluster_id[1:]}", "-c", str(properties)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout)[-500:]
        raise ServerError(f"{LABEL}: formatting {properties.parent / 'data'} failed: {said}")
