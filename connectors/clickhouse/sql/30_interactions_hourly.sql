CREATE OR REPLACE VIEW interactions_hourly AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    count() AS interactions, -- How many began in this hour
    uniqExact(staff_id) AS staff, -- How many different staff tracks took part
    uniqExact(customer_id) AS customers, -- How many different customer tracks took part
    sum(duration_s) AS duration_s_total, -- Seconds of all together; those that still last do not count
    avg(duration_s) AS duration_s_avg, -- Seconds, mean
    quantileExactInclusive(0.5)(duration_s) AS duration_s_p50, -- Seconds, median
    quantileExactInclusive(0.95)(duration_s) AS duration_s_p95 -- Seconds that 95 % stay below
FROM interactions
GROUP BY site_id, camera_id, business_day, local_hour
COMMENT 'How many interactions began in each hour, and how long did they last?'
