CREATE OR REPLACE VIEW staff_daily AS
SELECT
    site_id,
    camera_id,
    business_day,
    staff_id,
    count() AS interactions,
    uniqExact(customer_id) AS customers,
    sum(duration_s) AS duration_s_total,
    avg(duration_s) AS duration_s_avg,
    min(started_at) AS first_at,
    max(coalesce(ended_at, confirmed_at)) AS last_at
FROM interactions
GROUP BY site_id, camera_id, business_day, staff_id
COMMENT 'How many customers did each tracked staff member serve, and for how long?'
