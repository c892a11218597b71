"""Which pictures are older than the site keeps them, and which removals are not finished (pure)."""

from collections.abc import Iterator
from datetime import date, timedelta

from connectors.erase.plan import Known, Sharing
from schemas.acts import RemovalStatus

AT_ONCE = 500
"""Episodes of one camera that go in one step: what a person waits for who erases something meanwhile."""


def expired(known: Known, today: str, clips_days: int) -> Iterator[list[str]]:
    """Episodes whose pictures are older than clips_days business days, a camera's at a time, the oldest first.

    What shares a clip goes together: while one of them is not old enough, none does. today: YYYY-MM-DD.
    """
    first_kept = (date.fromisoformat(today) - timedelta(days=clips_days)).isoformat()
    removed, sharing = known.removed(), Sharing.of(known)
    places = {clip.episode_id: (clip.camera_id, clip.business_day) for clip in known.clips}
    places |= {e.episode_id: (e.camera_id, e.business_day) for e in known.episodes.values()}
    due: dict[str, list[str]] = {}
    for (camera_id, day), of_day in _by_day(places):
        if day < first_kept:
            old = [i for i in of_day if i not in removed]
            if old and all(places[i][1] < first_kept for i in sharing.group(old) if i in places):
                due.setdefault(camera_id, []).extend(old)
    for of_camera in due.values():
        yield from _some(of_camera)


def unfinished(known: Known) -> Iterator[tuple[RemovalStatus, list[str]]]:
    """Decided, and not known to be done: whoever began it was broken off."""
    due: dict[tuple[str, RemovalStatus], list[str]] = {}
    for episode_id, removal in sorted(known.removed().items()):
        if removal.finished_at is None:
            due.setdefault((removal.camera_id, removal.status), []).append(episode_id)
    for (_, status), of_camera in due.items():
        yield from ((status, some) for some in _some(of_camera))


def _by_day(places: dict[str, tuple[str, str]]) -> list[tuple[tuple[str, str], list[str]]]:
    """(camera_id, day) -> its episodes, the oldest day first."""
    found: dict[tuple[str, str], list[str]] = {}
    for episode_id in sorted(places):
        found.setdefault(places[episode_id], []).append(episode_id)
    return sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))


def _some(episode_ids: list[str]) -> Iterator[list[str]]:
    yield from (episode_ids[n : n + AT_ONCE] for n in range(0, len(episode_ids), AT_ONCE))
