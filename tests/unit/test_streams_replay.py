"""Replaying a business day: the events of the live fold, from the day's own records and the first one after it."""

from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from schemas.codec import Codec, MemoryRegistry
from schemas.errors import InputError
from schemas.ids import day_begins_ms
from schemas.records import CameraOutage, Control, InteractionEvent, TrackUpdate
from schemas.topics import CAMERA_OUTAGES, CUSTOMER_VISITS, INTERACTION_EVENTS, UNATTENDED_EVENTS
from streams.frame import Event
from streams.replay.day import DayFold, day_fold
from streams.replay.files import write
from streams.replay.run import _version
from streams.replay.unit import Unit, units
from tests.scenario import CAMERA, Folder, Scenario, after, book_of, ended, rules, zone
from tests.streams_worker import COUNTING_FOLD, POISON

RULES = rules(zones=[zone(-4.0, 3.0, 4.0, 10.0)], pairs="any")
BOOK = book_of(RULES)
CODEC = Codec(MemoryRegistry())
DAY, NEXT = "2026-03-02", "2026-03-03"
CUT = day_begins_ms(NEXT, "UTC", 240)


def around_the_cut() -> list[TrackUpdate]:
    """Two people together from 40 s before the cut of the business day to 30 s after it."""
    shop = Scenario(seconds=90, start_at=CUT - 50_000, jitter_px=0.5)
    shop.person("person", (0, 0.0, 6.0))
    shop.person("person", (0, 6.0, 9.0), (10, 1.0, 6.0), (80, 1.0, 6.0), (87, 6.0, 9.0))
    return ended(shop.log())


def unit(day: str) -> Unit:
    return units({CAMERA: RULES}, [day], "live")[0]


def folded(day: str, log: list[TrackUpdate]) -> DayFold[Any]:
    one = day_fold(unit(day), BOOK, set())
    for update in log:
        one.take(update)
    return one


def bodies(events: list[Event]) -> list[bytes]:
    return [CODEC.body(event) for event in events]


def test_each_days_replay_gives_the_live_events_of_that_day() -> None:
    # given a live fold that went over the cut of the day
    log = around_the_cut()
    live = Folder(BOOK).fold(log)
    assert {event.business_day for event in live} == {DAY, NEXT}

    # when the days are folded one by one, from nothing
    for day in (DAY, NEXT):
        replayed = folded(day, log)

        # then each has the bodies that the live fold gave it
        assert bodies(replayed.events) == bodies([event for event in live if event.business_day == day])
    assert any(
        event.close_reason == "rolled" for event in folded(DAY, log).events if isinstance(event, InteractionEvent)
    )


def test_a_day_is_over_with_the_first_record_after_it() -> None:
    log = around_the_cut()
    within = [update for update in log if update.captured_at < CUT]

    open_day, closed_day = folded(DAY, within), folded(DAY, log)

    assert (open_day.over, closed_day.over) == (False, True)
    assert open_day.records == closed_day.records == len(within)


@pytest.mark.parametrize("word", ["LOST", "INTERRUPTED", "rules"])
def test_what_the_log_says_between_two_days_is_the_old_days(word: str) -> None:
    """The watchdog's word and control records stand outside the sequence: the day is not over with them."""
    # given a camera of which is heard, after the day's end, what is no frame; the next one comes a minute later
    log = [update for update in around_the_cut() if update.captured_at < CUT]
    if word == "rules":
        order = Control(action="apply_rules", rules_version=RULES.version)
        log.append(after(log[-1], 5.0, sequence=log[-1].sequence, control=order))
    else:
        of_the_sequence = {"sequence": log[-1].sequence} if word == "LOST" else {}
        log.append(after(log[-1], 5.0, word, **of_the_sequence))  # type: ignore[arg-type]
    last = log[-1] if word == "INTERRUPTED" else log[-2]
    log.append(after(last, 60.0))
    live = Folder(BOOK).fold(log)

    # when both days are folded again
    replayed = {day: folded(day, log).events for day in (DAY, NEXT)}

    # then each says what was said live
    for day, events in replayed.items():
        assert bodies(events) == bodies([event for event in live if event.business_day == day])
    assert any(isinstance(event, CameraOutage) for event in replayed[DAY]) == (word == "LOST")


def test_records_that_come_again_and_a_neighbouring_day_change_nothing() -> None:
    log = around_the_cut()
    assert bodies(folded(NEXT, [*log[:300], *log[200:], *log[-50:]]).events) == bodies(folded(NEXT, log).events)


def test_what_is_missing_from_the_log_is_a_recorded_outage() -> None:
    log = around_the_cut()
    gap = [*log[:100], *log[200:]]

    outages = [event for event in folded(DAY, gap).events if isinstance(event, CameraOutage)]

    assert "missing" in [outage.reason for outage in outages]


def test_a_record_that_the_fold_cannot_take_ends_that_day_alone_and_says_where() -> None:
    one = DayFold(unit(DAY), BOOK, set(), COUNTING_FOLD)
    log = Scenario(seconds=5).log()
    log[20] = msgspec.structs.replace(log[20], image_width=POISON)
    for update in log:
        one.take(update)

    assert one.over
    assert one.error is not None
    assert f"{log[20].stream_epoch}:20" in one.error


def test_a_skip_is_followed_as_the_live_worker_did() -> None:
    log = Scenario(seconds=5).log()
    log[20] = msgspec.structs.replace(log[20], image_width=POISON)
    place = (CAMERA, "live", log[20].stream_epoch, 20)
    one = DayFold(unit(DAY), BOOK, {place}, COUNTING_FOLD)
    for update in [*log, after(log[-1], 0.1, "ENDED")]:
        one.take(update)

    assert one.error is None
    assert one.records == len(log)
    assert [(event.customer_id, event.waited_s) for event in one.events][-1] == (len(log), 1.0)


def test_the_files_hold_the_bodies_and_the_same_events_make_the_same_files(tmp_path: Path) -> None:
    # given the events of a day
    events = folded(DAY, around_the_cut()).events
    assert events

    # when they are written twice
    write(events, tmp_path / "one", CODEC)
    write(events, tmp_path / "two", CODEC)

    # then there is a file per topic, also without events, the same both times
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    topics = (CAMERA_OUTAGES, CUSTOMER_VISITS, INTERACTION_EVENTS, UNATTENDED_EVENTS)
    assert names == sorted(f"{topic.name}.avro" for topic in topics)
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

    # and reading them gives the bodies back
    read = []
    for topic in topics:
        assert topic.value is not None
        with (tmp_path / "one" / f"{topic.name}.avro").open("rb") as file:
            read += [CODEC.body(msgspec.convert(record, topic.value)) for record in fastavro.reader(file)]
    assert sorted(read) == sorted(bodies(events))


@pytest.mark.parametrize("name", ["live", "../elsewhere", "a b", ""])
def test_a_version_must_be_a_folder_name_of_its_own(name: str) -> None:
    with pytest.raises(InputError, match="--version"):
        _version(name)
