CREATE OR REPLACE VIEW evidence_missing AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_start, -- When it began, on the site's clock
    kind,
    phase,
    evidence_status,
    evidence_reason,
    incident_status,
    incident_reason,
    segment_filename,
    video_url,
    episode_id
FROM episodes
WHERE evidence_status != 'available' OR coalesce(incident_status, 'pending') NOT IN ('reported', 'suppressed')
COMMENT 'Which episodes lack a whole clip or an accepted incident, and why?'
