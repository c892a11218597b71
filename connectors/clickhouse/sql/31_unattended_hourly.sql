CREATE OR REPLACE VIEW unattended_hourly AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    sum(came) AS customers, -- How many different customers stayed in a service zone
    sum(waited) AS reached_60s, -- Those who had no contact for 60 s or more, whatever the site's own threshold
    if(customers = 0, NULL, reached_60s / customers) AS reached_60s_share, -- Their share of the customers, 0 to 1
    max(p50) AS waited_s_p50, -- Seconds until the first contact, or until they left without, median
    max(p95) AS waited_s_p95, -- Seconds that 95 % of the waits stay below
    sum(left_alone) AS unattended -- Unattended episodes that began in this hour, also of queues, by the site's own threshold
FROM
(
    SELECT
        site_id,
        camera_id,
        business_day,
        local_hour,
        uniqExact(customer_id) AS came,
        uniqExactIf(customer_id, waited_s >= 60) AS waited,
        quantileExactInclusive(0.5)(waited_s) AS p50,
        quantileExactInclusive(0.95)(waited_s) AS p95,
        0 AS left_alone
    FROM current_visits
    GROUP BY site_id, camera_id, business_day, local_hour
    UNION ALL
    SELECT site_id, camera_id, business_day, local_hour, 0 AS came, 0 AS waited, NULL AS p50, NULL AS p95, count() AS left_alone
    FROM episodes
    WHERE kind = 'unattended'
    GROUP BY site_id, camera_id, business_day, local_hour
)
GROUP BY site_id, camera_id, business_day, local_hour
COMMENT 'What share of the customers waited a minute or more, how long was the wait, how many were left unattended?'
