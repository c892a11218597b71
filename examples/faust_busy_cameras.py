"""A Faust worker that counts, per camera and day, who was left waiting, and says when it is the third one, and so on.

usage: python faust_busy_cameras.py worker -l warn --without-web
environment: BOOTSTRAP=HOST:PORT REGISTRY=URL, EVERY=3, DATA=folder for the worker's own files

Right over repetitions: the ids of a day's episodes are the state, in a table with a changelog, and an
episode that was retracted is taken out again.
"""

import json
import os
import sys
from collections.abc import AsyncIterator

import faust
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

OUT = sys.stdout  # Faust takes it for its log later
EVERY = int(os.environ.get("EVERY", "3"))
PARTITIONS = 12  # as docs/topics.md says; a table has as many as the topic it is counted from

app = faust.App(
    os.environ.get("GROUP", "busy-cameras"),
    broker=f"kafka://{os.environ['BOOTSTRAP']}",
    store="memory://",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    datadir=os.environ.get("DATA", "busy-cameras-data"),
)
events = app.topic("unattended-events", value_type=bytes, value_serializer="raw", key_serializer="raw")
waited = app.Table("waited", default=list, partitions=PARTITIONS)  # JSON; with value_type=list Faust cannot recover it
decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["REGISTRY"]}))


@app.agent(events, concurrency=1)
async def count(stream: AsyncIterator[bytes]) -> None:
    """Each event of each camera, in order."""
    async for value in stream:
        event = decode(value, None)
        if event["phase"] not in ("confirmed", "retracted") or event["lane"] != "live":
            continue
        key = f"{event['camera_id']} {event['business_day']}"
        known = waited[key]
        if (event["phase"] == "confirmed") == (event["episode_id"] in known):
            continue  # a repetition, or one that never was
        if event["phase"] == "retracted":
            waited[key] = [one for one in known if one != event["episode_id"]]
            continue
        waited[key] = [*known, event["episode_id"]]
        if len(waited[key]) % EVERY == 0:
            camera, day = event["camera_id"], event["business_day"]
            print(json.dumps({"camera": camera, "day": day, "left_waiting": len(waited[key])}), file=OUT, flush=True)


if __name__ == "__main__":
    app.main()
