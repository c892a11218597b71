CREATE TABLE IF NOT EXISTS outages
(
    site_id LowCardinality(String) COMMENT 'The shop',
    camera_id LowCardinality(String) COMMENT 'The camera',
    business_day Date COMMENT 'Day by the site''s time zone and day cut; outages are cut at its boundary',
    version LowCardinality(String) COMMENT 'live, or the lane or replay that the row comes from',
    version_key UInt64 MATERIALIZED cityHash64(site_id, camera_id, business_day, version) COMMENT 'The camera-day in this version as one number: by it the views find what counts',
    outage_id String COMMENT 'Made from data',
    revision UInt32 COMMENT '1 open, 2 closed',
    rules_version LowCardinality(String) COMMENT 'Hash of the camera''s effective rules',
    lane LowCardinality(String) COMMENT 'live, or the name of a backfill',
    timezone LowCardinality(String) COMMENT 'The site''s time zone',
    from_at DateTime64(3, 'UTC') COMMENT 'First blind moment',
    to_at Nullable(DateTime64(3, 'UTC')) COMMENT 'First moment seen again; null while it lasts',
    local_hour UInt8 COMMENT 'Hour of from_at on the site''s clock, 0 to 23',
    reason LowCardinality(String) COMMENT 'gap, interrupted, lost, missing, skipped, ended, displaced or blind'
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(business_day)
ORDER BY (business_day, site_id, camera_id, version, outage_id)
SETTINGS fsync_after_insert = 1, min_age_to_force_merge_seconds = 21600, ttl_only_drop_parts = 1
COMMENT 'When a camera was blind, in every version; ask the view camera_outages'
