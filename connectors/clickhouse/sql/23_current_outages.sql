CREATE OR REPLACE VIEW current_outages AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    timezone,
    outage_id,
    from_at,
    to_at,
    reason,
    version
FROM outages FINAL
WHERE (version = 'live') != (version_key IN (SELECT version_key FROM switched_versions))
COMMENT 'When was a camera blind, each time once?'
