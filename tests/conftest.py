"""Fixtures for everybody: one local stack for all tests of a session."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.clickhouse import schema
from connectors.clickhouse.client import connected
from infra.config import ClickHouseSettings, Settings, load_settings
from infra.local.stack import Endpoints, down, up

# a shell starts what it sends to the background deaf to Ctrl-C, and all that we start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Markers of ours."""
    config.addinivalue_line("markers", "slow: takes seconds; left out by `make test-fast`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that other processes have work beside it."""
    items.sort(key=lambda item: item.path.parent.name != "soak")


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Endpoints]]:
    """A stack for the session; TRACKFOLD_TEST_STACK names a folder whose stack is taken instead, and left running."""
    named = os.environ.get("TRACKFOLD_TEST_STACK")
    folder = Path(named) if named else tmp_path_factory.mktemp("stack")
    yield folder, up(folder, say=print)
    if not named:
        down(folder, say=print)


@pytest.fixture(scope="session")
def stack_dir(running_stack: tuple[Path, Endpoints]) -> Path:
    """Folder of the running stack: load_settings(stack_dir=...)."""
    return running_stack[0]


@pytest.fixture(scope="session")
def stack(running_stack: tuple[Path, Endpoints]) -> Endpoints:
    """Where the servers are."""
    return running_stack[1]


@pytest.fixture
def settings(stack_dir: Path, tmp_path: Path) -> Settings:
    """Settings for the running stack with folders and consumer groups of this test alone."""
    return load_settings(stack_dir=stack_dir, data_dir=tmp_path / "data", consumer_group=f"test-{uuid.uuid4().hex[:8]}")


YOURS = "TRACKFOLD_TEST_CLICKHOUSE_"
ENGINES = ["embedded", "server"] if f"{YOURS}URL" in os.environ else ["embedded"]


def pytest_report_header() -> str:
    """Which engines the analytics are tested on."""
    hint = "" if len(ENGINES) > 1 else f" alone; {YOURS}URL (_USERNAME, _PASSWORD) adds a server of yours"
    return f"ClickHouse: {' and '.join(ENGINES)}{hint}"


@pytest.fixture(scope="module", params=ENGINES)
def clickhouse(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """Settings with an empty database of ClickHouse, in the stack's engine and in a server of yours if one is named.

    Who logs in there may make databases.
    """
    if request.param == "embedded":
        settings = load_settings(stack_dir=request.getfixturevalue("stack_dir"))
    else:
        told = {key: os.environ.get(f"{YOURS}{key.upper()}") for key in ("url", "username", "password")}
        settings = Settings(
            clickhouse=ClickHouseSettings.model_validate({k: v for k, v in told.items() if v is not None})
        )
    settings.clickhouse.database = f"test_{uuid.uuid4().hex[:8]}"
    schema.apply(settings)
    yield settings
    with connected(settings, database="default") as client:
        client.command(f"DROP DATABASE `{settings.clickhouse.database}`")


FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes what a test measured, for the end of the run: a process of xdist has no terminal of its own."""
    return request.config.stash.setdefault(FIGURES, []).append


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A process of xdist is through: its figures are ours."""
    told = getattr(node, "workeroutput", {}).get("figures", [])
    node.config.stash.setdefault(FIGURES, []).extend(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what was measured."""
    for text in config.stash.get(FIGURES, []):
        terminalreporter.write_line(text)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    """In CI nothing may be skipped: a skip there is a failure, after the summary that names it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash.get(FIGURES, [])
    yield
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
