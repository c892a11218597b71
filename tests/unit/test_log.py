"""Log lines for machines."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra import log as log_module
from infra.log import about, always_about, set_up

log = logging.getLogger("trackfold.test")


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What goes to standard error; the logging of the tests is put back."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    before = root.handlers[:], root.level
    root.handlers = []
    standard_error = io.StringIO()
    monkeypatch.setattr(sys, "stderr", standard_error)
    yield standard_error
    root.handlers, root.level = before
    logging.setLogRecordFactory(factory)
    log_module._everywhere.clear()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, written: io.StringIO) -> Lines:
    """What was logged as JSON."""
    monkeypatch.setenv("TRACKFOLD_LOG", "json")
    set_up()
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_what_it_is_about(lines: Lines) -> None:
    with about(camera="door"), about(episode="3f2a"):
        log.info("taken in\nand %s", "more")
    log.warning("nothing in particular")
    first, second = lines()
    assert {key: first[key] for key in ("level", "logger", "message", "camera", "episode")} == {
        "level": "info",
        "logger": "trackfold.test",
        "message": "taken in\nand more",
        "camera": "door",
        "episode": "3f2a",
    }
    assert first["at"].endswith("+00:00")
    assert set(second) == {"at", "level", "logger", "message"}


def test_an_exception_stays_in_its_line(lines: Lines) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("attempt 1")
    [line] = lines()
    assert line["exception"].endswith("ValueError: broken")


def test_a_cameras_process_says_so_from_all_of_its_threads(lines: Lines) -> None:
    always_about(camera="door")
    with ThreadPoolExecutor() as threads:
        threads.submit(log.info, "read").result()
    assert lines()[0]["camera"] == "door"


@pytest.fixture
def plain(written: io.StringIO) -> Callable[[], str]:
    """What was logged for people."""
    set_up()
    return written.getvalue


def test_people_get_plain_lines_unless_they_ask_for_json(plain: Callable[[], str]) -> None:
    with about(camera="door"):
        log.info("taken in")
    assert plain().endswith(" INFO trackfold.test: taken in\n")
