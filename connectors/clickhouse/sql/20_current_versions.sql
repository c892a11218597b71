CREATE OR REPLACE VIEW current_versions AS
SELECT
    site_id,
    camera_id,
    business_day,
    argMax(version, activation) AS current_version -- live, or the replay that counts
FROM active_versions
GROUP BY site_id, camera_id, business_day
COMMENT 'Which version counts for a camera and day? No row: live.'
