"""Three questions to all stores: do they agree, what happened to one episode, is anything still under way?"""

import time
from collections.abc import Callable, Collection, Iterable

from connectors.audit import chain, settled
from connectors.audit.facts import Log
from connectors.audit.near_snapshots import planned_near
from connectors.audit.read_log import read_log, sent_again
from connectors.audit.read_near import read_near
from connectors.audit.read_stores import read_stores
from connectors.audit.reconcile import Report, reconcile
from connectors.audit.story import Story, tell
from connectors.snapshots.plan import Window, files
from connectors.snapshots.service import bounds_of, folder_of
from connectors.ways_out.dead_letters import read_letters
from infra.config import Settings
from infra.kafka import connect_codec
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.site import Site

POLL_S = 1.0
SAY_S = 5.0
NAMED_MAX = 5


class UnknownEpisode(InputError):
    """No episode, or more than one, has an id that begins so; the text names those that come near."""


def verify(settings: Settings, site: Site, *, days: Collection[str] | None = None) -> Report:
    """Reconcile all stores over the site's records, or over those of some business days.

    Meant for a pipeline at rest: what is under way shows as missing. Raises ServerErrors when a store cannot be asked.
    """
    log = read_log(settings, site, connect_codec(settings))
    planned = _planned(settings, log, site, days)
    if days is not None:
        log = log.of_days(days)
    stores = read_stores(settings, site, log, planned, days)
    if letters := [letter for letter in read_letters(settings) if not letter.republished]:
        stores.notes.append(f"{len(letters)} records that cannot be decoded: `trackfold dlq`")
    return reconcile(log, stores, site)


def episode_story(settings: Settings, site: Site, episode_id: str) -> Story:
    """Everything about one episode, given by its id or by the beginning of it.

    Raises UnknownEpisode, and ServerErrors when a store cannot be asked.
    """
    codec = connect_codec(settings)
    near = read_near(settings, site, codec, episode_id)
    log = near or _whole(settings, site, codec)
    found = resolve(episode_id, {*log.events, *log.episodes})
    record = log.events[found][0] if found in log.events else log.episodes[found]
    days, related = [record.business_day], log.related(found)
    if near is None:
        planned = _planned(settings, log, site, days)
    else:
        planned = planned_near(near, record.business_day, site, folder_of(settings, site), bounds_of(settings))
    log = log.of_episodes(related)
    stores = read_stores(settings, site, log, planned, days, related)
    broken = [d for d in chain.check(log) if d.episode_id in related]
    others = [d for d in reconcile(log, stores, site).differences if d.episode_id in related and d not in broken]
    return tell(found, log, stores, site, broken, others)


def _whole(settings: Settings, site: Site, codec: Codec) -> Log:
    log = read_log(settings, site, codec)
    log.sent_again = list(sent_again(read_letters(settings), codec))
    return log


def outstanding(settings: Settings, site: Site | None = None) -> list[str]:
    """One line for each thing that the pipeline has not finished; empty when it is settled."""
    return settled.outstanding(settings, site)


def settle(settings: Settings, *, timeout_s: float, say: Callable[[str], None], site: Site | None = None) -> list[str]:
    """Wait until nothing is under way, at most timeout_s. Gives what still is then, and says it."""
    until = time.monotonic() + timeout_s
    say_at = time.monotonic() + SAY_S
    while found := outstanding(settings, site):
        now = time.monotonic()
        if now >= until:
            say(f"after {timeout_s:g} s still under way: {_some(found)}")
            return found
        if now >= say_at:
            say(f"waiting: {_some(found)}")
            say_at = now + SAY_S
        time.sleep(min(POLL_S, until - now))
    return []


def resolve(given: str, known: Iterable[str]) -> str:
    """The one id that is `given` or begins with it. Raises UnknownEpisode, which names the nearest."""
    ids = sorted(known)
    if given in ids:
        return given
    found = [episode_id for episode_id in ids if given and episode_id.startswith(given.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownEpisode(f"{len(found)} episodes begin with {given!r}: {_some(found)}; give more of the id")
    near = sorted(ids, key=lambda i: -_shared(i, given.lower()))[:NAMED_MAX]
    there = f"the nearest are {', '.join(near)}" if near else "there is no episode of this site at all"
    raise UnknownEpisode(f"no episode begins with {given!r}; {there}")


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _planned(settings: Settings, log: Log, site: Site, days: Collection[str] | None) -> dict[str, bytes]:
    """The snapshots as the topic `episodes` says they should be."""
    window = Window(days_held=None)
    for episode in log.episodes.values():
        window.add(episode)
    return files(window, window.days() if days is None else days, site, bounds_of(settings))


def _some(lines: list[str]) -> str:
    more = f" and {len(lines) - NAMED_MAX} more" if len(lines) > NAMED_MAX else ""
    return "; ".join(lines[:NAMED_MAX]) + more
