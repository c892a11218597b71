"""Prints a line for every customer who is left waiting: a consumer with nothing of ours but the .avsc file.

usage: python waiting_alert.py --bootstrap HOST:PORT --registry URL [--group NAME] [--stop-after N]

Exactly one line per episode, also over restarts: the offset is committed after the line is printed, and what is
repeated is known by its episode_id, which this example keeps in a file.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

TOPIC = "unattended-events"
SCHEMA = Path(__file__).parents[1] / "schemas" / "avro" / "unattended_event.avsc"


def main() -> int:
    """Read until --stop-after lines are printed, or for ever."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--bootstrap", required=True)
    options.add_argument("--registry", required=True)
    options.add_argument("--group", default="waiting-alert")
    options.add_argument("--seen", type=Path, default=Path("waiting_alert.seen"), help="episode ids already told")
    options.add_argument("--stop-after", type=int, metavar="N", help="end after N lines (default: never)")
    given = options.parse_args()

    # our copy of the schema is the reader's: fields that are added later do not disturb us
    decode = AvroDeserializer(SchemaRegistryClient({"url": given.registry}), SCHEMA.read_text())
    consumer = Consumer(
        {
            "bootstrap.servers": given.bootstrap,
            "group.id": given.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([TOPIC])
    seen = set(given.seen.read_text().split()) if given.seen.exists() else set()
    told = 0
    try:
        while given.stop_after is None or told < given.stop_after:
            message = consumer.poll(1.0)
            if message is None:
                continue
            if message.error():
                print(f"waiting_alert: {message.error()}", file=sys.stderr)
                return 1
            event = decode(message.value(), None)
            if event["phase"] == "confirmed" and event["episode_id"] not in seen:
                alert = event["alert"]
                since = datetime.fromtimestamp(event["started_at"] / 1000, UTC)
                print(
                    json.dumps(
                        {
                            "camera": event["camera_id"],
                            "where": alert["location"],
                            "waiting_since": since.isoformat(timespec="seconds"),
                            "waited_s": alert["waited_s"],
                            "why": event["reason"],
                            "episode_id": event["episode_id"],
                        }
                    ),
                    flush=True,
                )
                with given.seen.open("a") as file:
                    file.write(event["episode_id"] + "\n")
                seen.add(event["episode_id"])
                told += 1
            consumer.commit(message, asynchronous=False)
    except KeyboardInterrupt:
        return 130
    finally:
        consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
