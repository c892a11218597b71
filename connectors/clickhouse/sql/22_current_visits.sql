CREATE OR REPLACE VIEW current_visits AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    visit_id,
    customer_id,
    zone_id,
    entered_at,
    first_contact_at,
    left_at,
    waited_s,
    served,
    version
FROM visits FINAL
WHERE (version = 'live') != (version_key IN (SELECT version_key FROM switched_versions))
COMMENT 'Which customers stayed in a service zone, each stay once?'
