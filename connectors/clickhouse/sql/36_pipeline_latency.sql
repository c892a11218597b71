CREATE OR REPLACE VIEW pipeline_latency AS
SELECT
    site_id,
    camera_id,
    business_day,
    count() AS episodes, -- Those that opened an occurrence
    quantileExactInclusive(0.5)(dateDiff('millisecond', confirmed_at, cut_at) / 1000) AS confirmed_to_clip_s_p50, -- Seconds from confirmation to the cut clip, median
    quantileExactInclusive(0.95)(dateDiff('millisecond', confirmed_at, cut_at) / 1000) AS confirmed_to_clip_s_p95, -- Seconds from confirmation to the cut clip, 95 % stay below
    quantileExactInclusive(0.5)(dateDiff('millisecond', cut_at, uploaded_at) / 1000) AS clip_to_upload_s_p50, -- Seconds from the cut clip to its upload, median
    quantileExactInclusive(0.95)(dateDiff('millisecond', cut_at, uploaded_at) / 1000) AS clip_to_upload_s_p95, -- Seconds from the cut clip to its upload, 95 % stay below
    quantileExactInclusive(0.5)(dateDiff('millisecond', uploaded_at, reported_at) / 1000) AS upload_to_incident_s_p50, -- Seconds from the upload to the accepted incident, median
    quantileExactInclusive(0.95)(dateDiff('millisecond', uploaded_at, reported_at) / 1000) AS upload_to_incident_s_p95, -- Seconds from the upload to the accepted incident, 95 % stay below
    quantileExactInclusive(0.5)(dateDiff('millisecond', confirmed_at, reported_at) / 1000) AS confirmed_to_incident_s_p50, -- Seconds from confirmation to the accepted incident, median
    quantileExactInclusive(0.95)(dateDiff('millisecond', confirmed_at, reported_at) / 1000) AS confirmed_to_incident_s_p95 -- Seconds from confirmation to the accepted incident, 95 % stay below
FROM episodes
WHERE opens
GROUP BY site_id, camera_id, business_day
COMMENT 'How long from a confirmed episode to its clip, its upload and its incident? For files confirmed_at is the footage''s time.'
