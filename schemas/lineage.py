"""Who is who, by the raw tracks behind an episode's people. Pure."""

from collections.abc import Iterable

from schemas.records import Lineage, TrackRef

RawTrack = tuple[int, int]
"""(stream_epoch, track_id), however the track was cut into tracklets."""


def same_people(one: Lineage, other: Lineage) -> bool:
    """Do both have raw tracks in common, each of the people? Which of two is staff may have changed; an unattended
    customer is alone.
    """
    staff, customer = _raw(one.staff), _raw(one.customer)
    others_staff, others_customer = _raw(other.staff), _raw(other.customer)
    straight = customer & others_customer and (staff & others_staff or not (staff or others_staff))
    return bool(straight or (staff & others_customer and customer & others_staff))


def _raw(refs: Iterable[TrackRef]) -> set[RawTrack]:
    return {(ref.stream_epoch, ref.track_id) for ref in refs}
