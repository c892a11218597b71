"""A real Kafka that nobody enters without TLS and a password: one SASL_SSL listener, its certificate made here."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.config import KafkaSettings
from infra.local import kafka
from infra.local.ports import choose

USER = "trackfold"
_LISTENERS = """\
listeners=SASL_SSL://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{broker}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  username="{user}" password="{password}" user_{user}="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""
_REPLACED = ("listeners=", "advertised.listeners=", "listener.security.protocol.map=")


@dataclass(frozen=True)
class SecuredKafka:
    """Where it is, whom it trusts, and the word that opens it."""

    settings: KafkaSettings
    log: Path


@contextmanager
def secured_kafka(folder: Path, password: str) -> Iterator[SecuredKafka]:
    """Up when the block begins, gone when it ends."""
    folder.mkdir(parents=True)
    authority, ports = trustme.CA(), choose(kafka.PORTS, {}, set())
    authority.cert_pem.write_to_path(folder / "authority.pem")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    keystore = folder / "keystore.pem"
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # all that Java reads
    keystore.write_bytes(pkcs8 + b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    server = kafka.server(folder / "kafka", ports)
    (folder / "kafka").mkdir()
    server.prepare(print)
    properties = folder / "kafka" / "server.properties"
    kept = [line for line in properties.read_text().splitlines() if not line.startswith(_REPLACED)]
    listeners = _LISTENERS.format(
        broker=ports["kafka"],
        controller=ports["kafka_controller"],
        user=USER,
        password=password,
        keystore=keystore,
        authority=folder / "authority.pem",
    )
    properties.write_text("\n".join(kept) + "\n" + listeners)
    log = folder / "kafka.log"
    with log.open("wb") as out:
        process = subprocess.Popen(server.service.argv, cwd=folder / "kafka", stdout=out, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not _listens(ports["kafka"]):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.2)
        yield SecuredKafka(
            KafkaSettings(
                bootstrap_servers=f"127.0.0.1:{ports['kafka']}",
                security_protocol="SASL_SSL",
                sasl_mechanism="PLAIN",
                username=USER,
                password=password,
                ssl_ca_location=folder / "authority.pem",
            ),
            log,
        )
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _listens(port: int) -> bool:
    try:
        kafka.require_listener(port)
    except OSError:
        return False
    return True
