CREATE TABLE IF NOT EXISTS active_versions
(
    site_id LowCardinality(String) COMMENT 'The shop',
    camera_id LowCardinality(String) COMMENT 'The camera',
    business_day Date COMMENT 'The day',
    version LowCardinality(String) COMMENT 'Counts for this camera and day from this activation on',
    activation UInt32 COMMENT 'Rises with each promotion or rollback of the camera-day',
    activated_at DateTime64(3, 'UTC') COMMENT 'When somebody decided so'
)
ENGINE = ReplacingMergeTree
ORDER BY (site_id, camera_id, business_day, activation)
SETTINGS fsync_after_insert = 1
COMMENT 'Which version counts; a camera-day without a row here: live'
