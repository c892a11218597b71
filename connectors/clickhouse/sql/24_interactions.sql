CREATE OR REPLACE VIEW interactions AS
SELECT
    site_id,
    camera_id,
    business_day,
    local_hour,
    local_start, -- When its first episode began, on the site's clock
    staff_id,
    customer_id,
    zone_id,
    service_point_id,
    started_at, -- Begin of its first episode
    confirmed_at, -- When its first episode had lasted long enough to count
    ended_at, -- End of its last episode; null while it lasts
    duration_s, -- Seconds of all its episodes together; null while it lasts
    1 AS episodes, -- How many it is made of; more than 1: it was cut after half an hour
    video_url, -- The first one's alert clip
    episode_id AS first_episode_id -- The first one's id
FROM episodes
WHERE kind = 'interaction' AND continues IS NULL AND coalesce(close_reason, '') != 'rolled'
UNION ALL
SELECT
    site_id,
    camera_id,
    business_day,
    argMin(local_hour, begun_at) AS local_hour,
    argMin(local_start, begun_at) AS local_start,
    staff_id,
    customer_id,
    argMin(zone_id, begun_at) AS zone_id,
    argMin(service_point_id, begun_at) AS service_point_id,
    min(begun_at) AS started_at,
    min(known_at) AS confirmed_at,
    if(countIf(over_at IS NULL) > 0, NULL, max(over_at)) AS ended_at,
    if(countIf(over_at IS NULL) > 0, NULL, sum(lasted_s)) AS duration_s,
    count() AS episodes,
    argMin(video_url, begun_at) AS video_url,
    argMin(episode_id, begun_at) AS first_episode_id
FROM
(
    SELECT
        *,
        sum(begins) OVER (
            PARTITION BY site_id, camera_id, business_day, staff_id, customer_id
            ORDER BY begun_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS chain
    FROM
    (
        SELECT
            site_id, camera_id, business_day, local_hour, local_start, staff_id, customer_id, zone_id, service_point_id,
            started_at AS begun_at, confirmed_at AS known_at, ended_at AS over_at, duration_s AS lasted_s, video_url,
            episode_id,
            -- a chain begins where an episode does not go on from the one before it of the same two
            continues IS NULL OR continues != lagInFrame(episode_id) OVER (
                PARTITION BY site_id, camera_id, business_day, staff_id, customer_id
                ORDER BY started_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS begins
        FROM episodes
        WHERE kind = 'interaction' AND (continues IS NOT NULL OR coalesce(close_reason, '') = 'rolled')
    )
)
GROUP BY site_id, camera_id, business_day, staff_id, customer_id, chain
COMMENT 'Which interactions were there, each once, also one that was cut after half an hour?'
