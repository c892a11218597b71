"""The hash of a record can be computed by anybody from its canonical JSON."""

import hashlib
from pathlib import Path

from schemas.hashing import canonical, hash_of, sealed, sha256_of_file
from schemas.records import IncidentReported
from tests.connector_records import clip


def an_incident(**change: object) -> IncidentReported:
    values: dict[str, object] = {
        "incident_id": "incident_000000000001",
        "episode_id": "e",
        "occurrence_id": "o",
        "site_id": "café",
        "camera_id": "door",
        "lane": "live",
        "business_day": "2026-03-02",
        "facet_revision": 1,
        "status": "reported",
        "image": "",
        "payload_sha256": "00",
        "reported_at": 1,
        "attempts": 1,
        "hash": "",
    }
    return IncidentReported(**(values | change))  # type: ignore[arg-type]


def test_canonical_json_has_sorted_keys_no_blanks_its_letters_as_they_are_and_nothing_that_was_observed() -> None:
    assert canonical(an_incident()).decode() == (
        '{"business_day":"2026-03-02","camera_id":"door","episode_id":"e","facet_revision":1,"image":"",'
        '"incident_id":"incident_000000000001","lane":"live","occurrence_id":"o","payload_sha256":"00",'
        '"site_id":"café","status":"reported"}'
    )


def test_nulls_are_left_out_at_any_depth_and_empty_lists_are_not() -> None:
    text = canonical(clip()).decode()
    assert "null" not in text
    assert '"lineage":{"customer":[' in text
    assert '"gaps":[]' in text


def test_the_hash_is_the_sha_256_of_that_and_does_not_contain_itself() -> None:
    record = an_incident()
    assert hash_of(record) == hashlib.sha256(canonical(record)).hexdigest()
    assert hash_of(sealed(record)) == sealed(record).hash == hash_of(record)


def test_a_file_is_hashed_by_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"\r\nmoov\x00" * 1000)
    assert sha256_of_file(file) == hashlib.sha256(b"\r\nmoov\x00" * 1000).hexdigest()
