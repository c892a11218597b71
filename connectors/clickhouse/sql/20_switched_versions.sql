CREATE OR REPLACE VIEW switched_versions AS
SELECT arrayJoin([
    cityHash64(site_id, camera_id, business_day, 'live'),
    cityHash64(site_id, camera_id, business_day, current_version)
]) AS version_key
FROM current_versions
WHERE current_version != 'live'
COMMENT 'Of which camera-days is live hidden, and what is shown instead? One set, so that a promotion is seen wholly or not.'
