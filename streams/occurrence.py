"""Episodes are facts about people; an incident is about an occurrence, which its first confirmed episode opens.

An interaction is an occurrence of its own. Customers who are unattended at one place (a service point with its queues,
or a service zone) at the same time share one: who confirms while a member is open joins it.
"""

from uuid import UUID

from schemas.windows import alert_window, cut_window
from streams.frame import Frame
from streams.state import Occurrence, Opened


def open_own(episode: Opened, now: int) -> None:
    """Confirm an episode that is an occurrence by itself."""
    episode.confirmed_at = now
    episode.occurrence_id = episode.episode_id


def open_or_join(frame: Frame, episode: Opened, place: str) -> None:
    """Confirm an episode at a place: it joins the occurrence that is open there, else it opens one.

    A member whose [started, confirmed] the opener's clip shows needs none of its own.
    """
    now, occurrences = frame.now, frame.state.occurrences
    there = occurrences.get(place)
    if there is None or now - there.opened_at > frame.law.occurrence_max_ms:
        open_own(episode, now)
        occurrences[place] = Occurrence(episode.episode_id, now, episode.started_at)
        return
    there.open_members += 1
    episode.confirmed_at = now
    episode.occurrence_id = there.occurrence_id
    shown = cut_window(alert_window(there.started_at, there.opened_at))
    episode.own_evidence = not shown.holds(episode.started_at, now)


def leave(frame: Frame, episode: Opened, place: str) -> None:
    """A member ended; the occurrence is closed when none is open."""
    there = frame.state.occurrences.get(place)
    if there is not None and there.occurrence_id == episode.occurrence_id:
        there.open_members -= 1
        if there.open_members == 0:
            del frame.state.occurrences[place]


def evidence_of(episode: Opened) -> UUID | None:
    """Whose clip shows it: its own or the opener's; None before it is confirmed."""
    return episode.episode_id if episode.own_evidence and episode.occurrence_id else episode.occurrence_id


def opens(episode: Opened) -> bool:
    """True for the episode that opened its occurrence: the one that is reported."""
    return episode.occurrence_id == episode.episode_id
