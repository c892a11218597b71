"""Why brokers or registry cannot be used: they are away (wait), or refuse us (a person corrects a setting)."""

from collections.abc import Sequence

from confluent_kafka import KafkaError

from infra.config import Settings
from schemas.errors import InputError, ServerError


class KafkaUnavailable(ServerError):
    """The brokers do not answer, or refuse us: check kafka.bootstrap_servers and the credentials."""


class KafkaRefuses(InputError):
    """The brokers do not take our name and password, or we do not trust their certificate: correct the setting."""


class RegistryRefuses(InputError):
    """The schema registry does not take our name and password: correct the setting."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(
            f"registry at {url}: it answers {status}; correct registry.username and TRACKFOLD_REGISTRY__PASSWORD"
        )


CORRECT = {
    KafkaError._AUTHENTICATION: "correct kafka.username and TRACKFOLD_KAFKA__PASSWORD",
    KafkaError._SSL: "kafka.ssl_ca_location must name who signed the brokers' certificate",
}


def no_answer(settings: Settings, heard: Sequence[KafkaError], reason: str) -> KafkaRefuses | KafkaUnavailable:
    """What to raise when a request got no answer. heard: what the client told of its connections meanwhile."""
    where = f"Kafka at {settings.kafka.bootstrap_servers}"
    for error in heard:
        if error.code() in CORRECT:
            said = error.str().partition(": ")[2].partition(" (after")[0]
            return KafkaRefuses(f"{where}: {said}; {CORRECT[error.code()]}")
    protocol = settings.kafka.security_protocol
    return KafkaUnavailable(f"no answer from {where} over {protocol}: {reason}; is it up, and is that its protocol?")
