"""Where mannequins stand: whoever is found in the box of one is that one, whatever their track did before.

Somebody walks past a mannequin and the tracker leaves the walker's track on it: the track has walked, and would wait
there all day. So the boxes of those who were there when the camera first looked, and showed no life, are remembered
for the day, and whom we find in one has to show life anew.
"""

from schemas.records import Track
from streams import life
from streams.covering import is_behind_any
from streams.frame import Frame
from streams.state import Mannequin, Person

STANDS_MS = 5000
"""Whoever was seen to come is alive at once; of the others most move their head within seconds."""
SAME = 0.03
"""Of the height, 5 cm: so far apart middle, upper and lower edge of two boxes of one still thing may be. Nobody stands
where it stands; whoever stands before it is lower in the picture by more."""
MANNEQUINS_MAX = 16
"""Of one camera."""


def watch(frame: Frame, person: Person, track: Track) -> None:
    """Remember a mannequin, or recognise one."""
    known = frame.state.mannequins
    if person.life == life.WALKED:
        found = _in(known, track, SAME)
        if found is not None:
            life.anew(person, track, found.top, frame.now)
    elif len(known) < MANNEQUINS_MAX and not life.lived(person) and frame.now - person.still_at >= STANDS_MS:
        one = Mannequin(person.home_x, person.top, person.home_foot)
        if (
            _in([one], track, 2 * SAME)
            and not _in(known, track, 2 * SAME)
            and not is_behind_any(track, frame.update.tracks, frame.law)
        ):
            known.append(one)


def _in(known: list[Mannequin], track: Track, share: float) -> Mannequin | None:
    """The one whose box this is."""
    most, middle = share * (track.y2 - track.y1), (track.x1 + track.x2) / 2
    for one in known:
        if abs(middle - one.x) <= most and abs(track.y2 - one.foot) <= most and abs(track.y1 - one.top) <= most:
            return one
    return None
