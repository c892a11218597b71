CREATE TABLE IF NOT EXISTS visits
(
    site_id LowCardinality(String) COMMENT 'The shop',
    camera_id LowCardinality(String) COMMENT 'The camera',
    business_day Date COMMENT 'Day by the site''s time zone and day cut',
    version LowCardinality(String) COMMENT 'live, or the lane or replay that the row comes from',
    version_key UInt64 MATERIALIZED cityHash64(site_id, camera_id, business_day, version) COMMENT 'The camera-day in this version as one number: by it the views find what counts',
    visit_id String COMMENT 'Made from data',
    rules_version LowCardinality(String) COMMENT 'Hash of the camera''s effective rules',
    lane LowCardinality(String) COMMENT 'live, or the name of a backfill',
    timezone LowCardinality(String) COMMENT 'The site''s time zone',
    customer_id UInt64 COMMENT 'A track''s number, not a person''s name',
    zone_id LowCardinality(String) COMMENT 'The service zone',
    entered_at DateTime64(3, 'UTC') COMMENT 'First moment in the zone',
    first_contact_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First contact with staff; null when there was none',
    left_at DateTime64(3, 'UTC') COMMENT 'Last moment in the zone',
    local_hour UInt8 COMMENT 'Hour of entered_at on the site''s clock, 0 to 23',
    waited_s Float64 COMMENT 'Seconds without staff before the first contact, or until leaving',
    served Bool COMMENT 'True when staff made contact'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(business_day)
ORDER BY (business_day, site_id, camera_id, version, visit_id)
SETTINGS fsync_after_insert = 1, min_age_to_force_merge_seconds = 21600, ttl_only_drop_parts = 1
COMMENT 'Each customer''s stay in a service zone, in every version; ask the views'
