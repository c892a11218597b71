CREATE OR REPLACE VIEW first_contact AS
SELECT
    site_id,
    camera_id,
    zone_id,
    business_day,
    local_hour,
    count() AS visits, -- Stays in the zone that began in this hour
    countIf(first_contact_at IS NOT NULL) AS contacted, -- Those with contact to staff
    contacted / visits AS contacted_share, -- Their share of the stays, 0 to 1
    quantileExactInclusive(0.5)(dateDiff('millisecond', entered_at, first_contact_at) / 1000) AS first_contact_s_p50, -- Seconds from entering to the first contact, median of those with contact
    quantileExactInclusive(0.95)(dateDiff('millisecond', entered_at, first_contact_at) / 1000) AS first_contact_s_p95 -- Seconds that 95 % of these stay below
FROM current_visits
GROUP BY site_id, camera_id, zone_id, business_day, local_hour
COMMENT 'How soon does staff come to somebody who enters a service zone, and how often not at all?'
