CREATE OR REPLACE VIEW camera_outages AS
WITH
    -- every time zone's hours begin at a quarter of an hour in UTC, so that a quarter lies in one local hour
    toStartOfFifteenMinutes(from_at) AS first_quarter,
    coalesce(to_at, least(now64(3, 'UTC'), from_at + INTERVAL 1 DAY)) AS until_at,
    arrayJoin(range(toUInt32(ceil(greatest(0, dateDiff('millisecond', first_quarter, until_at)) / 900000)))) AS quarter,
    addMinutes(first_quarter, 15 * quarter) AS quarter_at,
    dateDiff('millisecond', greatest(from_at, quarter_at), least(until_at, addMinutes(quarter_at, 15))) AS blind_ms
SELECT
    site_id,
    camera_id,
    business_day,
    toUInt8(formatDateTime(quarter_at, '%H', timezone)) AS local_hour, -- Hour on the site's clock, 0 to 23
    sum(blind_ms) / 1000 AS blind_s, -- Seconds of this hour without a picture
    uniqExact(outage_id) AS outages, -- How many outages fell into this hour
    arraySort(groupUniqArray(reason)) AS reasons -- Why: gap, interrupted, lost, missing, skipped, ended, displaced or blind
FROM current_outages
GROUP BY site_id, camera_id, business_day, local_hour
COMMENT 'For how many seconds of each hour was a camera blind? No episodes then is not an empty shop.'
