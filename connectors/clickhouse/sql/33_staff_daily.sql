CREATE OR REPLACE VIEW staff_daily AS
SELECT
    site_id,
    camera_id,
    business_day,
    staff_id,
    count() AS interactions, -- How many
    uniqExact(customer_id) AS customers, -- With how many different customer tracks
    sum(duration_s) AS duration_s_total, -- Seconds of all together
    avg(duration_s) AS duration_s_avg, -- Seconds, mean
    min(started_at) AS first_at, -- Begin of the first one
    max(coalesce(ended_at, confirmed_at)) AS last_at -- End of the last one
FROM interactions
GROUP BY site_id, camera_id, business_day, staff_id
COMMENT 'How many customers did each tracked staff member serve, and for how long?'
