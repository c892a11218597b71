"""How long the console's pages take with a hundred thousand episodes of one shop in ClickHouse: median below 200 ms?

    python -m tests.bench.console                        makes the servers and the rows, then asks
    python -m tests.bench.console --folder /tmp/rows     keeps them there, and takes them from there the next time

Pages are asked for over HTTP, one after the other, as a browser does; what they load afterwards is listed, too.
"""

import argparse
import functools
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
from pydantic import SecretStr

from connectors.clickhouse import schema
from connectors.clickhouse.client import query
from connectors.console import service
from connectors.console.questions import QUESTIONS
from infra.config import ConsoleSettings, Settings, load_settings
from infra.kafka import ensure_topics
from infra.local.stack import down, up
from schemas.site import Site
from streams.diff_options import compared
from tests.bench.history import SITES, History
from tests.bench.queries import fill
from tests.bench.report import ROUNDS, Figure, Report, paired

LIMIT_S = 0.2
EPISODES = 100_000
TOKEN = "bench-" + "t" * 32


def paths(settings: Settings, day: str) -> dict[str, str]:
    """A name for each page, and its address."""
    found = query(
        settings,
        f"SELECT episode_id, camera_id FROM episodes WHERE site_id = 'site-00' AND business_day = '{day}' LIMIT 1",
    ).as_dicts()[0]
    episode = f"/episodes/{found['episode_id']}"
    return {
        "now": "/now",
        "a day": f"/day/{day}",
        "a camera's afternoon": f"/day/{day}?camera={found['camera_id']}&from=14:00&to=16:00",
        "an episode": f"{episode}?day={day}&camera={found['camera_id']}",
        "an episode, by its id alone": episode,
        "questions": "/questions?days=30",
        **{f"  its chart `{name}`": f"/questions/{name}?days=30&until={day}" for name in QUESTIONS},
        "failures": "/failed",
        "versions": "/versions",
        "set-up": "/setup",
    }


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.console", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--folder", type=Path, help="keep the rows here (default: gone afterwards)")
    given = parser.parse_args()
    history = History(EPISODES * SITES, 100)
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trackfold-console-")))
        is_there = folder.exists() and any(folder.iterdir())
        stack.callback(down, folder / "stack", say=print)
        up(folder / "stack", say=print)
        settings = load_settings(stack_dir=folder / "stack", data_dir=folder / "data")
        ensure_topics(settings)
        if not is_there:
            fill(settings, history)
        schema.apply(settings)
        wanted = settings.model_copy(update={"console": ConsoleSettings(port=0, operator_token=SecretStr(TOKEN))})
        cameras = [{"camera_id": f"cam-{n:03d}"} for n in range(0, 200, SITES)]
        site = Site.model_validate({"site_id": "site-00", "timezone": "Europe/Berlin", "cameras": cameras})
        path = folder / "site.yaml"
        path.write_text(f"site_id: site-00\ntimezone: Europe/Berlin\ncameras: {cameras}\n")
        address = stack.enter_context(service.serving(wanted, site, path, compared))
        browser = stack.enter_context(httpx.Client(base_url=address, timeout=30, trust_env=False))
        browser.get(f"/sign-in?token={TOKEN}")
        asked = paths(settings, history.last_day.isoformat())
        for page in asked.values():  # the first ones fill caches
            browser.get(page).raise_for_status()
        figures = paired({name: functools.partial(_ask, browser, page) for name, page in asked.items()})
    write(figures, history)


def _ask(browser: httpx.Client, page: str) -> float:
    began = time.perf_counter()
    browser.get(page).raise_for_status()
    return time.perf_counter() - began


def write(figures: dict[str, Figure], history: History) -> None:
    """The page."""
    report = Report("console", f"The console's pages with {EPISODES:,} episodes of one shop")
    report.text(
        f"{EPISODES:,} episodes of ten cameras in {history.days} days, among {history.episodes:,} of {SITES} shops in "
        "the embedded ClickHouse. Seconds until a page was there whole, the median of "
        f"{ROUNDS} rounds (lowest to highest); bound: {LIMIT_S} s. The day has {10 * history.per_camera_day:,} "
        "episodes. Failures, pictures and audit trails come by themselves after their page."
    )
    report.table(("page", "s"), [(name, figure.shown(".3f")) for name, figure in figures.items()])
    over = [name.strip() for name, figure in figures.items() if figure.median > LIMIT_S]
    report.text(f"Over the bound: {', '.join(over) or 'none'}.")
    report.write()


if __name__ == "__main__":
    main()
