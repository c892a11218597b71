CREATE OR REPLACE VIEW interactions_hourly AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    count() AS interactions,
    uniqExact(staff_id) AS staff,
    uniqExact(customer_id) AS customers,
    sum(duration_s) AS duration_s_total,
    avg(duration_s) AS duration_s_avg,
    quantileExactInclusive(0.5)(duration_s) AS duration_s_p50,
    quantileExactInclusive(0.95)(duration_s) AS duration_s_p95
FROM interactions
GROUP BY site_id, camera_id, business_day, local_hour
COMMENT 'How many interactions began in each hour, and how long did they last?'
