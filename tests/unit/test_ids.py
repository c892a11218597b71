"""Ids and names: the same data gives the same ones, and no name leaves its folder."""

import pytest

from schemas import ids
from schemas.records import TrackRef

STAFF, CUSTOMER = TrackRef(stream_epoch=1, track_id=2, tracklet=0), TrackRef(stream_epoch=1, track_id=9, tracklet=1)


def episode(
    staff: TrackRef | None = STAFF, customer: TrackRef = CUSTOMER, *, symmetric: bool = False, at: int = 5
) -> str:
    return ids.episode_id(
        "s", "c", "live", "interaction", staff=staff, customer=customer, started_at=at, symmetric=symmetric
    )


def test_an_episode_id_is_known_in_advance() -> None:
    assert episode() == "a5aa675b-9516-5cbb-b2a7-9590b9d23a14"
    ordered = ids.episode_id("s", "c", "live", "interaction", staff=STAFF, customer=CUSTOMER, started_at=5)
    assert ordered == episode(), "staff comes first unless it is said otherwise"
    assert episode(staff=None) == "4f4e5b97-1c94-51da-8323-0e231aa066af"


def test_visits_outages_numbers_and_incidents_are_known_in_advance() -> None:
    # whoever computes one again, in whatever release, must meet the rows and objects that carry it
    assert ids.visit_id("s", "c", "live", 7, "line", 5) == "f546e1e3-d947-5bec-b4e0-c6f6421516bc"
    assert ids.outage_id("s", "c", "live", 5) == "6b7cc99f-7b69-549c-935f-b832ead30794"
    assert ids.person_id("s", "c", "live", STAFF) == 236_128_312_091_227
    assert ids.incident_id("a5aa675b-9516-5cbb-b2a7-9590b9d23a14") == "incident_968348477496"


def test_staff_and_customer_are_not_interchangeable_but_any_two_people_are() -> None:
    assert episode(STAFF, CUSTOMER) != episode(CUSTOMER, STAFF)
    assert episode(STAFF, CUSTOMER, symmetric=True) == episode(CUSTOMER, STAFF, symmetric=True)


def test_another_start_or_tracklet_is_another_episode() -> None:
    other = TrackRef(stream_epoch=1, track_id=9, tracklet=2)
    assert len({episode(), episode(at=6), episode(customer=other), episode(staff=None)}) == 4


def test_a_person_number_has_48_bits() -> None:
    assert 0 <= ids.person_id("s", "c", "live", STAFF) < 2**48
    assert ids.person_id("s", "c", "live", STAFF) != ids.person_id("s", "c", "night", STAFF)


def test_an_incident_id_has_twelve_digits() -> None:
    # 40 bits reach a little beyond: one in eleven is brought back
    for number in range(100):
        name, _, digits = ids.incident_id(f"occurrence-{number}").partition("_")
        assert (name, len(digits), digits.isdigit()) == ("incident", 12, True)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        ("2026-03-02T03:59:59+01:00", "2026-03-01"),
        ("2026-03-02T04:00:00+01:00", "2026-03-02"),
        ("2026-03-29T03:59:59+02:00", "2026-03-28"),
        ("2026-10-25T04:00:00+01:00", "2026-10-25"),
    ],
)
def test_a_business_day_begins_at_the_cut_on_the_sites_clock(at: str, day: str) -> None:
    from datetime import datetime

    assert ids.business_day(int(datetime.fromisoformat(at).timestamp() * 1000), "Europe/Berlin", 240) == day


def test_a_business_day_may_begin_within_an_hour() -> None:
    half_past_four = 1_772_425_800_000  # 2026-03-02 04:30 UTC
    assert ids.business_day(half_past_four, "UTC", 270) == "2026-03-02"
    assert ids.business_day(half_past_four - 1, "UTC", 270) == "2026-03-01"
    assert ids.day_begins_ms("2026-03-02", "UTC", 270) == half_past_four


def test_a_day_begins_where_the_day_before_ends_also_when_the_clock_changes() -> None:
    for day in ("2026-03-28", "2026-03-29", "2026-10-25", "2026-06-01"):
        begin = ids.day_begins_ms(day, "Europe/Berlin", 240)
        assert ids.business_day(begin, "Europe/Berlin", 240) == day
        assert ids.business_day(begin - 1, "Europe/Berlin", 240) != day


def test_clip_names_are_those_the_users_systems_know() -> None:
    at = 1_761_391_890_000  # 2025-10-25 11:31:30 UTC
    assert (
        ids.segment_filename("interaction", "alert", 3, at, "UTC") == "segment_3_20251025_113130_interaction_start.mp4"
    )
    assert (
        ids.segment_filename("unattended", "alert", 4, at, "Asia/Kolkata") == "segment_4_20251025_170130_unattended.mp4"
    )
    assert (
        ids.segment_filename("interaction", "closing", 3, at, "UTC") == "segment_3_20251025_113130_interaction_end.mp4"
    )
    assert ids.segment_filename("unattended", "closing", 4, at, "UTC") == "segment_4_20251025_113130_unattended_end.mp4"


def test_an_upload_name_is_never_used_for_other_bytes() -> None:
    names = {ids.uploaded_filename(1000, episode(), part, rev) for part in ("alert", "closing") for rev in (1, 2)}
    assert len(names) == 4
    assert all(name.startswith("prolific_upload_1_") for name in names)


def test_an_upload_is_named_by_the_second_of_its_start_and_its_episode() -> None:
    name = "prolific_upload_1_a5aa67"
    assert ids.uploaded_filename(1999, episode(), "alert", 1) == f"{name}.mp4"
    assert ids.uploaded_filename(1999, episode(), "closing", 1) == f"{name}_end.mp4"
    assert ids.uploaded_filename(1999, episode(), "alert", 2) == f"{name}_r2.mp4"


@pytest.mark.parametrize("name", ["a", "a-b_c.mp4", "x" * 255])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert ids.safe_name(name) == name


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a..b", "a\x00", "a b", "x" * 256])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file name"):
        ids.safe_name(name)
