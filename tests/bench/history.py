"""Months of a chain of shops, made inside ClickHouse: 200 cameras of 20 sites, each day as busy as the next.

Nothing is random: the same row number gives the same row. One camera-day in twenty has a replay as well; every other
one of these is promoted, some were rolled back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

CAMERAS, SITES = 200, 20
FIRST_DAY = date(2026, 1, 1)
HAS_REPLAY = "(day_no * 7 + camera_no) % 20 = 0"


@dataclass(frozen=True)
class History:
    """How much of it there is."""

    episodes: int = 10_000_000
    days: int = 100

    @property
    def per_camera_day(self) -> int:
        """Episodes of one camera on one day; 3 visits come to 5 episodes."""
        return self.episodes // (CAMERAS * self.days)

    @property
    def last_day(self) -> date:
        """The newest business day."""
        return FIRST_DAY + timedelta(days=self.days - 1)

    def statements(self, days_at_once: int = 5) -> Iterator[str]:
        """What makes it, in the order in which the days went by.

        What is older than two days has been merged, as ClickHouse does by itself within hours (so that only what
        became of an episode is left); the last two days came in batches of every camera and were not merged since.
        """
        old = range(self.days - 2)
        for first in old[::days_at_once]:
            days = range(first, min(first + days_at_once, old.stop))
            yield self._episodes(days, "ended", "live")
            yield from self._others(days)
        for table in ("episode_log", "visits"):
            yield f"OPTIMIZE TABLE {table} FINAL"
        for day in range(old.stop, self.days):
            for piece in range(10):
                for phase in ("confirmed", "ended"):
                    yield self._episodes(range(day, day + 1), phase, "live", f"k % 10 = {piece}")
            yield from self._others(range(day, day + 1))

    def _others(self, days: range) -> Iterator[str]:
        yield self._episodes(days, "ended", "trial", HAS_REPLAY)
        yield self._visits(days)
        yield self._outages(days)
        yield self._active_versions(days)

    def _rows(self, days: range, per_camera_day: int) -> str:
        """One row per thing: where, on which day, its number there (k), a number that looks random (h)."""
        per_day = CAMERAS * per_camera_day
        return f"""
        SELECT
            number,
            intDiv(number, {per_day}) AS day_no,
            intDiv(number, {per_camera_day}) % {CAMERAS} AS camera_no,
            number % {per_camera_day} AS k,
            cityHash64(number) AS h,
            {_place()},
            toDateTime64(business_day, 3, 'UTC') + INTERVAL 8 HOUR AS opens_at
        FROM numbers({days.start * per_day}, {len(days) * per_day})"""

    def _episodes(self, days: range, phase: str, version: str, chosen: str = "1") -> str:
        known = phase == "ended"
        seen = "evidence_status IN ('available', 'partial')"
        return f"""
INSERT INTO episode_log
(
    site_id, camera_id, business_day, version, episode_id, activation, revision, rules_version, lane, timezone,
    ordinal, kind, phase, close_reason, reason, occurrence_id, opens, staff_id, customer_id, zone_id, continues,
    started_at, confirmed_at, ended_at, local_hour, duration_s, waited_s, confidence, support, distance_m_min,
    distance_m_median, distance_method, track_ids, evidence_status, evidence_reason, segment_filename,
    uploaded_filename, video_url, clip_sha256, covered_from, covered_to, cut_at, uploaded_at, incident_id,
    external_incident_id, incident_status, incident_reason, reported_at
)
WITH
    'live' AS lane,
    -- of a hundred interactions one was rolled after half an hour, and the next goes on from it
    k % 10 < 7 AS is_pair, k % 100 = 0 AS is_rolled, k % 100 = 1 AS goes_on,
    number - goes_on AS first_number,
    if(is_rolled, 1800., 15 + -log((h % 9973 + 1) / 9974.) * 90) AS lasted_s,
    addMilliseconds(opens_at, if(goes_on, cityHash64(number - 1), h) % 38000000 + 1800000 * goes_on) AS began_at,
    began_at + toIntervalSecond(if(is_pair, 15, 60)) AS known_at,
    h % 100 AS lot,
    if(h % 5 = 0, NULL, UUIDNumToString(sipHash128(number))) AS opener
SELECT
    site_id, camera_id, business_day, '{version}', UUIDNumToString(sipHash128(number)),
    {int(version == "trial")}, {7 if known else 2}, 'a1b2c3d4e5f60718', lane, 'Europe/Berlin',
    k + 1, if(is_pair, 'interaction', 'unattended'),
    {"if(lot = 99, 'retracted', 'ended')" if known else "'confirmed'"} AS phase,
    {"multiIf(is_rolled, 'rolled', is_pair, 'separated', lot % 3 = 0, 'left', 'served')" if known else "NULL"},
    if(is_pair, NULL, ['no_contact', 'no_staff', 'staff_busy'][lot % 3 + 1]),
    coalesce(opener, UUIDNumToString(sipHash128(number - 1))), opener IS NOT NULL,
    if(is_pair, bitAnd(cityHash64(day_no, camera_no, intDiv(k, 100) % 12), 0xFFFFFFFFFFFF), NULL),
    bitAnd(cityHash64('customer', first_number), 0xFFFFFFFFFFFF),
    concat('zone-', toString(lot % 3)),
    nullIf(if(goes_on, UUIDNumToString(sipHash128(number - 1)), ''), ''),
    began_at, known_at,
    {"began_at + toIntervalMillisecond(toUInt64(lasted_s * 1000))" if known else "NULL"},
    toHour(began_at, 'Europe/Berlin'),
    {"round(lasted_s, 3)" if known else "NULL"},
    if(is_pair, NULL, 60 + lot),
    0.7 + (h % 2900) / 10000, 0.6 + (h % 3900) / 10000,
    if(is_pair, 0.4 + (h % 700) / 1000, NULL), if(is_pair, round((0.8 + (h % 29) * 0.05), 2), NULL),
    if(is_pair, 'homography', NULL),
    [concat(toString(toUnixTimestamp64Milli(opens_at)), ':', toString(k * 3), ':0'),
     concat(toString(toUnixTimestamp64Milli(opens_at)), ':', toString(k * 3 + 1), ':0')],
    {"multiIf(lot < 95, 'available', lot < 97, 'partial', lot < 99, 'failed', 'ambiguous')" if known else "'pending'"}
        AS evidence_status,
    if(evidence_status = 'failed', 'the recording does not reach so far', NULL),
    if({seen}, concat('segment_', toString(k + 1), formatDateTime(began_at, '_%Y%m%d_%H%i%S', 'Europe/Berlin'),
        if(is_pair, '_interaction_start.mp4', '_unattended.mp4')), NULL),
    if({seen}, concat('prolific_upload_', toString(toUnixTimestamp(began_at) - 5), '_',
        lower(substring(hex(sipHash128(number)), 1, 6)), '.mp4'), NULL) AS object,
    if({seen}, concat('https://videos.example/shops/', object), NULL),
    if({seen}, lower(hex(SHA256(toString(number)))), NULL),
    if({seen}, began_at - INTERVAL 6 SECOND, NULL), if({seen}, known_at + INTERVAL 5 SECOND, NULL),
    if({seen}, addMilliseconds(known_at, 6000 + h % 1500), NULL) AS cut_at,
    if({seen}, addMilliseconds(cut_at, 80 + h % 900), NULL) AS uploaded_at,
    if({seen}, concat('incident_', leftPad(toString(h % 1000000000000), 12, '0')), NULL),
    if({seen}, concat('ext-', toString(number)), NULL),
    if({seen}, 'reported', NULL), NULL,
    if({seen}, addMilliseconds(uploaded_at, 60 + h % 400), NULL)
FROM ({self._rows(days, self.per_camera_day)})
WHERE {chosen}"""

    def _visits(self, days: range) -> str:
        return f"""
INSERT INTO visits
WITH
    addMilliseconds(opens_at, h % 38000000) AS came_at,
    -log((h % 9973 + 1) / 9974.) * 45 AS waited,
    h % 10 < 8 AS was_served,
    addMilliseconds(came_at, toUInt64(waited * 1000)) AS met_at
SELECT
    site_id, camera_id, business_day, 'live', UUIDNumToString(sipHash128('visit', number)), 'a1b2c3d4e5f60718',
    'live', 'Europe/Berlin', bitAnd(cityHash64('customer', number), 0xFFFFFFFFFFFF),
    concat('zone-', toString(h % 3)), came_at, if(was_served, met_at, NULL), met_at + INTERVAL 40 SECOND,
    toHour(came_at, 'Europe/Berlin'), round(waited, 3) + if(was_served, 0, 40), was_served
FROM ({self._rows(days, self.per_camera_day * 3 // 5)})"""

    def _outages(self, days: range) -> str:
        return f"""
INSERT INTO outages
WITH addMilliseconds(opens_at, h % 38000000) AS blind_at
SELECT
    site_id, camera_id, business_day, 'live', UUIDNumToString(sipHash128('outage', number)), 2, 'a1b2c3d4e5f60718',
    'live', 'Europe/Berlin', blind_at, addMilliseconds(blind_at, 3000 + h % 600000), toHour(blind_at, 'Europe/Berlin'),
    ['gap', 'interrupted', 'lost'][h % 3 + 1]
FROM ({self._rows(days, 1)})"""

    def _active_versions(self, days: range) -> str:
        """Every other camera-day that has a replay shows it; of the others, half were promoted and rolled back."""
        return f"""
INSERT INTO active_versions
SELECT site_id, camera_id, business_day, ['trial', 'live'][step], step, opens_at
FROM ({self._rows(days, 1)})
ARRAY JOIN [1, 2] AS step
WHERE {HAS_REPLAY} AND (camera_no % 4 < 2 AND step = 1 OR camera_no % 4 = 2)"""


def _place() -> str:
    return (
        f"concat('site-', leftPad(toString(camera_no % {SITES}), 2, '0')) AS site_id, "
        "concat('cam-', leftPad(toString(camera_no), 3, '0')) AS camera_id, "
        f"toDate('{FIRST_DAY}') + day_no AS business_day"
    )
