CREATE OR REPLACE VIEW unattended_hourly AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    uniqExactIf(customer_id, is_visit) AS customers,
    uniqExactIf(customer_id, is_visit AND waited_s >= 60) AS reached_60s,
    if(customers = 0, NULL, reached_60s / customers) AS reached_60s_share,
    if(customers = 0, NULL, quantileExactInclusiveIf(0.5)(waited_s, is_visit)) AS waited_s_p50,
    if(customers = 0, NULL, quantileExactInclusiveIf(0.95)(waited_s, is_visit)) AS waited_s_p95,
    countIf(NOT is_visit) AS unattended
FROM
(
    SELECT site_id, camera_id, business_day, local_hour, true AS is_visit, customer_id, waited_s FROM current_visits
    UNION ALL
    SELECT site_id, camera_id, business_day, local_hour, false AS is_visit, customer_id, 0 AS waited_s
    FROM episodes WHERE kind = 'unattended'
)
GROUP BY site_id, camera_id, business_day, local_hour
COMMENT 'What share of the customers waited a minute or more, how long was the wait, how many were left unattended?'
