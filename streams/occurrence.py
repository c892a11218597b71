"""Episodes are facts about people; an incident is about an occurrence, which its first confirmed episode opens.

Who confirms while a member is open joins it. Members are customers who are unattended at one place (a service point
with its queues, or a service zone), or whom one staff member serves and who came together.
"""

from collections.abc import Iterable
from uuid import UUID

from schemas.windows import alert_window, cut_window
from streams.frame import Frame
from streams.state import Occurrence, Opened


def open_or_join(frame: Frame, episode: Opened, others: Iterable[Opened]) -> None:
    """Confirm an episode: it joins the occurrence of the others, or opens one when none of them has one to join.

    others: open episodes that may be about the same. A member whose [started, confirmed] the opener's clip shows needs
    none of its own.
    """
    now, longest_ms = frame.now, frame.law.occurrence_max_ms
    there = [o.occurrence for o in others if o.occurrence is not None and now - o.occurrence.opened_at <= longest_ms]
    episode.confirmed_at = now
    if not there:
        episode.occurrence = Occurrence(episode.episode_id, episode.started_at, now)
        return
    joined = max(there, key=lambda occurrence: (occurrence.opened_at, occurrence.occurrence_id))
    episode.occurrence = joined
    shown = cut_window(alert_window(joined.started_at, joined.opened_at))
    episode.own_evidence = not shown.holds(episode.started_at, now)


def id_of(episode: Opened) -> UUID | None:
    """The occurrence's id; None before the episode is confirmed."""
    return None if episode.occurrence is None else episode.occurrence.occurrence_id


def evidence_of(episode: Opened) -> UUID | None:
    """Whose clip shows it: its own or the opener's; None before it is confirmed."""
    occurrence_id = id_of(episode)
    return episode.episode_id if episode.own_evidence and occurrence_id else occurrence_id


def opens(episode: Opened) -> bool:
    """True for the episode that opened its occurrence: the one that is reported."""
    return id_of(episode) == episode.episode_id
