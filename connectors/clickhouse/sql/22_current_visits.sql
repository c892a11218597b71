CREATE OR REPLACE VIEW current_visits AS
SELECT
    t.site_id AS site_id,
    t.camera_id AS camera_id,
    t.business_day AS business_day,
    t.local_hour AS local_hour,
    t.visit_id AS visit_id,
    t.customer_id AS customer_id,
    t.zone_id AS zone_id,
    t.entered_at AS entered_at,
    t.first_contact_at AS first_contact_at,
    t.left_at AS left_at,
    t.waited_s AS waited_s,
    t.served AS served,
    t.version AS version
FROM visits AS t FINAL
LEFT JOIN current_versions AS v USING (site_id, camera_id, business_day)
WHERE t.version = if(v.current_version = '', 'live', v.current_version)
COMMENT 'Which customers stayed in a service zone, each stay once?'
