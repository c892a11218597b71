CREATE TABLE IF NOT EXISTS episode_log
(
    site_id LowCardinality(String) COMMENT 'The shop',
    camera_id LowCardinality(String) COMMENT 'The camera',
    business_day Date COMMENT 'Day by the site''s time zone and day cut: the small hours belong to the day before',
    version LowCardinality(String) COMMENT 'live, or the replay that the row comes from',
    version_key UInt64 MATERIALIZED cityHash64(site_id, camera_id, business_day, version) COMMENT 'The camera-day in this version as one number: by it the views find what counts',
    episode_id String COMMENT 'Made from data; the same in every store',
    activation UInt32 COMMENT 'Rises with each promotion of the camera-day',
    revision UInt32 COMMENT 'Sum of the facets'' revisions; only grows',
    row_revision UInt64 MATERIALIZED bitShiftLeft(toUInt64(activation), 32) + revision COMMENT 'Orders the rows of a key by (activation, revision)',
    rules_version LowCardinality(String) COMMENT 'Hash of the camera''s effective rules',
    lane LowCardinality(String) COMMENT 'live, or the name of a backfill',
    timezone LowCardinality(String) COMMENT 'The site''s time zone',
    ordinal UInt32 COMMENT 'n-th started episode of the camera''s day',

    kind LowCardinality(String) COMMENT 'interaction or unattended',
    phase LowCardinality(String) COMMENT 'confirmed, ended or retracted',
    close_reason LowCardinality(Nullable(String)) COMMENT 'separated, left, served, interrupted, rolled, closed or end_of_stream',
    reason LowCardinality(Nullable(String)) COMMENT 'Unattended only: no_contact, no_staff or staff_busy',
    occurrence_id String CODEC(ZSTD(1)) COMMENT 'What one incident is about; several episodes may share it',
    opens Bool COMMENT 'True when the episode opened its occurrence',
    staff_id Nullable(UInt64) COMMENT 'Interaction only: a track''s number, not an employee',
    customer_id UInt64 COMMENT 'A track''s number, not a person''s name',
    zone_id LowCardinality(Nullable(String)) COMMENT 'The zone',
    service_point_id LowCardinality(Nullable(String)) COMMENT 'The service point',
    continues Nullable(String) CODEC(ZSTD(1)) COMMENT 'The rolled episode that this one goes on from',

    started_at DateTime64(3, 'UTC') COMMENT 'Interaction: first near sample. Unattended: entry or last contact',
    confirmed_at DateTime64(3, 'UTC') COMMENT 'When it had lasted long enough to count',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Last supported moment; null while it lasts',
    last_contact_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Last contact with staff before or in the episode',
    local_hour UInt8 COMMENT 'Hour of started_at on the site''s clock, 0 to 23',
    duration_s Nullable(Float64) COMMENT 'ended_at - started_at, seconds',
    waited_s Nullable(Float64) COMMENT 'Unattended only: seconds waited at confirmation',

    confidence Float64 COMMENT '0 to 1: mean detector confidence of the people',
    support Float64 COMMENT '0 to 1: share of the time that the samples support',
    distance_m_min Nullable(Float64) COMMENT 'Metres',
    distance_m_median Nullable(Float64) COMMENT 'Metres',
    distance_method LowCardinality(Nullable(String)) COMMENT 'service_point, homography or height',
    track_ids Array(String) CODEC(ZSTD(1)) COMMENT 'Raw tracks behind it, epoch:track:tracklet',

    evidence_status LowCardinality(String) COMMENT 'pending, available, partial, failed, ambiguous, expired or erased',
    evidence_reason Nullable(String) CODEC(ZSTD(1)) COMMENT 'Why it is not available',
    evidence_from Nullable(String) CODEC(ZSTD(1)) COMMENT 'The episode whose clip this is, when not its own',
    segment_filename Nullable(String) CODEC(ZSTD(1)) COMMENT 'Alert clip, in segments/<camera_id>/',
    uploaded_filename Nullable(String) CODEC(ZSTD(1)) COMMENT 'Alert clip as stored',
    video_url Nullable(String) CODEC(ZSTD(1)) COMMENT 'Alert clip''s public address',
    clip_sha256 Nullable(String) CODEC(ZSTD(1)) COMMENT 'Of the alert clip, hex',
    covered_from Nullable(DateTime64(3, 'UTC')) COMMENT 'captured_at of the alert clip''s first frame',
    covered_to Nullable(DateTime64(3, 'UTC')) COMMENT 'captured_at of the alert clip''s last frame',
    cut_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the alert clip was cut',
    uploaded_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the storage accepted the alert clip',
    closing_filename Nullable(String) CODEC(ZSTD(1)) COMMENT 'Closing clip, where the end is not in the alert clip',
    closing_uploaded_filename Nullable(String) CODEC(ZSTD(1)) COMMENT 'Closing clip as stored',
    closing_sha256 Nullable(String) CODEC(ZSTD(1)) COMMENT 'Of the closing clip, hex',

    incident_id Nullable(String) CODEC(ZSTD(1)) COMMENT 'incident_<12 digits>, one per occurrence',
    external_incident_id Nullable(String) CODEC(ZSTD(1)) COMMENT 'The incident API''s own id',
    incident_status LowCardinality(Nullable(String)) COMMENT 'reported, failed, ambiguous or suppressed; null until final',
    incident_reason Nullable(String) CODEC(ZSTD(1)) COMMENT 'Why it is not reported',
    reported_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the incident API answered'
)
ENGINE = ReplacingMergeTree(row_revision)
PARTITION BY toYYYYMM(business_day)
ORDER BY (business_day, site_id, camera_id, version, episode_id)
SETTINGS fsync_after_insert = 1, min_age_to_force_merge_seconds = 21600, ttl_only_drop_parts = 1
COMMENT 'Every revision of every episode in every version; ask the view episodes'
