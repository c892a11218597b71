"""How a run continues what the log holds."""

import time

import pytest
from confluent_kafka import Message
from confluent_kafka import Producer as KafkaProducer
from msgspec.structs import replace

from inference.errors import LaneError
from inference.lane import Last, Start, plan_file, topic_of_lane
from infra.partitions import partition_of
from schemas.records import Position, Producer, TrackUpdate
from schemas.topics import TRACK_UPDATES, TRACK_UPDATES_BACKFILL
from tests.unit.inference_videos import START_MS

MADE_BY = Producer(model="m@1", tracker="deepsort@1", version="1")
UPDATE = TrackUpdate(
    site_id="s",
    camera_id="cam",
    lane="live",
    stream_epoch=START_MS,
    sequence=41,
    frame_index=41,
    captured_at=START_MS + 4_100,
    published_at=START_MS,
    clock_source="pts",
    stream_state="LIVE",
    image_width=96,
    image_height=64,
    producer=MADE_BY,
)
AT = Position(stream_epoch=START_MS, sequence=41)


def plan(last: Last | None, identity: str = "a@1", start_ms: int = START_MS, producer: Producer = MADE_BY) -> Start:
    return plan_file(last, identity=identity, start_ms=start_ms, producer=producer, lane="live")


def test_an_empty_lane_is_begun() -> None:
    assert plan(None) == Start(previous=None)


def test_a_lane_whose_last_record_came_from_this_file_is_resumed_in_its_epoch() -> None:
    last = Last(UPDATE, "a@1")
    assert plan(last) == Start(previous=None, begin_at=START_MS, resume=last)


def test_a_file_that_was_interrupted_goes_on_after_it_as_a_new_epoch() -> None:
    assert plan(Last(replace(UPDATE, stream_state="INTERRUPTED"), "a@1")) == Start(AT, begin_at=UPDATE.captured_at + 1)


def test_a_file_that_ended_is_there_already() -> None:
    assert plan(Last(replace(UPDATE, stream_state="ENDED"), "a@1")) == Start(AT, done=True)


def test_a_later_file_begins_a_new_epoch_after_the_log() -> None:
    assert plan(Last(UPDATE, "a@1"), identity="b@1", start_ms=UPDATE.captured_at + 1) == Start(AT)


@pytest.mark.parametrize("source", ["b@1", None])
def test_another_file_that_begins_before_the_logs_end_is_refused_and_the_way_out_is_named(source: str | None) -> None:
    with pytest.raises(LaneError, match=r"2026-03-02T10:00:04.*--lane NAME"):
        plan(Last(UPDATE, source), start_ms=UPDATE.captured_at)


@pytest.mark.parametrize(
    ("producer", "what"),
    [(replace(MADE_BY, model="m@2"), "weights"), (replace(MADE_BY, tracker="deepsort@2"), "tracker settings")],
)
@pytest.mark.parametrize("state", ["LIVE", "INTERRUPTED", "ENDED"])
def test_other_weights_or_settings_for_the_same_file_are_refused(producer: Producer, what: str, state: str) -> None:
    last = Last(replace(UPDATE, stream_state=state), "a@1")
    with pytest.raises(LaneError, match=rf"{what}.*--lane NAME"):
        plan(last, producer=producer)


def test_a_new_version_of_the_program_resumes_all_the_same() -> None:
    last = Last(UPDATE, "a@1")
    assert plan(last, producer=replace(MADE_BY, version="2")).resume == last


def test_only_the_live_lane_is_in_the_live_topic() -> None:
    assert topic_of_lane("live") is TRACK_UPDATES
    assert topic_of_lane("trial") is TRACK_UPDATES_BACKFILL


def test_the_partition_is_the_one_that_our_producers_choose() -> None:
    """librdkafka's own mock cluster tells where its murmur2_random puts each key."""
    producer = KafkaProducer({"test.mock.num.brokers": 1, "partitioner": "murmur2_random"})
    chosen: dict[str, int] = {}

    def delivered(error: object, message: Message) -> None:
        assert error is None
        chosen[(message.key() or b"").decode()] = message.partition() or 0

    keys = [f"camera-{n}" for n in range(40)] + ["a", "ab", "abc", "kasse-süd", "till.1"]
    for key in keys:
        producer.produce("mock", key=key.encode(), value=b"x", on_delivery=delivered)
    until = time.monotonic() + 30
    while len(chosen) < len(keys) and time.monotonic() < until:
        producer.poll(0.1)
    partitions = len(producer.list_topics("mock", timeout=10).topics["mock"].partitions)
    assert partitions > 1
    assert chosen == {key: partition_of(key, partitions) for key in keys}
