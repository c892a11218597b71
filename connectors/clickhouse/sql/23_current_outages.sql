CREATE OR REPLACE VIEW current_outages AS
SELECT
    t.site_id AS site_id,
    t.camera_id AS camera_id,
    t.business_day AS business_day,
    t.local_hour AS local_hour,
    t.timezone AS timezone,
    t.outage_id AS outage_id,
    t.from_at AS from_at,
    t.to_at AS to_at,
    t.reason AS reason,
    t.version AS version
FROM outages AS t FINAL
LEFT JOIN current_versions AS v USING (site_id, camera_id, business_day)
WHERE t.version = if(v.current_version = '', 'live', v.current_version)
COMMENT 'When was a camera blind, each time once?'
