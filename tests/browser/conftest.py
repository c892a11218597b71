"""A real browser for the console's tests: the system's Chromium, without a window."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.demo.running import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one file of tests: while it runs, no event loop of another test can."""
    with chromium() as found:
        yield found
